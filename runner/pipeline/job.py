"""What a check works on, as a whole and on each host."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from runner.model.attestation import Attestation
from runner.model.content import Contents, NoContents
from runner.model.events import Listener
from runner.model.inventory import Host, Inventory
from runner.model.playbook import Playbook
from runner.modules.base import Module
from runner.template import Templates
from runner.transport.base import Transport


@dataclass(frozen=True, slots=True)
class Job:
    """`verbosity` is the number of -v; `extra` are the variables that win over all others."""

    playbook: Playbook
    inventory: Inventory
    modules: Mapping[str, Module[Any]]
    transport: Transport
    limit: str | None = None
    extra: Mapping[str, object] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()
    skip_tags: frozenset[str] = frozenset()
    forks: int = 20
    verbosity: int = 0
    hide: Callable[[str], str] = str  # masks secrets in what hosts and templates say
    templates: Templates = field(default_factory=Templates)
    contents: Contents = field(default_factory=NoContents)
    attestations: Mapping[str, Mapping[str, Attestation]] = field(default_factory=dict)  # by host and id
    durations: Mapping[str, float] = field(default_factory=dict)  # seconds of a change by module, as measured before


@dataclass(frozen=True, slots=True)
class Visit:
    """One host of a job while it is being checked: who is told, and when to stop."""

    job: Job
    host: Host
    tell: Listener
    stop: Event
