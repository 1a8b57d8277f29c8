"""One open runspace on one host: a shell, the pool in it, and the pipelines that run there."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from xml.etree import ElementTree

import psrpcore
from psrpcore.types import RunspacePoolState

from runner.model.command import Statement
from runner.model.errors import ConnectionLost, HostError, ProtocolError, Unreachable
from runner.model.inventory import Connection
from runner.model.value import Version
from runner.transport.batch import ENDED, Event
from runner.transport.channel import Channel
from runner.transport.faults import NotUnderstood, ShellGone
from runner.transport.kerberos import Tickets
from runner.transport.message import Bodies, fingerprint
from runner.transport.pool import Pool
from runner.transport.shell import Shell
from runner.transport.values import to_model
from runner.transport.wire import Traffic

_BROKEN = frozenset({RunspacePoolState.Broken, RunspacePoolState.Closed})


@dataclass(frozen=True, slots=True)
class Prepared:
    """A pipeline that has an id and a message, of which nothing was sent."""

    id: uuid.UUID
    body: bytes


class Runspace:
    """Opened, used for any number of pipelines one after the other, closed. All methods raise only HostErrors.

    The operations after `prepare` keep to the deadline that it was given.
    """

    def __init__(
        self,
        connection: Connection,
        traffic: Traffic,
        bodies: Bodies,
        tickets: Tickets,
        pauses: tuple[float, ...],
    ) -> None:
        self._connection = connection
        self._traffic = traffic
        self._bodies = bodies
        self._tickets = tickets
        self._pauses = pauses
        self._pool = Pool()
        self._key_known = False
        self.shell_id = str(self._pool.runspace_pool_id).upper()
        self._channel = Channel(connection, traffic, tickets)
        self._shell = self._shell_over(self._channel)

    def _shell_over(self, channel: Channel) -> Shell:
        return Shell(channel, self._connection.configuration, self.shell_id, self._pauses)

    def open(self, deadline: float | None) -> None:
        """Create the shell and wait for the pool. Without a deadline: the connect and three operation deadlines.

        Errors: HostErrors; the shell is deleted again.
        """
        limits = self._connection.deadlines
        self._channel.deadline = deadline or monotonic() + limits.connect + 3 * limits.operation
        self._pool.open()
        created = False
        try:
            self._shell.create(b"".join(self._pool.payloads(self._channel.wsman.max_payload_size)))
            created = True
            while self._pool.state != RunspacePoolState.Opened:
                for _ in self._receive(None):
                    self._raise_if_broken()
        except BaseException as error:
            if created or isinstance(error, ConnectionLost | ProtocolError):
                self.close(limits.connect)  # a shell left behind counts against the user's quota
            else:
                self._channel.close()
            raise

    @property
    def powershell(self) -> str | None:
        """The version of PowerShell, which an open pool has told ([MS-PSRP] 2.2.2.13); None if it did not."""
        table = self._pool.application_private_data.get("PSVersionTable")
        version = to_model(table.get("PSVersion")) if isinstance(table, dict) else None
        return str(version) if isinstance(version, Version) else None

    def prepare(self, statements: Sequence[Statement], deadline: float) -> Prepared:
        """Serialise a pipeline, or find it serialised. Exchanges the key with the host if a secret is in it."""
        self._channel.deadline = deadline
        key = fingerprint(statements)
        if key is None:
            self._exchange_key()
            body = self._pool.serialise(statements)
        else:
            body = self._bodies.get(key, lambda: self._pool.serialise(statements))
        return Prepared(uuid.uuid4(), body)

    def start(self, pipeline: Prepared) -> None:
        """Send a harmless pipeline."""
        self._send(pipeline, self._shell.command)

    def start_once(self, pipeline: Prepared) -> None:
        """Send a pipeline that must not run twice.

        Unreachable (but Overloaded), ShellGone and NotUnderstood mean that nothing of it was executed. Once the host
        has taken the first piece, any failure is a ConnectionLost or DeadlineExceeded: the effect is unknown.
        """
        self._send(pipeline, self._shell.command_once)

    def _send(self, pipeline: Prepared, command: Callable[[str, bytes], None]) -> None:
        self._pool.start(pipeline.id, pipeline.body)
        command_id = str(pipeline.id).upper()
        payloads = self._pool.payloads(self._channel.wsman.max_payload_size)
        command(command_id, next(payloads))
        try:
            for payload in payloads:
                self._shell.send(command_id, payload)
        except (Unreachable, ShellGone, NotUnderstood) as error:
            raise ConnectionLost(error.message, error.advice) from error

    def finish(self, pipeline: Prepared, events: list[Event]) -> None:
        """Add the pipeline's events to `events` until its final state. Errors leave there what came before them."""
        while True:
            for event in self._receive(pipeline.id):
                self._raise_if_broken()
                if event.pipeline_id != pipeline.id:
                    continue
                events.append(event)
                if isinstance(event, psrpcore.PipelineStateEvent) and event.state in ENDED:
                    self._pool.pipeline_table.pop(pipeline.id, None)
                    return

    def stop(self, seconds: float) -> None:
        """Ask the host to stop whatever runs; best effort."""
        self._channel.deadline = monotonic() + min(seconds, self._connection.deadlines.connect)
        for pipeline in list(self._pool.pipeline_table):
            with suppress(HostError):
                self._shell.stop(str(pipeline).upper())

    def close(self, seconds: float) -> None:
        """Delete the shell and hang up; best effort."""
        self._channel.deadline = monotonic() + min(seconds, self._connection.deadlines.connect)
        with suppress(HostError):
            self._shell.delete()
        self._channel.close()

    def delete_anew(self, deadline: float) -> bool:
        """Delete the shell over a new connection. True when the host said that it is deleted or gone."""
        self._channel.close()
        channel = Channel(self._connection, self._traffic, self._tickets)
        channel.deadline = deadline
        try:
            return self._shell_over(channel).delete()
        finally:
            channel.close()

    def _exchange_key(self) -> None:
        if self._key_known:
            return
        self._pool.exchange_key()
        for payload in self._pool.payloads(self._channel.wsman.max_payload_size):
            self._shell.send(None, payload)
        while not self._key_known:
            for event in self._receive(None):
                self._raise_if_broken()
                self._key_known |= isinstance(event, psrpcore.EncryptedSessionKeyEvent)

    def _receive(self, pipeline: uuid.UUID | None) -> Iterator[Event]:
        """One Receive and the events in it. Errors: ProtocolError for what psrpcore cannot read."""
        data = self._shell.receive(str(pipeline).upper() if pipeline else None)
        try:
            yield from self._pool.events(data, pipeline)
        except (psrpcore.PSRPCoreError, ElementTree.ParseError, struct.error, LookupError, ValueError,
                TypeError, AttributeError, ArithmeticError) as error:  # fmt: skip
            message = f"the host sent a message that cannot be read ({type(error).__name__})"
            raise ProtocolError(message, "report this with the host's PowerShell version") from error

    def _raise_if_broken(self) -> None:
        if self._pool.state in _BROKEN:
            raise ConnectionLost(f"the host closed the runspace ({self._pool.state.name})")
