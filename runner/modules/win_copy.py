r"""Files of the controller, or texts of the playbook, as files of a host: `win_copy`.

Argument names and meanings are Ansible's (ansible.windows, win_copy and its action plugin). Files are
compared by their SHA-256. They are written beside the target, on the same volume, and moved to its place once the host
has shown that they are whole (domain.md 4.6); what is left there of a transfer that broke off is part of what is read.
Facts: groundtruth/pwsh76 cases provider.setcontent-bytes, provider.addcontent, provider.getfilehash, provider.moveitem.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from types import MappingProxyType

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from runner.model.command import Reply, Statement, command
from runner.model.content import Content, Contents, Slice
from runner.model.errors import InputError, Problem
from runner.model.secret import Secret
from runner.model.source import Origin
from runner.model.state import Desired, State, Unreadable
from runner.modules import sending
from runner.modules.base import Arguments, Implied, Impossible, Irreversible, Round, Shown, StateModule
from runner.modules.file_reading import Asked, Finding, FoundFolder, Missing, conclude, next_round
from runner.modules.host_files import (
    FILE,
    FOLDER,
    KIND,
    MODULE,
    Place,
    absent,
    folders_made,
    needs_folders,
    over,
    parse_place,
    removed,
    unmade,
)

SHA256 = "sha256"
LEFT = "left_over"  # whether something of an earlier transfer lies beside the target
_STAGING = ".ce-runner"  # the end of its name
_PATTERN = frozenset("[]`")


class CopyArguments(Arguments):
    unsupported = frozenset({"backup", "decrypt", "local_follow", "remote_src"})
    looked_up = frozenset({"found"})
    decided_by = MappingProxyType({"dest": frozenset({"content"})})

    src: str | None = Field(
        None,
        description="A file or folder of the controller, from the playbook's folder; a folder that ends with / stands "
        "for what is in it",
    )
    content: str | None = Field(None, description="Instead of src: the text of the file, written as UTF-8")
    dest: str = Field(description="The file on the host, by its full path; with \\ at its end the folder it goes into")
    force: bool = Field(True, description="false: a file that is there already is left as it is")
    found: Content | None = None

    @field_validator("content", mode="before")
    @classmethod
    def _is_no_secret(cls, content: object) -> object:
        if isinstance(content, Secret):
            raise PydanticCustomError("secret_content", "may not hold a secret: a plan holds none, and shows it all")
        return content

    @field_validator("dest")
    @classmethod
    def _is_path(cls, dest: str, info: ValidationInfo) -> str:
        try:
            place = parse_place(dest)
        except ValueError as error:
            raise PydanticCustomError("file_path", str(error)) from None
        if _names_folder(dest) and info.data.get("content") is not None:
            raise PydanticCustomError("file_path", "is a folder: with content the name of the file is wanted")
        if _is_pattern(place):
            raise PydanticCustomError("file_path", "[, ] and ` are no part of a dest: Move-Item takes a pattern there")
        return dest

    @model_validator(mode="after")
    def _has_one_source(self) -> CopyArguments:
        if (self.src is None) == (self.content is None):
            raise PydanticCustomError("copy_source", "win_copy wants one of src and content")
        return self


def _names_folder(dest: str) -> bool:
    return dest.strip().endswith(("\\", "/"))


def _is_pattern(place: Place) -> bool:
    return not _PATTERN.isdisjoint(place.full)


def _targets(arguments: CopyArguments) -> Iterator[Place]:
    """Where each member of the source goes; the one file of a content. Errors: ValueError for a name Windows lacks."""
    place, source = parse_place(arguments.dest), arguments.src
    if source is None or arguments.found is None:
        yield place
        return
    own_name = PurePath(arguments.found.source).name
    for member in arguments.found.members:
        if not member.path:
            yield place.child(own_name) if _names_folder(arguments.dest) else place
        else:
            yield (place if source.endswith("/") else place.child(own_name)).child(member.path)


def _target(arguments: CopyArguments) -> Place:
    """Where the file of one part goes."""
    return next(_targets(arguments))


def _staging(arguments: CopyArguments) -> Place:
    return Place(_target(arguments).full + _STAGING)


def _sha256(arguments: CopyArguments) -> str:
    if arguments.content is not None:
        return hashlib.sha256(arguments.content.encode()).hexdigest()
    assert arguments.found is not None
    return arguments.found.members[0].sha256


class WinCopy(StateModule[CopyArguments]):
    name = "win_copy"
    aliases = ("ansible.windows.win_copy",)
    summary = "Files and folders of the controller, or a text, as files of the host"
    notes = (
        "A plan holds the SHA-256 of a file, not its bytes; a file that changed since the plan refuses the host.",
        "The file is written beside the target, with .ce-runner behind its name, and moved once it is whole there.",
        "What was in an overwritten file is not kept: its SHA-256 is all that is known of it.",
        "Missing folders on the way are made. Of a folder only files are sent: an empty one in it is a mistake.",
        "Needs Windows PowerShell 4.0 to 5.1: PowerShell 6 and later writes bytes with another parameter.",
        "Meant for settings and modules: bytes travel in base64 twice, so hundreds of megabytes take long.",
    )
    examples = """\
- name: The settings of the service
  win_copy:
    src: files/service.cfg
    dest: C:\\ProgramData\\Contoso\\service.cfg

- name: A marker
  win_copy:
    content: "set by ce-runner"
    dest: C:\\ProgramData\\Contoso\\managed.txt
"""
    arguments = CopyArguments
    requires = sending.WINDOWS_POWERSHELL
    timeout = 300.0

    def with_contents(self, arguments: CopyArguments, contents: Contents) -> CopyArguments:
        if arguments.src is None:
            return arguments
        look = contents.folder if contents.is_folder(arguments.src) else contents.file
        found = arguments.model_copy(update={"found": look(arguments.src)})
        try:
            wrong = [place.full for place in _targets(found) if _is_pattern(place)]
        except ValueError as error:
            raise InputError(Problem(str(error), Origin(arguments.src), "rename it")) from None
        if wrong:
            reason = f"{wrong[0]}: [, ] and ` are no part of a file's name here: Move-Item takes a pattern there"
            raise InputError(Problem(reason, Origin(arguments.src), "rename it"))
        return found

    def sends(self, arguments: CopyArguments) -> tuple[Slice, ...]:
        return arguments.found.slices if arguments.found else ()

    def parts(self, arguments: CopyArguments) -> tuple[CopyArguments, ...]:
        """A part for each file."""
        found = arguments.found
        if found is None:
            return (arguments,)
        single = (Content(found.source, found.sha256, (member,)) for member in found.members)
        return tuple(arguments.model_copy(update={"found": content}) for content in single)

    def key(self, arguments: CopyArguments) -> str:
        return _target(arguments).identity

    def shown(self, arguments: CopyArguments) -> Shown:
        return Shown("file", _target(arguments).full)

    def read(self, wanted: Sequence[CopyArguments], rounds: Sequence[Round]) -> tuple[Statement, ...]:
        return next_round(_asked(wanted), rounds)

    def observe(self, wanted: Sequence[CopyArguments], rounds: Sequence[Round]) -> tuple[State | Unreadable, ...]:
        findings = conclude(_asked(wanted), rounds)
        return tuple(_state(target, staging) for target, staging in zip(findings[::2], findings[1::2], strict=True))

    def desired(self, arguments: CopyArguments, before: State) -> Desired | Impossible:
        target = _target(arguments)
        if before.properties.get(KIND) == FOLDER:
            return Impossible(f"{target.full} is a folder: end dest with \\ to put the file into it")
        if before.exists and not arguments.force:
            return Desired(True)
        return Desired(True, {SHA256: _sha256(arguments), LEFT: False})

    def implied(self, arguments: CopyArguments, desired: Desired) -> tuple[Implied, ...]:
        """The file is there, and so are all folders above it: a task that removes one of them contradicts it."""
        target = _target(arguments)
        return (Implied(MODULE, target.identity, Desired(True, {KIND: FILE})), *needs_folders(target))

    def write(self, arguments: CopyArguments, before: State) -> tuple[Statement, ...]:
        target, staging = _target(arguments).full, _staging(arguments).full
        if before.exists and before.properties.get(SHA256) == _sha256(arguments):
            return (removed(staging),)
        proof = sending.proofs([(staging, _sha256(arguments))])
        moved = command("Move-Item", LiteralPath=staging, Destination=target, Force=True)
        return (*folders_made(before), *_written(arguments, staging), *proof, (moved,))

    def judge(self, statement: Statement, reply: Reply) -> str | None:
        return super().judge(statement, reply) or sending.complaint(statement, reply)

    def undo(self, arguments: CopyArguments, before: State, after: State) -> tuple[Statement, ...] | Irreversible:
        target = _target(arguments).full
        if before.properties.get(LEFT):
            return Irreversible(f"what an earlier transfer left beside {target} is not brought back")
        if before.exists:
            return Irreversible(f"what was in {target} is not kept: only its SHA-256 is known")
        return (removed(target), *unmade(before))

    def over(self, arguments: CopyArguments, before: State, earlier: Sequence[tuple[CopyArguments, State]]) -> State:
        place = _target(arguments)
        for other, after in earlier:
            before = after if self.key(other) == place.identity else over(place, before, _target(other), after)
        return before


def _written(arguments: CopyArguments, path: str) -> tuple[Statement, ...]:
    if arguments.content is not None:
        return sending.bytes_written(path, arguments.content.encode())
    assert arguments.found is not None
    (member,) = arguments.found.members
    return sending.member_written(path, arguments.found.source, member)


def _asked(wanted: Sequence[CopyArguments]) -> list[Asked]:
    """The target and what may be left beside it, of each part."""
    return [
        asked for arguments in wanted for asked in (Asked(_target(arguments), hashed=True), Asked(_staging(arguments)))
    ]


def _state(target: Finding, staging: Finding) -> State | Unreadable:
    if isinstance(target, Unreadable):
        return target
    if isinstance(staging, Unreadable):
        return staging
    left = not isinstance(staging, Missing)
    if isinstance(target, FoundFolder):
        return State(True, MappingProxyType({KIND: FOLDER, LEFT: left}))
    if isinstance(target, Missing):
        return absent(tuple(folder.full for folder in target.folders), {LEFT: left})
    return State(True, MappingProxyType({SHA256: target.sha256, LEFT: left}))
