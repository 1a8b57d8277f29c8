"""Moving registry keys and values: Move-Item, Copy- and Move-ItemProperty (cases reg-mvi, reg-cpip)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from psrpcore.types import ErrorCategory

from runner.lab.cmdlet import Cmdlet, Emit, Event, Report
from runner.lab.cmdlets.item_property_writes import PropertyWriter, stored_name
from runner.lab.cmdlets.item_writes import ItemWriter
from runner.lab.cmdlets.provider import (
    CONFIRM_TRAITS,
    CREDENTIAL,
    FILTERS,
    LITERAL,
    PATH,
    SHOULD_PROCESS,
    TRANSACTION,
    TRANSACTION_TRAITS,
    Target,
)
from runner.lab.errors import Failure, Terminating, not_simulated
from runner.lab.file_objects import file_object
from runner.lab.file_paths import FilePath, FileTarget
from runner.lab.files import Folder
from runner.lab.locations import locate
from runner.lab.module_locks import held_files
from runner.lab.paths import PathProblem, RegistryPath, path_not_found, resolve_literal
from runner.lab.signature import Traits
from runner.lab.wildcard import has_wildcards

_REST = f"[-PassThru] [-Force] {FILTERS} {CREDENTIAL} {SHOULD_PROCESS} {TRANSACTION}"
_TRAITS = {
    "Path": PATH,
    "LiteralPath": LITERAL,
    "Destination": Traits(pipeline="name"),
    "Credential": Traits(pipeline="name"),
    **CONFIRM_TRAITS,
    **TRANSACTION_TRAITS,
}


class MoveItem(ItemWriter):
    """What is moved into an existing key or folder goes below it (reg-cpi); -Force replaces a file."""

    name = "Move-Item"
    type_name = "Microsoft.PowerShell.Commands.MoveItemCommand"
    aliases = ("mi", "mv", "move")
    syntax: ClassVar = {
        "Path": f"[-Path] <String[]> [[-Destination] <String>] {_REST}",
        "LiteralPath": f"-LiteralPath <String[]> [[-Destination] <String>] {_REST}",
    }
    traits: ClassVar = _TRAITS

    def missing(self, given: str) -> Failure:
        message = self.session.say("MoveItemDoesNotExist", given)
        category = ErrorCategory.InvalidOperation
        return Failure("InvalidOperation", category, "PSInvalidOperationException", message)

    def _missing(self, path: RegistryPath) -> Failure:
        return self.missing(path.given)

    def change_file(self, target: FileTarget) -> Iterator[Event]:
        """Cases provider.moveitem; where a file cannot go is not simulated."""
        if held_files(self.session, target):
            raise Terminating(not_simulated("moving files that a process holds"))
        destination = locate(self.session, self.arguments.text("Destination"))
        if not isinstance(destination, FilePath) or has_wildcards(destination.full):
            raise Terminating(not_simulated("moving a file to another provider or to a pattern"))
        files = self.machine.files
        if isinstance(files.find(destination.full), Folder):
            destination = destination.child(target.path.leaf)
        there = files.find(destination.full)
        if isinstance(there, Folder) or not isinstance(files.find(destination.parent), Folder):
            raise Terminating(not_simulated("moving a file or a folder to where it cannot go"))
        if there is not None and (isinstance(target.node, Folder) or not self.arguments.flag("Force")):
            message = self.session.say("FileExists", destination.full)
            kept = file_object(self.session, target)
            yield Report(Failure("MoveFileInfoItemIOError", ErrorCategory.WriteError, "IOException", message, kept))
        elif self.should_process():
            self.machine.put_file(destination.full, target.node)
            self.machine.remove_file(target.path.full)
            moved = files.find(destination.full)
            if self.arguments.flag("PassThru") and moved is not None:
                yield Emit(file_object(self.session, FileTarget(destination, moved)))

    def change(self, target: Target) -> Iterator[Event]:
        path, key = target
        try:
            destination = resolve_literal(self.session, self.arguments.text("Destination"))
        except PathProblem as problem:
            yield Report(problem.failure)
            return
        registry = self.machine.registry
        if registry.find(destination.provider_path) is not None:
            destination = destination.child(path.leaf)
        if registry.find(destination.parent) is None or registry.find(destination.provider_path) is not None:
            raise Terminating(not_simulated("moving a key to where it cannot go"))
        if destination.provider_path.casefold().startswith(f"{path.provider_path.casefold()}\\"):
            raise Terminating(not_simulated("moving a key below itself"))
        self.machine.put_key(destination.provider_path, key)
        self.machine.remove_key(path.provider_path.rstrip("\\"))
        if self.arguments.flag("PassThru"):
            yield from self.show(destination)


class _ValueMover(PropertyWriter):
    """Copies a value to another key; the key must exist."""

    default_set = "Path"
    traits: ClassVar = {**_TRAITS, "Name": Traits(aliases=("PSProperty",), pipeline="name")}
    removes: ClassVar[bool]

    def names(self) -> list[str]:
        raise NotImplementedError

    def change(self, target: Target) -> Iterator[Event]:
        path, key = target
        destination = self._destination()
        if isinstance(destination, Report):
            yield destination
            return
        for name in self.names():
            value = key.value(stored_name(name))
            if value is None:
                yield Report(self.no_such_value(path, name))
                continue
            self.machine.set_value(destination.provider_path, replace(value, name=stored_name(name)))
            if self.removes:
                self.machine.remove_value(path.provider_path, value.name)
            if self.arguments.flag("PassThru"):
                raise Terminating(not_simulated(f"{self.name} -PassThru"))

    def _destination(self) -> RegistryPath | Report:
        given = self.arguments.text("Destination")
        if any(has_wildcards(name) for name in self.names()) and not self.literal:
            raise Terminating(not_simulated(f"{self.name} with wildcards"))
        try:
            path = resolve_literal(self.session, given)
        except PathProblem as problem:
            return Report(problem.failure)
        if self.machine.registry.find(path.provider_path) is None:
            return Report(path_not_found(self.session, given))
        return path


class CopyItemProperty(_ValueMover):
    name = "Copy-ItemProperty"
    type_name = "Microsoft.PowerShell.Commands.CopyItemPropertyCommand"
    aliases = ("cpp",)
    syntax: ClassVar = {
        "Path": f"[-Path] <String[]> [-Destination] <String> [-Name] <String> {_REST}",
        "LiteralPath": f"[-Destination] <String> [-Name] <String> -LiteralPath <String[]> {_REST}",
    }
    removes = False

    def names(self) -> list[str]:
        return [self.arguments.text("Name")]


class MoveItemProperty(_ValueMover):
    name = "Move-ItemProperty"
    type_name = "Microsoft.PowerShell.Commands.MoveItemPropertyCommand"
    aliases = ("mp",)
    syntax: ClassVar = {
        "Path": f"[-Path] <String[]> [-Destination] <String> [-Name] <String[]> {_REST}",
        "LiteralPath": f"[-Destination] <String> [-Name] <String[]> -LiteralPath <String[]> {_REST}",
    }
    removes = True

    def names(self) -> list[str]:
        return self.arguments.texts("Name") or []


COMMANDS: tuple[type[Cmdlet], ...] = (MoveItem, CopyItemProperty, MoveItemProperty)
