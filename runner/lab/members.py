"""Properties and methods of values, as Select-Object, Where-Object and ForEach-Object -MemberName find them.

Names are found in any case; what PowerShell adds to an object wins over what the object has. A dictionary's keys are
members (`pwsh76` object.select-on-hashtable, object.foreach-hashtable-key).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from psrpcore.types import PSEnumBase, PSInt, PSVersion

from runner.lab.convert import ConversionError, to_integer
from runner.lab.errors import Terminating, not_simulated
from runner.lab.values import ClrDict, ClrList, ClrObject, Unsimulated, clr_type_of, to_text


class _Missing(Enum):
    MISSING = "missing"


MISSING: Final = _Missing.MISSING
Method = Callable[[list[object]], object]


class MethodFailed(Exception):
    """A method raised an exception of this .NET type; the text is its message."""

    def __init__(self, message: str, exception: str = "Exception") -> None:
        super().__init__(message)
        self.exception = exception


class NoOverload(Exception):
    """The method does not take this number of arguments."""


@dataclass(frozen=True, slots=True)
class Pause:
    """What a method returns that waits: look again every so often, at most so long; then it fails."""

    interval: float
    limit: float
    is_over: Callable[[], bool]
    failure: str
    exception: str


class Void(Enum):
    """What a method without a result returns: nothing, not even null (`pwsh76` seq.void-method)."""

    VOID = "void"


def properties_of(value: object) -> Iterator[tuple[str, object]]:
    """All properties with their own spelling, in PowerShell's order: extended ones first."""
    if isinstance(value, ClrObject):
        yield from value.extended.items()
        yield from ((n, v) for n, v in value.adapted.items() if n not in value.extended)
    elif isinstance(value, ClrDict):
        yield from ((to_text(key), item) for key, item in value.items.items())
        yield "Count", PSInt(len(value.items))
    elif isinstance(value, ClrList):
        yield "Count", PSInt(len(value.items))
        yield "Length", PSInt(len(value.items))
    elif isinstance(value, (str, bytes)):
        yield "Length", PSInt(len(value))
    elif isinstance(value, PSVersion):
        for name in ("Major", "Minor", "Build", "Revision"):
            part = getattr(value, name.lower())
            yield name, PSInt(-1 if part is None else part)
    elif isinstance(value, PSEnumBase):
        yield "value__", PSInt(int(value))


def find_property(value: object, name: str) -> tuple[str, object] | None:
    """A property with its own spelling, or None. Raises Terminating for one that only the lab does not know."""
    found = _find(value, name)
    if found is not None and isinstance(found[1], Unsimulated):
        raise Terminating(not_simulated(f"the property {found[0]} of {clr_type_of(value)}"))
    return found


def _find(value: object, name: str) -> tuple[str, object] | None:
    if isinstance(value, ClrObject):
        for properties in (value.extended, value.adapted):
            if name in properties:
                return name, properties[name]
    folded = name.casefold()
    return next((found for found in properties_of(value) if found[0].casefold() == folded), None)


def is_wholly_known(value: object) -> bool:
    """Whether the lab knows all properties of a value, so that it can be sent as it is.

    Lists, dictionaries and PSCustomObjects are sent with all their levels, other objects with their own properties.
    """
    if isinstance(value, (ClrList, ClrDict)):
        items = value.items if isinstance(value, ClrList) else value.items.values()
        return all(is_wholly_known(item) for item in items)
    if not isinstance(value, ClrObject):
        return not isinstance(value, Unsimulated)
    inner = (*value.extended.values(), *value.adapted.values())
    if value.is_custom:
        return all(is_wholly_known(item) for item in inner)
    return not any(isinstance(item, Unsimulated) for item in inner)


def get_property(value: object, name: str) -> object:
    """The value of a property, or MISSING."""
    found = find_property(value, name)
    return found[1] if found else MISSING


def find_method(value: object, name: str) -> Method | None:
    """A method of a text, an enumeration or a list; None if the lab knows none of this name."""
    folded = name.casefold()
    if folded == "tostring":
        return _without_arguments(lambda: to_text(value))
    if isinstance(value, str):
        known = _TEXT_METHODS.get(folded)
        return (lambda arguments: known(value, arguments)) if known else None
    if isinstance(value, ClrList) and folded == "clear":
        return _without_arguments(lambda: Void.VOID)
    return None


def _exactly(arguments: list[object], count: int) -> None:
    if len(arguments) != count:
        raise NoOverload


def _without_arguments(function: Callable[[], object]) -> Method:
    def method(arguments: list[object]) -> object:
        _exactly(arguments, 0)
        return function()

    return method


def _no_arguments(function: Callable[[str], object]) -> Callable[[str, list[object]], object]:
    def method(text: str, arguments: list[object]) -> object:
        _exactly(arguments, 0)
        return function(text)

    return method


def _replace(text: str, arguments: list[object]) -> object:
    _exactly(arguments, 2)
    return text.replace(to_text(arguments[0]), to_text(arguments[1]))


def _substring(text: str, arguments: list[object]) -> object:
    if len(arguments) not in (1, 2):
        raise NoOverload
    try:
        start, *length = (int(to_integer(argument, "System.Int32")) for argument in arguments)
    except ConversionError as error:
        raise MethodFailed(str(error)) from None
    if start > len(text):
        raise MethodFailed("startIndex cannot be larger than length of string. (Parameter 'startIndex')")
    return text[start : start + length[0]] if length else text[start:]


def _test(function: Callable[[str, str], bool]) -> Callable[[str, list[object]], object]:
    def method(text: str, arguments: list[object]) -> object:
        _exactly(arguments, 1)
        return function(text, to_text(arguments[0]))

    return method


_TEXT_METHODS: dict[str, Callable[[str, list[object]], object]] = {
    "toupper": _no_arguments(str.upper),
    "tolower": _no_arguments(str.lower),
    "trim": _no_arguments(str.strip),
    "replace": _replace,
    "substring": _substring,
    "startswith": _test(str.startswith),
    "endswith": _test(str.endswith),
    "contains": _test(lambda text, part: part in text),
}
