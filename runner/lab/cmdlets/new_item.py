"""New-Item: registry keys, files and folders, variables (cases reg-ni-*, provider.newitem-*)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from psrpcore.types import ErrorCategory, PSInt

from runner.lab.automatic import assign_variable, is_known_variable, variable_info
from runner.lab.cmdlet import Cmdlet, Emit, Event, Report
from runner.lab.cmdlets.item_writes import ItemWriter
from runner.lab.cmdlets.provider import (
    CONFIRM_TRAITS,
    CREDENTIAL,
    SHOULD_PROCESS,
    TRANSACTION,
    TRANSACTION_TRAITS,
)
from runner.lab.enums import RegistryValueKind
from runner.lab.errors import Failure, Terminating, not_simulated
from runner.lab.file_objects import file_object
from runner.lab.file_paths import FilePath, FileTarget
from runner.lab.file_writes import NewFile, create_item
from runner.lab.locations import EnvironmentPath, EnvironmentTarget, locate, variable_object
from runner.lab.paths import PathProblem, RegistryPath, resolve_literal
from runner.lab.registry import RegistryKey, RegistryValue
from runner.lab.registry_objects import canonical_name
from runner.lab.signature import Traits
from runner.lab.values import OBJECT, ClrObject, to_text

_REST = f"{CREDENTIAL} {SHOULD_PROCESS} {TRANSACTION}"
_FILE_KINDS = {"directory": "Directory", "container": "Directory", "file": "File", "leaf": "File"}


class NewItem(ItemWriter):
    """-Force on an existing key recreates it empty (reg-ni-exists-force); -Path is literal, "/" separates."""

    name = "New-Item"
    type_name = "Microsoft.PowerShell.Commands.NewItemCommand"
    aliases = ("ni",)
    syntax: ClassVar = {
        "pathSet": f"[-Path] <String[]> [-ItemType <String>] [-Value <Object>] [-Force] {_REST}",
        "nameSet": f"[[-Path] <String[]>] -Name <String> [-ItemType <String>] [-Value <Object>] [-Force] {_REST}",
    }
    traits: ClassVar = {
        "Path": Traits(pipeline="name"),
        "Name": Traits(pipeline="name", accepts_null=True),
        "ItemType": Traits(aliases=("Type",), pipeline="name"),
        "Value": Traits(aliases=("Target",), pipeline="value name"),
        "Credential": Traits(pipeline="name"),
        **CONFIRM_TRAITS,
        **TRANSACTION_TRAITS,
    }
    default_set = "pathSet"

    def process(self) -> Iterator[Event]:
        for given in self.arguments.texts("Path") or ():
            drive, _, variable = given.partition(":")
            if drive.casefold() == "variable" and self.session.shows("variable"):
                yield from self._make_session_variable(variable)
                continue
            location = locate(self.session, given)
            if isinstance(location, FilePath):
                name = self.arguments.text("Name")
                yield from self._make_file(location.child(name) if name else location)
                continue
            if isinstance(location, EnvironmentPath):
                yield from self._make_variable(location)
                continue
            try:
                path = resolve_literal(self.session, given.replace("/", "\\"))
            except PathProblem as problem:
                yield Report(problem.failure)
                continue
            name = self.arguments.text("Name")
            yield from self._make(path.child(name) if name else path)

    def _make_session_variable(self, name: str) -> Iterator[Event]:
        if is_known_variable(self.session, name) or "Name" in self.arguments or not name.isidentifier():
            raise Terminating(not_simulated("New-Item on this variable"))
        if self.should_process():
            assign_variable(self.session, name, self.arguments.get("Value"))
            yield Emit(variable_info(self.session, name, self.session.variables.get(name)))

    def _make_variable(self, path: EnvironmentPath) -> Iterator[Event]:
        environment = self.session.environment
        if path.name.casefold() in environment or "Name" in self.arguments:
            raise Terminating(not_simulated("New-Item on an environment variable that is there already"))
        if self.should_process():
            environment[path.name.casefold()] = (path.name, to_text(self.arguments.get("Value")))
            made = EnvironmentTarget(path.name, *environment[path.name.casefold()])
            yield Emit(variable_object(self.session, made))

    def _make_file(self, path: FilePath) -> Iterator[Event]:
        yield from self.confirmed(f"Create {self._kind_of_file()}", path)
        if self.arguments.flag("WhatIf"):
            return
        failure = create_item(self.session, path, self._request_for_file())
        if failure is not None:
            yield Report(failure)
        else:
            node = self.machine.files.find(path.full)
            yield from [Emit(file_object(self.session, FileTarget(path, node)))] if node else []

    def _kind_of_file(self) -> str:
        """A prefix of a known word will do; without a type it is a file. Raises Terminating."""
        given = self.arguments.text("ItemType").casefold()
        if not given:
            return "File"
        for word, kind in _FILE_KINDS.items():
            if word.startswith(given):
                return kind
        for word in ("symboliclink", "junction", "hardlink"):
            if word.startswith(given):
                raise Terminating(not_simulated("links between files"))
        message = self.session.say("UnknownFileType")
        raise Terminating(Failure("Argument", ErrorCategory.InvalidArgument, "PSArgumentException", message))

    def _request_for_file(self) -> NewFile:
        value = to_text(self.arguments.get("Value"))
        return NewFile(self._kind_of_file() == "Directory", value, self.arguments.flag("Force"))

    def _make(self, path: RegistryPath) -> Iterator[Event]:
        registry = self.machine.registry
        existing = registry.find(path.provider_path)
        forced = self.arguments.flag("Force")
        if existing is not None and not forced:
            yield Report(self._exists(path, existing))
            return
        if registry.find(path.parent) is None and not forced:
            parent = resolve_literal(self.session, f"Registry::{path.parent}")
            yield Report(self.key_missing(parent))
            return
        refusal = self.writable(path)
        if refusal is not None:
            yield Report(refusal)
        elif self.should_process():
            yield from self._create(path, existing)

    def _create(self, path: RegistryPath, existing: RegistryKey | None) -> Iterator[Event]:
        if existing is not None:
            self.machine.put_key(path.provider_path, RegistryKey(existing.name))
        else:
            self.machine.create_key(path.provider_path)
        if "Value" in self.arguments:
            text = to_text(self.arguments.get("Value"))
            self.machine.set_value(path.provider_path, RegistryValue("", RegistryValueKind.String, text))
        yield from self.show(path)

    def _exists(self, path: RegistryPath, key: RegistryKey) -> Failure:
        type_name = "Microsoft.PowerShell.Commands.RegistryWrapper"
        name = canonical_name(self.session, path)
        properties: dict[str, object] = {"Name": name, "SubKeyCount": PSInt(len(key.subkeys)), "RegistryKey": name}
        wrapper = ClrObject((type_name, OBJECT), properties, {}, type_name)
        message = self.session.say("KeyAlreadyExists")
        return Failure("System.IO.IOException", ErrorCategory.ResourceExists, "IOException", message, wrapper)


COMMANDS: tuple[type[Cmdlet], ...] = (NewItem,)
