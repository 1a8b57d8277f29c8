"""What modules are installed from: packages with their versions, and the repositories that a machine has registered.

Facts: `groundtruth/pwsh76/gallery.md`, findings V1 (3.1, 3.1.0 and 3.1.0.0 are one version to Find- and Install-Module)
and I7 (dependencies); names of the parts of a version: PSGET.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

PSGALLERY = "PSGallery"
PSGALLERY_URL = "https://www.powershellgallery.com/api/v2"
_VERSION = re.compile(r"(?P<numbers>\d+(?:\.\d+){0,3})(?:-(?P<label>[0-9A-Za-z-]+))?")


@dataclass(frozen=True, slots=True)
class ModuleVersion:
    """A version that can be compared: four numbers, where missing ones are 0, and the label of a prerelease or ""."""

    numbers: tuple[int, ...]
    label: str = ""

    @property
    def rank(self) -> tuple[tuple[int, ...], bool, str]:
        """What sorts versions: a release stands above its own prereleases."""
        return self.numbers, not self.label, self.label.casefold()


def parse_version(text: str) -> ModuleVersion | None:
    """The version that a text stands for; None where it is none."""
    match = _VERSION.fullmatch(text.strip())
    if match is None:
        return None
    numbers = tuple(int(part) for part in match["numbers"].split("."))
    return ModuleVersion((*numbers, *(0,) * (4 - len(numbers))), match["label"] or "")


@dataclass(frozen=True, slots=True)
class Dependency:
    """A module that a package needs: at least a version, or exactly one, or any."""

    name: str
    minimum: str | None = None
    exact: str | None = None

    def is_met_by(self, version: ModuleVersion) -> bool:
        if self.exact is not None:
            return version == parse_version(self.exact)
        least = parse_version(self.minimum) if self.minimum else None
        return least is None or version.rank >= least.rank


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One version of a module as a source offers it. What is None is not known of it.

    `version` is the gallery's text, with the label of a prerelease; `code` is that of its root module and
    `manifest` further fields of its manifest. `broken_manifest`: it installs nowhere; `damaged`:
    the download is no package; `licensed`: its licence must be accepted; `format_version`: the
    PowerShellGetFormatVersion that it asks for.
    """

    name: str
    version: str
    dependencies: tuple[Dependency, ...] = ()
    functions: tuple[str, ...] = ()
    code: str | None = None
    manifest: Mapping[str, object] = field(default_factory=dict)
    powershell: str | None = None
    format_version: str | None = None
    licensed: bool = False
    broken_manifest: bool = False
    damaged: bool = False
    description: str | None = None
    author: str | None = None
    company: str | None = None
    copyright: str | None = None
    project_uri: str | None = None
    license_uri: str | None = None
    release_notes: str | None = None
    tags: tuple[str, ...] = ()
    published: datetime | None = None
    size: int | None = None
    downloads: int | None = None
    version_downloads: int | None = None

    @property
    def parsed(self) -> ModuleVersion:
        version = parse_version(self.version)
        if version is None:
            raise ValueError(f"{self.version} is no version of a module")
        return version

    @property
    def file_name(self) -> str:
        return f"{self.name}.{self.version}.nupkg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A registered repository. None: what is published, or a script, is at its location too."""

    name: str
    location: str
    trusted: bool = False
    publish_location: str | None = None
    script_location: str | None = None

    @property
    def is_web(self) -> bool:
        return is_web(self.location)


def is_web(location: str) -> bool:
    """Whether a location is asked over HTTP, and is no folder."""
    return location.casefold().startswith(("http://", "https://"))


def same_location(one: str, other: str) -> bool:
    """Whether two locations are the same to a package source: a slash or backslash at the end does not count."""
    return one.rstrip("/\\").casefold() == other.rstrip("/\\").casefold()


def psgallery(*, trusted: bool = False) -> Repository:
    """PSGallery as Register-PSRepository -Default registers it (case repo.get-all)."""
    return Repository(
        name=PSGALLERY,
        location=PSGALLERY_URL,
        trusted=trusted,
        publish_location=f"{PSGALLERY_URL}/package/",
        script_location=f"{PSGALLERY_URL}/items/psscript",
    )


@dataclass(slots=True)
class Gallery:
    """The packages of the world as one machine can see them, and the repositories that it has registered.

    `feeds` is what web locations serve, without a slash at the end and case-folded; `packages` are all that there are,
    by file name, so that a folder of .nupkg files is a source too. `in_use` says which service holds the files of a
    module (case-folded): as long as it runs they cannot be replaced. `checks_commands`: PowerShellGet refuses a module
    whose commands another one has, as it does on Windows. `folders_as_recorded`: folders of packages are as on the
    Linux of the recordings, which gallery.md calls a trait: names in their own case only, a prerelease where there is
    nothing else. Repositories are in the order of registration.
    """

    feeds: Mapping[str, tuple[Package, ...]] = field(default_factory=dict)
    packages: Mapping[str, Package] = field(default_factory=dict)
    in_use: Mapping[str, str] = field(default_factory=dict)
    checks_commands: bool = True
    folders_as_recorded: bool = False
    _repositories: dict[str, Repository] = field(default_factory=dict)

    def repositories(self) -> tuple[Repository, ...]:
        return tuple(self._repositories.values())

    def repository(self, name: str) -> Repository | None:
        return self._repositories.get(name.casefold())

    def feed(self, location: str) -> tuple[Package, ...] | None:
        """What a web location serves; None where there is no feed."""
        return self.feeds.get(location.rstrip("/").casefold())

    def put(self, repository: Repository) -> None:
        self._repositories[repository.name.casefold()] = repository

    def remove(self, name: str) -> None:
        self._repositories.pop(name.casefold(), None)


def by_file_name(packages: Iterable[Package]) -> dict[str, Package]:
    """Packages by the case-folded names of their .nupkg files."""
    return {package.file_name.casefold(): package for package in packages}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is looked for in a source: a name or pattern, and which of its versions."""

    name: str
    required: str | None = None
    minimum: str | None = None
    maximum: str | None = None
    prerelease: bool = False
    every_version: bool = False


def versions_in(packages: Iterable[Package], wanted: Wanted) -> list[Package]:
    """The packages whose version is in the wanted range, newest first; of each name in the order of the source."""
    required, least, most = (
        parse_version(text) if text else None for text in (wanted.required, wanted.minimum, wanted.maximum)
    )
    fitting = [
        package
        for package in packages
        if (required is None or package.parsed == required)
        and (least is None or package.parsed.rank >= least.rank)
        and (most is None or package.parsed.rank <= most.rank)
    ]
    return sorted(fitting, key=lambda package: package.parsed.rank, reverse=True)
