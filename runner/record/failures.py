"""Why the journal's file cannot be used, and what to do about it, by SQLite's primary result code."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from runner.model.errors import JournalError

_DAMAGED = "it is damaged, or no journal: move it away, and a new one is made"
_REASONS: Mapping[int, str] = MappingProxyType(
    {
        sqlite3.SQLITE_BUSY: "another process is writing to it: let that ce-runner end, then try again",
        sqlite3.SQLITE_READONLY: "it is read-only for this user: give write access to the file and its folder",
        sqlite3.SQLITE_CANTOPEN: "it cannot be opened: look at the path and at the access to its folder",
        sqlite3.SQLITE_FULL: "the disk is full: make room, then try again",
        sqlite3.SQLITE_IOERR: "the disk could not be written or read: look for a full or failing disk or a quota",
        sqlite3.SQLITE_CORRUPT: _DAMAGED,
        sqlite3.SQLITE_NOTADB: _DAMAGED,
        sqlite3.SQLITE_CONSTRAINT: "this was recorded before: every run needs an id of its own",
    }
)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns SQLite's and the file system's errors into JournalError."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        raise JournalError(f"the journal {path}: {_REASONS.get(code, str(error))}") from error
    except OSError as error:
        raise JournalError(f"the journal {path}: its folder cannot be made ({error.strerror})") from error
