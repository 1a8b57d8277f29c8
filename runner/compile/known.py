"""What is known of a host so far; it grows from level to level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.model.content import Contents
from runner.model.task import Awaited
from runner.modules.base import Module
from runner.template import Templates

FACTS = "ansible_facts"  # the name that stands for "the facts of the host" among what a task needs


@dataclass(frozen=True, slots=True)
class Known:
    """Facts (by their full names, `ansible_distribution`), why some are missing, and registered results.

    `facts` is None while they have not been read. `undecided` are registered names whose tasks only apply can decide.
    `variables` were set by tasks of earlier plays, `set` by decided tasks of this one, by their
    numbers.
    """

    facts: Mapping[str, object] | None = None
    unreadable: Mapping[str, str] = field(default_factory=dict)
    registered: Mapping[str, object] = field(default_factory=dict)
    undecided: Mapping[str, Awaited] = field(default_factory=dict)
    variables: Mapping[str, object] = field(default_factory=dict)
    set: Mapping[int, Mapping[str, object]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Means:
    """What compile works with, the same for all hosts; `extra` are the variables that win over all others."""

    modules: Mapping[str, Module[Any]]
    templates: Templates
    extra: Mapping[str, object]
    contents: Contents
