"""The rules of statements, pipes and stops (findings B1 to B11, H5 of `groundtruth/pwsh76/README.md`)."""

from __future__ import annotations

import pytest
from psrpcore.types import PSCustomObject, PSInt

from runner.lab.engine import Engine
from runner.lab.messages import Ended, Output, Request, StopSignal, Wait
from tests.lab.engine_support import KEY, command, echo, machine, new_key, one, run, subkeys

UNKNOWN = (command("Get-NoSuchCommand"),)
BAD_PARAMETER = (command("Get-Item", NoSuch=1),)
THROWS = (command("Get-ItemPropertyValue", LiteralPath=KEY, Name="Nope"),)
MISSING = (command("Get-Item", LiteralPath=f"{KEY}\\Nope"),)


@pytest.mark.parametrize("failing", [UNKNOWN, BAD_PARAMETER, THROWS])
def test_b1_a_failing_first_statement_is_an_error_and_one_more_statement_is_told(failing: tuple) -> None:
    host = machine()

    told = run(host, failing, echo("two"), echo("three"), new_key("Four"))

    assert (len(told.errors), told.values, told.state) == (1, ["two"], "Completed")
    assert subkeys(host) == ["Four"], "later statements run unseen (B3)"


@pytest.mark.parametrize("failing", [UNKNOWN, BAD_PARAMETER, THROWS])
def test_b2_a_failing_later_statement_ends_in_failed_and_the_rest_runs_unseen(failing: tuple) -> None:
    host = machine()

    told = run(host, echo("one"), failing, echo("three"), new_key("Four"))

    assert (told.values, told.errors, told.state) == (["one"], [], "Failed")
    assert told.reason in ("CommandNotFoundException", "NamedParameterNotFound", "Argument")
    assert subkeys(host) == ["Four"]


def test_b1_then_b2_a_failing_second_statement_after_a_failing_first_is_the_reason() -> None:
    told = run(machine(), UNKNOWN, THROWS, echo("three"))

    assert (told.errors, told.state, told.reason) == (["CommandNotFoundException"], "Failed", "Argument")


@pytest.mark.parametrize("position", [0, 1])
def test_b4_stop_on_a_nonterminating_error_really_ends_the_pipeline(position: int) -> None:
    host = machine()
    stopping = (command("Get-Item", LiteralPath=f"{KEY}\\Nope", ErrorAction="Stop"),)
    statements = [echo("one"), new_key("Three")]
    statements.insert(position, stopping)

    told = run(host, *statements)

    assert (told.errors, told.state, told.reason) == ([], "Failed", "PathNotFound")
    assert subkeys(host) == []


def test_b4_the_preference_variable_stops_too_and_lives_as_long_as_the_runspace() -> None:
    host = machine()
    runspace = Engine(host)
    preference = command("Set-Variable", Name="ErrorActionPreference", Value="Stop")

    first = run(runspace, (preference,), MISSING, new_key("Three"))
    second = run(runspace, MISSING)

    assert [first.reason, second.reason] == ["PathNotFound", "PathNotFound"]
    assert run(host, MISSING).errors == ["PathNotFound"], "another process does not know it"
    assert subkeys(host) == []


def test_b7_nonterminating_errors_come_at_their_place() -> None:
    told = run(machine(), MISSING, echo("two"), MISSING)

    assert [type(m).__name__ for m in told.messages] == ["Error", "Output", "Error", "Ended"]
    assert told.state == "Completed"


@pytest.mark.parametrize("action", ["SilentlyContinue", "Ignore", 0])
def test_b8_silence_hides_nonterminating_errors_only(action: object) -> None:
    silent = (command("Get-Item", LiteralPath=f"{KEY}\\Nope", ErrorAction=action),)
    throws = (command("Get-ItemPropertyValue", LiteralPath=KEY, Name="Nope", ErrorAction=action),)

    assert run(machine(), silent, echo("two")).values == ["two"]
    assert run(machine(), echo("one"), throws).reason == "Argument"


def test_b10_an_unknown_second_command_lets_the_first_do_nothing() -> None:
    host = machine()

    told = one(host, command("New-Item", Path=f"{KEY}\\One"), command("Get-NoSuchCommand"))

    assert (told.state, told.values, subkeys(host)) == ("Failed", [], [])


def test_b11_lists_are_told_element_by_element_and_null_as_null() -> None:
    told = run(machine(), echo([1, "x"]), echo([]), echo(None), echo({"a": 1}))

    assert told.values[:3] == [1, "x", None]
    assert len(told.values) == 4


def test_b5_a_stop_in_the_first_statement_ends_everything() -> None:
    host = machine()
    told, stop = [], StopSignal()
    for message in Engine(host).invoke(Request(((command("Start-Sleep", Seconds=30),), new_key("Two"))), stop):
        told.append(message)
        stop.requested = isinstance(message, Wait)

    assert [type(m).__name__ for m in told] == ["Wait", "Ended"]
    assert isinstance(told[-1], Ended)
    assert told[-1].state == "Stopped"
    assert told[-1].reason is not None
    assert str(told[-1].reason.FullyQualifiedErrorId) == "PipelineStopped"
    assert subkeys(host) == []


def test_b5_a_stop_in_a_later_statement_lets_the_rest_run_unseen() -> None:
    host = machine()
    stop = StopSignal()
    statements = (echo("one"), (command("Start-Sleep", Milliseconds=500),), new_key("Three"), echo("four"))
    told = []
    for message in Engine(host).invoke(Request(statements), stop):
        told.append(message)
        stop.requested = isinstance(message, Wait)

    assert [type(m).__name__ for m in told] == ["Output", "Wait", "Ended"]
    assert subkeys(host) == ["Three"]


def test_what_runs_after_the_end_still_takes_its_time() -> None:
    told = run(machine(), echo("one"), UNKNOWN, (command("Start-Sleep", Seconds=3),), echo("four"))

    assert [type(m).__name__ for m in told.messages] == ["Output", "Ended", "Wait"]


def test_waiting_moves_the_machines_clock() -> None:
    host = machine()
    before = host.now()

    run(host, (command("Start-Sleep", Seconds=5),))

    assert (host.now() - before).total_seconds() == 5


def test_objects_go_through_the_whole_pipe_one_by_one() -> None:
    host = machine(registry={"HKLM\\SOFTWARE\\Lab\\A": {"V": 1}, "HKLM\\SOFTWARE\\Lab\\B": {"V": 2}})
    paths = [f"{KEY}\\A", f"{KEY}\\Nope", f"{KEY}\\B"]

    told = one(host, command("Get-ItemProperty", LiteralPath=paths), command("Select-Object", Property="V"))

    assert [type(m).__name__ for m in told.messages] == ["Output", "Error", "Output", "Ended"]


def test_h5_merged_errors_are_outputs_of_their_command() -> None:
    told = run(machine(), echo("one"), (command("Get-Item", LiteralPath=f"{KEY}\\Nope", merge=True),))

    assert told.errors == []
    assert str(told.values[1].FullyQualifiedErrorId).startswith("PathNotFound")  # type: ignore[attr-defined]


def test_piped_in_objects_reach_the_first_command() -> None:
    told = run(machine(), (command("Select-Object", Property=["A"]),), input_=(PSCustomObject(A=PSInt(1)),))

    assert [value.A for value in told.values] == [1]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("refused", "name"),
    [
        (command("Get-Process; Restart-Computer", script=True), "the command Get-Process"),
        (command("if (1) { 2 }", script=True), "`if` in a script"),
        (command("Get-Item -Path (1..3)", script=True), "in a script"),
        (command("Get-WindowsFeature"), "Get-WindowsFeature"),
        (command("ipconfig.exe", "/all"), "ipconfig.exe"),
        (command("Get-Item", LiteralPath="C:\\Windows\\notepad.exe"), "the files in C:\\Windows"),
        (command("Get-Item", LiteralPath="C:\\Windows"), "a whole System.IO.DirectoryInfo object"),
        (command("Get-Item", LiteralPath=KEY, Filter="x"), "-Filter of Get-Item"),
        (command("Get-CimInstance", ClassName="Win32_BIOS"), "Win32_BIOS"),
        (command("Get-CimInstance", ClassName="Win32_OperatingSystem", Property=["Nope"]), "Nope"),
        (command("Write-Output", "x", ErrorVariable="v"), "-ErrorVariable"),
    ],
)
def test_what_the_lab_cannot_do_it_refuses_by_name(refused: object, name: str) -> None:
    told = run(machine(), echo("one"), (refused,))  # type: ignore[arg-type]

    assert (told.state, told.reason) == ("Failed", "LabDoesNotSimulate")
    (ended,) = [m for m in told.messages if isinstance(m, Ended)]
    assert name in str(ended.reason)


def test_an_error_speaks_the_machines_language_and_keeps_its_id() -> None:
    told = run(machine(culture="ja-JP"), MISSING)

    (record,) = told.records
    assert str(record.Exception.Message).startswith("パス")
    assert told.errors == ["PathNotFound"]


def test_an_error_record_is_complete() -> None:
    (record,) = run(machine(), MISSING).records

    assert record.CategoryInfo.Category.name == "ObjectNotFound"
    assert record.CategoryInfo.Activity == "Get-Item"
    assert record.CategoryInfo.Reason == "ItemNotFoundException"
    assert record.CategoryInfo.TargetName == f"{KEY}\\Nope"
    assert record.InvocationInfo.MyCommand == "Get-Item"
    assert record.Exception.PSTypeNames[0] == "System.Management.Automation.ItemNotFoundException"


def test_select_first_ends_the_commands_before_it() -> None:
    host = machine()
    told = one(host, command("Write-Output", InputObject=[1, 2, 3]), command("Select-Object", First=2))

    assert [m.value for m in told.messages if isinstance(m, Output)] == [1, 2]
    assert told.state == "Completed"
