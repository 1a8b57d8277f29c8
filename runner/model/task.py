"""Tasks as compile hands them on: rendered and typed, or pending on something that only a host can tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.model.source import Origin


@dataclass(frozen=True, slots=True, order=True)
class TaskId:
    """Names one task instance on a host: play and task by number, the loop item, and the resource within the task."""

    play: int
    section: str  # "tasks" or "handlers"
    task: int
    item: int = 0
    part: int = 0

    def __str__(self) -> str:
        return f"{self.play}.{self.section}.{self.task}.{self.item}.{self.part}"


@dataclass(frozen=True, slots=True)
class Header:
    """What every task instance has, whatever became of it."""

    id: TaskId
    name: str
    module: str
    origin: Origin
    item: str = ""  # the loop item as people read it
    looped: bool = False  # its task has a loop, even an empty one
    notify: tuple[str, ...] = ()  # names of handlers
    register: str | None = None
    tags: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()  # names of the facts that decided its condition or arguments
    after: tuple[str, ...] = ()  # names of earlier tasks whose change decides it
    ignore_errors: bool = False


@dataclass(frozen=True, slots=True)
class Awaited:
    """A registered result that only apply knows: of these steps (their ids), as a loop's or a single one's.

    `known` are the results of those of them that were decided in the plan.
    """

    steps: tuple[str, ...]
    looped: bool = False
    known: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deferred:
    """What a deferred step waits for: tasks by their names, and its conditions as they stand in the playbook.

    `registers` are the names in the conditions. Of a handler, `triggers` are the ids of the steps that notify it.
    """

    after: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    registers: Mapping[str, Awaited] = field(default_factory=dict)
    triggers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ready:
    """Rendered and validated; `arguments` is an instance of the module's arguments class.

    `deferred` holds the conditions that only apply can decide; None if there are none.
    """

    header: Header
    arguments: Any
    dumped: Mapping[str, Any]  # the same as plain JSON data, for the plan document
    deferred: Deferred | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """Cannot be rendered before these names are known: a fact, `ansible_facts` (all), or a registered variable."""

    header: Header
    needs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Skipped:
    """Its condition is false; `condition` is the text of the one that decided."""

    header: Header
    condition: str


@dataclass(frozen=True, slots=True)
class Broken:
    """It can never run on this host: a failed template, an argument of the wrong type, a failed assertion."""

    header: Header
    message: str


Compiled = Ready | Pending | Skipped | Broken
