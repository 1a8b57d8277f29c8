"""The WinRS transport: every batch is a PowerShell process of its own, started in a WinRS shell of the host.

For hosts without a PSRP endpoint. What reads, changes and settles is the same session as PSRP's (`psrp.py`); here is
only what executes its batches. What this transport cannot do: carry a secret (a command line is seen by everybody on
the host), keep anything from one batch to the next, put warnings and errors in the order of the outputs.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

from runner.model.command import Statement, command
from runner.model.errors import ConnectionLost, HostError, ProtocolError
from runner.model.inventory import Connection
from runner.model.value import Version
from runner.transport.base import Session, Transport
from runner.transport.batch import Dialect, Event
from runner.transport.channel import Channel
from runner.transport.console import Console
from runner.transport.invocation import Unsendable, command_line, first_token
from runner.transport.kerberos import Tickets
from runner.transport.psrp import PsrpSession
from runner.transport.streams import ended, output, read_streams, refusal
from runner.transport.wire import Traffic

_VERSION: Statement = (
    command("Get-Variable", Name="PSVersionTable", ValueOnly=True),
    command("ForEach-Object", MemberName="PSVersion"),
)
_VERSION_TIMEOUT = 60.0


class WinrsTransport(Transport):
    """Opens sessions; shared by threads. `pauses` are the waits before a host that is too busy is asked again."""

    def __init__(self, pauses: tuple[float, ...] = (0.5, 1.0, 2.0)) -> None:
        self._pauses = pauses
        self._tickets = Tickets()
        self._mark = f"CeRunner{uuid.uuid4().hex[:12]}"

    def open(self, connection: Connection) -> Session:
        """A session with an open shell. Errors: Unreachable with its reason and advice."""

        def shell(traffic: Traffic) -> WinrsShell:
            return WinrsShell(connection, traffic, self._tickets, self._mark, self._pauses)

        session = WinrsSession(self._mark, shell, connection.deadlines.total, Dialect.CONSOLE)
        session.renew()
        return session


class WinrsSession(PsrpSession):
    """As over PSRP; but no shell tells the version of PowerShell, so that a process is asked."""

    _version: str | None = None
    _was_asked = False

    @property
    def powershell(self) -> str | None:
        """Asked when it is first wanted. Errors: those of `read`."""
        if not self._was_asked:
            (reply,) = self.read((_VERSION,), _VERSION_TIMEOUT)
            self._version = next((str(one) for one in reply.outputs if isinstance(one, Version)), None)
            self._was_asked = True
        return self._version


@dataclass(frozen=True, slots=True)
class Invocation:
    """A batch that is ready: its command line, or why its first statement is not sent."""

    id: uuid.UUID
    line: str = ""
    events: tuple[Event, ...] = ()


class WinrsShell:
    """Implements `Process`; see there. The events of a batch come when its process has ended."""

    def __init__(
        self, connection: Connection, traffic: Traffic, tickets: Tickets, mark: str, pauses: tuple[float, ...]
    ) -> None:
        self._connection = connection
        self._traffic = traffic
        self._mark = mark
        self._pauses = pauses
        self._tickets = tickets
        self._channel = Channel(connection, traffic, tickets)
        self._console = Console(self._channel, pauses)
        self._running: str | None = None  # the command id of a process that was not seen to end

    @property
    def shell_id(self) -> str:
        return self._console.id

    @property
    def powershell(self) -> str | None:
        return None

    def open(self, deadline: float | None) -> None:
        limits = self._connection.deadlines
        self._channel.deadline = deadline or monotonic() + limits.connect + limits.operation
        try:
            self._console.create()
        except BaseException:
            self._channel.close()
            raise

    def prepare(self, statements: Sequence[Statement], deadline: float) -> Invocation:
        self._channel.deadline = deadline
        try:
            return Invocation(uuid.uuid4(), command_line(statements, self._mark))
        except Unsendable as error:
            message = f"{error}: WinRS cannot do this, the transport psrp can"
            told = (output(first_token(statements)), ended(failed=True, reason=refusal(message)))
            return Invocation(uuid.uuid4(), events=told)

    def start(self, pipeline: Invocation) -> None:
        if pipeline.line:
            self._running = self._console.run(pipeline.line)

    def start_once(self, pipeline: Invocation) -> None:
        if pipeline.line:
            self._running = self._console.run_once(pipeline.line)

    def finish(self, pipeline: Invocation, events: list[Event]) -> None:
        events += pipeline.events
        if self._running is None:
            return
        stdout, stderr = bytearray(), bytearray()
        exit_code: int | None = None
        try:
            while exit_code is None:
                received = self._console.receive(self._running)
                stdout += received.stdout
                stderr += received.stderr
                exit_code = received.exit_code
        except HostError:
            with suppress(ProtocolError):
                read_streams(bytes(stdout), bytes(stderr), None, self._mark, events)
            raise
        read_streams(bytes(stdout), bytes(stderr), exit_code, self._mark, events)
        with suppress(ProtocolError):  # it only frees what the host keeps of an ended command
            self._console.terminate(self._running)
        self._running = None

    def stop(self, seconds: float) -> None:
        self._channel.deadline = monotonic() + min(seconds, self._connection.deadlines.connect)
        if self._running is not None:
            with suppress(HostError):
                self._console.terminate(self._running)

    def close(self, seconds: float) -> None:
        self._channel.deadline = monotonic() + min(seconds, self._connection.deadlines.connect)
        if self.shell_id:
            with suppress(HostError):
                self._console.delete()
        self._channel.close()

    def delete_anew(self, deadline: float) -> bool:
        """The process is ended first: a deleted shell ends its processes, but the signal waits for this one's end."""
        self._channel.close()
        channel = Channel(self._connection, self._traffic, self._tickets)
        channel.deadline = deadline
        console = Console(channel, self._pauses, self.shell_id)
        try:
            if self._running is not None:
                with suppress(ConnectionLost, ProtocolError):
                    console.terminate(self._running)
            return console.delete()
        finally:
            channel.close()
