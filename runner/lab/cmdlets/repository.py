"""Get-, Register-, Set- and Unregister-PSRepository (gallery.md P3 to P5, cases repo.*, feed.register-*)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from psrpcore.types import ErrorCategory

from runner.lab.cmdlet import Emit, Event
from runner.lab.cmdlets.gallery_base import NAMES, REACHED, GalleryCommand
from runner.lab.cmdlets.objects import ALL_SETS
from runner.lab.errors import Terminating, not_simulated
from runner.lab.gallery import can_be_asked
from runner.lab.gallery_errors import PackageCmdlet, source_not_found, thrown, written
from runner.lab.gallery_objects import repository_object
from runner.lab.messages import Wait, Warning
from runner.lab.repositories import PSGALLERY, Repository, is_web, psgallery, same_location
from runner.lab.signature import Traits
from runner.lab.values import to_text
from runner.lab.wildcard import has_wildcards, matches

_POLICIES = ("Trusted", "Untrusted")
_ELSE = (
    "[-PublishLocation <Uri>] [-ScriptSourceLocation <Uri>] [-ScriptPublishLocation <Uri>] "
    "[-PackageManagementProvider <String>] [-Credential <PSCredential>]"
)
_PROXIES = "[-Proxy <Uri>] [-ProxyCredential <PSCredential>]"
_POLICY = Traits(choices=_POLICIES)
_PROVIDER = Traits(aliases=("Provider",))
_NOT_SIMULATED = frozenset(
    {
        *("PublishLocation", "ScriptSourceLocation", "ScriptPublishLocation", "PackageManagementProvider"),
        *("Credential", "ProxyCredential"),
    }
)


class RepositoryCommand(GalleryCommand):
    """What reads or changes the registered repositories: it needs no NuGet provider to read (P1)."""

    needs_nuget = False
    unsimulated: ClassVar = _NOT_SIMULATED

    @property
    def trusted(self) -> bool:
        return self.arguments.text("InstallationPolicy").casefold() == "trusted"

    def location(self) -> Iterator[Event | str]:
        """-SourceLocation, when it is found to be one; a UNC path is not simulated. Raises Terminating (P4)."""
        given = to_text(self.arguments.get("SourceLocation"))
        if given.startswith("\\\\"):
            raise Terminating(not_simulated("a repository in a shared folder"))
        there, seconds = can_be_asked(self.session, given, self.proxy)
        if seconds:
            yield Wait(seconds)
        if there:
            yield given
        elif is_web(given):
            raise thrown("InvalidWebUri", _bad_uri(given, "SourceLocation"), given)
        else:
            raise thrown("PathNotFound", f"Cannot find the path '{given}' because it does not exist.", given)


def _bad_uri(location: str, parameter: str) -> str:
    return (
        f"The specified Uri '{location}' for parameter '{parameter}' is an invalid Web Uri. Please ensure that it "
        "meets the Web Uri requirements."
    )


class GetPSRepository(RepositoryCommand):
    name = "Get-PSRepository"
    type_name = "Get-PSRepository"
    syntax: ClassVar = {ALL_SETS: "[[-Name] <String[]>]"}
    traits: ClassVar = {"Name": NAMES}
    unsimulated: ClassVar = frozenset()

    def process(self) -> Iterator[Event]:
        registered = self.machine.gallery.repositories()
        names = self.names() or ["*"]
        shown = False
        for name in names:
            found = [one for one in registered if matches(name, one.name)]
            shown = shown or bool(found)
            for repository in found:
                yield Emit(repository_object(repository))
            if not found and not has_wildcards(name):
                shown = True
                yield source_not_found(PackageCmdlet("Get-PackageSource", {"Name": name}), name)
        if not shown:
            yield Warning("Unable to find module repositories.")


class RegisterPSRepository(RepositoryCommand):
    name = "Register-PSRepository"
    type_name = "Register-PSRepository"
    syntax: ClassVar = {
        "NameParameterSet": f"[-Name] <String> [-SourceLocation] <Uri> {_ELSE} [-InstallationPolicy <String>] "
        f"{_PROXIES}",
        "PSGalleryParameterSet": f"-Default [-InstallationPolicy <String>] {_PROXIES}",
    }
    traits: ClassVar = {
        "InstallationPolicy": _POLICY,
        **REACHED,
    }
    default_set = "NameParameterSet"
    needs_nuget = True

    def process(self) -> Iterator[Event]:
        if self.arguments.flag("Default"):
            yield from self._default()
            return
        name = self.arguments.text("Name")
        if name.casefold() == PSGALLERY.casefold():
            message = "Use 'Register-PSRepository -Default' to register the PSGallery repository."
            raise thrown("UseDefaultParameterSetOnRegisterPSRepository", message, name)
        for answer in self.location():
            if isinstance(answer, str):
                yield from self._register(_new(name, answer, trusted=self.trusted))
            else:
                yield answer

    def _default(self) -> Iterator[Event]:
        """PSGallery; where it cannot be reached nothing happens and nothing is said (P5)."""
        repository = psgallery(trusted=self.trusted)
        if self.machine.gallery.repository(PSGALLERY) is not None:
            yield from self._register(repository)
            return
        there, seconds = can_be_asked(self.session, repository.location, self.proxy)
        yield Wait(seconds)
        if there:
            yield from self._register(repository)

    def _register(self, repository: Repository) -> Iterator[Event]:
        gallery = self.machine.gallery
        location = None if self.arguments.flag("Default") else repository.location
        cmdlet = PackageCmdlet("Register-PackageSource", {"Name": repository.name, "Location": location})
        if has_wildcards(repository.name):
            message = f"The repository name '{repository.name}' should not have wildcards, correct it and try again."
            error_id = "RepositoryNameContainsWildCards,Add-PackageSource"
            yield cmdlet.report(error_id, message, ErrorCategory.InvalidArgument, repository.name)
        elif gallery.repository(repository.name) is not None:
            message = f"Module Repository '{repository.name}' exists."
            yield cmdlet.report("PackageSourceExists", message, ErrorCategory.ResourceExists)
        elif any(same_location(one.location, repository.location) for one in gallery.repositories()):
            raise Terminating(not_simulated("a second name for the location of a repository"))
        else:
            self.machine.put_repository(repository)


def _new(name: str, location: str, *, trusted: bool) -> Repository:
    """A repository as it is registered; a feed of the recorded kind has no scripts (feed.register)."""
    if not is_web(location):
        return Repository(name=name, location=location, trusted=trusted)
    publish = f"{location.rstrip('/')}/package/"
    return Repository(name=name, location=location, trusted=trusted, publish_location=publish, script_location="")


class SetPSRepository(RepositoryCommand):
    name = "Set-PSRepository"
    type_name = "Set-PSRepository"
    syntax: ClassVar = {
        ALL_SETS: f"[-Name] <String> [[-SourceLocation] <Uri>] {_ELSE} [-InstallationPolicy <String>] {_PROXIES}"
    }
    traits: ClassVar = {
        "InstallationPolicy": _POLICY,
        **REACHED,
    }
    needs_nuget = True

    def process(self) -> Iterator[Event]:
        name = self.arguments.text("Name")
        before = self.machine.gallery.repository(name)
        if before is None:
            raise Terminating(not_simulated("Set-PSRepository of a repository that is not registered"))
        changed = before
        if "InstallationPolicy" in self.arguments:
            changed = replace(changed, trusted=self.trusted)
        if "SourceLocation" in self.arguments:
            if before.name == PSGALLERY:
                yield self._predefined()
                return
            for answer in self.location():
                if isinstance(answer, str):
                    changed = _moved(changed, answer)
                else:
                    yield answer
        yield from self._set(before, changed)

    def _predefined(self) -> Event:
        given = to_text(self.arguments.get("SourceLocation"))
        message = (
            "The PSGallery repository has pre-defined locations. The 'Location, NewLocation or SourceLocation' "
            "parameter is not allowed, try again after removing the 'Location, NewLocation or SourceLocation' "
            "parameter."
        )
        error_id = "ParameterIsNotAllowedWithPSGallery,Add-PackageSource"
        return PackageCmdlet("Set-PackageSource").report(error_id, message, ErrorCategory.InvalidArgument, given)

    def _set(self, before: Repository, changed: Repository) -> Iterator[Event]:
        """A repository that cannot be reached stays as it is: an error says so, but not of PSGallery (P5, set-down)."""
        there, seconds = can_be_asked(self.session, changed.location, self.proxy)
        if seconds:
            yield Wait(seconds)
        if there:
            self.machine.put_repository(changed)
        elif before.name != PSGALLERY:
            error_id = "InvalidWebUri,Add-PackageSource"
            cmdlet = PackageCmdlet("Set-PackageSource")
            message = _bad_uri(before.location, "Location")
            if not before.is_web:
                raise Terminating(not_simulated("Set-PSRepository of a folder that is gone"))
            yield cmdlet.report(error_id, message, ErrorCategory.InvalidArgument, before.location)


def _moved(repository: Repository, location: str) -> Repository:
    """A repository at a new location: where it publishes to, and its scripts, stay where they were (set-location)."""
    publish = repository.publish_location or repository.location
    scripts = repository.location if repository.script_location is None else repository.script_location
    return replace(repository, location=location, publish_location=publish, script_location=scripts)


class UnregisterPSRepository(RepositoryCommand):
    name = "Unregister-PSRepository"
    type_name = "Unregister-PSRepository"
    syntax: ClassVar = {ALL_SETS: "[-Name] <String[]>"}
    traits: ClassVar = {"Name": NAMES}
    unsimulated: ClassVar = frozenset()

    def process(self) -> Iterator[Event]:
        for name in self.names():
            if has_wildcards(name):
                message = f"The repository name '{name}' should not have wildcards, correct it and try again."
                yield written("RepositoryNameContainsWildCards", message)
                continue
            found = self.machine.gallery.repository(name)
            if found is None:
                yield source_not_found(PackageCmdlet("Unregister-PackageSource", {"Source": name}), name)
            else:
                self.machine.remove_repository(found)


COMMANDS: tuple[type[GalleryCommand], ...] = (
    GetPSRepository,
    RegisterPSRepository,
    SetPSRepository,
    UnregisterPSRepository,
)
