"""What a property must be, and what PowerShell's values are as properties of a state.

Two values are equal when their PowerShell texts are, in any case, as with -eq: `true` is True, `ntlm` is Ntlm, 5 is
"5"; lists are equal item by item, in order. What is equal is taken over in the spelling of the task, so that a host's
own spelling is no difference.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, field_validator
from pydantic_core import PydanticCustomError

from runner.model.secret import Secret
from runner.model.state import Property, same
from runner.model.value import EnumValue, PSObject, Value
from runner.modules.base import Impossible

Operator = Literal["equals", "contains", "at_least", "absent", "one_of"]
_WORDS = ("contains", "at_least", "absent", "one_of")
_VERSION = re.compile(r"\d{1,9}(\.\d{1,9})*")
_EXCHANGE_VERSION = re.compile(r"Version (\d{1,9}\.\d{1,9}) \(Build (\d{1,9}\.\d{1,9})\)")
_SEPARATOR = r"[,;\s]"  # between the items of a list that is one text


class Expectation(BaseModel):
    """One wish about one property."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    operator: Operator
    value: Any = None

    @field_validator("value")
    @classmethod
    def _lists_are_tuples(cls, value: Any) -> Any:
        """As they were before a plan document kept them."""
        return tuple(value) if isinstance(value, list) else value


class NotAProperty(Exception):
    """A value that has no text: it can be neither compared nor set again."""


def read_expectation(given: object) -> object:
    """An expectation as YAML gives it; one that was read already stays as it is."""
    if isinstance(given, Expectation):
        return given
    if isinstance(given, Mapping):
        return _operation(given)
    return Expectation(operator="absent") if given is None else Expectation(operator="equals", value=_literal(given))


def _operation(given: Mapping[Any, Any]) -> Expectation:
    if len(given) != 1 or next(iter(given)) not in _WORDS:
        raise _mistake(f"a value, a list, or one of {', '.join(f'{{{word}: ...}}' for word in _WORDS)} is wanted")
    ((word, value),) = given.items()
    if word == "absent":
        if value is not True:
            raise _mistake("absent takes nothing but true")
        return Expectation(operator="absent")
    wanted: Property = _literal(value)
    if word == "at_least" and _ordered(wanted) is None:
        raise _mistake("at_least takes a number or a version such as 15.1.2507")
    if word in ("contains", "one_of"):
        wanted = _many(wanted)
        if not wanted:
            raise _mistake(f"{word} takes at least one value")
    return Expectation(operator=word, value=wanted)


def _literal(value: object) -> Property:
    if isinstance(value, float):
        raise _mistake(f"{value} is a fraction: quote a version or a number with a point")
    if isinstance(value, (list, tuple)):
        return tuple(text_of(_literal(item)) for item in value)
    if isinstance(value, (bool, int, str)):
        return value
    raise _mistake(f"a text, a number, true, false or a list of them is wanted, not a {type(value).__name__}")


def property_of(value: Value) -> Property:
    """A PowerShell value as a property of a state. Errors: NotAProperty."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, EnumValue):
        return value.text or str(value.number)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bytes):
        return value
    if isinstance(value, tuple):
        return tuple(text_of(property_of(item)) for item in value)
    if isinstance(value, (float, datetime, timedelta)):
        return value.isoformat() if isinstance(value, datetime) else str(value)
    if isinstance(value, PSObject) and value.text is not None:
        return value.text
    raise NotAProperty("a secret" if isinstance(value, Secret) else "an object without a text")


def text_of(value: Property) -> str:
    """PowerShell's text of a value."""
    if isinstance(value, tuple):
        return " ".join(value)
    return "" if value is None else str(value)


def seen(expectation: Expectation, value: Property) -> Property:
    """The value as it is kept: in the spelling of the task where it is as wanted, empty as null where it must be."""
    wanted: Property = expectation.value
    match expectation.operator:
        case "absent":
            return None if text_of(value) == "" else value
        case "equals":
            return wanted if _equal(value, wanted) else value
        case "one_of":
            return next((choice for choice in _many(wanted) if _equal(value, choice)), value)
        case "contains" if isinstance(value, tuple):
            folded = {item.casefold() for item in value}
            names = {item.casefold() for item in _many(wanted)}
            others = tuple(item for item in value if item.casefold() not in names)
            return (*others, *(item for item in _many(wanted) if item.casefold() in folded))
    return value


def wish(name: str, expectation: Expectation, value: Property) -> Property | Impossible:
    """What the property, kept by `seen`, has to be; itself when it is as wanted."""
    wanted: Property = expectation.value
    match expectation.operator:
        case "absent":
            return None
        case "equals":
            return wanted
        case "one_of":
            return value if value in _many(wanted) else _many(wanted)[0]
        case "at_least":
            return _at_least(name, wanted, value)
    if isinstance(value, str):
        missing = [item for item in _many(wanted) if not _has_item(value, item)]
        reason = f"{name} is {value!r} and does not contain {', '.join(missing)}: say what it must be as a whole"
        return Impossible(reason) if missing else value
    if value is not None and not isinstance(value, tuple):
        return Impossible(f"{name} is {text_of(value)}, which is neither a list nor a text that could contain anything")
    return (*(item for item in value or () if item not in _many(wanted)), *_many(wanted))


def _at_least(name: str, bound: Property, value: Property) -> Property | Impossible:
    if value is None:
        return bound
    numbers, wanted = _ordered(value), _ordered(bound)
    if numbers is None or wanted is None:
        return Impossible(f"{name} is {text_of(value)!r}, which is neither a whole number nor a version")
    width = max(len(numbers), len(wanted))
    reached = [*numbers, *[0] * (width - len(numbers))] >= [*wanted, *[0] * (width - len(wanted))]
    return value if reached else bound


def _ordered(value: Property) -> list[int] | None:
    """The numbers of a whole number, of a text that is a version as a whole, or of one of Exchange's versions."""
    if isinstance(value, int) and not isinstance(value, bool):
        return [int(value)]
    if not isinstance(value, str):
        return None
    exchange = _EXCHANGE_VERSION.fullmatch(value)
    version = ".".join(exchange.groups()) if exchange else value
    return [int(part) for part in version.split(".")] if _VERSION.fullmatch(version) else None


def _has_item(text: str, item: str) -> bool:
    """Whether an item stands in a text as a whole, between commas, semicolons or white space."""
    pattern = rf"(?:^|{_SEPARATOR}){re.escape(item.casefold())}(?:$|{_SEPARATOR})"
    return re.search(pattern, text.casefold()) is not None


def met(name: str, expectation: Expectation, value: Value) -> bool:
    """Whether a PowerShell value is as wanted."""
    try:
        kept = seen(expectation, property_of(value))
    except NotAProperty:
        return False
    wanted = wish(name, expectation, kept)
    return not isinstance(wanted, Impossible) and same(kept, wanted)


def _many(value: Property) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (text_of(value),)


def _equal(value: Property, wanted: Property) -> bool:
    if isinstance(wanted, tuple):
        items = value if isinstance(value, tuple) else () if value is None else (text_of(value),)
        return [item.casefold() for item in items] == [item.casefold() for item in wanted]
    if value is None or isinstance(value, tuple):
        return False
    return text_of(value).casefold() == text_of(wanted).casefold()


def _mistake(message: str) -> PydanticCustomError:
    return PydanticCustomError("cmdlet_expectation", "{message}", {"message": message})
