"""What the modules that run something take as arguments, and what they make of an answer."""

from __future__ import annotations

from typing import Any

import pytest

from runner.model.command import ErrorRecord, Reply, ReplyState
from runner.model.errors import InputError
from runner.model.secret import Secret
from runner.model.source import MapNode, Origin
from runner.model.state import OtherThan, State
from runner.model.value import PSObject
from runner.modules.arguments import validate
from runner.modules.base import Answered, Arguments, Patience, RestartModule, StateModule
from runner.modules.loader import load_modules

MODULES = load_modules()
NOWHERE = MapNode((), Origin("playbook.yml", 1, 1))
DONE = ReplyState.DONE


def module(name: str) -> StateModule[Any]:
    found = MODULES[name]
    assert isinstance(found, StateModule)
    return found


def arguments(name: str, **given: object) -> Arguments:
    return validate(module(name), given, NOWHERE)


def error(error_id: str, message: str = "no") -> ErrorRecord:
    return ErrorRecord(error_id, "NotSpecified", "System.Exception", message)


def code(number: int) -> Reply:
    return Reply(DONE, (number,))


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("win_command", {"argv": ["whoami"]}, "the program is wanted with its extension"),
        ("win_command", {"argv": ["Get-Date"]}, "the program is wanted with its extension"),
        ("win_command", {"argv": ["a.cmd"]}, "a batch file: cmd.exe, /c, FILE"),
        ("win_command", {"argv": ["a.exe", ""]}, "passes on no empty argument"),
        ("win_command", {"argv": ["a.exe", 'say "x"']}, "none with a double quote in it"),
        ("win_command", {"argv": ["a.exe", "--%", "/a"]}, "no --%"),
        ("win_command", {"argv": []}, "argv"),
        ("win_command", {"argv": ["a.exe"], "creates": "C:\\*.txt"}, "without wildcards"),
        ("win_command", {"argv": ["a.exe"], "removes": " "}, "the path of one thing"),
        ("win_command", {}, "argv"),
        ("win_reboot", {"pre_reboot_delay": 1}, "pre_reboot_delay"),
        ("win_reboot", {"msg": ""}, "msg"),
        ("win_reboot", {"msg": 'Patch "A B" night'}, "nothing with a double quote in it"),
        ("win_reboot", {"msg": "--%"}, "passes on no --%"),
        ("discover_service", {"pattern": "(?P<a>Spooler)"}, "a named group is written (?<name>...)"),
        ("discover_service", {"pattern": "(?<a>Spooler"}, "no regular expression"),
        ("win_reboot", {"reboot": "if_needed"}, "reboot must be one of always, if_pending"),
        ("win_powershell", {"script": "1", "parameters": {"a-b": 1}}, "'a-b' is not the name of a parameter"),
        ("win_powershell", {"script": "1", "parameters": {"a": 3.1}}, "a wants a text, a whole number"),
        ("win_powershell", {"script": "1", "parameters": {"a": [{}]}}, "a wants a text, a whole number"),
        (
            "win_powershell",
            {"script": "1", "parameters": {"a": Secret("canary")}},
            "a secret cannot be a parameter yet",
        ),
        ("win_powershell", {"script": ""}, "script"),
    ],
)
def test_wrong_arguments(name: str, given: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        arguments(name, **given)
    assert message in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("code_there", "complaint"),
    [
        (0, ""),
        (1115, ""),  # it goes down anyway
        (1190, "shutdown.exe ended with 1190: a shutdown is already scheduled there"),
        (5, "shutdown.exe ended with 5: the account may not restart Windows"),
        (87, "shutdown.exe ended with 87: see winerror.h"),
    ],
)
def test_exit_codes_of_shutdown(code_there: int, complaint: str) -> None:
    one = module("win_reboot")
    given = arguments("win_reboot")
    (statement,) = one.write(given, State(True))
    answer = one.answered(given, statement, Reply(DONE), (code(code_there),))
    assert answer.complaint.startswith(complaint)
    assert bool(answer.complaint) == bool(complaint)
    assert answer.unclear == ""


def test_without_an_exit_code_nothing_is_known() -> None:
    for name, given in (
        ("win_reboot", arguments("win_reboot")),
        ("win_command", arguments("win_command", argv=["a.exe"])),
    ):
        statement = ()
        missing = Reply(DONE, errors=(error("VariableNotFound,Microsoft.PowerShell.Commands.GetVariableCommand"),))
        for behind in (missing, Reply(ReplyState.UNSEEN)):
            answer = module(name).answered(given, statement, Reply(DONE), (behind,))
            assert answer.complaint == ""
            assert answer.unclear.endswith("did not come")


def test_lines_on_stderr_are_no_failure_and_other_errors_are() -> None:
    given = arguments("win_command", argv=["a.exe"])
    stderr = (error("NativeCommandError", "one"), error("NativeCommandErrorMessage", "two"))
    answer = module("win_command").answered(given, (), Reply(DONE, ("out",), stderr), (code(0),))
    assert answer == Answered(told="exit code 0: out | one | two")
    failed = Reply(ReplyState.FAILED, errors=(error("CommandNotFoundException", "no such program"),))
    answer = module("win_command").answered(given, (), failed, (Reply(ReplyState.UNSEEN),))
    assert answer.complaint == "no such program (CommandNotFoundException)"


def test_what_is_told_is_short_and_shows_no_objects() -> None:
    given = arguments("win_powershell", script="1")
    outputs = (PSObject(("System.Data",), {"Password": "x"}), b"12", "y" * 500)
    told = module("win_powershell").answered(given, (), Reply(DONE, outputs), ()).told
    assert told.startswith("(System.Data) | (2 bytes) | yyy")
    assert told.endswith(" ...")
    assert len(told) < 250


@pytest.mark.parametrize("pattern", [r"(?<maker>MaaS360|Fiberlink) ?\w+", r"(?<=Cloud)\s", r"[(?P<]x\(?P"])
def test_a_pattern_is_one_of_net_s(pattern: str) -> None:
    assert arguments("discover_service", pattern=pattern).pattern == pattern  # type: ignore[attr-defined]


def test_a_program_is_never_the_last_of_its_pipe() -> None:
    """Else one of the Windows subsystem would not be waited for; and no older exit code is left for it."""
    for name, given in (("win_reboot", {}), ("win_command", {"argv": ["msiexec.exe", "/i", "C:\\a.msi", "/qn"]})):
        one = module(name)
        (statement,) = one.write(arguments(name, **given), State(True))
        assert [entry.name for entry in statement][1:] == ["Select-Object"]
        assert [entry.name for (entry,) in one.asked_in_front(statement)] == ["Set-Variable"]


def test_two_tasks_with_one_program_run_it_twice_and_a_guarded_one_once() -> None:
    one = module("win_command")
    plain, guarded = arguments("win_command", argv=["a.exe"]), arguments("win_command", argv=["a.exe"], creates="C:\\x")
    before, after = State(True, {"done": False}), State(True, {"done": True})
    assert one.over(plain, before, [(plain, after)]) == before
    assert one.over(guarded, before, [(guarded, after)]) == after


def test_a_second_restart_is_planned_over_the_first() -> None:
    one = module("win_reboot")
    given = arguments("win_reboot", reboot="if_pending")
    before = State(True, {"boot_time": "2026-11-26T22:00:00+00:00", "uptime": 5, "pending": ("domain_join",)})
    desired = one.desired(given, before)
    assert desired.properties == {"boot_time": OtherThan("2026-11-26T22:00:00+00:00")}  # type: ignore[union-attr]
    after = one.promise(given, before, desired)  # type: ignore[arg-type]
    assert one.desired(given, one.over(given, before, [(given, after)])).properties == {}  # type: ignore[union-attr]


def test_ansible_s_other_names_of_the_delays() -> None:
    restart = MODULES["win_reboot"]
    assert isinstance(restart, RestartModule)
    given = arguments("win_reboot", pre_reboot_delay_sec=10, reboot_timeout_sec=90, post_reboot_delay_sec=3)
    assert restart.patience(given) == Patience(100, 3)
