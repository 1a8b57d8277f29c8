"""Typed values as PowerShell exchanges them; the CLIXML integer types stay apart (design section 3).

A plain `int` that we send becomes the smallest of Int32, Int64, UInt64 that holds it. What a host sends always comes
as one of the classes below, so that a DWORD and a QWORD stay different.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from runner.model.content import Slice
from runner.model.secret import Secret


class Int32(int):
    """System.Int32 (`I32`); also Int16, Byte and Char, which no reader of ours tells apart."""

    __slots__ = ()


class UInt32(int):
    __slots__ = ()


class Int64(int):
    __slots__ = ()


class UInt64(int):
    __slots__ = ()


class Version(str):
    """System.Version as its text, such as 5.1.17763.1."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class EnumValue:
    """A .NET enum: Stopped of System.ServiceProcess.ServiceControllerStatus is 1."""

    type_name: str
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class PSObject:
    """An object with properties. `type_names` begins with the most special; `text` is its ToString, if sent."""

    type_names: tuple[str, ...]
    properties: Mapping[str, Value] = field(default_factory=lambda: MappingProxyType({}))
    text: str | None = None

    def get(self, name: str) -> Value:
        """A property by its name, in any case, as PowerShell finds it; None if there is none."""
        if name in self.properties:
            return self.properties[name]
        folded = name.casefold()
        return next((value for key, value in self.properties.items() if key.casefold() == folded), None)

    def has(self, name: str) -> bool:
        folded = name.casefold()
        return any(key.casefold() == folded for key in self.properties)


@dataclass(frozen=True, slots=True)
class Credential:
    """A PSCredential; travels only after the key exchange."""

    user: str
    password: Secret


Value = (
    None | bool | str | int | float | bytes | datetime | timedelta | EnumValue | PSObject | Secret | Credential
    | Slice    | tuple["Value", ...] | Mapping[str, "Value"]
)  # fmt: skip
