"""The commands of one statement, joined: what one writes is processed by the next before it goes on.

Here it is decided what becomes of errors and of the other streams: preferences and action parameters (findings B4, H3)
and merging (H5; what is merged where is the engine's `Command.SetMergeSettingsOnCommandProcessor`).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Protocol

from psrpcore.types import ErrorCategory

from runner.lab.cmdlet import Emit, Event, Problem, Report, Session, UpstreamEnough, no_prompt
from runner.lab.enums import ActionPreference
from runner.lab.errors import Failure, Raiser, Terminating, as_object
from runner.lab.messages import Debug, Information, Informational, Progress, Record, Verbose, Warning
from runner.lab.records import record_object
from runner.lab.values import ClrList

Action = ActionPreference
PipeEvent = Emit | Problem | Record


class ActionStop(Exception):
    """A non-terminating error or a record met the preference Stop: the whole pipeline ends here (B4)."""

    def __init__(self, failure: Failure, raiser: Raiser | None) -> None:
        super().__init__(failure.error_id)
        self.failure = failure
        self.raiser = raiser


class StopRequested(Exception):
    """The client's stop signal ends the running statement; `finally` blocks still run (H4)."""


def thrown_into(events: Iterator[Event], error: BaseException) -> Event | None:
    """The next event of a generator after this exception was raised in it; None at its end."""
    if not isinstance(events, Generator):
        raise error
    try:
        event: Event = events.throw(error)
    except StopIteration:
        return None
    return event


@dataclass(frozen=True, slots=True)
class Preferences:
    """What becomes of the errors and records that one command writes."""

    error: ActionPreference = Action.Continue
    warning: ActionPreference = Action.Continue
    verbose: ActionPreference = Action.SilentlyContinue
    debug: ActionPreference = Action.SilentlyContinue
    information: ActionPreference = Action.SilentlyContinue
    progress: ActionPreference = Action.Continue


@dataclass(frozen=True, slots=True)
class Merging:
    """Which streams of one command go to its output, or nowhere."""

    errors: bool = False
    records: frozenset[str] = frozenset()
    discarded: frozenset[str] = frozenset()
    previous_errors: bool = False


class Stage(Protocol):
    """One command of a pipe while it runs. `preferences` is None where what it writes was already decided inside."""

    session: Session
    raiser: Raiser
    merging: Merging
    preferences: Preferences | None
    collected: list[object] | None

    def prepare(self, *, expects_input: bool) -> None: ...
    def begin(self) -> Iterator[Event]: ...
    def process_once(self) -> Iterator[Event]: ...
    def process(self, item: object) -> Iterator[Event]: ...
    def end(self) -> Iterator[Event]: ...


class attributed:
    """Names the command in terminating errors that leave the block without one."""

    def __init__(self, raiser: Raiser) -> None:
        self._raiser = raiser

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Terminating) and error.raiser is None and not error.anonymous:
            error.raiser = self._raiser


def run_pipe(stages: list[Stage], items: tuple[object, ...] | None) -> Generator[PipeEvent, None, None]:
    """Run prepared commands over these pipeline objects; None: there is no input at all."""
    yield from _Pipe(stages).run(items)


class _Pipe:
    def __init__(self, stages: list[Stage]) -> None:
        self._stages = stages
        self._ended = 0

    def run(self, items: tuple[object, ...] | None) -> Iterator[PipeEvent]:
        for index, stage in enumerate(self._stages):
            yield from self._handle(index, stage.begin())
        try:
            if items is None:
                yield from self._handle(0, self._stages[0].process_once())
            for item in items or ():
                yield from self._handle(0, self._stages[0].process(item))
            while self._ended < len(self._stages):
                self._ended += 1
                yield from self._handle(self._ended - 1, self._stages[self._ended - 1].end())
        except _Enough as enough:
            for index in range(max(self._ended, enough.index), len(self._stages)):
                yield from self._handle(index, self._stages[index].end())

    def _handle(self, index: int, events: Iterator[Event]) -> Iterator[PipeEvent]:
        with attributed(self._stages[index].raiser):
            try:
                event = next(events, None)
                while event is not None:
                    stopped = yield from self._handled(index, event)
                    event = next(events, None) if stopped is None else thrown_into(events, stopped)
            except UpstreamEnough:
                raise _Enough(index) from None

    def _handled(self, index: int, event: Event) -> Generator[PipeEvent, None, StopRequested | None]:
        """Handle one event; a stop that comes meanwhile is for the command that wrote it."""
        try:
            yield from self._event(index, event)
        except StopRequested as stopped:
            return stopped
        return None

    def _event(self, index: int, event: Event) -> Iterator[PipeEvent]:
        if isinstance(event, Emit):
            yield from self._pass_on(index, event.value)
        elif isinstance(event, Report):
            yield from self._report(index, event)
        elif isinstance(event, Problem):
            yield from self._problem(index, event)
        elif isinstance(event, (Informational, Progress)):
            yield from self._record(index, event)
        else:
            yield event

    def _pass_on(self, index: int, value: object) -> Iterator[PipeEvent]:
        collected = self._stages[index].collected
        if collected is not None:
            collected.append(value)
        if index + 1 == len(self._stages):
            yield Emit(value)
        else:
            yield from self._handle(index + 1, self._stages[index + 1].process(value))

    def _report(self, index: int, report: Report) -> Iterator[PipeEvent]:
        stage, failure = self._stages[index], report.failure
        action = (stage.preferences or Preferences()).error
        raiser = report.raiser or stage.raiser
        stage.session.failing = True
        if action is not Action.Ignore:
            stage.session.errors.insert(0, as_object(failure, raiser))
        if action is Action.Stop:
            raise ActionStop(failure, raiser)
        if action is Action.Inquire:
            raise Terminating(no_prompt(stage.session, failure.message))
        if action not in (Action.SilentlyContinue, Action.Ignore):
            yield from self._problem(index, Problem(failure, raiser))

    def _problem(self, index: int, problem: Problem) -> Iterator[PipeEvent]:
        following = self._stages[index + 1].merging if index + 1 < len(self._stages) else Merging()
        if self._stages[index].merging.errors or following.previous_errors:
            yield from self._pass_on(index, as_object(problem.failure, problem.raiser))
        else:
            yield problem

    def _record(self, index: int, record: Informational | Progress) -> Iterator[PipeEvent]:
        stage = self._stages[index]
        action = _action(stage.preferences, record)
        if action is Action.Ignore:
            return
        if action is Action.SilentlyContinue and not isinstance(record, Information):
            return
        if action is Action.Inquire:
            raise Terminating(no_prompt(stage.session, getattr(record, "text", "")))
        kind = type(record).__name__
        if kind in stage.merging.records and not isinstance(record, Progress):
            yield from self._pass_on(index, record_object(record))
        elif kind not in stage.merging.discarded:
            yield record
        if action is Action.Stop:
            raise ActionStop(_stopped_by_preference(stage.session, record), stage.raiser)


def _action(preferences: Preferences | None, record: Informational | Progress) -> ActionPreference:
    if preferences is None:
        return Action.Continue
    if isinstance(record, Warning):
        return preferences.warning
    if isinstance(record, Verbose):
        return preferences.verbose
    if isinstance(record, Debug):
        return preferences.debug
    return preferences.progress if isinstance(record, Progress) else preferences.information


def _stopped_by_preference(session: Session, record: Informational | Progress) -> Failure:
    text = record.text if isinstance(record, (Warning, Verbose, Debug)) else ""
    message = session.say("ActionPreferenceStop", f"{type(record).__name__}Preference", text)
    category = ErrorCategory.OperationStopped
    return Failure("ActionPreferenceStop", category, "ActionPreferenceStopException", message)


class _Enough(Exception):
    """The command at this place of the pipe wants no more input."""

    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index


def collect_into(stage: Stage, name: str) -> None:
    """-OutVariable: what the command writes is also in a variable; a name with "+" keeps what it holds."""
    variables = stage.session.variables
    bare = name.removeprefix("+")
    before = variables.get(bare) if name.startswith("+") else None
    items = list(before.items) if isinstance(before, ClrList) else []
    stage.collected = items
    variables.set(bare, ClrList(items, ("System.Collections.ArrayList", "System.Object")))
