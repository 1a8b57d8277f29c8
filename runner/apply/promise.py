"""What must be read after an action, and the comparison with what is read."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from typing import Any

from runner.model.plan import Action, Step
from runner.model.state import Desired, Difference, OtherThan, State, Wish, differences, drift
from runner.modules.base import StateModule


@dataclass(frozen=True, slots=True)
class Promise:
    """An action's before and after, without the properties that change by themselves and were not asked for."""

    before: State
    after: State
    desired: Desired
    volatile: frozenset[str]

    def missing(self, now: State) -> tuple[Difference, ...]:
        """What of the promise does not hold; () when all of it does."""
        wished = differences(now, self.desired)
        kept = {name: value for name, value in self.after.properties.items() if name not in self.volatile}
        named = {one.property for one in wished}
        rest = differences(now, Desired(self.after.exists, kept))
        return (*wished, *(one for one in rest if one.property not in named))

    def untouched(self, now: State) -> bool:
        """True when the thing is as it was before."""
        return not drift(self.before, now, self.volatile)


def promise(step: Step, action: Action, module: StateModule[Any]) -> Promise:
    """The promise of a step, about what its own reads can see.

    An earlier action on the same thing may have put properties into the expected state that this task does not ask
    for, and that are therefore not read with its arguments.
    """
    before, after = action.before, action.after
    if step.before is not None and step.before.exists:
        seen = step.before.properties.keys() | action.desired.properties.keys()
        before, after = _only(before, seen), _only(after, seen)
    return Promise(before, after, action.desired, module.volatile)


def _only(state: State, names: Set[str]) -> State:
    return State(state.exists, {name: value for name, value in state.properties.items() if name in names})


def opens(action: Action) -> bool:
    """True for a wish that is held against the state right before the change: another process, another boot."""
    return any(isinstance(wish, OtherThan) for wish in action.desired.properties.values())


def refreshed(promised: Promise, now: State) -> Promise:
    """The promise with every `OtherThan` about the state as it is now."""
    wishes: Mapping[str, Wish] = {
        name: OtherThan(now.properties.get(name)) if isinstance(wish, OtherThan) else wish
        for name, wish in promised.desired.properties.items()
    }
    return replace(promised, desired=replace(promised.desired, properties=wishes))
