"""What a command's name stands for, and a cmdlet while it runs in a pipe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from psrpcore.types import ErrorCategory

from runner.lab.autoload import lacks_module
from runner.lab.binder import Binder, Binding, GivenArgument
from runner.lab.cmdlet import Arguments, Event, Report, Session
from runner.lab.commands import find_command, signature_of
from runner.lab.endpoints import Endpoint, Entry
from runner.lab.enums import ActionPreference
from runner.lab.errors import Failure, Raiser, Terminating, not_simulated
from runner.lab.pipes import Action, Merging, Preferences, attributed, collect_into

_UNSIMULATED_PARAMETERS = frozenset(
    {"ErrorVariable", "WarningVariable", "InformationVariable", "PipelineVariable", "Credential"}
)


@dataclass(frozen=True, slots=True)
class Invocation:
    """A command of a pipe as it is called: over the wire or in a script."""

    name: str
    arguments: tuple[GivenArgument, ...] = ()
    merging: Merging = field(default_factory=Merging)
    is_last: bool = True  # in its pipe


def find_entry(session: Session, endpoint: Endpoint, name: str) -> Entry:
    """What a name stands for in a session configuration. Raises Terminating where PowerShell, or the lab, has none."""
    if not name:
        message = session.say("NoPipeline")
        raise Terminating(Failure("RuntimeException", ErrorCategory.NotSpecified, "RuntimeException", message))
    missing = endpoint.session_type == "default" and lacks_module(session, name)
    found = None if missing else endpoint.find(name, session.version)
    if found is not None:
        return _as_it_acts(session, found)
    module, _, bare = name.rpartition("\\")
    refuse_unsimulated(session, endpoint, bare)
    name = name if endpoint.session_type == "default" else bare  # endpoint.restricted-visible-module-qualified
    qualifies = bare != name and find_command(bare, session.version) is not None
    key = "CouldNotAutoLoadModule" if qualifies else "CommandNotFoundException"
    message = session.say(key, module if qualifies else name)
    category = ErrorCategory.ObjectNotFound
    failure = Failure(key, category, "CommandNotFoundException", message, name, wrapped=True)
    raise Terminating(failure, anonymous=True)


def _as_it_acts(session: Session, entry: Entry) -> Entry:
    """A command with the syntax that its module has in this process; in a restricted session it is not its own."""
    version = entry.command.syntax_version(session)
    if entry.is_function or version == session.version:
        return entry
    return replace(entry, signature=signature_of(entry.command, version))


def refuse_unsimulated(session: Session, endpoint: Endpoint, name: str) -> None:
    """Refuse a command of the modules that only this machine has. Raises Terminating."""
    if endpoint.session_type == "default" and name.casefold() in session.machine.unsimulated_commands:
        raise Terminating(not_simulated(f"the command {name}"))


class CmdletStage:
    """One cmdlet of a pipe while it runs; a `pipes.Stage`.

    Where the session shows a function in the cmdlet's place, binding is the function's affair.
    """

    def __init__(self, session: Session, entry: Entry, invocation: Invocation) -> None:
        command = entry.command
        self.session = session
        self.raiser = Raiser(command.name, command.type_name)
        self._binds = Raiser(command.name, command.name) if entry.is_function else self.raiser
        self.merging = invocation.merging
        self.preferences: Preferences | None = None
        self.collected: list[object] | None = None
        self._invocation = invocation
        unsimulated = entry.unsimulated | _UNSIMULATED_PARAMETERS
        self._binder = Binder(session, entry.signature, command.name, unsimulated)
        self._binding: Binding | None = None
        self._cmdlet = command(session)

    def prepare(self, *, expects_input: bool) -> None:
        """Bind the call's own arguments. Raises Terminating."""
        with attributed(self._binds):
            self._binding = self._bound(expects_input=expects_input)
            self.preferences = preferences(self.session, self._binding)
        variable = self._binding.values.get("OutVariable")
        if isinstance(variable, str) and variable:
            collect_into(self, variable)
        self._offer(self._binding)

    def _bound(self, *, expects_input: bool) -> Binding:
        """The binding, or its error; refused where the lab does not know what this command would say."""
        try:
            return self._binder.bind(self._invocation.arguments, expects_input=expects_input)
        except Terminating as error:
            error_id = error.failure.error_id
            if error_id == "NamedParameterNotFound":
                self._refuse_dynamic()
            if self._cmdlet.open_ended and error_id == "NamedParameterNotFound":
                raise Terminating(not_simulated(f"all parameters of {self._cmdlet.name}")) from None
            is_function = self._binds != self.raiser or self.raiser.name == self.raiser.type_name
            if is_function and error_id.startswith("CannotConvertArgument"):
                refused = not_simulated(f"how the function {self._cmdlet.name} converts its arguments")
                raise Terminating(refused) from None
            raise

    def _refuse_dynamic(self) -> None:
        """Refuse by its name a parameter, or its beginning, that a provider may add (bind.dynamic-parameter)."""
        given = [name.lstrip("-").removesuffix(":") for name, _ in self._invocation.arguments if name]
        for parameter in self._cmdlet.dynamic:
            if any(name and parameter.casefold().startswith(name.casefold()) for name in given):
                refused = not_simulated(f"the parameter -{parameter} of {self._cmdlet.name}")
                raise Terminating(refused) from None

    def begin(self) -> Iterator[Event]:
        yield from self._cmdlet.begin()

    def process_once(self) -> Iterator[Event]:
        """ProcessRecord of a command that gets no pipeline input."""
        yield from self._cmdlet.process()

    def process(self, item: object) -> Iterator[Event]:
        """ProcessRecord for one pipeline object; one that binds to nothing is a non-terminating error (P8)."""
        if self._binding is None:
            raise RuntimeError("a command is prepared before it runs")
        try:
            bound = self._binder.bind_object(self._binding, item)
        except Terminating as error:
            error.raiser = error.raiser or self._binds
            if error.failure.error_id != "InputObjectNotBound":
                raise
            yield Report(error.failure, self._binds)
            return
        self._offer(bound)
        yield from self._cmdlet.process()

    def end(self) -> Iterator[Event]:
        yield from self._cmdlet.end()

    def _offer(self, binding: Binding) -> None:
        self._cmdlet.arguments = Arguments(binding.values)
        self._cmdlet.parameter_set = self._binder.choose_set(binding)


def preferences(session: Session, binding: Binding) -> Preferences:
    """What a call's action parameters, or else the session's variables, say. Raises Terminating for Suspend."""
    values = binding.values
    silent, going_on = Action.SilentlyContinue, Action.Continue
    debugging = going_on if session.version >= (6, 0) else Action.Inquire

    def action(parameter: str, variable: str, default: ActionPreference) -> ActionPreference:
        given = values.get(parameter)
        return given if isinstance(given, ActionPreference) else session.preference(variable, default)

    def switched(parameter: str, on: ActionPreference) -> ActionPreference:
        if parameter in values:
            return on if values[parameter] is True else silent
        return session.preference(f"{parameter}Preference", silent)

    error = action("ErrorAction", "ErrorActionPreference", going_on)
    if error is Action.Suspend:
        message = session.say("SuspendNotSupported")
        category = ErrorCategory.WriteError
        exception = "ParameterBindingException"
        raise Terminating(Failure("ParameterBindingFailed", category, exception, message, wrapped=True))
    return Preferences(
        error=error,
        warning=action("WarningAction", "WarningPreference", going_on),
        verbose=switched("Verbose", going_on),
        debug=switched("Debug", debugging),
        information=action("InformationAction", "InformationPreference", silent),
        progress=action("ProgressAction", "ProgressPreference", going_on),
    )
