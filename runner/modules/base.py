"""The contracts of modules. A module is one file of this package; it never touches a host and knows no dry run.

State modules say how to read and how to write; comparing, diffing, verifying and undoing are not their business.
Local modules are evaluated from what is known. The fact module is a reader without a wish.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from runner.model.command import Reply, ReplyState, Statement
from runner.model.state import Desired, State, Unreadable, promised


class Arguments(BaseModel):
    """Base of every module's arguments. The class is the schema: documentation and validation come from it.

    `aliases` are Ansible's other names of an argument. `unsupported` are arguments that Ansible has and we do not.
    `decided_by` names, for an argument whose meaning hangs on others, those others: while one of them still is a
    template, the argument cannot be judged.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, arbitrary_types_allowed=False)

    aliases: ClassVar[Mapping[str, str]] = MappingProxyType({})
    unsupported: ClassVar[frozenset[str]] = frozenset()
    decided_by: ClassVar[Mapping[str, frozenset[str]]] = MappingProxyType({})


class Evaluated(BaseModel):
    """An expression argument (`that`, `var`) after evaluation: its text in the playbook and its value."""

    text: str
    value: Any


@dataclass(frozen=True, slots=True)
class Late:
    """A template that compile leaves to the module, because it names what only the plan knows (`Module.late`).

    Only what the user wrote becomes one; a text that merely looks like a template stays a text.
    """

    text: str


A = TypeVar("A", bound=Arguments)


@dataclass(frozen=True, slots=True)
class Requires:
    """What a host must have; checked before a task asks it anything."""

    powershell: str | None = None  # lowest version, such as 5.1

    def unmet(self, powershell: str | None) -> str | None:
        """Why a host with this PowerShell (None: it did not say which) will not do, for people; None if it will."""
        if self.powershell is None or (powershell and _numbers(powershell) >= _numbers(self.powershell)):
            return None
        found = f"this host has {powershell}" if powershell else "this host does not say which one it has"
        return f"needs PowerShell {self.powershell} or later; {found}"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


@dataclass(frozen=True, slots=True)
class Round:
    """One question round of a module and its answers, statement by statement."""

    statements: tuple[Statement, ...]
    replies: tuple[Reply, ...]


def errors_of(reply: Reply) -> str:
    """What the host raised, for people: message and id of each error, none of them twice; "" if there is none."""
    return "; ".join(dict.fromkeys(f"{error.message} ({error.id})" for error in reply.errors))


@dataclass(frozen=True, slots=True)
class Irreversible:
    reason: str


@dataclass(frozen=True, slots=True)
class Impossible:
    """What the task wants cannot be had from this state (no such service). Fails the host before any change."""

    reason: str


@dataclass(frozen=True, slots=True)
class Shown:
    """How a resource is headed on a screen: `~ registry  HKLM\\SOFTWARE\\...`, property `SchUseStrongCrypto`."""

    kind: str
    name: str
    property: str = ""


@dataclass(frozen=True, slots=True)
class Implied:
    """What a thing that is as wanted says of another, which the state module named `module` knows by `key`."""

    module: str
    key: str
    desired: Desired


class Module(ABC, Generic[A]):
    """What all modules have. `name` is Ansible's module name where Ansible has one; `aliases` are its FQCNs."""

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    summary: ClassVar[str]
    notes: ClassVar[tuple[str, ...]] = ()
    examples: ClassVar[str] = ""  # YAML tasks
    arguments: ClassVar[type[Arguments]]
    late: ClassVar[Mapping[str, frozenset[str]]] = MappingProxyType({})  # argument -> names in it that compile leaves
    requires: ClassVar[Requires] = Requires()
    timeout: ClassVar[float] = 120.0  # seconds for one pipeline of this module

    def requires_for(self, arguments: A) -> Requires:
        """What a host must have for one task; more than `requires` where an argument needs something newer."""
        return self.requires


class StateModule(Module[A], Generic[A]):
    """A thing on a host that can be read, compared and written."""

    volatile: ClassVar[frozenset[str]] = frozenset()  # properties that change by themselves: no drift
    # Whether a state as promised proves that the last of several changes was made, also when its answer was lost.
    state_proves_write: ClassVar[bool] = True

    def parts(self, arguments: A) -> tuple[A, ...]:
        """The single resources that one task names; most name one."""
        return (arguments,)

    @abstractmethod
    def key(self, arguments: A) -> str:
        """The resource's identity on its host; two spellings of one thing have one key."""

    @abstractmethod
    def shown(self, arguments: A) -> Shown: ...

    @abstractmethod
    def read(self, wanted: Sequence[A], rounds: Sequence[Round]) -> tuple[Statement, ...]:
        """The next round of harmless statements for all wanted at once; () when the rounds so far are enough."""

    @abstractmethod
    def observe(self, wanted: Sequence[A], rounds: Sequence[Round]) -> tuple[State | Unreadable, ...]:
        """What the answers say of each wanted thing, in the order of `wanted`. UNSEEN replies make it unreadable."""

    @abstractmethod
    def desired(self, arguments: A, before: State) -> Desired | Impossible:
        """What the task wants of the thing as it is before; only properties that the user named."""

    @abstractmethod
    def write(self, arguments: A, before: State) -> tuple[Statement, ...]:
        """The changes from `before` to what is desired, in order; each is sent as a pipeline of its own."""

    def judge(self, statement: Statement, reply: Reply) -> str | None:
        """Why a change that was answered failed, for people; None when the host raised nothing against it.

        An error that did not end the statement counts too: a cmdlet that could not do its work mostly says so that
        way (groundtruth/pwsh76/windows.md, Services). An UNSEEN answer proves nothing and is not judged here. Modules
        that call methods with a return value look at it as well.
        """
        if reply.state is ReplyState.UNSEEN:
            return None
        return errors_of(reply) or ("the host ended it without a reason" if reply.state is ReplyState.FAILED else None)

    @abstractmethod
    def undo(self, arguments: A, before: State, after: State) -> tuple[Statement, ...] | Irreversible:
        """The changes that lead from `after` back to `before`."""

    def over(self, arguments: A, before: State, earlier: Sequence[tuple[A, State]]) -> State:
        """`before` as it will be once earlier changes of this module on this host (with after-states) are made."""
        own = self.key(arguments)
        for other, after in earlier:
            if self.key(other) == own:
                before = State(after.exists, {**before.properties, **after.properties}) if after.exists else after
        return before

    def implied(self, arguments: A, desired: Desired) -> tuple[Implied, ...]:
        """What must hold of other things, and what it is written as elsewhere, so that contradictions are found."""
        return ()

    def promise(self, arguments: A, before: State, desired: Desired) -> State:
        """The state that must be read after the write."""
        return promised(before, desired)

    def settled(self, state: State, desired: Desired) -> bool:
        """False while the thing is still on its way (a service that is starting), so that verify reads again."""
        return True


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts by Ansible's names (without a leading `ansible_facts.`), and why some could not be read."""

    values: Mapping[str, Any] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)


class FactModule(Module[A], Generic[A]):
    """Reads facts; `names` are all it can provide, with what each means. `volatile` ones change by themselves."""

    names: ClassVar[Mapping[str, str]]
    volatile: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def read(self, rounds: Sequence[Round]) -> tuple[Statement, ...]: ...

    @abstractmethod
    def observe(self, rounds: Sequence[Round]) -> Facts: ...


@dataclass(frozen=True, slots=True)
class Said:
    """What a local module has to say; `failed` ends the host before anything is changed.

    `verbosity` is the number of `-v` from which on it is said.
    """

    message: str
    failed: bool = False
    verbosity: int = 0


class LocalModule(Module[A], Generic[A]):
    """Evaluated on the controller; never touches a host. Expressions reach it evaluated."""

    expressions: ClassVar[frozenset[str]] = frozenset()  # arguments that are Jinja2 expressions without braces (`that`)

    @abstractmethod
    def evaluate(self, arguments: A) -> Said: ...
