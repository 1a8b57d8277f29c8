"""The .NET values that simulated cmdlets pass to each other.

Numbers, dates, versions and the like are psrpcore's primitive types, because they keep .NET's width. Text is `str`,
a byte array is `bytes`, `$null` is None, an enumeration is a member of `enums.py`. Everything composed is one of the
three classes below: psrpcore's own composed objects look a property up by walking all of them, which is too slow for a
lab of a thousand hosts. `wire.py` translates at the border.

Type names are PowerShell's (`PSTypeNames`), most derived first; one that came over the wire begins with
"Deserialized." (`groundtruth/pwsh76/README.md` O1, P6).
"""

from __future__ import annotations

import decimal
from collections.abc import Iterator
from dataclasses import dataclass, field

from psrpcore.types import (
    PSByte,
    PSChar,
    PSDateTime,
    PSDecimal,
    PSDouble,
    PSDuration,
    PSEnumBase,
    PSFlagBase,
    PSGuid,
    PSInt,
    PSInt16,
    PSInt64,
    PSSByte,
    PSSecureString,
    PSSingle,
    PSUInt,
    PSUInt16,
    PSUInt64,
    PSUri,
    PSVersion,
)

from runner.lab.enums import enum_name

TypeNames = tuple[str, ...]

OBJECT = "System.Object"
DESERIALIZED = "Deserialized."
CUSTOM_OBJECT_NAME = "System.Management.Automation.PSCustomObject"
CUSTOM_OBJECT: TypeNames = (CUSTOM_OBJECT_NAME, OBJECT)
_MADE_FROM = ("Selected.", DESERIALIZED)
ARRAY_LIST: TypeNames = ("System.Collections.ArrayList", OBJECT)
HASHTABLE: TypeNames = ("System.Collections.Hashtable", OBJECT)
OBJECT_ARRAY: TypeNames = ("System.Object[]", "System.Array", OBJECT)
STRING_ARRAY: TypeNames = ("System.String[]", "System.Array", OBJECT)


@dataclass(slots=True, eq=False)
class ClrList:
    """Any .NET list or array other than a byte array."""

    items: list[object]
    type_names: TypeNames = ARRAY_LIST


@dataclass(frozen=True, slots=True)
class Unsimulated:
    """In the place of a property's value: the real object has it, the lab does not know it."""

    name: str


@dataclass(slots=True, eq=False)
class ClrDict:
    """Any .NET dictionary."""

    items: dict[object, object]
    type_names: TypeNames = HASHTABLE


@dataclass(slots=True, eq=False)
class ClrObject:
    """Any other object: its own (adapted) properties and those PowerShell adds (extended).

    `source` is what the object stands for on the machine; methods are found by its type. `scripted` names the extended
    properties that a script of PowerShell's type data computes; `own_text` is .NET's own text where such a script makes
    the usual one.
    """

    type_names: TypeNames
    adapted: dict[str, object] = field(default_factory=dict)
    extended: dict[str, object] = field(default_factory=dict)
    text: str | None = None
    source: object = None
    scripted: frozenset[str] = frozenset()
    own_text: str | None = None

    @property
    def is_custom(self) -> bool:
        return CUSTOM_OBJECT_NAME in self.type_names[0] or CUSTOM_OBJECT_NAME in self.type_names[1:2]


class NotedText(str):
    """A System.String that carries note properties, as Get-ChildItem -Name writes it (pwsh76 reg-gci-name)."""

    notes: dict[str, object]

    def __new__(cls, text: str, notes: dict[str, object]) -> NotedText:
        self = super().__new__(cls, text)
        self.notes = notes
        return self


def custom_object(properties: dict[str, object]) -> ClrObject:
    """A PSCustomObject with these note properties."""
    return ClrObject(CUSTOM_OBJECT, extended=properties)


def string_array(items: list[str]) -> ClrList:
    """A System.String[] of these items."""
    return ClrList(list(items), STRING_ARRAY)


_PRIMITIVES: tuple[tuple[type, str], ...] = (
    (bool, "System.Boolean"),
    (PSByte, "System.Byte"),
    (PSSByte, "System.SByte"),
    (PSInt16, "System.Int16"),
    (PSUInt16, "System.UInt16"),
    (PSInt, "System.Int32"),
    (PSUInt, "System.UInt32"),
    (PSInt64, "System.Int64"),
    (PSUInt64, "System.UInt64"),
    (PSSingle, "System.Single"),
    (PSDouble, "System.Double"),
    (PSDecimal, "System.Decimal"),
    (PSChar, "System.Char"),
    (PSDateTime, "System.DateTime"),
    (PSDuration, "System.TimeSpan"),
    (PSGuid, "System.Guid"),
    (PSUri, "System.Uri"),
    (PSVersion, "System.Version"),
    (PSSecureString, "System.Security.SecureString"),
    (str, "System.String"),
    (bytes, "System.Byte[]"),
)
INTEGERS = (PSByte, PSSByte, PSInt16, PSUInt16, PSInt, PSUInt, PSInt64, PSUInt64)
FLOATS = (PSSingle, PSDouble)
ENUMERATIONS = (PSEnumBase, PSFlagBase)
NUMBERS = (*INTEGERS, *FLOATS, PSDecimal)


def type_names_of(value: object) -> TypeNames:
    """PowerShell's type names of a value that is not null, most derived first."""
    if isinstance(value, (ClrObject, ClrList, ClrDict)):
        return value.type_names
    if isinstance(value, ENUMERATIONS):
        return tuple(value.PSObject.type_names)
    for python_type, name in _PRIMITIVES:
        if isinstance(value, python_type):
            return (name, OBJECT)
    raise TypeError(f"not a value of the lab: {type(value).__name__}")


def clr_type_of(value: object) -> str:
    """The full name of the .NET type behind a value; "" for null.

    Names that PowerShell puts before it are no such types: `X#Y`, ModuleInfoGrouping (getmodule.list-three), and what
    PowerShellGet calls its objects (repo.get-selected).
    """
    if value is None:
        return ""
    if isinstance(value, ClrObject) and value.is_custom and not value.type_names[0].startswith(_MADE_FROM):
        return CUSTOM_OBJECT_NAME
    name = next((n for n in type_names_of(value) if "#" not in n and "." in n), OBJECT)
    return name.removeprefix(DESERIALIZED)


def to_text(value: object) -> str:
    """What PowerShell's conversion to System.String makes of a value, in the invariant culture."""
    if value is None:
        return ""
    if isinstance(value, ENUMERATIONS):
        return enum_name(value)
    if isinstance(value, (bool, str)):
        return str(value)
    if isinstance(value, bytes):
        return " ".join(str(b) for b in value)
    if isinstance(value, ClrList):
        return " ".join(to_text(item) for item in value.items)
    if isinstance(value, PSChar):
        return chr(int(value))
    if isinstance(value, FLOATS):
        return repr(float(value)).removesuffix(".0")
    if isinstance(value, PSDecimal):
        return format(decimal.Decimal(value), "f")
    if isinstance(value, ClrObject):
        return _object_text(value)
    return clr_type_of(value) if isinstance(value, (ClrDict, PSSecureString)) else str(value)


def _object_text(value: ClrObject) -> str:
    if value.text is not None:
        return value.text
    if value.is_custom:
        return custom_text(value.extended)
    return clr_type_of(value)


def custom_text(properties: dict[str, object]) -> str:
    """The text of a PSCustomObject: "@{A=1; B=2}". In it an array is its type's name, another such object nothing."""
    return "@{" + "; ".join(f"{name}={_inner_text(value)}" for name, value in properties.items()) + "}"


def _inner_text(value: object) -> str:
    if isinstance(value, (ClrList, bytes)):
        return clr_type_of(value)
    return "" if isinstance(value, ClrObject) and value.is_custom and value.text is None else to_text(value)


def is_true(value: object) -> bool:
    """PowerShell's truth of a value: an empty string, 0, an empty list and a list of one falsehood are false."""
    if isinstance(value, ClrList):
        return len(value.items) > 1 or (len(value.items) == 1 and is_true(value.items[0]))
    if isinstance(value, (ClrObject, ClrDict)):
        return True
    if isinstance(value, bytes):
        return len(value) > 1 or value[:1] not in (b"", b"\0")
    return bool(value)


def enumerate_value(value: object) -> Iterator[object]:
    """What the pipeline makes of one written value: lists and byte arrays element by element, all else whole.

    Strings and dictionaries are never enumerated (`pwsh76` seq.write-output-string-enumerable, reg-sip-binary-ints).
    """
    if isinstance(value, ClrList):
        yield from value.items
    elif isinstance(value, bytes):
        for byte in value:
            yield PSByte(byte)
    else:
        yield value
