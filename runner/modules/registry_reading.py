"""Reads registry keys and values with the provider's cmdlets, in at most two rounds.

Round one asks which keys exist and for the values, all at once; round two asks only what these answers leave open: the
exact kind and unexpanded text of strings, the kind of binary data, and why a key that exists answered nothing.
Answers are matched by PSPath, because a key without values answers nothing at all, and judged by error ids
(groundtruth/pwsh76/windows.md, Registry, reading; design sections 3 and 7).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from runner.model.command import Command, Reply, ReplyState, Statement, command
from runner.model.state import Unreadable
from runner.model.value import EnumValue, Int32, Int64, PSObject, UInt32, UInt64, Value
from runner.modules.base import Round, errors_of, why_unread
from runner.modules.registry import DEFAULT, Data, Key, fold, key_of_ps_path, kind_name

_EXISTS = "HKLM:\\SOFTWARE"  # must be there: without drive or provider Test-Path says False to everything, in silence
_PATHS = 500  # per Test-Path
_CELLS = 256  # keys times names per Get-ItemProperty: each key answers every name, if only with null
_WILDCARDS = frozenset("*?[]`")  # Select-Object -Property takes names as patterns
_NOTES = frozenset(map(fold, ("PSPath", "PSParentPath", "PSChildName", "PSDrive", "PSProvider")))


@dataclass(frozen=True, slots=True)
class Asked:
    """A value of a key, by its name ("" is the unnamed one); without a name the key itself.

    `contents` has the key listed: of a key it tells how many values and subkeys it holds, of a value at once that a key
    without answer has none. `expanded` is content with text as Windows expands it, and asks for no kind. `by_listing`:
    only the key's list of names can tell that the value exists, since the name cannot be selected. Without `lineage`
    nobody will make the key, and its ancestors are not asked for.
    """

    key: Key
    name: str | None = None
    contents: bool = False
    expanded: bool = False
    lineage: bool = True
    by_listing: bool = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        name = self.name or ""
        object.__setattr__(self, "by_listing", fold(name) in _NOTES or not _WILDCARDS.isdisjoint(name))

    @property
    def keys(self) -> tuple[Key, ...]:
        """The keys whose existence matters, the topmost first."""
        return self.key.line if self.lineage else (self.key,)


@dataclass(frozen=True, slots=True)
class FoundValue:
    kind: str
    data: Data


@dataclass(frozen=True, slots=True)
class FoundKey:
    """How much the key holds, if that was asked."""

    values: int | None = None
    subkeys: int | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """Not there; `keys` are the missing ones of those whose existence matters (`Asked.keys`), the topmost first."""

    keys: tuple[Key, ...]


Finding = FoundValue | FoundKey | Missing | Unreadable


def next_round(asked: Sequence[Asked], rounds: Sequence[Round]) -> tuple[Statement, ...]:
    """The statements of the next round; () when enough is known."""
    if not rounds:
        return _first_statements(tuple(asked))
    if len(rounds) == 1:
        return tuple(question.statement for question in _second(asked, _Answers(asked, rounds)))
    return ()


def conclude(asked: Sequence[Asked], rounds: Sequence[Round]) -> tuple[Finding, ...]:
    """What the answers say of each thing asked, in the order of `asked`."""
    answers = _Answers(asked, rounds)
    return tuple(answers.of(thing) for thing in asked)


@dataclass(frozen=True, slots=True)
class _Existence:
    keys: tuple[Key, ...]

    @property
    def statement(self) -> Statement:
        return (command("Test-Path", LiteralPath=(_EXISTS, *_literals(self.keys))),)


@dataclass(frozen=True, slots=True)
class _Values:
    """Several values of several keys: names that a key lacks come as null (reg-gip-select-named)."""

    keys: tuple[Key, ...]
    names: tuple[str, ...]

    @property
    def statement(self) -> Statement:
        properties = ("PSPath", *(name or DEFAULT for name in self.names))
        return (
            command("Get-ItemProperty", LiteralPath=_literals(self.keys), ErrorAction="SilentlyContinue"),
            command("Select-Object", Property=properties),
        )


@dataclass(frozen=True, slots=True)
class _Listing:
    """The names of all values, and the number of subkeys (reg-gi-select2)."""

    keys: tuple[Key, ...]
    silent: bool

    @property
    def statement(self) -> Statement:
        paths: tuple[tuple[str, Value], ...] = (("LiteralPath", _literals(self.keys)),)
        silence: tuple[tuple[str, Value], ...] = (("ErrorAction", "SilentlyContinue"),) if self.silent else ()
        return (
            Command("Get-Item", paths + silence),
            command("Select-Object", Property=("PSPath", "Property", "SubKeyCount")),
        )


@dataclass(frozen=True, slots=True)
class _Method:
    """A method of each key with one value's name: one answer for each key, in order (reg-kind-two-keys)."""

    keys: tuple[Key, ...]
    name: str
    method: str
    more: tuple[Value, ...] = ()

    @property
    def statement(self) -> Statement:
        return (
            command("Get-Item", LiteralPath=_literals(self.keys)),
            command("ForEach-Object", MemberName=self.method, ArgumentList=(self.name, *self.more)),
        )


_Question = _Existence | _Values | _Listing | _Method


@lru_cache(maxsize=64)  # the hosts of a play are asked the same
def _first_statements(asked: tuple[Asked, ...]) -> tuple[Statement, ...]:
    return tuple(question.statement for question in _first(asked))


@lru_cache(maxsize=64)
def _first(asked: tuple[Asked, ...]) -> tuple[_Question, ...]:
    return tuple(_first_questions(asked))


def _first_questions(asked: Sequence[Asked]) -> Iterator[_Question]:
    keys = _unique(key for thing in asked for key in thing.keys)
    for start in range(0, max(len(keys), 1), _PATHS):
        yield _Existence(keys[start : start + _PATHS])
    selected: dict[str, tuple[Key, list[str]]] = {}
    for thing in asked:
        if thing.name is not None and not thing.by_listing:
            _, names = selected.setdefault(thing.key.identity, (thing.key, []))
            names.append(thing.name)
    yield from _value_questions(selected.values())
    for listed in _apart(thing.key for thing in asked if thing.contents or thing.by_listing):
        yield _Listing(listed, silent=True)


def _value_questions(selected: Iterable[tuple[Key, list[str]]]) -> Iterator[_Values]:
    """Keys with the same names share a question, and so do others as long as few answers are empty."""
    keys: list[Key] = []
    names: dict[str, str] = {}
    for key, own in sorted(selected, key=lambda pair: sorted(map(fold, pair[1]))):
        own_names = {fold(name): name for name in own}
        if key.has_slash:
            yield _Values((key,), tuple(own_names.values()))
            continue
        joined = {**own_names, **names}
        if keys and (len(keys) + 1) * len(joined) > _CELLS:
            yield _Values(tuple(keys), tuple(names.values()))
            keys, joined = [], own_names
        keys.append(key)
        names = joined
    if keys:
        yield _Values(tuple(keys), tuple(names.values()))


def _apart(keys: Iterable[Key]) -> Iterator[tuple[Key, ...]]:
    """All keys in one question, but each with a slash alone: its PSPath has a backslash there (reg-gip-slash-key)."""
    unique = _unique(keys)
    if together := tuple(key for key in unique if not key.has_slash):
        yield together
    yield from ((key,) for key in unique if key.has_slash)


def _second(asked: Sequence[Asked], answers: _Answers) -> Iterator[_Question]:
    yield from (_Existence((key,)) for key in answers.doubtful)
    for silent in _apart(thing.key for thing in asked if answers.is_silent(thing)):
        yield _Listing(silent, silent=False)
    kinds = _by_name(thing for thing in asked if answers.is_open(thing))
    yield from (_Method(keys, name, "GetValueKind") for name, keys in kinds)
    texts = _by_name(thing for thing in asked if answers.is_open(thing) and isinstance(answers.value(thing), str))
    yield from (_raw(keys, name) for name, keys in texts)
    # A list arrives item by item (reg-getvalue-all), so what may be one is asked for key by key.
    listed = [thing for thing in asked if thing.by_listing and answers.is_open(thing)]
    yield from (_raw((thing.key,), thing.name or "") for thing in listed)


def _by_name(things: Iterable[Asked]) -> Iterator[tuple[str, tuple[Key, ...]]]:
    found: dict[str, tuple[str, list[Key]]] = {}
    for thing in things:
        name = thing.name or ""
        found.setdefault(fold(name), (name, []))[1].append(thing.key)
    return ((name, _unique(keys)) for name, keys in found.values())


def _raw(keys: tuple[Key, ...], name: str) -> _Method:
    return _Method(keys, name, "GetValue", (None, "DoNotExpandEnvironmentNames"))


class _Answers:
    """What the replies so far say, by the identity of the key and the folded name of the value."""

    def __init__(self, asked: Sequence[Asked], rounds: Sequence[Round]) -> None:
        self._exists: dict[str, bool] = {}
        self._values: dict[str, PSObject] = {}
        self._listings: dict[str, PSObject] = {}
        self._kinds: dict[tuple[str, str], Value] = {}
        self._raw: dict[tuple[str, str], tuple[Value, ...]] = {}
        self.doubtful: tuple[Key, ...] = ()  # said to be missing, beside an error that may be about any of them
        self._trouble: dict[str, str] = {}  # why a key could not be read
        self._value_trouble: dict[tuple[str, str], str] = {}
        for number, answered in enumerate(rounds):
            questions = _first(tuple(asked)) if number == 0 else tuple(_second(asked, self))
            for question, reply in zip(questions, answered.replies, strict=True):
                if isinstance(question, _Existence) and reply.state is ReplyState.DONE:
                    self._take_existence(question, reply, apart=number > 0)
                else:
                    self._take(question, reply)

    def value(self, thing: Asked) -> Value:
        """The selected value; None if there is none or it had to be asked for otherwise."""
        found = self._values.get(thing.key.identity)
        if found is None or thing.name is None or thing.by_listing:
            return None
        return found.get(thing.name or DEFAULT)

    def is_silent(self, thing: Asked) -> bool:
        """The key exists, but answered nothing: it has no values, or it may not be read."""
        identity = thing.key.identity
        if identity in self._trouble or not self._exists.get(identity) or identity in self._listings:
            return False
        if thing.by_listing or thing.contents:
            return True
        return thing.name is not None and identity not in self._values

    def is_open(self, thing: Asked) -> bool:
        """The value exists, but what came does not tell its kind."""
        if thing.name is not None and thing.by_listing:
            return self._lists(thing)
        return not thing.expanded and isinstance(self.value(thing), (str, bytes))

    def of(self, thing: Asked) -> Finding:
        identity = thing.key.identity
        if identity in self._trouble:
            return Unreadable(f"{thing.key.shown}: {self._trouble[identity]}")
        if not self._exists[identity]:
            if troubled := [key for key in thing.keys if key.identity in self._trouble]:
                return Unreadable(f"{troubled[0].shown}: {self._trouble[troubled[0].identity]}")
            return Missing(tuple(key for key in thing.keys if not self._exists[key.identity]))
        if thing.name is None:
            return self._key(thing)
        if not thing.by_listing and identity in self._values:
            value = self.value(thing)
            return Missing(()) if value is None else self._found(thing, value)
        if identity not in self._listings:
            return Unreadable(f"{thing.key.shown}: the key exists, but the host did not answer for it")
        if not self._lists(thing):
            return Missing(())
        if not thing.by_listing:
            return Unreadable(f"{thing.key.shown}: {thing.name or DEFAULT} is listed, but has not been answered")
        return self._found(thing, None)

    def _key(self, thing: Asked) -> Finding:
        if not thing.contents:
            return FoundKey()
        listing = self._listings.get(thing.key.identity)
        names, subkeys = (listing.get("Property"), listing.get("SubKeyCount")) if listing else (None, None)
        if not isinstance(names, tuple) or not isinstance(subkeys, int):
            return Unreadable(f"{thing.key.shown}: what the key holds could not be read")
        return FoundKey(len(names), int(subkeys))

    def _found(self, thing: Asked, value: Value) -> Finding:
        """A value with its exact kind: told by the CLIXML type where that is enough, asked for where it is not."""
        if isinstance(value, (Int32, UInt32)):
            return FoundValue("dword", int(value) % (1 << 32))
        if isinstance(value, (Int64, UInt64)):
            return FoundValue("qword", int(value) % (1 << 64))
        if isinstance(value, tuple):
            return FoundValue("multistring", tuple(str(item) for item in value))
        if thing.expanded and isinstance(value, str):
            return FoundValue("string", value)
        place = (thing.key.identity, fold(thing.name or ""))
        kind = self._kinds.get(place)
        if isinstance(kind, EnumValue):
            word = kind_name(kind)
            data = value if isinstance(value, bytes) else _assembled(word, self._raw.get(place, ()))
            if data is not None:
                return FoundValue(word, data)
        reason = self._value_trouble.get(place, "it exists, but its kind and data could not be read")
        return Unreadable(f"{thing.key.shown}: {thing.name or DEFAULT}: {reason}")

    def _lists(self, thing: Asked) -> bool:
        listing = self._listings.get(thing.key.identity)
        names = listing.get("Property") if listing else None
        wanted = fold(thing.name or DEFAULT)
        return isinstance(names, tuple) and any(fold(str(name)) == wanted for name in names)

    def _take(self, question: _Question, reply: Reply) -> None:
        if isinstance(question, _Method):
            self._take_method(question, reply)
        elif reply.state is not ReplyState.DONE:
            self._blame(question.keys, why_unread(reply))
        else:
            found = self._values if isinstance(question, _Values) else self._listings
            for output in reply.outputs:
                if isinstance(output, PSObject) and isinstance(path := output.get("PSPath"), str):
                    slashed = question.keys[0] if question.keys[0].has_slash else None  # asked for alone
                    found[(slashed or key_of_ps_path(path)).identity] = output
            if isinstance(question, _Listing) and reply.errors:
                self._blame([key for key in question.keys if key.identity not in found], errors_of(reply))

    def _take_existence(self, question: _Existence, reply: Reply, *, apart: bool) -> None:
        """One Boolean for each path, even beside an error (F3, reg-test-path), which no record here says of which.

        Only an error beside a key that was asked for `apart` is surely its own: the first round's question may have
        been sent together with others' (`coalescing`).
        """
        answers = reply.outputs
        if len(answers) != len(question.keys) + 1 or answers[0] is not True:
            self._blame(question.keys, errors_of(reply) or f"{_EXISTS} is not found: the registry cannot be read")
            return
        for key, answer in zip(question.keys, answers[1:], strict=True):
            self._exists[key.identity] = answer is True
        missing = tuple(key for key in question.keys if not self._exists[key.identity])
        if apart:
            self.doubtful = tuple(key for key in self.doubtful if key != question.keys[0])
            if reply.errors:
                self._blame(missing, errors_of(reply))
        elif reply.errors:
            self.doubtful += missing

    def _take_method(self, question: _Method, reply: Reply) -> None:
        """Outputs belong to the keys one by one; of a single key all of them are its value's."""
        places = [(key.identity, fold(question.name)) for key in question.keys]
        if reply.errors or reply.state is not ReplyState.DONE:
            self._value_trouble.update(dict.fromkeys(places, why_unread(reply)))
        elif question.method == "GetValueKind" and len(reply.outputs) == len(places):
            self._kinds.update(zip(places, reply.outputs, strict=True))
        elif question.method == "GetValue" and len(places) == 1:
            self._raw[places[0]] = reply.outputs
        elif question.method == "GetValue" and len(reply.outputs) == len(places):
            self._raw.update((place, (output,)) for place, output in zip(places, reply.outputs, strict=True))

    def _blame(self, keys: Iterable[Key], reason: str) -> None:
        for key in keys:
            self._trouble.setdefault(key.identity, reason)


def _assembled(kind: str, items: tuple[Value, ...]) -> Data | None:
    """A value from the items that GetValue wrote; None if they cannot be a value of this kind."""
    if kind == "multistring":
        return tuple(str(item) for item in items)
    if kind in ("binary", "none"):
        return bytes(int(item) for item in items if isinstance(item, int))
    if len(items) != 1:
        return None
    item = items[0]
    if isinstance(item, int):
        return int(item) % (1 << (32 if kind == "dword" else 64))
    return item if isinstance(item, (str, bytes)) else None


def _literals(keys: tuple[Key, ...]) -> tuple[str, ...]:
    return tuple(key.literal for key in keys)


def _unique(keys: Iterable[Key]) -> tuple[Key, ...]:
    return tuple({key.identity: key for key in keys}.values())
