r"""Files and folders as such: `win_file`.

Argument names and meanings are Ansible's (ansible.windows, plugins/modules/win_file.py); `touch` is left out. Facts:
groundtruth/pwsh76 README F1 to F5, cases provider.*.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from runner.model.command import Statement, command
from runner.model.state import Desired, State, Unreadable
from runner.modules.base import Arguments, Implied, Impossible, Irreversible, Round, Shown, StateModule
from runner.modules.file_reading import Asked, Finding, FoundFile, FoundFolder, conclude, next_round
from runner.modules.host_files import (
    FILE,
    FOLDER,
    KIND,
    MODULE,
    Place,
    absent,
    made,
    needs_folders,
    over,
    parse_place,
    removed,
    unmade,
)

ENTRIES = "entries"  # how many files and folders a folder holds that is to be removed


class FileArguments(Arguments):
    aliases = MappingProxyType({"dest": "path", "name": "path"})

    path: str = Field(description="The file or folder, by its full path: C:\\...")
    state: Literal["directory", "file", "absent"] = Field(
        description="directory: the folder is made with those above it; file: it must be there, and is not made; "
        "absent: it is removed, a folder with all it holds"
    )

    @field_validator("path")
    @classmethod
    def _is_path(cls, path: str) -> str:
        try:
            place = parse_place(path)
        except ValueError as error:
            raise PydanticCustomError("file_path", str(error)) from None
        if place == place.root:
            raise PydanticCustomError("file_path", "a drive itself is not managed: name a folder on it")
        return path


def _place(arguments: FileArguments) -> Place:
    return parse_place(arguments.path)


class WinFile(StateModule[FileArguments]):
    name = MODULE
    aliases = ("ansible.windows.win_file",)
    summary = "Folders and files: that they are there, or that they are not"
    notes = (
        "A file's content is not kept: a file or a folder that holds something cannot be brought back once removed.",
        "Missing folders on the way to a folder are made, and taken back with it as long as nothing else is in them.",
    )
    examples = """\
- name: A folder for the logs
  win_file:
    path: C:\\ProgramData\\Contoso\\Logs
    state: directory

- name: The old settings are gone
  win_file:
    path: C:\\ProgramData\\Contoso\\old.cfg
    state: absent
"""
    arguments = FileArguments

    def key(self, arguments: FileArguments) -> str:
        return _place(arguments).identity

    def shown(self, arguments: FileArguments) -> Shown:
        return Shown("folder" if arguments.state == "directory" else "file", _place(arguments).full)

    def read(self, wanted: Sequence[FileArguments], rounds: Sequence[Round]) -> tuple[Statement, ...]:
        return next_round([_asked(arguments) for arguments in wanted], rounds)

    def observe(self, wanted: Sequence[FileArguments], rounds: Sequence[Round]) -> tuple[State | Unreadable, ...]:
        return tuple(_state(finding) for finding in conclude([_asked(arguments) for arguments in wanted], rounds))

    def desired(self, arguments: FileArguments, before: State) -> Desired | Impossible:
        if arguments.state == "absent":
            return Desired(False)
        path, kind = _place(arguments).full, before.properties.get(KIND)
        if before.exists and kind != arguments.state:
            return Impossible(f"{path} is a {kind!s}, not a {arguments.state}: remove it first, with a task of its own")
        if arguments.state == "file" and not before.exists:
            return Impossible(f"there is no file {path}: state file makes none, but win_copy does")
        return Desired(True, {KIND: arguments.state})

    def implied(self, arguments: FileArguments, desired: Desired) -> tuple[Implied, ...]:
        """What is there needs all folders above it: a task that removes one of them contradicts it."""
        return needs_folders(_place(arguments)) if desired.exists else ()

    def promise(self, arguments: FileArguments, before: State, desired: Desired) -> State:
        if desired.exists:
            return State(True, MappingProxyType({KIND: arguments.state}))
        return absent() if before.exists else before

    def write(self, arguments: FileArguments, before: State) -> tuple[Statement, ...]:
        path = _place(arguments).full
        if arguments.state != "absent":
            return (made(path, FOLDER),)
        if before.properties.get(ENTRIES):
            # Only where something was seen in it and is in the plan: a folder that got some since is spared (F5).
            return ((command("Remove-Item", LiteralPath=path, Recurse=True, Force=True),),)
        return (removed(path),)

    def undo(self, arguments: FileArguments, before: State, after: State) -> tuple[Statement, ...] | Irreversible:
        path = _place(arguments).full
        if not before.exists:
            return (removed(path), *unmade(before))
        if before.properties.get(KIND) == FILE:
            return Irreversible(f"the content of {path} is not kept")
        if entries := before.properties.get(ENTRIES):
            return Irreversible(f"{path} holds {entries!s} files and folders, which are lost with it")
        return (made(path, FOLDER),)

    def over(self, arguments: FileArguments, before: State, earlier: Sequence[tuple[FileArguments, State]]) -> State:
        place = _place(arguments)
        for other, after in earlier:
            before = after if self.key(other) == place.identity else over(place, before, _place(other), after)
        return before


def _asked(arguments: FileArguments) -> Asked:
    return Asked(_place(arguments), counted=arguments.state == "absent")


def _state(finding: Finding) -> State | Unreadable:
    if isinstance(finding, FoundFile):
        return State(True, MappingProxyType({KIND: FILE}))
    if isinstance(finding, FoundFolder):
        counted = {} if finding.entries is None else {ENTRIES: finding.entries}
        return State(True, MappingProxyType({KIND: FOLDER, **counted}))
    if isinstance(finding, Unreadable):
        return finding
    return absent(tuple(folder.full for folder in finding.folders))
