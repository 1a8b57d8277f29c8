"""What every simulated cmdlet is made of: its place in the session, its bound parameters, and what it can write.

A cmdlet is a class whose `begin`, `process` and `end` are generators, called as PowerShell calls BeginProcessing,
ProcessRecord and EndProcessing. What they yield is handled by the engine in that order: an `Emit` goes to the next
command of the pipe before the cmdlet goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from psrpcore.types import ErrorCategory

from runner.lab.enums import ActionPreference
from runner.lab.environment import process_environment
from runner.lab.errors import Failure, Raiser, Terminating
from runner.lab.machine import Machine
from runner.lab.messages import Record
from runner.lab.module_copy import LoadedModule
from runner.lab.module_paths import VARIABLE, module_path
from runner.lab.network import Tls, spoken_tls
from runner.lab.signature import Traits, Version
from runner.lab.syntax import Function
from runner.lab.text import say
from runner.lab.values import ClrList, ClrObject
from runner.lab.variables import Variables


@dataclass(slots=True)
class Session:
    """One PowerShell process: the machine it runs on and what lives as long as the process.

    `find_command` gives the CommandInfo object of a command, None for one that does not exist, and raises Terminating
    for one that only the lab does not have. `errors` is $Error; `functions` are those that scripts and modules have
    defined, by case-folded name; `modules` are loaded, in this order; `once` keeps what a process reads only once, such
    as group policy; `user` is the account, without its domain. `variables_as_items` are those that a provider has
    shown, by case-folded name, with the name it showed: the object keeps the provider's notes (provider.variable-get).
    `ends_at_errors`: a terminating error ends a script whole, not only its statement. `succeeded` is $?; `failing`: the
    running statement had an error. `tls` are the versions that the process speaks, as they were set when it began.
    """

    machine: Machine
    find_command: Callable[[str], ClrObject | None]
    variables: Variables = field(default_factory=Variables)
    drives: dict[str, ClrObject] = field(default_factory=dict)
    providers: frozenset[str] | None = None  # case-folded names of those that the session shows; None: all
    errors: list[object] = field(default_factory=list)
    functions: dict[str, Function] = field(default_factory=dict)
    modules: list[LoadedModule] = field(default_factory=list)
    environment: dict[str, tuple[str, str]] = field(default_factory=dict)
    variables_as_items: dict[str, str] = field(default_factory=dict)
    once: dict[str, object] = field(default_factory=dict)
    callers: list[Raiser] = field(default_factory=list)
    user: str = "Administrator"
    ends_at_errors: bool = False
    succeeded: bool = True
    failing: bool = False
    tls: frozenset[Tls] = field(init=False)

    def __post_init__(self) -> None:
        self.tls = spoken_tls(self.machine.registry, self.version)
        self.environment.update(process_environment(self.machine))
        name, folders = self.environment.get(VARIABLE.casefold(), (VARIABLE, ""))
        self.environment[VARIABLE.casefold()] = name, module_path(folders, self.version, self.user)

    @property
    def version(self) -> Version:
        return self.machine.facts.powershell_version

    def shows(self, provider: str) -> bool:
        """Whether the session has a provider; its name is case-folded."""
        return self.providers is None or provider in self.providers

    def say(self, key: str, *arguments: str) -> str:
        """A text of PowerShell in the machine's language."""
        return say(self.machine.facts.culture, key, *arguments)

    def error_preference(self) -> ActionPreference:
        """$ErrorActionPreference."""
        return self.preference("ErrorActionPreference", ActionPreference.Continue)

    def preference(self, variable: str, default: ActionPreference) -> ActionPreference:
        """The value of a preference variable."""
        preference = self.variables.get(variable)
        return preference if isinstance(preference, ActionPreference) else default


@dataclass(frozen=True, slots=True)
class Emit:
    """One object written to the pipeline."""

    value: object


@dataclass(frozen=True, slots=True)
class Report:
    """One non-terminating error; `raiser` is given where it is not the command that runs."""

    failure: Failure
    raiser: Raiser | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """An error on its way to the error stream: its command's error action has let it through."""

    failure: Failure
    raiser: Raiser | None


Event = Emit | Report | Problem | Record


class UpstreamEnough(Exception):
    """The command needs no more input: the commands before it are ended (Select-Object -First)."""


class Arguments:
    """The parameters that are bound for the current pipeline object."""

    def __init__(self, bound: Mapping[str, object]) -> None:
        self._bound = bound

    def __contains__(self, name: str) -> bool:
        return name in self._bound

    def get(self, name: str, default: object = None) -> object:
        return self._bound.get(name, default)

    def flag(self, name: str) -> bool:
        """A switch; False where it is not given."""
        return self._bound.get(name) is True

    def text(self, name: str) -> str:
        """A text parameter; "" where it is not given."""
        value = self._bound.get(name)
        return value if isinstance(value, str) else ""

    def texts(self, name: str) -> list[str] | None:
        """A String[] parameter, or None where it is not given."""
        value = self._bound.get(name)
        return ["" if item is None else str(item) for item in value.items] if isinstance(value, ClrList) else None

    def number(self, name: str) -> int | None:
        value = self._bound.get(name)
        return int(value) if isinstance(value, int) and not isinstance(value, bool) else None

    def items(self, name: str) -> list[object]:
        """The elements of an array parameter; none where it is not given."""
        value = self._bound.get(name)
        return list(value.items) if isinstance(value, ClrList) else []

    def names(self) -> tuple[str, ...]:
        return tuple(self._bound)


class Cmdlet:
    """One running command. `arguments` are new for every pipeline object."""

    name: ClassVar[str]
    module: ClassVar[str]
    type_name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    syntax: ClassVar[Mapping[str, str]]
    traits: ClassVar[Mapping[str, Traits]] = {}
    default_set: ClassVar[str | None] = None
    since: ClassVar[Version] = (3, 0)
    cmdlet_since: ClassVar[Version] = (3, 0)  # before it the command is a function
    unsimulated: ClassVar[frozenset[str]] = frozenset()
    dynamic: ClassVar[tuple[str, ...]] = ()  # parameters that a provider adds, which the lab does not simulate
    open_ended: ClassVar[bool] = False  # the command has more parameters than the syntax says, which are refused

    def __init__(self, session: Session) -> None:
        self.session = session
        self.machine = session.machine
        self.arguments = Arguments({})
        self.parameter_set = ""

    @classmethod
    def syntax_version(cls, session: Session) -> Version:
        """The version whose syntax the command has in this process: PowerShell's own, unless it is updated apart."""
        return session.version

    def begin(self) -> Iterator[Event]:
        return iter(())

    def process(self) -> Iterator[Event]:
        return iter(())

    def end(self) -> Iterator[Event]:
        return iter(())

    def should_process(self) -> bool:
        """Whether the change is to be made: not with -WhatIf. With -Confirm it would have to ask (finding H1)."""
        if self.arguments.flag("Confirm"):
            raise Terminating(no_prompt(self.session, "Confirm"))
        return not self.arguments.flag("WhatIf")


def no_prompt(session: Session, question: str) -> Failure:
    """The error of a cmdlet that wants to ask a question of a session without a user."""
    message = session.say("HostFunctionNotImplemented", question)
    return Failure("HostFunctionNotImplemented", ErrorCategory.NotImplemented, "HostException", message)
