r"""The galleries of a machine's spec.

`gallery: {sources: {'https://feed.example/api/v2': {SomeModule: {'1.0.0': {}, '1.1.0': {licensed: true}}},
'C:\packages': {...}}}` says what a web location or folder offers, beside PSGallery (`data/gallery.yml`), whose content
it may replace. `repositories: [{name: Internal, location: 'C:\packages', trusted: true}]` are those registered instead
of PSGallery alone; `nuget_provider: true`, false or a version; `modules_in_use: {SomeModule: ServiceName}`: as long as
that service runs, the files of the module cannot be replaced.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from importlib import resources
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from runner.lab.files import File, FileTree, Folder
from runner.lab.package_providers import ALL_USERS, NEWEST, provider_path, shipped_path
from runner.lab.repositories import (
    PSGALLERY,
    PSGALLERY_URL,
    Dependency,
    Gallery,
    Package,
    Repository,
    by_file_name,
    is_web,
    parse_version,
    psgallery,
)
from runner.lab.signature import Version

_BUILT = datetime(2025, 1, 1, tzinfo=UTC)
_EXACTLY = re.compile(r"\[(.+)\]")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PackageSpec(_Strict):
    """One version of a module in a source; see `repositories.Package`.

    `dependencies` are NuGet's: `{Other: '1.0.0'}` is that version or later, `'[1.0.0]'` exactly that one, `''` any.
    """

    dependencies: dict[str, str] = {}
    functions: tuple[str, ...] = ()
    code: str | None = None
    manifest: dict[str, Any] = {}
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
    size: int | None = Field(None, ge=0)
    downloads: int | None = Field(None, ge=0)
    version_downloads: int | None = Field(None, ge=0)

    @field_validator("published")
    @classmethod
    def _has_a_zone(cls, moment: datetime | None) -> datetime | None:
        return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


ProviderSpec = bool | Annotated[str, Field(pattern=r"^\d+(\.\d+){1,3}$")]
SourceSpec = dict[str, dict[str, PackageSpec]]


class GallerySpec(_Strict):
    """What the locations that a machine may ask offer: modules by version, in the source's own order."""

    sources: dict[str, SourceSpec] = {}

    @field_validator("sources")
    @classmethod
    def _are_sources(cls, sources: dict[str, SourceSpec]) -> dict[str, SourceSpec]:
        for location, source in sources.items():
            if not is_web(location) and not re.match(r"c:\\", location, re.IGNORECASE):
                raise ValueError(f"{location}: an http or https URL, or a folder on the drive C: is wanted")
            for name, versions in source.items():
                for version in versions:
                    if parse_version(version) is None:
                        raise ValueError(f"{location}, {name}: {version} is no version, such as '3.1.0'")
        return sources


class RepositorySpec(_Strict):
    """A registered repository; PSGallery needs no location."""

    name: str
    location: str = ""
    trusted: bool = False

    def made(self) -> Repository:
        if self.name.casefold() == PSGALLERY.casefold():
            return psgallery(trusted=self.trusted)
        return Repository(name=self.name, location=self.location, trusted=self.trusted)

    @model_validator(mode="after")
    def _is_somewhere(self) -> RepositorySpec:
        if not self.location and self.name.casefold() != PSGALLERY.casefold():
            raise ValueError(f"the repository {self.name} needs a location")
        return self


def made_gallery(
    spec: GallerySpec, repositories: tuple[RepositorySpec, ...] | None, in_use: dict[str, str], powershell: Version
) -> Gallery:
    """The galleries of a new machine. PowerShellGet exists from Windows PowerShell 5.0 on."""
    feeds, packages = _offered(spec) if spec.sources else _everybodys()
    gallery = Gallery(feeds, packages, {name.casefold(): service for name, service in in_use.items()})
    default = (RepositorySpec(name=PSGALLERY),) if powershell >= (5, 0) else ()
    for repository in default if repositories is None else repositories:
        gallery.put(repository.made())
    return gallery


def check_in_use(in_use: Mapping[str, str], services: Collection[str]) -> None:
    """Raises ValueError for a module that a service holds which is not there; `services` are case-folded."""
    for name, service in in_use.items():
        if service.casefold() not in services:
            raise ValueError(f"modules_in_use, {name}: there is no service {service}")


def put_packages(tree: FileTree, spec: GallerySpec) -> None:
    """Put the packages of folders among the files of a new machine."""
    for place, source in spec.sources.items():
        if is_web(place):
            continue
        tree.put(place.rstrip("\\"), Folder("", _BUILT), _BUILT)
        for package in _packages(source):
            path = f"{place.rstrip(chr(92))}\\{package.file_name}"
            tree.put(path, File("", f"{package.name} {package.version}".encode(), _BUILT), _BUILT)


def put_provider(tree: FileTree, provider: ProviderSpec | None, powershell: Version) -> None:
    """Put the NuGet provider among the files of a new machine; None: as PowerShell of this version comes."""
    shipped = shipped_path(powershell)
    if isinstance(provider, str) or (provider is True and shipped is None):
        version = provider if isinstance(provider, str) else NEWEST
        tree.put(provider_path(ALL_USERS, version), File("", b"", _BUILT), _BUILT)
    elif shipped is not None and provider is not False:
        tree.put(shipped, File("", b"", _BUILT), _BUILT)


def _packages(source: SourceSpec) -> tuple[Package, ...]:
    return tuple(
        _package(name, version, spec) for name, versions in source.items() for version, spec in versions.items()
    )


def _package(name: str, version: str, spec: PackageSpec) -> Package:
    fields = {field: getattr(spec, field) for field in PackageSpec.model_fields if field != "dependencies"}
    dependencies = tuple(_dependency(needed, bounds) for needed, bounds in spec.dependencies.items())
    return Package(name=name, version=version, dependencies=dependencies, **fields)


def _dependency(name: str, bounds: str) -> Dependency:
    exactly = _EXACTLY.fullmatch(bounds)
    return Dependency(name, exact=exactly[1]) if exactly else Dependency(name, minimum=bounds or None)


def _offered(spec: GallerySpec) -> tuple[Mapping[str, tuple[Package, ...]], Mapping[str, Package]]:
    """What web locations offer, and all packages: PSGallery's own beside or instead of those of the spec."""
    sources = {PSGALLERY_URL: _psgallery(), **{place: _packages(source) for place, source in spec.sources.items()}}
    feeds = {place.rstrip("/").casefold(): packages for place, packages in sources.items() if is_web(place)}
    return feeds, by_file_name(package for packages in sources.values() for package in packages)


@functools.cache
def _everybodys() -> tuple[Mapping[str, tuple[Package, ...]], Mapping[str, Package]]:
    """What is offered to a machine whose spec says nothing: machines share it."""
    return _offered(GallerySpec())


@functools.cache
def _psgallery() -> tuple[Package, ...]:
    """What PSGallery offers unless a spec says otherwise."""
    text = (resources.files("runner.lab") / "data" / "gallery.yml").read_text(encoding="utf-8")
    return _packages(
        {
            name: {version: PackageSpec.model_validate(spec or {}) for version, spec in versions.items()}
            for name, versions in yaml.safe_load(text).items()
        }
    )
