"""The session configurations of a host, as a scenario describes them."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, field_validator

from runner.lab.endpoints import Endpoint, Language, SessionType, VisibleCmdlet, VisibleParameter


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ParameterSpec(_Strict):
    """A parameter of a restricted cmdlet: any value, or one of a set, or one that a pattern matches as a whole."""

    validate_set: tuple[str, ...] = ()
    validate_pattern: str = ""

    @field_validator("validate_pattern")
    @classmethod
    def _is_a_pattern(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
        return pattern


class EndpointSpec(_Strict):
    """One session configuration, in the words of its .pssc file (domain.md 10).

    `visible_cmdlets: {Get-Service: {}, Set-Service: {Name: {validate_set: [Spooler]}, StartupType: {}}}`: without
    parameters all of them can be used. `exchange` is the endpoint of an Exchange server, at the path /PowerShell.
    """

    session_type: SessionType = "default"
    language: Language = "full"
    visible_cmdlets: dict[str, dict[str, ParameterSpec]] = {}
    visible_providers: tuple[str, ...] = ()

    def endpoint(self) -> Endpoint:
        visible = (
            VisibleCmdlet(
                name,
                tuple(
                    VisibleParameter(parameter, limits.validate_set, limits.validate_pattern)
                    for parameter, limits in parameters.items()
                ),
            )
            for name, parameters in self.visible_cmdlets.items()
        )
        return Endpoint(self.session_type, self.language, tuple(visible), self.visible_providers)

    @property
    def path(self) -> str:
        """Where it answers: the last part of the URL."""
        return "PowerShell" if self.session_type == "exchange" else "wsman"
