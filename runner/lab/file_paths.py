r"""PowerShell paths of the FileSystem provider on a machine: `C:\x`, `C:/x`, `\x`, `x`, `FileSystem::C:\x`.

A path without a drive is on the session's drive C: and, without a leading separator, below the session's folder, the
account's Documents (pwsh76 pol-config-file: the drive's CurrentLocation). Findings F1, F3.
"""

from __future__ import annotations

from dataclasses import dataclass

from runner.lab.cmdlet import Session
from runner.lab.errors import Terminating, not_simulated
from runner.lab.files import Folder, Node
from runner.lab.wildcard import compile_pattern, has_wildcards, unescape

PROVIDER = "Microsoft.PowerShell.Core\\FileSystem"
_PROVIDERS = ("filesystem", PROVIDER.casefold())


@dataclass(frozen=True, slots=True)
class FilePath:
    """One resolved path: as given, in full, and whether it went through a drive (not `FileSystem::`)."""

    given: str
    full: str
    through_drive: bool

    @property
    def parent(self) -> str:
        """The folder above; a drive's root has none."""
        above, _, name = self.full.rpartition("\\")
        if not name:
            return ""
        return f"{above}\\" if above.endswith(":") else above

    @property
    def leaf(self) -> str:
        return self.full.rpartition("\\")[2]

    @property
    def shown(self) -> str:
        """The full path with the separator that was given at its end (provider.getitem-root-dotdot)."""
        return f"{self.full}\\" if self.leaf and self.given.endswith(("/", "\\")) else self.full

    def child(self, name: str) -> FilePath:
        full = f"{self.full.rstrip(chr(92))}\\{name}"
        return FilePath(full, full, self.through_drive)


@dataclass(frozen=True, slots=True)
class FileTarget:
    """A file or folder that a command works on."""

    path: FilePath
    node: Node


def home_folder(session: Session) -> str:
    """The folder in which a session of the account begins."""
    return f"C:\\Users\\{session.user}\\Documents"


def file_path(session: Session, given: str) -> FilePath | None:
    """The file path that a text means, or None if it belongs to another provider or to no drive of this machine."""
    provider, separator, rest = given.partition("::")
    if separator:
        return _resolved(session, given, rest, through_drive=False) if provider.casefold() in _PROVIDERS else None
    drive, colon, _ = given.partition(":")
    if colon and not session.machine.files.has_drive(drive):
        return None
    return _resolved(session, given, given, through_drive=True)


def _resolved(session: Session, given: str, text: str, *, through_drive: bool) -> FilePath:
    slashed = text.replace("/", "\\")
    drive, colon, rest = slashed.partition(":")
    if not colon:
        drive, rest = "C", slashed if slashed.startswith("\\") else f"{home_folder(session)[2:]}\\{slashed}"
    parts: list[str] = []
    for part in rest.split("\\"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return FilePath(given, f"{drive}:\\" + "\\".join(parts), through_drive)


def matching_files(session: Session, path: FilePath) -> list[FileTarget]:
    """What is at a path that may hold wildcards; nothing where nothing matches."""
    tree = session.machine.files
    if not has_wildcards(path.full):
        full = unescape(path.full)
        node = tree.find(full)
        return [] if node is None else [FileTarget(FilePath(path.given, full, path.through_drive), node)]
    root, *parts = path.full.split("\\")
    start = tree.find(root)
    found = [] if start is None else [FileTarget(FilePath(f"{root}\\", f"{root}\\", path.through_drive), start)]
    for part in (part for part in parts if part):
        pattern = compile_pattern(part)
        found = [
            FileTarget(target.path.child(entry.name), entry)
            for target in found
            for entry in _entries(target)
            if pattern.fullmatch(entry.name)
        ]
    return found


def _entries(target: FileTarget) -> list[Node]:
    """What is in a folder; nothing in a file. Raises Terminating for a closed folder."""
    if not isinstance(target.node, Folder):
        return []
    if target.node.closed:
        raise Terminating(not_simulated(f"a pattern below a folder without access ({target.path.full})"))
    return target.node.sorted_entries()
