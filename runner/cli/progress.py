"""Progress on a terminal: how many hosts are done, and what is being done. Elsewhere nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from runner.model.events import ActionEnded, ChangeIntended, Event, HostEnded, HostStarted, LevelRead, Listener


@contextmanager
def progress(what: str, hosts: int, shown: bool) -> Iterator[Listener]:
    """A listener that draws a bar on stderr for `hosts` hosts; one that does nothing when it is not to be shown."""
    if not shown or not sys.stderr.isatty():
        yield _silent
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=hosts)

        def tell(event: Event) -> None:
            if isinstance(event, HostEnded):
                bar.advance(task)
            elif text := _activity(event):
                bar.update(task, description=text)

        yield tell


def _activity(event: Event) -> str:
    match event:
        case HostStarted(host, _, phase):
            return f"{host}: {phase}"
        case LevelRead(host, level, _):
            return f"{host}: level {level} read"
        case ChangeIntended(host, _, step, _, _, _):
            return f"{host}: {step.header.name}"
        case ActionEnded(host, _, step, outcome):
            return f"{host}: {step.header.name}: {outcome.result.value}"
    return ""


def _silent(event: Event) -> None:
    pass
