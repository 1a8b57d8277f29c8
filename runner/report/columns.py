"""Lines of a screen: columns that stay aligned under wide characters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

Line = Text


def line(*parts: str | tuple[str, str]) -> Line:
    """Texts, some with a style."""
    return Text.assemble(*parts)


def pad(text: str, width: int) -> str:
    """The text with blanks up to a width in terminal cells: 設定 is four cells wide."""
    return text + " " * (width - cell_len(text))


def widest(texts: Iterable[str]) -> int:
    return max((cell_len(text) for text in texts), default=0)


def table(rows: Sequence[tuple[str, ...]], indent: int) -> list[str]:
    """Rows of equal length as lines; every column but the last is as wide as its widest text."""
    if not rows:
        return []
    widths = [widest(column) for column in zip(*rows, strict=True)]
    return [
        (" " * indent + "".join(pad(text, width) for text, width in zip(row, widths, strict=True))).rstrip()
        for row in rows
    ]


def draw(console: Console, lines: Iterable[Line]) -> None:
    """Write the lines as they are: a long path or value is never cut or broken, so that it can be copied."""
    for one in lines:
        console.print(one, soft_wrap=True, highlight=False, markup=False, emoji=False)
