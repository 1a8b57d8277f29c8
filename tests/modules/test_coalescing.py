"""What several modules ask of different paths is one question, and each gets its own answer."""

from __future__ import annotations

from typing import Any

from runner.lab.spec import MachineSpec, build_machine
from runner.model.command import Reply, ReplyState, Statement, command
from runner.model.state import State, Unreadable
from runner.modules.arguments import load
from runner.modules.base import StateModule
from runner.modules.coalescing import coalesce
from runner.modules.loader import load_modules
from runner.modules.reading import Found, Wanted, read_all
from tests.modules.lab_session import LabSession

LAB = "HKLM\\SOFTWARE\\Lab"


def existence(*paths: str) -> Statement:
    return (command("Test-Path", LiteralPath=paths),)


def selected(paths: tuple[str, ...], *columns: str, cmdlet: str = "Get-ItemProperty") -> Statement:
    reading = command(cmdlet, LiteralPath=paths, ErrorAction="SilentlyContinue")
    return (reading, command("Select-Object", Property=("PSPath", *columns)))


def sent(*statements: Statement) -> list[Statement]:
    return [one.statement for one in coalesce(statements)]


def test_each_gets_the_answers_to_its_own_paths() -> None:
    (merged,) = coalesce([existence("top", "a", "b"), existence("top", "c"), existence("b")])
    assert merged.statement == existence("top", "a", "b", "c")
    replies = merged.replies(Reply(ReplyState.DONE, (True, True, False, True)))
    assert [(place, reply.outputs) for place, reply in replies] == [
        (0, (True, True, False)),
        (1, (True, True)),
        (2, (False,)),
    ]


def test_an_answer_that_does_not_fit_is_nobodys() -> None:
    (merged,) = coalesce([existence("a"), existence("b")])
    assert [reply.outputs for _, reply in merged.replies(Reply(ReplyState.DONE, (True,)))] == [(), ()]


def test_columns_are_joined_without_regard_to_case_as_long_as_few_cells_are_idle() -> None:
    joined = selected(("a", "b"), "Start", "Release")
    assert sent(selected(("a",), "start"), selected(("b",), "Start", "Release")) == [joined]
    wide = selected(tuple("abcdefgh"), *(f"Value{number}" for number in range(40)))
    assert sent(wide, selected(("x",), "Release")) == [wide, selected(("x",), "Release")]


def test_what_does_not_tell_whose_it_is_stays_alone() -> None:
    """A key with a slash answers under another path; what is not silent says in its errors what is wrong."""
    slashed = [selected(("a/b",), "V"), selected(("a",), "V")]
    loud = [(command("Get-Item", LiteralPath=(key,)), command("Select-Object", Property=("PSPath",))) for key in "ab"]
    named = [(command("Get-Item", LiteralPath=("a",)), command("Select-Object", Property=("Name",)))] * 2
    other = [selected(("a",), "V"), selected(("b",), "V", cmdlet="Get-Item")]
    for statements in (slashed, loud, named, other):
        assert sent(*statements) == statements


def read(machine: dict[str, Any], *tasks: tuple[str, dict[str, Any]]) -> tuple[tuple[Found, ...], list[int]]:
    """What was found, and how many statements each round had."""
    session = LabSession(build_machine("tok-ce-01", MachineSpec.model_validate(machine)))
    rounds: list[int] = []

    def send(statements: tuple[Statement, ...]) -> tuple[Reply, ...]:
        rounds.append(len(statements))
        return session.read(statements, 60.0)

    wanted = []
    for name, given in tasks:
        module = load_modules()[name]
        assert isinstance(module, StateModule)
        wanted += [Wanted(module, part) for part in module.parts(load(module, given))]
    return read_all(wanted, send), rounds


VALUE = ("win_regedit", {"path": f"{LAB}\\Values", "name": "Size", "type": "dword", "data": 1})
VERSION = ("minimum_version", {"path": f"{LAB}\\Product", "name": "Build", "at_least": "3", "owner": "they"})


def test_two_modules_ask_the_registry_with_two_statements() -> None:
    (value, version), rounds = read(
        {"registry": {f"{LAB}\\Values": {"Size": 1}, f"{LAB}\\Product": {"Build": 7}}}, VALUE, VERSION
    )
    assert (value, version) == (State(True, {"type": "dword", "data": 1}), State(True, {"version": "7"}))
    assert rounds == [2]


def test_an_error_about_one_key_says_nothing_of_the_other_modules_key() -> None:
    machine = {"registry": {f"{LAB}\\Values": {"Size": 1}}, "deny": {f"{LAB}\\Values": "read"}}
    (value, version), rounds = read(machine, VALUE, VERSION)
    assert isinstance(value, Unreadable)
    assert version == State(False)
    assert len(rounds) == 2
