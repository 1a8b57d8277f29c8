"""Two tasks that want different things of one property of one thing: no order of them ever ends compliant.

A task speaks of more than its own thing: a registry value needs its key, a service's start mode is a registry value
(`StateModule.implied`). So tasks of different keys, and even of different modules, can contradict each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from runner.model.errors import Problem
from runner.model.plan import Heading
from runner.model.state import Desired, OtherThan, Property, same
from runner.model.task import Header
from runner.modules.base import Implied


@dataclass(frozen=True, slots=True)
class Wanting:
    """What one task wants of a thing, and what follows for others; `thing` is the module's name and its key."""

    header: Header
    heading: Heading
    thing: tuple[str, str]
    desired: Desired
    implied: tuple[Implied, ...] = ()


@dataclass(frozen=True, slots=True)
class _Claim:
    """What one task says of one thing; `own` if it is the thing that the task is about."""

    task: Wanting
    desired: Desired
    own: bool

    @property
    def verb(self) -> str:
        return "wants" if self.own else "needs"


def contradictions(wanting: Sequence[Wanting]) -> tuple[Problem, ...]:
    """One problem for each contradiction, positioned at the later task; its text says where the earlier one stands."""
    things: dict[tuple[str, str], list[_Claim]] = {}
    for one in wanting:
        things.setdefault(one.thing, []).append(_Claim(one, one.desired, own=True))
        for other in one.implied:
            things.setdefault((other.module, other.key), []).append(_Claim(one, other.desired, own=False))
    return tuple(
        _problem(first, second, *clash)
        for claims in things.values()
        if any(claim.own for claim in claims)  # most things are only implied: all keys above a value
        for first, second in combinations(claims, 2)
        if first.own or second.own  # two tasks of one thing imply the same: their own things are told
        for clash in _clashes(first.desired, second.desired)
    )


def _clashes(first: Desired, second: Desired) -> Iterator[tuple[str, Property, Property]]:
    if first.exists != second.exists:
        yield "existence", first.exists, second.exists
        return
    for name, wish in first.properties.items():
        other = second.properties.get(name, wish)
        if not isinstance(wish, OtherThan) and not isinstance(other, OtherThan) and not same(wish, other):
            yield name, wish, other


def _problem(first: _Claim, second: _Claim, name: str, wish: Property, other: Property) -> Problem:
    thing = (second if second.own else first).task.heading
    heading = " ".join(filter(None, (thing.kind, thing.name, thing.property)))
    header = second.task.header
    return Problem(
        f"{header.name!r} {second.verb} {name} {other!r} of {heading}, but {first.task.header.name!r} "
        f"({first.task.header.origin}) {first.verb} {wish!r}",
        header.origin,
        "let only one task set it, or give the two conditions that exclude each other",
    )
