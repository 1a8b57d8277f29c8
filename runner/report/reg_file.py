"""A registry backup as a `.reg` file, from what a plan, and a run at its deferred steps, read before any change.

The format is that of Microsoft's "How to add, modify, or delete registry subkeys and values by using a .reg file"
(support article 310516); a type without a form of its own stands as the number that winnt.h gives it: `hex(2):`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from runner.model.command import Statement
from runner.model.document import digest
from runner.model.errors import InputError, Problem
from runner.model.outcome import HostOutcome, Result
from runner.model.plan import Plan, Step, Verdict
from runner.model.state import Property, State
from runner.modules.registry import DEFAULT, HIVES, MODULE, Key, any_key, fold, identity
from runner.modules.win_regedit import MISSING_KEYS, SUBKEYS, VALUES
from runner.report.words import clean, count

_HEADER = "Windows Registry Editor Version 5.00"
_TYPES: Mapping[str, int] = MappingProxyType(
    {"none": 0, "string": 1, "expandstring": 2, "binary": 3, "dword": 4, "multistring": 7, "qword": 11}
)
_COMMANDS = frozenset({"New-Item", "Remove-Item", "Set-ItemProperty", "New-ItemProperty", "Remove-ItemProperty"})
_CURRENT_USER = "HKEY_CURRENT_USER is that of the account the runner works with: import this as that account"
_UNTOUCHED = frozenset({Result.NOT_TRIGGERED, Result.NOTHING_TO_DO, Result.HELD, Result.BLOCKED, Result.NOT_STARTED})
_AFTER = "`ce-runner backup RUN` writes one with it"
_WIDTH = 76  # characters of a line of hex digits, about where regedit breaks it


def reg_files(plan: Plan, outcomes: Iterable[HostOutcome] = ()) -> dict[str, bytes]:
    """The file of each host whose registry the plan changes, by the host's name: UTF-16 with BOM and CRLF, as regedit
    writes it.

    What it holds is what the plan read: a value as it was, `"name"=-` for one that was absent, `[-KEY]` for a key that
    did not exist. With the `outcomes` of a run also what that read before the changes that were decided in it. What a
    file of this kind cannot bring back is named in a comment.
    Errors: InputError for a plan that no ce-runner wrote.
    """
    ended = {(one.play, one.host): one for one in outcomes}
    steps: dict[str, list[Step]] = {}
    for host in (host for play in plan.plays for host in play.hosts):
        steps.setdefault(host.host, []).extend(_decided(host.steps, ended.get((host.play, host.host))))
    found = {host: _Backup.of(own) for host, own in steps.items()}
    return {
        host: _encoded(["", *_head(host, plan), *backup.lines()])
        for host, backup in found.items()
        if backup.sections or backup.gone or backup.remarks
    }


def _decided(steps: Iterable[Step], outcome: HostOutcome | None) -> Iterator[Step]:
    """The steps, the deferred ones with what a run decided; without those that it decided to leave alone."""
    ended = {action.step: action for action in outcome.actions} if outcome else {}
    for step in steps:
        known = ended.get(str(step.header.id)) if step.verdict is Verdict.DEFERRED else None
        if known and known.action:
            yield replace(step, before=known.action.before, action=known.action)
        elif known is None or known.result not in _UNTOUCHED:
            yield step


def _encoded(lines: Iterable[str]) -> bytes:
    text = "\r\n".join([_HEADER, *lines, ""])
    return b"\xff\xfe" + text.encode("utf-16-le", "surrogatepass")  # a name may hold half of a pair


def _head(host: str, plan: Plan) -> Iterator[str]:
    yield f"; the registry of {clean(host)} before a run of ce-runner {clean(plan.tool)}"
    yield f"; as read for the plan of {clean(plan.created)}, SHA-256 {digest(plan)}"
    yield "; bring it back on this host only, as an administrator: reg import FILE"


@dataclass(slots=True)
class _Section:
    """One key that was there, with the lines of its values."""

    key: Key
    values: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Backup:
    """What was on one host. Only the first step on a thing tells what was there before the run."""

    gone: list[Key] = field(default_factory=list)  # keys that did not exist, each the topmost
    sections: dict[str, _Section] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)
    _there: set[str] = field(default_factory=set)  # keys that did exist

    @classmethod
    def of(cls, steps: Iterable[Step]) -> _Backup:
        backup = cls()
        for step in steps:
            target = _own_target(step)
            if target is not None and step.before is not None:
                backup._take(*target, step)
            else:
                backup.remarks += _left_out(step)
        return backup

    def _take(self, key: Key, name: str | None, step: Step) -> None:
        before = step.before
        assert before is not None
        missing = _missing(before, step)
        if any(_steers(one.full) for one in (key, *missing)):
            self.remarks.append(f"{clean(key.shown)} cannot stand in a file of this kind, and nothing in it")
            return
        if any(one.identity in self._there for one in missing):
            return  # an earlier step removes that key; what was in it is counted there
        if any(one.holds(key) for one in self.gone):
            return  # only the plan itself puts it there
        if missing:
            self.gone.append(missing[0])
            return
        thing = identity(key, name)
        if thing in self._seen:
            return
        self._seen.add(thing)
        self._there.update(one.identity for one in key.line)
        section = self.sections.setdefault(key.identity, _Section(key))
        if name is not None:
            section.values += self._value(key, name, before)
        elif held := _held(before):
            self.remarks.append(f"{clean(key.shown)} is removed: it held {held}, which are not in this file")

    def _value(self, key: Key, name: str, before: State) -> Iterator[str]:
        data = _data(before) if before.exists else "-"
        if data is None or _breaks(name):
            self.remarks.append(f"{clean(name)} of {clean(key.shown)} cannot stand in a file of this kind")
            return
        named = "@" if fold(name) == fold(DEFAULT) else f'"{_escaped(name)}"'
        yield from _wrapped(f"{named}=", data) if data.startswith("hex") else (f"{named}={data}",)

    def lines(self) -> Iterator[str]:
        remarks = dict.fromkeys(self.remarks)
        if any(key.hive == HIVES["HKCU"] for key in (*self.gone, *(one.key for one in self.sections.values()))):
            remarks[_CURRENT_USER] = None
        if remarks:
            yield from ("", *(f"; {remark}" for remark in remarks))
        for key in self.gone:
            yield from ("", f"[-{key.full}]")
        for section in self.sections.values():
            yield from ("", f"[{section.key.full}]", *section.values)


def _own_target(step: Step) -> tuple[Key, str | None] | None:
    """The value, or the key (None), that a step is about; None if it is about something else."""
    targets = _targets(step)
    return targets[-1] if targets and identity(*targets[-1]) == step.key else None


def _targets(step: Step) -> list[tuple[Key, str | None]]:
    """The keys and values that a step writes to."""
    statements = step.action.write if step.action else ()
    return [target for statement in statements if (target := _target(statement))]


def _target(statement: Statement) -> tuple[Key, str | None] | None:
    if not statement:  # which only a plan edited by hand has
        return None
    parameters = dict(statement[-1].parameters)
    path, name = parameters.get("LiteralPath", parameters.get("Path")), parameters.get("Name")
    if statement[-1].name not in _COMMANDS or not isinstance(path, str):
        return None
    try:
        return any_key(path), name if isinstance(name, str) else None
    except ValueError:
        return None  # a file, a folder


def _left_out(step: Step) -> Iterator[str]:
    for key, name in _targets(step):
        thing = clean(f"{key.shown} {name or ''}".rstrip())
        yield f"{thing} changes with {clean(step.header.name)}, and is not in this file"
    if step.verdict is Verdict.DEFERRED and step.header.module == MODULE:
        yield f"{clean(step.header.name)} is read and decided during the run, and is not in this file: {_AFTER}"


def _missing(before: State, step: Step) -> list[Key]:
    """The keys that did not exist on the way to an absent thing. Errors: InputError where they are no keys."""
    paths = before.properties.get(MISSING_KEYS)
    try:
        return [any_key(str(path)) for path in paths] if isinstance(paths, tuple) else []
    except ValueError as error:
        message = f"what the plan read for the task {step.header.name!r} is damaged: {MISSING_KEYS}: {error}"
        raise InputError(Problem(message)) from None


def _held(before: State) -> str:
    numbers = ((before.properties.get(VALUES), "value"), (before.properties.get(SUBKEYS), "subkey"))
    return " and ".join(count(number, what) for number, what in numbers if isinstance(number, int) and number)


def _data(before: State) -> str | None:
    """The data of a value; None for a kind that has no number here, or data that no value of its kind has."""
    kind, data = before.properties.get("type"), before.properties.get("data")
    if not isinstance(kind, str) or kind not in _TYPES:
        return None
    if kind == "string" and isinstance(data, str) and data.isprintable():
        return f'"{_escaped(data)}"'
    if kind == "dword" and type(data) is int:
        return f"dword:{data:08x}" if 0 <= data < 1 << 32 else None
    number = "" if kind == "binary" else f"({_TYPES[kind]:x})"
    raw = _raw(data)
    return None if raw is None else f"hex{number}:{raw.hex(',')}"


def _raw(data: Property) -> bytes | None:
    """The bytes of a value as the registry keeps them; numbers of eight bytes, for a DWORD has a form of its own."""
    match data:
        case bytes():
            return data
        case bool():
            return None
        case int():
            return data.to_bytes(8, "little") if 0 <= data < 1 << 64 else None
        case str():
            return _utf16(data + "\0")
        case tuple() if all(isinstance(text, str) for text in data):
            return _utf16("".join(text + "\0" for text in data) + "\0")
    return None


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _steers(key: str) -> bool:
    """Whether a key's name, which a file cannot quote, holds what could end its line: any control character."""
    return any(unicodedata.category(char) == "Cc" for char in key)


def _breaks(text: str) -> bool:
    """Whether it would end its line, in quotes too."""
    return any(char in text for char in "\r\n\0")


def _wrapped(named: str, data: str) -> Iterator[str]:
    """A value of hex digits in lines: all but the last end with a backslash, all but the first begin with blanks."""
    kind, _, digits = data.partition(":")
    line = f"{named}{kind}:"
    for pair in digits.split(","):
        if len(line) + len(pair) > _WIDTH and line.endswith(","):
            yield f"{line}\\"
            line = "  "
        line += f"{pair},"
    yield line.removesuffix(",")
