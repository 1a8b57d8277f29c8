"""Rendering and reading back by the real grammar gives the same command: names, parameters, values and their types."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from runner.lab.cmdlet import Session
from runner.lab.interpreter import Interpreter
from runner.lab.pipes import Stage
from runner.lab.script import parse
from runner.lab.spec import MachineSpec, build_machine
from runner.lab.stages import Invocation
from runner.lab.syntax import Call, Expression, Literal, Pipe
from runner.lab.wire import to_wire
from runner.model.command import Command, Statement
from runner.model.value import Int32, Int64, PSObject, UInt32, UInt64, Value, Version
from runner.transport.text import render
from runner.transport.values import to_model


def no_stage(invocation: Invocation) -> Stage:
    raise AssertionError(f"a value needs no command, and not {invocation.name}")


INTERPRETER = Interpreter(Session(build_machine("lab01", MachineSpec()), lambda name: None), no_stage)

integers = (
    st.integers(-(2**31), 2**31 - 1).map(Int32)
    | st.integers(-(2**63) + 1, 2**63 - 1).map(Int64)
    | st.integers(0, 2**32 - 1).map(UInt32)
    | st.integers(0, 2**64 - 1).map(UInt64)
)
moments = st.datetimes(datetime(1900, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC) | st.none())
versions = st.lists(st.integers(0, 2**31 - 1), min_size=2, max_size=4).map(
    lambda parts: Version(".".join(map(str, parts)))
)
scalars = (
    st.none()
    | st.booleans()
    | st.text(max_size=20)
    | integers
    | st.floats()
    | st.binary(min_size=1, max_size=8)
    | moments
    | st.timedeltas(timedelta(days=-10000), timedelta(days=10000))
    | versions
)


def _different(items: list[tuple[str, Value]]) -> dict[str, Value]:
    """A hashtable's keys differ in more than case."""
    return {key.casefold(): value for key, value in items}


values: st.SearchStrategy[Value] = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4).map(tuple)
        | st.lists(st.tuples(st.text(st.characters(categories=["L"]), max_size=5), inner), max_size=3).map(_different)
    ),
    max_leaves=8,
)
word = st.from_regex(r"[A-Za-z][a-z]{0,8}", fullmatch=True)
commands = st.builds(
    Command,
    st.tuples(word, word).map("-".join) | st.text(min_size=1, max_size=12),
    st.lists(st.tuples(word, values), max_size=3).map(tuple),
    st.lists(values, max_size=2).map(tuple),
)


def evaluated(expression: Expression) -> Value:
    """The value of an expression that needs nothing of a session, as a client would receive it."""
    steps = INTERPRETER.evaluate(expression)
    try:
        while True:
            next(steps)
    except StopIteration as end:
        return to_model(to_wire(end.value))


def read(text: str) -> Statement:
    (pipe,) = parse(text)
    assert isinstance(pipe, Pipe)
    found = []
    for call in pipe.elements:
        assert isinstance(call, Call)
        assert isinstance(call.name, Literal) or not isinstance(call.name, str)
        arguments = [(argument.name, argument.value) for argument in call.arguments]
        assert all(value is not None for _, value in arguments)
        named = [(name, evaluated(value)) for name, value in arguments if name and value]
        others = [evaluated(value) for name, value in arguments if not name and value]
        found.append(Command(str(evaluated(call.name)), tuple(named), tuple(others)))
    return tuple(found)


def same(sent: Value, received: Value) -> bool:
    """Equal, with equal types."""
    if isinstance(sent, tuple):
        return isinstance(received, tuple) and len(sent) == len(received) and all(map(same, sent, received))
    if isinstance(sent, Mapping):
        return (
            isinstance(received, Mapping)
            and list(sent) == list(received)
            and all(same(sent[key], received[key]) for key in sent)
        )
    if isinstance(sent, float) and math.isnan(sent):
        return isinstance(received, float) and math.isnan(received)
    return type(sent) is type(received) and sent == received


@settings(max_examples=60)
@given(st.lists(commands, min_size=1, max_size=2).map(tuple))
def test_a_statement_reads_back_as_itself(statement: Statement) -> None:
    again = read(render(statement))
    assert [entry.name for entry in again] == [entry.name for entry in statement]
    for sent, received in zip(statement, again, strict=True):
        assert [name for name, _ in received.parameters] == [name for name, _ in sent.parameters]
        for (_, one), (_, other) in zip(sent.parameters, received.parameters, strict=True):
            assert same(one, other), (one, other)
        assert all(map(same, sent.arguments, received.arguments))


@given(st.dictionaries(word, scalars, max_size=3))
def test_an_object_reads_back_with_its_properties(properties: dict[str, Value]) -> None:
    different = _different(list(properties.items()))
    text = render((Command("Write-Output", (("InputObject", PSObject(("x",), different)),)),))
    ((entry,),) = (read(text),)
    (_, received), *_ = entry.parameters
    assert isinstance(received, PSObject)
    assert same(different, dict(received.properties))
