"""Ranges in host names: expanding is the inverse of counting."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.parse.ranges import expand, split_port

NAMES = st.text(alphabet=string.ascii_lowercase + "-.", max_size=6)


@given(NAMES, NAMES, st.integers(0, 500), st.integers(0, 40), st.integers(1, 7), st.integers(3, 6))
def test_numbers(head: str, tail: str, first: int, count: int, step: int, width: int) -> None:
    last = first + count
    numbers = range(first, last + 1, step)
    assert expand(f"{head}[{first}:{last}:{step}]{tail}") == tuple(f"{head}{n}{tail}" for n in numbers)
    padded = f"{head}[{first:0{width}}:{last:0{width}}:{step}]{tail}"
    filled = width if f"{first:0{width}}".startswith("0") else 0
    assert expand(padded) == tuple(f"{head}{n:0{filled}}{tail}" for n in numbers)


@given(st.sampled_from(string.ascii_letters), st.sampled_from(string.ascii_letters))
def test_letters(first: str, last: str) -> None:
    letters = string.ascii_letters
    if letters.index(first) <= letters.index(last):
        assert expand(f"[{first}:{last}]") == tuple(letters[letters.index(first) : letters.index(last) + 1])
    else:
        with pytest.raises(ValueError, match="goes backwards"):
            expand(f"[{first}:{last}]")


def test_several_ranges_multiply() -> None:
    assert expand("r[1:2]-[a:b]") == ("r1-a", "r1-b", "r2-a", "r2-b")
    assert expand("plain") == ("plain",)
    assert expand("x[:2]") == ("x0", "x1", "x2")


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("a[1:b]", "two numbers or two letters"),
        ("a[3:1]", "goes backwards"),
        ("a[01:3]", "the same number of digits"),
        ("a[1]", r"must be \[first:last\]"),
        ("a[1:]", r"must be \[first:last\]"),
        ("a[1:2:0]", "step"),
        ("a[1:2", "brackets"),
        ("a]1:2[", "brackets"),
        ("a[[1:2]]", "brackets"),
        ("a[1:999999999]", "more than 100000 hosts"),
        ("a[1:1000][1:1000]", "more than 100000 hosts"),
    ],
)
def test_mistakes(pattern: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        expand(pattern)


@pytest.mark.parametrize(
    ("text", "name", "port"),
    [
        ("web01", "web01", None),
        ("web01:5985", "web01", 5985),
        ("web[01:20]", "web[01:20]", None),
        ("web[01:20].x:5985", "web[01:20].x", 5985),
        ("[fe80::1]:5986", "fe80::1", 5986),
        ("fe80::1", "fe80::1", None),
    ],
)
def test_ports(text: str, name: str, port: int | None) -> None:
    assert split_port(text) == (name, port)


@given(st.text(alphabet="[]:ab01-", max_size=14))
def test_no_pattern_brings_it_down(text: str) -> None:
    try:
        names = expand(text)
    except ValueError as error:
        names = (str(error),)
    assert all(names) or text == ""
