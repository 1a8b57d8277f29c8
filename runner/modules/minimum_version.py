"""A gate: something of the host has at least a version, or somebody must see to it first. Only reads.

Versions of Cloud Extender are dotted integers with leading zeros: 3.000.100 is (3, 0, 100), never compared as text
(domain.md 2, Discovery, item 4). .NET's Release is one integer (domain.md 3.3).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from runner.model.command import Reply, Statement, command
from runner.model.state import Desired, Held, State, Unreadable
from runner.model.value import PSObject
from runner.modules import file_reading, registry_reading
from runner.modules.base import Arguments, Irreversible, Round, Shown, StateModule, errors_of
from runner.modules.host_files import Place, parse_place
from runner.modules.registry import Key, fold, identity, parse_key

_VERSION = re.compile(r"\d{1,18}(?:\.\d{1,18})*", re.ASCII)
_PARTS = ("FileMajorPart", "FileMinorPart", "FileBuildPart", "FilePrivatePart")


class MinimumVersionArguments(Arguments):
    path: str | None = Field(None, description="The key of a registry value that holds the version")
    name: str | None = Field(None, description="The name of that value")
    file: str | None = Field(None, description="Instead of both: a program or library, whose file version counts")
    at_least: str = Field(description='The lowest version that will do, quoted: "3.000.100"; or a whole number')
    owner: str = Field(description="Who must act where it is lower: a team, a product", min_length=1)
    fix: str = Field("", description="What they have to do")
    blocks: bool = Field(False, description="Whether nothing may be changed on the host before")

    @field_validator("at_least", mode="before")
    @classmethod
    def _takes_whole_numbers(cls, given: object) -> object:
        return str(given) if isinstance(given, int) and not isinstance(given, bool) else given

    @field_validator("at_least")
    @classmethod
    def _is_version(cls, text: str) -> str:
        if not _VERSION.fullmatch(text):
            raise PydanticCustomError("version", "numbers with dots between them are wanted, such as 3.000.100")
        return text

    @field_validator("path")
    @classmethod
    def _is_key(cls, path: str | None) -> str | None:
        return _checked(path, parse_key)

    @field_validator("file")
    @classmethod
    def _is_place(cls, file: str | None) -> str | None:
        return _checked(file, parse_place)

    @model_validator(mode="after")
    def _names_one_thing(self) -> MinimumVersionArguments:
        if (self.path is None) is not (self.name is None) or (self.path is None) is (self.file is None):
            raise PydanticCustomError("version_place", "either path and name are wanted, or file")
        return self


def _checked(text: str | None, parse: Callable[[str], object]) -> str | None:
    try:
        if text is not None:
            parse(text)
    except ValueError as error:
        raise PydanticCustomError("version_place", "{reason}", {"reason": str(error)}) from None
    return text


class MinimumVersion(StateModule[MinimumVersionArguments]):
    name = "minimum_version"
    summary = "A gate: a registry value or a file has at least this version; else the host is held. Changes nothing"
    notes = (
        "Versions are compared number by number: 3.000.100 is 3.0.100, and later than 3.0.99.",
        "What is absent is too low; what cannot be read or is no version is an error.",
    )
    examples = """\
- name: The ActiveSync module can work with the V3 module of Exchange Online
  minimum_version:
    path: "{{ ce_version_key }}"
    name: "{{ ce_version_value }}"
    at_least: "3.000.100"
    owner: the Cloud Extender team
    fix: let the module update in the MaaS360 portal

- name: .NET Framework 4.7.1
  minimum_version:
    path: HKLM:\\SOFTWARE\\Microsoft\\NET Framework Setup\\NDP\\v4\\Full
    name: Release
    at_least: 461308
    owner: the server team
    blocks: true
"""
    arguments = MinimumVersionArguments

    def key(self, arguments: MinimumVersionArguments) -> str:
        asked = _asked(arguments)
        return identity(asked.key, asked.name) if isinstance(asked, registry_reading.Asked) else asked.place.identity

    def shown(self, arguments: MinimumVersionArguments) -> Shown:
        return Shown("version", _label(arguments))

    def read(self, wanted: Sequence[MinimumVersionArguments], rounds: Sequence[Round]) -> tuple[Statement, ...]:
        return _Readers(wanted).next_round(rounds)

    def observe(
        self, wanted: Sequence[MinimumVersionArguments], rounds: Sequence[Round]
    ) -> tuple[State | Unreadable, ...]:
        return _Readers(wanted).conclude(rounds)

    def desired(self, arguments: MinimumVersionArguments, before: State) -> Desired | Held:
        version = before.properties.get("version")
        if isinstance(version, str) and _numbers(version) >= _numbers(arguments.at_least):
            return Desired(True, {"version": version})
        found = f"is {version!s}" if before.exists else "is not there"
        fix = f": {arguments.fix}" if arguments.fix else ""
        reason = f"{_label(arguments)} {found}, at least {arguments.at_least} is wanted{fix}"
        return Held(reason, arguments.owner, arguments.blocks)

    def write(self, arguments: MinimumVersionArguments, before: State) -> tuple[Statement, ...]:
        return ()

    def undo(
        self, arguments: MinimumVersionArguments, before: State, after: State
    ) -> tuple[Statement, ...] | Irreversible:
        return ()


Asked = registry_reading.Asked | file_reading.Asked


def _asked(arguments: MinimumVersionArguments) -> Asked:
    if arguments.file is not None:
        return file_reading.Asked(parse_place(arguments.file))
    return registry_reading.Asked(_key(arguments), arguments.name, lineage=False)


def _key(arguments: MinimumVersionArguments) -> Key:
    return parse_key(arguments.path or "")


def _label(arguments: MinimumVersionArguments) -> str:
    return arguments.file or f"{arguments.name} of {_key(arguments).shown}"


def _numbers(version: str) -> tuple[int, ...]:
    """What compares versions: without zeros at the end, so that 3.0 and 3.0.0 are the same."""
    numbers = [int(part) for part in version.split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


class _Readers:
    """Asks the readers of the registry and of files side by side, and files for their versions.

    A round's statements are the registry's, then the files'; the first round ends with one for all file versions.
    """

    def __init__(self, wanted: Sequence[MinimumVersionArguments]) -> None:
        self._asked = [_asked(arguments) for arguments in wanted]
        self._values = [asked for asked in self._asked if isinstance(asked, registry_reading.Asked)]
        self._files = [asked for asked in self._asked if isinstance(asked, file_reading.Asked)]

    def next_round(self, rounds: Sequence[Round]) -> tuple[Statement, ...]:
        values, files = self._parted(rounds)
        versions = (_versions([asked.place for asked in self._files]),) if self._files and not rounds else ()
        return (*self._next_of_values(values), *self._next_of_files(files), *versions)

    def conclude(self, rounds: Sequence[Round]) -> tuple[State | Unreadable, ...]:
        values, files = self._parted(rounds)
        of_values = iter(registry_reading.conclude(self._values, values) if self._values else ())
        of_files = iter(self._concluded_files(files, rounds[0].replies[-1]) if self._files else ())
        return tuple(
            _of_value(asked, next(of_values)) if isinstance(asked, registry_reading.Asked) else next(of_files)
            for asked in self._asked
        )

    def _concluded_files(self, rounds: Sequence[Round], versions: Reply) -> Iterator[State | Unreadable]:
        for asked, finding in zip(self._files, file_reading.conclude(self._files, rounds), strict=True):
            yield _of_file(asked.place, finding, versions)

    def _next_of_values(self, rounds: Sequence[Round]) -> tuple[Statement, ...]:
        return registry_reading.next_round(self._values, rounds) if self._values else ()

    def _next_of_files(self, rounds: Sequence[Round]) -> tuple[Statement, ...]:
        return file_reading.next_round(self._files, rounds) if self._files else ()

    def _parted(self, rounds: Sequence[Round]) -> tuple[list[Round], list[Round]]:
        """What each reader asked in the rounds so far, and its answers."""
        values: list[Round] = []
        files: list[Round] = []
        for one in rounds:
            first = len(self._next_of_values(values))
            second = first + len(self._next_of_files(files))
            values.append(Round(one.statements[:first], one.replies[:first]))
            files.append(Round(one.statements[first:second], one.replies[first:second]))
        return values, files


def _versions(places: Sequence[Place]) -> Statement:
    """As numbers, since the text of a file's version is whatever its maker wrote."""
    paths = tuple(dict.fromkeys(place.full for place in places))
    return (
        command("Get-Item", LiteralPath=paths, Force=True, ErrorAction="SilentlyContinue"),
        command("Select-Object", ExpandProperty="VersionInfo", ErrorAction="SilentlyContinue"),
        command("Select-Object", Property=("FileName", "FileVersion", *_PARTS)),
    )


def _of_value(asked: registry_reading.Asked, finding: registry_reading.Finding) -> State | Unreadable:
    if isinstance(finding, Unreadable):
        return finding
    if not isinstance(finding, registry_reading.FoundValue):
        return State(False)
    text = str(finding.data).strip()
    if isinstance(finding.data, (str, int)) and _VERSION.fullmatch(text):
        return State(True, {"version": text})
    return Unreadable(f"{asked.name} of {asked.key.shown} is no version: {finding.kind} {finding.data!r}")


def _of_file(place: Place, finding: file_reading.Finding, versions: Reply) -> State | Unreadable:
    if isinstance(finding, Unreadable):
        return finding
    if isinstance(finding, file_reading.Missing):
        return State(False)
    if isinstance(finding, file_reading.FoundFolder):
        return Unreadable(f"{place.full} is a folder, which has no version")
    objects = [one for one in versions.outputs if isinstance(one, PSObject)]
    found = next((one for one in objects if fold(str(one.get("FileName"))) == place.identity), None)
    if found is None:
        return Unreadable(f"the version of {place.full}: {errors_of(versions) or 'the host did not answer for it'}")
    parts = [found.get(name) for name in _PARTS]
    if found.get("FileVersion") is None or not all(isinstance(part, int) for part in parts):
        return Unreadable(f"{place.full} has no version")
    return State(True, {"version": ".".join(map(str, parts))})
