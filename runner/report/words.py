"""Values of a document as people read them. What a host said is data: no control character of it reaches a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from runner.model.outcome import Result

LONGEST = 120  # characters of one value on a screen; the document has all of it


def clean(text: str) -> str:
    """The text on one line, with everything that could steer a terminal written as an escape."""
    return "".join(char if _harmless(char) else char.encode("unicode_escape").decode() for char in text)


def lines(text: str) -> tuple[str, ...]:
    """The lines of a text, each clean; () for an empty one."""
    return tuple(clean(one) for one in text.split("\n")) if text else ()


def _harmless(char: str) -> bool:
    return char.isprintable() or unicodedata.category(char) == "Zs"


def value(data: Any) -> str:
    """A value of the document: `5`, `true`, `[a, b]`, `hex:be,ef`, `none`; a text that could be mistaken is quoted."""
    return _short(_value(data))


def _value(data: Any) -> str:
    match data:
        case None:
            return "none"
        case bool():
            return "true" if data else "false"
        case str():
            return _text(data)
        case list():
            return f"[{', '.join(_value(item) for item in data)}]"
        case {"$bytes": str(digits)}:
            return "hex:" + ",".join(digits[place : place + 2] for place in range(0, len(digits), 2))
        case {"$other_than": _}:
            return "another"
        case Mapping():
            return "{" + ", ".join(f"{clean(str(key))}: {_value(item)}" for key, item in data.items()) + "}"
    return str(data)


def _text(text: str) -> str:
    shown = clean(text)
    mistakable = not text or text != text.strip() or text in ("none", "true", "false", "absent")
    return f'"{shown}"' if mistakable else shown


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text):,} characters)"


def state(data: Mapping[str, Any]) -> str:
    """A whole state in one phrase: `absent`, `present`, or its values: `dword 1`."""
    if not data["exists"]:
        return "absent"
    return _short(" ".join(_value(item) for item in data.get("properties", {}).values())) or "present"


def outcome_word(result: Result) -> str:
    """What became of a step, in one word; what blocks the rest of its host is held, as in a plan."""
    return (Result.HELD if result is Result.BLOCKED else result).value


def listed(names: list[str], most: int = 3) -> str:
    """`a`, `a and b`, `a, b and c`; of more than `most` only how many there are besides."""
    shown = [clean(name) for name in names[:most]]
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most} more"
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1]))) if shown else ""


def count(number: int, one: str, many: str = "") -> str:
    """`1 change`, `2 changes`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def duration(seconds: float) -> str:
    """`40 s`, `3 min`, `2 h 05 min`: as rough as an estimate is."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02} min"
