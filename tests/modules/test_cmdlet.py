"""The module `cmdlet`: what its arguments may be, how values compare, what cannot be taken back."""

from __future__ import annotations

from typing import Any

import pytest

from runner.model.command import Reply, ReplyState
from runner.model.errors import InputError
from runner.model.secret import Secret
from runner.model.source import plain
from runner.model.state import Desired, State, Unreadable, differences
from runner.model.value import EnumValue, Int32, PSObject, Value, Version
from runner.modules.arguments import dump, load, validate
from runner.modules.base import Impossible, Irreversible, Round
from runner.modules.cmdlet import Cmdlet, CmdletArguments
from runner.modules.reading import Wanted, read_all
from tests.modules.trees import tree

MODULE = Cmdlet()
READ = "read: {Get-X: {}}\n"


def arguments(text: str) -> CmdletArguments:
    node = tree(text)
    data = {key: plain(value) for key, value in node}
    found = validate(MODULE, data, node)
    assert isinstance(found, CmdletArguments)
    return found


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("read: Get-X\nexpect: {A: 1}", "a command is written as a mapping: {Get-X: {}}"),
        ("read: {Get-X: {}, Get-Y: {}}\nexpect: {A: 1}", "a list holds several commands"),
        ("read: {Set-X: {}}\nexpect: {A: 1}", "Set-X is no command that only reads"),
        ("read: [{Get-X: {}}, {ForEach-Object: {MemberName: Kill}}]\nexpect: {A: 1}", "ForEach-Object is no command"),
        ("read: {'cmd /c dir': {}}\nexpect: {A: 1}", "is not the name of a cmdlet or function"),
        ("read: {Get-X: [1]}\nexpect: {A: 1}", "the parameters of Get-X are a mapping"),
        (READ + "expect: {}", "expect is a mapping of properties"),
        (READ + "expect: {A: 3.10}", "quote a version"),
        (READ + "expect: {A: {contain: x}}", "one of {contains: ...}"),
        (READ + "expect: {A: {absent: false}}", "absent takes nothing but true"),
        (READ + "expect: {A: {at_least: new}}", "at_least takes a number or a version"),
        (READ + "expect: {'A*': 1}", "is not the name of one property"),
        (READ + "expect: {A: 1}\nundo: {Set-X: {}}", "undo without write"),
    ],
)
def test_mistakes_are_told_at_their_place(text: str, mistake: str) -> None:
    with pytest.raises(InputError) as caught:
        arguments(text)
    (problem,) = caught.value.problems
    assert mistake in problem.message
    assert problem.origin is not None


def test_a_plan_document_keeps_the_arguments() -> None:
    made = arguments(
        READ + "expect: {A: {contains: [x, y]}, B: true}\nwrite: [{Set-X: {B: true}}, {Set-Y: {A: [1, 2]}}]"
    )
    assert load(MODULE, dump(made)) == made


def observed(text: str, *outputs: Value) -> State | Unreadable:
    made = arguments(text)
    rounds = [Round(MODULE.read([made], []), (Reply(ReplyState.DONE, outputs),))]
    (found,) = MODULE.observe([made], rounds)
    return found


def thing(**properties: Value) -> PSObject:
    return PSObject(("X",), properties)


@pytest.mark.parametrize(
    ("wanted", "value"),
    [
        ("true", True),
        ("'true'", True),
        ("ntlm", "Ntlm"),
        ("5", Int32(5)),
        ("'5'", Int32(5)),
        ("Running", EnumValue("Status", 4, "running")),
        ("'15.2.1'", Version("15.2.1")),
        ("[a, B]", ("A", "b")),
        ("[a]", "A"),
        ("{contains: b}", ("A", "B")),
        ("{contains: bc}", "aBCd"),
        ("{one_of: [x, y]}", "Y"),
        ("{at_least: 3}", Int32(10)),
        ("{at_least: '15.1.1415.2'}", "Version 15.1 (Build 1415.2)"),
        ("{at_least: '3.1'}", Version("3.1.0")),
        ("{absent: true}", ""),
        ("{absent: true}", ()),
        ("null", None),
    ],
)
def test_what_is_as_wanted(wanted: str, value: Value) -> None:
    assert what_differs(wanted, value) == ()


@pytest.mark.parametrize(
    ("wanted", "value", "after"),
    [
        ("true", False, True),
        ("true", None, True),
        ("1", True, 1),
        ("[a, b]", ("b", "a"), ("a", "b")),
        ("{contains: [B, c]}", ("a", "b"), ("a", "B", "c")),
        ("{contains: a}", None, ("a",)),
        ("{one_of: [x, y]}", "z", "x"),
        ("{at_least: '3.10'}", "3.9.2", "3.10"),
        ("{absent: true}", "x", None),
    ],
)
def test_what_is_not_as_wanted(wanted: str, value: Value, after: object) -> None:
    (difference,) = what_differs(wanted, value)
    assert difference.after == after


def what_differs(wanted: str, value: Value) -> tuple[Any, ...]:
    text = READ + f"expect: {{A: {wanted}}}\nwrite: {{Set-X: {{A: x}}}}"
    state = observed(text, thing(A=value))
    assert isinstance(state, State)
    desired = MODULE.desired(arguments(text), state)
    assert isinstance(desired, Desired)
    return differences(state, desired)


@pytest.mark.parametrize(
    ("wanted", "value"), [("{contains: x}", "abc"), ("{contains: x}", True), ("{at_least: 3}", "n/a")]
)
def test_what_no_write_can_bring_about(wanted: str, value: Value) -> None:
    text = READ + f"expect: {{A: {wanted}}}\nwrite: {{Set-X: {{A: x}}}}"
    state = observed(text, thing(A=value))
    assert isinstance(state, State)
    assert isinstance(MODULE.desired(arguments(text), state), Impossible)


@pytest.mark.parametrize(
    ("text", "outputs", "reason"),
    [
        ("expect: {A: 1}", (thing(A=1), thing(A=1)), "returned 2 objects"),
        ("expect: {A: 1}\neach: Id", (thing(A=1), thing(A=1)), "no Id to tell it apart"),
        ("expect: {A: 1}\neach: Id", (thing(A=1, Id="x"), thing(A=1, Id="x")), "two objects have the Id x"),
        ("expect: {A: 1}", (thing(A=Secret("canary")),), "A is a secret"),
        ("expect: {A: 1}", (thing(A=thing(B=1)),), "A is an object without a text"),
    ],
)
def test_what_cannot_be_told_is_unreadable(text: str, outputs: tuple[Value, ...], reason: str) -> None:
    found = observed(READ + text, *outputs)
    assert isinstance(found, Unreadable)
    assert reason in found.reason
    assert "canary" not in found.reason


def test_many_tasks_on_one_read_are_one_question() -> None:
    wanted = [arguments(READ + f"expect: {{{name}: true}}") for name in ("A", "B", "a")]
    asked: list[Any] = []

    def answer(statements: Any) -> tuple[Reply, ...]:
        asked.extend(statements)
        return tuple(Reply(ReplyState.DONE, (thing(A=True, B=False),)) for _ in statements)

    found = read_all([Wanted(MODULE, one) for one in wanted], answer)
    assert [dict(one.properties) for one in found if isinstance(one, State)] == [{"A": True}, {"B": False}, {"a": True}]
    (statement,) = asked
    assert dict(statement[-1].parameters) == {"Property": ("A", "B")}


def test_a_write_that_does_not_name_the_property_cannot_be_taken_back() -> None:
    made = arguments(READ + "expect: {Enabled: true}\nwrite: {Enable-X: {Identity: a}}")
    before, after = State(True, {"Enabled": False}), State(True, {"Enabled": True})
    undo = MODULE.undo(made, before, after)
    assert isinstance(undo, Irreversible)
    assert "write does not name Enabled" in undo.reason


def test_a_secret_is_no_parameter_and_is_not_shown() -> None:
    """A plan would keep its mask only, and apply would send that."""
    node = tree(READ + "expect: {A: true}\nwrite: {Set-X: {A: true}}")
    data = {"read": {"Get-X": {}}, "expect": {"A": True}, "write": {"Set-X": {"A": [Secret("canary")]}}}
    with pytest.raises(InputError) as caught:
        validate(MODULE, data, node)
    assert "a secret cannot be a parameter yet" in str(caught.value.problems[0])
    assert "canary" not in str(caught.value.problems[0])
