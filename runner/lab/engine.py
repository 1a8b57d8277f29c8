"""The simulated PowerShell engine: runs the statements of one pipeline and says what the client is told.

Rules: findings B1 to B11 of `groundtruth/pwsh76/README.md`, as measured with PowerShell 7.6. Commands of a pipe are
resolved and bound before any of them runs (B10); an object goes through the whole pipe before the next one is made.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from datetime import timedelta
from enum import Enum

from psrpcore.types import ErrorCategory, ErrorRecord

from runner.lab.autoload import lacks_module, promising
from runner.lab.cmdlet import Emit, Problem, Session
from runner.lab.command_info import cmdlet_info, command_info
from runner.lab.commands import described_cmdlet, is_gone
from runner.lab.endpoints import FULL, Endpoint
from runner.lab.errors import Failure, Terminating, as_error_record, as_raised, as_reason, not_simulated
from runner.lab.functions import Resolver
from runner.lab.interpreter import BrokenOff
from runner.lab.machine import Machine
from runner.lab.members import is_wholly_known
from runner.lab.messages import Ended, Error, Message, Output, Request, RequestedCommand, StopSignal, Wait
from runner.lab.pipes import ActionStop, Merging, PipeEvent, Stage, StopRequested, run_pipe
from runner.lab.stages import Invocation, refuse_unsimulated
from runner.lab.values import ClrObject, clr_type_of
from runner.lab.wire import from_wire, to_wire


class Engine:
    """One PowerShell process on a machine, in a session configuration; implements `messages.Runspace`."""

    def __init__(self, machine: Machine, endpoint: Endpoint = FULL) -> None:
        self._session = Session(machine, self._command_info, providers=endpoint.providers)
        self._resolver = Resolver(self._session, endpoint)

    def invoke(self, request: Request, stop: StopSignal) -> Iterator[Message]:
        """The messages of one pipeline in wire order. After Ended only Wait follows: what still runs is not told."""
        self._session.ends_at_errors = request.ends_at_errors
        run = _Pipeline(self._resolver, request, stop)
        machine, steps = self._session.machine, run.messages()
        while True:
            with machine.authored(request.pipeline_id):
                message = next(steps, None)
            if message is None:
                return
            began = machine.now()
            yield message
            if isinstance(message, Wait):
                machine.reach(began + timedelta(seconds=message.seconds))

    def _command_info(self, name: str) -> ClrObject | None:
        shows_all = self._resolver.endpoint.shows_all_commands
        if shows_all and is_gone(name, self._session.version):
            return None
        described = described_cmdlet(name, self._session.version) if shows_all else None
        if described is not None:
            return cmdlet_info(*described, self._session.version)
        if shows_all and lacks_module(self._session, name):
            return None
        if shows_all and promising(self._session, name):
            raise Terminating(not_simulated(f"what Get-Command shows of {name}"))
        found = self._resolver.endpoint.find(name, self._session.version)
        if found is None:
            refuse_unsimulated(self._session, self._resolver.endpoint, name.rpartition("\\")[2])
        return command_info(found, name, self._session.version)


class _Report(Enum):
    """How much of what runs the client is still told."""

    ALL = "all"
    ONE_MORE = "one more statement"
    NOTHING = "nothing"


class _Pipeline:
    """One invocation: the statements, and how much of them the client is told."""

    def __init__(self, resolver: Resolver, request: Request, stop: StopSignal) -> None:
        self._resolver = resolver
        self._session = resolver.session
        self._request = request
        self._stop = stop
        self._report = _Report.ALL

    def messages(self) -> Iterator[Message]:
        """Run all statements. Exactly one Ended is yielded."""
        for number, statement in enumerate(self._request.statements, 1):
            before = self._report
            try:
                for message in self._statement(number, statement):
                    if self._report is not _Report.NOTHING or isinstance(message, Wait):
                        yield message
            except ActionStop as stopped:
                yield from self._end("Failed", as_reason(stopped.failure, stopped.raiser))
                return
            except Terminating as error:
                yield from self._terminated(number, error)
            except StopRequested:
                yield from self._end("Stopped", as_reason(_pipeline_stopped(self._session), None))
                if number == 1:
                    return
            if before is _Report.ONE_MORE:
                yield from self._end("Completed", None)
        yield from self._end("Completed", None)

    def _terminated(self, number: int, error: Terminating) -> Iterator[Message]:
        """B1 and B2: a terminating error of the first statement of several is reported as if it were not one."""
        self._session.errors.insert(0, as_raised(error.failure, error.raiser))
        if number == 1 and len(self._request.statements) > 1:
            yield Error(as_error_record(error.failure, error.raiser))
            self._report = _Report.ONE_MORE
        else:
            yield from self._end("Failed", as_reason(error.failure, error.raiser))

    def _end(self, state: str, reason: ErrorRecord | None) -> Iterator[Message]:
        if self._report is not _Report.NOTHING:
            self._report = _Report.NOTHING
            yield Ended(state, reason)

    def _statement(self, number: int, commands: tuple[RequestedCommand, ...]) -> Iterator[Message]:
        items = tuple(from_wire(item) for item in self._request.input) if number == 1 else ()
        try:
            *others, last = commands
            stages = [_stage(self._resolver, command, is_last=False) for command in others]
            stages.append(_stage(self._resolver, last, is_last=True))
            for index, stage in enumerate(stages):
                stage.prepare(expects_input=index > 0 or bool(items))
            yield from map(_message, self._until_stopped(run_pipe(stages, items or None)))
        except BrokenOff:
            return

    def _until_stopped(self, events: Generator[PipeEvent, None, None]) -> Iterator[PipeEvent]:
        """The events of a statement; at a stop signal it ends, but what it still writes in `finally` is told (H4)."""
        stopping = False
        while True:
            try:
                if self._stop.requested and self._report is not _Report.NOTHING and not stopping:
                    stopping = True
                    event = events.throw(StopRequested())
                else:
                    event = next(events)
            except StopIteration:
                return
            yield event


def _pipeline_stopped(session: Session) -> Failure:
    message = session.say("PipelineStopped")
    return Failure("PipelineStopped", ErrorCategory.OperationStopped, "PipelineStoppedException", message)


def _message(event: PipeEvent) -> Message:
    if isinstance(event, Emit):
        if not is_wholly_known(event.value):
            raise Terminating(not_simulated(f"a whole {clr_type_of(event.value)} object, only chosen properties of it"))
        return Output(to_wire(event.value))
    return Error(as_error_record(event.failure, event.raiser)) if isinstance(event, Problem) else event


def _stage(resolver: Resolver, command: RequestedCommand, *, is_last: bool) -> Stage:
    """The command of a pipe that a client asks for. Raises Terminating."""
    arguments = tuple((name, from_wire(value)) for name, value in command.parameters)
    merging = Merging(command.merge_error_to_output, command.merged, command.discarded, command.takes_previous_errors)
    invocation = Invocation(command.name, arguments, merging, is_last)
    if command.is_script:
        return resolver.script(invocation, local_scope=command.local_scope)
    return resolver.stage(invocation)
