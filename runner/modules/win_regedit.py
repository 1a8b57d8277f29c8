"""Registry keys and values: `win_regedit`.

Argument names, defaults and choices are Ansible's (ansible.windows, plugins/modules/win_regedit.py and .ps1); `view` is
ours. Facts about the registry provider: groundtruth/pwsh76/windows.md (Registry), design section 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_serializer, field_validator
from pydantic_core import PydanticCustomError

from runner.model.command import Statement, command
from runner.model.state import Desired, OtherThan, State, Unreadable
from runner.modules.base import Arguments, Implied, Impossible, Irreversible, Round, Shown, StateModule
from runner.modules.registry import (
    DEFAULT,
    MODULE,
    TEXT_KINDS,
    Data,
    Key,
    fold,
    identity,
    is_there,
    is_writable,
    normalised,
    parse_key,
    sent,
    type_word,
)
from runner.modules.registry_reading import Asked, Finding, FoundKey, FoundValue, Missing, conclude, next_round

MISSING_KEYS = "missing_keys"  # of what is absent: the keys that are missing on the way to it, the topmost first
VALUES, SUBKEYS = "values", "subkeys"  # how many a key holds that is to be removed
Kind = Literal["none", "binary", "dword", "expandstring", "multistring", "string", "qword"]


class RegeditArguments(Arguments):
    """After validation `data` is what is compared: an unsigned number, text, bytes or a tuple of texts."""

    aliases = MappingProxyType({"key": "path", "entry": "name", "value": "name", "datatype": "type"})
    unsupported = frozenset({"hive"})
    decided_by = MappingProxyType({"data": frozenset({"name", "type", "state"}), "view": frozenset({"path"})})

    path: str = Field(description="The key: HKLM:\\..., HKCU:\\..., HKU:\\..., HKCR:\\... or HKCC:\\...")
    name: str = Field("", description="The value; without it the unnamed value if there is data, else the key itself")
    type: Kind = Field("string", description="The exact kind of the value")
    state: Literal["present", "absent"] = Field("present", description="Whether it is to be there")
    data: Any = Field(
        None,
        validate_default=True,
        description="Numbers decimal or as 0x...; bytes as hex:be,ef or a list; several texts as a list. "
        "Left out it is the type's empty value",
    )
    delete_key: bool = Field(True, description="With state absent and no name: remove the key with all it holds")
    view: Literal["64", "32", "both"] = Field(
        "64", description="32: the key as 32-bit programs see it, below HKLM:\\SOFTWARE\\Wow6432Node; both: two parts"
    )

    @field_validator("path")
    @classmethod
    def _is_key(cls, path: str) -> str:
        try:
            key = parse_key(path)
        except ValueError as error:
            raise PydanticCustomError("registry_path", str(error)) from None
        if not key.path:
            raise PydanticCustomError("registry_path", "a hive itself is not managed: name a key below it")
        return path

    @field_validator("name")
    @classmethod
    def _is_name(cls, name: str) -> str:
        """People call the unnamed value what the property cmdlets call it."""
        return "" if fold(name) == fold(DEFAULT) else name

    @field_validator("data")
    @classmethod
    def _is_data(cls, data: object, info: ValidationInfo) -> Data | None:
        given = info.data
        if given.get("state") != "present" or "type" not in given or (data is None and not given.get("name")):
            return None
        if given["type"] in TEXT_KINDS and isinstance(data, (int, float)):
            raise PydanticCustomError("string_type", "wants text")  # pydantic's own type: reported like any other text
        try:
            return normalised(given["type"], data)
        except ValueError as error:
            raise PydanticCustomError(
                "registry_data", "type {type} {problem}", {"type": given["type"], "problem": str(error)}
            ) from None

    @field_validator("view", mode="before")
    @classmethod
    def _is_view(cls, view: object) -> object:
        return str(view) if isinstance(view, int) and not isinstance(view, bool) else view

    @field_validator("view")
    @classmethod
    def _has_views(cls, view: str, info: ValidationInfo) -> str:
        if view == "64" or "path" not in info.data:
            return view
        key = parse_key(info.data["path"])
        twin = key.twin()
        if twin is None:
            raise PydanticCustomError("registry_view", "only keys below HKLM:\\SOFTWARE have a 32-bit view")
        if view == "both" and twin.identity == key.identity:
            raise PydanticCustomError("registry_view", "the path is the 32-bit view already: name the 64-bit one")
        return view

    @field_serializer("data")
    def _dumped_data(self, data: Data | None) -> object:
        return f"hex:{data.hex(',')}" if isinstance(data, bytes) else data


@dataclass(frozen=True, slots=True)
class _Target:
    """What one part is about: a value (by name, "" the unnamed one) or, without a name, the key itself."""

    key: Key
    name: str | None
    identity: str = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "identity", identity(self.key, self.name))

    @property
    def label(self) -> str:
        return self.key.shown if self.name is None else f"{self.name or DEFAULT} of {self.key.shown}"

    @property
    def property_name(self) -> str:
        """The value's name for the property cmdlets, which refuse '' for writing (reg-sip-default)."""
        return self.name or DEFAULT


def _target(arguments: RegeditArguments) -> _Target:
    key = parse_key(arguments.path)
    if arguments.view == "32" and (twin := key.twin()) is not None:
        key = twin
    whole_key = arguments.data is None if arguments.state == "present" else arguments.delete_key
    return _Target(key, None if whole_key and not arguments.name else arguments.name)


class WinRegedit(StateModule[RegeditArguments]):
    name = MODULE
    aliases = ("ansible.windows.win_regedit",)
    summary = "Registry values of every kind, and whole keys, in the 64-bit and the 32-bit view"
    notes = (
        "Missing keys are made, the topmost first; existing ones are never made anew.",
        "The unnamed value of an existing key can be set, but not removed: the registry provider offers no way.",
        "A key that holds values or subkeys cannot be brought back once it is removed.",
        "A key whose name contains a slash can be read and its values set, but it cannot be created.",
    )
    examples = """\
- name: Strong cryptography for .NET, for 64-bit and 32-bit programs
  win_regedit:
    path: HKLM:\\SOFTWARE\\Microsoft\\.NETFramework\\v4.0.30319
    name: SchUseStrongCrypto
    type: dword
    data: 1
    view: both

- name: A key that must not be there
  win_regedit:
    path: HKLM:\\SOFTWARE\\Contoso\\Old
    state: absent
"""
    arguments = RegeditArguments

    def parts(self, arguments: RegeditArguments) -> tuple[RegeditArguments, ...]:
        if arguments.view != "both":
            return (arguments,)
        return tuple(arguments.model_copy(update={"view": view}) for view in ("64", "32"))

    def key(self, arguments: RegeditArguments) -> str:
        return _target(arguments).identity

    def shown(self, arguments: RegeditArguments) -> Shown:
        target = _target(arguments)
        return Shown("registry", target.key.shown, "" if target.name is None else target.property_name)

    def read(self, wanted: Sequence[RegeditArguments], rounds: Sequence[Round]) -> tuple[Statement, ...]:
        return next_round([_asked(arguments) for arguments in wanted], rounds)

    def observe(self, wanted: Sequence[RegeditArguments], rounds: Sequence[Round]) -> tuple[State | Unreadable, ...]:
        return tuple(_state(finding) for finding in conclude([_asked(arguments) for arguments in wanted], rounds))

    def desired(self, arguments: RegeditArguments, before: State) -> Desired | Impossible:
        target = _target(arguments)
        if arguments.state == "absent":
            if target.name == "" and before.exists:
                return Impossible(
                    f"{target.label} cannot be removed: the registry provider offers no way (reg-rip-default)"
                )
            return Desired(False)
        if slashed := [key for key in _missing(before) if "/" in key]:
            return Impossible(f"the key {slashed[0]} cannot be created: New-Item takes the slash for a separator")
        if target.name is None:
            return Desired(True)
        return Desired(True, {"type": arguments.type, "data": arguments.data})

    def implied(self, arguments: RegeditArguments, desired: Desired) -> tuple[Implied, ...]:
        """What is there needs all keys above it: a task that removes one of them contradicts it."""
        target = _target(arguments)
        if not desired.exists:
            return ()
        return is_there(*(target.key.line if target.name is not None else target.key.line[:-1]))

    def promise(self, arguments: RegeditArguments, before: State, desired: Desired) -> State:
        if desired.exists:
            whole = {name: wish for name, wish in desired.properties.items() if not isinstance(wish, OtherThan)}
            return State(True, MappingProxyType(whole))  # all that is read of it is wished for
        target = _target(arguments)
        return before if not before.exists else _absent((target.key.literal,) if target.name is None else ())

    def write(self, arguments: RegeditArguments, before: State) -> tuple[Statement, ...]:
        target = _target(arguments)
        if arguments.state == "present":
            made = tuple((command("New-Item", Path=path),) for path in _missing(before))
            return made if target.name is None else (*made, _set(target, arguments.type, arguments.data))
        return (_remove_key(target.key, before),) if target.name is None else (_remove_value(target),)

    def undo(self, arguments: RegeditArguments, before: State, after: State) -> tuple[Statement, ...] | Irreversible:
        target = _target(arguments)
        if not before.exists:
            return _undo_creation(target, before)
        if target.name is not None:
            return _undo_value(target, before)
        values, subkeys = before.properties.get(VALUES), before.properties.get(SUBKEYS)
        if values or subkeys:
            return Irreversible(
                f"{target.label} holds {values!s} values and {subkeys!s} subkeys, which are lost with it"
            )
        return ((command("New-Item", Path=target.key.literal),),)

    def over(
        self, arguments: RegeditArguments, before: State, earlier: Sequence[tuple[RegeditArguments, State]]
    ) -> State:
        target = _target(arguments)
        for other, after in earlier:
            before = _over(target, before, _target(other), after)
        return before


def _asked(arguments: RegeditArguments) -> Asked:
    target = _target(arguments)
    return Asked(target.key, target.name, contents=target.name is None and arguments.state == "absent")


def _state(finding: Finding) -> State | Unreadable:
    if isinstance(finding, FoundValue):
        return State(True, MappingProxyType({"type": finding.kind, "data": finding.data}))
    if isinstance(finding, FoundKey):
        held = {} if finding.values is None else {VALUES: finding.values, SUBKEYS: finding.subkeys}
        return State(True, MappingProxyType(held))
    if isinstance(finding, Missing):
        return _absent(tuple(key.literal for key in finding.keys))
    return finding


def _absent(missing: tuple[str, ...] = ()) -> State:
    return State(False, MappingProxyType({MISSING_KEYS: missing}))


def _missing(state: State) -> tuple[str, ...]:
    missing = state.properties.get(MISSING_KEYS, ())
    return missing if isinstance(missing, tuple) else ()


def _set(target: _Target, kind: str, data: Data) -> Statement:
    """Always with -Type: without it a list, UInt32 or Boolean becomes a String (reg-sip-notype-*)."""
    return (
        command(
            "Set-ItemProperty",
            LiteralPath=target.key.literal,
            Name=target.property_name,
            Value=sent(kind, data),
            Type=type_word(kind),
        ),
    )


def _remove_value(target: _Target) -> Statement:
    return (command("Remove-ItemProperty", LiteralPath=target.key.literal, Name=target.property_name),)


def _remove_key(key: Key, before: State) -> Statement:
    """-Recurse only where subkeys were seen and are in the plan: without it a key that got some since is spared."""
    if before.properties.get(SUBKEYS):
        return (command("Remove-Item", LiteralPath=key.literal, Recurse=True),)
    return (command("Remove-Item", LiteralPath=key.literal),)


def _undo_creation(target: _Target, before: State) -> tuple[Statement, ...] | Irreversible:
    """Created keys go again, the deepest first, and with them the value; only they do."""
    made = tuple((command("Remove-Item", LiteralPath=path),) for path in reversed(_missing(before)))
    if made or target.name is None:
        return made
    if target.name == "":
        return Irreversible(f"{target.label} was not set, and the registry provider cannot remove it")
    return (_remove_value(target),)


def _undo_value(target: _Target, before: State) -> tuple[Statement, ...] | Irreversible:
    kind, data = before.properties["type"], before.properties["data"]
    if isinstance(kind, str) and is_writable(data, kind):
        return (_set(target, kind, data),)
    return Irreversible(f"{target.label} is of kind {kind!s}, which cannot be written with this data")


def _over(target: _Target, before: State, other: _Target, after: State) -> State:
    """`before` of a target after one earlier change: the same thing, a key made on its way, a key removed above it.

    Of a key that is to be removed also what else earlier tasks remove from it. What they put below it does not come
    to be counted: such a task contradicts the removal.
    """
    if other.identity == target.identity:
        return after
    if after.exists and not before.exists:
        left = tuple(path for path in _missing(before) if not parse_key(path).holds(other.key))
        return State(True) if target.name is None and not left else _absent(left)
    if not after.exists and other.name is None and other.key.holds(target.key):
        return _absent(tuple(key.literal for key in target.key.line if other.key.holds(key)))
    if not after.exists and target.name is None:
        return _less(before, target.key, other)
    return before


def _less(before: State, key: Key, removed: _Target) -> State:
    """A key, with one value or subkey less if what was removed is directly in it."""
    if removed.name is None:
        counted, holder = SUBKEYS, removed.key.line[-2:-1]
    else:
        counted, holder = VALUES, (removed.key,)
    count = before.properties.get(counted)
    if not isinstance(count, int) or [one.identity for one in holder] != [key.identity]:
        return before
    return State(before.exists, MappingProxyType({**before.properties, counted: count - 1}))
