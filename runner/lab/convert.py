"""PowerShell's conversion of a value to a .NET type, as the parameter binder and the registry provider use it.

Rules: findings P3 to P6 of `groundtruth/pwsh76/README.md`, cases bind.* and reg-sip-*. All of it is invariant: a
number in a text has "." as decimal point, and "," between digits is ignored.
"""

from __future__ import annotations

import decimal
import re
from collections.abc import Callable

from psrpcore.types import (
    PSByte,
    PSDateTime,
    PSDecimal,
    PSDouble,
    PSDuration,
    PSEnumBase,
    PSInt,
    PSInt64,
    PSUInt,
    PSUInt64,
    PSUri,
    PSVersion,
)

from runner.lab.enums import ENUMS
from runner.lab.errors import Terminating, not_simulated
from runner.lab.module_versions import VERSION_FOLDER, ModuleSpecification
from runner.lab.signature import EXCHANGE_LISTS, EXCHANGE_TEXTS
from runner.lab.values import (
    FLOATS,
    INTEGERS,
    NUMBERS,
    OBJECT,
    ClrDict,
    ClrList,
    ClrObject,
    clr_type_of,
    is_true,
    to_text,
    type_names_of,
)

Integer = PSByte | PSInt | PSUInt | PSInt64 | PSUInt64


class ConversionError(Exception):
    """The value cannot be converted; the text is PowerShell's, as an inner part of a message."""


class ListToText(ConversionError):
    """A list was given for one text (finding P4), which compiled cmdlets report in a form of its own."""


INTEGER_TYPES: dict[str, tuple[type[Integer], str]] = {
    "System.Byte": (PSByte, "an unsigned byte"),
    "System.Int32": (PSInt, "an Int32"),
    "System.UInt32": (PSUInt, "a UInt32"),
    "System.Int64": (PSInt64, "an Int64"),
    "System.UInt64": (PSUInt64, "a UInt64"),
}
_ANYTHING = ("System.Object", "System.Management.Automation.PSObject")
_SPECIFICATION = "Microsoft.PowerShell.Commands.ModuleSpecification"
_SPECIFIED = frozenset({"modulename", "moduleversion", "requiredversion", "maximumversion", "guid"})
_SWITCH = "System.Management.Automation.SwitchParameter"
_NUMBER = re.compile(r"\s*(?:(?P<hex>[+-]?0x[0-9a-f]+)|(?P<dec>[+-]?(?:[\d,]+\.?\d*|\.\d+)(?:e[+-]?\d+)?))\s*", re.I)
_TIME_SPAN = re.compile(
    r"\s*(?P<sign>-?)(?:(?P<days>\d+)\.)?(?P<hours>\d\d?):(?P<minutes>\d\d?):(?P<seconds>\d\d?)"
    r"(?:\.(?P<fraction>\d{1,7}))?\s*"
)


def convert(value: object, type_name: str) -> object:
    """The value as an instance of the .NET type (full name, `[]` for an array). Raises ConversionError."""
    if type_name in _ANYTHING:
        return value
    if type_name.endswith("[]"):
        return _to_array(value, type_name)
    if type_name in INTEGER_TYPES:
        return to_integer(value, type_name)
    converter = _CONVERTERS.get(type_name)
    if converter is not None:
        return converter(value)
    if type_name in ENUMS:
        return _to_enum(value, ENUMS[type_name])
    return _same_type(value, type_name)


def is_convertible(type_name: str) -> bool:
    """Whether `convert` knows the type at all."""
    element = type_name.removesuffix("[]")
    return element in INTEGER_TYPES or element in _CONVERTERS or element in ENUMS or element in _ANYTHING


def to_integer(value: object, type_name: str) -> Integer:
    """The value as an integer of this type; null and "" are 0, fractions are rounded half to even."""
    integer_type, article = INTEGER_TYPES[type_name]
    if value is None:
        return integer_type(0)
    if isinstance(value, PSEnumBase):
        number = int(value)
    elif isinstance(value, (bool, *NUMBERS)):
        number = _rounded(value)
    elif isinstance(value, str):
        number = _parsed(value, type_name)
    else:
        raise _refused(value, type_name)
    if not integer_type.MinValue <= number <= integer_type.MaxValue:
        raise ConversionError(
            f'Cannot convert value "{to_text(value)}" to type "{type_name}". '
            f'Error: "Value was either too large or too small for {article}."'
        )
    return integer_type(number)


def to_byte_array(value: object) -> bytes:
    """The value as System.Byte[]: bytes, a list of 0..255, one such number, or nothing at all for null."""
    if value is None or isinstance(value, bytes):
        return value or b""
    if isinstance(value, str) and not value:
        return b""
    items = value.items if isinstance(value, ClrList) else [value]
    try:
        return bytes(int(to_integer(item, "System.Byte")) for item in items)
    except ConversionError as error:
        if isinstance(value, ClrList):
            text = f'Cannot convert value "{clr_type_of(value)}" to type "System.Byte[]". Error: "{error}"'
            raise ConversionError(text) from None
        raise


def _rounded(value: object) -> int:
    if isinstance(value, FLOATS):
        return round(float(value))
    if isinstance(value, PSDecimal):
        return int(decimal.Decimal(value).to_integral_value(decimal.ROUND_HALF_EVEN))
    return int(value)  # type: ignore[call-overload,no-any-return]


def _parsed(text: str, type_name: str) -> int:
    if not text:
        return 0
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ConversionError(
            f'Cannot convert value "{text}" to type "{type_name}". '
            f"Error: \"The input string '{text}' was not in a correct format.\""
        )
    if match["hex"]:
        return int(match["hex"], 16)
    return int(decimal.Decimal(match["dec"].replace(",", "")).to_integral_value(decimal.ROUND_HALF_EVEN))


def _to_array(value: object, type_name: str) -> object:
    if value is None:
        return None
    if type_name == "System.Byte[]":
        return to_byte_array(value)
    element = type_name.removesuffix("[]")
    items = value.items if isinstance(value, ClrList) else [value]
    if element == "System.String":
        texts: list[object] = [None if item is None else _to_string(item) for item in items]
        return ClrList(texts, (type_name, "System.Array", "System.Object"))
    return ClrList([convert(item, element) for item in items], (type_name, "System.Array", "System.Object"))


def _to_string(value: object) -> object:
    if isinstance(value, (ClrList, bytes)):
        raise ListToText("Specified method is not supported.")
    return to_text(value)


def _to_boolean(value: object) -> object:
    if isinstance(value, (bool, *NUMBERS)):
        return is_true(value)
    raise _refused(value, "System.Boolean")


def _to_switch(value: object) -> object:
    if value is None or isinstance(value, bool):
        return bool(value)
    raise _refused(value, _SWITCH)


def _to_dictionary(value: object) -> object:
    if value is None or isinstance(value, ClrDict):
        return value
    raise _refused(value, "System.Collections.IDictionary")


def _to_script_block(value: object) -> object:
    raise _refused(value, "System.Management.Automation.ScriptBlock")


def _to_date(value: object) -> object:
    if isinstance(value, PSDateTime):
        return value
    if isinstance(value, str):
        try:
            return PSDateTime.fromisoformat(value)
        except ValueError:
            raise ConversionError(
                f'Cannot convert value "{value}" to type "System.DateTime". '
                f"Error: \"String '{value}' was not recognized as a valid DateTime.\""
            ) from None
    raise _refused(value, "System.DateTime")


def _to_version(value: object) -> object:
    """Version.Parse of a text (import.required-prerelease)."""
    if value is None or isinstance(value, PSVersion):
        return value
    if not isinstance(value, str):
        raise Terminating(not_simulated(f"a {clr_type_of(value)} as a version"))
    parts = value.split(".", 3)
    wrong = next((part for part in parts if not part.strip().isdecimal()), None)
    if len(parts) == 1:
        reason = "Version string portion was too short or too long. (Parameter 'input')"
    elif wrong is not None:
        reason = f"The input string '{wrong}' was not in a correct format."
    else:
        return PSVersion(".".join(str(int(part)) for part in parts))
    raise ConversionError(f'Cannot convert value "{value}" to type "System.Version". Error: "{reason}"')


def _to_module_specification(value: object) -> object:
    """A name, or a hash table with a name and versions (pwsh76 getmodule.list-fqn)."""
    if isinstance(value, ClrObject) and _SPECIFICATION in type_names_of(value):
        return value
    if isinstance(value, str):
        return _specification(ModuleSpecification(value))
    if not isinstance(value, ClrDict):
        raise _refused(value, _SPECIFICATION)
    texts = {to_text(key).casefold(): to_text(item) for key, item in value.items.items()}
    wanted = ModuleSpecification(
        texts.get("modulename", ""),
        texts.get("requiredversion", ""),
        texts.get("moduleversion", ""),
        texts.get("maximumversion", ""),
        texts.get("guid", ""),
    )
    versions = [text for text in (wanted.required, wanted.minimum, wanted.maximum) if text]
    whole = wanted.name and versions and (not wanted.required or len(versions) == 1)
    if not whole or texts.keys() - _SPECIFIED or not all(VERSION_FOLDER.fullmatch(text) for text in versions):
        raise Terminating(not_simulated(f"the module specification @{{{'; '.join(sorted(texts))}}}"))
    return _specification(wanted)


def _specification(wanted: ModuleSpecification) -> ClrObject:
    return ClrObject((_SPECIFICATION, OBJECT), text=wanted.name, source=wanted)


def _to_double(value: object) -> object:
    if isinstance(value, (bool, *NUMBERS)):
        return PSDouble(float(value))
    if isinstance(value, str):
        match = _NUMBER.fullmatch(value)
        if match and match["dec"]:
            return PSDouble(float(match["dec"].replace(",", "")))
    raise _refused(value, "System.Double")


def _to_time_span(value: object) -> object:
    if isinstance(value, PSDuration):
        return value
    match = _TIME_SPAN.fullmatch(value) if isinstance(value, str) else None
    if match is not None:
        days, hours, minutes, seconds = (int(match[part] or 0) for part in ("days", "hours", "minutes", "seconds"))
        if hours < 24 and minutes < 60 and seconds < 60:
            ticks = int((match["fraction"] or "").ljust(7, "0"))
            sign = -1 if match["sign"] else 1
            return PSDuration(
                seconds=sign * (((days * 24 + hours) * 60 + minutes) * 60 + seconds), nanoseconds=sign * ticks * 100
            )
    raise _refused(value, "System.TimeSpan")


_CONVERTERS: dict[str, Callable[[object], object]] = {
    "System.String": _to_string,
    "System.Boolean": _to_boolean,
    _SWITCH: _to_switch,
    "System.Double": _to_double,
    "System.DateTime": _to_date,
    "System.TimeSpan": _to_time_span,
    "System.Uri": lambda value: value if value is None or isinstance(value, PSUri) else PSUri(to_text(value)),
    "System.Collections.IDictionary": _to_dictionary,
    "System.Management.Automation.ScriptBlock": _to_script_block,
    _SPECIFICATION: _to_module_specification,
    "System.Version": _to_version,
    **dict.fromkeys(EXCHANGE_TEXTS, _to_string),
    **dict.fromkeys(EXCHANGE_LISTS, lambda value: _to_array(value, "System.String[]")),
}


def _to_enum(value: object, enum_type: type[PSEnumBase]) -> PSEnumBase:
    """Finding P5: by unambiguous prefix in any case, by number, by numeric text; an undefined number is refused."""
    type_name = enum_type.PSObject.type_names[0]
    if isinstance(value, enum_type):
        return value
    if value is None:
        raise ConversionError(
            f'Cannot convert null to type "{type_name}" due to enumeration values that are not valid. Specify one of '
            f"the following enumeration values and try again. "
            f'The possible enumeration values are "{_members(enum_type)}".'
        )
    if isinstance(value, INTEGERS) or (isinstance(value, str) and re.fullmatch(r"\s*[+-]?\d+\s*", value)):
        for member in enum_type:
            if int(member) == int(value):
                return member
        raise _no_such_member(value, enum_type)
    if isinstance(value, str):
        folded = value.strip().casefold()
        named = {_spelled(name).casefold(): member for name, member in enum_type.__members__.items()}
        found = {named[folded]} if folded in named else {m for n, m in named.items() if folded and n.startswith(folded)}
        if len(found) == 1:
            return found.pop()
    raise _no_such_member(value, enum_type)


def _members(enum_type: type[PSEnumBase]) -> str:
    """All names, also a second one for the same number."""
    return ",".join(_spelled(name) for name in enum_type.__members__)


def _spelled(name: str) -> str:
    return "None" if name == "none" else name


def _no_such_member(value: object, enum_type: type[PSEnumBase]) -> ConversionError:
    type_name = enum_type.PSObject.type_names[0]
    return ConversionError(
        f'Cannot convert value "{to_text(value)}" to type "{type_name}". Error: "Unable to match the identifier name '
        f"{to_text(value)} to a valid enumerator name. Specify one of the following enumerator names and try "
        f'again:\r\n{_members(enum_type).replace(",", ", ")}"'
    )


def _same_type(value: object, type_name: str) -> object:
    if isinstance(value, ClrObject) and type_name in type_names_of(value):
        return value
    raise _refused(value, type_name)


def _refused(value: object, type_name: str) -> ConversionError:
    return ConversionError(
        f'Cannot convert the "{to_text(value) if not isinstance(value, (ClrList, bytes)) else clr_type_of(value)}" '
        f'value of type "{clr_type_of(value)}" to type "{type_name}".'
    )
