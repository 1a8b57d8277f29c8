"""A machine's registry: an immutable tree, so that a thousand machines share what they have not changed.

Names keep their stored case and are found in any case. A write builds the path from the hive down to the changed key
anew and leaves everything else shared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal, TypeVar

from runner.lab.enums import RegistryValueKind

RegistryData = str | int | bytes | tuple[str, ...]
Denial = Literal["read", "write"]

HIVES = {
    "HKLM": "HKEY_LOCAL_MACHINE",
    "HKCU": "HKEY_CURRENT_USER",
    "HKU": "HKEY_USERS",
    "HKCR": "HKEY_CLASSES_ROOT",
}
_LONG_HIVES = {**{k.casefold(): v for k, v in HIVES.items()}, **{v.casefold(): v for v in HIVES.values()}}

T = TypeVar("T")
Change = Callable[["RegistryKey"], "RegistryKey"]


@dataclass(frozen=True, slots=True)
class RegistryValue:
    """One value; the unnamed one has the name "". DWORD and QWORD data are unsigned."""

    name: str
    kind: RegistryValueKind
    data: RegistryData


@dataclass(frozen=True, slots=True)
class RegistryKey:
    """One key with everything below it; both mappings are keyed by the case-folded name."""

    name: str
    values: Mapping[str, RegistryValue] = field(default_factory=lambda: MappingProxyType({}))
    subkeys: Mapping[str, RegistryKey] = field(default_factory=lambda: MappingProxyType({}))
    deny: Denial | None = None

    def value(self, name: str) -> RegistryValue | None:
        return self.values.get(name.casefold())

    def subkey(self, name: str) -> RegistryKey | None:
        return self.subkeys.get(name.casefold())


class AccessDenied(Exception):
    """The account may not read, or not write, the key at this path."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def split_path(path: str) -> tuple[str, ...]:
    r"""The parts of `HKLM\SOFTWARE\...` or `HKEY_LOCAL_MACHINE\SOFTWARE\...`, the hive first and in its long form.

    Raises KeyError for an unknown hive.
    """
    hive, *rest = path.split("\\")
    return (_LONG_HIVES[hive.casefold()], *(part for part in rest if part))


class Registry:
    """The registry of one machine."""

    def __init__(self, hives: Mapping[str, RegistryKey] | None = None) -> None:
        self._hives = dict(hives) if hives else {name: RegistryKey(name) for name in HIVES.values()}

    def copy(self) -> Registry:
        """An independent registry with the same content; costs nothing but the four hives."""
        return Registry(self._hives)

    def find(self, path: str) -> RegistryKey | None:
        """The key at a path, or None. An unknown hive is no key. Denials are not looked at."""
        try:
            hive, *rest = split_path(path)
        except KeyError:
            return None
        key: RegistryKey | None = self._hives[hive]
        for part in rest:
            if key is None:
                return None
            key = key.subkey(part)
        return key

    def read(self, path: str) -> RegistryKey | None:
        """The key at a path, or None. Raises AccessDenied if it, or a key above it, may not be read."""
        self._check(path, ("read",))
        return self.find(path)

    def create_key(self, path: str) -> None:
        """Make the key and those above it, where missing."""
        self._update(path, lambda key: key)

    def set_value(self, path: str, value: RegistryValue) -> None:
        """Set a value of an existing or new key; an existing value keeps its place and the case of its name."""

        def changed(key: RegistryKey) -> RegistryKey:
            folded = value.name.casefold()
            stored = key.values.get(folded)
            kept = replace(value, name=stored.name) if stored else value
            return replace(key, values=_with(key.values, folded, kept))

        self._update(path, changed)

    def remove_value(self, path: str, name: str) -> None:
        """Remove a value; one that is not there is no error."""
        self._update(path, lambda key: replace(key, values=_without(key.values, name.casefold())))

    def put_key(self, path: str, key: RegistryKey) -> None:
        """Put a whole key, with everything below it, at a path in place of what is there."""
        parent, _, name = path.rpartition("\\")
        placed = replace(key, name=name)
        self._update(parent, lambda above: replace(above, subkeys=_with(above.subkeys, name.casefold(), placed)))

    def remove_key(self, path: str) -> None:
        """Remove a key with everything below it; one that is not there is no error."""
        parent, _, name = path.rpartition("\\")
        self._update(parent, lambda above: replace(above, subkeys=_without(above.subkeys, name.casefold())))

    def deny(self, path: str, denial: Denial | None) -> None:
        """From now on the account may not read (nor write), or not write, this key and what is below it; None: may."""
        self._update(path, lambda key: replace(key, deny=denial))

    def check_write(self, path: str) -> None:
        """Raises AccessDenied if the key, or a key above it, may not be written."""
        self._check(path, ("read", "write"))

    def _check(self, path: str, denials: tuple[Denial, ...]) -> None:
        try:
            hive, *rest = split_path(path)
        except KeyError:
            return
        key: RegistryKey | None = self._hives[hive]
        for part in (*rest, None):
            if key is None:
                return
            if key.deny in denials:
                raise AccessDenied(path)
            key = key.subkey(part) if part is not None else None

    def _update(self, path: str, change: Change) -> None:
        hive, *rest = split_path(path)
        self._hives[hive] = _rebuilt(self._hives[hive], rest, change)


def _rebuilt(key: RegistryKey, below: list[str], change: Change) -> RegistryKey:
    if not below:
        return change(key)
    name, *rest = below
    subkey = key.subkey(name) or RegistryKey(name)
    return replace(key, subkeys=_with(key.subkeys, name.casefold(), _rebuilt(subkey, rest, change)))


def _with(items: Mapping[str, T], key: str, item: T) -> Mapping[str, T]:
    return MappingProxyType({**items, key: item})


def _without(items: Mapping[str, T], key: str) -> Mapping[str, T]:
    return MappingProxyType({k: v for k, v in items.items() if k != key})
