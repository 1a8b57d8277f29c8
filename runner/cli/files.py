"""Reading and writing documents, so that a file is either whole or not there."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

import platformdirs

from runner.model.document import from_text
from runner.model.errors import InputError, Problem
from runner.model.source import Origin
from runner.parse.sources import Source

JOURNAL_VARIABLE = "CE_RUNNER_JOURNAL"


def write_whole(path: Path, text: str) -> None:
    """Write a file beside its place and move it there. Errors: InputError if that cannot be done."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise InputError(Problem(f"cannot write: {error.strerror}", Origin(str(path)))) from error


def read_document(path: Path) -> Any:
    """The JSON document in a file. Errors: InputError for a file that cannot be read, or is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(Problem(f"cannot read: {error.strerror}", Origin(str(path)))) from error
    except UnicodeDecodeError as error:
        raise InputError(Problem(f"not UTF-8 at byte {error.start}", Origin(str(path)))) from error
    return from_text(text, str(path))


def with_lines(error: InputError) -> InputError:
    """The error with the source lines of those problems that were found when the file was no longer open."""
    return InputError(*(problem if problem.line else _with_line(problem) for problem in error.problems))


def _with_line(problem: Problem) -> Problem:
    if problem.origin is None or not problem.origin.line:
        return problem
    try:
        source = Source.read(Path(problem.origin.file))
    except InputError:
        return problem
    return source.problem(problem.message, problem.origin, problem.hint)


def digest_of(path: Path) -> str | None:
    """SHA-256 of a file in hex; None when it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def journal_path() -> Path:
    """Where runs are recorded, unless an option says otherwise: CE_RUNNER_JOURNAL, or the user's state folder."""
    named = os.environ.get(JOURNAL_VARIABLE)
    return Path(named) if named else Path(platformdirs.user_state_dir("ce-runner")) / "journal.sqlite3"
