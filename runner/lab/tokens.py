"""The smallest parts of a script: numbers and texts as PowerShell writes them.

Rules: about_Quoting_Rules and about_Numeric_Literals (`groundtruth/docs`), and "Rules for rendering values" of
`groundtruth/pwsh76/README.md`.
"""

from __future__ import annotations

import decimal
import re

from psrpcore.types import PSDecimal, PSDouble, PSInt, PSInt64

SINGLE_QUOTES = "'\u2018\u2019\u201a\u201b"
DOUBLE_QUOTES = '"\u201c\u201d\u201e'
_NUMBER = re.compile(
    r"(?P<sign>[+-]?)(?:0x(?P<hex>[0-9a-f]+)|(?P<digits>\d+(?P<point>\.\d*)?|(?P<fraction>\.\d+))(?P<power>e[+-]?\d+)?)"
    r"(?P<suffix>[ld]?)(?P<unit>[kmgtp]b)?",
    re.IGNORECASE,
)
_UNITS = {unit: 1024 ** (place + 1) for place, unit in enumerate(("kb", "mb", "gb", "tb", "pb"))}
_ESCAPES = {"0": "\0", "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_INT32 = 1 << 31
_INT64 = 1 << 63


def read_number(text: str) -> PSInt | PSInt64 | PSDecimal | PSDouble | None:
    """The number that a token writes, in the smallest type that PowerShell gives it; None if it is no number."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    sign = -1 if match["sign"] == "-" else 1
    factor = sign * _UNITS.get((match["unit"] or "").lower(), 1)
    if match["hex"]:
        return _integer(_signed_hex(match["hex"]) * factor, match["suffix"])
    digits = match["digits"] + (match["power"] or "")
    if match["suffix"].lower() == "d":
        return PSDecimal(decimal.Decimal(digits) * factor)
    if match["point"] or match["fraction"] or match["power"]:
        return PSDouble(float(digits) * factor)
    return _integer(int(match["digits"]) * factor, match["suffix"])


def _signed_hex(digits: str) -> int:
    """0xFFFFFFFF is the Int32 -1, and the same with 16 digits."""
    number = int(digits, 16)
    for width, limit in ((8, _INT32), (16, _INT64)):
        if len(digits) == width and number >= limit:
            return number - 2 * limit
    return number


def _integer(number: int, suffix: str) -> PSInt | PSInt64 | PSDecimal:
    if suffix.lower() == "d":
        return PSDecimal(number)
    if not suffix and -_INT32 <= number < _INT32:
        return PSInt(number)
    return PSInt64(number) if -_INT64 <= number < _INT64 else PSDecimal(number)


def read_single_quoted(token: str) -> str | None:
    """The text in single quotes; None if a quote inside is not doubled (it would end the text in PowerShell)."""
    inside = token[1:-1]
    pairs = re.compile(f"([{SINGLE_QUOTES}])[{SINGLE_QUOTES}]")
    if re.search(f"[{SINGLE_QUOTES}]", pairs.sub("", inside)):
        return None
    return pairs.sub(r"\1", inside)


def read_double_quoted(piece: str) -> str | None:
    """A piece of a text in double quotes, between its variables; None if it holds an escape that 5.1 lacks."""
    if re.search(f"[{DOUBLE_QUOTES}]", re.sub(f"`.|[{DOUBLE_QUOTES}]{{2}}", "", piece, flags=re.DOTALL)):
        return None
    if "`u" in piece or "`e" in piece:
        return None
    unescaped = re.sub(
        f"`(.)|([{DOUBLE_QUOTES}])[{DOUBLE_QUOTES}]",
        lambda match: match[2] or _ESCAPES.get(match[1], match[1]),
        piece,
        flags=re.DOTALL,
    )
    return unescaped


def has_quotes(text: str) -> bool:
    """Whether a bare word holds a character that PowerShell takes for a quote."""
    return any(quote in text for quote in SINGLE_QUOTES + DOUBLE_QUOTES)
