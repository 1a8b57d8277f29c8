"""The simulated PowerShell engine: runs the statements of one pipeline and says what the client is told.

Rules: findings B1 to B11 and H5 of `groundtruth/pwsh76/README.md`, as measured with PowerShell 7.6. Commands of a pipe
are resolved and bound before any of them runs (B10); an object goes through the whole pipe before the next one is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

from psrpcore.types import ErrorCategory, ErrorRecord

from runner.lab.binder import Binder, Binding
from runner.lab.cmdlet import Arguments, Cmdlet, Emit, Event, Report, Session, UpstreamEnough, no_prompt
from runner.lab.commands import find_command, is_unsimulated, signature_of
from runner.lab.enums import ActionPreference, CommandTypes
from runner.lab.errors import Failure, Raiser, Terminating, as_error_record, as_object, as_reason, not_simulated
from runner.lab.machine import Machine
from runner.lab.messages import Ended, Error, Message, Output, Request, RequestedCommand, StopSignal, Wait
from runner.lab.values import OBJECT, ClrObject
from runner.lab.wire import from_wire, to_wire

_UNSIMULATED_PARAMETERS = frozenset(
    {"ErrorVariable", "WarningVariable", "InformationVariable", "OutVariable", "PipelineVariable", "Credential"}
)


class Engine:
    """One PowerShell process on a machine; implements `messages.Runspace`."""

    def __init__(self, machine: Machine) -> None:
        self._session = Session(machine, self._command_info)

    def invoke(self, request: Request, stop: StopSignal) -> Iterator[Message]:
        """The messages of one pipeline in wire order. After Ended only Wait follows: what still runs is not told."""
        run = _Pipeline(self._session, request, stop)
        for message in run.messages():
            yield message
            if isinstance(message, Wait):
                self._session.machine.advance(message.seconds)

    def _command_info(self, name: str) -> ClrObject | None:
        command = find_command(name, self._session.version)
        if command is None:
            if is_unsimulated(name):
                raise Terminating(not_simulated(f"the command {name}"))
            return None
        properties: dict[str, object] = {
            "Name": command.name,
            "CommandType": CommandTypes.Cmdlet,
            "Source": command.module,
            "ModuleName": command.module,
        }
        names = ("System.Management.Automation.CmdletInfo", "System.Management.Automation.CommandInfo", OBJECT)
        return ClrObject(names, properties, {}, command.name)


class _Stopped(Exception):
    """The client's stop signal ends the running statement."""


class _ActionStop(Exception):
    """A non-terminating error met the preference Stop: the whole pipeline ends here (B4)."""

    def __init__(self, failure: Failure, raiser: Raiser) -> None:
        super().__init__(failure.error_id)
        self.failure = failure
        self.raiser = raiser


class _Report(Enum):
    """How much of what runs the client is still told."""

    ALL = "all"
    ONE_MORE = "one more statement"
    NOTHING = "nothing"


class _Pipeline:
    """One invocation: the statements, and how much of them the client is told."""

    def __init__(self, session: Session, request: Request, stop: StopSignal) -> None:
        self._session = session
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
            except _ActionStop as stopped:
                yield from self._end("Failed", as_reason(stopped.failure, stopped.raiser))
                return
            except Terminating as error:
                yield from self._terminated(number, error)
            except _Stopped:
                yield from self._end("Stopped", as_reason(_pipeline_stopped(self._session), None))
                if number == 1:
                    return
            if before is _Report.ONE_MORE:
                yield from self._end("Completed", None)
        yield from self._end("Completed", None)

    def _terminated(self, number: int, error: Terminating) -> Iterator[Message]:
        """B1 and B2: a terminating error of the first statement of several is reported as if it were not one."""
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
        stages = [_resolve(self._session, command) for command in commands]
        for index, stage in enumerate(stages):
            stage.prepare(expects_input=index > 0 or bool(items))
        for message in _Pipe(stages).run(items):
            self._look_for_stop()
            yield message
            self._look_for_stop()

    def _look_for_stop(self) -> None:
        if self._stop.requested and self._report is not _Report.NOTHING:
            raise _Stopped


def _pipeline_stopped(session: Session) -> Failure:
    message = session.say("PipelineStopped")
    return Failure("PipelineStopped", ErrorCategory.OperationStopped, "PipelineStoppedException", message)


def _resolve(session: Session, command: RequestedCommand) -> _Stage:
    """The command that a name stands for. Raises Terminating where PowerShell, or the lab, has none."""
    if command.is_script:
        raise Terminating(not_simulated("scripts"))
    if not command.name:
        message = session.say("NoPipeline")
        raise Terminating(Failure("RuntimeException", ErrorCategory.NotSpecified, "RuntimeException", message))
    found = find_command(command.name, session.version)
    if found is not None:
        return _Stage(session, found, command)
    if is_unsimulated(command.name):
        raise Terminating(not_simulated(f"the command {command.name}"))
    module, separator, bare = command.name.rpartition("\\")
    key = "CouldNotAutoLoadModule" if separator and find_command(bare, session.version) else "CommandNotFoundException"
    message = session.say(key, module if key == "CouldNotAutoLoadModule" else command.name)
    category = ErrorCategory.ObjectNotFound
    raise Terminating(Failure(key, category, "CommandNotFoundException", message, command.name, wrapped=True))


@dataclass(frozen=True, slots=True)
class _Preferences:
    error_action: ActionPreference
    merge_errors: bool


class _Stage:
    """One command of a pipe while it runs."""

    def __init__(self, session: Session, command: type[Cmdlet], request: RequestedCommand) -> None:
        self._session = session
        self._request = request
        unsimulated = command.unsimulated | _UNSIMULATED_PARAMETERS
        self._binder = Binder(session, signature_of(command, session.version), command.name, unsimulated)
        self._binding: Binding | None = None
        self.cmdlet = command(session)
        self.raiser = Raiser(command.name, command.type_name)
        self.preferences = _Preferences(ActionPreference.Continue, request.merge_error_to_output)

    def prepare(self, *, expects_input: bool) -> None:
        """Bind the call's own arguments. Raises Terminating."""
        arguments = [(name, from_wire(value)) for name, value in self._request.parameters]
        with _attributed(self.raiser):
            self._binding = self._binder.bind(arguments, expects_input=expects_input)
            action = self._binding.values.get("ErrorAction", self._session.error_preference())
            if action is ActionPreference.Suspend:
                raise Terminating(self._suspend_refused())
        if isinstance(action, ActionPreference):
            self.preferences = replace(self.preferences, error_action=action)
        self._offer(self._binding)

    def begin(self) -> Iterator[Event]:
        yield from self.cmdlet.begin()

    def process_once(self) -> Iterator[Event]:
        """ProcessRecord of a command that gets no pipeline input."""
        yield from self.cmdlet.process()

    def process(self, item: object) -> Iterator[Event]:
        """ProcessRecord for one pipeline object; one that binds to nothing is a non-terminating error (P8)."""
        if self._binding is None:
            raise RuntimeError("a command is prepared before it runs")
        try:
            bound = self._binder.bind_object(self._binding, item)
        except Terminating as error:
            if error.failure.error_id != "InputObjectNotBound":
                raise
            yield Report(error.failure)
            return
        self._offer(bound)
        yield from self.cmdlet.process()

    def end(self) -> Iterator[Event]:
        yield from self.cmdlet.end()

    def _offer(self, binding: Binding) -> None:
        self.cmdlet.arguments = Arguments(binding.values)
        self.cmdlet.parameter_set = self._binder.choose_set(binding)

    def _suspend_refused(self) -> Failure:
        message = self._session.say("SuspendNotSupported")
        category = ErrorCategory.WriteError
        return Failure("ParameterBindingFailed", category, "ParameterBindingException", message, wrapped=True)


class _attributed:
    """Names the command in terminating errors that leave the block without one."""

    def __init__(self, raiser: Raiser) -> None:
        self._raiser = raiser

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Terminating) and error.raiser is None:
            error.raiser = self._raiser


class _Pipe:
    """The commands of one statement, joined: what one writes is processed by the next before it goes on."""

    def __init__(self, stages: list[_Stage]) -> None:
        self._stages = stages
        self._ended = 0

    def run(self, items: tuple[object, ...]) -> Iterator[Message]:
        for index, stage in enumerate(self._stages):
            yield from self._handle(index, stage.begin())
        try:
            if items:
                for item in items:
                    yield from self._handle(0, self._stages[0].process(item))
            else:
                yield from self._handle(0, self._stages[0].process_once())
            while self._ended < len(self._stages):
                self._ended += 1
                yield from self._handle(self._ended - 1, self._stages[self._ended - 1].end())
        except _Enough as enough:
            for index in range(max(self._ended, enough.index), len(self._stages)):
                yield from self._handle(index, self._stages[index].end())

    def _handle(self, index: int, events: Iterator[Event]) -> Iterator[Message]:
        stage = self._stages[index]
        with _attributed(stage.raiser):
            try:
                for event in events:
                    if isinstance(event, Emit):
                        yield from self._pass_on(index, event.value)
                    elif isinstance(event, Report):
                        yield from self._report(index, event.failure)
                    else:
                        yield event
            except UpstreamEnough:
                raise _Enough(index) from None

    def _pass_on(self, index: int, value: object) -> Iterator[Message]:
        if index + 1 == len(self._stages):
            yield Output(to_wire(value))
        else:
            yield from self._handle(index + 1, self._stages[index + 1].process(value))

    def _report(self, index: int, failure: Failure) -> Iterator[Message]:
        stage = self._stages[index]
        action = stage.preferences.error_action
        if action is ActionPreference.Stop:
            raise _ActionStop(failure, stage.raiser)
        if action is ActionPreference.Inquire:
            raise Terminating(no_prompt(stage.cmdlet.session, failure.message))
        if action in (ActionPreference.SilentlyContinue, ActionPreference.Ignore):
            return
        if stage.preferences.merge_errors:
            yield from self._pass_on(index, as_object(failure, stage.raiser))
        else:
            yield Error(as_error_record(failure, stage.raiser))


class _Enough(Exception):
    """The command at this place of the pipe wants no more input."""

    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index
