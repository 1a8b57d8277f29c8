"""What apply is handed: everything that is not in the plan."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from runner.apply.contents import BytesOf
from runner.model.attestation import Attestations
from runner.model.content import NoContents
from runner.model.events import Listener
from runner.modules.base import Module
from runner.template import Templates


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Tools:
    """`tell` gets every event before the work goes on, from the hosts' threads; its exception ends the run.

    `hide` masks secrets in what a host says. `settle` is how many seconds a lost answer may take to become clear,
    `poll` the seconds between two reads. `clock` and `sleep` are those of `time`, `now` is the time of day in UTC.
    `bytes_of` reads what a plan sends of files of the controller. `operator` is who applies: account@controller.
    """

    modules: Mapping[str, Module[Any]]
    tell: Listener
    hide: Callable[[str], str] = str
    bytes_of: BytesOf = NoContents().bytes_of
    settle: float = 120.0
    poll: float = 1.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = _utc_now
    operator: str = ""
    templates: Templates = field(default_factory=Templates)
    attestations: Attestations = field(default_factory=dict)

    def moment(self) -> str:
        """The time of day as outcomes keep it: ISO 8601, UTC, to the second."""
        return self.now().isoformat(timespec="seconds")
