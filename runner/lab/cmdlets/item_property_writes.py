"""Writing registry values: Set-, New-, Remove-, Rename-, Clear-ItemProperty (cases reg-sip-*, reg-nip-*, reg-rip-*)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from psrpcore.types import ErrorCategory

from runner.lab.cmdlet import Cmdlet, Emit, Event, Report
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
from runner.lab.convert import ConversionError, convert
from runner.lab.enums import RegistryValueKind, enum_name
from runner.lab.errors import Failure, Terminating, not_simulated
from runner.lab.file_paths import FileTarget
from runner.lab.locations import EnvironmentTarget
from runner.lab.members import properties_of
from runner.lab.registry import RegistryKey, RegistryValue
from runner.lab.registry_objects import canonical_name, properties_object, shown_name
from runner.lab.registry_write import cleared, kind_of, new_property_text, stored_untyped
from runner.lab.signature import Traits
from runner.lab.wildcard import compile_pattern, has_wildcards

_REST = f"[-Force] {FILTERS} {CREDENTIAL} {SHOULD_PROCESS} {TRANSACTION}"
_NAME = Traits(aliases=("PSProperty",), pipeline="name")
_TRAITS = {
    "Path": PATH,
    "LiteralPath": LITERAL,
    "Credential": Traits(pipeline="name"),
    **CONFIRM_TRAITS,
    **TRANSACTION_TRAITS,
}


def stored_name(name: str) -> str:
    """The name that the registry keeps: the unnamed value is called "(default)" outside."""
    return "" if name == "(default)" else name


class PropertyWriter(ProviderCmdlet):
    """A cmdlet that changes values of existing keys."""

    module = MANAGEMENT
    default_set = "Path"

    def process(self) -> Iterator[Event]:
        for target in self.items():
            if isinstance(target, Report):
                yield target
                continue
            if isinstance(target, (FileTarget, EnvironmentTarget)):
                yield from self.elsewhere(target)
                continue
            refusal = self.writable(target[0])
            if refusal is not None:
                yield Report(refusal)
            elif self.should_process():
                yield from self.change(target)

    def change(self, target: Target) -> Iterator[Event]:
        """Change the values of one key that may be written."""
        raise NotImplementedError

    def elsewhere(self, target: FileTarget | EnvironmentTarget) -> Iterator[Event]:
        """The same for a file or an environment variable."""
        raise Terminating(not_simulated(f"{self.name} on files and environment variables"))

    def written(self, target: Target, name: str) -> Iterator[Event]:
        """The property object that -PassThru, and New-ItemProperty always, writes."""
        path, _ = target
        key = self.machine.registry.find(path.provider_path)
        value = key.value(stored_name(name)) if key else None
        if value is not None:
            yield Emit(properties_object(self.session, path, [replace(value, name=stored_name(name))]))

    def store(self, target: Target, name: str, value: object, kind: RegistryValueKind) -> Failure | None:
        """Store a value in a kind; returns the error if it cannot be converted."""
        path, _ = target
        data, failure = self.converted(path, value, kind)
        if data is not None:
            self.machine.set_value(path.provider_path, RegistryValue(stored_name(name), kind, data))
        return failure


_FIXED = {name.casefold(): name for name in ("DirectoryName", "Exists", "Extension", "FullName", "Length", "Name")}


class SetItemProperty(PropertyWriter):
    name = "Set-ItemProperty"
    type_name = "Microsoft.PowerShell.Commands.SetItemPropertyCommand"
    aliases = ("sp",)
    default_set = "propertyValuePathSet"
    syntax: ClassVar = {
        "propertyValuePathSet": f"[-Path] <String[]> [-Name] <String> [-Value] <Object> [-PassThru] "
        f"[-Type <RegistryValueKind>] {_REST}",
        "propertyPSObjectPathSet": f"[-Path] <String[]> -InputObject <PSObject> [-PassThru] "
        f"[-Type <RegistryValueKind>] {_REST}",
        "propertyValueLiteralPathSet": f"-LiteralPath <String[]> [-Name] <String> [-Value] <Object> [-PassThru] "
        f"[-Type <RegistryValueKind>] {_REST}",
        "propertyPSObjectLiteralPathSet": f"-LiteralPath <String[]> -InputObject <PSObject> [-PassThru] "
        f"[-Type <RegistryValueKind>] {_REST}",
    }
    traits: ClassVar = {
        **_TRAITS,
        "Path": Traits(pipeline="name"),
        "Name": _NAME,
        "Value": Traits(pipeline="name", accepts_null=True),
        "InputObject": Traits(pipeline="value name"),
        "Type": Traits(pipeline="name"),
    }

    def process(self) -> Iterator[Event]:
        if self.literal and "InputObject" in self.arguments:
            message = self.session.say("ArgumentNull", "property")
            raise Terminating(
                Failure("ArgumentNull", ErrorCategory.InvalidArgument, "PSArgumentNullException", message)
            )
        yield from super().process()

    def elsewhere(self, target: FileTarget | EnvironmentTarget) -> Iterator[Event]:
        """Of a file's properties the lab knows those that cannot be set (provider.setitemproperty-missing)."""
        name = self.arguments.text("Name")
        if not isinstance(target, FileTarget) or name.casefold() not in _FIXED:
            yield from super().elsewhere(target)
        message = self.session.say("ReadOnlyProperty", _FIXED[name.casefold()])
        raise Terminating(Failure("ReadOnlyProperty", ErrorCategory.NotSpecified, "SetValueException", message))

    def change(self, target: Target) -> Iterator[Event]:
        if "InputObject" in self.arguments:
            given = list(properties_of(self.arguments.get("InputObject")))
        else:
            given = [(self.arguments.text("Name"), self.arguments.get("Value"))]
        for name, value in given:
            failure = self._set(target, name, value)
            if failure is not None:
                yield Report(failure)
            elif self.arguments.flag("PassThru"):
                yield from self.written(target, name)

    def _set(self, target: Target, name: str, value: object) -> Failure | None:
        kind = self.arguments.get("Type")
        path, key = target
        if isinstance(kind, RegistryValueKind):
            return self.store(target, name, value, kind_of(value) if kind is RegistryValueKind.Unknown else kind)
        stored = stored_name(name)
        chosen, data = stored_untyped(key.value(stored), value)
        self.machine.set_value(path.provider_path, RegistryValue(stored, chosen, data))
        return None


class NewItemProperty(PropertyWriter):
    name = "New-ItemProperty"
    type_name = "Microsoft.PowerShell.Commands.NewItemPropertyCommand"
    syntax: ClassVar = {
        "Path": f"[-Path] <String[]> [-Name] <String> [-PropertyType <String>] [-Value <Object>] {_REST}",
        "LiteralPath": f"-LiteralPath <String[]> [-Name] <String> [-PropertyType <String>] [-Value <Object>] {_REST}",
    }
    traits: ClassVar = {
        **_TRAITS,
        "Path": Traits(),
        "Name": _NAME,
        "PropertyType": Traits(aliases=("Type",), pipeline="name"),
        "Value": Traits(pipeline="name"),
    }

    def change(self, target: Target) -> Iterator[Event]:
        path, key = target
        name, value = self.arguments.text("Name"), self.arguments.get("Value")
        try:
            kind = self._kind(value)
        except ConversionError:
            yield Report(self._unknown_type())
            return
        if key.value(stored_name(name)) is not None and not self.arguments.flag("Force"):
            message = self.session.say("PropertyAlreadyExists")
            target_name = canonical_name(self.session, path)
            category = ErrorCategory.ResourceExists
            yield Report(Failure("System.IO.IOException", category, "IOException", message, target_name))
            return
        untyped_text = "PropertyType" not in self.arguments and kind is RegistryValueKind.String
        failure = self.store(target, name, new_property_text(value) if untyped_text else value, kind)
        if failure is not None:
            yield Report(failure)
        else:
            yield from self.written(target, name)

    def _kind(self, value: object) -> RegistryValueKind:
        if "PropertyType" in self.arguments:
            kind = convert(self.arguments.text("PropertyType"), "Microsoft.Win32.RegistryValueKind")
            if isinstance(kind, RegistryValueKind) and kind is not RegistryValueKind.Unknown:
                return kind
        return kind_of(value)

    def _unknown_type(self) -> Failure:
        word = self.arguments.text("PropertyType")
        order = [kind for kind in RegistryValueKind if int(kind) > 0] + [RegistryValueKind.Unknown]
        names = ", ".join(enum_name(kind) for kind in order)
        message = self.session.say("TypeParameterBindingFailure", word, names)
        category = ErrorCategory.InvalidArgument
        return Failure("System.ArgumentException", category, "ArgumentException", message, word)


class RemoveItemProperty(PropertyWriter):
    name = "Remove-ItemProperty"
    type_name = "Microsoft.PowerShell.Commands.RemoveItemPropertyCommand"
    aliases = ("rp",)
    syntax: ClassVar = {
        "Path": f"[-Path] <String[]> [-Name] <String[]> {_REST}",
        "LiteralPath": f"-LiteralPath <String[]> [-Name] <String[]> {_REST}",
    }
    traits: ClassVar = {**_TRAITS, "Name": _NAME}

    def change(self, target: Target) -> Iterator[Event]:
        path, key = target
        for name in self.arguments.texts("Name") or ():
            found = self._matching_names(key, name)
            for stored in found:
                self.machine.remove_value(path.provider_path, stored)
            if not found and not has_wildcards(name):
                yield Report(self.no_such_value(path, name))

    def _matching_names(self, key: RegistryKey, name: str) -> list[str]:
        """ "(default)" is never found here (reg-rip-default)."""
        if self.literal or not has_wildcards(name):
            return [name] if name and key.value(name) is not None else []
        pattern = compile_pattern(name)
        return [value.name for value in key.values.values() if value.name and pattern.fullmatch(value.name)]


class RenameItemProperty(PropertyWriter):
    name = "Rename-ItemProperty"
    type_name = "Microsoft.PowerShell.Commands.RenameItemPropertyCommand"
    aliases = ("rnp",)
    syntax: ClassVar = {
        "Path": f"[-Path] <String> [-Name] <String> [-NewName] <String> [-PassThru] {_REST}",
        "LiteralPath": f"-LiteralPath <String> [-Name] <String> [-NewName] <String> [-PassThru] {_REST}",
    }
    traits: ClassVar = {**_TRAITS, "Name": _NAME, "NewName": Traits(pipeline="name")}

    def change(self, target: Target) -> Iterator[Event]:
        path, key = target
        name, new_name = self.arguments.text("Name"), self.arguments.text("NewName")
        value = key.value(stored_name(name))
        if value is None:
            message = self.session.say("ValueDoesNotExist")
            target_name = canonical_name(self.session, path)
            category = ErrorCategory.WriteError
            yield Report(Failure("System.IO.IOException", category, "IOException", message, target_name))
            return
        self.machine.remove_value(path.provider_path, value.name)
        self.machine.remove_value(path.provider_path, new_name)
        self.machine.set_value(path.provider_path, replace(value, name=new_name))
        if self.arguments.flag("PassThru"):
            yield from self.written(target, new_name)


class ClearItemProperty(PropertyWriter):
    name = "Clear-ItemProperty"
    type_name = "Microsoft.PowerShell.Commands.ClearItemPropertyCommand"
    aliases = ("clp",)
    syntax: ClassVar = {
        "Path": f"[-Path] <String[]> [-Name] <String> [-PassThru] {_REST}",
        "LiteralPath": f"-LiteralPath <String[]> [-Name] <String> [-PassThru] {_REST}",
    }
    traits: ClassVar = {**_TRAITS, "Name": Traits(pipeline="name")}

    def change(self, target: Target) -> Iterator[Event]:
        path, key = target
        name = self.arguments.text("Name")
        value = key.value(stored_name(name))
        if value is None:
            yield Report(self.no_such_value(path, name))
            return
        self.machine.set_value(path.provider_path, cleared(value))
        if self.arguments.flag("PassThru"):
            yield from self.written(target, shown_name(value.name))


COMMANDS: tuple[type[Cmdlet], ...] = (
    SetItemProperty,
    NewItemProperty,
    RemoveItemProperty,
    RenameItemProperty,
    ClearItemProperty,
)
