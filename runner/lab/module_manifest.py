"""Module manifests (.psd1): one hash table of constants, read from text with the grammar of `script.py`, and written.

Field names are PowerShell's own (about_Module_Manifests) and differ by neither case nor order.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from runner.lab.module_versions import VERSION_FOLDER, ModuleSpecification
from runner.lab.script import parse
from runner.lab.script_grammar import parsed
from runner.lab.syntax import ArrayOf, Expression, Items, Literal, ParseError, Pipe, Statement, Table, Unsupported

ManifestValue = object  # text, number, truth, None, a tuple of values or a mapping of names to values


class BrokenManifest(Exception):
    """The text is no hash table of constants, or lacks a version."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest says; `fields` are keyed by case-folded name."""

    fields: Mapping[str, ManifestValue]

    def get(self, name: str) -> ManifestValue:
        return self.fields.get(name.casefold())

    def text(self, name: str) -> str:
        """A field as text; "" where it is missing."""
        value = self.get(name)
        return "" if value is None else str(value)

    def texts(self, name: str) -> tuple[str, ...] | None:
        """A field that is one text or a list of them; None where it is missing."""
        return as_texts(self.get(name))

    @property
    def version(self) -> str:
        return self.text("ModuleVersion")

    @property
    def label(self) -> str:
        """The prerelease label ("preview1"), which is no part of the version; "" for a release."""
        return str(self.gallery_data("Prerelease") or "").removeprefix("-")

    @property
    def root(self) -> str:
        """The file name of the root module; "" where the manifest names none."""
        return self.text("RootModule") or self.text("ModuleToProcess")

    def gallery_data(self, name: str) -> ManifestValue:
        """What PrivateData.PSData says under a name; None where it says nothing."""
        private = self.get("PrivateData")
        data = _entry(private, "PSData") if isinstance(private, Mapping) else None
        return _entry(data, name) if isinstance(data, Mapping) else None

    def requirements(self) -> tuple[ModuleSpecification, ...]:
        """RequiredModules."""
        wanted = self.get("RequiredModules")
        items = wanted if isinstance(wanted, tuple) else () if wanted is None else (wanted,)
        return tuple(_requirement(item) for item in items)


def as_texts(value: ManifestValue) -> tuple[str, ...] | None:
    """One text or a list of them as a list; None for nothing."""
    if value is None:
        return None
    return tuple(str(item) for item in value) if isinstance(value, tuple) else (str(value),)


def _entry(table: Mapping[str, ManifestValue], name: str) -> ManifestValue:
    return next((value for key, value in table.items() if key.casefold() == name.casefold()), None)


def _requirement(item: ManifestValue) -> ModuleSpecification:
    if not isinstance(item, Mapping):
        return ModuleSpecification(str(item))
    texts = {key.casefold(): str(value) for key, value in item.items()}
    return ModuleSpecification(
        texts.get("modulename", ""),
        texts.get("requiredversion", ""),
        texts.get("moduleversion", ""),
        texts.get("maximumversion", ""),
        texts.get("guid", ""),
    )


@functools.lru_cache(maxsize=256)
def read_manifest(data: bytes) -> Manifest:
    """What a .psd1 file says.

    Raises BrokenManifest, or Unsupported for one that computes its values (which only the lab cannot read).
    """
    text = data.decode("utf-8-sig", "replace")
    if not _is_powershell(text):
        raise BrokenManifest("it is no PowerShell")
    table = _constant_of(parse(text))
    if not isinstance(table, Mapping):
        raise BrokenManifest("a hash table is wanted")
    manifest = Manifest(MappingProxyType({key.casefold(): value for key, value in table.items()}))
    if not VERSION_FOLDER.fullmatch(manifest.version):
        raise BrokenManifest("ModuleVersion is missing")
    return manifest


def _is_powershell(text: str) -> bool:
    try:
        root = parsed(text)
    except (ParseError, Unsupported):
        return False
    return root is not None and not root.has_error


def _constant_of(statements: tuple[Statement, ...]) -> ManifestValue:
    """The one value that statements write. Raises BrokenManifest, Unsupported."""
    values = [_pipe_value(statement) for statement in statements]
    if len(values) != 1:
        raise BrokenManifest("one hash table is wanted")
    return values[0]


def _pipe_value(statement: Statement) -> ManifestValue:
    match statement:
        case Pipe((element,)) if isinstance(element, (Literal, Items, ArrayOf, Table)):
            return _value(element)
    raise Unsupported("a module manifest that computes its values")


def _value(expression: Expression) -> ManifestValue:
    match expression:
        case Literal(value):
            return value
        case Items(items):
            return tuple(_value(item) for item in items)
        case ArrayOf(body):
            return _flat([_pipe_value(statement) for statement in body])
        case Table(pairs):
            return MappingProxyType({str(_value(key)): _value(value) for key, value in pairs})
    raise Unsupported("a module manifest that computes its values")


def _flat(written: list[ManifestValue]) -> tuple[ManifestValue, ...]:
    """@( ): what the statements write, lists among it element by element."""
    return tuple(item for value in written for item in (value if isinstance(value, tuple) else (value,)))


def write_manifest(fields: Mapping[str, ManifestValue]) -> str:
    """The text of a .psd1 file with these fields."""
    return _written(fields, "") + "\r\n"


def _written(value: ManifestValue, indent: str) -> str:
    if isinstance(value, Mapping):
        inner = f"{indent}    "
        lines = [f"{inner}{_key(name)} = {_written(item, inner)}\r\n" for name, item in value.items()]
        return "@{\r\n" + "".join(lines) + indent + "}"
    if isinstance(value, (tuple, list)):
        return "@(" + ", ".join(_written(item, indent) for item in value) + ")"
    if value is None or isinstance(value, bool):
        return "$null" if value is None else f"${str(value).lower()}"
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_]\w*", name) else "'" + name.replace("'", "''") + "'"
