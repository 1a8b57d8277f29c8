"""Select-Object (findings O1 and O2, cases object.select-*)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import ClassVar

from psrpcore.types import ErrorCategory

from runner.lab.cmdlet import Cmdlet, Emit, Event, Report, Session, UpstreamEnough
from runner.lab.cmdlets.compare import compare_values
from runner.lab.cmdlets.objects import UTILITY
from runner.lab.errors import Failure, Terminating, not_simulated
from runner.lab.members import MISSING, find_property, get_property, properties_of
from runner.lab.signature import Traits
from runner.lab.values import (
    CUSTOM_OBJECT,
    DESERIALIZED,
    ClrDict,
    ClrObject,
    clr_type_of,
    enumerate_value,
    to_text,
)
from runner.lab.wildcard import compile_pattern, has_wildcards


class SelectObject(Cmdlet):
    name = "Select-Object"
    module = UTILITY
    type_name = "Microsoft.PowerShell.Commands.SelectObjectCommand"
    aliases = ("select",)
    syntax: ClassVar = {
        "DefaultParameter": "[[-Property] <Object[]>] [-InputObject <PSObject>] [-ExcludeProperty <String[]>] "
        "[-ExpandProperty <String>] [-Unique] [-CaseInsensitive@7.4] [-Last <Int32>] [-First <Int32>] "
        "[-Skip <Int32>] [-Wait]",
        "SkipLastParameter@5.0": "[[-Property] <Object[]>] [-InputObject <PSObject>] [-ExcludeProperty <String[]>] "
        "[-ExpandProperty <String>] [-Unique] [-CaseInsensitive@7.4] [-SkipLast <Int32>]",
        "IndexParameter": "[-InputObject <PSObject>] [-Unique] [-CaseInsensitive@7.4] [-Wait] [-Index <Int32[]>]",
        "SkipIndexParameter@7.4": "[-InputObject <PSObject>] [-Unique] [-CaseInsensitive] [-SkipIndex <Int32[]>]",
    }
    traits: ClassVar = {"InputObject": Traits(pipeline="value")}
    unsimulated = frozenset({"SkipIndex"})
    default_set = "DefaultParameter"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._seen = 0
        self._emitted = 0
        self._last: deque[object] = deque()
        self._unique: list[object] = []

    def process(self) -> Iterator[Event]:
        item = self.arguments.get("InputObject")
        if item is None and "InputObject" not in self.arguments:
            return
        index = self._seen
        self._seen += 1
        wanted = self.arguments.items("Index")
        if wanted:
            if index in (int(to_text(number)) for number in wanted):
                yield from self._select(item)
            return
        yield from self._window(item, index)

    def end(self) -> Iterator[Event]:
        last = self.arguments.number("Last")
        if last is not None:
            skip = (self.arguments.number("Skip") or 0) if self.arguments.number("First") is None else 0
            end = max(0, len(self._last) - skip)
            for item in list(self._last)[max(0, end - last) : end]:
                yield from self._select(item)
        if self.arguments.flag("Unique"):
            yield from (Emit(item) for item in self._unique)

    def _window(self, item: object, index: int) -> Iterator[Event]:
        """-First, -Last, -Skip and -SkipLast: which objects of the stream are selected at all."""
        first, last = self.arguments.number("First"), self.arguments.number("Last")
        skip, skip_last = self.arguments.number("Skip") or 0, self.arguments.number("SkipLast")
        if last is not None and first is None:
            self._last.append(item)
            return
        if index < skip:
            return
        if skip_last is not None:
            self._last.append(item)
            if len(self._last) > skip_last:
                yield from self._select(self._last.popleft())
        elif first is None:
            yield from self._select(item)
        elif self._emitted < first:
            self._emitted += 1
            yield from self._select(item)
            if self._emitted == first and last is None and not self.arguments.flag("Wait"):
                raise UpstreamEnough
        elif last is not None:
            self._last.append(item)

    def _select(self, item: object) -> Iterator[Event]:
        for event in self._projected(item):
            if isinstance(event, Emit) and self.arguments.flag("Unique"):
                self._remember(event.value)
            else:
                yield event

    def _remember(self, item: object) -> None:
        case_sensitive = not self.arguments.flag("CaseInsensitive")
        if not any(_same(known, item, case_sensitive=case_sensitive) for known in self._unique):
            self._unique.append(item)

    def _projected(self, item: object) -> Iterator[Event]:
        if "ExpandProperty" in self.arguments:
            yield from self._expanded(item)
        elif "Property" in self.arguments or self._excludes_alone():
            if item is not None:
                yield from self._picked(item)
        else:
            yield Emit(_marked_as_selected(item))

    def _excludes_alone(self) -> bool:
        return "ExcludeProperty" in self.arguments and self.session.version >= (6, 0)

    def _picked(self, item: object) -> Iterator[Event]:
        notes: dict[str, object] = {}
        for name, value in self._wanted(item):
            if name in notes:
                message = self.session.say("PropertyExists", name)
                yield Report(
                    Failure(
                        "AlreadyExistingUserSpecifiedPropertyNoExpand",
                        ErrorCategory.InvalidOperation,
                        "PSArgumentException",
                        message,
                        item,
                        target_type="PSObject",
                    )
                )
            else:
                notes[name] = value
        yield Emit(ClrObject((f"Selected.{clr_type_of(item)}", *CUSTOM_OBJECT), {}, notes))

    def _wanted(self, item: object) -> Iterator[tuple[str, object]]:
        """The selected properties in the order asked; a missing one is null, a pattern that matches nothing nothing."""
        excluded = [compile_pattern(pattern) for pattern in self.arguments.texts("ExcludeProperty") or ()]
        for wanted in self.arguments.items("Property") or ["*"]:
            found = _calculated(item, wanted) if isinstance(wanted, ClrDict) else _named(item, to_text(wanted))
            yield from (p for p in found if not any(pattern.fullmatch(p[0]) for pattern in excluded))

    def _expanded(self, item: object) -> Iterator[Event]:
        name = self.arguments.text("ExpandProperty")
        if has_wildcards(name):
            raise Terminating(not_simulated("-ExpandProperty with a pattern"))
        value = get_property(item, name)
        if value is MISSING:
            message = self.session.say("PropertyNotFound", name)
            category = ErrorCategory.InvalidArgument
            failure = Failure(
                "ExpandPropertyNotFound", category, "PSArgumentException", message, item, target_type="PSObject"
            )
            yield Report(failure)
        elif value is not None:
            yield from (Emit(self._with_picked(part, item)) for part in enumerate_value(value))

    def _with_picked(self, part: object, item: object) -> object:
        """An expanded value carries what -Property picks as notes (object.select-expand-with-property)."""
        if "Property" not in self.arguments:
            return part
        if not isinstance(part, ClrObject) or not part.is_custom:
            raise Terminating(not_simulated("-ExpandProperty with -Property on values that are no PSCustomObject"))
        notes = dict(self._wanted(item))
        if part.extended.keys() & notes.keys():
            raise Terminating(not_simulated("-ExpandProperty with a -Property that is there already"))
        names = (f"Selected.{clr_type_of(part)}", *part.type_names)
        return ClrObject(names, part.adapted, {**part.extended, **notes}, part.text, part.source)


def _named(item: object, name: str) -> list[tuple[str, object]]:
    if has_wildcards(name):
        pattern = compile_pattern(name)
        return [p for p in properties_of(item) if pattern.fullmatch(p[0])]
    return [find_property(item, name) or (name, None)]


def _calculated(item: object, wanted: ClrDict) -> list[tuple[str, object]]:
    """@{Name=...; Expression=...}, whose expression over PSRP is always the name or pattern of a property (P6)."""
    given = {to_text(key).casefold(): value for key, value in wanted.items.items()}
    names = [value for key, value in given.items() if key in ("name", "n", "label", "l")]
    expressions = [value for key, value in given.items() if key in ("expression", "e")]
    if len(names) != 1 or len(expressions) != 1 or len(given) != 2 or not isinstance(expressions[0], str):
        raise Terminating(not_simulated("this calculated property of Select-Object"))
    return [(to_text(names[0]), value) for _, value in _named(item, expressions[0])]


def _same(one: object, other: object, *, case_sensitive: bool) -> bool:
    if isinstance(one, ClrObject) and isinstance(other, ClrObject):
        mine, theirs = dict(properties_of(one)), dict(properties_of(other))
        return mine.keys() == theirs.keys() and all(
            _same(mine[name], theirs[name], case_sensitive=case_sensitive) for name in mine
        )
    return compare_values(one, other, case_sensitive=case_sensitive) == 0


def _marked_as_selected(item: object) -> object:
    """A PSCustomObject is called Selected.* even where none of its properties is picked (O1)."""
    if not isinstance(item, ClrObject) or not item.is_custom:
        return item
    name = item.type_names[0].removeprefix(DESERIALIZED)
    names = item.type_names if name.startswith("Selected.") else (f"Selected.{name}", *CUSTOM_OBJECT)
    return ClrObject(names, item.adapted, item.extended, item.text, item.source)


COMMANDS: tuple[type[Cmdlet], ...] = (SelectObject,)
