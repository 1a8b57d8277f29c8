"""A request that the host refused before it did anything is sent again after a pause."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import sleep
from typing import TypeVar

from runner.model.errors import Unreachable

T = TypeVar("T")


def patiently(
    request: Callable[[], T],
    pauses: Sequence[float],
    time_left: Callable[[], float],
    repeatable: tuple[type[Unreachable], ...],
) -> T:
    """Repeat a request that was refused before it did anything, with growing pauses inside the deadline."""
    for pause in pauses:
        try:
            return request()
        except repeatable:
            if pause >= time_left():
                raise
        sleep(pause)
    return request()
