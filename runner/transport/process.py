"""What a session needs of what executes its batches: a PSRP runspace, or a WinRS shell with a process for each."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Protocol, TypeVar

from runner.model.command import Statement
from runner.transport.batch import Event


class Ready(Protocol):
    """A batch that can be sent, of which nothing was sent yet."""

    @property
    def id(self) -> uuid.UUID: ...


Prepared = TypeVar("Prepared", bound=Ready)


class Process(Protocol[Prepared]):
    """Opened, used for any number of batches one after the other, closed. All methods raise only HostErrors.

    The operations after `prepare` keep to the deadline that it was given.
    """

    @property
    def shell_id(self) -> str: ...

    @property
    def powershell(self) -> str | None:
        """The version of PowerShell; None if it did not say."""
        ...

    def open(self, deadline: float | None) -> None:
        """Errors: HostErrors; nothing is left behind on the host."""
        ...

    def prepare(self, statements: Sequence[Statement], deadline: float) -> Prepared:
        """Get a batch ready, its separators included. Nothing of it is sent. Of a long one the end may be left out."""
        ...

    def start(self, pipeline: Prepared) -> None:
        """Send what is harmless."""
        ...

    def start_once(self, pipeline: Prepared) -> None:
        """Send what must not run twice. Unreachable (but Overloaded), ShellGone, NotUnderstood: it was not executed."""
        ...

    def finish(self, pipeline: Prepared, events: list[Event]) -> None:
        """Add the events to `events` until the final state. Errors leave there what came before them."""
        ...

    def stop(self, seconds: float) -> None:
        """Ask the host to stop whatever runs; best effort."""
        ...

    def close(self, seconds: float) -> None:
        """Delete the shell and hang up; best effort."""
        ...

    def delete_anew(self, deadline: float) -> bool:
        """Delete the shell over a new connection. True when the host said that it is deleted or gone."""
        ...
