"""What the journal gives back. Moments are ISO 8601 in UTC."""

from __future__ import annotations

from dataclasses import dataclass

from runner.model.attestation import Attestations
from runner.model.command import Ids, Statement
from runner.model.outcome import ActionOutcome, HostOutcome
from runner.model.plan import Action, Plan


@dataclass(frozen=True, slots=True)
class RunEntry:
    """A run in the list. Without `ended` it is under way, or its process was killed."""

    id: str
    started: str
    ended: str | None
    exit_code: int | None
    digest: str  # of the plan
    operator: str  # account@controller; "" where no one is recorded


@dataclass(frozen=True, slots=True)
class Intent:
    """A change that was about to be sent. `action` is what it belongs to, if that was decided in the run, with what was
    read before; None: the plan has it.
    """

    play: int
    host: str
    step: str
    change: int
    at: str
    ids: Ids
    statement: Statement
    action: Action | None = None


@dataclass(frozen=True, slots=True)
class ActionEntry:
    play: int
    host: str
    at: str
    outcome: ActionOutcome


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run with everything that was recorded of it, in the order in which it happened."""

    entry: RunEntry
    plan: Plan
    intents: tuple[Intent, ...]
    outcomes: tuple[ActionEntry, ...]
    hosts: tuple[HostOutcome, ...]
    attestations: Attestations  # as they were when it started
