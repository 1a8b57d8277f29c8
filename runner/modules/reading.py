"""Reads many things of many modules in as few batches as possible (design idea 4). No I/O: the caller sends.

`survey` is a generator: it yields statements, wants their replies sent in, and returns the findings; `read_all` runs
it with a function that sends.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, cast

from runner.model.command import Reply, Statement
from runner.model.state import State, Unreadable
from runner.modules.base import Arguments, FactModule, Facts, Round, StateModule
from runner.modules.coalescing import coalesce, one_by_one

Found = State | Unreadable | Facts
Survey = Generator[tuple[Statement, ...], tuple[Reply, ...], tuple[Found, ...]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing to read: a part of a state module's task, or the facts."""

    module: StateModule[Any] | FactModule[Any]
    arguments: Arguments


def survey(wanted: Sequence[Wanted]) -> Survey:
    """The driver: yields the statements of one round of all modules together, takes a Reply for each of them.

    All things of one module are asked together, questions that are the same are asked once, and those of the first
    round that differ in their paths only are asked as one; what is asked later is asked the way it is on purpose (one
    by one, to learn whose an error is). It returns what was found, in the order of `wanted`.
    """
    groups = _groups(wanted)
    merge = coalesce
    while statements_of := {name: asked for name, group in groups.items() if (asked := group.next_round())}:
        batch = _Batch()
        places = {name: tuple(map(batch.place, asked)) for name, asked in statements_of.items()}
        merged, merge = merge(batch.statements), one_by_one
        answers = yield tuple(one.statement for one in merged)
        replies = {
            place: reply for one, answer in zip(merged, answers, strict=True) for place, reply in one.replies(answer)
        }
        for name, indices in places.items():
            groups[name].rounds.append(Round(statements_of[name], tuple(replies[index] for index in indices)))
    found: dict[int, Found] = {}
    for group in groups.values():
        found.update(zip(group.positions, group.observe(), strict=True))
    return tuple(found[position] for position in range(len(wanted)))


def read_all(wanted: Sequence[Wanted], send: Callable[[tuple[Statement, ...]], tuple[Reply, ...]]) -> tuple[Found, ...]:
    """The driver run to its end with a function that sends statements; what the function raises ends it."""
    driver = survey(wanted)
    try:
        statements = next(driver)
        while True:
            statements = driver.send(send(statements))
    except StopIteration as done:
        return cast(tuple[Found, ...], done.value)


@dataclass(slots=True)
class _Group:
    """Everything wanted of one module, or the same facts, and the rounds it has had."""

    module: StateModule[Any] | FactModule[Any]
    positions: list[int] = field(default_factory=list)
    arguments: list[Arguments] = field(default_factory=list)
    rounds: list[Round] = field(default_factory=list)

    def next_round(self) -> tuple[Statement, ...]:
        if isinstance(self.module, FactModule):
            return self.module.read(self.arguments[0], self.rounds)
        return self.module.read(self.arguments, self.rounds)

    def observe(self) -> tuple[Found, ...]:
        if isinstance(self.module, FactModule):
            return (self.module.observe(self.arguments[0], self.rounds),) * len(self.positions)
        return self.module.observe(self.arguments, self.rounds)


def _groups(wanted: Sequence[Wanted]) -> dict[str, _Group]:
    groups: dict[str, _Group] = {}
    for position, thing in enumerate(wanted):
        facts = f" {thing.arguments!r}" if isinstance(thing.module, FactModule) else ""
        group = groups.setdefault(f"{thing.module.name}{facts}", _Group(thing.module))
        group.positions.append(position)
        group.arguments.append(thing.arguments)
    return groups


class _Batch:
    """The statements of one round, each once."""

    def __init__(self) -> None:
        self.statements: list[Statement] = []
        self._places: dict[object, int] = {}

    def place(self, statement: Statement) -> int:
        place = self._places.setdefault(_exact(statement), len(self.statements))
        if place == len(self.statements):
            self.statements.append(statement)
        return place


def _exact(value: object) -> object:
    """Something hashable that is equal only for the same value of the same type: True is not 1, Int32 is not Int64."""
    if isinstance(value, tuple):
        return (tuple, *map(_exact, value))
    if isinstance(value, Mapping):
        return (dict, *((key, _exact(item)) for key, item in value.items()))
    if is_dataclass(value) and not isinstance(value, type):
        return (type(value), *(_exact(getattr(value, part.name)) for part in fields(value)))
    return (type(value), value)
