"""What became of an action, of a host, of a run; and the exit code that follows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from runner.model.attestation import Attestation
from runner.model.errors import ExitCode
from runner.model.plan import Action, HostPlan, Verdict
from runner.model.state import Difference, State


class Result(StrEnum):
    """The outcome of one action."""

    APPLIED = "applied"  # written, read back, as promised
    SETTLED = "settled"  # the answer was lost; read until stable, and as promised
    NOT_CONVERGED = "not converged"  # written, but what was read back is not what was promised
    FAILED = "failed"  # the host said no, and nothing or not all was changed
    IGNORED = "ignored"  # it failed, which the playbook allows (ignore_errors)
    UNKNOWN = "unknown"  # sent, but what it did could not be learned: the answer was lost, or reading back failed
    NOT_TRIGGERED = "not triggered"  # a handler whose tasks changed nothing, a deferred one whose condition is false
    NOTHING_TO_DO = "nothing to do"  # a deferred one that was as wanted when its turn came
    HELD = "held"  # a deferred one for which somebody else must act first
    BLOCKED = "blocked"  # the same, and nothing else is done before
    NOT_STARTED = "not started"


CHANGED = frozenset({Result.APPLIED, Result.SETTLED})


@dataclass(frozen=True, slots=True)
class ActionOutcome:
    """What became of a step that had a turn. `ended` is when it was over and what came of it was read back.

    `touched` says that it changed something on the host, or may have: what it triggers is due.
    `owner` is who must act first on a deferred step that turned out to be held. `action` is the change that was decided
    for a deferred step, with what was read before it; that of any other step is in the plan.
    """

    step: str  # TaskId as text
    result: Result
    message: str = ""
    now: State | None = None
    differences: tuple[Difference, ...] = ()  # promised against read, when not converged
    seconds: float = 0.0
    ended: str = ""  # ISO 8601, UTC; "" for one that had no turn
    owner: str = ""
    action: Action | None = None
    touched: bool = False


@dataclass(frozen=True, slots=True)
class Drift:
    """A step whose thing is no longer as the plan found it."""

    step: str
    planned: State
    now: State | None  # None: could not be read
    after: State | None  # what the plan would have made of it
    differences: tuple[Difference, ...]
    message: str = ""


@dataclass(frozen=True, slots=True)
class FactDrift:
    """A fact that decided something in the plan and is another now; `message` says why it could not be read."""

    name: str
    planned: Any
    now: Any
    message: str = ""


class HostResult(StrEnum):
    """The outcome of one host, worst first."""

    FAILED = "failed"
    UNREADABLE = "unreadable"
    NOT_CONVERGED = "not converged"
    UNKNOWN = "unknown"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    NOT_STARTED = "not started"
    HELD = "held"
    PENDING = "to change"
    APPLIED = "applied"
    COMPLIANT = "compliant"


EXIT_CODES = {
    HostResult.FAILED: ExitCode.FAILED,
    HostResult.UNREADABLE: ExitCode.FAILED,
    HostResult.NOT_CONVERGED: ExitCode.FAILED,
    HostResult.UNKNOWN: ExitCode.FAILED,
    HostResult.UNREACHABLE: ExitCode.UNREACHABLE,
    HostResult.REFUSED: ExitCode.REFUSED,
    HostResult.NOT_STARTED: ExitCode.NOT_STARTED,
    HostResult.HELD: ExitCode.HELD,
    HostResult.PENDING: ExitCode.PENDING,
    HostResult.APPLIED: ExitCode.OK,
    HostResult.COMPLIANT: ExitCode.OK,
}


def host_result(plan: HostPlan) -> HostResult:
    """What a plan says of one host, before anything was applied."""
    if plan.error:
        return HostResult.UNREACHABLE if plan.exit_code == ExitCode.UNREACHABLE else HostResult.UNREADABLE
    verdicts = {step.verdict for step in plan.steps}
    for verdict, result in _VERDICTS:
        if verdict in verdicts:
            return result
    return HostResult.COMPLIANT


_VERDICTS = (
    (Verdict.FAILED, HostResult.FAILED),
    (Verdict.UNREADABLE, HostResult.UNREADABLE),
    (Verdict.BLOCKED, HostResult.HELD),
    (Verdict.HELD, HostResult.HELD),
    (Verdict.CHANGE, HostResult.PENDING),
    (Verdict.DEFERRED, HostResult.PENDING),
)


def worst(results: Iterable[HostResult]) -> HostResult:
    """The worst of several results; nothing at all is compliant."""
    order = list(HostResult)
    return min(results, key=order.index, default=HostResult.COMPLIANT)


def exit_code(results: Iterable[HostResult]) -> ExitCode:
    """The exit code of a check, a plan or an apply: that of its worst host."""
    return EXIT_CODES[worst(results)]


@dataclass(frozen=True, slots=True)
class HostOutcome:
    """What became of one host in one play. `read` is when all that the plan names had been read again, before a change.

    `read` is ISO 8601 in UTC; "" where that was not done.
    """

    host: str
    play: int
    result: HostResult
    actions: tuple[ActionOutcome, ...] = ()
    drifts: tuple[Drift, ...] = ()
    fact_drifts: tuple[FactDrift, ...] = ()
    message: str = ""
    advice: str = ""
    requests: int = 0
    seconds: float = 0.0
    read: str = ""


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """One apply. `run` is its id in the journal, `operator` who started it: account@controller.

    `started` and `ended` are ISO 8601 in UTC. Without `ended` it is under way, or its process was killed.
    `attestations` are what people had confirmed of its hosts when it started.
    """

    run: str
    hosts: tuple[HostOutcome, ...]
    interrupted: bool = False
    seconds: float = 0.0
    started: str = ""
    ended: str = ""
    operator: str = ""
    attestations: tuple[Attestation, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        if self.interrupted:
            return ExitCode.INTERRUPTED
        return exit_code(host.result for host in self.hosts)
