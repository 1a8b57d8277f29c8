"""psrpcore's types to the model's values and back.

Facts: ../shared/groundtruth/pwsh76/README.md X1 to X4 (CLIXML of outputs) and P6 (what a host makes of our types).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from queue import Queue
from types import MappingProxyType
from typing import Any

import psrpcore.types as ps

from runner.model.command import ErrorRecord
from runner.model.secret import Secret
from runner.model.value import Credential, EnumValue, Int32, Int64, PSObject, UInt32, UInt64, Value, Version

_INT_MODELS: Mapping[type, type[int]] = MappingProxyType({ps.PSUInt: UInt32, ps.PSInt64: Int64, ps.PSUInt64: UInt64})
_INT_WIRE: Mapping[type, type[int]] = MappingProxyType(
    {Int32: ps.PSInt, UInt32: ps.PSUInt, Int64: ps.PSInt64, UInt64: ps.PSUInt64}
)
_TEXTS = (str, ps.PSGuid)
_DESERIALIZED = "Deserialized."


def to_model(value: Any) -> Value:
    """What a host sent, as the model knows it. Notes on a string or number are dropped; a cycle is cut."""
    return _Reader().read(value)


class _Reader:
    """Keeps the objects it is inside of, so that an object that holds itself ends (X2: `<Ref>`)."""

    def __init__(self) -> None:
        self._inside: set[int] = set()

    def read(self, value: Any) -> Value:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, enum.Enum):
            return EnumValue(_type_names(value)[0], int(value.value), value.name or str(value))
        if isinstance(value, int):
            return _integer(value)
        if isinstance(value, ps.PSVersion):
            return Version(value)
        if isinstance(value, _TEXTS):
            return str(value)
        if isinstance(value, float | Decimal):
            return float(value)
        if isinstance(value, bytes):
            return bytes(value)
        if isinstance(value, datetime):
            return datetime(
                value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond,
                value.tzinfo,
            )  # fmt: skip
        if isinstance(value, timedelta):
            return timedelta(value.days, value.seconds, value.microseconds)
        if isinstance(value, ps.PSSecureString):
            return _secret(value)
        return self._nested(value)

    def _nested(self, value: Any) -> Value:
        if id(value) in self._inside:
            return PSObject(_type_names(value), text=value.PSObject.to_string)
        self._inside.add(id(value))
        try:
            if isinstance(value, dict):
                return MappingProxyType({str(key): self.read(item) for key, item in value.items()})
            if isinstance(value, Queue):
                return tuple(self.read(item) for item in value.queue)
            if isinstance(value, list):
                return tuple(self.read(item) for item in value)
            return self._object(value)
        finally:
            self._inside.discard(id(value))

    def _object(self, value: Any) -> PSObject | Credential:
        meta = value.PSObject
        listed = (*meta.adapted_properties, *meta.extended_properties)
        properties = {entry.name: self.read(entry.get_value(value)) for entry in listed}
        password = properties.get("Password")
        if isinstance(value, ps.PSCredential) and isinstance(password, Secret):
            return Credential(str(properties.get("UserName")), password)
        return PSObject(_type_names(value), MappingProxyType(properties), meta.to_string)


def _type_names(value: Any) -> tuple[str, ...]:
    """The names as they were sent: psrpcore puts `Deserialized.` before those it does not know."""
    return tuple(name.removeprefix(_DESERIALIZED) for name in value.PSObject.type_names) or ("System.Object",)


def _integer(value: Any) -> Value:
    names = _type_names(value)
    if "System.Enum" in names:
        return EnumValue(names[0], int(value), value.PSObject.to_string or "")
    model = next((model for wire, model in _INT_MODELS.items() if isinstance(value, wire)), Int32)
    return model(value)


def _secret(value: ps.PSSecureString) -> Value:
    """X4: a SecureString is sent encrypted even when no key was exchanged; then nobody can read it."""
    try:
        return Secret(str(value.decrypt()))
    except Exception:  # psrpcore's missing key, or a damaged cipher text: either way there is no text
        return PSObject(("System.Security.SecureString",))


def to_error(record: ps.ErrorRecord) -> ErrorRecord:
    """The parts of an error record that are judged; its target is left out (design section 7)."""
    exception = record.Exception
    names = _type_names(exception) if exception is not None else ("",)
    details = record.ErrorDetails.Message if record.ErrorDetails else None
    message = details or getattr(exception, "Message", None) or ""
    return ErrorRecord(
        id=str(record.FullyQualifiedErrorId or ""),
        category=record.CategoryInfo.Category.name,
        exception=names[0],
        message=str(message),
    )


def to_wire(value: Value) -> Any:
    """What psrpcore serialises for a value of ours.

    Errors: ValueError for an integer that no CLIXML integer holds, TypeError for what is no Value.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return _wire_integer(value)
    if isinstance(value, Version):
        return ps.PSVersion(str(value))
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        return ps.PSDouble(value)
    if isinstance(value, bytes):
        return ps.PSByteArray(value)
    if isinstance(value, datetime | timedelta):
        return value
    if isinstance(value, EnumValue):
        return ps.PSInt(value.number)
    return _wire_nested(value)


def _wire_nested(value: Any) -> Any:
    if isinstance(value, Secret):
        return ps.PSSecureString(value.reveal())
    if isinstance(value, Credential):
        return ps.PSCredential(UserName=value.user, Password=ps.PSSecureString(value.password.reveal()))
    if isinstance(value, PSObject):
        custom = ps.PSCustomObject()
        for name, item in value.properties.items():
            ps.add_note_property(custom, name, to_wire(item))
        return custom
    if isinstance(value, tuple):
        return [to_wire(item) for item in value]
    if isinstance(value, Mapping):
        return {key: to_wire(item) for key, item in value.items()}
    raise TypeError(f"{type(value).__name__} is no value that can be sent")


def _wire_integer(value: int) -> Any:
    exact = _INT_WIRE.get(type(value))
    if exact is not None:
        return exact(value)
    for wire in (ps.PSInt, ps.PSInt64, ps.PSUInt64):
        if wire.MinValue <= value <= wire.MaxValue:
            return wire(value)
    raise ValueError(f"{value} is larger than the largest integer that PowerShell remoting carries")
