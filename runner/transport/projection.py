"""Select-Object -Property on our side, for endpoints that have it not, or only for a fixed set of names.

The rules are those of the cmdlet (../shared/groundtruth/pwsh76/README.md O1): a name in any case gives the property
under the object's own spelling, a missing one is null, a pattern gives what it matches, null gives nothing.
"""

from __future__ import annotations

import re
from dataclasses import replace
from types import MappingProxyType

from runner.model.command import Command, Reply, Statement
from runner.model.value import PSObject, Value

Columns = tuple[str, ...]
_SELECTED = "Selected."
_CUSTOM = "System.Management.Automation.PSCustomObject"


def stripped(statement: Statement) -> tuple[Statement, tuple[Columns, ...]]:
    """The statement without the projections at its end, and these, the first one first."""
    kept, columns = list(statement), list[Columns]()
    while len(kept) > 1 and (wanted := _columns(kept[-1])) is not None:
        columns.insert(0, wanted)
        kept.pop()
    return tuple(kept), tuple(columns)


def projected(reply: Reply, projections: tuple[Columns, ...]) -> Reply:
    """The reply as it would be had the host projected."""
    outputs = reply.outputs
    for columns in projections:
        outputs = tuple(_picked(output, columns) for output in outputs if output is not None)
    return replace(reply, outputs=outputs)


def _columns(entry: Command) -> Columns | None:
    """The columns of a Select-Object that does nothing but project; None for any other command."""
    if entry.name.casefold() != "select-object" or entry.arguments or len(entry.parameters) != 1:
        return None
    ((name, value),) = entry.parameters
    columns = value if isinstance(value, tuple) else (value,)
    texts = tuple(column for column in columns if isinstance(column, str))
    return texts if name.casefold() == "property" and len(texts) == len(columns) else None


def _picked(output: Value, columns: Columns) -> PSObject:
    source = output if isinstance(output, PSObject) else PSObject(("System.Object",))
    found: dict[str, Value] = {}
    for column in columns:
        for name in _matching(source, column):
            found.setdefault(name, source.get(name))
    name = source.type_names[0] if source.type_names else "System.Object"
    return PSObject((f"{_SELECTED}{name}", _CUSTOM, "System.Object"), MappingProxyType(found))


def _matching(source: PSObject, column: str) -> tuple[str, ...]:
    if not set(column) & set("*?["):
        return (next((name for name in source.properties if name.casefold() == column.casefold()), column),)
    pattern = re.compile(_regex(column), re.IGNORECASE | re.DOTALL)
    return tuple(name for name in source.properties if pattern.fullmatch(name))


def _regex(wildcard: str) -> str:
    """PowerShell's wildcards: `*`, `?`, `[a-z]`; a backtick takes away a meaning."""
    parts = re.findall(r"`(.)|(\*)|(\?)|\[([^\]]+)\]|(.)", wildcard, re.DOTALL)
    return "".join(
        ".*" if star else "." if mark else f"[{_escaped_set(chosen)}]" if chosen else re.escape(escaped or plain)
        for escaped, star, mark, chosen, plain in parts
    )


def _escaped_set(chosen: str) -> str:
    return re.sub(r"([\\^\[\]])", r"\\\1", chosen)
