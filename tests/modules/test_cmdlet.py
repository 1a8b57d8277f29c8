"""The module `cmdlet`: what its arguments may be, how values compare, what cannot be taken back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runner.model.command import Reply, ReplyState, Statement
from runner.model.errors import InputError
from runner.model.secret import Secret
from runner.model.source import plain
from runner.model.state import Desired, State, Unreadable, differences
from runner.model.value import EnumValue, Int32, PSObject, Value, Version
from runner.modules.arguments import dump, load, problems, validate
from runner.modules.base import Impossible, Irreversible, Late, Round
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
        (READ + "expect: {A: {at_least: true}}", "at_least takes a number or a version"),
        (READ + "expect: {A: {at_least: '15.1 beta'}}", "at_least takes a number or a version"),
        ("read: {Search-Mailbox: {Identity: a}}\nexpect: {A: 1}", "Search-Mailbox is no command that only reads"),
        ("read: {Get-Mailbox: {DeleteContent: true}}\nexpect: {A: 1}", "Get-Mailbox -DeleteContent: with"),
        ("read: {Test-ComputerSecureChannel: {rep: true}}\nexpect: {A: 1}", "-rep: with -Repair a command no longer"),
        ("read: [{Get-X: {}}, {Find-Package: {ForceBootstrap: true}}]\nexpect: {A: 1}", "with -ForceBootstrap"),
        ("read: {Get-X: {V: 3.10}}\nexpect: {A: 1}", "3.1 is a fraction"),
        (READ + "expect: {A: 1}\nwrite: {Set-X: {A: 3.10}}", "quote it"),
        (READ + "expect: {A: 1}\nwrite: {Set-X: {A: {b: [3.10]}}}", "quote it"),
        (READ + "expect: {A: 1}\nwrite: {Set-X: {A: 1}}\nundo: {Set-X: {A: 0.5}}", "0.5 is a fraction"),
        (READ + "expect: {Ab: 1, aB: 2}", "Ab and aB are one and the same property"),
        (READ + "expect: {A: 1}\nwrite: {Set-X: {Ab: 1, aB: 2}}", "Set-X: Ab and aB are one and the same parameter"),
        (READ + "expect: {A: {operator: at_least, value: true}}", "one of {contains: ...}"),
        ("read: {command: Set-X, parameters: []}\nexpect: {A: 1}", "each command is a mapping of its name"),
        (READ + "expect: {A: 1}\nwrite: [{command: 'a; b', parameters: []}]", "each command is a mapping of its name"),
        (READ + "expect: {A: 1}\nin_plan: true", "cmdlet has no argument 'in_plan'"),
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
    assert load(MODULE, json.loads(json.dumps(dump(made)))) == made


def test_a_plan_document_keeps_placeholders_and_texts_that_look_like_them_apart() -> None:
    text = "{{ before.A }}"
    node = tree(READ + "expect: {A: {one_of: [x]}}\nwrite: {Set-X: {A: 1}}\nundo: {Set-X: {A: 1}}")
    data = {key: plain(value) for key, value in node}
    made = validate(MODULE, {**data, "write": {"Set-X": {"A": Late(text), "B": text}}}, node)
    assert load(MODULE, json.loads(json.dumps(dump(made)))) == made


def test_a_plan_document_is_held_to_the_rules_of_read() -> None:
    dumped = dump(arguments(READ + "expect: {A: 1}"))
    dumped["read"][0]["command"] = "Remove-X"
    with pytest.raises(InputError, match="no command that only reads"):
        load(MODULE, dumped)


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("read: {Get-X: {Force: true}}\nexpect: {A: 1}\nwrite: {Set-X: {A: '{{ x }}'}}", "with -Force"),
        ("read: {Get-X: {Identity: '{{ x }}'}}\nexpect: {A: {at_least: true}}", "at_least takes a number"),
        ("read: {Get-X: {}}\nexpect: {A: '{{ x }}'}\nwrite: {Set-X: {A: 3.10}}", "is a fraction"),
    ],
)
def test_arguments_without_variables_are_judged_before_the_others_are_known(text: str, mistake: str) -> None:
    (problem,) = problems(MODULE, tree(text), lambda value: "{{" in value)
    assert mistake in problem.message
    assert problem.origin is not None
    assert problem.origin.line > 0


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
        ("{contains: bc}", "a,BC;d"),
        ("{contains: [a, bc, d]}", "a, BC d"),
        ("{contains: 'b c'}", "a,b c"),
        ("{one_of: [x, y]}", "Y"),
        ("{at_least: 3}", Int32(10)),
        ("{at_least: '15.1.1415.2'}", "Version 15.1 (Build 1415.2)"),
        ("{at_least: '3.1'}", Version("3.1.0")),
        ("{at_least: -5}", Int32(-4)),
        ("{at_least: '3'}", Int32(3)),
        ("{at_least: 3}", "3.0.1"),
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
        ("{at_least: 3}", Int32(-10), 3),
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
    ("wanted", "value"),
    [
        ("{contains: x}", "abc"),
        ("{contains: x}", True),
        ("{contains: OAuth}", "Ntlm, NoOAuth"),
        ("{at_least: 3}", "n/a"),
        ("{at_least: 3}", "Windows 10"),
        ("{at_least: 3}", "3 of 5"),
        ("{at_least: 3}", "2026-11-26"),
        ("{at_least: 3}", "Version 15.1 (Build 1415)"),
        ("{at_least: 3}", "9" * 5000),
        ("{at_least: 3}", True),
        ("{at_least: 3}", ("3", "4")),
    ],
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


@pytest.mark.parametrize(
    ("wanted", "before", "parameters"),
    [
        ("5", Int32(1), "{A: 4}"),
        ("true", False, "{A: all}"),
        ("[a, b]", ("a",), "{A: {Add: b}}"),
    ],
)
def test_a_parameter_called_like_the_property_with_another_value_is_not_its_setter(
    wanted: str, before: Value, parameters: str
) -> None:
    undo = taken_back(wanted, before, parameters)
    assert isinstance(undo, Irreversible)
    assert "write does not name A" in undo.reason


@pytest.mark.parametrize(
    ("wanted", "before", "parameters"),
    [
        ("'5'", "1", "{A: 5}"),
        ("{contains: [b]}", ("1",), "{A: [a, b]}"),
        ("{at_least: 3}", "1", "{A: 4}"),
        ("{absent: true}", "1", "{A: ''}"),
    ],
)
def test_a_parameter_that_sets_what_is_expected_is_set_back(wanted: str, before: Value, parameters: str) -> None:
    undo = taken_back(wanted, before, parameters)
    assert not isinstance(undo, Irreversible)
    ((only,),) = undo
    assert only.parameters == (("A", before),)


def taken_back(wanted: str, before: Value, parameters: str) -> tuple[Statement, ...] | Irreversible:
    made = arguments(READ + f"expect: {{A: {wanted}}}\nwrite: {{Set-X: {parameters}}}")
    state = observed(READ + f"expect: {{A: {wanted}}}", thing(A=before))
    assert isinstance(state, State)
    desired = MODULE.desired(made, state)
    assert isinstance(desired, Desired)
    return MODULE.undo(made, state, MODULE.promise(made, state, desired))


def test_a_secret_is_no_parameter_and_is_not_shown() -> None:
    """A plan would keep its mask only, and apply would send that."""
    node = tree(READ + "expect: {A: true}\nwrite: {Set-X: {A: true}}")
    data = {"read": {"Get-X": {}}, "expect": {"A": True}, "write": {"Set-X": {"A": [Secret("canary")]}}}
    with pytest.raises(InputError) as caught:
        validate(MODULE, data, node)
    assert "a secret cannot be a parameter yet" in str(caught.value.problems[0])
    assert "canary" not in str(caught.value.problems[0])
