"""The contracts of modules. A module is one file of this package; it never touches a host and knows no dry run.

State modules say how to read and how to write; comparing, diffing, verifying and undoing are not their business.
Local modules are evaluated from what is known. The fact module is a reader without a wish.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from runner.model.attestation import Context
from runner.model.command import Reply, ReplyState, Statement
from runner.model.content import Contents, Slice
from runner.model.state import Desired, Held, State, Unreadable, promised


class Arguments(BaseModel):
    """Base of every module's arguments. The class is the schema: documentation and validation come from it.

    `aliases` are Ansible's other names of an argument. `unsupported` are arguments that Ansible has and we do not.
    `decided_by` names, for an argument whose meaning hangs on others, those others: while one of them still is a
    template, the argument cannot be judged.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, arbitrary_types_allowed=False)

    aliases: ClassVar[Mapping[str, str]] = MappingProxyType({})
    any_names: ClassVar[bool] = False  # other names are arguments too: those of variables (set_fact)
    unsupported: ClassVar[frozenset[str]] = frozenset()
    looked_up: ClassVar[frozenset[str]] = frozenset()  # fields that only `Module.with_contents` fills, never a user
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
    below: str | None = None  # first version that will not do: 6.0 where only Windows PowerShell does

    def unmet(self, powershell: str | None) -> str | None:
        """Why a host with this PowerShell (None: it did not say which) will not do, for people; None if it will."""
        if self.powershell is None and self.below is None:
            return None
        found = f"this host has {powershell}" if powershell else "this host does not say which one it has"
        if self.powershell and not (powershell and _numbers(powershell) >= _numbers(self.powershell)):
            return f"needs PowerShell {self.powershell} or later; {found}"
        if self.below and not (powershell and _numbers(powershell) < _numbers(self.below)):
            return f"needs a PowerShell before {self.below}; {found}"
        return None


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


def why_unread(reply: Reply) -> str:
    """Why a reply answers nothing: what the host raised, or that its answer did not come."""
    return errors_of(reply) or "the answer was not seen"


@dataclass(frozen=True, slots=True)
class Irreversible:
    reason: str


@dataclass(frozen=True, slots=True)
class Impossible:
    """What the task wants cannot be had from this state (no such service). Fails the host before any change."""

    reason: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What a change's answer says, for people; "" where it says nothing of the kind.

    `complaint` is why it failed, `unclear` why the answer does not tell how it ended, `told` what the change said.
    """

    complaint: str = ""
    unclear: str = ""
    told: str = ""


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
    constant: ClassVar[frozenset[str]] = frozenset()  # arguments that are taken as they are written: no templates
    free_form: ClassVar[str] = ""  # the argument that is given where a text stands in their place (`meta: TEXT`)
    late: ClassVar[Mapping[str, frozenset[str]]] = MappingProxyType({})  # argument -> names in it that compile leaves
    requires: ClassVar[Requires] = Requires()
    timeout: ClassVar[float] = 120.0  # seconds for one pipeline of this module

    def requires_for(self, arguments: A) -> Requires:
        """What a host must have for one task; more than `requires` where an argument needs something newer."""
        return self.requires

    def with_contents(self, arguments: A, contents: Contents) -> A:
        """The arguments with what must be known of files on the controller. Errors: InputError."""
        return arguments

    def sends(self, arguments: A) -> tuple[Slice, ...]:
        """The files of the controller that one task may send, each as a whole, as `with_contents` found them."""
        return ()

    def waits(self, arguments: A) -> float:
        """Seconds that a task itself asks to wait, on top of what its change takes (`usual_seconds`)."""
        return 0.0


class StateModule(Module[A], Generic[A]):
    """A thing on a host that can be read, compared and written."""

    volatile: ClassVar[frozenset[str]] = frozenset()  # properties that change by themselves: no drift
    # Whether a state as promised proves that the last of several changes was made, also when its answer was lost.
    state_proves_write: ClassVar[bool] = True
    # What it does leaves nothing to read (a program was run): only its answer proves it, and a lost one nothing.
    answer_proves: ClassVar[bool] = False
    usual_seconds: ClassVar[float] = 2.0  # of a change and its proof, for the estimate where none was ever timed
    fresh_process: ClassVar[bool] = False  # needs a process that began after all earlier changes (TLS values, modules)
    restarts: ClassVar[bool] = False  # its change restarts Windows

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
    def desired(self, arguments: A, before: State) -> Desired | Impossible | Held:
        """What the task wants of the thing as it is before; only properties that the user named.

        Held where the host cannot be brought there from here, but by somebody else.
        """

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

    def asked_in_front(self, statement: Statement) -> tuple[Statement, ...]:
        """Harmless statements without which a change is not sent: in a pipeline of their own, right before it."""
        return ()

    def asked_behind(self, statement: Statement) -> tuple[Statement, ...]:
        """Harmless statements whose answers are part of a change's own answer: the exit code of its program."""
        return ()

    def answered(self, arguments: A, statement: Statement, reply: Reply, behind: Sequence[Reply]) -> Answered:
        """What a change's answer says, with the replies to `asked_behind`."""
        return Answered(complaint=self.judge(statement, reply) or "")

    def proven_by_answer(self, arguments: A) -> bool:
        """Whether the answer is all there is to prove one task; see `answer_proves`."""
        return self.answer_proves

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
class Patience:
    """How long a restart may take until the host answers again, and what it is given after that; in seconds."""

    timeout: float
    settle: float = 0.0


class RestartModule(StateModule[A], Generic[A]):
    """A thing whose one change restarts Windows; what it reads tells one boot from another."""

    restarts = True

    @abstractmethod
    def patience(self, arguments: A) -> Patience: ...

    @abstractmethod
    def has_restarted(self, before: State, now: State, elapsed: float) -> bool:
        """Whether the two reads prove a restart; `elapsed` are the seconds since it was asked for."""

    def lacks(self, now: State) -> str:
        """What a host that has restarted still lacks before anything else is done there; "" when it is ready."""
        return ""


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
    def gathering(self, names: Collection[str]) -> A:
        """The arguments that ask for just these of its facts."""

    @abstractmethod
    def read(self, arguments: A, rounds: Sequence[Round]) -> tuple[Statement, ...]: ...

    @abstractmethod
    def observe(self, arguments: A, rounds: Sequence[Round]) -> Facts: ...


@dataclass(frozen=True, slots=True)
class Said:
    """What a local module has to say; `failed` ends the host before anything is changed.

    `verbosity` is the number of `-v` from which on it is said. `held`: somebody else must act first; its reason is
    what is said. `variables` are set for later tasks of the host.
    """

    message: str
    failed: bool = False
    verbosity: int = 0
    held: Held | None = None
    variables: Mapping[str, object] = field(default_factory=dict)


class LocalModule(Module[A], Generic[A]):
    """Evaluated on the controller; never touches a host. Expressions reach it evaluated."""

    expressions: ClassVar[frozenset[str]] = frozenset()  # arguments that are Jinja2 expressions without braces (`that`)

    @abstractmethod
    def evaluate(self, arguments: A, context: Context) -> Said: ...


class Steering(StrEnum):
    """What steers a run between its changes."""

    FLUSH_HANDLERS = "flush_handlers"
    RESET_CONNECTION = "reset_connection"
    PAUSE = "pause"


@dataclass(frozen=True, slots=True)
class Steer:
    """`seconds` are those of a pause."""

    kind: Steering
    seconds: float = 0.0


class ControlModule(Module[A], Generic[A]):
    """Steers the run itself, and only where something was changed on the host before; touches no host."""

    @abstractmethod
    def steer(self, arguments: A) -> Steer: ...
