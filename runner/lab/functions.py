"""Functions and scripts as commands of a pipe: their parameters, their scope, their blocks.

Binding: findings P1, P4 and P7 of `groundtruth/pwsh76/README.md` (a function converts more and words its errors in
other ids than a compiled cmdlet).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, nullcontext
from typing import TypeVar

from psrpcore.types import ErrorCategory

from runner.lab.autoload import load_for
from runner.lab.binder import Binding
from runner.lab.cmdlet import Event, Report, Session
from runner.lab.endpoints import Endpoint, script_refused
from runner.lab.errors import SCRIPT, Failure, Raiser, Terminating, Thrown, not_simulated
from runner.lab.function_binding import FunctionBinder, function_signature
from runner.lab.interpreter import Exited, Interpreter, Returned
from runner.lab.members import Method
from runner.lab.native import ProgramStage
from runner.lab.native_programs import find_program
from runner.lab.pipes import Merging, PipeEvent, Preferences, Stage, StopRequested, attributed
from runner.lab.script import parse, parse_block
from runner.lab.stages import CmdletStage, Invocation, find_entry, preferences
from runner.lab.syntax import Function, FunctionBody, FunctionParameter, ParseError, Refused, Statement, Unsupported
from runner.lab.values import OBJECT, OBJECT_ARRAY, ClrDict, ClrList, ClrObject
from runner.lab.variables import Scope

T = TypeVar("T")


class Resolver:
    """Finds what the commands of a session mean."""

    def __init__(self, session: Session, endpoint: Endpoint) -> None:
        self.session = session
        self.endpoint = endpoint

    def stage(self, invocation: Invocation) -> Stage:
        """The command of a pipe that a call means: a function of the session, a program or a cmdlet.

        Raises Terminating.
        """
        function = self.session.functions.get(invocation.name.casefold()) or self._of_module(invocation.name)
        if function is not None:
            return FunctionStage(self, function.name, function.body, invocation)
        program = find_program(invocation.name) if self.endpoint.shows_all_commands else None
        if program is not None:
            return ProgramStage(self.session, program, invocation)
        return CmdletStage(self.session, find_entry(self.session, self.endpoint, invocation.name), invocation)

    def _of_module(self, name: str) -> Function | None:
        """A function of a module that is loaded by the call; None where the call means something else."""
        if self.endpoint.session_type == "default" and name:
            load_for(self.session, name)
        return self.session.functions.get(name.casefold())

    def script(self, invocation: Invocation, *, local_scope: bool) -> Stage:
        """Script text as a command of a pipe. Raises Terminating."""
        if not self.endpoint.takes_scripts:
            refused = script_refused(self.session, invocation.name)
            raise Terminating(refused.failure, anonymous=True)
        if invocation.arguments:
            return self._script_with_arguments(invocation, local_scope=local_scope)
        return ScriptStage(self, invocation, local_scope=local_scope)

    def _script_with_arguments(self, invocation: Invocation, *, local_scope: bool) -> Stage:
        """A script that is given arguments binds them as a function does; its errors name no command."""
        if not local_scope:
            raise Terminating(not_simulated("arguments of a script that has no scope of its own"))
        return FunctionStage(self, "", _read(invocation.name, parse_block), invocation)


class _LeavesFunction(Exception):
    """$PSCmdlet.ThrowTerminatingError: the function ends with this error."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.error_id)
        self.failure = failure


class _PSCmdlet:
    """What $PSCmdlet of an advanced function stands for."""

    def method(self, name: str) -> Method | None:
        """ThrowTerminatingError; the other methods are refused by name."""
        if name.casefold() != "throwterminatingerror":
            raise Terminating(not_simulated(f"the method {name} of $PSCmdlet"))
        return self._throw

    def _throw(self, arguments: list[object]) -> object:
        record = arguments[0] if arguments else None
        if not isinstance(record, ClrObject) or not isinstance(record.source, Failure):
            raise Terminating(not_simulated("throwing an error that already was one"))
        raise _LeavesFunction(record.source)


class _ScopedStage:
    """A command made of statements, which run in a scope of their own whenever it is its turn."""

    def __init__(self, resolver: Resolver, raiser: Raiser, merging: Merging) -> None:
        self.session = session = resolver.session
        self.raiser = raiser
        self.merging = merging
        self.preferences: Preferences | None = None
        self.collected: list[object] | None = None
        self._scope: Scope | None = {}
        self._interpreter = Interpreter(session, resolver.stage)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """It is this command's turn: its scope, and what Write-Error names (WriteError)."""
        self.session.callers.append(self.raiser)
        try:
            with self.session.variables.entered(self._scope) if self._scope is not None else nullcontext():
                yield
        finally:
            self.session.callers.pop()

    def run(self, statements: tuple[Statement, ...]) -> Iterator[PipeEvent]:
        """Run statements in the command's scope; whoever is told of an event meanwhile does not see that scope."""
        yield from self.scoped(self._interpreter.run(statements))

    def scoped(self, events: Generator[PipeEvent, None, T]) -> Generator[PipeEvent, None, T | None]:
        """Drive a generator in the command's scope; None if it was left by `return`."""
        stopped: StopRequested | None = None
        while True:
            try:
                with self._turn():
                    event = next(events) if stopped is None else events.throw(stopped)
            except StopIteration as ended:
                result: T = ended.value
                return result
            except Returned:
                return None
            except _LeavesFunction as left:
                raise Terminating(left.failure, self.raiser) from None
            try:
                yield event
            except StopRequested as error:
                stopped = error
            else:
                stopped = None


class FunctionStage(_ScopedStage):
    """One call of a function; a `pipes.Stage`."""

    def __init__(self, resolver: Resolver, name: str, body: FunctionBody | Refused, invocation: Invocation) -> None:
        super().__init__(resolver, Raiser(name, name), invocation.merging)
        session = resolver.session
        self._arguments = invocation.arguments
        self._body = body
        if body.parameters is None:
            raise Terminating(not_simulated(f"the function {name}: {body.reason}" if isinstance(body, Refused) else ""))
        self._parameters: tuple[FunctionParameter, ...] = body.parameters
        signature = function_signature(body.parameters, body.attributes, session.version)
        self._binder = FunctionBinder(session, signature, name, body.parameters)
        self._binding: Binding | None = None

    def prepare(self, *, expects_input: bool) -> None:
        with attributed(self.raiser):
            self._binding = self._bound(expects_input=expects_input)
            shared = preferences(self.session, self._binding)
        if isinstance(self._body, Refused):
            raise Terminating(not_simulated(self._body.reason))
        scope = self._own_scope()
        for stream in ("error", "warning", "verbose", "debug", "information", "progress"):
            variable = "erroractionpreference" if stream == "error" else f"{stream}preference"
            if self._binding.values.keys() & _PARAMETERS_OF[stream]:
                scope[variable] = getattr(shared, stream)
        self._offer(self._binding)

    def _bound(self, *, expects_input: bool) -> Binding:
        """A function that is not advanced takes whatever else it is given in $args."""
        try:
            return self._binder.bind(self._arguments, expects_input=expects_input)
        except Terminating as error:
            left_over = ("NamedParameterNotFound", "PositionalParameterNotFound")
            if error.failure.error_id in left_over and not self._binder.is_advanced:
                raise Terminating(not_simulated("the further arguments of a simple function")) from None
            raise

    def _own_scope(self) -> Scope:
        if self._scope is None:
            raise RuntimeError("a function has a scope of its own")
        return self._scope

    def _offer(self, binding: Binding) -> None:
        scope = self._own_scope()
        for parameter in self._parameters:
            scope[parameter.name.casefold()] = self._binder.value_of(binding, parameter.name)
        bound: dict[object, object] = dict(binding.values.items())
        scope["psboundparameters"] = ClrDict(bound, (f"{_AUTOMATION}.PSBoundParametersDictionary", OBJECT))
        scope["args"] = ClrList([], OBJECT_ARRAY)
        properties: dict[str, object] = {"ParameterSetName": self._binder.choose_set(binding)}
        scope["pscmdlet"] = ClrObject((f"{_AUTOMATION}.PSScriptCmdlet", OBJECT), properties, {}, None, _PSCmdlet())

    def begin(self) -> Iterator[Event]:
        for parameter in self._parameters:
            if parameter.default is not None and self._binding and parameter.name not in self._binding.values:
                yield from self._default(parameter)
        yield from self.run(self._blocks().begin)

    def _default(self, parameter: FunctionParameter) -> Iterator[Event]:
        if parameter.default is not None:
            value = yield from self.scoped(self._interpreter.evaluate(parameter.default))
            self._own_scope()[parameter.name.casefold()] = self._binder.convert(parameter.name, value)

    def process_once(self) -> Iterator[Event]:
        yield from self.run(self._blocks().process or ())

    def process(self, item: object) -> Iterator[Event]:
        if self._binding is None:
            raise RuntimeError("a command is prepared before it runs")
        if self._blocks().process is None and not any(
            p.by_value or p.by_name for p in self._binding.signature.parameters
        ):
            raise Terminating(not_simulated("pipeline input of a function without a process block"))
        try:
            bound = self._binder.bind_object(self._binding, item)
        except Terminating as error:
            if error.failure.error_id != "InputObjectNotBound":
                raise
            yield Report(error.failure)
            return
        self._offer(bound)
        self._own_scope()["_"] = item
        yield from self.run(self._blocks().process or ())

    def end(self) -> Iterator[Event]:
        yield from self.run(self._blocks().end)

    def _blocks(self) -> FunctionBody:
        if isinstance(self._body, Refused):
            raise Terminating(not_simulated(self._body.reason))
        return self._body


_AUTOMATION = "System.Management.Automation"
_PARAMETERS_OF = {
    "error": {"ErrorAction"},
    "warning": {"WarningAction"},
    "verbose": {"Verbose"},
    "debug": {"Debug"},
    "information": {"InformationAction"},
    "progress": {"ProgressAction"},
}


class ScriptStage(_ScopedStage):
    """Script text as a command of a pipe; a `pipes.Stage`. It is parsed when its turn comes (B10)."""

    def __init__(self, resolver: Resolver, invocation: Invocation, *, local_scope: bool) -> None:
        super().__init__(resolver, SCRIPT, invocation.merging)
        self._text = invocation.name
        self._statements: tuple[Statement, ...] = ()
        if not local_scope:
            self._scope = None

    def prepare(self, *, expects_input: bool) -> None:
        if expects_input:
            raise Terminating(not_simulated("pipeline input of a script"))
        self._statements = _read(self._text, parse)

    def begin(self) -> Iterator[Event]:
        return iter(())

    def process_once(self) -> Iterator[Event]:
        return iter(())

    def process(self, item: object) -> Iterator[Event]:
        raise Thrown(not_simulated("pipeline input of a script"))

    def end(self) -> Iterator[Event]:
        try:
            yield from self.run(self._statements)
        except Exited:
            return


def _read(text: str, parser: Callable[[str], T]) -> T:
    """What a parser makes of script text. Raises Terminating."""
    try:
        return parser(text)
    except Unsupported as reason:
        raise Terminating(not_simulated(str(reason))) from None
    except ParseError as error:
        exception = "IncompleteParseException" if error.incomplete else "ParseException"
        failure = Failure(error.error_id, ErrorCategory.ParserError, exception, str(error))
        raise Terminating(failure, anonymous=True) from None
