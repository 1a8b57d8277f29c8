"""What check found on a host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runner.model.errors import HostError
from runner.model.state import State, Unreadable
from runner.model.task import Broken, Ready, Skipped


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


@dataclass(frozen=True, slots=True)
class Gathered:
    """A `setup` task; the facts themselves are in HostFindings."""

    task: Ready
    unreadable: Mapping[str, str]


Finding = Observed | Told | Gathered | Skipped | Broken


@dataclass(frozen=True, slots=True)
class HostFindings:
    """All of one host: findings in task order, facts, and the error that ended the check early, if one did."""

    host: str
    findings: tuple[Finding, ...]
    facts: Mapping[str, Any]
    levels: int  # pipelines that were needed for the tasks
    error: HostError | None = None
