"""Whether a value that we send binds to a parameter's type (pwsh76/README.md, findings P3 to P6).

Stricter than the engine where the engine guesses: a Boolean, bytes or a list for a text is a mistake, a number for an
enumeration as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from runner.model.secret import Secret
from runner.model.value import Credential, EnumValue, PSObject, Value, Version
from tests.profiles.shape import ParameterProfile

_ENUMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {  # what no profile lists (traps 6 and 8): documentation of .NET and about_Preference_Variables
        "ActionPreference": ("SilentlyContinue", "Stop", "Continue", "Inquire", "Ignore"),
        "RegistryValueKind": (
            *("String", "ExpandString", "Binary", "DWord", "MultiString", "QWord", "Unknown"),
            "None",  # reg-sip-none
        ),
    }
)
_INTEGERS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "Byte": (0, 2**8 - 1),
        "Int16": (-(2**15), 2**15 - 1),
        "UInt16": (0, 2**16 - 1),
        "Int32": (-(2**31), 2**31 - 1),
        "UInt32": (0, 2**32 - 1),
        "Int64": (-(2**63), 2**63 - 1),
        "UInt64": (0, 2**64 - 1),
    }
)
_ANYTHING = frozenset({"Object", "PSObject"})
_CLEARED_BY_NULL = frozenset({"MultiValuedProperty", "Uri"})  # Exchange's way to empty a property: -ExternalUrl $null
_TEXTS = frozenset({"String", "Uri", "Fqdn", "SmtpAddress", "CultureInfo"})
_VERSION = re.compile(r"\d+(\.\d+){1,3}")


def fits(parameter: ParameterProfile, value: Value) -> bool:
    """A type that is not known here takes nothing: it is better to add it than to let everything through."""
    bare = bare_type(parameter.type)
    if value is None and bare in _CLEARED_BY_NULL:
        return True
    if bare == "MultiValuedProperty":  # Exchange: one text, several, or @{Add=...; Remove=...}
        return isinstance(value, (str, tuple, Mapping)) and not isinstance(value, PSObject)
    if bare.endswith("[]"):
        items = value if isinstance(value, tuple) else (value,)
        return all(_fits_one(bare[:-2], item, parameter.choices) for item in items)
    return _fits_one(bare, value, parameter.choices)


def bare_type(type_name: str) -> str:
    """`String[]` of System.String[], `DateTime` of System.Nullable`1[[System.DateTime]]."""
    inner = re.sub(r"^System\.Nullable`1\[\[?([^\],]+).*$", r"\1", type_name)
    bare = inner.rpartition(".")[2]
    return {"int": "Int32", "string": "String", "switch": "SwitchParameter", "bool": "Boolean"}.get(bare, bare)


def _fits_one(bare: str, value: Value, choices: tuple[str, ...]) -> bool:
    known = choices or _ENUMS.get(bare, ())
    if known:
        text = value.text if isinstance(value, EnumValue) else value
        return isinstance(text, str) and text.casefold() in (choice.casefold() for choice in known)
    if bare in _INTEGERS:
        lowest, highest = _INTEGERS[bare]
        return isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest
    check = _CHECKS.get("ObjectId" if bare.endswith("IdParameter") else bare)
    return bare in _ANYTHING or bool(check and check(value))


def _is_text(value: Value) -> bool:
    """A number becomes its digits, which nobody misunderstands."""
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)


_CHECKS: Mapping[str, Callable[[Value], bool]] = MappingProxyType(
    {
        **dict.fromkeys(_TEXTS, _is_text),
        "ObjectId": lambda value: isinstance(value, str) and value != "",  # Exchange's ServerIdParameter and the like
        "SwitchParameter": lambda value: isinstance(value, bool),
        "Boolean": lambda value: isinstance(value, bool),
        "Version": lambda value: isinstance(value, Version) or (isinstance(value, str) and is_version(value)),
        "DateTime": lambda value: isinstance(value, datetime),
        "TimeSpan": lambda value: isinstance(value, timedelta),
        "PSCredential": lambda value: isinstance(value, Credential),
        "SecureString": lambda value: isinstance(value, Secret),
        "Hashtable": lambda value: isinstance(value, Mapping),
        "IDictionary": lambda value: isinstance(value, Mapping),
    }
)


def is_version(text: str) -> bool:
    return _VERSION.fullmatch(text) is not None
