"""What apply is handed: everything that is not in the plan."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from runner.model.events import Listener
from runner.modules.base import Module


@dataclass(frozen=True, slots=True)
class Tools:
    """`tell` gets every event before the work goes on, from the hosts' threads; its exception ends the run.

    `hide` masks secrets in what a host says. `settle` is how many seconds a lost answer may take to become clear,
    `poll` the seconds between two reads. `clock` and `sleep` are those of `time`.
    """

    modules: Mapping[str, Module[Any]]
    tell: Listener
    hide: Callable[[str], str] = str
    settle: float = 120.0
    poll: float = 1.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
