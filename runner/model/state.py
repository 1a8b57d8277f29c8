"""What a thing on a host is like, what it should be like, and the one comparison of the two (design idea 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

Property = None | bool | int | str | bytes | tuple[str, ...]
EMPTY: Mapping[str, Property] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class State:
    """A thing as read, or as promised. A thing that is absent may still have properties (a key's missing parents).

    Properties are compared by value and type: True is not 1, "1" is not 1.
    """

    exists: bool
    properties: Mapping[str, Property] = field(default_factory=lambda: EMPTY)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The thing could not be read: neither absent nor ok. `reason` is for people."""

    reason: str


@dataclass(frozen=True, slots=True)
class Held:
    """Somebody else must act before the thing can be as wanted: `owner`, such as "Group Policy". `reason` says why.

    `blocks`: nothing at all may be changed on the host before.
    """

    reason: str
    owner: str
    blocks: bool = False


@dataclass(frozen=True, slots=True)
class OtherThan:
    """A property must be another than this one: the process id after a restart, the boot time after a reboot."""

    value: Property


Wish = Property | OtherThan


@dataclass(frozen=True, slots=True)
class Desired:
    """What a task wants: presence or absence, and only the properties the user named."""

    exists: bool
    properties: Mapping[str, Wish] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Difference:
    """One line of a diff. None of `property` is the existence of the thing itself (values True and False)."""

    property: str | None
    before: Property
    after: Wish


def same(left: Property, right: Property) -> bool:
    return type(left) is type(right) and left == right


def meets(value: Property, wish: Wish) -> bool:
    return not same(value, wish.value) if isinstance(wish, OtherThan) else same(value, wish)


def differences(state: State, desired: Desired) -> tuple[Difference, ...]:
    """What has to change to get from a state to what is desired; empty when it is met."""
    found = []
    if state.exists != desired.exists:
        found.append(Difference(None, state.exists, desired.exists))
    if desired.exists:
        found += [
            Difference(name, state.properties.get(name), wish)
            for name, wish in desired.properties.items()
            if not meets(state.properties.get(name), wish)
        ]
    return tuple(found)


def drift(planned: State, now: State, volatile: frozenset[str] = frozenset()) -> tuple[Difference, ...]:
    """How a state differs from the one a plan was made for; properties that change by themselves do not count."""
    found = [] if planned.exists == now.exists else [Difference(None, planned.exists, now.exists)]
    names = [*planned.properties, *(name for name in now.properties if name not in planned.properties)]
    found += [
        Difference(name, planned.properties.get(name), now.properties.get(name))
        for name in names
        if name not in volatile and not same(planned.properties.get(name), now.properties.get(name))
    ]
    return tuple(found)


def promised(before: State, desired: Desired) -> State:
    """The expected state after the change: what was, with the desired over it. `OtherThan` leaves a property open."""
    if not desired.exists:
        return State(False)
    kept = dict(before.properties) if before.exists else {}
    for name, wish in desired.properties.items():
        if isinstance(wish, OtherThan):
            kept.pop(name, None)
        else:
            kept[name] = wish
    return State(True, MappingProxyType(kept))
