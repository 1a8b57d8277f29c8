"""Commands as PowerShell text: what people are shown as "this is what will run", and what WinRS will be given.

The rules are measured with a real parser: ../shared/groundtruth/pwsh76/README.md, "Rules for rendering values as
PowerShell text", and quoting.tsv beside it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import PurePath

from runner.model.command import Command, Script, Statement
from runner.model.content import Slice
from runner.model.secret import Secret
from runner.model.value import Credential, EnumValue, Int64, PSObject, UInt32, UInt64, Value, Version

SECRET = "(secret)"
_QUOTES = re.compile("(['\u2018\u2019\u201a\u201b])")
_BARE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(-[A-Za-z][A-Za-z0-9]*)*")
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_AS_IT_IS = re.compile(r"\$(true|false|null)|[0-9][0-9.e-]*L?|'.*'|@[({].*|<.*>", re.DOTALL)
_INVISIBLE = frozenset({0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF})
_INT32_MAX = 2**31 - 1
_INT64_MAX = 2**63 - 1


def render(statement: Statement) -> str:
    """A statement as one line of PowerShell. Secrets and bytes of files are shown as placeholders.

    Errors: ValueError for a parameter name that PowerShell's grammar has no way to write.
    """
    return " | ".join(_command(entry) for entry in statement)


def _command(entry: Command) -> str:
    if isinstance(entry, Script):
        name = f"<{entry.summary}>"
    else:
        name = entry.name if _BARE_NAME.fullmatch(entry.name) else f"& {_argument(entry.name)}"
    named = [_parameter(parameter, value) for parameter, value in entry.parameters]
    return " ".join([name, *named, *(_argument(value) for value in entry.arguments)])


def _parameter(name: str, value: Value) -> str:
    if not _PARAMETER.fullmatch(name):
        raise ValueError(f"{name!r} cannot be written as the name of a parameter")
    return f"-{name}:{_argument(value)}"


def _argument(value: Value) -> str:
    """A literal in the place of an argument: what is not plain stands in parentheses (rule 3)."""
    literal = _literal(value)
    return literal if _AS_IT_IS.fullmatch(literal) or _in_parentheses(literal) else f"({literal})"


def _in_parentheses(literal: str) -> bool:
    return literal.startswith("(") and literal.endswith(")")


def _literal(value: Value) -> str:
    """A literal that means this value and its type; parenthesised where an operator or a cast needs it."""
    if value is None or isinstance(value, bool):
        return {None: "$null", True: "$true", False: "$false"}[value]
    if isinstance(value, Secret | Credential):
        return SECRET
    if isinstance(value, Slice):
        return f"<{value.length} bytes of {value.member or PurePath(value.source).name}>"
    if isinstance(value, EnumValue):
        return _text(value.text) if value.text else str(value.number)
    if isinstance(value, Version):
        return f"([version]{_text(value)})"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, bytes):
        return f"([byte[]]@({', '.join(map(str, value))}))"
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, timedelta):
        return f"([timespan]{_text(_duration(value))})"
    return _nested(value)


def _nested(value: PSObject | tuple[Value, ...] | Mapping[str, Value]) -> str:
    if isinstance(value, PSObject):
        return f"([pscustomobject]{_nested(value.properties)})"
    if isinstance(value, Mapping):
        return "@{" + "; ".join(f"{_text(key)} = {_argument(item)}" for key, item in value.items()) + "}"
    lone_list = len(value) == 1 and isinstance(value[0], tuple | bytes)  # rule 5: @(@(1)) is only @(1)
    return f"@({', ' if lone_list else ''}{', '.join(_argument(item) for item in value)})"


def _text(value: str) -> str:
    """Single quotes, doubling all that close a string (rule 1); characters that no line can hold by code (rule 2)."""
    parts = []
    for special, characters in groupby(value, _needs_code):
        if special:
            parts += [f"[char]0x{ord(character):04X}" for character in characters]
        else:
            parts.append("'" + _QUOTES.sub(r"\1\1", "".join(characters)) + "'")
    if not parts or parts[0].startswith("["):
        parts.insert(0, "''")
    return parts[0] if len(parts) == 1 else f"({' + '.join(parts)})"


def _needs_code(character: str) -> bool:
    number = ord(character)
    control = number < 0x20 and character != "\t"
    return control or 0x7F <= number < 0xA0 or 0xD800 <= number < 0xE000 or number in _INVISIBLE


def _number(value: float) -> str:
    if isinstance(value, float):
        text = _double(value)
    elif isinstance(value, UInt32):
        text = f"([uint32]{value:d})"
    elif isinstance(value, UInt64) or value > _INT64_MAX:
        text = f"([uint64]{value:d})"
    elif isinstance(value, Int64) and abs(value) <= _INT32_MAX:
        text = f"{value:d}L"
    else:
        text = f"{value:d}"
    return f"({text})" if text.startswith("-") else text


def _double(value: float) -> str:
    if math.isnan(value):
        return "([double]::NaN)"
    if math.isinf(value):
        return "([double]::PositiveInfinity)" if value > 0 else "([double]::NegativeInfinity)"
    return repr(value).replace("e+", "e")


def _moment(value: datetime) -> str:
    text = value.isoformat().replace("+00:00", "Z")
    return f"([datetime]::Parse({_text(text)}, [cultureinfo]::InvariantCulture, 'RoundtripKind'))"


def _duration(value: timedelta) -> str:
    """TimeSpan's own format: days.hours:minutes:seconds.fraction of seven digits."""
    sign, value = ("-", -value) if value < timedelta(0) else ("", value)
    minutes, seconds = divmod(value.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days = f"{value.days}." if value.days else ""
    fraction = f".{value.microseconds:06d}0" if value.microseconds else ""
    return f"{sign}{days}{hours:02d}:{minutes:02d}:{seconds:02d}{fraction}"
