"""Changing items: Remove-, Rename-, Copy-, Clear- and Set-Item (cases reg-ni-*, reg-ri-*, reg-cpi)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import MappingProxyType
from typing import ClassVar

from psrpcore.types import ErrorCategory

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
from runner.lab.errors import Failure, Terminating, not_simulated
from runner.lab.file_paths import FilePath, FileTarget
from runner.lab.file_writes import not_supported
from runner.lab.files import Folder
from runner.lab.locations import EnvironmentPath, EnvironmentTarget, locate
from runner.lab.messages import Verbose
from runner.lab.module_locks import remove_unheld
from runner.lab.paths import PathProblem, RegistryPath, resolve_literal
from runner.lab.registry import RegistryValue
from runner.lab.registry_objects import canonical_name, key_object
from runner.lab.registry_write import kind_of
from runner.lab.signature import Traits
from runner.lab.values import to_text
from runner.lab.wildcard import has_wildcards
from runner.lab.wsman_drive import is_on_wsman_drive, set_item

_REST = f"{CREDENTIAL} {SHOULD_PROCESS} {TRANSACTION}"
_TRAITS = {
    "Path": PATH,
    "LiteralPath": LITERAL,
    "Credential": Traits(pipeline="name"),
    **CONFIRM_TRAITS,
    **TRANSACTION_TRAITS,
}


class ItemWriter(ProviderCmdlet):
    """A cmdlet that changes existing items."""

    module = MANAGEMENT
    default_set = "Path"

    def process(self) -> Iterator[Event]:
        for target in self.items():
            if isinstance(target, Report):
                yield target
            elif isinstance(target, FileTarget):
                yield from self.change_file(target)
            elif isinstance(target, EnvironmentTarget):
                yield from self.change_variable(target)
            else:
                yield from self._change_key(target)

    def _change_key(self, target: Target) -> Iterator[Event]:
        refusal = self.writable(target[0])
        if refusal is not None:
            yield Report(refusal)
        elif self.should_process():
            yield from self.change(target)

    def change_file(self, target: FileTarget) -> Iterator[Event]:
        """The same for a file or folder."""
        raise Terminating(not_simulated(f"{self.name} on files"))

    def change_variable(self, target: EnvironmentTarget) -> Iterator[Event]:
        """The same for an environment variable of the process."""
        raise Terminating(not_simulated(f"{self.name} on environment variables"))

    def confirmed(self, action: str, path: FilePath) -> Iterator[Event]:
        """Says with -Verbose what is done to a file. Raises Terminating where it would have to ask (H1)."""
        text = f'Performing the operation "{action}" on target "{path.full}".'
        if self.arguments.flag("Confirm"):
            question = f"Are you sure you want to perform this action?\n{text}"
            raise Terminating(no_prompt(self.session, question))
        yield Verbose(text)

    def change(self, target: Target) -> Iterator[Event]:
        """Change one key that may be written."""
        raise NotImplementedError

    def show(self, path: RegistryPath) -> Iterator[Event]:
        """The key object of a path, as New-Item and -PassThru write it."""
        key = self.machine.registry.find(path.provider_path)
        if key is not None:
            yield Emit(key_object(self.session, path, key))


def _children_question(path: str) -> str:
    return (
        f"The item at {path} has children and the Recurse parameter was not specified. If you continue, "
        "all children will be removed with the item. Are you sure you want to continue?"
    )


class RemoveItem(ItemWriter):
    """A key with subkeys needs -Recurse: without it the cmdlet asks, whatever -Force and -Confirm say (F5)."""

    name = "Remove-Item"
    type_name = "Microsoft.PowerShell.Commands.RemoveItemCommand"
    aliases = ("ri", "rm", "rmdir", "del", "erase", "rd")
    syntax: ClassVar = {
        "Path": f"[-Path] <String[]> {FILTERS} [-Recurse] [-Force] {_REST}",
        "LiteralPath": f"-LiteralPath <String[]> {FILTERS} [-Recurse] [-Force] {_REST}",
    }
    traits: ClassVar = _TRAITS

    def change_file(self, target: FileTarget) -> Iterator[Event]:
        path, node = target.path, target.node
        if isinstance(node, Folder) and node.entries and not self.arguments.flag("Recurse"):
            raise Terminating(no_prompt(self.session, _children_question(path.full)))
        yield from self.confirmed("Remove Directory" if isinstance(node, Folder) else "Remove File", path)
        if not self.arguments.flag("WhatIf"):
            yield from remove_unheld(self.session, target)

    def change_variable(self, target: EnvironmentTarget) -> Iterator[Event]:
        if self.should_process():
            del self.session.environment[target.name.casefold()]
        return iter(())

    def change(self, target: Target) -> Iterator[Event]:
        path, key = target
        if key.subkeys and not self.arguments.flag("Recurse"):
            raise Terminating(no_prompt(self.session, _children_question(path.given)))
        self.machine.remove_key(path.provider_path.rstrip("\\"))
        return iter(())


class RenameItem(ItemWriter):
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


class CopyItem(ItemWriter):
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


class ClearItem(ItemWriter):
    name = "Clear-Item"
    type_name = "Microsoft.PowerShell.Commands.ClearItemCommand"
    aliases = ("cli",)
    syntax: ClassVar = {
        "Path": f"[-Path] <String[]> [-Force] {FILTERS} {_REST}",
        "LiteralPath": f"-LiteralPath <String[]> [-Force] {FILTERS} {_REST}",
    }
    traits: ClassVar = _TRAITS

    def change_file(self, target: FileTarget) -> Iterator[Event]:
        raise Terminating(not_supported(self.session))

    def change(self, target: Target) -> Iterator[Event]:
        path, key = target
        self.machine.put_key(path.provider_path.rstrip("\\"), replace(key, values=MappingProxyType({})))
        return iter(())


class SetItem(ItemWriter):
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
    dynamic = ("Concatenate",)

    def process(self) -> Iterator[Event]:
        """A variable of the process need not exist."""
        paths = self.given_paths()
        if is_on_wsman_drive(self.session, paths):
            yield from self._set_settings()
            return
        locations = [locate(self.session, path) for path in paths]
        if not any(isinstance(location, EnvironmentPath) for location in locations):
            yield from super().process()
            return
        for location in locations:
            if not isinstance(location, EnvironmentPath) or has_wildcards(location.name):
                raise Terminating(not_simulated("Set-Item on variables together with other items"))
            self._set_variable(location.name)

    def _set_settings(self) -> Iterator[Event]:
        """WinRM takes the text of any value; for the list of trusted hosts only text, and only with -Force."""
        value = self.arguments.get("Value")
        if value is None or self.arguments.flag("PassThru"):
            raise Terminating(not_simulated("Set-Item on the drive WSMan: without a value or with -PassThru"))
        for item in self.wsman_items():
            if isinstance(item, Report):
                yield item
                continue
            if item.name == "TrustedHosts" and not isinstance(value, str):
                raise Terminating(not_simulated("a list of trusted hosts that is no text"))
            if not self.should_process():
                continue
            if item.name == "TrustedHosts" and not self.arguments.flag("Force"):
                raise Terminating(no_prompt(self.session, self.session.say("TrustedHostsQuery")))
            set_item(self.session, item, to_text(value))

    def _set_variable(self, name: str) -> None:
        if self.arguments.flag("PassThru"):
            raise Terminating(not_simulated("Set-Item -PassThru on environment variables"))
        if self.should_process():
            known = self.session.environment.get(name.casefold(), (name, ""))
            self.session.environment[name.casefold()] = (known[0], to_text(self.arguments.get("Value")))

    def change_file(self, target: FileTarget) -> Iterator[Event]:
        raise Terminating(not_supported(self.session))

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


COMMANDS: tuple[type[Cmdlet], ...] = (RemoveItem, RenameItem, CopyItem, ClearItem, SetItem)
