"""Short ways to ask the lab's engine something."""

from __future__ import annotations

from dataclasses import dataclass, field

from psrpcore.types import ErrorRecord

from runner.lab.engine import Engine
from runner.lab.machine import Machine
from runner.lab.messages import (
    Ended,
    Error,
    Message,
    Output,
    Request,
    RequestedCommand,
    StopSignal,
    Wait,
    Warning,
)
from runner.lab.spec import MachineSpec, build_machine

KEY = "HKLM:\\SOFTWARE\\Lab"
PATH = "HKLM\\SOFTWARE\\Lab"
TERMINATING = ("Get-NoSuchCommand", {})


def machine(**spec: object) -> Machine:
    """A machine with an empty key HKLM\\SOFTWARE\\Lab."""
    registry = {PATH: {}, **spec.pop("registry", {})}  # type: ignore[dict-item]
    return build_machine("lab01", MachineSpec.model_validate({**spec, "registry": registry}))


def command(
    name: str, *positional: object, merge: bool = False, script: bool = False, **named: object
) -> RequestedCommand:
    """One command; a parameter called `is_` is written without the underscore."""
    parameters = [(None, value) for value in positional] + [(n.rstrip("_"), value) for n, value in named.items()]
    return RequestedCommand(name, tuple(parameters), script, merge)


def echo(text: object) -> tuple[RequestedCommand, ...]:
    """The statement Write-Output -InputObject TEXT."""
    return (command("Write-Output", InputObject=text),)


def new_key(name: str) -> tuple[RequestedCommand, ...]:
    """A statement that leaves a trace on the machine, and no output."""
    return (command("New-Item", Path=f"{KEY}\\{name}"), command("Out-Null"))


@dataclass
class Told:
    """What the client was told of one pipeline."""

    messages: list[Message] = field(default_factory=list)

    @property
    def values(self) -> list[object]:
        return [m.value for m in self.messages if isinstance(m, Output)]

    @property
    def errors(self) -> list[str]:
        return [str(m.record.FullyQualifiedErrorId).partition(",")[0] for m in self.messages if isinstance(m, Error)]

    @property
    def records(self) -> list[ErrorRecord]:
        return [m.record for m in self.messages if isinstance(m, Error)]

    @property
    def state(self) -> str:
        (ended,) = [m for m in self.messages if isinstance(m, Ended)]
        return ended.state

    @property
    def reason(self) -> str | None:
        (ended,) = [m for m in self.messages if isinstance(m, Ended)]
        return None if ended.reason is None else str(ended.reason.FullyQualifiedErrorId).partition(",")[0]

    @property
    def warnings(self) -> list[str]:
        return [m.text for m in self.messages if isinstance(m, Warning)]

    @property
    def waited(self) -> float:
        return sum(m.seconds for m in self.messages if isinstance(m, Wait))


def run(target: Machine | Engine, *statements: tuple[RequestedCommand, ...], input_: tuple[object, ...] = ()) -> Told:
    """Run one pipeline to its end, also what goes on after the final state."""
    engine = target if isinstance(target, Engine) else Engine(target)
    return Told(list(engine.invoke(Request(statements, input_), StopSignal())))


def one(target: Machine | Engine, *commands: RequestedCommand) -> Told:
    """Run one pipeline of one statement."""
    return run(target, commands)


def subkeys(target: Machine) -> list[str]:
    """The names of the keys below HKLM\\SOFTWARE\\Lab."""
    key = target.registry.find(PATH)
    return [] if key is None else [below.name for below in key.subkeys.values()]
