"""From an offset in a scalar's value to the line and column in its file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jinja2 import TemplateSyntaxError
from jinja2.lexer import Lexer

from runner.model.source import Origin, ScalarNode

_SKIPPED = frozenset(" \t\r\n\\'")  # what YAML's folding, indentation and escapes put between two characters


class Place(int):
    """A line number as Jinja2 wants it, with the offset that Jinja2 does not keep."""

    offset: int

    def __new__(cls, line: int, offset: int) -> Place:
        place = super().__new__(cls, line)
        place.offset = offset
        return place


def after_dot(line: Any) -> Any:
    """The place of an attribute's name; Jinja2 gives that of the dot before it."""
    return Place(line, line.offset + 1) if isinstance(line, Place) else line


class PlacingLexer(Lexer):
    """Jinja2's lexer; every line number it gives out is a Place, and so are those of nodes and syntax errors."""

    def tokeniter(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> Iterator[tuple[int, str, str]]:
        offset = 0
        tokens = super().tokeniter(source, name, filename, state)
        while True:
            try:
                line, kind, value = next(tokens)
            except StopIteration:
                return
            except TemplateSyntaxError as error:
                raise TemplateSyntaxError(error.message or "", Place(error.lineno, offset)) from None
            start = max(source.find(value, offset), offset)
            yield Place(line, start), kind, value
            offset = start + len(value)


def origin_at(node: ScalarNode, line: Any) -> Origin:
    """Where in its file a scalar's template has the given line (a Place); the scalar's own origin if unknown."""
    origin = node.origin
    if not origin.line or not isinstance(line, Place):
        return origin
    raw = node.text
    index = 0
    wanted = str(node.value)[: line.offset + 1]
    for position, character in enumerate(wanted):
        while index < len(raw) and raw[index] != character and raw[index] in _SKIPPED:
            index += 1
        if position < line.offset:
            index += 1
    before = raw[:index]
    if "\n" not in before:
        return Origin(origin.file, origin.line, origin.column + index + node.quoted)
    return Origin(origin.file, origin.line + before.count("\n"), len(before) - before.rfind("\n"))
