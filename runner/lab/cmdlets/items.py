"""Reading items: Get-Item, Get-ChildItem and Test-Path (cases reg-gi-*, reg-gci-*, reg-test-path-*, provider.*)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from psrpcore.types import ErrorCategory

from runner.lab.automatic import is_known_variable, read_variable, variable_info
from runner.lab.cmdlet import Cmdlet, Emit, Event, Report, Session
from runner.lab.cmdlets.provider import (
    CREDENTIAL,
    FILTERS,
    LITERAL,
    MANAGEMENT,
    PATH,
    TRANSACTION,
    TRANSACTION_TRAITS,
    UNSIMULATED,
    Found,
    ProviderCmdlet,
    Target,
    access_denied,
)
from runner.lab.enums import TestPathType
from runner.lab.errors import Failure, Terminating, not_simulated
from runner.lab.file_objects import file_object
from runner.lab.file_paths import FilePath, FileTarget
from runner.lab.files import Folder
from runner.lab.locations import (
    Closed,
    EnvironmentTarget,
    Location,
    check_listing,
    find_exactly,
    find_matching,
    locate,
    variable_object,
)
from runner.lab.paths import PathProblem, RegistryPath, path_not_found, resolve_literal, resolve_pattern, subkey_names
from runner.lab.registry import AccessDenied, RegistryKey
from runner.lab.registry_objects import canonical_name, key_object, path_notes
from runner.lab.signature import Traits
from runner.lab.values import ClrList, ClrObject, NotedText, to_text
from runner.lab.wsman_drive import WsmanItem, children, find_item, is_on_wsman_drive
from runner.lab.wsman_drive import item_object as wsman_object

_OF_FILES = "[-Directory] [-File]"  # which the provider of files adds
_CREDENTIAL_TRAITS = {"Credential": Traits(pipeline="name"), **TRANSACTION_TRAITS}


def item_object(session: Session, target: Found) -> ClrObject:
    """The object of a key, a file, a folder or an environment variable."""
    if isinstance(target, FileTarget):
        return file_object(session, target)
    if isinstance(target, EnvironmentTarget):
        return variable_object(session, target)
    return key_object(session, *target)


def _is_of_a_variable(path: str) -> bool:
    """Whether a path is one of the drive Variable:, and of nothing but a variable's name."""
    drive, _, name = path.partition(":")
    return drive.casefold() == "variable" and re.fullmatch(r"\w+", name) is not None


class GetItem(ProviderCmdlet):
    name = "Get-Item"
    module = MANAGEMENT
    type_name = "Microsoft.PowerShell.Commands.GetItemCommand"
    aliases = ("gi",)
    syntax: ClassVar = {
        "Path": f"[-Path] <String[]> {FILTERS} [-Force] {CREDENTIAL} {TRANSACTION}",
        "LiteralPath": f"-LiteralPath <String[]> {FILTERS} [-Force] {CREDENTIAL} {TRANSACTION}",
    }
    traits: ClassVar = {"Path": PATH, "LiteralPath": LITERAL, **_CREDENTIAL_TRAITS}
    default_set = "Path"

    def process(self) -> Iterator[Event]:
        paths = self.arguments.texts("LiteralPath") or ()
        if paths and self.session.shows("variable") and all(_is_of_a_variable(path) for path in paths):
            yield from (self._variable(path) for path in paths)
            return
        if is_on_wsman_drive(self.session, self.given_paths()):
            for item in self.wsman_items():
                yield item if isinstance(item, Report) else Emit(wsman_object(self.session, item))
            return
        for target in self.items():
            yield target if isinstance(target, Report) else Emit(item_object(self.session, target))

    def _variable(self, given: str) -> Event:
        name = given.partition(":")[2]
        if not is_known_variable(self.session, name):
            return Report(path_not_found(self.session, given))
        self.session.variables_as_items.setdefault(name.casefold(), name)
        return Emit(variable_info(self.session, name, read_variable(self.session, name)))

    def inaccessible(self, closed: Closed) -> Iterator[Report]:
        """Two errors for one path (F2, provider.getitem-access-denied)."""
        yield Report(closed.report(self.session))
        yield Report(path_not_found(self.session, closed.path.given))


class GetChildItem(ProviderCmdlet):
    name = "Get-ChildItem"
    module = MANAGEMENT
    type_name = "Microsoft.PowerShell.Commands.GetChildItemCommand"
    aliases = ("gci", "dir", "ls")
    syntax: ClassVar = {
        "Items": f"[[-Path] <String[]>] [[-Filter] <String>] [-Include <String[]>] [-Exclude <String[]>] "
        f"[-Recurse] [-Depth@5.0 <UInt32>] [-Force] [-Name] {TRANSACTION} {_OF_FILES}",
        "LiteralItems": f"[[-Filter] <String>] -LiteralPath <String[]> [-Include <String[]>] "
        f"[-Exclude <String[]>] [-Recurse] [-Depth@5.0 <UInt32>] [-Force] [-Name] {TRANSACTION} {_OF_FILES}",
    }
    traits: ClassVar = {
        "Path": PATH,
        "LiteralPath": LITERAL,
        "Recurse": Traits(aliases=("s", "r@6.0")),
        "Directory": Traits(aliases=("ad", "d@3.0-5.1")),
        "File": Traits(aliases=("af",)),
        **TRANSACTION_TRAITS,
    }
    default_set = "Items"
    unsimulated = UNSIMULATED | {"Depth"}
    dynamic = ("Attributes", "FollowSymlink", "Hidden", "ReadOnly", "System")

    def begin(self) -> Iterator[Event]:
        """Only where the first path is one of files the command has their parameters (bind.dynamic-parameter)."""
        paths = self.given_paths()
        if self._kinds() and paths and not isinstance(locate(self.session, paths[0]), FilePath):
            message = self.session.say("NamedParameterNotFound", self._kinds()[0])
            category, exception = ErrorCategory.InvalidArgument, "ParameterBindingException"
            raise Terminating(Failure("NamedParameterNotFound", category, exception, message, wrapped=True))
        if len(self._kinds()) > 1:
            raise Terminating(not_simulated("Get-ChildItem -Directory -File"))
        return iter(())

    def process(self) -> Iterator[Event]:
        if is_on_wsman_drive(self.session, self.given_paths()):
            yield from self._settings()
            return
        for target in self.items():
            if isinstance(target, Report):
                yield target
            elif isinstance(target, FileTarget):
                yield from self._files(target)
            elif self._kinds():
                raise Terminating(not_simulated("Get-ChildItem -Directory and -File on what are no files"))
            elif isinstance(target, EnvironmentTarget):
                yield Emit(item_object(self.session, target))
            elif self.arguments.flag("Name"):
                yield from self._names(target)
            else:
                yield from self._keys(target)

    def inaccessible(self, closed: Closed) -> Iterator[Report]:
        yield Report(closed.report_of_list(self.session))

    def _missing(self, path: RegistryPath) -> Failure:
        return path_not_found(self.session, canonical_name(self.session, path))

    def _settings(self) -> Iterator[Event]:
        if self.arguments.flag("Recurse") or self.arguments.flag("Name"):
            raise Terminating(not_simulated("Get-ChildItem -Recurse and -Name on the drive WSMan:"))
        for item in self.wsman_items():
            if isinstance(item, Report):
                yield item
            else:
                yield from (Emit(wsman_object(self.session, child)) for child in children(item))

    def _kinds(self) -> list[str]:
        return [name for name in ("Directory", "File") if self.arguments.flag(name)]

    def _file(self, target: FileTarget) -> Iterator[Event]:
        unwanted = "File" if isinstance(target.node, Folder) else "Directory"
        if not self.arguments.flag(unwanted):
            yield Emit(item_object(self.session, target))

    def _files(self, target: FileTarget) -> Iterator[Event]:
        if not isinstance(target.node, Folder):
            yield from self._file(target)
            return
        if self.arguments.flag("Name"):
            raise Terminating(not_simulated("Get-ChildItem -Name on folders"))
        check_listing(self.session, target.path.full)
        for entry in target.node.sorted_entries():
            yield from self._file(FileTarget(target.path.child(entry.name), entry))
        if self.arguments.flag("Recurse"):
            for entry in target.node.sorted_entries():
                if isinstance(entry, Folder):
                    yield from self._files(FileTarget(target.path.child(entry.name), entry))

    def _keys(self, target: Target) -> Iterator[Event]:
        path, key = target
        for name in subkey_names(key):
            child = self._opened(path.child(name))
            if isinstance(child, Report):
                yield child
                continue
            yield Emit(key_object(self.session, *child))
            if self.arguments.flag("Recurse"):
                yield from self._keys(child)

    def _names(self, target: Target) -> Iterator[Event]:
        """With -Recurse the names are relative paths, level by level, and plain texts (reg-gci-name)."""
        path, key = target
        recursive = self.arguments.flag("Recurse")
        level: list[tuple[tuple[str, ...], RegistryKey]] = [((), key)]
        while level:
            below: list[tuple[tuple[str, ...], RegistryKey]] = []
            for parents, parent in level:
                for name in subkey_names(parent):
                    if recursive:
                        yield Emit("\\".join((*parents, name)).replace("/", "\\"))
                        below.append(((*parents, name), parent.subkeys[name.casefold()]))
                    else:
                        notes = {**path_notes(self.session, path.child(name)), "PSIsContainer": True}
                        yield Emit(NotedText(name, notes))
            level = list(below)


class TestPath(Cmdlet):
    """Exactly one Boolean per path; a missing drive or provider is False without an error (finding F3)."""

    name = "Test-Path"
    module = MANAGEMENT
    type_name = "Microsoft.PowerShell.Commands.TestPathCommand"
    syntax: ClassVar = {
        "Path": f"[-Path] <String[]> {FILTERS} [-PathType <TestPathType>] [-IsValid] {CREDENTIAL} "
        f"{TRANSACTION} [-OlderThan <DateTime>] [-NewerThan <DateTime>]",
        "LiteralPath": f"-LiteralPath <String[]> {FILTERS} [-PathType <TestPathType>] [-IsValid] {CREDENTIAL} "
        f"{TRANSACTION} [-OlderThan <DateTime>] [-NewerThan <DateTime>]",
    }
    traits: ClassVar = {
        "Path": Traits(pipeline="value name", accepts_null=True),
        "LiteralPath": Traits(aliases=("PSPath", "LP@6.0"), pipeline="name", accepts_null=True),
        "PathType": Traits(aliases=("Type",)),
        **_CREDENTIAL_TRAITS,
    }
    default_set = "Path"
    unsimulated = UNSIMULATED | {"IsValid", "OlderThan", "NewerThan"}

    def process(self) -> Iterator[Event]:
        literal = "LiteralPath" in self.arguments
        given = self.arguments.get("LiteralPath" if literal else "Path")
        for path in given.items if isinstance(given, ClrList) else [given]:
            text = to_text(path)
            if not text.strip():
                yield from self._empty(path)
                continue
            if is_on_wsman_drive(self.session, [text]):
                yield Emit(self._is_setting(find_item(text, literal=literal)))
                continue
            try:
                location = locate(self.session, text)
            except Closed as closed:
                if not literal:
                    raise
                yield Report(closed.report(self.session))
                yield Emit(False)
                continue
            if location is not None:
                yield Emit(self._is_there(location, literal=literal))
                continue
            try:
                found = bool(self._found(text, literal=literal))
            except AccessDenied:
                yield Report(access_denied(self.session, resolve_literal(self.session, text)))
                found = False
            wanted = self.arguments.get("PathType", TestPathType.Any)
            yield Emit(found and wanted is not TestPathType.Leaf)

    def _is_setting(self, item: WsmanItem | None) -> bool:
        wanted = self.arguments.get("PathType", TestPathType.Any)
        if item is None or wanted is TestPathType.Any:
            return item is not None
        return (item.setting is None) == (wanted is TestPathType.Container)

    def _is_there(self, location: Location, *, literal: bool) -> bool:
        exact = find_exactly(self.session, location) if literal else None
        found = find_matching(self.session, location) if not literal else [exact] if exact else []
        wanted = self.arguments.get("PathType", TestPathType.Any)
        if wanted is TestPathType.Any:
            return bool(found)
        folders = [t for t in found if isinstance(t, FileTarget) and isinstance(t.node, Folder)]
        return bool(folders) if wanted is TestPathType.Container else len(folders) < len(found)

    def _found(self, text: str, *, literal: bool) -> list[RegistryPath]:
        try:
            paths = [resolve_literal(self.session, text)] if literal else resolve_pattern(self.session, text)
        except PathProblem:
            return []
        return [path for path in paths if self.machine.registry.read(path.provider_path) is not None]

    def _empty(self, path: object) -> Iterator[Event]:
        if path is None:
            given = self.arguments.get("LiteralPath" if "LiteralPath" in self.arguments else "Path")
            message = self.session.say("NullPath")
            category = ErrorCategory.InvalidArgument
            yield Report(Failure("NullPathNotPermitted", category, "ArgumentNullException", message, given))
        else:
            yield Emit(False)


COMMANDS: tuple[type[Cmdlet], ...] = (GetItem, GetChildItem, TestPath)
