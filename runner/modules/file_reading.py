r"""Reads files and folders of a host, in at most two rounds.

Round one asks, for all at once and without errors, what exists and what it is; round two asks again, one by one and
with errors, where these answers do not explain each other, and counts what folders hold.

Test-Path answers one Boolean for each path, even beside an error, and False where the drive or the provider is missing
(finding F3 of groundtruth/pwsh76): so each drive's root is asked for as well. Get-FileHash of Windows PowerShell ends
at the first file that it cannot open, so that a file without a hash says nothing of those behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from runner.model.command import Command, Reply, ReplyState, Statement, command
from runner.model.state import Unreadable
from runner.model.value import PSObject, Value
from runner.modules.base import Round, errors_of, why_unread
from runner.modules.host_files import Place
from runner.modules.registry import fold

_PATHS = 500  # per statement
_NOT_FOUND = "PathNotFound"  # Get-Item's error id for what is not there (provider.getitem-*)


@dataclass(frozen=True, slots=True)
class Asked:
    """A file or folder. `hashed`: the SHA-256 of a file; `counted`: how many entries a folder holds."""

    place: Place
    hashed: bool = False
    counted: bool = False


@dataclass(frozen=True, slots=True)
class FoundFile:
    sha256: str = ""  # lower case; "" unless it was asked for


@dataclass(frozen=True, slots=True)
class FoundFolder:
    entries: int | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """Not there; `folders` are the missing ones that it would be in, the topmost first."""

    folders: tuple[Place, ...]


Finding = FoundFile | FoundFolder | Missing | Unreadable


def next_round(asked: Sequence[Asked], rounds: Sequence[Round]) -> tuple[Statement, ...]:
    """The statements of the next round; () when enough is known."""
    if not rounds:
        return tuple(_first(asked))
    if len(rounds) == 1:
        return tuple(_second(asked, _Answers(rounds)))
    return ()


def conclude(asked: Sequence[Asked], rounds: Sequence[Round]) -> tuple[Finding, ...]:
    """What the answers say of each thing asked, in the order of `asked`."""
    answers = _Answers(rounds)
    return tuple(answers.of(thing) for thing in asked)


def _first(asked: Sequence[Asked]) -> Iterator[Statement]:
    yield from (_existence(places) for places in _in_pieces(_line(asked)))
    yield from (_items(places, silent=True) for places in _in_pieces([thing.place for thing in asked]))
    yield from (_hashes(places, silent=True) for places in _in_pieces([one.place for one in asked if one.hashed]))


def _second(asked: Sequence[Asked], answers: _Answers) -> Iterator[Statement]:
    yield from (_items((thing.place,), silent=False) for thing in asked if answers.is_doubtful(thing))
    yield from (_hashes((thing.place,), silent=False) for thing in asked if answers.lacks_hash(thing))
    yield from (_count(thing.place) for thing in asked if thing.counted and answers.is_folder(thing))


def _line(asked: Sequence[Asked]) -> list[Place]:
    """The drives' roots first, then what is asked for with the folders it is in."""
    return [
        *(thing.place.root for thing in asked),
        *(one for thing in asked for one in (*thing.place.above, thing.place)),
    ]


def _in_pieces(places: Sequence[Place]) -> Iterator[tuple[Place, ...]]:
    unique = tuple({place.identity: place for place in places}.values())
    yield from (unique[start : start + _PATHS] for start in range(0, len(unique), _PATHS))


def _existence(places: tuple[Place, ...]) -> Statement:
    return (command("Test-Path", LiteralPath=_literals(places)),)


def _items(places: tuple[Place, ...], *, silent: bool) -> Statement:
    """-Force shows hidden ones too."""
    return (
        _asking("Get-Item", places, silent, ("Force", True)),
        command("Select-Object", Property=("FullName", "PSIsContainer")),
    )


def _hashes(places: tuple[Place, ...], *, silent: bool) -> Statement:
    return (
        _asking("Get-FileHash", places, silent, ("Algorithm", "SHA256")),
        command("Select-Object", Property=("Path", "Hash")),
    )


def _count(place: Place) -> Statement:
    return (command("Get-ChildItem", LiteralPath=place.full, Force=True), command("Measure-Object"))


def _asking(name: str, places: tuple[Place, ...], silent: bool, more: tuple[str, Value]) -> Command:
    paths: tuple[tuple[str, Value], ...] = (("LiteralPath", _literals(places)), more)
    return Command(name, (*paths, ("ErrorAction", "SilentlyContinue")) if silent else paths)


def _literals(places: Iterable[Place]) -> tuple[str, ...]:
    return tuple(place.full for place in places)


class _Answers:
    """What the replies so far say, by the identity of the place."""

    def __init__(self, rounds: Sequence[Round]) -> None:
        self._exists: dict[str, bool] = {}
        self._kinds: dict[str, bool] = {}  # whether it is a folder
        self._sums: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._doubtful: set[str] = set()  # said to be missing, beside an error that may be about any of them
        self._trouble: dict[str, str] = {}
        for answered in rounds:
            for statement, reply in zip(answered.statements, answered.replies, strict=True):
                self._take(statement, reply)

    def is_folder(self, thing: Asked) -> bool:
        return self._kinds.get(thing.place.identity) is True

    def is_doubtful(self, thing: Asked) -> bool:
        """Get-Item must say it with its error: it is there and was not shown, or may be there."""
        identity = thing.place.identity
        if identity in self._trouble or identity in self._kinds:
            return False
        return self._exists.get(identity) is True or identity in self._doubtful

    def lacks_hash(self, thing: Asked) -> bool:
        identity = thing.place.identity
        return thing.hashed and self._kinds.get(identity) is False and identity not in self._sums

    def of(self, thing: Asked) -> Finding:
        place = thing.place
        line = (place.root, *place.above, place)
        if troubled := [one for one in line if one.identity in self._trouble]:
            return Unreadable(f"{troubled[0].full}: {self._trouble[troubled[0].identity]}")
        if place.identity not in self._kinds:
            return self._missing(place)
        if self._kinds[place.identity]:
            entries = self._counts.get(place.identity)
            if thing.counted and entries is None:
                return Unreadable(f"{place.full}: what the folder holds could not be read")
            return FoundFolder(entries)
        sha256 = self._sums.get(place.identity, "")
        if thing.hashed and not sha256:
            return Unreadable(f"{place.full}: its SHA-256 could not be read")
        return FoundFile(sha256)

    def _missing(self, place: Place) -> Finding:
        if not self._exists.get(place.root.identity):
            return Unreadable(f"{place.full}: there is no drive {place.root.full}, or the session shows no files")
        if self._exists.get(place.identity):
            return Unreadable(f"{place.full}: it exists, but the host did not answer for it")
        return Missing(tuple(folder for folder in place.above if not self._exists.get(folder.identity)))

    def _take(self, statement: Statement, reply: Reply) -> None:
        name, parameters = statement[0].name, dict(statement[0].parameters)
        given = parameters["LiteralPath"]
        places = [Place(str(path)) for path in (given if isinstance(given, tuple) else (given,))]
        silent = "ErrorAction" in parameters
        if reply.state is not ReplyState.DONE:
            self._blame(places, why_unread(reply))
        elif name == "Test-Path":
            self._take_existence(places, reply)
        elif name == "Get-ChildItem":
            self._take_count(places[0], reply)
        else:
            self._take_objects(reply)
            if not silent:
                self._explain(places[0], reply)

    def _take_existence(self, places: Sequence[Place], reply: Reply) -> None:
        if len(reply.outputs) != len(places):
            self._blame(places, errors_of(reply) or "the host did not say of each path whether it exists")
            return
        for place, answer in zip(places, reply.outputs, strict=True):
            self._exists[place.identity] = answer is True
            if reply.errors and answer is not True:
                self._doubtful.add(place.identity)

    def _take_objects(self, reply: Reply) -> None:
        for output in reply.outputs:
            if not isinstance(output, PSObject):
                continue
            name, is_folder = output.get("FullName"), output.get("PSIsContainer")
            path, sha256 = output.get("Path"), output.get("Hash")
            if isinstance(name, str) and isinstance(is_folder, bool):
                self._kinds[fold(name)] = is_folder
            elif isinstance(path, str) and isinstance(sha256, str):
                self._sums[fold(path)] = sha256.lower()

    def _take_count(self, place: Place, reply: Reply) -> None:
        counted = reply.outputs[0].get("Count") if reply.outputs and isinstance(reply.outputs[0], PSObject) else None
        if reply.errors or not isinstance(counted, int):
            self._blame([place], errors_of(reply) or "what the folder holds could not be read")
        else:
            self._counts[place.identity] = int(counted)

    def _explain(self, place: Place, reply: Reply) -> None:
        """A lone question with its error: not there is an answer, all else is trouble."""
        self._doubtful.discard(place.identity)
        if any(error.name != _NOT_FOUND for error in reply.errors):
            self._blame([place], errors_of(reply))
        elif reply.errors:
            self._exists[place.identity] = False

    def _blame(self, places: Iterable[Place], reason: str) -> None:
        for place in places:
            self._trouble.setdefault(place.identity, reason)
