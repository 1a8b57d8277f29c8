r"""Environment variables of the machine and of the account: `win_environment`.

Argument names and meanings are Ansible's (ansible.windows, win_environment). A variable is a registry value of one of
two keys (.NET's EnvironmentVariableTarget), read and written as `win_regedit` does; a text with references to others
(REG_EXPAND_SZ) stays one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from runner.model.command import Statement
from runner.model.state import Desired, Held, State, Unreadable
from runner.modules.base import Arguments, Implied, Impossible, Irreversible, Round, Shown, StateModule
from runner.modules.registry import MODULE
from runner.modules.win_regedit import RegeditArguments, WinRegedit

_KEYS = MappingProxyType(
    {"machine": r"HKLM:\SYSTEM\CurrentControlSet\Control\Session Manager\Environment", "user": r"HKCU:\Environment"}
)
_REGEDIT = WinRegedit()
_TEXTS = ("string", "expandstring")


class EnvironmentArguments(Arguments):
    decided_by = MappingProxyType({"value": frozenset({"state", "name"}), "name": frozenset({"variables"})})

    level: Literal["machine", "user"] = Field(description="user is the account that the session belongs to")
    name: str | None = Field(None, description="The variable")
    value: str | None = Field(None, description="Its value; may not be empty, which would remove it")
    variables: dict[str, str | None] | None = Field(
        None, description="Instead of name and value: several ones; an empty value removes the variable"
    )
    state: Literal["present", "absent"] = Field("present", description="Whether it is to be there")

    @field_validator("level", mode="before")
    @classmethod
    def _outlives_the_session(cls, level: object) -> object:
        if level == "process":
            raise PydanticCustomError("process_level", "process ends with the session and is not managed")
        return level

    @model_validator(mode="after")
    def _names_variables(self) -> EnvironmentArguments:
        if (self.name is None) == (self.variables is None):
            raise PydanticCustomError("environment_name", "win_environment wants one of name and variables")
        if self.variables is not None and (self.state == "absent" or self.value is not None):
            raise PydanticCustomError("environment_name", "with variables each value says whether it is to be there")
        if self.name is not None and self.state == "present" and not self.value:
            raise PydanticCustomError("environment_value", "value: a text that is not empty is wanted, or state absent")
        if any("=" in name or not name for name in self.variables or (self.name or "",)):
            raise PydanticCustomError("environment_name", "a variable's name is not empty and holds no =")
        return self


def _value(arguments: EnvironmentArguments, before: State | None = None) -> RegeditArguments:
    """The registry value that one variable is, of the kind that it has where that is a text's."""
    assert arguments.name is not None
    kind = before.properties.get("type") if before is not None else None
    return RegeditArguments.model_validate(
        {
            "path": _KEYS[arguments.level],
            "name": arguments.name,
            "type": kind if kind in _TEXTS else "string",
            "data": arguments.value,
            "state": arguments.state,
        }
    )


class WinEnvironment(StateModule[EnvironmentArguments]):
    name = "win_environment"
    aliases = ("ansible.windows.win_environment",)
    summary = "Environment variables of the machine or the account"
    notes = (
        "A change acts in processes that begin later: a new session has it, what runs already has not.",
        "A service sees a variable of the machine only after Windows has restarted.",
        "level user is the account of the session, not the one that somebody else works with.",
        "A value with references such as %SystemRoot% stays one that is expanded, if it was before.",
    )
    examples = """\
- name: A proxy for programs that look for one
  win_environment:
    level: machine
    name: HTTPS_PROXY
    value: "http://proxy.contoso.com:8080"

- name: Two variables, one of them no more
  win_environment:
    level: machine
    variables:
      CONTOSO_SITE: tokyo
      CONTOSO_OLD: ""
"""
    arguments = EnvironmentArguments

    def parts(self, arguments: EnvironmentArguments) -> tuple[EnvironmentArguments, ...]:
        if arguments.variables is None:
            return (arguments,)
        return tuple(_single(arguments, arguments.variables, name) for name in arguments.variables)

    def key(self, arguments: EnvironmentArguments) -> str:
        return _REGEDIT.key(_value(arguments))

    def shown(self, arguments: EnvironmentArguments) -> Shown:
        return Shown("environment", arguments.level, arguments.name or "")

    def read(self, wanted: Sequence[EnvironmentArguments], rounds: Sequence[Round]) -> tuple[Statement, ...]:
        return _REGEDIT.read([_value(arguments) for arguments in wanted], rounds)

    def observe(
        self, wanted: Sequence[EnvironmentArguments], rounds: Sequence[Round]
    ) -> tuple[State | Unreadable, ...]:
        return _REGEDIT.observe([_value(arguments) for arguments in wanted], rounds)

    def desired(self, arguments: EnvironmentArguments, before: State) -> Desired | Impossible | Held:
        return _REGEDIT.desired(_value(arguments, before), before)

    def implied(self, arguments: EnvironmentArguments, desired: Desired) -> tuple[Implied, ...]:
        """The registry value that it is, and the key of that."""
        value = _value(arguments)
        return (Implied(MODULE, _REGEDIT.key(value), desired), *_REGEDIT.implied(value, desired))

    def promise(self, arguments: EnvironmentArguments, before: State, desired: Desired) -> State:
        return _REGEDIT.promise(_value(arguments, before), before, desired)

    def write(self, arguments: EnvironmentArguments, before: State) -> tuple[Statement, ...]:
        return _REGEDIT.write(_value(arguments, before), before)

    def undo(
        self, arguments: EnvironmentArguments, before: State, after: State
    ) -> tuple[Statement, ...] | Irreversible:
        return _REGEDIT.undo(_value(arguments, before), before, after)

    def over(
        self, arguments: EnvironmentArguments, before: State, earlier: Sequence[tuple[EnvironmentArguments, State]]
    ) -> State:
        return _REGEDIT.over(_value(arguments), before, [(_value(other), after) for other, after in earlier])


def _single(arguments: EnvironmentArguments, variables: Mapping[str, str | None], name: str) -> EnvironmentArguments:
    value = variables[name] or None
    state = "present" if value else "absent"
    return arguments.model_copy(update={"variables": None, "name": name, "value": value, "state": state})
