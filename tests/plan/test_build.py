"""Batches as Ansible cuts them, and the registered result."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.model.errors import InputError
from runner.model.observation import Gathered, Observed, Told
from runner.model.state import State, Unreadable
from runner.model.task import Broken, Skipped
from runner.plan.build import batches
from runner.plan.registered import assess
from tests.apply.toy import MODULES, ready

TEN = tuple("abcdefghij")


@pytest.mark.parametrize(
    ("serial", "sizes"),
    [
        ((), [10]), ((3,), [3, 3, 3, 1]), ((1, 5), [1, 5, 4]), (("30%",), [3, 3, 3, 1]), (("1%",), [1] * 10),
        ((1, "50%"), [1, 5, 4]), ((0,), [10]), ((2, -1), [2, 8]), ((20,), [10]), (("4",), [4, 4, 2]),
        (("25%",), [2] * 5),
    ],
)  # fmt: skip
def test_batches(serial: tuple[int | str, ...], sizes: list[int]) -> None:
    assert [len(batch) for batch in batches(TEN, serial)] == sizes


sizes = st.integers(-1, 9) | st.sampled_from(["10%", "100%", "0%"])


@given(st.lists(st.text(), unique=True), st.lists(sizes, max_size=3))
def test_batches_keep_every_host_once_and_in_order(hosts: list[str], serial: list[int | str]) -> None:
    cut = batches(hosts, serial)
    assert [host for batch in cut for host in batch] == hosts
    assert all(cut)


@pytest.mark.parametrize("size", ["many", "x%", "%", "inf%"])
def test_a_size_that_is_none(size: str) -> None:
    with pytest.raises(InputError, match="neither a number nor a percentage"):
        batches(TEN, (size,))


def test_what_register_keeps_of_a_state_task() -> None:
    task = ready(1, "A", name="a", value=2)
    assert assess(Observed(task, State(True, {"value": 1, "raw": b"\xbe"})), MODULES) == {
        "changed": True, "failed": False, "skipped": False, "msg": "",
        "before": {"exists": True, "value": 1, "raw": "be"}, "after": {"exists": True, "value": 2, "raw": "be"},
    }  # fmt: skip
    same = assess(Observed(task, State(True, {"value": 2})), MODULES)
    assert (same["changed"], same["before"]) == (False, same["after"])
    assert assess(Observed(ready(1, "A", name="a", exists=False), State(True)), MODULES)["after"] == {"exists": False}


def test_what_could_not_be_read_or_applied_is_registered_as_failed() -> None:
    task = ready(1, "A", name="a", value=666)
    for finding, message in (
        (Observed(task, Unreadable("denied")), "denied"),
        (Observed(task, State(False)), "no thing can have the value 666"),
        (Broken(task.header, "undefined"), "undefined"),
        (Told(task, "no", failed=True), "no"),
    ):
        result = assess(finding, MODULES)
        assert (result["failed"], result["changed"], result["msg"]) == (True, False, message)


def test_the_other_registered_results() -> None:
    task = ready(1, "A", name="a")
    assert assess(Skipped(task.header, "x"), MODULES) == {
        "changed": False, "failed": False, "skipped": True, "msg": "x",
    }  # fmt: skip
    assert assess(Gathered(task, {}), MODULES)["failed"] is False
    assert assess(Told(task, "hi"), MODULES)["msg"] == "hi"
