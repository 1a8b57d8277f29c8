"""The model's dataclasses as JSON and back, driven by their type hints: one place for every document.

Fields that hold their default are left out. Loading checks every field; an unknown, a missing or a mistyped one is
`Damaged`, with the path to it. What a hint means is worked out once, into a function for each direction.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Container, Mapping
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any

from runner.model.command import Command, Script
from runner.model.jsonvalue import Damaged, Unwritable, decode, encode, plain
from runner.model.task import TaskId

Dumper = Callable[[Any], Any]
Loader = Callable[[Any, str], Any]


def dump(value: Any, hint: Any) -> Any:
    """JSON for a value of the hinted type. Errors: Unwritable (a secret, for one)."""
    return _dumper(hint)(value)


def load(data: Any, hint: Any, path: str) -> Any:
    """The value that `dump` wrote for this hint; `path` names its place. Errors: Damaged."""
    return _loader(hint)(data, path)


@cache
def _dumper(hint: Any) -> Dumper:
    if hint is Any:
        return plain
    if hint is TaskId:
        return str
    if hint is Command:
        return _dump_command
    if hint is datetime:
        return datetime.isoformat
    if dataclasses.is_dataclass(hint):
        return _fields_dumper(hint)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        item = _dumper(_item(hint))
        return lambda value: [item(one) for one in value]
    if origin is Mapping:
        member = _dumper(arguments[1])
        return lambda value: {key: member(one) for key, one in value.items()}
    if origin is types.UnionType:
        only = _only(arguments)
        if only is None:
            return encode
        inner = _dumper(only)
        return lambda value: None if value is None else inner(value)
    return (lambda value: value.value) if issubclass(hint, Enum) else (lambda value: value)


def _fields_dumper(hint: Any) -> Dumper:
    hints = typing.get_type_hints(hint)
    fields = [(field.name, _dumper(hints[field.name]), _default(field)) for field in dataclasses.fields(hint)]

    def dump_fields(value: Any) -> dict[str, Any]:
        members = ((name, dumper, default, getattr(value, name)) for name, dumper, default in fields)
        return {name: dumper(member) for name, dumper, default, member in members if member != default}

    return dump_fields


def _default(field: dataclasses.Field[Any]) -> Any:
    """The default of a field; MISSING, which nothing equals, for a field without one."""
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def _dump_command(value: Command) -> dict[str, Any]:
    parameters = {name: encode(item) for name, item in value.parameters}
    if len(parameters) != len(value.parameters):
        raise Unwritable(f"{value.name} has the same parameter twice")
    written: dict[str, Any] = {"script" if isinstance(value, Script) else "command": value.name}
    if parameters:
        written["parameters"] = parameters
    if value.arguments:
        written["arguments"] = encode(value.arguments)
    return written


@cache
def _loader(hint: Any) -> Loader:
    if hint is Any:
        return lambda data, path: data
    if hint is TaskId:
        return _load_task_id
    if hint is Command:
        return _load_command
    if hint is datetime:
        return _load_datetime
    if dataclasses.is_dataclass(hint):
        return _fields_loader(hint)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        item = _loader(_item(hint))
        return lambda data, path: tuple(item(one, f"{path}[{i}]") for i, one in enumerate(_expect(data, list, path)))
    if origin is Mapping:
        member = _loader(arguments[1])
        return lambda data, path: {key: member(one, f"{path}.{key}") for key, one in _expect(data, dict, path).items()}
    if origin is types.UnionType:
        only = _only(arguments)
        if only is None:
            return decode
        inner = _loader(only)
        return lambda data, path: None if data is None else inner(data, path)
    if issubclass(hint, Enum):
        return lambda data, path: _load_enum(data, hint, path)
    return lambda data, path: _expect(data, hint, path)


def _fields_loader(hint: Any) -> Loader:
    hints = typing.get_type_hints(hint)
    loaders = {field.name: _loader(hints[field.name]) for field in dataclasses.fields(hint)}
    required = [field.name for field in dataclasses.fields(hint) if _default(field) is dataclasses.MISSING]

    def load_fields(data: Any, path: str) -> Any:
        members = _expect(data, dict, path)
        _known(members, loaders, path)
        missing = [name for name in required if name not in members]
        if missing:
            raise Damaged(f"{path}: the field {missing[0]!r} is missing")
        return hint(**{name: loaders[name](member, f"{path}.{name}") for name, member in members.items()})

    return load_fields


def _load_enum(data: Any, kind: type[Enum], path: str) -> Enum:
    try:
        return kind(data)
    except ValueError:
        allowed = ", ".join(str(member.value) for member in kind)
        raise Damaged(f"{path}: {data!r} is none of {allowed}") from None


def _load_command(data: Any, path: str) -> Command:
    members = _expect(data, dict, path)
    kind, name = (Script, "script") if "script" in members else (Command, "command")
    _known(members, (name, "parameters", "arguments"), path)
    parameters = _expect(members.get("parameters", {}), dict, f"{path}.parameters")
    return kind(
        _expect(members.get(name), str, f"{path}.{name}"),
        tuple((name, decode(item, f"{path}.parameters.{name}")) for name, item in parameters.items()),
        decode(_expect(members.get("arguments", []), list, f"{path}.arguments"), f"{path}.arguments"),
    )


def _load_task_id(data: Any, path: str) -> TaskId:
    try:
        play, section, task, item, part = _expect(data, str, path).split(".")
        return TaskId(int(play), section, int(task), int(item), int(part))
    except ValueError as error:
        raise error if isinstance(error, Damaged) else Damaged(f"{path}: {data!r} is not the id of a task") from None


def _load_datetime(data: Any, path: str) -> datetime:
    try:
        return datetime.fromisoformat(_expect(data, str, path))
    except ValueError as error:
        raise error if isinstance(error, Damaged) else Damaged(f"{path}: {data!r} is no moment (ISO 8601)") from None


def _known(members: Mapping[str, Any], names: Container[str], path: str) -> None:
    unknown = [name for name in members if name not in names]
    if unknown:
        raise Damaged(f"{path}: unknown field {unknown[0]!r}")


def _expect(data: Any, kind: type, path: str) -> Any:
    """The data, if it is of just this JSON type; a whole number is a number as well."""
    if kind is float and type(data) is int:
        return float(data)
    if type(data) is not kind:
        raise Damaged(f"{path}: {_NAMES.get(kind, kind.__name__)} is expected, not {type(data).__name__}")
    return data


_NAMES: Mapping[type, str] = types.MappingProxyType(
    {dict: "an object", list: "a list", str: "a text", int: "an integer", float: "a number", bool: "true or false"}
)


def _item(hint: Any) -> Any:
    """X of `tuple[X, ...]`, the only kind of tuple that the model's fields have."""
    item, rest = typing.get_args(hint)
    assert rest is ...
    return item


def _only(arguments: tuple[Any, ...]) -> Any:
    """X of `X | None`; None for a wider union, which is one of values (Property, Wish)."""
    rest = [kind for kind in arguments if kind is not types.NoneType]
    return rest[0] if len(rest) == 1 else None
