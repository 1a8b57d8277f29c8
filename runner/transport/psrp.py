"""The PSRP transport: sessions that read, change and settle, over pypsrp's authentication and psrpcore's protocol."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from time import monotonic, sleep
from types import MappingProxyType
from typing import Any

from runner.model.command import Ids, Reply, ReplyState, Statement, command
from runner.model.errors import (
    AnswerLost,
    ConnectionLost,
    DeadlineExceeded,
    HostError,
    ProtocolError,
    Reason,
    Unreachable,
)
from runner.model.inventory import Connection, Endpoint
from runner.transport.base import Session, Transport
from runner.transport.batch import UNSEEN, Batch, Dialect, Event, attribute, batch_of
from runner.transport.faults import NotUnderstood, Overloaded, ShellGone
from runner.transport.kerberos import Tickets
from runner.transport.message import Bodies
from runner.transport.process import Process, Ready
from runner.transport.runspace import Runspace
from runner.transport.wire import Traffic

_REPEATS = 2  # how often reads are repeated in a new session after the old one broke off
_FAREWELL = 3.0  # seconds for a stop signal or a Delete that is only a courtesy
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0  # seconds between the tries to reach a host that is coming back
_HOPELESS = frozenset({Reason.AUTHENTICATION, Reason.TLS, Reason.RIGHTS})  # trying again may lock the account
_HARMLESS = (command("Write-Output", InputObject=True),)  # where it is not known, its error is an answer as well
_REFUSED = frozenset(Reason) - {Reason.ENDPOINT, Reason.BROKEN}  # a request with such an answer was never executed


_DIALECTS = MappingProxyType(
    {
        Endpoint.FULL: Dialect.ORDINARY,
        Endpoint.JEA: Dialect.RESTRICTED,
        Endpoint.EXCHANGE: Dialect.SINGLE,
    }
)


class PsrpTransport(Transport):
    """Opens sessions; shared by threads. `pauses` are the waits before a host that is too busy is asked again."""

    def __init__(self, pauses: tuple[float, ...] = (0.5, 1.0, 2.0)) -> None:
        self._pauses = pauses
        self._bodies = Bodies()
        self._tickets = Tickets()
        self._mark = f"CeRunner{uuid.uuid4().hex[:12]}"

    def open(self, connection: Connection) -> PsrpSession:
        """A session with an open runspace. Errors: Unreachable with its reason and advice."""

        def runspace(traffic: Traffic) -> Runspace:
            return Runspace(connection, traffic, self._bodies, self._tickets, self._pauses)

        session = PsrpSession(self._mark, runspace, connection.deadlines.total, _DIALECTS[connection.endpoint])
        session.renew()
        return session


class PsrpSession(Session):
    """Implements `Session`; see there.

    `runspace` makes a runspace, or what else executes batches (`Process`), that is not open yet; no pipeline may take
    more than `longest` seconds, whatever is asked for it.
    """

    def __init__(
        self,
        mark: str,
        runspace: Callable[[Traffic], Process[Any]],
        longest: float,
        dialect: Dialect = Dialect.ORDINARY,
    ) -> None:
        self.traffic = Traffic()
        self._make = partial(runspace, self.traffic)
        self._mark = mark
        self._longest = longest
        self._dialect = dialect  # the first to try: what the endpoint understands shows with the first reads
        self._understood = dialect.humbler is None
        self._powershell: str | None = None
        self._runspace: Process[Any] | None = None
        self._lost: Process[Any] | None = None  # the one whose shell may still run something

    @property
    def requests(self) -> int:
        return self.traffic.requests

    @property
    def powershell(self) -> str | None:
        return self._powershell

    def read(self, statements: Sequence[Statement], timeout: float) -> tuple[Reply, ...]:
        answered: dict[int, Reply] = {}
        lost = 0
        while pending := [index for index in range(len(statements)) if index not in answered]:
            batch = self._batch([statements[index] for index in pending])
            events: list[Event] = []
            try:
                self._run(batch, self._deadline(timeout), events)
            except (ConnectionLost, ProtocolError):
                lost += 1
                if lost > _REPEATS:
                    raise
            replies = attribute(batch, events)
            seen = [pair for pair in zip(pending, replies, strict=False) if pair[1].state is not ReplyState.UNSEEN]
            answered.update(seen)
            self._understood |= bool(seen)
            if not seen and self._runspace is not None:
                self._without_progress(batch, pending[0], answered)
        return tuple(answered[index] for index in range(len(statements)))

    def _without_progress(self, batch: Batch, first: int, answered: dict[int, Reply]) -> None:
        """A pipeline ended and not even its first separator came, or a lone statement's end was not seen."""
        humbler = self._dialect.humbler
        if batch.tokens and humbler is not None:
            self._dialect = humbler
        else:
            answered[first] = UNSEEN

    def change(
        self, statement: Statement, then: Sequence[Statement], timeout: float, announce: Callable[[Ids], None]
    ) -> tuple[Reply, ...]:
        self._learn_dialect(timeout)
        batch = self._batch([statement, *then])
        runspace = self._usable()
        pipeline = self._prepared(runspace, batch, self._deadline(timeout))
        announce(Ids(runspace.shell_id, str(pipeline.id).upper()))
        events: list[Event] = []
        failure = self._execute_once(runspace, pipeline, events)
        replies = attribute(batch, events)
        changed = replies[0]
        if changed.state is ReplyState.UNSEEN and failure is not None:
            raise failure
        unread = [UNSEEN] * (len(then) + 1 - len(replies))
        reads = (*replies[1:], *unread)
        if changed.state is not ReplyState.UNSEEN and failure is None:
            reads = self._completed(then, reads, timeout)
        return (changed, *reads)

    def _learn_dialect(self, timeout: float) -> None:
        """A change that the endpoint does not understand would be lost; a read is only sent again.

        Errors: Unreachable, since nothing of the change was sent.
        """
        if self._understood:
            return
        try:
            self.read((_HARMLESS,), timeout)
        except HostError as error:
            raise _not_started(error) from error
        self._understood = True

    def _prepared(self, runspace: Process[Any], batch: Batch, deadline: float) -> Ready:
        """A change's pipeline. Errors: Unreachable, since nothing of it was sent."""
        try:
            ready: Ready = runspace.prepare(batch.pipeline(), deadline)
            return ready
        except HostError as error:
            self._drop(runspace)
            raise _not_started(error) from error

    def _execute_once(self, runspace: Process[Any], pipeline: Ready, events: list[Event]) -> HostError | None:
        """Run a change; the error that hides its end, or None. Errors: Unreachable: nothing of it was executed."""
        try:
            runspace.start_once(pipeline)
        except HostError as error:
            if isinstance(error, Overloaded) or not _was_refused(error):
                return self._give_up(runspace, error)
            self._drop(runspace)
            raise _not_started(error) from error
        try:
            runspace.finish(pipeline, events)
        except HostError as error:
            return self._give_up(runspace, error)
        return None

    def _give_up(self, runspace: Process[Any], error: HostError) -> HostError:
        """Keep the shell's id for `abandon`; what is under way there may go on."""
        self._runspace, self._lost = None, runspace
        if isinstance(error, DeadlineExceeded):
            runspace.stop(_FAREWELL)
            return error
        return AnswerLost(error.message, error.advice)

    def _completed(self, then: Sequence[Statement], replies: Sequence[Reply], timeout: float) -> tuple[Reply, ...]:
        """The reads behind a change, those unseen sent again; that one fails must not hide the change's own reply."""
        completed = list(replies)
        again = [index for index, reply in enumerate(replies) if reply.state is ReplyState.UNSEEN]
        with suppress(HostError):
            for index, reply in zip(again, self.read([then[index] for index in again], timeout), strict=True):
                completed[index] = reply
        return tuple(completed)

    def abandon(self, timeout: float) -> bool:
        deadline = monotonic() + timeout
        lost = self._lost = self._lost or self._runspace
        self._runspace = None
        pause = _FIRST_PAUSE
        while True:
            try:
                gone = lost is None or lost.delete_anew(deadline)
                self._runspace = self._opened(deadline)
                self._lost = None
                return gone
            except HostError as error:
                hopeless = isinstance(error, Unreachable) and error.reason in _HOPELESS
                if hopeless or monotonic() + pause >= deadline:
                    raise _unreachable(error) from error
            sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def renew(self) -> None:
        self.close()
        self._runspace = self._opened(None)

    def close(self) -> None:
        for runspace in (self._runspace, self._lost):
            if runspace is not None:
                self._drop(runspace)
        self._runspace = self._lost = None

    def _drop(self, runspace: Process[Any]) -> None:
        """End a shell as well as can be; what fails is left to the host's own idle timeout."""
        if self._runspace is runspace:
            self._runspace = None
        runspace.close(_FAREWELL)

    def _deadline(self, timeout: float) -> float:
        return monotonic() + min(timeout, self._longest)

    def _usable(self) -> Process[Any]:
        """The runspace, or a new one where the last was lost. Errors: Unreachable."""
        if self._runspace is None:
            self._runspace = self._opened(None)
        return self._runspace

    def _opened(self, deadline: float | None) -> Process[Any]:
        runspace = self._make()
        try:
            runspace.open(deadline)
        except HostError as error:
            raise _unreachable(error) from error
        self._powershell = runspace.powershell
        return runspace

    def _batch(self, statements: Sequence[Statement]) -> Batch:
        return batch_of(statements, self._mark, self._dialect)

    def _run(self, batch: Batch, deadline: float, events: list[Event]) -> None:
        """Run reads; `events` holds what came, also when it broke off. A runspace that failed is closed."""
        runspace = self._usable()
        try:
            pipeline = runspace.prepare(batch.pipeline(), deadline)
            runspace.start(pipeline)
            runspace.finish(pipeline, events)
        except DeadlineExceeded:
            runspace.stop(_FAREWELL)
            self._drop(runspace)
            raise
        except (ConnectionLost, ProtocolError, Unreachable):
            self._drop(runspace)
            raise


def _was_refused(error: HostError) -> bool:
    """True when the host surely did not begin to execute the request."""
    return isinstance(error, ShellGone | NotUnderstood) or (isinstance(error, Unreachable) and error.reason in _REFUSED)


def _not_started(error: HostError) -> Unreachable:
    if isinstance(error, Unreachable):
        return error
    return Unreachable(Reason.BROKEN, f"the change was not started: {error.message}", error.advice)


def _unreachable(error: HostError) -> Unreachable:
    """Why no session could be had, whatever the error was that said so."""
    if isinstance(error, Unreachable):
        return error
    reason = Reason.TIMEOUT if isinstance(error, DeadlineExceeded) else Reason.BROKEN
    return Unreachable(reason, error.message, error.advice)
