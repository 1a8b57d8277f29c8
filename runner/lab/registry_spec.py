"""Registry keys and values as a scenario writes them down, and what is made of them.

The notation is described at `MachineSpec` (spec.py); facts of the registry itself are in registry.py.
"""

from __future__ import annotations

import re
from typing import Literal

from runner.lab.enums import RegistryValueKind
from runner.lab.registry import HIVES, Registry, RegistryData, RegistryValue, split_path

KindWord = Literal["sz", "expand_sz", "multi_sz", "binary", "dword", "qword", "none"]
ValueSpec = dict[KindWord, int | str | list[str] | list[int]] | int | str | list[str] | None
RegistrySpec = dict[str, dict[str, ValueSpec] | None]

_KINDS: dict[str, RegistryValueKind] = {
    "sz": RegistryValueKind.String,
    "expand_sz": RegistryValueKind.ExpandString,
    "multi_sz": RegistryValueKind.MultiString,
    "binary": RegistryValueKind.Binary,
    "dword": RegistryValueKind.DWord,
    "qword": RegistryValueKind.QWord,
    "none": RegistryValueKind.none,
}
_BYTES = re.compile(r"(?:[0-9a-f]{2})(?:[ ,]?[0-9a-f]{2})*|", re.IGNORECASE)


def long_path(path: str) -> str:
    """The path with its hive's long name, as the log of changes has it. Raises ValueError for an unknown hive."""
    check_path(path)
    return "\\".join(split_path(path))


def check_path(path: str) -> None:
    """Raises ValueError for a path of no hive that the lab has."""
    try:
        split_path(path)
    except KeyError:
        raise ValueError(f"{path}: a registry path begins with one of {', '.join(HIVES)}") from None


def check_registry(registry: RegistrySpec) -> None:
    """Raises ValueError that names the first path or value that cannot be."""
    for path, values in registry.items():
        check_path(path)
        for name, value in (values or {}).items():
            if value is not None:
                try:
                    registry_value(name, value)
                except ValueError as error:
                    raise ValueError(f"{path}, value {name}: {error}") from None


def apply_registry(registry: Registry, spec: RegistrySpec) -> None:
    """Makes and removes keys and values as the spec, which has been checked, says."""
    for path, values in spec.items():
        if values is None:
            registry.remove_key(path)
            continue
        registry.create_key(path)
        for name, value in values.items():
            if value is None:
                registry.remove_value(path, "" if name == "(default)" else name)
            else:
                registry.set_value(path, registry_value(name, value))


def registry_value(name: str, spec: ValueSpec) -> RegistryValue:
    """The registry value that a scenario writes down; ValueError says what is wrong with it."""
    stored = "" if name == "(default)" else name
    if isinstance(spec, dict):
        if len(spec) != 1:
            raise ValueError("exactly one kind is wanted, e.g. {dword: 1}")
        word, data = next(iter(spec.items()))
        return RegistryValue(stored, _KINDS[word], _data(word, data))
    if isinstance(spec, list):
        return RegistryValue(stored, RegistryValueKind.MultiString, _data("multi_sz", spec))
    word = "dword" if isinstance(spec, int) else "sz"
    return RegistryValue(stored, _KINDS[word], _data(word, spec))


def _data(word: str, data: object) -> RegistryData:
    if word in ("dword", "qword"):
        bits = 32 if word == "dword" else 64
        if isinstance(data, bool) or not isinstance(data, int) or not -(1 << (bits - 1)) <= data < (1 << bits):
            raise ValueError(f"{word} takes an integer of {bits} bits, not {data!r}")
        return data % (1 << bits)
    if word == "multi_sz" and isinstance(data, list) and all(isinstance(item, str) for item in data):
        return tuple(str(item) for item in data)
    if word in ("binary", "none"):
        return _bytes(word, data)
    if word in ("sz", "expand_sz") and isinstance(data, str):
        return data
    raise ValueError(f"{word} does not take {data!r}")


def _bytes(word: str, data: object) -> bytes:
    if isinstance(data, list) and all(isinstance(item, int) and 0 <= item <= 255 for item in data):
        return bytes(int(item) for item in data)
    if isinstance(data, str) and _BYTES.fullmatch(data):
        return bytes.fromhex(data.replace(",", " "))
    raise ValueError(f"{word} takes bytes as hexadecimal text (quoted) or a list of 0 to 255, not {data!r}")
