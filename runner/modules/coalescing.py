"""Statements of several modules that ask the same of different paths become one (design idea 4).

Modules that know nothing of each other ask the registry in the same words. One statement serves them all where every
answer says whose it is: Test-Path writes one Boolean for each path, in their order, even beside an error
(groundtruth/pwsh76, F3 and reg-test-path); an object that a silent read selects tells by its PSPath.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from runner.model.command import Reply, Statement, command

_IDLE = 32  # cells that nobody asked for: an empty one is some 50 bytes of answer, a statement of its own 800
_PATHS, _COLUMNS, _PATH = "LiteralPath", "Property", "PSPath"


@dataclass(frozen=True, slots=True)
class Merged:
    """A statement, and those that it stands for by their places in the round."""

    statement: Statement
    originals: tuple[tuple[int, Statement], ...]

    def replies(self, reply: Reply) -> tuple[tuple[int, Reply], ...]:
        """What answers each of the originals, by place."""
        return tuple((place, self._share(original, reply)) for place, original in self.originals)

    def _share(self, original: Statement, reply: Reply) -> Reply:
        asked, own = _asked(self.statement), _asked(original)
        if asked is None or own is None or asked.columns:
            return reply  # alone, or with objects that tell whose they are
        if len(reply.outputs) != len(asked.paths):
            return replace(reply, outputs=())
        answers = dict(zip(asked.paths, reply.outputs, strict=True))
        return replace(reply, outputs=tuple(answers[path] for path in own.paths))


def coalesce(statements: Sequence[Statement]) -> tuple[Merged, ...]:
    """The fewest statements that ask all of these."""
    merged: list[Merged] = []
    for place, statement in enumerate(statements):
        for index, one in enumerate(merged):
            if (joined := _joined(one.statement, statement)) is not None:
                merged[index] = Merged(joined, (*one.originals, (place, statement)))
                break
        else:
            merged.append(Merged(statement, ((place, statement),)))
    return tuple(merged)


def one_by_one(statements: Sequence[Statement]) -> tuple[Merged, ...]:
    """The statements as they are."""
    return tuple(Merged(statement, ((place, statement),)) for place, statement in enumerate(statements))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a statement of one cmdlet asks: of which paths and, unless it is Test-Path, which columns."""

    cmdlet: str
    paths: tuple[str, ...]
    columns: tuple[str, ...] = ()

    @property
    def statement(self) -> Statement:
        if not self.columns:
            return (command(self.cmdlet, LiteralPath=self.paths),)
        return (
            command(self.cmdlet, LiteralPath=self.paths, ErrorAction="SilentlyContinue"),
            command("Select-Object", Property=self.columns),
        )

    def with_all(self, other: _Asked) -> _Asked:
        """Each path once, and each column whatever its case: a column twice is an error (O1)."""
        paths = tuple(dict.fromkeys(self.paths + other.paths))
        columns = {name.casefold(): name for name in self.columns + other.columns}
        return _Asked(self.cmdlet, paths, tuple(columns.values()))

    @property
    def cells(self) -> int:
        return len(self.paths) * len(self.columns)


def _joined(one: Statement, other: Statement) -> Statement | None:
    left, right = _asked(one), _asked(other)
    if left is None or right is None or left.cmdlet != right.cmdlet:
        return None
    both = left.with_all(right)
    return both.statement if both.cells - left.cells - right.cells <= _IDLE else None


def _asked(statement: Statement) -> _Asked | None:
    """What a statement asks; None where the answer to several would not tell whose it is."""
    names, first = [entry.name for entry in statement], dict(statement[0].parameters)
    paths = _texts(first.get(_PATHS))
    if names == ["Test-Path"] and first.keys() == {_PATHS}:
        return _Asked(names[0], paths) if paths else None
    if names not in (["Get-Item", "Select-Object"], ["Get-ItemProperty", "Select-Object"]):
        return None
    columns = _texts(dict(statement[1].parameters).get(_COLUMNS))
    # The PSPath of a key with a slash in its name has a backslash there (reg-gip-slash-key).
    is_told = _PATH in columns and not any("/" in path for path in paths)
    asked = _Asked(names[0], paths, columns)
    return asked if paths and is_told and asked.statement == statement else None


def _texts(value: object) -> tuple[str, ...]:
    """A list of texts; () for anything else."""
    texts = value if isinstance(value, tuple) else ()
    return texts if all(isinstance(text, str) for text in texts) else ()
