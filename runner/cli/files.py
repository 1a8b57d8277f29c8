"""Reading and writing documents, so that a file is either whole or not there; and what goes wrong with a place."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import platformdirs

from runner.model.document import from_text
from runner.model.errors import InputError, Problem
from runner.model.source import Origin
from runner.parse.sources import Source
from runner.record.private import make_folder

# O_BINARY is of Windows, O_NOFOLLOW of the others
_NEW = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
JOURNAL_VARIABLE = "CE_RUNNER_JOURNAL"


@contextmanager
def usable(place: Path | str) -> Iterator[None]:
    """Turns an error of the operating system into an InputError that names this place."""
    try:
        yield
    except OSError as error:
        raise InputError(Problem(f"cannot be used: {error.strerror or error}", Origin(str(place)))) from error


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file beside its place and move it there; text as UTF-8. Errors: InputError if that cannot be done.

    A symbolic link stays one. What is no file - a device, a pipe - is written to as it is.
    """
    data = content.encode() if isinstance(content, str) else content
    with usable(path):
        if _is_special(path):
            path.write_bytes(data)
            return
        target = Path(os.path.realpath(path))
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.replace(name, target)
        except BaseException:
            os.unlink(name)
            raise


def write_new(path: Path, data: bytes) -> None:
    """Write a file that must not exist yet, and its folder, for their user alone.

    A link in its place is not followed. Errors: InputError if the file exists, or that cannot be done.
    """
    with usable(path):
        make_folder(path.parent)
        try:
            handle = os.open(path, _NEW, 0o600)
        except FileExistsError:
            message = "it is there already, and is kept: name another folder"
            raise InputError(Problem(message, Origin(str(path)))) from None
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
        except BaseException:
            os.unlink(path)
            raise


def check_writable(path: Path) -> None:
    """Find out, before the work that a file is to hold, that it can be written. Errors: InputError as write_whole."""
    with usable(path):
        if _is_special(path):
            if not os.access(path, os.W_OK):  # opening a pipe would end it for its reader
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return
        target = Path(os.path.realpath(path))
        with tempfile.TemporaryFile(prefix=f".{target.name}.", dir=target.parent):
            return


def _is_special(path: Path) -> bool:
    return path.exists() and not path.is_file()


def read_document(path: Path) -> Any:
    """The JSON document in a file. Errors: InputError for a file that cannot be read, or is none."""
    return from_text(Source.read(path).text, str(path))


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
