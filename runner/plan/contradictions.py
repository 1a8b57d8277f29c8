"""Two tasks that want different things of one property of one thing: no order of them ever ends compliant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from runner.model.errors import Problem
from runner.model.plan import Heading
from runner.model.state import Desired, OtherThan, Property, same
from runner.model.task import Header


@dataclass(frozen=True, slots=True)
class Wanting:
    """What one task wants of a thing; `thing` is the module's name and its key."""

    header: Header
    heading: Heading
    thing: tuple[str, str]
    desired: Desired


def contradictions(wanting: Sequence[Wanting]) -> tuple[Problem, ...]:
    """One problem for each contradiction, positioned at the later task; its text says where the earlier one stands."""
    things: dict[tuple[str, str], list[Wanting]] = {}
    for one in wanting:
        things.setdefault(one.thing, []).append(one)
    return tuple(
        _problem(first, second, *clash)
        for together in things.values()
        for first, second in combinations(together, 2)
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


def _problem(first: Wanting, second: Wanting, name: str, wish: Property, other: Property) -> Problem:
    heading = " ".join(filter(None, (second.heading.kind, second.heading.name, second.heading.property)))
    return Problem(
        f"{second.header.name!r} wants {name} {other!r} of {heading}, but {first.header.name!r} "
        f"({first.header.origin}) wants {wish!r}",
        second.header.origin,
        "let only one task set it, or give the two conditions that exclude each other",
    )
