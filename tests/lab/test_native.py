"""The lab's programs in pipelines of commands: arguments, streams, exit code; what they cannot do is refused by name.

cmd.exe is held against its recordings in test_recordings.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from runner.lab.boot import BootHabits, MachinePower
from runner.lab.endpoint_spec import EndpointSpec
from runner.lab.engine import Engine
from runner.lab.machine import Machine
from runner.lab.messages import Ended, Error, Message, Output, Request, RequestedCommand, StopSignal
from tests.lab.engine_support import command, machine

EXIT_CODE = (command("Get-Variable", Name="LASTEXITCODE", ValueOnly=True),)


def run(engine: Engine, *statements: tuple[RequestedCommand, ...]) -> list[Message]:
    return list(engine.invoke(Request(statements), StopSignal()))


def shutdown(on: Machine, *words: object) -> object:
    """The exit code; or the text of the refusal."""
    messages = run(Engine(on), (command("shutdown.exe", *words),), EXIT_CODE)
    outputs = [message.value for message in messages if isinstance(message, Output)]
    errors = [str(message.record.Exception.Message) for message in messages if isinstance(message, Error)]
    return outputs[0] if outputs else errors[0]


def test_a_restart_is_scheduled_once_and_can_be_taken_back() -> None:
    one = machine()
    assert shutdown(one, "/r", "/t", "30", "/c", "now", "/f") == 0
    assert one.shutdown_at == one.now() + timedelta(seconds=30)
    assert shutdown(one, "-R", "/T", 5) == 1190
    assert shutdown(one, "/a") == 0
    assert one.shutdown_at is None
    assert shutdown(one, "/a") == 1116
    assert [change.what for change in one.changes] == ["shutdown", "shutdown"]


@pytest.mark.parametrize("words", [("/s",), ("/r", "/t"), ("/r", "/t", "soon"), ("/f",), ("/r", "/m", "other")])
def test_what_shutdown_cannot_do_here_is_refused(words: tuple[str, ...]) -> None:
    assert "does not simulate" in str(shutdown(machine(), *words))


def test_where_the_clock_runs_the_moment_must_come() -> None:
    one = machine()
    power = MachinePower(one, BootHabits())
    shutdown(one, "/r", "/t", 30)
    assert (power.restarts_next(), power.must_restart()) == (True, False)
    power.run_clock(1000.0)
    assert (power.restarts_next(), power.must_restart()) == (False, False)
    one.reach(one.now() + timedelta(seconds=31))
    assert (power.restarts_next(), power.must_restart()) == (False, True)
    power.restart()
    assert (power.restarts_next(), power.must_restart()) == (False, False)


def test_a_clock_that_is_set_does_not_bring_it_nearer() -> None:
    one = machine()
    shutdown(one, "/r", "/t", 30)
    one.set_clock(one.now() + timedelta(hours=1))
    assert one.shutdown_at == one.now() + timedelta(seconds=30)


def test_the_lines_of_stderr_come_first_and_are_told_apart() -> None:
    line = (command("cmd.exe", "/c", "echo a 1>&2&echo b 1>&2&echo c"),)
    messages = run(Engine(machine()), line)
    told = [
        message.record.FullyQualifiedErrorId if isinstance(message, Error) else message.value
        for message in messages
        if isinstance(message, Error | Output)
    ]
    assert told == ["NativeCommandError", "NativeCommandErrorMessage", "c"]
    assert messages[-1] == Ended("Completed")


@pytest.mark.parametrize("name", ["whoami.exe", "WHOAMI", "C:\\Windows\\System32\\whoami.exe"])
def test_a_program_by_any_of_its_names(name: str) -> None:
    (output, _) = run(Engine(machine()), (command(name),))
    assert isinstance(output, Output)
    assert output.value == "lab01\\administrator"


@pytest.mark.parametrize(
    "words", [("/c", "dir"), ("/k", "echo x"), ("/c", "echo %PATH%"), ("/c", ""), ("/c", 'echo "x"')]
)
def test_cmd_does_no_more_than_is_recorded(words: tuple[str, ...]) -> None:
    (ended,) = run(Engine(machine()), (command("cmd.exe", *words),))
    assert isinstance(ended, Ended)
    assert ended.reason is not None
    assert "does not simulate" in ended.reason.Exception.Message


PACKAGE = ("/i", "C:\\no.msi", "/qn")


def test_a_program_with_windows_is_not_waited_for_at_the_end_of_a_pipe() -> None:
    engine = Engine(machine())
    run(engine, (command("cmd.exe", "/c", "exit 5"),))
    alone = run(engine, (command("msiexec.exe", *PACKAGE),), EXIT_CODE)
    assert [message.value for message in alone if isinstance(message, Output)] == [5]
    fed = run(engine, (command("msiexec.exe", *PACKAGE), command("Select-Object")), EXIT_CODE)
    assert [message.value for message in fed if isinstance(message, Output)] == [1619]


def test_nor_in_a_script() -> None:
    engine = Engine(machine())
    text = "cmd.exe /c 'exit 5'\nmsiexec.exe /i C:\\no.msi /qn{}\n$LASTEXITCODE"
    for rest, code in (("", 5), (" | Out-Null", 1619)):
        messages = run(engine, (RequestedCommand(text.format(rest), (), is_script=True, local_scope=True),))
        assert [message.value for message in messages if isinstance(message, Output)] == [code]


def test_an_exit_code_can_be_taken_away() -> None:
    engine = Engine(machine())
    run(engine, (command("cmd.exe", "/c", "exit 5"),))
    messages = run(engine, (command("Set-Variable", Name="LASTEXITCODE", Value=None, Scope="Global"),), EXIT_CODE)
    assert [message.value for message in messages if isinstance(message, Output)] == [None]


@pytest.mark.parametrize("words", [("/i", "C:\\Windows", "/qn"), ("/i", "C:\\no.msi"), ("/x", "{0}", "/qn")])
def test_a_package_is_not_installed_here(words: tuple[str, ...]) -> None:
    (ended,) = run(Engine(machine()), (command("msiexec.exe", *words),))
    assert isinstance(ended, Ended)
    assert ended.reason is not None
    assert "does not simulate" in ended.reason.Exception.Message


def test_a_restricted_session_shows_no_programs() -> None:
    endpoint = EndpointSpec.model_validate({"session_type": "restricted_remote_server"}).endpoint()
    (ended,) = run(Engine(machine(), endpoint), (command("whoami.exe"),))
    assert isinstance(ended, Ended)
    assert ended.reason is not None
    assert ended.reason.FullyQualifiedErrorId == "CommandNotFoundException"


def test_a_script_takes_its_parameters_in_a_scope_of_its_own() -> None:
    text = "param([int]$Number, [string]$Text = 'd')\n$kept = 1\n$Number + 1\n$Text"
    engine = Engine(machine())
    script = RequestedCommand(text, (("Number", "4"),), is_script=True, local_scope=True)
    values = [message.value for message in run(engine, (script,)) if isinstance(message, Output)]
    assert values == [5, "d"]
    (error, *_) = run(engine, (command("Get-Variable", Name="kept"),))
    assert isinstance(error, Error)


@pytest.mark.parametrize(
    ("name", "error_id"), [("Number", "ParameterArgumentTransformationError"), ("Other", "LabDoesNotSimulate")]
)
def test_a_script_s_parameters_that_do_not_bind(name: str, error_id: str) -> None:
    """script.param-bad; what is left over goes to $args, which is refused."""
    script = RequestedCommand("param([int]$Number)\n$Number", ((name, "x"),), is_script=True, local_scope=True)
    (ended,) = run(Engine(machine()), (script,))
    assert isinstance(ended, Ended)
    assert ended.reason is not None
    assert ended.reason.FullyQualifiedErrorId == error_id
