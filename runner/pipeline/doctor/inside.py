"""What a session tells of its host: clock, rights, language mode, versions, quotas, and how fast it answers.

Administrators are known by their SID in the caller's own token, which PowerShell keeps in $PSSenderInfo
(PowerShell/PowerShell, PSSenderInfo.cs: UserInfo is a PSPrincipal with a WindowsIdentity, whose Groups are enabled
ones only). Quotas: the WSMan: drive; their defaults are those of [MS-WSMV] 2.2.4.42 and of lab/host.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from time import monotonic
from types import MappingProxyType
from typing import Any

from runner.model.command import Reply, ReplyState, Statement, command
from runner.model.inventory import Connection, Endpoint
from runner.model.value import EnumValue, PSObject, Value
from runner.modules.base import Facts, Requires, errors_of
from runner.modules.reading import Wanted, read_all
from runner.modules.setup import Setup
from runner.pipeline.doctor.findings import Check, Finding, Sheet, Verdict
from runner.pipeline.doctor.way import clock, our_time
from runner.transport.base import Session

_TIMEOUT = 60.0  # seconds for one pipeline
_ADMINISTRATORS = "S-1-5-32-544"  # domain.md 9: the group's name is localised
_MODULE = "ExchangeOnlineManagement 3.1.0"
_LEAST_POWERSHELL = "5.1"  # domain.md 4.3
_LEAST_DOTNET, _ADVISED_DOTNET = (
    461308,
    461808,
)  # 4.7.1 by the older text, 4.7.2 by the current one (domain.md 3.3, 4.3)
_SHELL = "WSMan:\\localhost\\Shell\\"
_QUOTAS: Mapping[str, int] = MappingProxyType(
    {
        f"{_SHELL}MaxShellsPerUser": 30,
        f"{_SHELL}MaxMemoryPerShellMB": 1024,
        "WSMan:\\localhost\\MaxEnvelopeSizekb": 500,
    }
)
_PING: Statement = (command("Write-Output", InputObject="ce-runner"),)
_TIME: Statement = (
    command("Get-CimInstance", ClassName="Win32_OperatingSystem", Property=("LocalDateTime",)),
    command("Select-Object", Property=("LocalDateTime",)),
)
_GROUPS: Statement = (
    command("Get-Variable", Name="PSSenderInfo", ValueOnly=True),
    *(command("ForEach-Object", MemberName=name) for name in ("UserInfo", "WindowsIdentity", "Groups", "Value")),
)
_LANGUAGE: Statement = (
    command("Get-Variable", Name="ExecutionContext", ValueOnly=True),
    *(command("ForEach-Object", MemberName=name) for name in ("SessionState", "LanguageMode")),
)
_METHOD: Statement = (
    command("Get-Item", LiteralPath="HKLM:\\SOFTWARE"),
    command("ForEach-Object", MemberName="GetValueNames"),
)


def statements() -> tuple[Statement, ...]:
    """Everything that is asked here beside the facts of `setup`."""
    return (_PING, _TIME, _GROUPS, _LANGUAGE, _METHOD, *map(_quota, _QUOTAS))


def _quota(path: str) -> Statement:
    return (command("Get-Item", LiteralPath=path), command("Select-Object", Property=("Name", "Value")))


def look_around(session: Session, connection: Connection, sheet: Sheet) -> Facts:
    """Enter what the session tells; the facts of the host. Errors: those of Session.read."""
    began = monotonic()
    session.read((_PING,), _TIMEOUT)
    seconds = monotonic() - began
    _, time, groups, language, method, *quotas = session.read(statements(), _TIMEOUT)
    (facts,) = read_all(
        [Wanted(Setup(), Setup().gathering(Setup.names))], lambda asked: session.read(asked, Setup.timeout)
    )
    assert isinstance(facts, Facts)  # what a fact module finds
    if not sheet.knows(Check.CLOCK):
        _clock(connection, sheet, time)
    _rights(sheet, groups)
    _language(connection, sheet, language, method)
    _powershell(sheet, session.powershell or facts.values.get("ansible_powershell_full_version"))
    _dotnet(sheet, facts)
    _quotas(sheet, dict(zip(_QUOTAS, quotas, strict=True)))
    sheet.ok(Check.ROUND_TRIP, f"{seconds * 1000:.0f} ms for one pipeline")
    return facts


def _only(reply: Reply) -> Value:
    """The one output of a statement that ended well; None for any other answer."""
    return reply.outputs[0] if reply.state is ReplyState.DONE and len(reply.outputs) == 1 else None


def _why(reply: Reply) -> str:
    if reply.errors and all(error.id.startswith("CommandNotFoundException") for error in reply.errors):
        return "the endpoint does not show the command that would tell it"
    return errors_of(reply) or "the host did not answer"


def _clock(connection: Connection, sheet: Sheet, reply: Reply) -> None:
    """By Win32_OperatingSystem, where the HTTP answer told no date."""
    found = _only(reply)
    moment = found.get("LocalDateTime") if isinstance(found, PSObject) else None
    if isinstance(moment, datetime) and moment.tzinfo is not None:
        clock(connection, sheet, moment.astimezone(UTC) - our_time())
    else:
        sheet.not_checked(Check.CLOCK, f"could not tell: {_why(reply)}")


def _rights(sheet: Sheet, reply: Reply) -> None:
    if reply.state is not ReplyState.DONE or not reply.outputs:
        sheet.not_checked(Check.RIGHTS, f"let in, but could not tell whether as an administrator: {_why(reply)}")
    elif _ADMINISTRATORS in reply.outputs:
        sheet.ok(Check.RIGHTS, f"administrator ({_ADMINISTRATORS} is in the token)")
    else:
        seen = f"no administrator ({_ADMINISTRATORS} is not in the token)"
        fix = "most modules need one: make the account a member, or, if it is a local one, see that its token is whole"
        sheet.enter(Finding(Check.RIGHTS, Verdict.FAILED, seen, fix + " (LocalAccountTokenFilterPolicy)"))


def _language(connection: Connection, sheet: Sheet, language: Reply, method: Reply) -> None:
    """The engine's word for it, and whether the methods that our modules call can be called (design section 3)."""
    mode = _only(language)
    word = mode.text if isinstance(mode, EnumValue) else ""
    works = method.state is ReplyState.DONE and not method.errors
    if works:
        sheet.ok(Check.LANGUAGE, f"{word or 'an ordinary session'}: methods can be called")
        return
    seen = f"{word or 'a restricted session'}: no methods can be called ({_why(method)})"
    if connection.endpoint is not Endpoint.FULL:
        sheet.ok(Check.LANGUAGE, f"{seen}; the inventory says {connection.endpoint}")
        return
    fix = (
        "name a configuration without restrictions (ansible_psrp_configuration_name), or set ce_runner_endpoint to"
        " what this one is, and use only tasks that it allows"
    )
    sheet.enter(Finding(Check.LANGUAGE, Verdict.WARNING, seen, fix))


def _powershell(sheet: Sheet, version: Any) -> None:
    if version is None:
        sheet.not_checked(Check.POWERSHELL, "the host does not say which one it has")
    elif Requires(_LEAST_POWERSHELL).unmet(str(version)):
        fix = f"install Windows Management Framework 5.1: {_MODULE} needs it"
        sheet.enter(Finding(Check.POWERSHELL, Verdict.FAILED, str(version), fix))
    else:
        sheet.ok(Check.POWERSHELL, str(version))


def _dotnet(sheet: Sheet, facts: Facts) -> None:
    release, version = (facts.values.get(f"ansible_dotnet_{name}") for name in ("release", "version"))
    if not isinstance(release, int):
        reason = facts.unreadable.get("ansible_dotnet_release", "the host did not answer")
        sheet.not_checked(Check.DOTNET, f"could not tell: {reason}")
        return
    seen = f"{version} (Release {release})" if release else "older than 4.5"
    fix = f"install .NET Framework 4.7.2 or later: {_MODULE} needs it"
    if release >= _ADVISED_DOTNET:
        sheet.ok(Check.DOTNET, seen)
    elif release >= _LEAST_DOTNET:
        sheet.enter(Finding(Check.DOTNET, Verdict.WARNING, f"{seen}, which older documentation allows", fix))
    else:
        sheet.enter(Finding(Check.DOTNET, Verdict.FAILED, seen, fix))


def _quotas(sheet: Sheet, replies: Mapping[str, Reply]) -> None:
    """Any quota that can be read is told; one below Windows' own default is worth a word."""
    values = {path: number for path, reply in replies.items() if (number := _number(reply)) is not None}
    if not values:
        sheet.not_checked(Check.QUOTAS, f"could not be read: {_why(next(iter(replies.values())))}")
        return
    seen = ", ".join(f"{path.rpartition(chr(92))[2]} {number}" for path, number in values.items())
    low = [path for path, number in values.items() if 0 < number < _QUOTAS[path]]  # 0 is no limit
    if low:
        fix = "; ".join(f"Windows has {_QUOTAS[path]} by default: raise {path}" for path in low)
        sheet.enter(Finding(Check.QUOTAS, Verdict.WARNING, seen, fix))
    else:
        unread = ", ".join(path.rpartition(chr(92))[2] for path in replies if path not in values)
        sheet.ok(Check.QUOTAS, seen + (f"; not readable: {unread}" if unread else ""))


def _number(reply: Reply) -> int | None:
    """The drive gives every setting as text."""
    found = _only(reply)
    value = found.get("Value") if isinstance(found, PSObject) else None
    return int(value) if isinstance(value, str) and value.isdecimal() else None
