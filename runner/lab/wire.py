"""The border between the lab's values and psrpcore's: what the client sent, and what it is sent.

The rules are findings P6 (what the server makes of types), X1-X3 and X2 (depth) of `groundtruth/pwsh76/README.md`:
PSCustomObjects, dictionaries and lists keep all their levels; any other object keeps one level of its own properties,
and an object inside those is its text.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import queue
from collections.abc import Iterable, Mapping
from typing import Any

from psrpcore.types import (
    ErrorRecord,
    PSDateTime,
    PSDecimal,
    PSDict,
    PSDouble,
    PSDuration,
    PSIEnumerable,
    PSInt,
    PSInt64,
    PSList,
    PSNoteProperty,
    PSObject,
    PSStack,
    PSString,
)

from runner.lab.values import (
    ARRAY_LIST,
    CUSTOM_OBJECT,
    DESERIALIZED,
    ENUMERATIONS,
    HASHTABLE,
    ClrDict,
    ClrList,
    ClrObject,
    NotedText,
    TypeNames,
    to_text,
)

_REHYDRATED = "System.Management.Automation.PSPrimitiveDictionary"  # comes as what it was sent as
_CREDENTIAL = "System.Management.Automation.PSCredential"
_STRINGS_WITH_OWN_TAG = ("PSUri", "PSXml")


def from_wire(value: Any) -> object:
    """The lab's value for one that psrpcore deserialised."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, enum.Enum):
        return PSInt(int(value.value))
    if isinstance(value, str):
        return value if type(value).__name__ in _STRINGS_WITH_OWN_TAG else str.__str__(value)
    if isinstance(value, bytes):
        return bytes(value)
    if isinstance(value, Mapping):
        pairs = {from_wire(key): from_wire(item) for key, item in value.items()}
        return ClrDict(pairs, _deserialized(value, HASHTABLE))
    if isinstance(value, (list, PSIEnumerable, PSStack)):
        return ClrList([from_wire(item) for item in value], _deserialized(value, ARRAY_LIST))
    if isinstance(value, queue.Queue):
        return ClrList([from_wire(item) for item in value.queue], _deserialized(value, ARRAY_LIST))
    return _scalar_from_wire(value)


def _scalar_from_wire(value: Any) -> object:
    if type(value) is int:
        return PSInt64(value) if abs(value) > PSInt.MaxValue else PSInt(value)
    if type(value) is float:
        return PSDouble(value)
    if type(value) is decimal.Decimal:
        return PSDecimal(value)
    if type(value) is datetime.datetime:
        return PSDateTime(value)
    if type(value) is datetime.timedelta:
        return PSDuration(value)
    if type(value) is PSObject or type(value).__name__ in ("PSCustomObject", "PSCredential"):
        return _object_from_wire(value)
    return value


def _object_from_wire(value: PSObject) -> ClrObject:
    meta = value.PSObject
    adapted = {p.name: from_wire(p.get_value(value)) for p in meta.adapted_properties}
    extended = {p.name: from_wire(p.get_value(value)) for p in meta.extended_properties}
    names = _deserialized(value, ("System.Object",)) if meta.type_names else CUSTOM_OBJECT
    return ClrObject(names, adapted, extended, meta.to_string)


def _deserialized(value: object, default: TypeNames) -> TypeNames:
    meta = getattr(value, "PSObject", None)
    names = tuple(meta.type_names) if meta is not None and meta.type_names else default
    if names[0] == _REHYDRATED:
        return names
    return tuple(n if n.startswith(DESERIALIZED) else DESERIALIZED + n for n in names)


def to_wire(value: object) -> Any:
    """What psrpcore serialises for one value of the lab, written as a pipeline object."""
    return _Writer().write(value)


def to_wire_without_scripts(value: object) -> Any:
    """The same as the engine writes it where no script can run.

    That is so on the thread that writes the reason of a final state: script properties are left out, and a ToString
    that is a script is not called (cases reg-kind-missing-stop, svc-start-disabled-stop).
    """
    return _ScriptlessWriter().write(value)


class _Writer:
    """Writes one message; an object that occurs twice in it becomes one psrpcore object (and so a CLIXML Ref)."""

    def __init__(self) -> None:
        self._written: dict[int, Any] = {}

    def write(self, value: object) -> Any:
        if isinstance(value, NotedText):
            return self._noted(value)
        if not isinstance(value, (ClrObject, ClrList, ClrDict)):
            return value
        known = self._written.get(id(value))
        if known is None:
            known = self._composed(value)
        return known

    def _noted(self, value: NotedText) -> Any:
        written = PSString(str(value))
        written.PSObject.extended_properties = [_note(n, self.write(v), written) for n, v in value.notes.items()]
        return written

    def _composed(self, value: ClrObject | ClrList | ClrDict) -> Any:
        if isinstance(value, ClrObject) and isinstance(value.source, ErrorRecord):
            return value.source
        if isinstance(value, ClrList):
            items = PSList()
            self._written[id(value)] = items
            items.extend(self.write(item) for item in value.items)
            items.PSObject.type_names = list(value.type_names)
            return items
        if isinstance(value, ClrDict):
            pairs = PSDict()
            self._written[id(value)] = pairs
            pairs.update({self.write(key): self.write(item) for key, item in value.items.items()})
            pairs.PSObject.type_names = list(value.type_names)
            return pairs
        return self._object(value)

    def _object(self, value: ClrObject) -> Any:
        written = PSObject()
        self._written[id(value)] = written
        meta = written.PSObject
        meta.type_names = list(value.type_names)
        meta.adapted_properties = [_note(n, self._flat(v), written) for n, v in value.adapted.items()]
        meta.extended_properties = [_note(n, self.write(v), written) for n, v in self._extended(value)]
        text = self._text(value)
        if text is not None:
            meta.to_string = text
        return written

    def _extended(self, value: ClrObject) -> Iterable[tuple[str, object]]:
        return value.extended.items()

    def _text(self, value: ClrObject) -> str | None:
        return value.text

    def _flat(self, value: object) -> Any:
        """A value one level down: an object or an enumeration is only its text, lists and dictionaries keep those."""
        if isinstance(value, ClrList):
            known = self._written.get(id(value))
            if known is None:
                known = PSList([self._flat(item) for item in value.items])
                known.PSObject.type_names = list(value.type_names)
                self._written[id(value)] = known
            return known
        if isinstance(value, ClrDict):
            pairs = PSDict({self.write(key): self._flat(item) for key, item in value.items.items()})
            pairs.PSObject.type_names = list(value.type_names)
            return pairs
        if isinstance(value, ClrObject) and not value.is_custom and value.type_names[0] != _CREDENTIAL:
            return self._written.get(id(value), self._text(value) or to_text(value))
        return to_text(value) if isinstance(value, ENUMERATIONS) else self.write(value)


class _ScriptlessWriter(_Writer):
    def _extended(self, value: ClrObject) -> Iterable[tuple[str, object]]:
        return ((name, item) for name, item in value.extended.items() if name not in value.scripted)

    def _text(self, value: ClrObject) -> str | None:
        return value.own_text or value.text


def _note(name: str, value: Any, owner: PSObject) -> PSNoteProperty:
    note = PSNoteProperty(name)
    note.set_value(value, owner)
    return note
