"""Get-Module, Import-Module and Remove-Module (gallery.md M2 to M5; pwsh76 getmodule.*, import.*, remove.*)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from psrpcore.types import ErrorCategory

from runner.lab.cmdlet import Cmdlet, Emit, Event, Report, Session
from runner.lab.cmdlets.objects import CORE
from runner.lab.cmdlets.provider import CONFIRM_TRAITS
from runner.lab.errors import Failure, Terminating, not_simulated
from runner.lab.file_paths import file_path
from runner.lab.module_copy import LoadedModule, ModuleCopy
from runner.lab.module_folders import broken_manifests, installed, module_at
from runner.lab.module_loading import find_copy, load, loaded, unload
from runner.lab.module_objects import available_module, loaded_module
from runner.lab.module_versions import VERSION_FOLDER, ModuleSpecification
from runner.lab.signature import Traits
from runner.lab.values import ClrObject
from runner.lab.wildcard import has_wildcards, matches
from runner.lab.windows_modules import has_known_verb, is_of_windows, may_be_of_windows

_VALUE = Traits(pipeline="value")


def specifications(cmdlet: Cmdlet) -> list[ModuleSpecification]:
    """What -FullyQualifiedName asks for."""
    found = [item.source for item in cmdlet.arguments.items("FullyQualifiedName") if isinstance(item, ClrObject)]
    return [wanted for wanted in found if isinstance(wanted, ModuleSpecification)]


class GetModule(Cmdlet):
    """The modules that the process has loaded, or with -ListAvailable those on the module path.

    Those of Windows itself are not on the lab's disks: what could be one of them is refused by name.
    """

    name = "Get-Module"
    module = CORE
    type_name = "Microsoft.PowerShell.Commands.GetModuleCommand"
    aliases = ("gmo",)
    _NAMES = "[[-Name] <String[]>] [-FullyQualifiedName@4.0 <ModuleSpecification[]>]"
    _LIST = "[-ListAvailable@3.0-4.0] -ListAvailable@5.0"
    _EDITION = "[-PSEdition@5.1 <String>] [-SkipEditionCheck@6.1] [-Refresh]"
    syntax: ClassVar = {
        "Loaded": f"{_NAMES} [-All]",
        "Available": f"{_NAMES} [-All] -ListAvailable {_EDITION}",
        "PsSession": f"{_NAMES} {_LIST} {_EDITION} -PSSession <PSSession>",
        "CimSession": f"{_NAMES} {_LIST} [-SkipEditionCheck@6.1] [-Refresh] -CimSession <CimSession> "
        "[-CimResourceUri <Uri>] [-CimNamespace <String>]",
    }
    traits: ClassVar = {"Name": _VALUE, "FullyQualifiedName": Traits(pipeline="name")}
    default_set = "Loaded"
    unsimulated = frozenset(
        {"All", "PSEdition", "SkipEditionCheck", "PSSession", "CimSession", "CimResourceUri", "CimNamespace"}
    )

    def process(self) -> Iterator[Event]:
        wanted = [ModuleSpecification(name) for name in self.arguments.texts("Name") or ()]
        wanted += specifications(self)
        if not wanted:
            raise Terminating(not_simulated("a list of all modules"))
        shown = self._available if self.arguments.flag("ListAvailable") else self._loaded
        yield from (Emit(info) for info in shown(wanted))

    def _available(self, wanted: list[ModuleSpecification]) -> Iterator[ClrObject]:
        names = [one.name for one in wanted]
        for name in names:
            if has_wildcards(name):
                raise Terminating(not_simulated(f"all modules of Windows that match {name}"))
        copies = installed(self.session, *names)
        for name in names:
            if is_of_windows(name) and not any(matches(name, copy.name) for copy in copies):
                raise Terminating(not_simulated(f"the module {name} of Windows"))
        broken = broken_manifests(self.session, *names)
        if broken:
            raise Terminating(not_simulated(f"what Get-Module says of a broken manifest ({broken[0]})"))
        for copy in copies:
            if any(matches(one.name, copy.name) and one.admits(copy.version) for one in wanted):
                yield available_module(copy, self.session.version)

    def _loaded(self, wanted: list[ModuleSpecification]) -> Iterator[ClrObject]:
        for one in wanted:
            if may_be_of_windows(one.name):
                raise Terminating(not_simulated(f"whether a module of Windows is loaded ({one.name})"))
        found = [
            module for module in self.session.modules if any(module in loaded(self.session, one) for one in wanted)
        ]
        for module in sorted(found, key=lambda module: module.copy.name.casefold()):
            yield loaded_module(module, self.session.version)


class ImportModule(Cmdlet):
    name = "Import-Module"
    module = CORE
    type_name = "Microsoft.PowerShell.Commands.ImportModuleCommand"
    aliases = ("ipmo",)
    _ALL = (
        "[-Global] [-Prefix <String>] [-Function <String[]>] [-Cmdlet <String[]>] [-Variable <String[]>] "
        "[-Alias <String[]>] [-Force] [-PassThru] [-AsCustomObject] [-ArgumentList <Object[]>] [-DisableNameChecking] "
        "[-NoClobber] [-Scope <String>]"
    )
    _VERSIONS = "[-MinimumVersion <Version>] [-MaximumVersion@5.0 <String>] [-RequiredVersion <Version>]"
    _CORE = "[-SkipEditionCheck@6.1]"
    syntax: ClassVar = {
        "Name": f"[-Name] <String[]> {_VERSIONS} {_CORE} {_ALL}",
        "PSSession": f"[-Name] <String[]> {_VERSIONS} {_CORE} -PSSession <PSSession> {_ALL}",
        "CimSession": f"[-Name] <String[]> {_VERSIONS} {_CORE} -CimSession <CimSession> [-CimResourceUri <Uri>] "
        f"[-CimNamespace <String>] {_ALL}",
        "WinCompat@7.0": f"[-Name] <String[]> {_VERSIONS} -UseWindowsPowerShell {_ALL}",
        "FullyQualifiedName@5.0": f"[-FullyQualifiedName] <ModuleSpecification[]> {_CORE} {_ALL}",
        "FullyQualifiedNameAndPSSession@5.0": "[-FullyQualifiedName] <ModuleSpecification[]> -PSSession <PSSession> "
        f"{_CORE} {_ALL}",
        "FullyQualifiedNameAndWinCompat@7.0": "[-FullyQualifiedName] <ModuleSpecification[]> -UseWindowsPowerShell "
        f"{_ALL}",
        "Assembly": f"[-Assembly] <Assembly[]> {_CORE} {_ALL}",
        "ModuleInfo": f"[-ModuleInfo] <PSModuleInfo[]> {_CORE} {_ALL}",
    }
    traits: ClassVar = {
        "Name": _VALUE,
        "FullyQualifiedName": _VALUE,
        "Assembly": _VALUE,
        "ModuleInfo": _VALUE,
        "ArgumentList": Traits(aliases=("Args",)),
        "NoClobber": Traits(aliases=("NoOverwrite",)),
        "UseWindowsPowerShell": Traits(aliases=("UseWinPS",)),
        "MinimumVersion": Traits(aliases=("Version",)),
        "Scope": Traits(choices=("Local", "Global")),
    }
    default_set = "Name"
    unsimulated = frozenset(
        {"Prefix", "Function", "Cmdlet", "Variable", "Alias", "AsCustomObject", "ArgumentList", "NoClobber", "Scope"}
        | {"SkipEditionCheck", "PSSession", "CimSession", "CimResourceUri", "CimNamespace", "UseWindowsPowerShell"}
        | {"Assembly", "ModuleInfo"}
    )

    def process(self) -> Iterator[Event]:
        wanted = [self._versioned(name) for name in self.arguments.texts("Name") or ()]
        for one in wanted + specifications(self):
            module = self._import(one)
            if isinstance(module, Failure):
                yield Report(module)
                continue
            self._check_verbs(module)
            if self.arguments.flag("PassThru"):
                yield Emit(loaded_module(module, self.session.version))

    def _check_verbs(self, module: LoadedModule) -> None:
        """Refuse the warning about unapproved verbs, of which the lab has no whole list (env.module-import-warning)."""
        unknown = [one.name for one in (module.functions or {}).values() if not has_known_verb(one.name)]
        if unknown and not self.arguments.flag("DisableNameChecking"):
            raise Terminating(not_simulated(f"whether Import-Module warns of the verb of {unknown[0]}"))

    def _versioned(self, name: str) -> ModuleSpecification:
        required, minimum = (str(self.arguments.get(each) or "") for each in ("RequiredVersion", "MinimumVersion"))
        maximum = self.arguments.text("MaximumVersion")
        if (maximum and not VERSION_FOLDER.fullmatch(maximum)) or (required and (minimum or maximum)):
            raise Terminating(not_simulated("these versions of Import-Module"))
        return ModuleSpecification(name, required, minimum, maximum)

    def _import(self, wanted: ModuleSpecification) -> LoadedModule | Failure:
        if has_wildcards(wanted.name):
            raise Terminating(not_simulated(f"importing all modules that match {wanted.name}"))
        copy = _copy_at(self.session, wanted) if _is_path(wanted.name) else self._copy_named(wanted)
        if copy is None:
            return _not_found(self.session, wanted)
        return load(self.session, copy, anew=self.arguments.flag("Force"))

    def _copy_named(self, wanted: ModuleSpecification) -> ModuleCopy | None:
        copy = find_copy(self.session, wanted)
        if copy is None and is_of_windows(wanted.name) and not installed(self.session, wanted.name):
            raise Terminating(not_simulated(f"the module {wanted.name} of Windows"))
        if wanted.is_versioned and copy is None and broken_manifests(self.session, wanted.name):
            raise Terminating(not_simulated(f"a version of {wanted.name} beside a broken manifest"))
        return copy


def _is_path(name: str) -> bool:
    return "\\" in name or "/" in name or name.casefold().endswith((".psd1", ".psm1", ".dll", ".ps1", ".cdxml"))


def _copy_at(session: Session, wanted: ModuleSpecification) -> ModuleCopy | None:
    """The module of a manifest that is named by its path (import.path)."""
    path = file_path(session, wanted.name)
    if path is None or wanted.is_versioned or not path.full.casefold().endswith(".psd1"):
        raise Terminating(not_simulated(f"importing {wanted.name}"))
    found = module_at(session, path.full)
    if isinstance(found, str):
        raise Terminating(not_simulated(f"importing a broken manifest by its path ({found})"))
    return found


def _not_found(session: Session, wanted: ModuleSpecification) -> Failure:
    version = wanted.required or wanted.minimum or wanted.maximum
    key = "ModuleWithVersionNotFound" if version else "ModuleNotFound"
    message = session.say(key, wanted.name, version)
    category = ErrorCategory.ResourceUnavailable
    return Failure(f"Modules_{key}", category, "FileNotFoundException", message, wanted.name)


class RemoveModule(Cmdlet):
    name = "Remove-Module"
    module = CORE
    type_name = "Microsoft.PowerShell.Commands.RemoveModuleCommand"
    aliases = ("rmo",)
    syntax: ClassVar = {
        "name": "[-Name] <String[]> [-Force] [-WhatIf] [-Confirm]",
        "FullyQualifiedName@5.0": "[-FullyQualifiedName] <ModuleSpecification[]> [-Force] [-WhatIf] [-Confirm]",
        "ModuleInfo": "[-ModuleInfo] <PSModuleInfo[]> [-Force] [-WhatIf] [-Confirm]",
    }
    traits: ClassVar = {"Name": _VALUE, "FullyQualifiedName": _VALUE, "ModuleInfo": _VALUE, **CONFIRM_TRAITS}

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._removed = 0
        self._patterns = False

    def process(self) -> Iterator[Event]:
        for module in self._wanted():
            needing = [one for one in self.session.modules if module in one.required]
            if needing and not self.arguments.flag("Force"):
                yield Report(self._is_required(module, needing[0]))
            elif self.should_process():
                unload(self.session, module)
                self._removed += 1

    def end(self) -> Iterator[Event]:
        if not self._removed and not self._patterns and not self.arguments.flag("WhatIf"):
            message = self.session.say("NoModulesRemoved")
            category, error_id = ErrorCategory.ResourceUnavailable, "Modules_NoModulesRemoved"
            yield Report(Failure(error_id, category, "InvalidOperationException", message))

    def _wanted(self) -> list[LoadedModule]:
        names = [ModuleSpecification(name) for name in self.arguments.texts("Name") or ()] + specifications(self)
        self._patterns |= any(has_wildcards(one.name) for one in names)
        for one in names:
            if may_be_of_windows(one.name):
                raise Terminating(not_simulated(f"removing a module of Windows ({one.name})"))
        given = [item.source for item in self.arguments.items("ModuleInfo") if isinstance(item, ClrObject)]
        return [
            module
            for module in list(self.session.modules)
            if module in given or any(module in loaded(self.session, one) for one in names)
        ]

    def _is_required(self, module: LoadedModule, needing: LoadedModule) -> Failure:
        message = self.session.say("ModuleIsRequired", module.copy.name, needing.copy.name)
        target = loaded_module(module, self.session.version)
        category = ErrorCategory.PermissionDenied
        return Failure("Modules_ModuleIsRequired", category, "InvalidOperationException", message, target)


COMMANDS: tuple[type[Cmdlet], ...] = (GetModule, ImportModule, RemoveModule)
