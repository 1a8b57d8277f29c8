"""How registry tasks on one host see each other, and what holds for any key and any data."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.model.state import Desired, State
from runner.modules.arguments import dump, load
from runner.modules.base import StateModule
from runner.modules.loader import load_modules
from runner.modules.registry import HIVES, Key, is_writable, key_of_ps_path, normalised, parse_key, sent

LAB = "HKLM:\\SOFTWARE\\Lab"


def module() -> StateModule[Any]:
    found = load_modules()["win_regedit"]
    assert isinstance(found, StateModule)
    return found


def task(**data: Any) -> Any:
    return module().arguments.model_validate(data)


def absent(*missing: str) -> State:
    return State(False, {"missing_keys": missing})


def test_spellings_of_one_thing_have_one_key() -> None:
    spellings = [
        task(path="HKLM:\\SOFTWARE\\Lab", name="V"),
        task(path="hklm\\software\\LAB\\", name="v"),
        task(path="HKEY_LOCAL_MACHINE\\SOFTWARE\\Lab", name="V"),
    ]
    assert len({module().key(one) for one in spellings}) == 1
    twins = [
        task(path="HKLM:\\SOFTWARE\\Lab", name="V", view="32"),
        task(path="HKLM:\\SOFTWARE\\Wow6432Node\\Lab", name="V"),
    ]
    assert len({module().key(one) for one in twins}) == 1
    assert module().key(task(path=LAB)) != module().key(task(path=LAB, data="x"))


def test_a_key_that_an_earlier_task_makes_is_not_made_again() -> None:
    first, second = task(path=f"{LAB}\\A", name="V"), task(path=f"{LAB}\\A\\B", name="W")
    before = absent(LAB, f"{LAB}\\A", f"{LAB}\\A\\B")
    after = module().promise(first, absent(LAB, f"{LAB}\\A"), Desired(True, {"type": "string", "data": ""}))
    assert module().over(second, before, [(first, after)]) == absent(f"{LAB}\\A\\B")
    assert module().over(task(path=f"{LAB}\\A"), absent(LAB, f"{LAB}\\A"), [(first, after)]) == State(True)


def test_what_an_earlier_task_removes_is_gone_with_all_below_it() -> None:
    removal = task(path=LAB, state="absent")
    after = module().promise(removal, State(True, {"values": 1, "subkeys": 1}), Desired(False))
    below = task(path=f"{LAB}\\Sub", name="V", type="dword", data=1)
    assert module().over(below, State(True, {"type": "dword", "data": 1}), [(removal, after)]) == absent(
        LAB, f"{LAB}\\Sub"
    )
    beside = task(path="HKLM:\\SOFTWARE\\Lab2", name="V", type="dword", data=1)
    there = State(True, {"type": "dword", "data": 1})
    assert module().over(beside, there, [(removal, after)]) == there


@pytest.mark.parametrize(
    ("removed", "left"),
    [
        ({"path": f"{LAB}\\Sub", "state": "absent"}, {"values": 1, "subkeys": 0}),
        ({"path": LAB.lower(), "name": "V", "state": "absent"}, {"values": 0, "subkeys": 1}),
        ({"path": f"{LAB}\\Sub\\Deep", "state": "absent"}, {"values": 1, "subkeys": 1}),
        ({"path": f"{LAB}\\Sub", "name": "V", "state": "absent"}, {"values": 1, "subkeys": 1}),
        ({"path": f"{LAB}2", "state": "absent"}, {"values": 1, "subkeys": 1}),
    ],
)
def test_a_key_that_is_to_be_removed_holds_less_once_earlier_tasks_took_from_it(
    removed: dict[str, Any], left: dict[str, int]
) -> None:
    """Without subkeys it is removed without -Recurse, which spares what came since; undo gives back what it takes."""
    first, removal = task(**removed), task(path=LAB, state="absent")
    after = module().promise(first, State(True), Desired(False))
    before = module().over(removal, State(True, {"values": 1, "subkeys": 1}), [(first, after)])
    assert before == State(True, left)
    ((sent,),) = module().write(removal, before)
    assert ("Recurse" in dict(sent.parameters)) == (left["subkeys"] > 0)


def test_the_last_of_several_changes_of_one_value_counts() -> None:
    first = task(path=LAB, name="V", type="dword", data=1)
    now = State(True, {"type": "dword", "data": 1})
    assert module().over(task(path=LAB, name="v", type="dword", data=1), absent(), [(first, now)]) == now


names = st.text(
    st.characters(exclude_characters="\\", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20
).filter(lambda name: name.strip() == name and name not in (".", ".."))


@given(st.sampled_from(sorted(HIVES.values())), st.lists(names, min_size=1, max_size=4))
def test_a_key_survives_every_spelling(hive: str, parts: list[str]) -> None:
    key = Key(hive, "\\".join(parts))
    assert parse_key(key.literal) == key
    assert parse_key(key.shown) == key
    assert key_of_ps_path(f"Microsoft.PowerShell.Core\\Registry::{key.full}") == key
    assert key.line[-1] == key
    assert all(ancestor.holds(key) for ancestor in key.line)


data = st.one_of(
    st.tuples(st.just("dword"), st.integers(0, 2**32 - 1)),
    st.tuples(st.just("qword"), st.integers(0, 2**64 - 1)),
    st.tuples(st.sampled_from(["binary", "none"]), st.binary(max_size=20)),
    st.tuples(st.sampled_from(["string", "expandstring"]), st.text(max_size=20)),
    st.tuples(st.just("multistring"), st.lists(st.text(max_size=5), max_size=4).map(tuple)),
)


@given(data)
def test_data_survives_the_plan_document_and_the_way_to_the_host(pair: tuple[str, Any]) -> None:
    kind, value = pair
    assert is_writable(value, kind)
    assert normalised(kind, sent(kind, value)) == value
    arguments = task(path=LAB, name="V", type=kind, data=value)
    assert arguments.data == value
    assert load(module(), dump(arguments)) == arguments


@pytest.mark.parametrize(("value", "kind"), [(b"abc", "dword"), ("x", "unknown"), (None, "string"), (5, "string")])
def test_what_cannot_be_written_as_it_is(value: object, kind: str) -> None:
    assert not is_writable(value, kind)
