"""PowerShell's comparison of two values, as Where-Object and Sort-Object use it: by the type of the left one."""

from __future__ import annotations

import re
from collections.abc import Callable

from psrpcore.types import PSDateTime, PSEnumBase, PSVersion

from runner.lab.convert import ConversionError, convert
from runner.lab.errors import Terminating, not_simulated
from runner.lab.signature import Version
from runner.lab.values import NUMBERS, ClrList, clr_type_of, to_text
from runner.lab.wildcard import compile_pattern


class NotComparable(Exception):
    """The right value cannot be converted to the type of the left one; the text is PowerShell's."""


class BadPattern(Exception):
    """A regular expression is not one; the text is .NET's reason, to be put into a sentence by `sentence`."""

    def __init__(self, pattern: str, reason: str) -> None:
        super().__init__(reason)
        self.pattern = pattern

    def sentence(self, version: Version) -> str:
        """What the exception of .NET says, or of .NET Framework before PowerShell 6."""
        if version < (6, 0):
            return f'parsing "{self.pattern}" - {self}'
        return f"Invalid pattern '{self.pattern}' at offset {len(self.pattern)}. {self}"


# Python's reasons for which .NET has one of its own that it, too, finds at the end of the pattern.
_AT_THE_END = {
    "missing ), unterminated subpattern": "Not enough )'s.",
    "unterminated character set": "Unterminated [] set.",
}


def compare_values(left: object, right: object, *, case_sensitive: bool) -> int:
    """Negative, 0 or positive; values that cannot be compared as numbers are compared as texts. null comes first."""
    if left is None or right is None:
        return (left is not None) - (right is not None)
    if isinstance(left, NUMBERS) and isinstance(right, NUMBERS) and not isinstance(left, PSEnumBase):
        return (float(left) > float(right)) - (float(left) < float(right))
    one, other = to_text(left), to_text(right)
    if not case_sensitive:
        one, other = one.casefold(), other.casefold()
    return (one > other) - (one < other)


def equal_values(left: object, right: object, *, case_sensitive: bool) -> bool:
    """PowerShell's -eq of two single values; a right value that does not convert is not equal."""
    if left is None or right is None:
        return left is right
    try:
        return _order(left, right, case_sensitive=case_sensitive) == 0
    except NotComparable:
        return False


def _order(left: object, right: object, *, case_sensitive: bool) -> int:
    if isinstance(left, str) or right is None:
        return compare_values(str(left), to_text(right), case_sensitive=case_sensitive)
    if isinstance(left, PSEnumBase):
        return _enum_order(left, right)
    if isinstance(left, bool):
        return int(left) - int(bool(right))
    if isinstance(left, (*NUMBERS, PSDateTime, PSVersion)):
        return _typed_order(left, right)
    return compare_values(to_text(left), to_text(right), case_sensitive=case_sensitive)


def _enum_order(left: PSEnumBase, right: object) -> int:
    try:
        member = convert(right, left.PSObject.type_names[0])
    except ConversionError as error:
        raise NotComparable(str(error)) from None
    return int(left) - int(member) if isinstance(member, PSEnumBase) else -1


def _typed_order(left: object, right: object) -> int:
    try:
        if isinstance(left, PSVersion):
            converted: object = PSVersion(to_text(right))
        elif isinstance(left, PSDateTime):
            converted = convert(right, "System.DateTime")
        elif isinstance(right, NUMBERS):
            converted = right
        else:
            converted = convert(right, clr_type_of(left))
    except (ConversionError, ValueError) as error:
        raise NotComparable(str(error)) from None
    if isinstance(left, NUMBERS):
        other = float(converted)  # type: ignore[arg-type]
        return (float(left) > other) - (float(left) < other)
    return int(left > converted) - int(left < converted)  # type: ignore[operator]


def like(left: object, right: object, *, case_sensitive: bool) -> bool:
    """PowerShell's -like of two single values."""
    return compile_pattern(to_text(right), case_sensitive=case_sensitive).fullmatch(to_text(left)) is not None


def match(left: object, right: object, *, case_sensitive: bool) -> bool:
    """PowerShell's -match of two single values. Raises BadPattern; Terminating where .NET's reason is not known."""
    text = to_text(right)
    if "(?P" in text:  # only Python knows it
        raise Terminating(not_simulated(f"the regular expression {text}"))
    try:
        pattern = re.compile(text, re.NOFLAG if case_sensitive else re.IGNORECASE)
    except re.error as error:
        reason = _AT_THE_END.get(error.msg)
        if reason is None:
            raise Terminating(not_simulated(f"the regular expression {text}")) from None
        raise BadPattern(text, reason) from None
    return pattern.search(to_text(left)) is not None


def contains(left: object, right: object, *, case_sensitive: bool) -> bool:
    """PowerShell's -contains: whether one element of the left value equals the right one."""
    items = left.items if isinstance(left, ClrList) else [left]
    return any(equal_values(item, right, case_sensitive=case_sensitive) for item in items)


def is_in(left: object, right: object, *, case_sensitive: bool) -> bool:
    """PowerShell's -in."""
    return contains(right, left, case_sensitive=case_sensitive)


Comparison = Callable[[object, object, bool], bool]


def _ordered(test: Callable[[int], bool]) -> Comparison:
    def comparison(left: object, right: object, case_sensitive: bool) -> bool:
        if left is None:
            return test(-1 if right is not None else 0)
        return test(_order(left, right, case_sensitive=case_sensitive))

    return comparison


def _keyword(function: Callable[..., bool]) -> Comparison:
    return lambda left, right, case_sensitive: function(left, right, case_sensitive=case_sensitive)


COMPARISONS: dict[str, Comparison] = {
    "EQ": _keyword(equal_values),
    "GT": _ordered(lambda order: order > 0),
    "GE": _ordered(lambda order: order >= 0),
    "LT": _ordered(lambda order: order < 0),
    "LE": _ordered(lambda order: order <= 0),
    "Like": _keyword(like),
    "Match": _keyword(match),
    "Contains": _keyword(contains),
    "In": _keyword(is_in),
}
NEGATIONS = {"NE": "EQ", "NotLike": "Like", "NotMatch": "Match", "NotContains": "Contains", "NotIn": "In"}
