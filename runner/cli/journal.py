"""The journal that a command only reads: opening one that is not there would make it."""

from __future__ import annotations

from pathlib import Path

from runner.cli.files import journal_path, usable
from runner.model.errors import InputError, Problem
from runner.model.source import Origin


def existing(named: Path | None) -> Path | None:
    """The journal that was named, else the usual one; None where nothing was ever recorded in the usual one.

    Errors: InputError where the one that was named is not there, or its place cannot be used.
    """
    path = named or journal_path()
    with usable(path):
        exists = path.exists()
    if exists:
        return path
    if named is None:
        return None
    raise InputError(Problem("there is no such journal", Origin(str(path))))
