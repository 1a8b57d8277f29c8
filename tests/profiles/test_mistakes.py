"""Deliberate mistakes in a module: each of them is found. The toy does everything wrong that its arguments ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from runner.lab.spec import MachineSpec, build_machine
from runner.model.command import Command, Statement, command
from runner.model.state import Desired, State, Unreadable
from runner.modules.base import Arguments, Requires, Round, Shown, StateModule
from tests.modules.lab_session import LabSession
from tests.modules.test_state_modules import Bench
from tests.profiles.catalogue import Profile
from tests.profiles.emitted import Emission, Purpose, of_bench
from tests.profiles.judging import problems
from tests.profiles.test_emitted import changing, is_for, makes_by_force, projections

KEY = "HKLM:\\SOFTWARE\\Lab"
GOOD = command("Set-ItemProperty", LiteralPath=KEY, Name="A", Value=1, Type="DWord")


class ToyArguments(Arguments):
    pass


class Toy(StateModule[ToyArguments]):
    """Reads a value and writes it by the statement that it is given."""

    name = "toy"
    summary = "a toy"
    arguments = ToyArguments

    def __init__(self, write: Statement, read: Command | None = None) -> None:
        self._write = write
        self._read = read or command("Get-ItemProperty", LiteralPath=(KEY,), ErrorAction="SilentlyContinue")

    def key(self, arguments: ToyArguments) -> str:
        return KEY

    def shown(self, arguments: ToyArguments) -> Shown:
        return Shown("toy", KEY)

    def read(self, wanted: Sequence[ToyArguments], rounds: Sequence[Round]) -> tuple[Statement, ...]:
        return () if rounds else ((self._read,),)

    def observe(self, wanted: Sequence[ToyArguments], rounds: Sequence[Round]) -> tuple[State | Unreadable, ...]:
        return (State(True, {"A": len(rounds[0].replies[0].outputs)}),) * len(wanted)

    def desired(self, arguments: ToyArguments, before: State) -> Desired:
        return Desired(True, {"A": -1})

    def write(self, arguments: ToyArguments, before: State) -> tuple[Statement, ...]:
        return (self._write,)

    def undo(self, arguments: ToyArguments, before: State, after: State) -> tuple[Statement, ...]:
        return ()


class NewerToy(Toy):
    requires = Requires(powershell="5.0")


def sent(toy: Toy, kind: str = "windows") -> list[Emission]:
    """Collected the same way as of the real modules."""
    machine = build_machine("toy", MachineSpec())
    return list(of_bench(Bench(toy, (ToyArguments(),), machine, LabSession(machine)), "toy/mistake", kind))


def wrong(toy: Toy, profile: Profile) -> list[str]:
    return [found for one in sent(toy) if is_for(one, profile) for found in problems(one.statement, profile)]


def test_the_toy_without_a_mistake_passes(profile: Callable[[str], Profile]) -> None:
    for name in ("Server 2012 R2", "Server 2025"):
        assert wrong(Toy((GOOD,)), profile(name)) == []


MISTAKES = {
    "a misspelt parameter": (
        command("Set-ItemProperty", LiteralPath=KEY, Nmae="A", Value=1),
        "Set-ItemProperty: -Nmae: there is no such parameter",
    ),
    "a misspelt command": (command("Set-ItemProprety", LiteralPath=KEY), "Set-ItemProprety: there is no such command"),
    "a parameter of newer servers": (
        command("Get-ChildItem", LiteralPath=KEY, Recurse=True, Depth=1),
        "Get-ChildItem: -Depth: there is no such parameter",
    ),
    "a command of newer servers": (
        command("Get-LocalUser", Name="bob"),
        "Get-LocalUser: there is no such command",
    ),
    "a wrong type": (
        command("Set-Service", Name=("a", "b"), StartupType="Manual"),
        "Set-Service: -Name: a tuple is no System.String",
    ),
    "a value that is none of the choices": (
        command("Set-ItemProperty", LiteralPath=KEY, Name="A", Value=1, Type="REG_DWORD"),
        "Set-ItemProperty: -Type: a str is no Microsoft.Win32.RegistryValueKind",
    ),
    "a switch with a text": (
        command("Stop-Service", Name="x", Force="true"),
        "Stop-Service: -Force: a str is no System.Management.Automation.SwitchParameter",
    ),
    "parameters of two sets": (
        command("Get-Item", LiteralPath=KEY, Path=KEY),
        "Get-Item: LiteralPath, Path: no parameter set has all of them",
    ),
    "a mandatory one left out": (
        command("Set-ItemProperty", LiteralPath=KEY, Name="A"),
        "Set-ItemProperty: mandatory, and not given: Value",
    ),
    "a mandatory one empty": (
        command("Get-Item", LiteralPath=()),
        "Get-Item: -LiteralPath: mandatory, so that it must not be empty",
    ),
    "a provider's parameter for another provider": (
        command("Set-ItemProperty", LiteralPath="C:\\x", Name="A", Value=1, Type="DWord"),
        "Set-ItemProperty: -Type: there is no such parameter",
    ),
    "a value without a name": (
        Command("Get-Item", (), (KEY,)),
        "Get-Item: values without a parameter's name",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found_on_server_2012_r2(mistake: str, profile: Callable[[str], Profile]) -> None:
    bad, expected = MISTAKES[mistake]
    assert expected in wrong(Toy((bad,)), profile("Server 2012 R2"))
    assert expected in wrong(Toy((GOOD,), read=bad), profile("Server 2012 R2"))  # in a read it is found as well


def test_what_newer_servers_have_passes_there(profile: Callable[[str], Profile]) -> None:
    newer, _ = MISTAKES["a parameter of newer servers"]
    assert wrong(Toy((newer,)), profile("Server 2016")) == []


def test_only_a_module_that_requires_more_may_send_what_an_older_server_lacks(
    profile: Callable[[str], Profile],
) -> None:
    newer, _ = MISTAKES["a parameter of newer servers"]
    assert wrong(NewerToy((newer,)), profile("Server 2012 R2")) == []
    misspelt, _ = MISTAKES["a misspelt parameter"]
    assert wrong(NewerToy((misspelt,)), profile("Server 2019")) != []


def test_what_follows_a_pipe_must_take_objects_from_it(profile: Callable[[str], Profile]) -> None:
    piped = (command("Get-Item", LiteralPath=KEY), command("Get-Culture"))
    assert wrong(Toy(piped), profile("Server 2019")) == ["Get-Culture: takes nothing from a pipe"]
    good = (command("Get-Service", Name="x"), command("Set-Service", StartupType="Manual"))
    assert wrong(Toy(good), profile("Server 2019")) == []
    alone = (command("Set-Service", StartupType="Manual"),)
    assert wrong(Toy(alone), profile("Server 2019")) == ["Set-Service: mandatory, and not given: Name"]


def test_a_key_made_by_force_is_found() -> None:
    writes = sent(Toy((command("New-Item", Path=KEY, Force=True),)))
    assert any(makes_by_force(one.statement) for one in writes)
    assert not any(makes_by_force(one.statement) for one in sent(Toy((command("New-Item", Path=KEY),))))


def test_two_changes_in_one_pipeline_are_found() -> None:
    two = (command("Set-Service", Name="x", StartupType="Manual", PassThru=True), command("Start-Service"))
    assert [changing(one.statement) for one in sent(Toy(two))] != [0, 1, 0]
    assert [changing(one.statement) for one in sent(Toy((GOOD,)))] == [0, 1, 0]


def test_a_projection_on_a_restricted_session_is_found() -> None:
    """The transport takes away what only projects; what it must leave is found in the module."""
    projecting = (command("Get-Service", Name="x"), command("Select-Object", Property=("Name", "Status")))
    first = (command("Get-Service", Name="x"), command("Select-Object", Property=("Name",), First=1))
    assert projections(projecting) == ["Status"]
    there = [one for write in (projecting, first) for one in sent(Toy(write), "restricted")]
    assert [projections(one.statement) for one in there if one.purpose is Purpose.WRITE] == [[], ["-first"]]
