"""What the registry provider stores for a value that a cmdlet gives it (cases reg-sip-*, reg-nip-* of `pwsh76`)."""

from __future__ import annotations

from psrpcore.types import PSEnumBase, PSInt, PSInt64

from runner.lab.convert import ConversionError, to_byte_array, to_integer
from runner.lab.enums import RegistryValueKind
from runner.lab.registry import RegistryData, RegistryValue
from runner.lab.values import ClrList, clr_type_of, to_text

Kind = RegistryValueKind


class Unconvertible(Exception):
    """The value cannot be stored in this kind; the text is PowerShell's."""


def convert_data(value: object, kind: RegistryValueKind) -> RegistryData:
    """The data to store for a value in a kind. Raises Unconvertible."""
    try:
        if kind in (Kind.DWord, Kind.QWord):
            return _integer(value, 32 if kind is Kind.DWord else 64)
        if kind in (Kind.Binary, Kind.none):
            return to_byte_array(value)
    except ConversionError as error:
        raise Unconvertible(str(error)) from None
    if kind is Kind.MultiString:
        return _texts(value)
    return to_text(value)


def stored_untyped(existing: RegistryValue | None, value: object) -> tuple[RegistryValueKind, RegistryData]:
    """Kind and data where no type is given: an existing value keeps its kind if the data fits, else becomes text."""
    if existing is None:
        kind = kind_of(value)
        return kind, convert_data(value, kind)
    try:
        return existing.kind, convert_data(value, existing.kind)
    except Unconvertible:
        return Kind.String, to_text(value)


def kind_of(value: object) -> RegistryValueKind:
    """The kind of a new value by the type of what is given: everything but Int32, Int64 and byte[] is a String."""
    if isinstance(value, PSInt) and not isinstance(value, PSEnumBase):
        return Kind.DWord
    if isinstance(value, PSInt64):
        return Kind.QWord
    return Kind.Binary if isinstance(value, bytes) else Kind.String


def new_property_text(value: object) -> str:
    """New-ItemProperty without a type stores a list as its type's name (reg-nip-untyped)."""
    return clr_type_of(value) if isinstance(value, ClrList) else to_text(value)


def cleared(value: RegistryValue) -> RegistryValue:
    """The value after Clear-ItemProperty: its kind stays, its data is 0 or empty (reg-clip2)."""
    if isinstance(value.data, int):
        return RegistryValue(value.name, value.kind, 0)
    if isinstance(value.data, bytes):
        return RegistryValue(value.name, value.kind, b"")
    return RegistryValue(value.name, value.kind, () if isinstance(value.data, tuple) else "")


def _integer(value: object, bits: int) -> int:
    """Signed and unsigned numbers of this size are both accepted; the error speaks of the unsigned type."""
    signed, unsigned = f"System.Int{bits}", f"System.UInt{bits}"
    try:
        return int(to_integer(value, signed)) % (1 << bits)
    except ConversionError:
        return int(to_integer(value, unsigned))


def _texts(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(to_text(item) for item in value.items) if isinstance(value, ClrList) else (to_text(value),)
