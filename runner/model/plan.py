"""The plan: a value, one readable JSON document, and the only thing that apply accepts (design idea 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from runner.model.command import Statement
from runner.model.state import Desired, Difference, State
from runner.model.task import Deferred, Header

FORMAT = 1  # version of the plan document


class Verdict(StrEnum):
    """What the plan says of one task on one host."""

    COMPLIANT = "compliant"
    CHANGE = "change"
    TOLD = "told"  # a local task said something
    SKIPPED = "skipped"
    IDLE = "idle"  # a handler that nothing notifies
    DEFERRED = "deferred"  # only a change before it can decide: it is read and decided at its turn
    CONTROL = "control"  # steers the run between changes: a pause, a new connection
    HELD = "held"  # somebody else must act first; the other tasks are done
    BLOCKED = "blocked"  # somebody else must act first, and no other task is done before
    IGNORED = "ignored"  # it failed, which the playbook allows (ignore_errors)
    UNREADABLE = "unreadable"
    FAILED = "failed"  # can never be applied: broken, impossible, a failed assertion


@dataclass(frozen=True, slots=True)
class Heading:
    """How the thing is named on a screen; `modules.base.Shown` as data."""

    kind: str
    name: str
    property: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """One change: what is there, what will be there, and exactly what is sent for it.

    `write` is sent statement by statement, each as a pipeline of its own. `undo` is None where `irreversible` says why.
    """

    before: State
    desired: Desired
    after: State
    differences: tuple[Difference, ...]
    write: tuple[Statement, ...]
    undo: tuple[Statement, ...] | None
    irreversible: str = ""
    because: tuple[str, ...] = ()  # a handler: the names of the tasks whose change triggers it
    triggers: tuple[str, ...] = ()  # ids of those tasks


@dataclass(frozen=True, slots=True)
class Step:
    """One task instance in the plan of a host.

    `arguments` are the rendered ones as plain data; with them apply reads the thing again. `key` is the thing's
    identity on its host. `before` is what was read, for drift; it is None where nothing is read. `owner` is who must
    act first on a step that is held.
    """

    header: Header
    verdict: Verdict
    arguments: Mapping[str, Any]
    key: str = ""
    heading: Heading | None = None
    before: State | None = None
    action: Action | None = None
    message: str = ""
    owner: str = ""
    deferred: Deferred | None = None

    @property
    def has_turn(self) -> bool:
        """Whether it has a turn of its own during apply."""
        return self.verdict in (Verdict.CHANGE, Verdict.DEFERRED, Verdict.CONTROL)

    @property
    def triggers(self) -> tuple[str, ...]:
        """Of a handler: the ids of the steps whose change triggers it."""
        waits = self.action or self.deferred
        return waits.triggers if waits else ()


@dataclass(frozen=True, slots=True)
class HostPlan:
    """One host. `facts` are only those that decided something; they are read again before anything is changed.

    `error` says why the host could not be checked to its end; `exit_code` is the class of that error.
    """

    host: str
    play: int
    steps: tuple[Step, ...]
    facts: Mapping[str, Any]
    target: str = ""  # where it was reached: address, port and path
    title: str = ""  # such as "Server 2022", if known
    levels: int = 0
    requests: int = 0
    error: str = ""
    advice: str = ""
    exit_code: int = 0
    lane: str = ""  # what the play's throttle key is on this host; hosts of one lane wait for each other


@dataclass(frozen=True, slots=True)
class PlayPlan:
    """`at_most` is how many hosts of one lane are worked on at a time; 0: as many as there are."""

    number: int
    name: str
    batches: tuple[tuple[str, ...], ...]  # hosts in the order of `serial`
    hosts: tuple[HostPlan, ...]
    at_most: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """`digests` are SHA-256 in hex by what they are of: playbook, inventory, modules."""

    tool: str  # version of ce-runner
    created: str  # ISO 8601, UTC
    playbook: str
    digests: Mapping[str, str]
    plays: tuple[PlayPlan, ...]
    seconds: float = 0.0  # that making it took
    estimate: float = 0.0  # seconds that applying it will take; 0 if nothing is to be changed
    untimed: tuple[str, ...] = ()  # modules whose changes were never timed here, so that a usual value is assumed
