"""The shape of an answer: types, names and types of properties, error ids, counts; of values only what names a kind.

Words of enumerations and versions are kept, since they are Windows' own. Everything else that a host said is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from runner.model.command import Reply
from runner.model.secret import Secret
from runner.model.value import Credential, EnumValue, PSObject, Value, Version

NULL = "null"
_SIMPLE: Mapping[type, str] = MappingProxyType(
    {
        bool: "Boolean",
        float: "Double",
        bytes: "Byte[]",
        str: "String",
        datetime: "DateTime",
        timedelta: "TimeSpan",
        Version: "Version",
        Secret: "SecureString",
        Credential: "PSCredential",
    }
)


@dataclass(frozen=True, slots=True)
class Member:
    """A property by its path from the output (`Parent.Child`, `List[]`, "" for the output itself).

    `kinds` are the types that it had in all outputs together, `words` the enumeration words and versions.
    """

    path: str
    kinds: tuple[str, ...]
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OutputShape:
    """All outputs of one type."""

    kind: str
    count: int
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class ErrorShape:
    id: str
    category: str
    exception: str


@dataclass(frozen=True, slots=True)
class ReplyShape:
    state: str
    outputs: tuple[OutputShape, ...] = ()
    errors: tuple[ErrorShape, ...] = ()
    warnings: int = 0


class Cause(StrEnum):
    """Why two shapes may differ: only the first says for sure that the lab is wrong."""

    SHAPE = "shape"
    STATE = "state"  # another number of services, a value that is not there: the machines may differ


@dataclass(frozen=True, slots=True)
class Difference:
    where: str
    host: str
    lab: str
    cause: Cause


def shape_of(reply: Reply) -> ReplyShape:
    groups: dict[str, list[Value]] = {}
    for output in reply.outputs:
        groups.setdefault(_kind(output), []).append(output)
    errors = dict.fromkeys(ErrorShape(error.id, error.category, error.exception) for error in reply.errors)
    outputs = tuple(OutputShape(kind, len(values), _members(values)) for kind, values in groups.items())
    return ReplyShape(reply.state.value, outputs, tuple(errors), len(reply.warnings))


def _kind(value: Value) -> str:
    if value is None:
        return NULL
    if isinstance(value, EnumValue):
        return value.type_name
    if isinstance(value, PSObject):
        return value.type_names[0]
    if isinstance(value, tuple):
        return "list"
    if isinstance(value, Mapping):
        return "dictionary"
    return _SIMPLE.get(type(value), type(value).__name__)


@dataclass(slots=True)
class _Seen:
    kinds: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)


def _members(values: Sequence[Value]) -> tuple[Member, ...]:
    seen: dict[str, _Seen] = {}
    for value in values:
        for path, part in _parts("", value):
            own = seen.setdefault(path, _Seen())
            own.kinds.add(_kind(part))
            if isinstance(part, EnumValue):
                own.words.add(part.text)
            elif isinstance(part, Version):
                own.words.add(str(part))
    return tuple(Member(path, tuple(sorted(one.kinds)), tuple(sorted(one.words))) for path, one in seen.items())


def _parts(path: str, value: Value) -> Iterator[tuple[str, Value]]:
    """The value and everything in it, each with its path."""
    yield path, value
    if isinstance(value, tuple):
        for item in value:
            yield from _parts(f"{path}[]", item)
    elif isinstance(value, PSObject | Mapping):
        named = value.properties if isinstance(value, PSObject) else value
        for name, item in named.items():
            yield from _parts(f"{path}.{name}" if path else name, item)


def differences(host: ReplyShape, lab: ReplyShape) -> tuple[Difference, ...]:
    return tuple(_differences(host, lab))


def _differences(host: ReplyShape, lab: ReplyShape) -> Iterator[Difference]:
    if host.errors != lab.errors or host.state != lab.state:
        yield Difference("outcome", _outcome(host), _outcome(lab), _cause_of_outcomes(host, lab))
    if host.warnings != lab.warnings:
        yield Difference("warnings", str(host.warnings), str(lab.warnings), Cause.STATE)
    of_host, of_lab = ({output.kind: output for output in shape.outputs} for shape in (host, lab))
    if of_host.keys() != of_lab.keys():
        certain = of_host.keys() - {NULL} and of_lab.keys() - {NULL}
        cause = Cause.SHAPE if certain else Cause.STATE
        yield Difference("types", _listed(of_host), _listed(of_lab), cause)
    for kind in (kind for kind in of_host if kind in of_lab):
        yield from _outputs(of_host[kind], of_lab[kind])


def _cause_of_outcomes(host: ReplyShape, lab: ReplyShape) -> Cause:
    """That only one of them failed may come from rights, or from what is on the machine."""
    both_fail = bool(host.errors and lab.errors)
    return Cause.SHAPE if both_fail or any(map(_of_the_engine, (*host.errors, *lab.errors))) else Cause.STATE


def _of_the_engine(error: ErrorShape) -> bool:
    """No such command, or none with these parameters: nothing on a machine of this Windows makes that."""
    return error.exception.rpartition(".")[2].startswith(("CommandNotFound", "ParameterBinding"))


def _outcome(shape: ReplyShape) -> str:
    errors = ", ".join(f"{error.id} ({error.exception})" for error in shape.errors)
    return f"{shape.state}: {errors}" if errors else shape.state


def _outputs(host: OutputShape, lab: OutputShape) -> Iterator[Difference]:
    if host.count != lab.count:
        yield Difference(f"{host.kind}: number", str(host.count), str(lab.count), Cause.STATE)
    of_host, of_lab = ({member.path: member for member in output.members} for output in (host, lab))
    for path in dict.fromkeys((*of_host, *of_lab)):
        where = f"{host.kind}: {path or 'itself'}"
        mine, its = of_host.get(path), of_lab.get(path)
        if mine is None or its is None:
            cause = Cause.STATE if path.endswith("[]") or "[]." in path else Cause.SHAPE  # of a list that is empty
            yield Difference(where, _kinds(mine), _kinds(its), cause)
        elif mine.kinds != its.kinds:
            certain = set(mine.kinds) - {NULL} and set(its.kinds) - {NULL}
            same = set(mine.kinds) - {NULL} == set(its.kinds) - {NULL}
            yield Difference(where, _kinds(mine), _kinds(its), Cause.SHAPE if certain and not same else Cause.STATE)


def _kinds(member: Member | None) -> str:
    return _listed(member.kinds) if member else "absent"


def _listed(names: Sequence[str] | Mapping[str, object]) -> str:
    return ", ".join(names) or "nothing"
