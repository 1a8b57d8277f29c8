r"""Paths of files on a host as data, and what tasks on files have in common.

Only full paths on a drive (`C:\...`): a session's own folder means nothing to a playbook, and a share (`\\...`) would
need the account's password on the host, which it does not have there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

from runner.model.command import Statement, command
from runner.model.state import Desired, Property, State
from runner.modules.base import Implied
from runner.modules.file_names import is_file_name
from runner.modules.registry import fold

MODULE = "win_file"  # manages files and folders; other modules that need some say so by this name
KIND, FILE, FOLDER = "kind", "file", "directory"  # the kinds are words of -ItemType as well
MISSING_FOLDERS = "missing_folders"  # of what is absent: the folders that are missing on the way to it, topmost first
_FULL = re.compile(r"([A-Za-z]):[\\/]+(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Place:
    r"""A path on a host. `full` has no separator at its end, but that of a drive's root has one: `C:\`.

    `identity` is the same for all spellings of one path.
    """

    full: str
    identity: str = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "identity", fold(self.full))

    @property
    def root(self) -> Place:
        return Place(self.full[:3])

    @property
    def above(self) -> tuple[Place, ...]:
        """The folders it is in, below the root, the topmost first."""
        names = self.full[3:].split("\\")
        return tuple(Place(self.full[:3] + "\\".join(names[:count])) for count in range(1, len(names)))

    def holds(self, other: Place) -> bool:
        """Whether `other` is this place or lies below it."""
        return other.identity == self.identity or other.identity.startswith(self.identity.rstrip("\\") + "\\")

    def child(self, path: str) -> Place:
        r"""A place below; the path's names are separated by "/" or "\"."""
        return parse_place(f"{self.full}\\{path}")


@lru_cache(maxsize=4096)  # hosts by the thousand are asked for the same paths
def parse_place(text: str) -> Place:
    r"""A path as users write it: C:\folder\file, C:/folder/file. Errors: ValueError."""
    matched = _FULL.fullmatch(text.strip())
    if not matched:
        raise ValueError("a full path on a drive is wanted, such as C:\\folder\\file")
    names = [name for name in re.split(r"[\\/]", matched[2]) if name]
    if wrong := [name for name in names if not is_file_name(name)]:
        raise ValueError(f"{wrong[0]!r} is no name of a file on Windows")
    return Place(f"{matched[1].upper()}:\\" + "\\".join(names))


def absent(missing: tuple[str, ...] = (), properties: Mapping[str, Property] = MappingProxyType({})) -> State:
    return State(False, MappingProxyType({MISSING_FOLDERS: missing, **properties}))


def missing_folders(state: State) -> tuple[str, ...]:
    missing = state.properties.get(MISSING_FOLDERS, ())
    return missing if isinstance(missing, tuple) else ()


def made(path: str, kind: str) -> Statement:
    """Makes a folder, with those above it, or an empty file, in the place of one that is there.

    -Force leaves a folder alone that is there already (provider.newitem-directory), which of a registry key would not
    be true. What New-Item answers is not needed, and large.
    """
    return (
        command("New-Item", Path=path, ItemType=kind, Force=True),
        command("Select-Object", Property=("FullName",)),
    )


def folders_made(state: State) -> tuple[Statement, ...]:
    """Makes the folders that are missing on the way, if any."""
    missing = missing_folders(state)
    return (made(missing[-1], FOLDER),) if missing else ()


def removed(path: str) -> Statement:
    """Removes a file or an empty folder, a hidden or read-only one too; a folder that holds something is spared."""
    return (command("Remove-Item", LiteralPath=path, Force=True),)


def unmade(state: State) -> tuple[Statement, ...]:
    """Takes back `folders_made`, the deepest folder first, as far as nothing else was put there."""
    return tuple(removed(path) for path in reversed(missing_folders(state)))


def needs_folders(place: Place) -> tuple[Implied, ...]:
    """That the folders a place is in exist, as who needs it implies it."""
    there = Desired(True, {KIND: FOLDER})
    return tuple(Implied(MODULE, folder.identity, there) for folder in place.above)


def over(place: Place, before: State, other: Place, after: State) -> State:
    """`before` of a place after an earlier change of another: folders made on its way, a folder removed above it."""
    if after.exists and not before.exists:
        if place.holds(other):
            return State(True, MappingProxyType({KIND: FOLDER}))
        left = tuple(path for path in missing_folders(before) if not parse_place(path).holds(other))
        return State(False, MappingProxyType({**before.properties, MISSING_FOLDERS: left}))
    if not after.exists and other.identity != place.identity and other.holds(place):
        return absent(tuple(folder.full for folder in place.above if other.holds(folder)))
    return before
