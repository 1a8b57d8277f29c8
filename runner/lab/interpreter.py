"""Executes script text: statements and expressions of `syntax.py`, in the session of a simulated PowerShell process.

Inside a script a terminating error of a command ends one statement and is an ordinary error record; `throw` ends
everything (finding B12 of `groundtruth/pwsh76/README.md`, cases script.*, seq.*-in-function). Everything here is a
generator of what happens meanwhile; what the client is told of it is decided outside.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace

from psrpcore.types import ErrorCategory, PSInt

from runner.lab.automatic import assign_variable, read_variable
from runner.lab.binder import NO_VALUE
from runner.lab.cmdlet import Emit, Problem, Session, no_prompt
from runner.lab.convert import to_integer
from runner.lab.dotnet import add, cast, instance_member, negate, static_member
from runner.lab.enums import ActionPreference
from runner.lab.errors import REFUSAL, SCRIPT, Failure, Terminating, Thrown, as_object, not_simulated
from runner.lab.members import Void
from runner.lab.messages import ShouldExit
from runner.lab.pipes import ActionStop, Merging, PipeEvent, Stage, run_pipe
from runner.lab.stages import Invocation
from runner.lab.syntax import (
    Added,
    Argument,
    ArrayOf,
    Assignment,
    Block,
    Break,
    Call,
    Cast,
    Exit,
    Expression,
    Function,
    Items,
    Literal,
    Member,
    Negated,
    Pipe,
    ResultOf,
    Return,
    Statement,
    Table,
    Text,
    Throw,
    Try,
    TypeName,
    Variable,
)
from runner.lab.values import OBJECT_ARRAY, ClrDict, ClrList, enumerate_value, to_text

Evaluation = Generator[PipeEvent, None, object]


class Returned(Exception):
    """`return` was run: the function or script ends."""


class BrokenOff(Exception):
    """`break` outside of every loop was run: it ends whatever runs, without an error (seq.break-in-function)."""


class Exited(Exception):
    """`exit` was run: the script ends."""


class Interpreter:
    """Runs statements; `stage_for` makes a command of a pipe out of a call."""

    def __init__(self, session: Session, stage_for: Callable[[Invocation], Stage]) -> None:
        self._session = session
        self._stage_for = stage_for

    def run(self, statements: tuple[Statement, ...]) -> Generator[PipeEvent, None, None]:
        """Run statements one after the other, whatever errors they end with."""
        for statement in statements:
            self._session.failing = False
            yield from self._statement_of_script(statement)
            self._session.succeeded = not self._session.failing  # only now: the statement itself may read $?

    def _statement_of_script(self, statement: Statement) -> Iterator[PipeEvent]:
        try:
            yield from self._statement(statement)
        except Thrown:
            raise
        except Terminating as error:
            yield from self._go_on(error)

    def _go_on(self, error: Terminating) -> Iterator[PipeEvent]:
        """A terminating error has ended a statement of a script."""
        if error.failure.error_id == REFUSAL:
            raise error
        self._session.failing = True
        failure = replace(error.failure, wrapped=False)
        action = self._session.error_preference()
        if action is not ActionPreference.Ignore:
            self._session.errors.insert(0, as_object(failure, error.raiser))
        if action is ActionPreference.Stop:
            raise ActionStop(failure, error.raiser)
        if self._session.ends_at_errors:
            raise Thrown(error.failure, error.raiser, anonymous=error.anonymous)
        if action is ActionPreference.Inquire:
            raise Thrown(no_prompt(self._session, failure.message), error.raiser)
        if action not in (ActionPreference.SilentlyContinue, ActionPreference.Ignore):
            yield Problem(failure, error.raiser or SCRIPT)

    def _statement(self, statement: Statement) -> Iterator[PipeEvent]:
        match statement:
            case Pipe():
                yield from self._pipe(statement)
            case Assignment(name, pipe):
                assign_variable(self._session, name, (yield from self._value(pipe)))
            case Function(name):
                self._session.functions[name.casefold()] = statement
            case Try():
                yield from self._try(statement)
            case Throw(value):
                raise Thrown(self._thrown((yield from self._value(value)) if value else None), SCRIPT)
            case Return(value):
                if value is not None:
                    yield from self._pipe(value)
                raise Returned
            case Exit(value):
                code = (yield from self._value(value)) if value else PSInt(0)
                yield ShouldExit(int(to_integer(code, "System.Int32")))
                raise Exited
            case Break():
                raise BrokenOff

    def _thrown(self, value: object) -> Failure:
        category, exception = ErrorCategory.OperationStopped, "RuntimeException"
        if value is None:
            return Failure("ScriptHalted", category, exception, self._session.say("ScriptHalted"))
        if not isinstance(value, str):
            raise Thrown(not_simulated("throwing other things than a text"))
        return Failure(value, category, exception, value, value)

    def _try(self, statement: Try) -> Iterator[PipeEvent]:
        try:
            for one in statement.body:
                yield from self._statement(one)
        except GeneratorExit:
            raise
        except (Terminating, ActionStop) as error:
            if statement.catch is None or error.failure.error_id == REFUSAL:
                yield from self.run(statement.finally_)
                raise
            yield from self.run(statement.catch)
        except BaseException:
            yield from self.run(statement.finally_)
            raise
        yield from self.run(statement.finally_)

    def _pipe(self, pipe: Pipe) -> Iterator[PipeEvent]:
        first, *rest = pipe.elements
        items: tuple[object, ...] | None = None
        calls = [element for element in pipe.elements if isinstance(element, Call)]
        if len(calls) != len(rest) + isinstance(first, Call):
            raise Terminating(not_simulated("a value in the middle of a pipe"))
        if not isinstance(first, Call):
            value = yield from self.evaluate(first)
            items = () if value is Void.VOID else tuple(enumerate_value(value))
        if not calls:
            yield from (Emit(item) for item in items or ())
            return
        stages: list[Stage] = []
        for call in calls:
            invocation = yield from self._invocation(call)
            stages.append(self._stage_for(replace(invocation, is_last=call is calls[-1])))
        for index, stage in enumerate(stages):
            stage.prepare(expects_input=index > 0 or items is not None)
        yield from run_pipe(stages, items)

    def _invocation(self, call: Call) -> Generator[PipeEvent, None, Invocation]:
        name = yield from self.evaluate(call.name)
        if not isinstance(name, str):
            raise Terminating(not_simulated("a command that is no name"))
        arguments: list[tuple[str | None, object]] = []
        for argument in call.arguments:
            arguments.append((argument.name, (yield from self._argument(argument))))
        return Invocation(name, tuple(arguments), Merging(errors=call.merges_errors))

    def _argument(self, argument: Argument) -> Evaluation:
        return NO_VALUE if argument.value is None else (yield from self.evaluate(argument.value))

    def _value(self, pipe: Pipe) -> Evaluation:
        """What a pipe writes as one value: nothing is null, one object itself, more an array."""
        first = pipe.elements[0]
        if len(pipe.elements) == 1 and not isinstance(first, Call):
            value = yield from self.evaluate(first)
            return None if value is Void.VOID else value
        return _as_one((yield from self._collected(self._pipe(pipe))))

    def _collected(self, events: Iterator[PipeEvent]) -> Generator[PipeEvent, None, list[object]]:
        collected: list[object] = []
        for event in events:
            if isinstance(event, Emit):
                collected.append(event.value)
            else:
                yield event
        return collected

    def evaluate(self, expression: Expression) -> Evaluation:
        """The value of an expression. Raises Terminating."""
        match expression:
            case Literal(value):
                return value
            case Variable(name):
                return read_variable(self._session, name)
            case Text(parts):
                return "".join((yield from self._texts(parts)))
            case Items(items):
                return ClrList((yield from self._values(items)), OBJECT_ARRAY)
            case ArrayOf(body):
                return ClrList((yield from self._collected(self.run(body))), OBJECT_ARRAY)
            case ResultOf(body):
                return _as_one((yield from self._collected(self.run(body))))
            case Table(pairs):
                return (yield from self._table(pairs))
            case Cast(type_name, operand):
                return cast((yield from self.evaluate(operand)), type_name)
            case Negated(operand):
                return negate((yield from self.evaluate(operand)))
            case Added(left, right):
                return add((yield from self.evaluate(left)), (yield from self.evaluate(right)))
            case Member():
                return (yield from self._member(expression))
            case TypeName(name):
                raise Terminating(not_simulated(f"the type [{name}] as a value"))
            case Block():
                raise Terminating(not_simulated("a script block as a value"))

    def _values(self, expressions: tuple[Expression, ...]) -> Generator[PipeEvent, None, list[object]]:
        values: list[object] = []
        for expression in expressions:
            values.append((yield from self.evaluate(expression)))
        return values

    def _texts(self, parts: tuple[Expression, ...]) -> Generator[PipeEvent, None, list[str]]:
        return [to_text(value) for value in (yield from self._values(parts))]

    def _table(self, pairs: tuple[tuple[Expression, Expression], ...]) -> Evaluation:
        table: dict[object, object] = {}
        for key, value in pairs:
            name = yield from self.evaluate(key)
            table[name] = yield from self.evaluate(value)
        return ClrDict(table)

    def _member(self, member: Member) -> Evaluation:
        arguments = None if member.arguments is None else (yield from self._values(member.arguments))
        if member.static:
            if not isinstance(member.target, TypeName):
                raise Terminating(not_simulated("a static member of a value"))
            return static_member(member.target.name, member.name, arguments)
        return instance_member(self._session, (yield from self.evaluate(member.target)), member.name, arguments)


def _as_one(collected: list[object]) -> object:
    if not collected:
        return None
    return collected[0] if len(collected) == 1 else ClrList(collected, OBJECT_ARRAY)
