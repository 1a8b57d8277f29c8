"""The little of .NET that scripts of simple commands use: casts, adding, a few types and members.

They are what the renderer of commands writes ("Rules for rendering values", `groundtruth/pwsh76/README.md`) and what
the recorded functions need; every other type or member is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable

from psrpcore.types import ErrorCategory, PSChar, PSDateTime, PSDouble, PSInt, PSVersion

from runner.lab.cmdlet import Session
from runner.lab.cmdlets.foreach import method_of
from runner.lab.convert import ConversionError, convert, is_convertible
from runner.lab.errors import EXCEPTIONS, SCRIPT, Failure, Terminating, not_simulated
from runner.lab.members import MISSING, MethodFailed, get_property
from runner.lab.type_names import full_type_name
from runner.lab.values import (
    FLOATS,
    INTEGERS,
    OBJECT,
    OBJECT_ARRAY,
    ClrDict,
    ClrList,
    ClrObject,
    custom_object,
    enumerate_value,
    to_text,
)

Static = Callable[[list[object]], object]


def cast(value: object, type_name: str) -> object:
    """[type]value. Raises Terminating."""
    full_name = full_type_name(type_name)
    if full_name == "System.Version" and isinstance(value, str):
        return PSVersion(value)
    if full_name == "System.Char" and isinstance(value, (PSInt, str)):
        return PSChar(value if isinstance(value, str) else int(value))
    if type_name.casefold() == "pscustomobject" and isinstance(value, ClrDict) and "PSTypeName" not in value.items:
        return custom_object({to_text(key): item for key, item in value.items.items()})
    if full_name is None or not is_convertible(full_name):
        raise Terminating(not_simulated(f"the conversion to [{type_name}]"))
    try:
        return convert(value, full_name)
    except ConversionError as error:
        category = ErrorCategory.InvalidArgument
        failure = Failure("InvalidCastConversion", category, "RuntimeException", str(error))
        raise Terminating(failure, SCRIPT) from None


def negate(value: object) -> object:
    """-value."""
    if isinstance(value, INTEGERS):
        return type(value)(-int(value))
    if isinstance(value, FLOATS):
        return PSDouble(-float(value))
    raise Terminating(not_simulated("the negative of something that is no number"))


def add(left: object, right: object) -> object:
    """left + right: texts are joined, numbers of one type added, lists continued."""
    if isinstance(left, (str, PSChar)):
        return to_text(left) + to_text(right)
    if isinstance(left, ClrList):
        return ClrList([*left.items, *enumerate_value(right)], OBJECT_ARRAY)
    if isinstance(left, PSInt) and isinstance(right, PSInt) and PSInt.MinValue <= left + right <= PSInt.MaxValue:
        return PSInt(left + right)
    raise Terminating(not_simulated("this addition"))


def static_member(type_name: str, name: str, arguments: list[object] | None) -> object:
    """[type]::name or [type]::name(arguments). Raises Terminating."""
    full_name = full_type_name(type_name) or type_name
    if name.casefold() == "new" and arguments is not None and full_name in _CONSTRUCTORS:
        return _CONSTRUCTORS[full_name](arguments)
    found = _STATICS.get((full_name, name.casefold()))
    if found is None or (arguments is None) is found[0]:
        raise Terminating(not_simulated(f"[{type_name}]::{name}"))
    try:
        return found[1](arguments or [])
    except MethodFailed as error:
        raise Terminating(_invocation_failed(name, len(arguments or []), error), SCRIPT) from None


def instance_member(session: Session, target: object, name: str, arguments: list[object] | None) -> object:
    """target.name or target.name(arguments); a property that is not there is null. Raises Terminating."""
    if arguments is None:
        return _property(target, name)
    if target is None:
        category = ErrorCategory.InvalidOperation
        message = session.say("InvokeMethodOnNull")
        raise Terminating(Failure("InvokeMethodOnNull", category, "RuntimeException", message), SCRIPT)
    method = method_of(target, name)
    if method is None:
        raise Terminating(not_simulated(f"the method {name}"))
    try:
        return method(arguments)
    except MethodFailed as error:
        raise Terminating(_invocation_failed(name, len(arguments), error), SCRIPT) from None


def _property(target: object, name: str) -> object:
    """A list without such a property gives those of its elements."""
    found = get_property(target, name) if target is not None else None
    if found is not MISSING:
        return found
    if not isinstance(target, ClrList):
        return None
    parts = [value for item in target.items if (value := get_property(item, name)) is not MISSING]
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else ClrList(parts, OBJECT_ARRAY)


def _invocation_failed(name: str, count: int, error: MethodFailed) -> Failure:
    message = f'Exception calling "{name}" with "{count}" argument(s): "{error}"'
    return Failure(error.exception, ErrorCategory.NotSpecified, "MethodInvocationException", message)


def _parse_int(arguments: list[object]) -> object:
    text = to_text(arguments[0])
    try:
        return PSInt(int(text))
    except ValueError:
        raise MethodFailed(f"The input string '{text}' was not in a correct format.", "FormatException") from None


def _parse_date(arguments: list[object]) -> object:
    """[datetime]::Parse(text, [cultureinfo]::InvariantCulture, 'RoundtripKind'): the text keeps its zone."""
    text = to_text(arguments[0])
    if len(arguments) != 3 or to_text(arguments[2]).casefold() != "roundtripkind":
        raise Terminating(not_simulated("this call of [datetime]::Parse"))
    try:
        return PSDateTime.fromisoformat(text)
    except ValueError:
        message = f"String '{text}' was not recognized as a valid DateTime."
        raise MethodFailed(message, "FormatException") from None


def _new_exception(arguments: list[object]) -> object:
    message = to_text(arguments[0]) if arguments else ""
    names = EXCEPTIONS["Exception"]
    return ClrObject(names, {"Message": message}, {}, f"{names[0]}: {message}")


def _new_error_record(arguments: list[object]) -> object:
    exception, error_id, category, target = arguments
    short_name = exception.type_names[0].rpartition(".")[2] if isinstance(exception, ClrObject) else ""
    if short_name not in EXCEPTIONS:
        raise Terminating(not_simulated("this ErrorRecord"))
    found = convert(category, "System.Management.Automation.ErrorCategory")
    message = to_text(get_property(exception, "Message"))
    wanted = found if isinstance(found, ErrorCategory) else ErrorCategory.NotSpecified
    failure = Failure(to_text(error_id), wanted, short_name, message, target)
    return ClrObject(("System.Management.Automation.ErrorRecord", OBJECT), {}, {}, message, failure)


_CULTURE = ClrObject(("System.Globalization.CultureInfo", OBJECT), {"Name": ""}, {}, "")
_STATICS: dict[tuple[str, str], tuple[bool, Static]] = {  # by type and member: whether it is a method, and what it does
    ("System.DateTime", "parse"): (True, _parse_date),
    ("System.Double", "nan"): (False, lambda _: PSDouble("nan")),
    ("System.Double", "negativeinfinity"): (False, lambda _: PSDouble("-inf")),
    ("System.Double", "positiveinfinity"): (False, lambda _: PSDouble("inf")),
    ("System.Globalization.CultureInfo", "invariantculture"): (False, lambda _: _CULTURE),
    ("System.Int32", "parse"): (True, _parse_int),
}
_CONSTRUCTORS: dict[str, Static] = {
    "System.Exception": _new_exception,
    "System.Management.Automation.ErrorRecord": _new_error_record,
}
