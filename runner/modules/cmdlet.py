"""Any cmdlet as a task with diff, verification and undo: `cmdlet` (design section 4).

Which objects there are and what is wrong with them follows from one read; with `each`, all of its objects are one
state whose properties are called `OBJECT  PROPERTY`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Self

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator
from pydantic_core import PydanticCustomError

from runner.model.command import Command, ErrorRecord, Reply, ReplyState, Statement, command
from runner.model.state import Desired, Property, State, Unreadable, same
from runner.model.value import PSObject, Value
from runner.modules.base import Arguments, Impossible, Irreversible, Round, Shown, StateModule, errors_of
from runner.modules.cmdlet_calls import SOURCES, Call, Parameter, literal, must_be_harmless, read_calls, twins
from runner.modules.cmdlet_values import (
    Expectation,
    NotAProperty,
    met,
    property_of,
    read_expectation,
    seen,
    text_of,
    wish,
)
from runner.modules.registry import fold

_GAP = "  "  # between an object and its property; no property has it in its name
_IN_PLAN = "in_plan"  # marks the arguments of a plan document
_EXCHANGE_MISSING = ".ManagementObjectNotFoundException"
_OTHER_THINGS_MISSING = frozenset(
    {"CommandNotFoundException", "CouldNotAutoLoadModule", "DriveNotFound", "ProviderNotFound"}
)


class CmdletArguments(Arguments):
    read: tuple[Call, ...] = Field(
        description="What shows the state: a command as {Get-Name: {Parameter: value}}, or a list of them as a pipe"
    )
    expect: dict[str, Expectation] = Field(
        description="What properties must be: a value, a list, {contains: ...}, {at_least: ...}, {one_of: [...]}, "
        "{absent: true}"
    )
    write: tuple[Call, ...] | None = Field(
        None, description="What sets them: a command, or a list of commands that are sent one after the other"
    )
    undo: tuple[Call, ...] | None = Field(
        None, description="What takes that back; by default the same write with the values from before"
    )
    each: str | None = Field(
        None, description="Property that tells the objects of the read apart; each of them must be as expected"
    )

    @model_validator(mode="before")
    @classmethod
    def _from_plan(cls, given: object) -> object:
        """What `_as_in_plan` wrote. Its mark is no argument, so that no playbook can say it (arguments.validate)."""
        if not isinstance(given, Mapping) or _IN_PLAN not in given:
            return given
        found = {name: value for name, value in given.items() if name != _IN_PLAN}
        for name in {"read", "write", "undo"} & set(found):
            if found[name] is not None:
                found[name] = tuple(Call.model_validate(call) for call in found[name])
        found["expect"] = {name: Expectation.model_validate(one) for name, one in found["expect"].items()}
        return found

    @model_serializer(mode="wrap")
    def _as_in_plan(self, fields: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Marked as taken apart already: calls and expectations are not written as in a playbook."""
        return {**fields(self), _IN_PLAN: True}

    @field_validator("read", "write", "undo", mode="before")
    @classmethod
    def _are_calls(cls, given: object) -> object:
        return given if given is None else read_calls(given)

    @field_validator("read")
    @classmethod
    def _only_reads(cls, read: tuple[Call, ...]) -> tuple[Call, ...]:
        must_be_harmless(read)
        return read

    @field_validator("expect", mode="before")
    @classmethod
    def _are_expectations(cls, given: object) -> object:
        if not isinstance(given, Mapping) or not given:
            raise PydanticCustomError("cmdlet_expect", "expect is a mapping of properties to what they must be")
        if twice := twins(map(str, given)):
            message = "{first} and {second} are one and the same property"
            raise PydanticCustomError("cmdlet_twins", message, {"first": twice[0], "second": twice[1]})
        return {str(name): read_expectation(value) for name, value in given.items()}

    @field_validator("expect", "each")
    @classmethod
    def _names_properties(cls, given: dict[str, Expectation] | str | None) -> dict[str, Expectation] | str | None:
        for name in [given] if isinstance(given, str) else given or ():
            if not name or set(name) & set("*?[] \t"):
                raise PydanticCustomError(
                    "cmdlet_property", "{name} is not the name of one property", {"name": repr(name)}
                )
        return given

    @model_validator(mode="after")
    def _placeholders_fit(self) -> Self:
        if self.undo is not None and self.write is None:
            raise PydanticCustomError("cmdlet_undo", "undo without write: there would be nothing to take back")
        if self.each is None and any(one.source == "item" for one in self.placeholders()):
            raise PydanticCustomError("cmdlet_item", "{{{{ item.X }}}} needs each: NAME, which tells the objects apart")
        expected = {fold(name) for name in self.expect}
        for one in self.placeholders():
            if one.source == "after" and fold(one.value) not in expected:
                raise PydanticCustomError(
                    "cmdlet_after", "{{{{ after.{name} }}}}: expect says nothing about it", {"name": one.value}
                )
        return self

    def placeholders(self) -> Iterator[Parameter]:
        """The parameters of write and undo that are filled in later."""
        for call in (*(self.write or ()), *(self.undo or ())):
            yield from call.sources()

    def properties(self) -> tuple[str, ...]:
        """All properties that must be read of an object, each in the spelling in which it is named first."""
        found: dict[str, str] = {}
        placeholders = (str(one.value) for one in self.placeholders())
        for name in (*self.expect, *placeholders, *([self.each] if self.each else ())):
            found.setdefault(fold(name), name)
        return tuple(found.values())


class Cmdlet(StateModule[CmdletArguments]):
    name = "cmdlet"
    summary = "Any cmdlet that has a Get and a Set: read, compare, write, prove, take back"
    notes = (
        "Values are compared as -eq does: by their text, in any case. Lists must hold the same items in the same "
        "order; with contains, order and further items do not matter, and {{ after.NAME }} is the list with what was "
        "missing. On a text, contains looks for whole items between commas, semicolons or white space.",
        "at_least compares whole numbers, versions (15.1.1415.2) and Exchange's Version 15.1 (Build 1415.2); any other "
        "value fails the host before anything is changed.",
        "read takes commands whose verb only reads (not Search), without parameters such as Force, Repair or Wait. "
        "Fractions among the parameters are quoted.",
        "Placeholders in write and undo are whole values: {{ before.NAME }} the property as it was read, "
        "{{ after.NAME }} as it has to be, {{ item.NAME }} (with each) of the object in question. In a loop, item is "
        "the loop's own.",
        "By default undo is the write with the properties that expect names set to their values from before. A value "
        "that was null, or a write that does not set the property to what is expected, cannot be undone unless undo "
        "says how.",
        "Several write commands are sent one after the other and proved together, by one read after the last. Where "
        "one of them fails or its answer is lost, the task is not reported as applied, whatever that read shows.",
        "With at_least and one_of, write must set the bound, or the first choice: that is what the plan promises.",
        "Without write the task only checks: what is not as expected fails the host before anything is changed.",
        "A property that an object does not have reads like one that is null.",
        "Where Select-Object cannot project (JEA, Exchange), the properties are picked on our side.",
    )
    examples = """\
- name: Modern authentication is on for the organisation
  cmdlet:
    read: {Get-OrganizationConfig: {}}
    expect: {OAuth2ClientProfileEnabled: true}
    write: {Set-OrganizationConfig: {OAuth2ClientProfileEnabled: true}}

- name: OAuth is among the methods of every MAPI virtual directory
  cmdlet:
    read: {Get-MapiVirtualDirectory: {}}
    each: Identity
    expect: {IISAuthenticationMethods: {contains: [Ntlm, OAuth, Negotiate]}}
    write:
      Set-MapiVirtualDirectory:
        Identity: "{{ item.Identity }}"
        IISAuthenticationMethods: "{{ after.IISAuthenticationMethods }}"
"""
    arguments = CmdletArguments
    late = MappingProxyType({"write": SOURCES, "undo": SOURCES})
    state_proves_write = False  # `expect` may ask for the effect of one of several commands only

    def key(self, arguments: CmdletArguments) -> str:
        return fold(f"{_title(arguments)} {arguments.each or ''}")

    def shown(self, arguments: CmdletArguments) -> Shown:
        return Shown("cmdlet", _title(arguments))

    def read(self, wanted: Sequence[CmdletArguments], rounds: Sequence[Round]) -> tuple[Statement, ...]:
        if rounds:
            return ()
        return tuple((*pipe, command("Select-Object", Property=names)) for pipe, names in _questions(wanted))

    def observe(self, wanted: Sequence[CmdletArguments], rounds: Sequence[Round]) -> tuple[State | Unreadable, ...]:
        pipes = [pipe for pipe, _ in _questions(wanted)]
        replies = rounds[0].replies
        return tuple(_observed(arguments, replies[pipes.index(_pipe(arguments))]) for arguments in wanted)

    def desired(self, arguments: CmdletArguments, before: State) -> Desired | Impossible:
        if not before.exists:
            return Impossible(f"{_title(arguments)} returned nothing")
        wishes: dict[str, Property] = {}
        for thing in _things(arguments, before):
            for name, expectation in arguments.expect.items():
                wanted = wish(name, expectation, thing.values.get(name))
                if isinstance(wanted, Impossible):
                    return Impossible(f"{thing.label}: {wanted.reason}" if thing.label else wanted.reason)
                wishes[_joined(thing.label, name)] = wanted
        wrong = [name for name, value in wishes.items() if not same(before.properties.get(name), value)]
        if wrong and arguments.write is None:
            names = ", ".join(f"{name} ({text_of(before.properties.get(name)) or 'null'})" for name in wrong)
            return Impossible(f"{_title(arguments)}: not as expected: {names}; the task has no write")
        return Desired(True, wishes)

    def write(self, arguments: CmdletArguments, before: State) -> tuple[Statement, ...]:
        statements: list[Statement] = []
        for thing in _things(arguments, before):
            after = {name: wish(name, wanted, thing.values.get(name)) for name, wanted in arguments.expect.items()}
            known = {name: value for name, value in after.items() if not isinstance(value, Impossible)}
            if any(not same(thing.values.get(name), value) for name, value in known.items()):
                fill = partial(_filled, thing.values, known)
                statements += [(call.filled(fill),) for call in arguments.write or ()]
        return tuple(statements)

    def undo(self, arguments: CmdletArguments, before: State, after: State) -> tuple[Statement, ...] | Irreversible:
        statements: list[Statement] = []
        now = {thing.label: thing for thing in _things(arguments, after)}
        for thing in reversed(_things(arguments, before)):
            values = now[thing.label].values if thing.label in now else {}
            changed = [name for name in arguments.expect if not same(thing.values.get(name), values.get(name))]
            if not changed:
                continue
            if arguments.undo is not None:
                fill = partial(_filled, thing.values, values)
                statements += [(call.filled(fill),) for call in arguments.undo]
                continue
            taken_back = _taken_back(arguments, thing, changed)
            if isinstance(taken_back, Irreversible):
                return taken_back
            statements += [(one,) for one in taken_back]
        return tuple(statements)


@dataclass(frozen=True, slots=True)
class _Thing:
    """One object of the read; `values` are by the names that the task uses, `label` is "" without each."""

    label: str
    values: Mapping[str, Property]


def _pipe(arguments: CmdletArguments) -> Statement:
    return tuple(call.filled(literal) for call in arguments.read)


def _title(arguments: CmdletArguments) -> str:
    """The read as people write it, without quotes where a value is a plain text."""
    return " | ".join(
        " ".join((call.command, *(f"-{one.name} {_shown_value(one)}".rstrip() for one in call.parameters)))
        for call in arguments.read
    )


def _shown_value(parameter: Parameter) -> str:
    value = parameter.value
    if value is True:
        return ""
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _questions(wanted: Sequence[CmdletArguments]) -> tuple[tuple[Statement, tuple[str, ...]], ...]:
    """Every distinct read once, with all the properties that any task needs of it."""
    found: list[tuple[Statement, dict[str, str]]] = []
    for arguments in wanted:
        pipe = _pipe(arguments)
        names = next((names for known, names in found if known == pipe), None)
        if names is None:
            names = {}
            found.append((pipe, names))
        for name in arguments.properties():
            names.setdefault(fold(name), name)
    return tuple((pipe, tuple(names.values())) for pipe, names in found)


def _observed(arguments: CmdletArguments, reply: Reply) -> State | Unreadable:
    title = _title(arguments)
    if reply.state is ReplyState.UNSEEN:
        return Unreadable(f"{title}: the answer was not seen")
    if reply.errors or reply.state is ReplyState.FAILED:
        missing = reply.errors and not reply.outputs and all(_says_missing(error) for error in reply.errors)
        return State(False) if missing else Unreadable(f"{title}: {errors_of(reply) or 'it failed without a reason'}")
    if not reply.outputs:
        return State(False)
    if arguments.each is None and len(reply.outputs) > 1:
        return Unreadable(f"{title} returned {len(reply.outputs)} objects: name one, or say each: PROPERTY")
    try:
        return _state(arguments, [output for output in reply.outputs if isinstance(output, PSObject)])
    except NotAProperty as problem:
        return Unreadable(f"{title}: {problem}")


def _says_missing(error: ErrorRecord) -> bool:
    """Whether an error says that the object does not exist, and not that the command, drive or provider does not.

    Exchange's own error has no category of its own (github.com/dpaulson45/HealthChecker/issues/213).
    """
    if error.exception.endswith(_EXCHANGE_MISSING):
        return True
    return error.category == "ObjectNotFound" and error.name not in _OTHER_THINGS_MISSING


def _state(arguments: CmdletArguments, objects: Sequence[PSObject]) -> State:
    """The state of all objects. Errors: NotAProperty where a value has no text or two objects have one label."""
    properties: dict[str, Property] = {}
    for one in objects:
        label = "" if arguments.each is None else _label(arguments.each, one)
        if any(_joined(label, name) in properties for name in arguments.expect):
            raise NotAProperty(f"two objects have the {arguments.each} {label}")
        for name in arguments.properties():
            try:
                value = property_of(one.get(name))
            except NotAProperty as problem:
                raise NotAProperty(f"{_joined(label, name)} is {problem}") from None
            expectation = arguments.expect.get(name)
            properties[_joined(label, name)] = value if expectation is None else seen(expectation, value)
    return State(True, MappingProxyType(properties))


def _label(each: str, one: PSObject) -> str:
    value = one.get(each)
    label = property_of(value)
    if not isinstance(label, str) or not label:
        raise NotAProperty(f"an object has no {each} to tell it apart by")
    return label


def _joined(label: str, name: str) -> str:
    return f"{label}{_GAP}{name}" if label else name


def _things(arguments: CmdletArguments, state: State) -> tuple[_Thing, ...]:
    """The objects of a state, in their order."""
    found: dict[str, dict[str, Property]] = {}
    for full_name, value in state.properties.items():
        label, _, name = full_name.rpartition(_GAP) if arguments.each else ("", "", full_name)
        found.setdefault(label, {})[name] = value
    return tuple(_Thing(label, values) for label, values in found.items())


def _filled(before: Mapping[str, Property], after: Mapping[str, Property], parameter: Parameter) -> Value:
    """The value of a parameter of write or undo."""
    if parameter.source is None:
        return literal(parameter)
    values = after if parameter.source == "after" else before
    return next((value for name, value in values.items() if fold(name) == fold(parameter.value)), None)


def _taken_back(
    arguments: CmdletArguments, thing: _Thing, changed: Sequence[str]
) -> tuple[Command, ...] | Irreversible:
    """The write with the expected properties as they were before."""
    set_back: set[str] = set()

    def value_of(parameter: Parameter) -> Value:
        name = parameter.value if parameter.source == "after" else parameter.name
        expected = next((known for known in arguments.expect if fold(known) == fold(str(name))), None)
        if expected is None or parameter.source in ("item", "before"):
            return _filled(thing.values, {}, parameter)
        if parameter.source is None and not met(expected, arguments.expect[expected], literal(parameter)):
            return literal(parameter)  # it is called like the property and does not set it
        set_back.add(expected)
        return thing.values.get(expected)

    commands = tuple(call.filled(value_of) for call in reversed(arguments.write or ()))
    for name in changed:
        shown = _joined(thing.label, name)
        if name not in set_back:
            return Irreversible(f"write does not name {shown}: say how to take it back with undo")
        if thing.values.get(name) is None:
            return Irreversible(f"{shown} was not set before: say how to take it back with undo")
    return commands
