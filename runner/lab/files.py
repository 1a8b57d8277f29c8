"""The files of a simulated machine: folders and files by path, nothing of attributes and streams.

Of access rights it knows closed folders and files only.

The tree is made of frozen nodes, so that machines share what they have not changed (as in `registry.py`). Names are
case-insensitive and keep their case. Drive letters are roots: `C:\\Windows`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class File:
    """`version` is the file version of a program, four numbers, or ""; a `closed` one the account cannot open."""

    name: str
    data: bytes
    modified: datetime
    version: str = ""
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder; `entries` is keyed by the case-folded name. In a `closed` one the account has no rights."""

    name: str
    modified: datetime
    entries: Mapping[str, File | Folder] = field(default_factory=lambda: MappingProxyType({}))
    closed: bool = False

    def entry(self, name: str) -> File | Folder | None:
        return self.entries.get(name.casefold())

    def sorted_entries(self) -> list[File | Folder]:
        """Folders first, each kind by name, as the provider lists them (provider.getchilditem)."""
        folders = [e for e in self.entries.values() if isinstance(e, Folder)]
        files = [e for e in self.entries.values() if isinstance(e, File)]
        return [*sorted(folders, key=_by_name), *sorted(files, key=_by_name)]


Node = File | Folder


def _by_name(node: Node) -> str:
    return node.name.casefold()


class FileTree:
    """The files of one machine."""

    def __init__(self, drives: Mapping[str, Folder]) -> None:
        self._drives = dict(drives)

    def copy(self) -> FileTree:
        """An independent tree with the same content."""
        return FileTree(self._drives)

    def has_drive(self, letter: str) -> bool:
        return letter.casefold() in self._drives

    def find(self, path: str) -> Node | None:
        r"""What is at `C:\folder\file`, or None."""
        drive, *rest = split_file_path(path)
        node: Node | None = self._drives.get(drive.casefold())
        for part in rest:
            if not isinstance(node, Folder):
                return None
            node = node.entry(part)
        return node

    def closed(self, path: str) -> str | None:
        """The path of the closed folder or file that a path leads to or through, as far as it was given."""
        drive, *rest = split_file_path(path)
        node: Node | None = self._drives.get(drive.casefold())
        for depth, part in enumerate(rest, 1):
            node = node.entry(part) if isinstance(node, Folder) else None
            if node is not None and node.closed:
                return f"{drive}:\\" + "\\".join(rest[:depth])
        return None

    def put(self, path: str, node: Node, now: datetime) -> None:
        """Put a file or folder at a path, with the missing folders above it."""
        *above, name = split_file_path(path)
        named = replace(node, name=name)
        self._update(above, now, lambda folder: _with(folder, named, now))

    def remove(self, path: str, now: datetime) -> None:
        """Remove what is at a path."""
        *above, name = split_file_path(path)
        self._update(above, now, lambda folder: _without(folder, name, now))

    def _update(self, parts: list[str], now: datetime, change: Callable[[Folder], Folder]) -> None:
        drive, *rest = parts
        self._drives[drive.casefold()] = _rebuilt(self._drives[drive.casefold()], rest, now, change)


def split_file_path(path: str) -> list[str]:
    """The drive letter and the names of a full path."""
    drive, _, rest = path.partition(":")
    return [drive, *(part for part in rest.split("\\") if part)]


def _rebuilt(folder: Folder, below: list[str], now: datetime, change: Callable[[Folder], Folder]) -> Folder:
    if not below:
        return change(folder)
    name, *rest = below
    known = folder.entry(name)
    inner = known if isinstance(known, Folder) else Folder(name, now)
    changed = _rebuilt(inner, rest, now, change)
    entries = MappingProxyType({**folder.entries, name.casefold(): changed})
    return replace(folder, entries=entries, modified=folder.modified if known else now)


def _with(folder: Folder, node: Node, now: datetime) -> Folder:
    return replace(folder, entries=MappingProxyType({**folder.entries, node.name.casefold(): node}), modified=now)


def _without(folder: Folder, name: str, now: datetime) -> Folder:
    kept = {key: node for key, node in folder.entries.items() if key != name.casefold()}
    return replace(folder, entries=MappingProxyType(kept), modified=now)
