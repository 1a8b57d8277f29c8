"""Typed values as JSON and back, exactly: what JSON cannot tell apart becomes an object with one `$` key.

    5 -> 5        Int32(5) -> {"$int32": 5}        b"\\xbe\\xef" -> {"$bytes": "beef"}        ("a",) -> ["a"]

A Secret is never written: `Unwritable` says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from runner.model.content import Slice
from runner.model.secret import Secret
from runner.model.state import OtherThan
from runner.model.value import Credential, EnumValue, Int32, Int64, PSObject, UInt32, UInt64, Version

INTEGERS: Mapping[str, type[int]] = MappingProxyType(
    {"$int32": Int32, "$uint32": UInt32, "$int64": Int64, "$uint64": UInt64}
)


class Unwritable(ValueError):
    """A value that must not, or cannot, stand in a document."""


class Damaged(ValueError):
    """JSON that no document of ours contains; the text says where and what."""


def encode(value: object) -> Any:
    """JSON for a Value or a Wish. Errors: Unwritable."""
    if value is None or type(value) in (bool, str, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": repr(value)}
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    if isinstance(value, Mapping):
        members = {str(key): encode(item) for key, item in value.items()}
        return {"$map": members} if any(key.startswith("$") for key in members) else members
    return _tagged(value)


def _tagged(value: object) -> dict[str, Any]:
    for tag, kind in INTEGERS.items():
        if isinstance(value, kind):
            return {tag: int(value)}
    match value:
        case bytes():
            return {"$bytes": value.hex()}
        case Version():
            return {"$version": str(value)}
        case datetime():
            return {"$datetime": value.isoformat()}
        case timedelta():
            return {"$duration": [value.days, value.seconds, value.microseconds]}
        case OtherThan():
            return {"$other_than": encode(value.value)}
        case EnumValue():
            return {"$enum": value.type_name, "number": value.number, "text": value.text}
        case PSObject():
            members = {name: encode(item) for name, item in value.properties.items()}
            return {"$object": list(value.type_names), "properties": members, "text": value.text}
        case Slice():
            rest = {"member": value.member, "sha256": value.sha256, "offset": value.offset, "length": value.length}
            return {"$slice": value.source, **rest}
        case Secret() | Credential():
            raise Unwritable("a secret is never written")
    raise Unwritable(f"a {type(value).__name__} cannot be written")


def decode(data: Any, path: str) -> Any:
    """The value that `encode` wrote; `path` names the place in the document. Errors: Damaged."""
    if isinstance(data, list):
        return tuple(decode(item, f"{path}[{index}]") for index, item in enumerate(data))
    if not isinstance(data, dict):
        return data
    tag = next((key for key in data if key.startswith("$")), None)
    if tag is None:
        return {key: decode(item, f"{path}.{key}") for key, item in data.items()}
    if set(data) != {tag, *_COMPANIONS.get(tag, ())}:
        raise Damaged(f"{path}: not a value of type {tag}")
    try:
        return _untagged(tag, data, path)
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise error if isinstance(error, Damaged) else Damaged(f"{path}: not a value of type {tag}") from error


_COMPANIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "$enum": ("number", "text"),
        "$object": ("properties", "text"),
        "$slice": ("member", "sha256", "offset", "length"),
    }
)


def _untagged(tag: str, data: dict[str, Any], path: str) -> Any:
    content = data[tag]
    if tag in INTEGERS and type(content) is int:
        return INTEGERS[tag](content)
    match tag:
        case "$float":
            return float(content)
        case "$bytes":
            return bytes.fromhex(content)
        case "$version":
            return Version(content)
        case "$datetime":
            return datetime.fromisoformat(content)
        case "$duration":
            days, seconds, microseconds = content
            return timedelta(days, seconds, microseconds)
        case "$other_than":
            return OtherThan(decode(content, path))
        case "$map":
            return {key: decode(item, f"{path}.{key}") for key, item in content.items()}
        case "$enum":
            return EnumValue(content, data["number"], data["text"])
        case "$object":
            return PSObject(tuple(content), _untagged("$map", {"$map": data["properties"]}, path), data["text"])
        case "$slice":
            return _slice(content, data["member"], data["sha256"], data["offset"], data["length"])
    raise Damaged(f"{path}: {tag} is no type of value")


def _slice(source: object, member: object, sha256: object, offset: object, length: object) -> Slice:
    if not (isinstance(source, str) and isinstance(member, str) and isinstance(sha256, str)):
        raise TypeError("the source, the member and its SHA-256 are texts")
    if type(offset) is not int or type(length) is not int or min(offset, length) < 0:
        raise ValueError("a slice begins at a byte and has a number of them")
    return Slice(source, member, sha256, offset, length)


def plain(value: object) -> Any:
    """Data as JSON has it: tuples become lists, the integer and string classes int and str. Errors: Unwritable.

    Facts and arguments are compared and written in this form. Bytes become hex, which the modules read as well.
    """
    match value:
        case None | bool():
            return value
        case int():
            return int(value)
        case float() if math.isfinite(value):
            return float(value)
        case str():
            return str(value)
        case bytes():
            return value.hex()
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case list() | tuple():
            return [plain(item) for item in value]
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case Secret() | Credential():
            raise Unwritable("a secret is never written")
    raise Unwritable(f"a {type(value).__name__} cannot be written")
