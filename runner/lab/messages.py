"""The seam between the simulated PowerShell engine (no I/O) and the server that speaks PSRP for it.

The server decodes a CREATE_PIPELINE message into a `Request` and iterates over `Runspace.invoke(request)`.
The engine yields the messages below in wire order. Values are what psrpcore can serialise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from psrpcore.types import ErrorRecord


@dataclass(frozen=True, slots=True)
class RequestedCommand:
    """One command of a statement as the client sent it; a parameter without a name is positional."""

    name: str
    parameters: tuple[tuple[str | None, object], ...] = ()
    is_script: bool = False
    merge_error_to_output: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One pipeline: statements (pipes of commands), executed one after the other, and piped-in objects."""

    statements: tuple[tuple[RequestedCommand, ...], ...]
    input: tuple[object, ...] = ()


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
class Wait:
    """The running cmdlet takes this long (seconds of machine time); the machine's state may change meanwhile."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Ended:
    """The state that the client is told. The engine may go on after it: later statements run unseen (B3)."""

    state: str  # "Completed", "Failed" or "Stopped"
    reason: ErrorRecord | None = None


Message = Output | Error | Warning | Verbose | Wait | Ended


@dataclass(slots=True)
class StopSignal:
    """Set by the server when the client sends a stop; the engine looks at it between messages (finding B5)."""

    requested: bool = field(default=False)


class Runspace(Protocol):
    """One PowerShell process on one machine: what is read once per process lives here."""

    def invoke(self, request: Request, stop: StopSignal) -> Iterator[Message]:
        """The messages of one pipeline. Exactly one Ended; only Wait may follow it."""
        ...
