"""What check found on a host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.model.errors import HostError
from runner.model.state import Held, State, Unreadable
from runner.model.task import Broken, Deferred, Ready, Skipped


@dataclass(frozen=True, slots=True)
class Observed:
    """A state task with what was read of its thing."""

    task: Ready
    found: State | Unreadable


@dataclass(frozen=True, slots=True)
class Told:
    """A local task (debug, assert) and what it said; `failed` for an assertion that does not hold."""

    task: Ready
    message: str
    failed: bool = False
    held: Held | None = None  # somebody else must act first
    variables: Mapping[str, object] = field(default_factory=dict)  # what it sets for later tasks


@dataclass(frozen=True, slots=True)
class Gathered:
    """A `setup` task; the facts themselves are in HostFindings."""

    task: Ready
    unreadable: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Postponed:
    """A task that only an earlier change can decide; it was not read."""

    task: Ready
    deferred: Deferred


@dataclass(frozen=True, slots=True)
class Steered:
    """A control task: what it does, it does during apply."""

    task: Ready


Finding = Observed | Told | Gathered | Postponed | Steered | Skipped | Broken


@dataclass(frozen=True, slots=True)
class HostFindings:
    """All of one host: findings in task order, facts, and the error that ended the check early, if one did."""

    host: str
    findings: tuple[Finding, ...]
    facts: Mapping[str, Any]
    levels: int  # pipelines that were needed for the tasks
    error: HostError | None = None
