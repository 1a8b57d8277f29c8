"""Write-Output, Out-Null, Sort-Object and Measure-Object (findings O5, B11; cases object.sort-*, object.measure-*)."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from functools import cmp_to_key
from typing import ClassVar

from psrpcore.types import ErrorCategory, PSDouble, PSInt

from runner.lab.cmdlet import Cmdlet, Emit, Event, Report, Session
from runner.lab.cmdlets.compare import compare_values
from runner.lab.convert import ConversionError, convert
from runner.lab.errors import Failure, Terminating, not_simulated
from runner.lab.members import MISSING, get_property
from runner.lab.signature import Traits
from runner.lab.values import NUMBERS, OBJECT, ClrObject, enumerate_value, to_text

UTILITY = "Microsoft.PowerShell.Utility"
CORE = "Microsoft.PowerShell.Core"
ALL_SETS = "__AllParameterSets"


class WriteOutput(Cmdlet):
    name = "Write-Output"
    module = UTILITY
    type_name = "Microsoft.PowerShell.Commands.WriteOutputCommand"
    aliases = ("echo", "write")
    syntax: ClassVar = {ALL_SETS: "[-InputObject] <PSObject[]> [-NoEnumerate@4.0]"}
    traits: ClassVar = {"InputObject": Traits(pipeline="value", remaining=True, accepts_null=True)}

    def process(self) -> Iterator[Event]:
        value = self.arguments.get("InputObject")
        if self.arguments.flag("NoEnumerate"):
            yield Emit(value)
        else:
            yield from (Emit(item) for item in enumerate_value(value))


class OutNull(Cmdlet):
    name = "Out-Null"
    module = CORE
    type_name = "Microsoft.PowerShell.Commands.OutNullCommand"
    syntax: ClassVar = {ALL_SETS: "[-InputObject <PSObject>]"}
    traits: ClassVar = {"InputObject": Traits(pipeline="value")}


class SortObject(Cmdlet):
    name = "Sort-Object"
    module = UTILITY
    type_name = "Microsoft.PowerShell.Commands.SortObjectCommand"
    aliases = ("sort",)
    syntax: ClassVar = {
        "Default": "[[-Property] <Object[]>] [-InputObject <PSObject>] [-Culture <String>] [-CaseSensitive] "
        "[-Descending] [-Unique] [-Stable@6.1]",
        "Top@6.0": "[[-Property] <Object[]>] [-InputObject <PSObject>] [-Culture <String>] [-CaseSensitive] "
        "[-Descending] [-Unique] -Top <Int32>",
        "Bottom@6.0": "[[-Property] <Object[]>] [-InputObject <PSObject>] [-Culture <String>] [-CaseSensitive] "
        "[-Descending] [-Unique] -Bottom <Int32>",
    }
    traits: ClassVar = {"InputObject": Traits(pipeline="value")}
    default_set = "Default"
    unsimulated = frozenset({"Culture", "Top", "Bottom", "Stable"})

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._items: list[object] = []

    def process(self) -> Iterator[Event]:
        item = self.arguments.get("InputObject")
        if item is not None:
            self._items.append(item)
        return iter(())

    def end(self) -> Iterator[Event]:
        case_sensitive = self.arguments.flag("CaseSensitive")

        def compare(left: object, right: object) -> int:
            for one, other in zip(self._keys(left), self._keys(right), strict=True):
                order = compare_values(one, other, case_sensitive=case_sensitive)
                if order:
                    return -order if self.arguments.flag("Descending") else order
            return 0

        kept: list[object] = []
        for item in sorted(self._items, key=cmp_to_key(compare)):
            if not (self.arguments.flag("Unique") and kept and compare(kept[-1], item) == 0):
                kept.append(item)
        yield from (Emit(item) for item in kept)

    def _keys(self, item: object) -> list[object]:
        names = self.arguments.items("Property")
        if not names:
            return [item]
        if not all(isinstance(name, str) for name in names):
            raise Terminating(not_simulated("calculated properties of Sort-Object"))
        values = (get_property(item, to_text(name)) for name in names)
        return [None if value is MISSING else value for value in values]


class MeasureObject(Cmdlet):
    name = "Measure-Object"
    module = UTILITY
    type_name = "Microsoft.PowerShell.Commands.MeasureObjectCommand"
    aliases = ("measure",)
    syntax: ClassVar = {
        "GenericMeasure": "[[-Property] <String[]>] [-InputObject <PSObject>] [-Sum] [-Average] [-Maximum] [-Minimum] "
        "[-AllStats@6.0] [-StandardDeviation@6.0]",
        "TextMeasure": "[[-Property] <String[]>] [-InputObject <PSObject>] [-Line] [-Word] [-Character] "
        "[-IgnoreWhiteSpace]",
    }
    traits: ClassVar = {"InputObject": Traits(pipeline="value")}
    default_set = "GenericMeasure"
    unsimulated = frozenset({"IgnoreWhiteSpace"})

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._count = 0
        self._texts: list[str] = []
        self._numbers: list[float] = []
        self._found_property = False

    def process(self) -> Iterator[Event]:
        item = self.arguments.get("InputObject")
        if item is None:
            return
        names = self.arguments.texts("Property")
        if names:
            if len(names) > 1:
                raise Terminating(not_simulated("Measure-Object over several properties"))
            item = get_property(item, names[0])
            if item is MISSING:
                return
            self._found_property = True
        self._count += 1
        if self.parameter_set == "TextMeasure":
            self._texts.append(to_text(item))
        elif self._wants_numbers():
            number = _as_number(item)
            if number is None:
                message = self.session.say("NonNumericInputObject", to_text(item))
                category = ErrorCategory.InvalidType
                yield Report(Failure("NonNumericInputObject", category, "PSInvalidOperationException", message, item))
            else:
                self._numbers.append(number)

    def end(self) -> Iterator[Event]:
        names = self.arguments.texts("Property")
        if names and not self._found_property:
            return
        if self.parameter_set == "TextMeasure":
            yield Emit(self._measured_text(names[0] if names else None))
            return
        measured: dict[str, object] = {"Count": PSInt(self._count)}
        results = {
            "Average": self._statistic("Average", statistics.fmean),
            "Sum": self._sum(),
            "Maximum": self._statistic("Maximum", max),
            "Minimum": self._statistic("Minimum", min),
        }
        if self.session.version >= (6, 0):
            results["StandardDeviation"] = self._statistic("StandardDeviation", statistics.stdev, least=2)
        measured.update(results)
        measured["Property"] = names[0] if names else None
        names_of_type = (
            "Microsoft.PowerShell.Commands.GenericMeasureInfo",
            "Microsoft.PowerShell.Commands.MeasureInfo",
            OBJECT,
        )
        yield Emit(ClrObject(names_of_type, measured, {}, names_of_type[0]))

    def _measured_text(self, name: str | None) -> ClrObject:
        """Case object.measure-text; how the lines within one text are counted is not recorded."""
        if any("\n" in text or "\r" in text for text in self._texts):
            raise Terminating(not_simulated("Measure-Object of texts of several lines"))
        counts = {
            "Line": ("Lines", self._count),
            "Word": ("Words", sum(len(text.split()) for text in self._texts)),
            "Character": ("Characters", sum(len(text) for text in self._texts)),
        }
        measured: dict[str, object] = {
            shown: PSInt(count) if self.arguments.flag(flag) else None for flag, (shown, count) in counts.items()
        }
        type_name = "Microsoft.PowerShell.Commands.TextMeasureInfo"
        names = (type_name, "Microsoft.PowerShell.Commands.MeasureInfo", OBJECT)
        return ClrObject(names, {**measured, "Property": name}, {}, type_name)

    def _wants_numbers(self) -> bool:
        flags = ("Sum", "Average", "Maximum", "Minimum", "AllStats", "StandardDeviation")
        return any(self.arguments.flag(flag) for flag in flags)

    def _statistic(self, name: str, function: object, least: int = 1) -> object:
        wanted = self.arguments.flag(name) or self.arguments.flag("AllStats")
        if not wanted or len(self._numbers) < least or not callable(function):
            return None
        return PSDouble(function(self._numbers))

    def _sum(self) -> object:
        wanted = self.arguments.flag("Sum") or self.arguments.flag("AllStats")
        return PSDouble(sum(self._numbers)) if wanted and (self._numbers or not self._count) else None


def _as_number(item: object) -> float | None:
    if isinstance(item, (bool, *NUMBERS)):
        return float(item)
    try:
        number = convert(item, "System.Double") if isinstance(item, str) else None
    except ConversionError:
        return None
    return float(number) if isinstance(number, float) else None


COMMANDS: tuple[type[Cmdlet], ...] = (WriteOutput, OutNull, SortObject, MeasureObject)
