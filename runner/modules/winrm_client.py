r"""The settings of Windows' own WinRM client: `winrm_client`. What the machine answers as a server is never touched.

Ansible has no module for it, so the name and the arguments are ours. Facts: domain.md 3.4; the WSMan provider's
behaviour is that of its source (PowerShell, `Microsoft.WSMan.Management/ConfigProvider.cs`): values are text, every
error is a WsManError, and the list of trusted hosts is set only with -Force.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from runner.model.command import Reply, Statement, command
from runner.model.state import Desired, Held, State, Unreadable
from runner.modules.base import Arguments, Implied, Impossible, Irreversible, Round, Shown, StateModule
from runner.modules.registry import MODULE as REGISTRY
from runner.modules.registry import identity
from runner.modules.winrm_client_reading import (
    BY_GROUP_POLICY,
    LOCAL,
    POLICY,
    POLICY_KEY,
    SETTINGS,
    SOURCE,
    STORE,
    VALUE,
    Setting,
    conclude,
    hosts,
    next_round,
)

_ANY_ERROR = "WsManError"  # all that the provider says; the code is in no part of the record
_NO_SUCH_VALUE = "System.Management.Automation.PSArgumentException"  # of Remove-ItemProperty (reg-rip)


class WinrmClientArguments(Arguments):
    basic: bool | None = Field(None, description="Basic authentication may be used")
    digest: bool | None = Field(None, description="Digest authentication may be used")
    kerberos: bool | None = Field(None, description="Kerberos authentication may be used")
    negotiate: bool | None = Field(None, description="Negotiate authentication may be used")
    certificate: bool | None = Field(None, description="Client certificates may be used")
    credssp: bool | None = Field(None, description="CredSSP authentication may be used")
    allow_unencrypted: bool | None = Field(None, description="Unencrypted traffic is allowed")
    trusted_hosts: str | None = Field(
        None, description="Hosts that need not prove who they are: a list, or text with commas; '' is none"
    )
    network_delay_ms: int | None = Field(None, ge=0, le=0xFFFFFFFF, description="Milliseconds allowed for the network")

    @field_validator("trusted_hosts", mode="before")
    @classmethod
    def _joined(cls, given: object) -> object:
        if isinstance(given, str):
            return ",".join(hosts(given))
        if not isinstance(given, (list, tuple)):
            return given
        if not all(isinstance(one, str) and "," not in one for one in given):
            raise PydanticCustomError("trusted_hosts", "a list of names is wanted, each a text without commas")
        return ",".join(hosts(",".join(given)))

    @model_validator(mode="after")
    def _names_something(self) -> WinrmClientArguments:
        if all(getattr(self, name) is None for name in SETTINGS):
            raise PydanticCustomError(
                "winrm_client", "name at least one setting: {names}", {"names": ", ".join(SETTINGS)}
            )
        return self


class WinrmClient(StateModule[WinrmClientArguments]):
    name = "winrm_client"
    summary = "Settings of Windows' own WinRM client; each that is named is one part"
    notes = (
        "These are the settings with which this machine connects to others (`WSMan:\\localhost\\Client`). What it "
        "allows those who connect to it, the runner among them, is not touched.",
        "A setting that a Group Policy owns cannot be changed (0x8033808A): the task is held until the owner acts, "
        "or is as wanted if the policy gives the wanted value.",
        "Basic authentication was needed for Exchange Online's remote PowerShell, which has ended; the module for "
        "REST (3.0.0 and later) does without.",
    )
    examples = """\
- name: No Basic authentication, and two hosts that are trusted
  winrm_client:
    basic: false
    trusted_hosts: [server01, '*.contoso.com']
"""
    arguments = WinrmClientArguments
    # The value in the registry is kept by WinRM in its own way; what acts is proven.
    volatile = frozenset({LOCAL})

    def parts(self, arguments: WinrmClientArguments) -> tuple[WinrmClientArguments, ...]:
        named = [name for name in SETTINGS if getattr(arguments, name) is not None]
        return tuple(
            arguments.model_copy(update={other: None for other in SETTINGS if other != name}) for name in named
        )

    def key(self, arguments: WinrmClientArguments) -> str:
        return _setting(arguments).path

    def shown(self, arguments: WinrmClientArguments) -> Shown:
        return Shown("winrm client", _setting(arguments).path)

    def read(self, wanted: Sequence[WinrmClientArguments], rounds: Sequence[Round]) -> tuple[Statement, ...]:
        return next_round([_setting(arguments) for arguments in wanted], rounds)

    def observe(
        self, wanted: Sequence[WinrmClientArguments], rounds: Sequence[Round]
    ) -> tuple[State | Unreadable, ...]:
        return conclude([_setting(arguments) for arguments in wanted], rounds)

    def desired(self, arguments: WinrmClientArguments, before: State) -> Desired | Impossible | Held:
        setting, now, wish = _setting(arguments), before.properties[VALUE], _wanted(arguments)
        if setting.is_same(now, wish):
            return Desired(True, {VALUE: now})
        policy = before.properties[POLICY]
        if before.properties[SOURCE] == BY_GROUP_POLICY or policy is not None:
            values = "none of its values is known" if policy is None else str(policy)
            return Held(
                f"{setting.path} is {now!r} by policy ({POLICY_KEY.shown}: {values}) and cannot be set (0x8033808A)",
                "Group Policy",
            )
        return Desired(True, {VALUE: wish})

    def implied(self, arguments: WinrmClientArguments, desired: Desired) -> tuple[Implied, ...]:
        """WinRM keeps it in the registry: a registry task may contradict it."""
        setting, wish = _setting(arguments), _wanted(arguments)
        kind, data = ("string", wish) if isinstance(wish, str) else ("dword", int(wish))
        kept = Desired(True, {"type": kind, "data": data})
        return (Implied(REGISTRY, identity(STORE, setting.stored), kept),)

    def write(self, arguments: WinrmClientArguments, before: State) -> tuple[Statement, ...]:
        return (_set(_setting(arguments), _wanted(arguments)),)

    def judge(self, statement: Statement, reply: Reply) -> str | None:
        failure = super().judge(statement, reply)
        ids = [error.name for error in reply.errors]
        if statement[0].name == "Remove-ItemProperty" and ids and set(ids) == {_NO_SUCH_VALUE}:
            return None  # WinRM has taken the value away by itself
        if failure and any(error.category == "PermissionDenied" for error in reply.errors):
            return f"{failure}; the account may not change it: it has to be an administrator of the host"
        if failure and _ANY_ERROR in ids:
            return (
                f"{failure}; the error has no code of its own: a Group Policy may own this setting, or one beside it, "
                "by now (0x8033808A), or the account is no administrator of the host"
            )
        return failure

    def undo(
        self, arguments: WinrmClientArguments, before: State, after: State
    ) -> tuple[Statement, ...] | Irreversible:
        """To the value that was, so that it acts at once; if it was only a default, its value goes again as well."""
        setting, now = _setting(arguments), before.properties[VALUE]
        back = _set(setting, now if isinstance(now, (bool, int, str)) else "")
        if before.properties[LOCAL] is not None:
            return (back,)
        return (back, (command("Remove-ItemProperty", LiteralPath=STORE.literal, Name=setting.stored),))


def _setting(arguments: WinrmClientArguments) -> Setting:
    """The setting that a part is about."""
    return next(setting for name, setting in SETTINGS.items() if getattr(arguments, name) is not None)


def _wanted(arguments: WinrmClientArguments) -> bool | int | str:
    given: list[bool | int | str | None] = [getattr(arguments, name) for name in SETTINGS]
    return next(value for value in given if value is not None)


def _set(setting: Setting, value: bool | int | str) -> Statement:
    """-Force: without it the list of trusted hosts is asked about, and nobody answers."""
    return (command("Set-Item", LiteralPath=setting.path, Value=value, Force=True),)
