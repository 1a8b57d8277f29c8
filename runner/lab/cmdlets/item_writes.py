"""Changing registry keys: New-, Remove-, Rename-, Copy-, Clear- and Set-Item (cases reg-ni-*, reg-ri-*, reg-cpi)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import MappingProxyType
from typing import ClassVar

from psrpcore.types import ErrorCategory, PSInt

from runner.lab.cmdlet import Cmdlet, Emit, Event, Report, no_prompt
from runner.lab.cmdlets.provider import (
    CONFIRM_TRAITS,
    CREDENTIAL,
    FILTERS,
    LITERAL,
    MANAGEMENT,
    PATH,
    SHOULD_PROCESS,
    TRANSACTION,
    TRANSACTION_TRAITS,
    ProviderCmdlet,
    Target,
)
from runner.lab.enums import RegistryValueKind
from runner.lab.errors import Failure, Terminating
from runner.lab.paths import PathProblem, RegistryPath, resolve_literal
from runner.lab.registry import RegistryKey, RegistryValue
from runner.lab.registry_objects import canonical_name, key_object
from runner.lab.registry_write import kind_of
from runner.lab.signature import Traits
from runner.lab.values import OBJECT, ClrObject, to_text

_REST = f"{CREDENTIAL} {SHOULD_PROCESS} {TRANSACTION}"
_TRAITS = {
    "Path": PATH,
    "LiteralPath": LITERAL,
    "Credential": Traits(pipeline="name"),
    **CONFIRM_TRAITS,
    **TRANSACTION_TRAITS,
}


class _ItemWriter(ProviderCmdlet):
    module = MANAGEMENT
    default_set = "Path"

    def process(self) -> Iterator[Event]:
        for target in self.targets():
            if isinstance(target, Report):
                yield target
                continue
            refusal = self.writable(target[0])
            if refusal is not None:
                yield Report(refusal)
            elif self.should_process():
                yield from self.change(target)

    def change(self, target: Target) -> Iterator[Event]:
        raise NotImplementedError

    def show(self, path: RegistryPath) -> Iterator[Event]:
        """The key object of a path, as New-Item and -PassThru write it."""
        key = self.machine.registry.find(path.provider_path)
        if key is not None:
            yield Emit(key_object(self.session, path, key))


class NewItem(_ItemWriter):
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
            try:
                path = resolve_literal(self.session, given.replace("/", "\\"))
            except PathProblem as problem:
                yield Report(problem.failure)
                continue
            name = self.arguments.text("Name")
            yield from self._make(path.child(name) if name else path)

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


class RemoveItem(_ItemWriter):
    """A key with subkeys needs -Recurse: without it the cmdlet asks, whatever -Force and -Confirm say (F5)."""

    name = "Remove-Item"
    type_name = "Microsoft.PowerShell.Commands.RemoveItemCommand"
    aliases = ("ri", "rm", "rmdir", "del", "erase", "rd")
    syntax: ClassVar = {
        "Path": f"[-Path] <String[]> {FILTERS} [-Recurse] [-Force] {_REST}",
        "LiteralPath": f"-LiteralPath <String[]> {FILTERS} [-Recurse] [-Force] {_REST}",
    }
    traits: ClassVar = _TRAITS

    def change(self, target: Target) -> Iterator[Event]:
        path, key = target
        if key.subkeys and not self.arguments.flag("Recurse"):
            question = (
                f"The item at {path.given} has children and the Recurse parameter was not specified. If you continue, "
                "all children will be removed with the item. Are you sure you want to continue?"
            )
            raise Terminating(no_prompt(self.session, question))
        self.machine.remove_key(path.provider_path.rstrip("\\"))
        return iter(())


class RenameItem(_ItemWriter):
    name = "Rename-Item"
    type_name = "Microsoft.PowerShell.Commands.RenameItemCommand"
    aliases = ("rni", "ren")
    default_set = "ByPath"
    syntax: ClassVar = {
        "ByPath": f"[-Path] <String> [-NewName] <String> [-Force] [-PassThru] {_REST}",
        "ByLiteralPath": f"-LiteralPath <String> [-NewName] <String> [-Force] [-PassThru] {_REST}",
    }
    traits: ClassVar = {**_TRAITS, "NewName": Traits(pipeline="name")}

    def _missing(self, path: RegistryPath) -> Failure:
        message = f"Cannot rename because item at '{path.given}' does not exist."
        category = ErrorCategory.InvalidOperation
        return Failure("InvalidOperation", category, "PSInvalidOperationException", message, path.given)

    def change(self, target: Target) -> Iterator[Event]:
        path, key = target
        new_path = path.sibling(self.arguments.text("NewName"))
        if self.machine.registry.find(new_path.provider_path) is not None:
            message = self.session.say("RenameTargetExists")
            category = ErrorCategory.InvalidArgument
            name = canonical_name(self.session, new_path)
            yield Report(Failure("System.ArgumentException", category, "ArgumentException", message, name))
            return
        self.machine.remove_key(path.provider_path.rstrip("\\"))
        self.machine.put_key(new_path.provider_path, key)
        if self.arguments.flag("PassThru"):
            yield from self.show(new_path)


class CopyItem(_ItemWriter):
    """A copy into an existing key goes below it (reg-cpi); without -Recurse only the values are copied."""

    name = "Copy-Item"
    type_name = "Microsoft.PowerShell.Commands.CopyItemCommand"
    aliases = ("cpi", "cp", "copy")
    syntax: ClassVar = {
        "Path": f"[-Path] <String[]> [[-Destination] <String>] [-Container] [-Force] {FILTERS} [-Recurse] "
        f"[-PassThru] {_REST}",
        "LiteralPath": f"-LiteralPath <String[]> [[-Destination] <String>] [-Container] [-Force] {FILTERS} "
        f"[-Recurse] [-PassThru] {_REST}",
    }
    traits: ClassVar = {**_TRAITS, "Destination": Traits(pipeline="name")}

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
        elif registry.find(destination.parent) is None:
            yield Report(self.key_missing(destination.parent))
            return
        copied = key if self.arguments.flag("Recurse") else replace(key, subkeys=MappingProxyType({}))
        self.machine.put_key(destination.provider_path, copied)
        if self.arguments.flag("PassThru"):
            yield from self.show(destination)


class ClearItem(_ItemWriter):
    name = "Clear-Item"
    type_name = "Microsoft.PowerShell.Commands.ClearItemCommand"
    aliases = ("cli",)
    syntax: ClassVar = {
        "Path": f"[-Path] <String[]> [-Force] {FILTERS} {_REST}",
        "LiteralPath": f"-LiteralPath <String[]> [-Force] {FILTERS} {_REST}",
    }
    traits: ClassVar = _TRAITS

    def change(self, target: Target) -> Iterator[Event]:
        path, key = target
        self.machine.put_key(path.provider_path.rstrip("\\"), replace(key, values=MappingProxyType({})))
        return iter(())


class SetItem(_ItemWriter):
    """Sets a key's unnamed value; the key must exist, and the error for one that does not is the provider's own."""

    name = "Set-Item"
    type_name = "Microsoft.PowerShell.Commands.SetItemCommand"
    aliases = ("si",)
    syntax: ClassVar = {
        "Path": f"[-Path] <String[]> [[-Value] <Object>] [-Force] [-PassThru] {FILTERS} "
        f"[-Type <RegistryValueKind>] {_REST}",
        "LiteralPath": f"-LiteralPath <String[]> [[-Value] <Object>] [-Force] [-PassThru] {FILTERS} "
        f"[-Type <RegistryValueKind>] {_REST}",
    }
    traits: ClassVar = {
        **_TRAITS,
        "Path": Traits(pipeline="name"),
        "Value": Traits(pipeline="value name"),
        "Type": Traits(pipeline="name"),
    }

    def _missing(self, path: RegistryPath) -> Failure:
        return self.key_missing(path)

    def change(self, target: Target) -> Iterator[Event]:
        path, _ = target
        value = self.arguments.get("Value")
        kind = self.arguments.get("Type")
        if not isinstance(kind, RegistryValueKind) or kind is RegistryValueKind.Unknown:
            kind = kind_of(value)
        data, failure = self.converted(path, value, kind)
        if data is None:
            yield from ([Report(failure)] if failure else [])
            return
        self.machine.set_value(path.provider_path, RegistryValue("", kind, data))
        if self.arguments.flag("PassThru"):
            yield from self.show(path)


COMMANDS: tuple[type[Cmdlet], ...] = (NewItem, RemoveItem, RenameItem, CopyItem, ClearItem, SetItem)
