"""What is installed from the controller: a folder or a .nupkg, which version is in it, and how it is put on a host.

domain.md 4.6: a .nupkg is a zip of the module's folder; Save-Module makes a folder MODULE/VERSION. Nothing is unpacked
on the host: every file is sent as bytes, proven by its SHA-256, and the whole folder is then moved into its place.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from runner.model.command import Statement, command
from runner.model.content import Content, Contents, Member, Slice
from runner.model.errors import InputError, Problem
from runner.modules.base import Arguments
from runner.modules.psmodule_folders import Folders, remove
from runner.modules.psmodule_versions import is_version, numbers, same
from runner.modules.sending import statements

_IN_PLAN = "package"  # where a plan document has the package; no argument, so that no playbook can say it
_MODULE_VERSION = re.compile(r"^\s*ModuleVersion\s*=\s*(['\"])(?P<version>[\d.]+)\1", re.IGNORECASE | re.MULTILINE)
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


class PackageFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    size: int
    sha256: str


class Package(BaseModel):
    """What was found in a source: one version, the folder `root` of the source that it is ("": all), and its files."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    sha256: str
    root: str
    version: str
    files: tuple[PackageFile, ...]

    @classmethod
    def below(cls, root: str, version: str, content: Content) -> Package:
        """The files of a content that are below a folder of it."""
        files = tuple(
            PackageFile(path=member.path, size=member.size, sha256=member.sha256)
            for member in content.members
            if not root or member.path.startswith(f"{root}/")
        )
        return cls(source=content.source, sha256=content.sha256, root=root, version=version, files=files)

    @property
    def content(self) -> Content:
        return Content(self.source, self.sha256, tuple(Member(one.path, one.size, one.sha256) for one in self.files))

    def arrival(self, folders: Folders, found: tuple[str, ...]) -> tuple[Statement, ...]:
        """The changes that put the package at its target, where `found` are the folders that there are already.

        What an earlier attempt left goes first, since every file of the staging folder would come along.
        """
        staged = "\\".join([folders.staging, *PurePosixPath(self.root).parts])
        left = (remove(folders.staging),) if folders.staging in found else ()
        moved = (command("Move-Item", LiteralPath=staged, Destination=folders.target),)
        emptied = (remove(folders.staging),) if self.root else ()
        return (*left, *statements(self.content, folders.staging), moved, *emptied)


class SourcedArguments(Arguments):
    """Arguments of a module that can install from the controller. `package` is what `with_contents` found there."""

    name: str
    source: str | None = Field(
        None, description="Without internet: a .nupkg, or a folder as Save-Module makes it, on the controller"
    )
    sha256: str | None = Field(
        None, description="What the SHA-256 of the source must be; of a folder that of its listing, as the plan says it"
    )
    _package: Package | None = PrivateAttr(None)

    @property
    def package(self) -> Package | None:
        return self._package

    @property
    def sent(self) -> tuple[Slice, ...]:
        """The files that may be sent, each as a whole."""
        return self._package.content.slices if self._package else ()

    def with_package(self, package: Package) -> Self:
        found = self.model_copy()
        found._package = package
        return found

    @model_validator(mode="wrap")
    @classmethod
    def _from_plan(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(given, Mapping) or _IN_PLAN not in given:
            return handler(given)
        arguments = handler({name: value for name, value in given.items() if name != _IN_PLAN})
        return arguments.with_package(Package.model_validate(given[_IN_PLAN]))

    @model_serializer(mode="wrap")
    def _as_in_plan(self, fields: SerializerFunctionWrapHandler) -> dict[str, Any]:
        found: dict[str, Any] = fields(self)
        return found if self._package is None else {**found, _IN_PLAN: self._package.model_dump()}

    @field_validator("name")
    @classmethod
    def _is_name(cls, name: str) -> str:
        """Get-Module takes wildcards, and the name becomes that of a folder."""
        if not _NAME.fullmatch(name):
            raise PydanticCustomError("package_name", "one name is wanted, without wildcards or slashes")
        return name

    @field_validator("sha256")
    @classmethod
    def _is_sha256(cls, sha256: str | None) -> str | None:
        if sha256 is not None and not _SHA256.fullmatch(sha256):
            raise PydanticCustomError("sha256", "a SHA-256 has 64 hexadecimal digits")
        return sha256

    @model_validator(mode="after")
    def _is_for_a_source(self) -> Self:
        if self.source is None and self.sha256 is not None:
            raise PydanticCustomError("sha256", "sha256 without source: there is nothing to hold it against")
        return self


S = TypeVar("S", bound=SourcedArguments)


def with_package(arguments: S, contents: Contents, look: Callable[[Content], Package]) -> S:
    """The arguments with what `look` finds in their source. Errors: InputError, also for another SHA-256."""
    if arguments.source is None:
        return arguments
    is_package = arguments.source.casefold().endswith(".nupkg")
    content = contents.package(arguments.source) if is_package else contents.folder(arguments.source)
    if arguments.sha256 is not None and arguments.sha256.casefold() != content.sha256:
        raise InputError(
            Problem(
                f"{arguments.source} has the SHA-256 {content.sha256}, not {arguments.sha256.casefold()}",
                hint="it is another file than the one that was checked: get it anew, or correct sha256",
            )
        )
    return arguments.with_package(look(content))


def module_in(content: Content, contents: Contents, name: str, required: str | None) -> Package:
    """The module in a source, by its manifest NAME.psd1; of several versions the one that is required.

    Errors: InputError when there is none, another version, or more than one to choose from.
    """
    manifests = [one for one in content.members if PurePosixPath(one.path).name.casefold() == f"{name}.psd1".casefold()]
    top = min((one.path.count("/") for one in manifests), default=0)
    found = {
        one.path.rpartition("/")[0]: _module_version(content, one, contents)
        for one in manifests
        if one.path.count("/") == top
    }
    if not found:
        raise _unfit(content, f"there is no {name}.psd1 in it", f"give the folder or the .nupkg of {name}")
    fitting = [(root, version) for root, version in found.items() if required is None or same(version, required)]
    if len(fitting) != 1:
        versions = ", ".join(sorted(found.values(), key=numbers))
        wanted = f"not {required}" if required else "which are several"
        raise _unfit(content, f"it holds {name} {versions}, {wanted}", "name one of them in required_version")
    return Package.below(*fitting[0], content)


def _module_version(content: Content, manifest: Member, contents: Contents) -> str:
    data = contents.bytes_of(Slice(content.source, manifest.path, manifest.sha256, 0, manifest.size))
    is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    written = _MODULE_VERSION.search(data.decode("utf-16" if is_utf16 else "utf-8-sig", errors="replace"))
    if written is None or not is_version(written["version"]):
        raise _unfit(content, f"{manifest.path} has no ModuleVersion in plain text", "get the module anew")
    return written["version"]


def provider_in(content: Content, minimum: str) -> Package:
    """The newest version in a provider's folder, which holds a folder for each (domain.md 4.5).

    Errors: InputError when none is new enough.
    """
    versions = {top for one in content.members if is_version(top := one.path.partition("/")[0]) and "/" in one.path}
    fitting = sorted((one for one in versions if numbers(one) >= numbers(minimum)), key=numbers)
    if not fitting:
        found = ", ".join(sorted(versions, key=numbers)) or "none"
        problem = f"it needs a folder {minimum} or later with the provider's files; of versions it holds {found}"
        raise _unfit(content, problem, "copy the provider's folder of a host that has it, from ProviderAssemblies")
    return Package.below(fitting[-1], fitting[-1], content)


def _unfit(content: Content, problem: str, hint: str) -> InputError:
    return InputError(Problem(f"{content.source}: {problem}", hint=hint))
