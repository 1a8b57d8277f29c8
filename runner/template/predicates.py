"""The tests (`x is defined`), with Ansible's names and meaning (docs.ansible.com, "Tests")."""

from __future__ import annotations

import operator as operators
import re
from collections.abc import Callable, Mapping
from itertools import zip_longest
from types import MappingProxyType
from typing import Any

from jinja2 import TemplateRuntimeError
from jinja2.tests import TESTS

from runner.template.filters import flags
from runner.template.guards import guarded, strict, undefined

_FROM_JINJA = (
    "boolean", "divisibleby", "even", "false", "float", "in", "integer", "iterable", "lower", "mapping", "number",
    "odd", "sequence", "string", "true", "upper",
)  # fmt: skip
_COMPARING = (
    "!=", "<", "<=", "==", ">", ">=", "eq", "equalto", "ge", "greaterthan", "gt", "le", "lessthan", "lt", "ne", "none",
    "sameas",
)  # fmt: skip
_TESTS: Mapping[str, Any] = TESTS
_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = MappingProxyType(
    {
        name: function
        for names, function in (
            (("==", "=", "eq"), operators.eq),
            (("!=", "<>", "ne"), operators.ne),
            (("<", "lt"), operators.lt),
            (("<=", "le"), operators.le),
            ((">", "gt"), operators.gt),
            ((">=", "ge"), operators.ge),
        )
        for name in names
    }
)


def version(value: object, other: object, operator: str = "eq") -> bool:
    """Compares dotted integers; missing parts are zero, so that 3.000.100 = 3.0.100 and 3.1 = 3.1.0.

    A float is refused: `3.10` without quotes is 3.1 (design section 7).
    """
    if operator not in _OPERATORS:
        raise TemplateRuntimeError(f"{operator!r} is no comparison; one of {', '.join(_OPERATORS)}")
    pairs = list(zip_longest(_parts(value), _parts(other), fillvalue=0))
    return _OPERATORS[operator]([left for left, _ in pairs], [right for _, right in pairs])


def _parts(value: object) -> list[int]:
    if isinstance(value, (float, bool)):
        raise TemplateRuntimeError(f"{value} is a number, not a version: quote it")
    text = str(value).strip()
    if not re.fullmatch(r"[0-9]{1,20}(\.[0-9]{1,20})*", text):
        raise TemplateRuntimeError(f"{text!r} is no version of the form 1.2.3")
    return [int(part) for part in text.split(".")]


def match(value: object, pattern: str, ignorecase: bool = False, multiline: bool = False) -> bool:
    return re.match(pattern, str(value), flags(ignorecase, multiline)) is not None


def search(value: object, pattern: str, ignorecase: bool = False, multiline: bool = False) -> bool:
    return re.search(pattern, str(value), flags(ignorecase, multiline)) is not None


def _said(result: object, key: str) -> bool:
    if not isinstance(result, Mapping):
        raise TemplateRuntimeError(f"the test wants a registered result, not {type(result).__name__}")
    return bool(result.get(key, False))


def changed(result: object) -> bool:
    return _said(result, "changed")


def failed(result: object) -> bool:
    return _said(result, "failed")


def succeeded(result: object) -> bool:
    return not _said(result, "failed")


def skipped(result: object) -> bool:
    return _said(result, "skipped")


OWN: Mapping[str, Callable[..., bool]] = MappingProxyType(
    {
        "change": changed,
        "changed": changed,
        "failed": failed,
        "failure": failed,
        "match": match,
        "search": search,
        "skip": skipped,
        "skipped": skipped,
        "succeeded": succeeded,
        "success": succeeded,
        "version": version,
        "version_compare": version,
    }
)


def defined(value: object) -> bool:
    return not undefined(value)


def predicates() -> dict[str, Callable[..., Any]]:
    """All tests by name. Comparing shows nothing of a secret but equality; the others refuse one."""
    known: dict[str, Callable[..., Any]] = {name: _TESTS[name] for name in _FROM_JINJA} | dict(OWN)
    checked = {name: guarded(function, f"test {name}") for name, function in known.items()}
    comparing = {name: strict(_TESTS[name]) for name in _COMPARING}
    return {**checked, **comparing, "defined": defined, "undefined": undefined}
