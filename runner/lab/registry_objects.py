"""The objects that the registry provider writes: keys, their properties, the drive and the provider.

Shapes: cases reg-gi-*, reg-gip-* of `groundtruth/pwsh76`. Members that only PowerShell 6 and later has are left out
before it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from psrpcore.types import PSInt, PSInt64, PSUInt, PSUInt64

from runner.lab.cmdlet import Session
from runner.lab.drives import drive_object, provider_object
from runner.lab.enums import RegistryValueKind, RegistryValueOptions, RegistryView
from runner.lab.environment import expanded
from runner.lab.members import Method, MethodFailed, NoOverload
from runner.lab.paths import PROVIDER, RegistryPath, subkey_names
from runner.lab.registry import RegistryKey, RegistryValue, split_path
from runner.lab.values import (
    CUSTOM_OBJECT,
    OBJECT,
    ClrObject,
    TypeNames,
    custom_text,
    string_array,
    to_text,
)

REGISTRY_KEY: TypeNames = ("Microsoft.Win32.RegistryKey", "System.MarshalByRefObject", OBJECT)
_HANDLE: TypeNames = (
    "Microsoft.Win32.SafeHandles.SafeRegistryHandle",
    "Microsoft.Win32.SafeHandles.SafeHandleZeroOrMinusOneIsInvalid",
    "System.Runtime.InteropServices.SafeHandle",
    "System.Runtime.ConstrainedExecution.CriticalFinalizerObject",
    OBJECT,
)


def shown_name(name: str) -> str:
    """The name of a value as the property cmdlets show it: the unnamed one is "(default)"."""
    return name or "(default)"


def property_value(session: Session, value: RegistryValue) -> object:
    """The data as Get-ItemProperty gives it: texts expanded, integers unsigned where they do not fit otherwise."""
    data = value.data
    if value.kind is RegistryValueKind.DWord and isinstance(data, int):
        return PSInt(data) if data <= PSInt.MaxValue else PSUInt(data)
    if value.kind is RegistryValueKind.QWord and isinstance(data, int):
        return PSInt64(data) if data <= PSInt64.MaxValue else PSUInt64(data)
    if value.kind is RegistryValueKind.ExpandString and isinstance(data, str):
        return expanded(data, session.environment)
    return string_array(list(data)) if isinstance(data, tuple) else data


def properties_object(session: Session, path: RegistryPath, values: Iterable[RegistryValue]) -> ClrObject:
    """What Get-ItemProperty writes for a key: the values, then the PS* notes."""
    notes: dict[str, object] = {shown_name(v.name): property_value(session, v) for v in values}
    notes.update(path_notes(session, path))
    return ClrObject(CUSTOM_OBJECT, {}, notes, custom_text(notes))


def path_notes(session: Session, path: RegistryPath) -> dict[str, object]:
    """The notes PSPath, PSParentPath, PSChildName, PSDrive (for a path through a drive) and PSProvider."""
    notes: dict[str, object] = {
        "PSPath": f"{PROVIDER}::{path.shown}",
        "PSParentPath": f"{PROVIDER}::{path.parent}",
        "PSChildName": path.leaf,
    }
    if path.drive is not None:
        notes["PSDrive"] = drive_object(session, path.drive)
    notes["PSProvider"] = provider_object(session, "Registry")
    return notes


def key_object(session: Session, path: RegistryPath, key: RegistryKey) -> ClrObject:
    """A Microsoft.Win32.RegistryKey as Get-Item writes it."""
    name = canonical_name(session, path)
    adapted: dict[str, object] = {
        "SubKeyCount": PSInt(len(key.subkeys)),
        "View": RegistryView.Default,
        "Handle": ClrObject(_HANDLE, {"IsInvalid": False, "IsClosed": False}, {}, _HANDLE[0]),
        "ValueCount": PSInt(len(key.values)),
        "Name": name,
    }
    extended: dict[str, object] = {
        "Property": string_array([shown_name(value.name) for value in key.values.values()]),
        **path_notes(session, path),
        "PSIsContainer": True,
    }
    return ClrObject(REGISTRY_KEY, adapted, extended, name, KeyHandle(session, key))


def canonical_name(session: Session, path: RegistryPath) -> str:
    """The .NET name of a key: the hive in its long form, then the path as given."""
    hive, *rest = split_path(path.provider_path)
    return "\\".join([hive, *rest])


@dataclass(frozen=True, slots=True)
class KeyHandle:
    """An open registry key: what the methods of a RegistryKey object work on. It is open for reading only."""

    session: Session
    key: RegistryKey

    def method(self, name: str) -> Method | None:
        """A method by its name in any case, or None."""
        return {
            "getvalue": self._get_value,
            "getvaluekind": self._get_value_kind,
            "getvaluenames": lambda arguments: self._names(arguments, [v.name for v in self.key.values.values()]),
            "getsubkeynames": lambda arguments: self._names(arguments, subkey_names(self.key)),
            "setvalue": self._set_value,
        }.get(name.casefold())

    def _names(self, arguments: list[object], names: list[str]) -> object:
        if arguments:
            raise NoOverload
        return string_array(names)

    def _get_value(self, arguments: list[object]) -> object:
        if len(arguments) not in (1, 2, 3):
            raise NoOverload
        value = self.key.value(to_text(arguments[0]))
        if value is None:
            return arguments[1] if len(arguments) > 1 else None
        raw = len(arguments) == 3 and _means_raw(arguments[2])
        if raw and value.kind is RegistryValueKind.ExpandString:
            return value.data
        return _signed(value, property_value(self.session, value))

    def _get_value_kind(self, arguments: list[object]) -> object:
        if len(arguments) != 1:
            raise NoOverload
        value = self.key.value(to_text(arguments[0]))
        if value is None:
            raise MethodFailed(self.session.say("ValueDoesNotExist"))
        return value.kind

    def _set_value(self, arguments: list[object]) -> object:
        if len(arguments) not in (2, 3):
            raise NoOverload
        raise MethodFailed("Cannot write to the registry key.")


def _means_raw(option: object) -> bool:
    name = RegistryValueOptions.DoNotExpandEnvironmentNames.name
    return to_text(option).casefold() in (name.casefold(), "1")


def _signed(value: RegistryValue, shown: object) -> object:
    """GetValue gives signed integers whatever their size (reg-getvalue-all)."""
    if value.kind is RegistryValueKind.DWord and isinstance(value.data, int):
        return PSInt((value.data + 2**31) % 2**32 - 2**31)
    if value.kind is RegistryValueKind.QWord and isinstance(value.data, int):
        return PSInt64((value.data + 2**63) % 2**64 - 2**63)
    return shown
