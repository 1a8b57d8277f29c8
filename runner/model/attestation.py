"""What a person has confirmed: a step that no program can do or see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Attestation:
    """One confirmation of the manual step `id` on one host. Times are in UTC; `expires` None: it holds for good.

    `by` is who did it, as it was said; `entered` who wrote it down, as the system knows them: account@controller.
    """

    host: str
    id: str
    by: str
    at: datetime
    evidence: str = ""
    expires: datetime | None = None
    entered: str = ""


Attestations = Mapping[str, Mapping[str, Attestation]]  # by host and id


def attested(hosts: Iterable[str], known: Attestations) -> tuple[Attestation, ...]:
    """What is known of these hosts, each taken once."""
    return tuple(one for host in dict.fromkeys(hosts) for one in known.get(host, {}).values())


@dataclass(frozen=True, slots=True)
class Context:
    """What a local task may know beside its arguments: its host, the time (UTC), what was attested there by id."""

    host: str
    now: datetime
    attestations: Mapping[str, Attestation] = field(default_factory=lambda: MappingProxyType({}))
