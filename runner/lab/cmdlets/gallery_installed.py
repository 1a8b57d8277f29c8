"""Get-InstalledModule and Uninstall-Module: what PowerShellGet has noted of its installations (gallery.md M1, M7)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from psrpcore.types import ErrorCategory

from runner.lab.cmdlet import Emit, Event, Report
from runner.lab.cmdlets.gallery_base import BOUND, NAMES, VERSIONS, GalleryCommand, is_item
from runner.lab.cmdlets.objects import ALL_SETS
from runner.lab.cmdlets.provider import CONFIRM_TRAITS
from runner.lab.errors import Terminating, not_simulated
from runner.lab.gallery_errors import not_installed
from runner.lab.members import get_property
from runner.lab.messages import Warning
from runner.lab.module_folders import GalleryNote, gallery_notes, installed, remove_module
from runner.lab.module_info import GalleryItem
from runner.lab.module_locks import is_in_use
from runner.lab.module_versions import version_key
from runner.lab.repositories import is_web, parse_version
from runner.lab.signature import Traits
from runner.lab.values import ClrObject, Unsimulated, to_text
from runner.lab.wildcard import matches

# Case installed.bad-xml: what the reading of a damaged PSGetModuleInfo.xml says.
_DAMAGED = (
    "Cannot bind argument to parameter 'PSGetItemInfo' because it is null.",
    "Cannot bind argument to parameter 'InputObject' because it is null.",
    "You must specify an object for the Get-Member cmdlet.",
    'Exception calling "Deserialize" with "1" argument(s): "Element \'Objs\' with namespace name '
    "'http://schemas.microsoft.com/powershell/2004/04' was not found. Line 1, position 2.\"",
)
_Found = tuple[GalleryNote, GalleryItem]


class OfInstalled(GalleryCommand):
    """What looks at installed modules; it needs no NuGet provider (P1)."""

    needs_nuget = False

    def noted(self) -> Iterator[Event | list[_Found]]:
        """The notes of all installed modules, after what is said of damaged ones."""
        found: list[_Found] = []
        for note in gallery_notes(self.session):
            if note.item is None:
                yield from (Warning(text) for text in _DAMAGED)
            else:
                found.append((note, note.item))
        yield found

    def named(self, found: Sequence[_Found], name: str, *, every_version: bool) -> list[_Found]:
        """Those of a name or pattern whose version was asked for: the newest of each name, or all, newest first.

        The exact text of a version counts: 3.1 and 3.1.0.0 are not 3.1.0 here (V1). Of a version that lies in two
        places it is the first on the module path (installed.both-scopes, uninstall.both-scopes).
        """
        kept: dict[tuple[str, str], _Found] = {}
        for note, item in found:
            if matches(name, item.name) and self._is_asked_for(item):
                kept.setdefault((item.name.casefold(), item.version), (note, item))
        ordered = sorted(kept.values(), key=lambda one: _rank(one[1]), reverse=True)
        if every_version:
            return ordered
        newest: dict[str, _Found] = {}
        for one in ordered:
            newest.setdefault(one[1].name.casefold(), one)
        return list(newest.values())

    def _is_asked_for(self, item: GalleryItem) -> bool:
        required, least, most = (
            self.version_text(name) for name in ("RequiredVersion", "MinimumVersion", "MaximumVersion")
        )
        if "-" in item.version and not self.prerelease:
            raise Terminating(not_simulated("an installed prerelease without -AllowPrerelease"))
        rank = _rank(item)
        return (
            (required is None or _same(required, item.version))
            and (least is None or rank >= _rank_of(least))
            and (most is None or rank <= _rank_of(most))
        )


class GetInstalledModule(OfInstalled):
    name = "Get-InstalledModule"
    type_name = "Get-InstalledModule"
    syntax: ClassVar = {ALL_SETS: f"[[-Name] <String[]>] {VERSIONS} [-AllVersions] [-AllowPrerelease@6.0]"}
    traits: ClassVar = {"Name": NAMES, **BOUND}

    def process(self) -> Iterator[Event]:
        bad = self.bad_version()
        if bad is not None:
            yield bad
            return
        for answer in self.noted():
            if isinstance(answer, list):
                yield from self._written(answer)
            else:
                yield answer

    def _written(self, found: Sequence[_Found]) -> Iterator[Event]:
        names = self.names()
        every = self.arguments.flag("AllVersions")
        if not names:
            for _, item in self.named(found, "*", every_version=every)[::-1]:
                yield Emit(_shown(item))
        missing: list[str] = []
        for name in names:
            matching = self.named(found, name, every_version=every)
            missing += [] if matching else [name]
            for _, item in matching:
                yield Emit(_shown(item))
        yield from (not_installed(self.asked("Get-Package"), name) for name in missing)


def _shown(item: GalleryItem) -> ClrObject:
    """The object; what a web repository says of a package besides is not known here."""
    shown = item.as_object()
    if is_web(item.location):
        unknown = ("CompanyName", "PublishedDate", "Includes", "Dependencies", "AdditionalMetadata")
        shown.extended.update({name: Unsimulated(name) for name in unknown})
    return shown


class UninstallModule(OfInstalled):
    """Removes the newest version, the one asked for or all; what others need or a process holds stays (M7)."""

    name = "Uninstall-Module"
    type_name = "Uninstall-Module"
    aliases = ("unmo",)
    syntax: ClassVar = {
        "NameParameterSet": f"[-Name] <String[]> {VERSIONS} [-AllVersions] [-Force] [-AllowPrerelease@6.0] [-WhatIf] "
        "[-Confirm]",
        "InputObject": "[-InputObject] <PSObject[]> [-Force] [-WhatIf] [-Confirm]",
    }
    traits: ClassVar = {"Name": NAMES, "InputObject": Traits(pipeline="value name"), **BOUND, **CONFIRM_TRAITS}
    default_set = "NameParameterSet"

    def process(self) -> Iterator[Event]:
        bad = None if self.parameter_set == "InputObject" else self.bad_version(wildcards=False)
        if bad is not None:
            yield bad
            return
        for answer in self.noted():
            if isinstance(answer, list):
                yield from self._uninstall(answer)
            else:
                yield answer

    def _uninstall(self, found: Sequence[_Found]) -> Iterator[Event]:
        if self.parameter_set == "InputObject":
            chosen = [one for item in self.arguments.items("InputObject") for one in _meant(found, item)]
        else:
            every = self.arguments.flag("AllVersions")
            named = {name: self.named(found, name, every_version=every) for name in self.names()}
            missing = [name for name, matching in named.items() if not matching]
            if missing:
                yield from (not_installed(self.asked("Uninstall-Package"), name) for name in missing)
                return
            chosen = [one for matching in named.values() for one in matching]
        for note, item in chosen:
            problem = self._problem(note, item)
            if problem is not None:
                yield problem
            elif not self.arguments.flag("WhatIf"):
                if self.arguments.flag("Confirm"):
                    raise Terminating(not_simulated("-Confirm of Uninstall-Module"))
                remove_module(self.machine, note.folder)

    def _problem(self, note: GalleryNote, item: GalleryItem) -> Report | None:
        if note.scope != "CurrentUser" and not self.machine.elevated:
            return self._refused(
                "AdminPrivilegesRequiredForUninstall",
                f"You cannot uninstall the module '{item.name}' from '{note.folder}' because Administrator rights are "
                "required to uninstall from that folder. Log on to the computer with an account that has "
                "Administrator rights, and then try again. You can also try running the Windows PowerShell session "
                "with elevated rights (Run as Administrator).",
            )
        needing = self._needing(item)
        if needing and not self.arguments.flag("Force"):
            return self._refused(
                "UnableToUninstallAsOtherModulesNeedThisModule",
                f"The module '{item.name}' of version '{item.version}' in module base folder '{note.folder}' cannot "
                f"be uninstalled, because one or more other modules '{','.join(needing)}' are dependent on this "
                "module. Uninstall the modules that depend on this module before uninstalling module "
                f"'{item.name}'.",
            )
        if is_in_use(self.session, item.name):
            message = f"Module '{item.name}' is currently in use or you don't have the required permissions."
            return self._refused("ModuleIsInUse", message)
        return None

    def _needing(self, item: GalleryItem) -> list[str]:
        """The modules that need this one."""
        return list(
            dict.fromkeys(
                copy.name
                for copy in installed(self.session)
                for needed in copy.manifest.requirements()
                if needed.name.casefold() == item.name.casefold()
            )
        )

    def _refused(self, error_id: str, message: str) -> Report:
        cmdlet = self.asked("Uninstall-Package")
        return cmdlet.report(f"{error_id},Uninstall-Package", message, ErrorCategory.InvalidOperation)


def _meant(found: Sequence[_Found], value: object) -> list[_Found]:
    """The installed module that a piped object is about (uninstall.pipeline)."""
    if not is_item(value):
        raise Terminating(not_simulated("another object than Get-InstalledModule's as -InputObject"))
    name, version = to_text(get_property(value, "Name")), to_text(get_property(value, "Version"))
    return [one for one in found if one[1].name == name and one[1].version == version][:1]


def _same(asked: str, version: str) -> bool:
    """Whether two versions are the same number for number, with the same label."""
    numbers, _, label = asked.partition("-")
    own_numbers, _, own_label = version.partition("-")
    return label.casefold() == own_label.casefold() and version_key(numbers) == version_key(own_numbers)


def _rank_of(version: str) -> tuple[tuple[int, ...], bool, str]:
    parsed = parse_version(version)
    return parsed.rank if parsed else ((), False, "")


def _rank(item: GalleryItem) -> tuple[tuple[int, ...], bool, str]:
    return _rank_of(item.version)


COMMANDS: tuple[type[GalleryCommand], ...] = (GetInstalledModule, UninstallModule)
