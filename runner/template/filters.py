"""The filters: Jinja2's that neither grow without bound nor reach out, and Ansible's that playbooks of this field use.

Names and meaning are Ansible's (docs.ansible.com, "Using filters to manipulate data"). Where Ansible guesses (`bool` of
an unknown word), these raise.
"""

from __future__ import annotations

import json
import ntpath
import posixpath
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from jinja2 import TemplateRuntimeError
from jinja2.filters import FILTERS

from runner.template.guards import guarded, settled, undefined

_FROM_JINJA = (
    "abs", "capitalize", "count", "dictsort", "first", "float", "int", "items", "join", "last", "length", "list",
    "lower", "map", "max", "min", "reject", "rejectattr", "replace", "reverse", "round", "select", "selectattr", "sort",
    "string", "sum", "title", "trim", "unique", "upper",
)  # fmt: skip
TRUE = frozenset(("yes", "on", "1", "true", "y", "t"))
FALSE = frozenset(("no", "off", "0", "false", "n", "f", ""))


def default(value: object, fallback: object = "", boolean: bool = False) -> object:
    """The fallback for what is undefined; with `boolean` also for what is false or empty."""
    return fallback if undefined(value) or (boolean and not value) else value


def to_bool(value: object) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in TRUE or word in FALSE:
        return word in TRUE
    raise TemplateRuntimeError(f"{word!r} is neither true nor false")


def combine(first: Mapping[str, object], *others: Mapping[str, object], recursive: bool = False) -> dict[str, object]:
    result = dict(first)
    for other in others:
        for key, value in other.items():
            old = result.get(key)
            if recursive and isinstance(old, Mapping) and isinstance(value, Mapping):
                result[key] = combine(old, value, recursive=True)
            else:
                result[key] = value
    return result


def ternary(value: object, if_true: object, if_false: object, if_none: object = None) -> object:
    if value is None and if_none is not None:
        return if_none
    return if_true if value else if_false


def regex_replace(
    value: object, pattern: str = "", replacement: str = "", ignorecase: bool = False, multiline: bool = False
) -> str:
    return re.sub(pattern, replacement, str(value), flags=flags(ignorecase, multiline))


def regex_search(
    value: object, pattern: str, *groups: str, ignorecase: bool = False, multiline: bool = False
) -> object:
    """The first match; with groups (`'\\\\1'`, `'\\\\g<name>'`) a list of them; none if nothing matches."""
    found = re.search(pattern, str(value), flags(ignorecase, multiline))
    if found is None:
        return None
    if not groups:
        return found.group()
    return [found.expand(group) for group in groups]


def flags(ignorecase: bool, multiline: bool) -> re.RegexFlag:
    return (re.IGNORECASE if ignorecase else re.NOFLAG) | (re.MULTILINE if multiline else re.NOFLAG)


def split(value: str, separator: str | None = None, maximum: int = -1) -> list[str]:
    return value.split(separator, maximum)


def to_json(value: object) -> str:
    return json.dumps(settled(value), ensure_ascii=False)


OWN: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "basename": posixpath.basename,
        "bool": to_bool,
        "combine": combine,
        "regex_replace": regex_replace,
        "regex_search": regex_search,
        "split": split,
        "ternary": ternary,
        "to_json": to_json,
        "win_basename": ntpath.basename,
        "win_dirname": ntpath.dirname,
    }
)


def filters() -> dict[str, Callable[..., Any]]:
    """All filters by name. Only `default` may see a secret or something undefined: it hands on what it is given."""
    known: dict[str, Callable[..., Any]] = {name: FILTERS[name] for name in _FROM_JINJA} | dict(OWN)
    checked = {name: guarded(function, f"filter {name}") for name, function in known.items()}
    return {**checked, "default": default, "d": default}
