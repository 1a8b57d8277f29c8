"""Session configurations: which commands a session shows, in which form, and whether it takes scripts.

Facts: findings E1 to E3 of `groundtruth/pwsh76/README.md` and the cases endpoint.*; domain.md section 10. The Exchange
endpoint (domain.md 7.2) is not recorded: it shows Exchange's cmdlets, and no other command of Windows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from psrpcore.types import ErrorCategory

from runner.lab.cmdlet import Cmdlet, Session
from runner.lab.cmdlets.objects import ALL_SETS, MeasureObject
from runner.lab.cmdlets.select import SelectObject
from runner.lab.cmdlets.session import GetCommand
from runner.lab.commands import find_command, find_exchange_command, is_unsimulated, signature_of
from runner.lab.errors import Failure, Terminating, not_simulated
from runner.lab.signature import InSet, Parameter, Signature, Traits, Version, read_signature

SessionType = Literal["default", "restricted_remote_server", "exchange"]
Language = Literal["full", "no_language"]

# What Select-Object's proxy takes as -Property (endpoint.restricted-getcommand-whole).
_COLUMNS = (
    *("ModuleName", "Namespace", "OutputType", "Count", "HelpUri", "Name", "CommandType", "ResolvedCommandName"),
    *("DefaultParameterSet", "CmdletBinding", "Parameters"),
)
_PIPED = Traits(pipeline="value")


@dataclass(frozen=True, slots=True)
class VisibleParameter:
    """A parameter of a restricted cmdlet, its values restricted to a set or to a pattern for the whole value."""

    name: str
    choices: tuple[str, ...] = ()
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class VisibleCmdlet:
    """A cmdlet that a restricted session shows; with `parameters`, no others can be used."""

    name: str
    parameters: tuple[VisibleParameter, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A command as a session shows it; a function that stands for a cmdlet binds by a signature of its own."""

    command: type[Cmdlet]
    signature: Signature
    unsimulated: frozenset[str]
    is_function: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One session configuration."""

    session_type: SessionType = "default"
    language: Language = "full"
    visible_cmdlets: tuple[VisibleCmdlet, ...] = ()
    visible_providers: tuple[str, ...] = ()

    @property
    def takes_scripts(self) -> bool:
        return self.session_type == "default" and self.language == "full"

    @property
    def shows_all_commands(self) -> bool:
        return self.session_type == "default"

    @property
    def providers(self) -> frozenset[str] | None:
        """The providers of its sessions, case-folded; None: all."""
        if self.session_type == "default" and not self.visible_providers:
            return None
        return frozenset(name.casefold() for name in self.visible_providers)

    def find(self, name: str, version: Version) -> Entry | None:
        """The command that a name stands for here; None where there is none.

        Raises Terminating for one that only the lab does not have.
        """
        if self.session_type == "default":
            return _ordinary(name, version)
        if self.session_type == "exchange":
            return _exchange(name, version)
        return self._restricted(name, version)

    def _restricted(self, name: str, version: Version) -> Entry | None:
        if "\\" in name:
            return None  # E2: not even a visible proxy is found by its module-qualified name
        proxy = _PROXIES.get(name.casefold())
        if proxy is not None:
            return _proxy(proxy, version)
        if name.casefold() in _OTHER_PROXIES:
            raise Terminating(not_simulated(f"{name} of a restricted session"))
        visible = next((one for one in self.visible_cmdlets if one.name.casefold() == name.casefold()), None)
        found = None if visible is None else _ordinary(visible.name, version)
        return _limited(found, visible.parameters) if visible and found and visible.parameters else found


def script_refused(session: Session, script: str) -> Terminating:
    """The error of a session without language that is given a script (E1)."""
    message = session.say("ScriptsNotAllowed")
    category = ErrorCategory.ParserError
    return Terminating(Failure("ScriptsNotAllowed", category, "ParseException", message, script, wrapped=True))


def _ordinary(name: str, version: Version) -> Entry | None:
    command = find_command(name, version)
    if command is not None:
        is_function = version < command.cmdlet_since
        return Entry(command, signature_of(command, version), command.unsimulated, is_function)
    if is_unsimulated(name):
        raise Terminating(not_simulated(f"the command {name}"))
    return None


def _exchange(name: str, version: Version) -> Entry | None:
    """Names that Windows does not know may be one of Exchange's other cmdlets."""
    command = find_exchange_command(name)
    if command is not None:
        return Entry(command, signature_of(command, version), command.unsimulated)
    if name.casefold() in _PROXIES or name.casefold() in _OTHER_PROXIES:
        raise Terminating(not_simulated(f"{name} in the Exchange endpoint"))
    if find_command(name, version) is None and not is_unsimulated(name):
        raise Terminating(not_simulated(f"the command {name}"))
    return None


@dataclass(frozen=True, slots=True)
class _Proxy:
    """A function of restricted sessions that takes the place of a cmdlet and has fewer parameters."""

    command: type[Cmdlet]
    syntax: str
    traits: Mapping[str, Traits]
    unsimulated: frozenset[str] = frozenset()


_ALL_PROXIES = (
    _Proxy(
        SelectObject,
        "[[-Property] <String[]>] [-InputObject] <Object>",
        MappingProxyType({"Property": Traits(choices=_COLUMNS), "InputObject": _PIPED}),
    ),
    _Proxy(MeasureObject, "[-InputObject] <Object>", MappingProxyType({"InputObject": _PIPED})),
    _Proxy(
        GetCommand,
        "[[-Name] <String[]>] [-Module <String[]>] [-ArgumentList <Object[]>] [-CommandType <CommandTypes>] "
        "[-ListImported] [-ShowCommandInfo]",
        MappingProxyType({}),
        frozenset({"Module", "ArgumentList", "CommandType", "ListImported", "ShowCommandInfo"}),
    ),
)
_PROXIES = MappingProxyType(
    {name.casefold(): proxy for proxy in _ALL_PROXIES for name in (proxy.command.name, *proxy.command.aliases)}
)
_OTHER_PROXIES = frozenset(
    {"clear-host", "cls", "clear", "exit-pssession", "exsn", "exit", "get-formatdata", "get-help", "out-default"}
)


def _proxy(proxy: _Proxy, version: Version) -> Entry:
    signature = read_signature({ALL_SETS: proxy.syntax}, proxy.traits, ALL_SETS, version[:2])
    return Entry(proxy.command, signature, proxy.unsimulated, is_function=True)


def _limited(entry: Entry, visible: tuple[VisibleParameter, ...]) -> Entry:
    """The function around a cmdlet with listed parameters: they take no position and no pipeline input (E3)."""
    named = {one.name.casefold(): one for one in visible}
    if any(parameter.common and parameter.name.casefold() in named for parameter in entry.signature.parameters):
        raise Terminating(not_simulated("a cmdlet that a common parameter in its list has broken (E3)"))
    everywhere = {ALL_SETS: InSet(mandatory=False, position=None)}
    kept = tuple(
        _restricted_parameter(parameter, named.get(parameter.name.casefold()), everywhere)
        for parameter in entry.signature.parameters
        if parameter.common or parameter.name.casefold() in named
    )
    by_name = {name.casefold(): parameter for parameter in kept for name in parameter.names()}
    signature = Signature(kept, (ALL_SETS,), ALL_SETS, by_name, {ALL_SETS: ()})
    return Entry(entry.command, signature, entry.unsimulated, is_function=True)


def _restricted_parameter(
    parameter: Parameter, visible: VisibleParameter | None, sets: Mapping[str, InSet]
) -> Parameter:
    restricted = replace(parameter, sets=sets, by_value=False, by_name=False, remaining=False)
    if visible is None:
        return restricted
    pattern = f"^({visible.pattern})$" if visible.pattern else ""
    return replace(restricted, choices=visible.choices or parameter.choices, pattern=pattern)


FULL = Endpoint()
