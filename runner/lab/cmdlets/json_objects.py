"""ConvertFrom-Json (cases seq.terminating-*, object.convertfrom-json).

PowerShell 7 reads numbers as Int64 or Double and texts that are ISO moments as DateTime; Windows PowerShell has another
reader (Int32, Decimal, no moments). Of malformed text only what is recorded is answered, all else is refused by name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, ClassVar

from psrpcore.types import ErrorCategory, PSDateTime, PSDouble, PSInt, PSInt64

from runner.lab.cmdlet import Cmdlet, Emit, Event, Session
from runner.lab.cmdlets.objects import ALL_SETS, UTILITY
from runner.lab.errors import Failure, Terminating, not_simulated
from runner.lab.signature import Traits
from runner.lab.values import OBJECT_ARRAY, ClrList, custom_object

_UNQUOTED_NAME = re.compile(r"\{\s*[A-Za-z_$][\w$]*$")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?$")


class ConvertFromJson(Cmdlet):
    """Texts are joined and read at the end, unless the first is a whole document already."""

    name = "ConvertFrom-Json"
    module = UTILITY
    type_name = "Microsoft.PowerShell.Commands.ConvertFromJsonCommand"
    syntax: ClassVar = {
        ALL_SETS: "[-InputObject] <String> [-AsHashtable@6.0] [-Depth@6.2 <Int32>] [-NoEnumerate@7.0] "
        "[-DateKind@7.5 <JsonDateKind>]"
    }
    traits: ClassVar = {"InputObject": Traits(pipeline="value", accepts_null=True)}
    unsimulated = frozenset({"AsHashtable", "Depth", "NoEnumerate", "DateKind"})

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._texts: list[str] = []

    def process(self) -> Iterator[Event]:
        self._texts.append(self.arguments.text("InputObject"))
        return iter(())

    def end(self) -> Iterator[Event]:
        if len(self._texts) > 1 and _is_document(self._texts[0]):
            for text in self._texts:
                yield from self._read(text)
        elif self._texts:
            yield from self._read("\n".join(self._texts))

    def _read(self, text: str) -> Iterator[Event]:
        try:
            read = json.loads(text, object_pairs_hook=_Pairs)
        except json.JSONDecodeError:
            raise Terminating(self._malformed(text)) from None
        value = self._value(read)
        items = value.items if isinstance(value, ClrList) and self.session.version >= (6, 0) else [value]
        yield from (Emit(item) for item in items)

    def _malformed(self, text: str) -> Failure:
        if not _UNQUOTED_NAME.fullmatch(text) or "\n" in text:
            return not_simulated("this malformed JSON")
        message = self.session.say("JsonUnquotedName", str(len(text)))
        return Failure("System.ArgumentException", ErrorCategory.NotSpecified, "ArgumentException", message)

    def _value(self, read: Any) -> object:
        if isinstance(read, _Pairs):
            names = [name.casefold() for name, _ in read]
            if len(set(names)) < len(names) or "" in names:
                raise Terminating(not_simulated("JSON with a name that is empty or occurs twice"))
            return custom_object({name: self._value(value) for name, value in read})
        if isinstance(read, list):
            return ClrList([self._value(item) for item in read], OBJECT_ARRAY)
        if isinstance(read, (int, float)) and not isinstance(read, bool):
            return self._number(read)
        core = self.session.version >= (6, 0)
        return PSDateTime.fromisoformat(read) if core and isinstance(read, str) and _MOMENT.match(read) else read

    def _number(self, read: int | float) -> object:
        core = self.session.version >= (6, 0)
        if isinstance(read, int) and core and PSInt64.MinValue <= read <= PSInt64.MaxValue:
            return PSInt64(read)
        if isinstance(read, int) and not core and PSInt.MinValue <= read <= PSInt.MaxValue:
            return PSInt(read)
        if isinstance(read, float) and core:
            return PSDouble(read)
        raise Terminating(not_simulated(f"the JSON number {read}"))


class _Pairs(list[tuple[str, Any]]):
    """The names and values of a JSON object."""


def _is_document(text: str) -> bool:
    try:
        json.loads(text)
    except json.JSONDecodeError:
        return False
    return True


COMMANDS: tuple[type[Cmdlet], ...] = (ConvertFromJson,)
