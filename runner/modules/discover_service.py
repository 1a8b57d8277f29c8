"""Finds the one service that a product runs as, and says its name: `discover_service`. Only reads.

Neither name nor display name of the Cloud Extender's service is documented (domain.md 2): an operator names it, or it
is found by what its names and its path look like. That a path below Program Files (x86) means a 32-bit program is the
same section's hint, not a proof.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from runner.model.command import Reply, ReplyState, Statement, command
from runner.model.state import Desired, State, Unreadable
from runner.model.value import PSObject
from runner.modules.base import Arguments, Impossible, Irreversible, Round, Shown, StateModule, why_unread
from runner.modules.registry import fold

_COLUMNS = ("Name", "DisplayName", "PathName", "StartName")
_SEARCHED = ("Name", "DisplayName", "PathName")
# What .NET, which runs a pattern, and Python, which checks it, write differently; escapes and sets are stepped over.
_GROUP = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?P|\(\?<(?![=!])", re.DOTALL)
_FOUND = "found"  # of what is not one service: the names of those that were found


class DiscoverServiceArguments(Arguments):
    pattern: str = Field(
        "MaaS360|Fiberlink|Cloud ?Extender",
        description="A regular expression that the service's name, display name or path matches, in any case",
    )
    name: str | None = Field(None, description="The name, where the operator knows it: then exactly this service")
    variable: str = Field("ce_service_name", description="The variable that an operator sets to name the service")

    @field_validator("pattern")
    @classmethod
    def _is_pattern(cls, pattern: str) -> str:
        try:
            re.compile(_GROUP.sub(_in_python, pattern))
        except re.error as error:
            raise PydanticCustomError("pattern", "no regular expression: {reason}", {"reason": str(error)}) from None
        if not pattern:
            raise PydanticCustomError("pattern", "an empty pattern matches every service")
        return pattern


class DiscoverService(StateModule[DiscoverServiceArguments]):
    name = "discover_service"
    summary = "Finds the one service that a product runs as; its registered before.name serves later tasks"
    notes = (
        "None or several services are an error that names the variable to set, and what was found.",
        "bitness is a hint from the path: 32-bit below Program Files (x86), unknown elsewhere.",
    )
    examples = """\
- name: The service of the Cloud Extender
  discover_service:
    name: "{{ ce_service_name | default(none) }}"
  register: ce_service

- name: It runs
  win_service:
    name: "{{ ce_service.before.name }}"
    state: started
"""
    arguments = DiscoverServiceArguments

    def key(self, arguments: DiscoverServiceArguments) -> str:
        return fold(arguments.name) if arguments.name else f"/{arguments.pattern}/"

    def shown(self, arguments: DiscoverServiceArguments) -> Shown:
        return Shown("service", arguments.name or f"like {arguments.pattern}")

    def read(self, wanted: Sequence[DiscoverServiceArguments], rounds: Sequence[Round]) -> tuple[Statement, ...]:
        return () if rounds else tuple(one for arguments in wanted for one in _questions(arguments))

    def observe(
        self, wanted: Sequence[DiscoverServiceArguments], rounds: Sequence[Round]
    ) -> tuple[State | Unreadable, ...]:
        replies = iter(rounds[0].replies)
        return tuple(_state([next(replies) for _ in _questions(arguments)]) for arguments in wanted)

    def desired(self, arguments: DiscoverServiceArguments, before: State) -> Desired | Impossible:
        if before.exists:
            return Desired(True)
        if arguments.name:
            return Impossible(f"there is no service {arguments.name}: correct {arguments.variable}")
        found = before.properties.get(_FOUND)
        several = f"several services match: {', '.join(found)}" if isinstance(found, tuple) else "no service matches"
        return Impossible(f"{several} ({arguments.pattern}); set {arguments.variable} to the name of the right one")

    def write(self, arguments: DiscoverServiceArguments, before: State) -> tuple[Statement, ...]:
        return ()

    def undo(
        self, arguments: DiscoverServiceArguments, before: State, after: State
    ) -> tuple[Statement, ...] | Irreversible:
        return ()


def _in_python(piece: re.Match[str]) -> str:
    """A piece of a pattern as Python writes it. Errors: re.error, for what only Python writes so."""
    if piece[0] == "(?P":
        raise re.error("a named group is written (?<name>...)")
    return "(?P<" if piece[0] == "(?<" else piece[0]


def _questions(arguments: DiscoverServiceArguments) -> tuple[Statement, ...]:
    """By name; or one for each property that is searched, since Where-Object compares one, and all are 200 services."""
    read = command("Get-CimInstance", ClassName="Win32_Service", Property=_COLUMNS)
    columns = command("Select-Object", Property=_COLUMNS)
    if arguments.name:
        return ((read, command("Where-Object", Property="Name", EQ=True, Value=arguments.name), columns),)
    return tuple(
        (read, command("Where-Object", Property=searched, Match=True, Value=arguments.pattern), columns)
        for searched in _SEARCHED
    )


def _state(replies: Sequence[Reply]) -> State | Unreadable:
    unread = next((reply for reply in replies if reply.state is not ReplyState.DONE or reply.errors), None)
    if unread is not None:
        return Unreadable(f"services: {why_unread(unread)}")
    objects = [one for reply in replies for one in reply.outputs if isinstance(one, PSObject)]
    services = {fold(str(one.get("Name"))): one for one in objects}
    if len(services) > 1:
        shown = (f"{one.get('Name')!s} ({one.get('DisplayName')!s})" for one in services.values())
        return State(False, {_FOUND: tuple(sorted(shown))})
    return _one(*services.values()) if services else State(False)


def _one(service: PSObject) -> State:
    path = str(service.get("PathName") or "")
    return State(
        True,
        {
            "name": str(service.get("Name")),
            "display_name": str(service.get("DisplayName") or ""),
            "path": path,
            "start_account": str(service.get("StartName") or ""),
            "bitness": "32-bit" if "\\program files (x86)\\" in path.casefold() else "unknown",
        },
    )
