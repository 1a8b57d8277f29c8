"""PowerShell's wildcard patterns: `*`, `?`, `[a-c]`, and the backtick that takes the next character literally."""

from __future__ import annotations

import re


def has_wildcards(pattern: str) -> bool:
    """Whether the text holds an unescaped wildcard character."""
    return bool(re.search(r"(?<!`)[*?\[\]]", pattern))


def unescape(pattern: str) -> str:
    """The text without the backticks that escape wildcard characters."""
    return re.sub(r"`([*?\[\]`])", r"\1", pattern)


def compile_pattern(pattern: str, *, case_sensitive: bool = False) -> re.Pattern[str]:
    """The regular expression for a pattern, to be used with `fullmatch`."""
    return re.compile("".join(_pieces(pattern)), re.DOTALL | (re.NOFLAG if case_sensitive else re.IGNORECASE))


def matches(pattern: str, text: str) -> bool:
    """Whether the whole text matches the pattern, in any case."""
    return compile_pattern(pattern).fullmatch(text) is not None


def _pieces(pattern: str) -> list[str]:
    pieces: list[str] = []
    rest = pattern
    while rest:
        character, rest = rest[0], rest[1:]
        if character == "`" and rest:
            pieces.append(re.escape(rest[0]))
            rest = rest[1:]
        elif character == "*":
            pieces.append(".*")
        elif character == "?":
            pieces.append(".")
        elif character == "[" and "]" in rest:
            inside, _, rest = rest.partition("]")
            escaped = re.sub(r"([\\^\[])", r"\\\1", inside)
            pieces.append(f"[{escaped}]")
        else:
            pieces.append(re.escape(character))
    return pieces
