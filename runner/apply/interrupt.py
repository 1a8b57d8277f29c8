"""Ctrl-C as a wish to stop, not as an exception at some point of the work."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stopping_on_interrupt(stop: threading.Event) -> Iterator[None]:
    """Inside, Ctrl-C only sets `stop`, however often it is pressed. Outside the main thread nothing is changed.

    A KeyboardInterrupt could hit between any two steps of the bookkeeping and lose what is known of a host.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda number, frame: stop.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
