"""What the stages tell while they work. The journal listens in line and may halt; screens get the same events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from runner.model.command import Ids, Statement
from runner.model.outcome import ActionOutcome, Drift, FactDrift, HostOutcome
from runner.model.plan import Plan, Step


@dataclass(frozen=True, slots=True)
class RunStarted:
    run: str
    plan: Plan
    digest: str  # of the plan document
    operator: str = ""  # account@controller


@dataclass(frozen=True, slots=True)
class RunEnded:
    run: str
    exit_code: int


@dataclass(frozen=True, slots=True)
class HostStarted:
    host: str
    play: int
    phase: str  # "check" or "apply"


@dataclass(frozen=True, slots=True)
class LevelRead:
    """One level of a check has been read."""

    host: str
    level: int
    tasks: int


@dataclass(frozen=True, slots=True)
class HostRefused:
    host: str
    play: int
    drifts: tuple[Drift, ...]
    fact_drifts: tuple[FactDrift, ...]


@dataclass(frozen=True, slots=True)
class ChangeIntended:
    """About to send one change: told, and committed to the journal, before its first byte goes out."""

    host: str
    play: int
    step: Step
    change: int  # its place among the step's statements
    statement: Statement
    ids: Ids


@dataclass(frozen=True, slots=True)
class ActionEnded:
    host: str
    play: int
    step: Step
    outcome: ActionOutcome


@dataclass(frozen=True, slots=True)
class HostEnded:
    outcome: HostOutcome
    phase: str


Event = RunStarted | RunEnded | HostStarted | LevelRead | HostRefused | ChangeIntended | ActionEnded | HostEnded
Listener = Callable[[Event], None]
