"""Ansible's filters and tests."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.template import TemplateError, Templates


def value(expression: str, **variables: object) -> object:
    return Templates().evaluate(expression, variables)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("'yes' | bool", True),
        ("'False' | bool", False),
        ("0 | bool", False),
        ("none | bool", None),
        ("'12' | int", 12),
        ("'1.5' | float", 1.5),
        ("'aB' | lower", "ab"),
        ("'aB' | upper", "AB"),
        ("[1, 2] | join('-')", "1-2"),
        ("'abc' | length", 3),
        ("[3, 4] | first", 3),
        ("[3, 4] | last", 4),
        ("[1, 1, 2] | unique", [1, 2]),
        ("[2, 1] | sort", [1, 2]),
        ("[{'a': 1}, {'a': 2}] | map(attribute='a')", [1, 2]),
        ("[0, 1] | select", [1]),
        ("[0, 1] | reject", [0]),
        ("['a1', 'b1'] | select('match', 'a')", ["a1"]),
        ("[{'n': 'x', 's': 1}, {'n': 'y', 's': 2}] | selectattr('s', 'gt', 1) | map(attribute='n')", ["y"]),
        ("{'a': 1, 'b': {'c': 1}} | combine({'b': {'d': 2}})", {"a": 1, "b": {"d": 2}}),
        ("{'a': 1, 'b': {'c': 1}} | combine({'b': {'d': 2}}, recursive=true)", {"a": 1, "b": {"c": 1, "d": 2}}),
        ("true | ternary('a', 'b')", "a"),
        ("none | ternary('a', 'b', 'c')", "c"),
        (r"'abc' | regex_replace('b(.)', '\\1x')", "acx"),
        ("'ABC' | regex_replace('b', '', ignorecase=true)", "AC"),
        ("'v1.2' | regex_search('[0-9]+')", "1"),
        (r"'v1.2' | regex_search('([0-9])\\.([0-9])', '\\2', '\\1')", ["2", "1"]),
        ("'v' | regex_search('[0-9]')", None),
        ("'/a/b.txt' | basename", "b.txt"),
        (r"'C:\\a\\b.txt' | win_basename", "b.txt"),
        (r"'C:\\a\\b.txt' | win_dirname", "C:\\a"),
        ("'a,b' | split(',')", ["a", "b"]),
        ("{'a': 'サーバ'} | to_json", '{"a": "サーバ"}'),
        ("x is defined", False),
        ("x is undefined", True),
        ("'3.000.100' is version('3.0.100')", True),
        ("'3.1' is version('3.1.0', '==')", True),
        ("'10.0.20348' is version('10.0.9999', '>')", True),
        ("'5.1' is version_compare('7', 'lt')", True),
        ("'abc' is match('a')", True),
        ("'abc' is match('b')", False),
        ("'abc' is search('b')", True),
        ("1 in [1]", True),
        ("1 is in [1]", True),
        ("none is sameas none", True),
    ],
)
def test_filters_and_tests(expression: str, expected: object) -> None:
    found = value(expression)
    assert found == expected
    assert type(found) is type(expected)


def test_tests_of_registered_results() -> None:
    result = {"changed": True, "failed": False, "skipped": False}
    assert value("r is changed and r is succeeded and not r is failed and not r is skipped", r=result) is True
    assert value("r is failed or r is changed", r={}) is False
    with pytest.raises(TemplateError, match="wants a registered result, not str"):
        value("r is changed", r="changed")


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("'perhaps' | bool", "'perhaps' is neither true nor false"),
        ("3.10 is version('3.1')", "3.1 is a number, not a version: quote it"),
        ("'3.x' is version('3.1')", "'3.x' is no version of the form 1.2.3"),
        ("'3' is version('3', '=>')", "'=>' is no comparison"),
        ("'a' | regex_search('(')", "unterminated"),
        ("[1, 'a'] | sort", "not supported between"),
    ],
)
def test_mistakes_are_told(expression: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        value(expression)
    assert message in caught.value.message


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=4), st.lists(st.integers(0, 10**6), min_size=1, max_size=4))
def test_versions_are_ordered_as_lists_of_numbers(left: list[int], right: list[int]) -> None:
    texts = {"left": ".".join(map(str, left)), "right": ".".join(map(str, right))}
    pairs = list(itertools.zip_longest(left, right, fillvalue=0))
    lower = [a for a, _ in pairs] < [b for _, b in pairs]
    assert value("left is version(right, '<')", **texts) is lower
    assert value("left is version(right, '>=')", **texts) is not lower
