"""Batches as Ansible cuts them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.model.errors import InputError
from runner.plan.build import batches

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
