"""Install-Module, Update-Module and Save-Module (`groundtruth/pwsh76/gallery.md`, K, I, V and M6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from psrpcore.types import ErrorCategory

from runner.lab.cmdlet import Emit, Event, Report
from runner.lab.cmdlets.gallery_base import (
    BOUND,
    BY_NAME,
    NAMES,
    RANGE,
    REACH,
    REACHED,
    SCOPES,
    VERSIONS,
    GalleryCommand,
    is_item,
)
from runner.lab.cmdlets.gallery_find import Searching
from runner.lab.cmdlets.objects import ALL_SETS
from runner.lab.cmdlets.provider import CONFIRM_TRAITS
from runner.lab.errors import Terminating, not_simulated
from runner.lab.files import Folder
from runner.lab.gallery import Offer, is_recent
from runner.lab.gallery_errors import PackageCmdlet, no_match, source_not_found, thrown, written
from runner.lab.gallery_install import Aim, Installation, Put
from runner.lab.gallery_objects import item_object
from runner.lab.members import get_property
from runner.lab.messages import Warning
from runner.lab.module_folders import GalleryNote, gallery_notes, installed
from runner.lab.module_paths import Scope, scope_folder
from runner.lab.repositories import Package, Repository, Wanted, parse_version, same_location
from runner.lab.signature import Traits
from runner.lab.values import to_text
from runner.lab.wildcard import has_wildcards, matches

_ASK = "[-WhatIf] [-Confirm]"
_SCOPE = Traits(choices=SCOPES)


class Putting(Searching):
    """What puts packages into folders."""

    def put(
        self, installation: Installation, names: Sequence[str], offers: list[list[Offer]], offered: list[Package]
    ) -> Iterator[Event]:
        """Put what was found, unless a name is missing (I5) or in several repositories (I6); -PassThru comes last."""
        wrong = [self._not_one(installation.cmdlet, name, found) for name, found in zip(names, offers, strict=True)]
        if any(wrong):
            for events in wrong:
                yield from events
            return
        chosen = [found[0] for found in offers]
        if not installation.aim.force and not installation.aim.saves:
            chosen = [offer for offer in chosen if not installation.is_there(offer.package)]
        if self.arguments.flag("WhatIf") or self.arguments.flag("Confirm"):
            return  # nobody can be asked, and nothing is said of it (K3)
        done: list[Put] = []
        for event in installation.all(chosen, offered):
            if isinstance(event, Put):
                done.append(event)
            else:
                yield event
        if self.arguments.flag("PassThru"):
            for put in done:
                yield Emit(item_object(self.machine, put.offer, offered, put.placed))

    def _not_one(self, cmdlet: PackageCmdlet, name: str, found: list[Offer]) -> list[Event]:
        if not found:
            return [no_match(cmdlet, name)]
        if len(found) == 1:
            return []
        sources = ", ".join(offer.repository.name for offer in found)
        warnings: list[Event] = [
            Warning(
                f"'{name}' matched module '{offer.package.name}/{offer.package.version}' from provider: "
                f"'PowerShellGet', repository '{offer.repository.name}'."
            )
            for offer in found
        ]
        message = (
            f"Unable to install, multiple modules matched '{name}'. Please specify a single -Repository ({sources})."
        )
        return [*warnings, cmdlet.report("DisambiguateForInstall", message, ErrorCategory.InvalidArgument, name)]


class InstallModule(Putting):
    """Without -Scope a PowerShellGet 2 in Windows PowerShell takes all users if it may, in later PowerShell never."""

    name = "Install-Module"
    type_name = "Install-Module"
    aliases = ("inmo",)
    _COMMON: ClassVar = (
        f"[-Scope <String>] {REACH} [-AllowClobber] [-SkipPublisherCheck] [-Force] [-AcceptLicense@6.0] "
        f"[-PassThru@6.0] {_ASK}"
    )
    syntax: ClassVar = {
        "NameParameterSet": f"[-Name] <String[]> {VERSIONS} [-Repository <String[]>] [-AllowPrerelease@6.0] {_COMMON}",
        "InputObject": f"[-InputObject] <PSObject[]> {_COMMON}",
    }
    traits: ClassVar = {
        "Name": NAMES,
        "InputObject": Traits(pipeline="value name"),
        "Scope": _SCOPE,
        **BOUND,
        **REACHED,
        **CONFIRM_TRAITS,
    }
    default_set = "NameParameterSet"

    def check_rights(self) -> None:
        if self.machine.elevated:
            return
        scope = self.arguments.text("Scope")
        recent = is_recent(self.session)
        if scope == "AllUsers" if recent else scope != "CurrentUser":
            kind = (
                "AdminPrivilegeRequiredForAllUsersScope" if recent else "NeedsCurrentUserScopeParameterForNonAdminUser"
            )
            raise thrown(f"InstallModule{kind}", _needs_rights(self.folder("AllUsers"), self.folder("CurrentUser")))

    def folder(self, scope: Scope) -> str:
        return scope_folder(self.session.version, scope, self.session.user)

    def _scope(self) -> Scope:
        given = next((one for one in SCOPES if one.casefold() == self.arguments.text("Scope").casefold()), None)
        if given is not None:
            return "AllUsers" if given == "AllUsers" else "CurrentUser"
        return "AllUsers" if self.session.version < (6, 0) and self.machine.elevated else "CurrentUser"

    def process(self) -> Iterator[Event]:
        if self.parameter_set == "InputObject":
            for item in self.arguments.items("InputObject"):
                yield from self._of_item(item)
            return
        repositories = self.searched(wildcards=False)
        if isinstance(repositories, Report):
            yield repositories
            return
        yield from self._install([self.wanted(name) for name in self.names()], repositories)

    def _install(self, wanted: Sequence[Wanted], repositories: Sequence[Repository]) -> Iterator[Event]:
        aim = Aim(
            folder=self.folder(self._scope()),
            required=wanted[0].required,
            minimum=wanted[0].minimum,
            force=self.arguments.flag("Force"),
            allow_clobber=self.arguments.flag("AllowClobber"),
            accept_license=self.arguments.flag("AcceptLicense"),
        )
        installation = Installation(self.session, self.asked("Install-Package"), aim)
        for answer in self.found(wanted, repositories):
            if isinstance(answer, tuple):
                yield from self.put(installation, [one.name for one in wanted], *answer)
            else:
                yield answer

    def _of_item(self, item: object) -> Iterator[Event]:
        """What Find-Module wrote (install.pipeline); PowerShellGet says which formats it supports (PSGETSRC)."""
        if not is_item(item):
            raise Terminating(not_simulated("another object than Find-Module's as -InputObject of Install-Module"))
        name, version, source, wants = (
            to_text(get_property(item, one)) for one in ("Name", "Version", "Repository", "PowerShellGetFormatVersion")
        )
        if wants and wants.partition(".")[0] not in (("1", "2") if is_recent(self.session) else ("1",)):
            message = f"The module '{name}' wants PowerShellGetFormatVersion '{wants}', which is not supported."
            yield written("NotSupportedPowerShellGetFormatVersion", message)
            return
        repository = self.machine.gallery.repository(source)
        if repository is None:
            yield source_not_found(PackageCmdlet("Get-PackageSource", {"Name": source}), source)
            return
        if not repository.trusted and not self.arguments.flag("Force"):
            raise Terminating(not_simulated("a question about an untrusted repository for a piped module"))
        yield from self._install([Wanted(name=name, required=version, prerelease=True)], [repository])


def _needs_rights(all_users: str, own: str) -> str:
    return (
        f"Administrator rights are required to install modules in '{all_users}'. Log on to the computer with an "
        f"account that has Administrator rights, and then try again, or install '{own}' by adding \"-Scope "
        'CurrentUser" to your command. You can also try running the Windows PowerShell session with elevated rights '
        "(Run as Administrator)."
    )


class UpdateModule(Putting):
    """Asks the repository that a module came from; the old version stays (M6)."""

    name = "Update-Module"
    type_name = "Update-Module"
    aliases = ("upmo",)
    syntax: ClassVar = {
        ALL_SETS: "[[-Name] <String[]>] [-RequiredVersion@3.0-5.1 <Version>] [-RequiredVersion@6.0 <String>] "
        f"[-MaximumVersion@3.0-5.1 <Version>] [-MaximumVersion@6.0 <String>] {REACH} [-Force] [-PassThru] "
        f"[-Scope@6.0 <String>] [-AllowPrerelease@6.0] [-AcceptLicense@6.0] {_ASK}"
    }
    traits: ClassVar = {
        "Name": NAMES,
        "RequiredVersion": BY_NAME,
        "MaximumVersion": BY_NAME,
        "Scope": _SCOPE,
        **REACHED,
        **CONFIRM_TRAITS,
    }
    unsimulated: ClassVar = GalleryCommand.unsimulated | {"Scope"}

    def process(self) -> Iterator[Event]:
        bad = self.bad_version()
        if bad is not None:
            yield bad
            return
        newest: dict[str, GalleryNote] = {}
        for name in self.names() or ["*"]:
            notes = [note for note in gallery_notes(self.session) if note.item and matches(name, note.item.name)]
            if not notes and not has_wildcards(name):
                yield self._not_there(name)
            for note in notes:
                known = newest.get(note.name.casefold())
                if known is None or _rank(note) > _rank(known):
                    newest[note.name.casefold()] = note
        for note in newest.values():
            yield from self._update(note)

    def _not_there(self, name: str) -> Report:
        if installed(self.session, name):
            message = f"Module '{name}' was not installed by using Install-Module, so it cannot be updated."
            return written("ModuleNotInstalledUsingInstallModuleCmdlet", message, name)
        message = (
            f"Module '{name}' was not updated because no valid module was found in the module directory. Verify that "
            "the module is located in the folder specified by $env:PSModulePath."
        )
        return written("ModuleNotInstalledOnThisMachine", message, name)

    def _update(self, note: GalleryNote) -> Iterator[Event]:
        item = note.item
        if item is None:
            return
        repository = self.machine.gallery.repository(item.repository)
        if repository is None or not same_location(repository.location, item.location):
            cmdlet = self.asked("Install-Package", Name=(item.name,), Source=(item.location,))
            yield source_not_found(cmdlet, item.location)
            return
        cmdlet = self.asked("Install-Package", Name=(item.name,), Source=(repository.name,))
        aim = Aim(
            folder=self._folder(note),
            required=self.version_text("RequiredVersion"),
            force=self.arguments.flag("Force"),
            accept_license=self.arguments.flag("AcceptLicense"),
            replaces=True,
        )
        installation = Installation(self.session, cmdlet, aim)
        for answer in self.found([self.wanted(item.name)], [repository]):
            if isinstance(answer, tuple):
                yield from self.put(installation, [item.name], *answer)
            else:
                yield answer

    def _folder(self, note: GalleryNote) -> str:
        """Windows PowerShell keeps the scope if it may change it; later PowerShell takes the account's own (M6)."""
        stays = self.session.version < (6, 0) and self.machine.elevated
        if note.scope == "AllUsers" and self.session.version < (6, 0) and not (stays or is_recent(self.session)):
            raise Terminating(not_simulated("an update by PowerShellGet 1 that is not elevated"))
        scope: Scope = note.scope if stays else "CurrentUser"
        return scope_folder(self.session.version, scope, self.session.user)


def _rank(note: GalleryNote) -> tuple[tuple[int, ...], bool, str]:
    parsed = parse_version(note.item.version) if note.item else None
    return parsed.rank if parsed else ((), False, "")


class SaveModule(Putting):
    """Puts modules into any folder; an untrusted repository is no obstacle (save.untrusted)."""

    name = "Save-Module"
    type_name = "Save-Module"
    _NAMED: ClassVar = (
        f"{RANGE} [-RequiredVersion <String>] [-Repository <String[]>] [-AllowPrerelease@6.0] {REACH} [-Force] "
        f"[-AcceptLicense@6.0] {_ASK}"
    )
    _PIPED: ClassVar = f"{REACH} [-Force] [-AcceptLicense@6.0] {_ASK}"
    _PATH: ClassVar = "-Path@3.0-5.1 <String> [-Path@6.0] <String>"
    syntax: ClassVar = {
        "NameAndPathParameterSet": f"[-Name] <String[]> {_PATH} {_NAMED}",
        "NameAndLiteralPathParameterSet": f"[-Name] <String[]> -LiteralPath <String> {_NAMED}",
        # The names are PowerShellGet's own; those of its first version are misspelt.
        "InputOjectAndPathParameterSet@3.0-5.1": f"[-InputObject] <PSObject[]> {_PATH} {_PIPED}",
        "InputOjectAndLiteralPathParameterSet@3.0-5.1": f"[-InputObject] <PSObject[]> -LiteralPath <String> {_PIPED}",
        "InputObjectAndPathParameterSet@6.0": f"[-InputObject] <PSObject[]> {_PATH} {_PIPED}",
        "InputObjectAndLiteralPathParameterSet@6.0": f"[-InputObject] <PSObject[]> -LiteralPath <String> {_PIPED}",
    }
    traits: ClassVar = {
        "Name": NAMES,
        "InputObject": Traits(pipeline="value name"),
        "Repository": BY_NAME,
        "LiteralPath": Traits(aliases=("PSPath@6.0",)),
        **BOUND,
        **REACHED,
        **CONFIRM_TRAITS,
    }
    default_set = "NameAndPathParameterSet"
    unsimulated: ClassVar = GalleryCommand.unsimulated | {"InputObject"}

    def process(self) -> Iterator[Event]:
        repositories = self.searched(wildcards=False)
        if isinstance(repositories, Report):
            yield repositories
            return
        path = self.arguments.text("Path") or self.arguments.text("LiteralPath")
        if has_wildcards(path) or path[1:3] != ":\\":
            raise Terminating(not_simulated("a path of Save-Module that is no full path of a drive"))
        if not isinstance(self.machine.files.find(path), Folder):
            message = f"Cannot find the path '{path}' because it does not exist."
            raise thrown("PathNotFound", message, exception="InvalidOperationException")
        aim = Aim(
            folder=path.rstrip("\\"),
            force=self.arguments.flag("Force"),
            accept_license=self.arguments.flag("AcceptLicense"),
            saves=True,
        )
        installation = Installation(self.session, self.asked("Save-Package", Path=path), aim)
        wanted = [self.wanted(name) for name in self.names()]
        for answer in self.found(wanted, repositories):
            if isinstance(answer, tuple):
                yield from self.put(installation, self.names(), *answer)
            else:
                yield answer


COMMANDS: tuple[type[GalleryCommand], ...] = (InstallModule, UpdateModule, SaveModule)
