"""The seam between the simulated PowerShell engine (no I/O) and the server that speaks PSRP for it.

The server decodes a CREATE_PIPELINE message into a `Request` and iterates over `Runspace.invoke(request)`.
The engine yields the messages below in wire order. Values are what psrpcore can serialise.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from psrpcore.types import ErrorRecord


@dataclass(frozen=True, slots=True)
class RequestedCommand:
    """One command of a statement as the client sent it; a parameter without a name is positional.

    `merged` and `discarded` name the other streams ("Warning", "Verbose", "Debug", "Information") that go to the
    output or nowhere; `takes_previous_errors`: errors of the commands before it in the pipe are its input.
    """

    name: str
    parameters: tuple[tuple[str | None, object], ...] = ()
    is_script: bool = False
    merge_error_to_output: bool = False
    merged: frozenset[str] = frozenset()
    discarded: frozenset[str] = frozenset()
    takes_previous_errors: bool = False
    local_scope: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One pipeline: statements (pipes of commands), executed one after the other, and piped-in objects.

    `pipeline_id` is its id on the wire, "" where there is no wire: the machine's log of changes names it.
    `ends_at_errors`: a terminating error ends a script whole, as in powershell.exe -OutputFormat XML.
    """

    statements: tuple[tuple[RequestedCommand, ...], ...]
    input: tuple[object, ...] = ()
    pipeline_id: str = ""
    ends_at_errors: bool = False


@dataclass(frozen=True, slots=True)
class Output:
    """One object on the output stream; None is a top-level $null (a message with an empty body)."""

    value: object


@dataclass(frozen=True, slots=True)
class Error:
    record: ErrorRecord


@dataclass(frozen=True, slots=True)
class Warning:
    text: str


@dataclass(frozen=True, slots=True)
class Verbose:
    text: str


@dataclass(frozen=True, slots=True)
class Debug:
    text: str


@dataclass(frozen=True, slots=True)
class Information:
    """What Write-Information and Write-Host write; `value` is what psrpcore can serialise."""

    value: object
    source: str
    tags: tuple[str, ...]
    time: datetime
    user: str
    computer: str


@dataclass(frozen=True, slots=True)
class Progress:
    """`source_id` is 0 for Write-Progress and 1 for a cmdlet's own activity; only a console's CLIXML tells it."""

    activity: str
    activity_id: int
    status: str
    operation: str | None = None
    parent_id: int = -1
    percent: int = -1
    seconds_remaining: int = -1
    completed: bool = False
    source_id: int = 0


@dataclass(frozen=True, slots=True)
class ShouldExit:
    """`exit` was run: the client's host is told the code, whether there is one or not (finding B13)."""

    code: int


@dataclass(frozen=True, slots=True)
class Wait:
    """The running cmdlet takes this long (seconds of machine time); the machine's state may change meanwhile."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Ended:
    """The state that the client is told. The engine may go on after it: later statements run unseen (B3)."""

    state: str  # "Completed", "Failed" or "Stopped"
    reason: ErrorRecord | None = None


Informational = Warning | Verbose | Debug | Information
Record = Informational | Progress | ShouldExit | Wait
Message = Output | Error | Record | Ended


@dataclass(slots=True)
class StopSignal:
    """Set by the server when the client sends a stop; the engine looks at it between messages (finding B5)."""

    requested: bool = field(default=False)


class Runspace(Protocol):
    """One PowerShell process on one machine: what is read once per process lives here."""

    def invoke(self, request: Request, stop: StopSignal) -> Iterator[Message]:
        """The messages of one pipeline. Exactly one Ended; only Wait may follow it."""
        ...


def locked(lock: AbstractContextManager[object], run: Iterator[Message]) -> Iterator[Message]:
    """The engine's messages; the machine is locked against changes from other threads during each step."""
    while True:
        with lock:
            message = next(run, None)
        if message is None:
            return
        yield message
