"""The contract of every state module, on simulated machines: what it reads, changes, proves and takes back.

For each case: the read says what is there; write leads to what was promised; a second time nothing is to do; undo leads
back to the very same machine. The cases themselves are data (`cases.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from runner.lab.endpoint_spec import EndpointSpec
from runner.lab.machine import Machine
from runner.lab.spec import MachineSpec, build_machine
from runner.model.command import Statement
from runner.model.source import MapNode, Origin
from runner.model.state import (
    Desired,
    Difference,
    Held,
    OtherThan,
    Property,
    State,
    Unreadable,
    Wish,
    differences,
    drift,
)
from runner.modules.arguments import dump, load, validate
from runner.modules.base import Arguments, Impossible, Irreversible, Late, StateModule
from runner.modules.loader import load_modules
from runner.modules.reading import Wanted, read_all
from runner.parse.contents import FilesHere
from runner.template import Templates
from runner.transport.text import render
from tests.modules.cases import FOLDER, Case, cases
from tests.modules.lab_session import LabSession
from tests.picture import picture

MODULES = load_modules()
CASES = list(cases())


@dataclass
class Bench:
    """One case on its machine. Parts are handled in the order of their task, as apply does."""

    module: StateModule[Any]
    parts: tuple[Arguments, ...]
    machine: Machine
    session: LabSession

    def read(self) -> list[State | Unreadable]:
        wanted = [Wanted(self.module, part) for part in self.parts]
        found = read_all(wanted, lambda statements: self.session.read(statements, self.module.timeout))
        return [one for one in found if isinstance(one, (State, Unreadable))]

    def change(self, part: Arguments, statements: Iterable[Statement]) -> None:
        for statement in statements:
            front, behind = self.module.asked_in_front(statement), self.module.asked_behind(statement)
            in_front = self.session.read(front, self.module.timeout) if front else ()
            assert not any(reply.errors for reply in in_front), render(statement)
            reply, *replies = self.session.change(statement, behind, self.module.timeout, lambda ids: None)
            answer = self.module.answered(part, statement, reply, replies)
            assert (answer.complaint, answer.unclear) == ("", ""), render(statement)

    def send(self, statements: Iterable[Statement]) -> None:
        for statement in statements:
            (reply,) = self.session.change(statement, (), self.module.timeout, lambda ids: None)
            assert self.module.judge(statement, reply) is None, render(statement)


def bench(module_name: str, case: Case, culture: str) -> Bench:
    module, parts, machine = prepared(module_name, case, culture)
    endpoint = EndpointSpec.model_validate(case.endpoint).endpoint()
    return Bench(module, parts, machine, LabSession(machine, endpoint))


def prepared(module_name: str, case: Case, culture: str) -> tuple[StateModule[Any], tuple[Arguments, ...], Machine]:
    """The module of a case, the parts of its task, and its machine."""
    module = MODULES[module_name]
    assert isinstance(module, StateModule)
    arguments = validate(module, with_late(module, case.arguments), MapNode((), Origin(f"{module_name}.yml", 1, 1)))
    arguments = module.with_contents(arguments, FilesHere(FOLDER / module_name))
    parts = module.parts(load(module, dump(arguments)))
    return module, parts, build_machine("case", MachineSpec.model_validate({**case.machine, "culture": culture}))


def with_late(module: StateModule[Any], arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments with the templates that compile leaves to the module marked as such."""

    def marked(value: Any, names: frozenset[str]) -> Any:
        if isinstance(value, dict):
            return {key: marked(item, names) for key, item in value.items()}
        if isinstance(value, list):
            return [marked(item, names) for item in value]
        return Late(value) if isinstance(value, str) and Templates().names(value) & names else value

    return {key: marked(value, module.late.get(key, frozenset())) for key, value in arguments.items()}


def shown(value: Wish) -> str:
    if isinstance(value, OtherThan):
        return "another"
    if isinstance(value, tuple):
        return f"[{', '.join(value)}]"
    return value.hex(" ") if isinstance(value, bytes) else str(value)


def line(part: int, difference: Difference) -> str:
    return f"{part} {difference.property or 'exists'}: {shown(difference.before)} -> {shown(difference.after)}"


def as_data(found: State | Unreadable, entry: dict[str, Any] | str) -> dict[str, Property | list[str]] | str:
    if isinstance(found, Unreadable):
        says_it = isinstance(entry, str) and entry.removeprefix("unreadable: ") in found.reason
        return entry if says_it else f"unreadable: {found.reason}"
    properties = {name: list(v) if isinstance(v, tuple) else v for name, v in found.properties.items()}
    return {"exists": found.exists, **properties}


def expected(entry: dict[str, Any] | str) -> dict[str, Any] | str:
    """YAML has no bytes that read well: they stand as `hex be ef`."""
    if isinstance(entry, str):
        return entry
    is_bytes = {name: isinstance(value, str) and value.startswith("hex ") for name, value in entry.items()}
    return {name: bytes.fromhex(value[4:]) if is_bytes[name] else value for name, value in entry.items()}


Planned = tuple[Arguments, State, Desired | Impossible | Held]


def wishes(bench: Bench, found: Sequence[State | Unreadable]) -> list[Planned]:
    """What is wanted of each part, planned over what the parts before it will have done."""
    planned: list[Planned] = []
    earlier: list[tuple[Arguments, State]] = []
    for part, state in zip(bench.parts, found, strict=True):
        assert isinstance(state, State)
        before = bench.module.over(part, state, earlier)
        desired = bench.module.desired(part, before)
        planned.append((part, before, desired))
        if isinstance(desired, Desired) and differences(before, desired):
            earlier.append((part, bench.module.promise(part, before, desired)))
    return planned


@pytest.mark.parametrize("culture", ["en-US", "ja-JP"])
@pytest.mark.parametrize(("module", "case"), [(m, c) for m, _, c in CASES], ids=[f"{m}-{name}" for m, name, _ in CASES])
def test_case(module: str, case: Case, culture: str) -> None:
    check_case(bench(module, case, culture), case)


def check_case(on: Bench, case: Case) -> None:
    """What a case promises, over whatever session."""
    original = picture(on.machine)
    found = on.read()
    assert [as_data(one, entry) for one, entry in zip(found, case.before, strict=True)] == list(
        map(expected, case.before)
    )
    assert on.session.batches == case.batches
    if any(isinstance(one, Unreadable) for one in found):
        return
    planned = wishes(on, found)
    if not can_be_done(case, planned):
        return
    actions = [
        (part, before, desired)
        for part, before, desired in planned
        if isinstance(desired, Desired) and differences(before, desired)
    ]
    assert case.changes == [
        line(number, difference)
        for number, (_, before, desired) in enumerate(planned)
        if isinstance(desired, Desired)
        for difference in differences(before, desired)
    ]
    check_change(on, case, actions)
    check_undo(on, case, actions, found, original)


def can_be_done(case: Case, planned: Sequence[Planned]) -> bool:
    """Whether there is anything to write; what the case says to the contrary is what the module says."""
    impossible = [desired.reason for _, _, desired in planned if isinstance(desired, Impossible)]
    held = [desired.reason for _, _, desired in planned if isinstance(desired, Held)]
    assert (bool(impossible), bool(held)) == (bool(case.impossible), bool(case.held))
    assert all(case.impossible in reason for reason in impossible)
    assert all(case.held in reason for reason in held)
    return not impossible and not held


def check_change(on: Bench, case: Case, actions: Sequence[tuple[Arguments, State, Desired]]) -> None:
    """Write, then read: as promised, and nothing is left to do."""
    writes = [on.module.write(part, before) for part, before, _ in actions]
    assert [render(statement) for write in writes for statement in write] == case.commands
    for (part, _, _), write in zip(actions, writes, strict=True):
        on.change(part, write)
    now = on.read()
    after = dict(zip(map(on.module.key, on.parts), now, strict=True))
    if any(on.module.proven_by_answer(part) for part, _, _ in actions):
        return
    for part, before, desired in actions:
        state = after[on.module.key(part)]
        assert isinstance(state, State)
        assert drift(on.module.promise(part, before, desired), state, on.module.volatile) == ()
        assert differences(state, desired) == ()
        assert on.module.settled(state, desired)
    if not any(isinstance(wish, OtherThan) for _, _, desired in actions for wish in desired.properties.values()):
        for part, _, desired in wishes(on, now):
            assert isinstance(desired, Desired)
            assert differences(after[on.module.key(part)], desired) == ()


def check_undo(
    on: Bench,
    case: Case,
    actions: Sequence[tuple[Arguments, State, Desired]],
    found: Sequence[State | Unreadable],
    original: object,
) -> None:
    """Undo, the last action first, leads back to the same machine; or the module says why it cannot."""
    undos = [
        on.module.undo(part, before, on.module.promise(part, before, desired))
        for part, before, desired in reversed(actions)
    ]
    irreversible = [undo.reason for undo in undos if isinstance(undo, Irreversible)]
    if isinstance(case.undo, str):
        assert irreversible
        assert case.undo in irreversible[0]
        return
    assert irreversible == []
    statements = [statement for undo in undos if not isinstance(undo, Irreversible) for statement in undo]
    assert [render(statement) for statement in statements] == case.undo
    on.send(statements)
    again = on.read()
    for before, now in zip(found, again, strict=True):
        assert isinstance(before, State)
        assert isinstance(now, State)
        assert drift(before, now, on.module.volatile) == ()
    assert picture(on.machine) == original


def test_every_state_module_has_cases() -> None:
    named = {module for module, _, _ in CASES}
    assert named == {name for name, module in MODULES.items() if isinstance(module, StateModule)}
