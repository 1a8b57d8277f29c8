r"""The way to a folder that is put on a host from the controller: what of it is there, and how it goes again.

Test-Path answers False, without an error, also where it cannot look (design section 7): a path that must exist is asked
for beside the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PureWindowsPath

from runner.model.command import Reply, ReplyState, Statement, command
from runner.model.state import State, Unreadable
from runner.modules.base import why_unread

PROGRAM_FILES = "C:\\Program Files"
FOUND_FOLDERS = "existing_folders"  # property: what there is of the way to where a source is to be put


@dataclass(frozen=True, slots=True)
class Folders:
    """`target` is the folder to put, below PROGRAM_FILES, which every host has."""

    target: str

    @property
    def staging(self) -> str:
        """Beside the target, so that it is on the same volume; no version, so that nothing takes it for a module."""
        return f"{self.target}.partial"

    @property
    def line(self) -> tuple[str, ...]:
        """The folders on the way to the target, the topmost first."""
        parents = PureWindowsPath(self.target).parents
        return tuple(str(path) for path in reversed(parents) if PureWindowsPath(PROGRAM_FILES) in path.parents)

    @property
    def asked(self) -> tuple[str, ...]:
        return (PROGRAM_FILES, *self.line, self.target, self.staging)

    def found(self, reply: Reply) -> tuple[str, ...] | Unreadable:
        """Which of the folders there are, by the answer to `question`."""
        if reply.state is not ReplyState.DONE or len(reply.outputs) != len(self.asked):
            return Unreadable(f"folder {self.target}: {why_unread(reply)}")
        there = tuple(path for path, answer in zip(self.asked, reply.outputs, strict=True) if answer is True)
        if PROGRAM_FILES not in there:
            return Unreadable(f"folder {self.target}: {PROGRAM_FILES} cannot be seen")
        return there[1:]

    def removal(self, found: tuple[str, ...]) -> tuple[Statement, ...]:
        """The target goes, and then each folder that was made on its way, if nothing else is in it by then."""
        made = [path for path in reversed(self.line) if path not in found]
        return (remove(self.target), *((command("Remove-Item", LiteralPath=path),) for path in made))


def found_folders(state: State) -> tuple[str, ...]:
    """The property FOUND_FOLDERS of a state; () where nobody had to look."""
    found = state.properties.get(FOUND_FOLDERS)
    return found if isinstance(found, tuple) else ()


def question(folders: Folders) -> Statement:
    return (command("Test-Path", LiteralPath=folders.asked),)


def remove(*paths: str) -> Statement:
    """-Force for hidden and read-only files among them, and in them."""
    return (command("Remove-Item", LiteralPath=paths[0] if len(paths) == 1 else paths, Recurse=True, Force=True),)
