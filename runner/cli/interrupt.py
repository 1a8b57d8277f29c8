"""Ctrl-C as a wish to stop, not as an exception at some point of the work."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import click

from runner.model.errors import ExitCode


@contextmanager
def stopping_on_interrupt(under_way: str) -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets, saying what is still `under_way`; the second leaves the program at once.

    A KeyboardInterrupt could hit between any two steps of the bookkeeping and lose what is known of a host. Outside
    the main thread, where no signal arrives, nothing is changed.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def interrupted(number: int, frame: object) -> None:
        if stop.is_set():
            os._exit(ExitCode.INTERRUPTED)
        stop.set()
        click.echo(f"stopping: {under_way}; Ctrl-C once more leaves at once", err=True)

    before = signal.signal(signal.SIGINT, interrupted)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
