"""A playbook as parsed: nothing is rendered yet, every value knows its place in the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runner.model.source import MapNode, Node, Origin, ScalarNode


@dataclass(frozen=True, slots=True)
class Task:
    """A task or handler. `number` is its place in the play; `arguments` still hold templates."""

    name: str
    module: str  # the module's own name, whatever alias the file used
    arguments: MapNode
    origin: Origin
    number: int
    when: tuple[ScalarNode, ...] = ()
    loop: Node | None = None
    loop_variable: str = "item"
    register: str | None = None
    notify: tuple[ScalarNode, ...] = ()
    tags: tuple[str, ...] = ()
    variables: Mapping[str, Node] | None = None
    after: tuple[ScalarNode, ...] = ()  # names of earlier tasks whose change decides this one
    ignore_errors: bool = False


@dataclass(frozen=True, slots=True)
class Throttle:
    """At most so many hosts at a time of those for which the variable `key` has the same value."""

    key: str
    at_most: int


@dataclass(frozen=True, slots=True)
class Play:
    name: str
    hosts: str  # a host pattern, as --limit takes it
    origin: Origin
    variables: Mapping[str, Node]
    tasks: tuple[Task, ...]
    handlers: tuple[Task, ...]
    gather_facts: bool = True
    serial: tuple[int | str, ...] = ()  # batch sizes, numbers or percentages; the last one repeats; none: all at once
    throttle: Throttle | None = None


@dataclass(frozen=True, slots=True)
class Playbook:
    """`digest` is the SHA-256 of the file's bytes, in hex."""

    file: str
    digest: str
    plays: tuple[Play, ...]
