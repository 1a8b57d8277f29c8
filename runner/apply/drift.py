"""Before anything is changed: is the host still as the plan found it?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from runner.apply.reading import wanted_of
from runner.model.jsonvalue import plain
from runner.model.outcome import Drift, FactDrift
from runner.model.plan import HostPlan, Step, Verdict
from runner.model.state import Held, State, Unreadable, drift
from runner.modules.arguments import load
from runner.modules.base import FactModule, Facts, Impossible, Module, StateModule
from runner.modules.reading import Found, Wanted


def to_read(plan: HostPlan, modules: Mapping[str, Module[Any]]) -> tuple[Wanted, ...]:
    """All that decided this plan: every thing that it compared, compliant ones too, and its facts' modules."""
    things = [wanted_of(step, modules) for step in (*compared(plan), *failing(plan, modules))]
    sources = [module for module in modules.values() if isinstance(module, FactModule)]
    facts = [
        Wanted(module, module.gathering(names))
        for module in sources
        if (names := plan.facts.keys() & module.names.keys())
    ]
    return (*things, *facts)


def compared(plan: HostPlan) -> tuple[Step, ...]:
    """The steps whose thing was read and compared; a handler that nothing notifies is none of them."""
    return tuple(
        step for step in plan.steps if step.verdict in (Verdict.COMPLIANT, Verdict.CHANGE) and step.before is not None
    )


def failing(plan: HostPlan, modules: Mapping[str, Module[Any]]) -> tuple[Step, ...]:
    """The steps that were not as wanted and could not be made so, and whose result conditions may rest on."""
    return tuple(
        step
        for step in plan.steps
        if step.verdict in (Verdict.IGNORED, Verdict.HELD)
        and step.header.register
        and isinstance(modules[step.header.module], StateModule)
        and step.key
    )


def drifts(plan: HostPlan, found: tuple[Found, ...], modules: Mapping[str, Module[Any]]) -> tuple[Drift, ...]:
    """The things that are no longer as planned; `found` answers `to_read`, in its order."""
    steps = compared(plan)
    pairs = zip(steps, found[: len(steps)], strict=True)
    failed = failing(plan, modules)
    again = zip(failed, found[len(steps) : len(steps) + len(failed)], strict=True)
    changed = (_drift(step, now, modules[step.header.module]) for step, now in pairs)
    mended = (_mended(step, now, modules[step.header.module]) for step, now in again)
    return tuple(one for one in (*changed, *mended) if one)


def _mended(step: Step, now: Found, module: Module[Any]) -> Drift | None:
    """A step that failed or was held when the plan was made, and is otherwise now."""
    assert isinstance(module, StateModule)
    assert not isinstance(now, Facts)
    desired = now if isinstance(now, Unreadable) else module.desired(load(module, step.arguments), now)
    is_held = isinstance(desired, Held)
    same = is_held if step.verdict is Verdict.HELD else isinstance(desired, (Unreadable, Impossible))
    if same:
        return None
    was = "it was held" if step.verdict is Verdict.HELD else "it failed"
    state = None if isinstance(now, Unreadable) else now
    return Drift(
        str(step.header.id), step.before or State(False), state, None, (), f"{was}, and what follows rests on it"
    )


def _drift(step: Step, now: Found, module: Module[Any]) -> Drift | None:
    assert step.before is not None
    assert isinstance(module, StateModule)
    assert not isinstance(now, Facts)
    after = step.action.after if step.action else None
    if isinstance(now, Unreadable):
        return Drift(str(step.header.id), step.before, None, after, (), f"could not be read: {now.reason}")
    wrong = drift(step.before, now, module.volatile)
    return Drift(str(step.header.id), step.before, now, after, wrong) if wrong else None


def fact_drifts(plan: HostPlan, found: tuple[Found, ...], modules: Mapping[str, Module[Any]]) -> tuple[FactDrift, ...]:
    """The facts that decided something and are others now. Facts that change by themselves do not count."""
    answers = [one for one in found if isinstance(one, Facts)]
    sources = [module for module in modules.values() if isinstance(module, FactModule)]
    known = frozenset[str]().union(*(module.names for module in sources))
    volatile = frozenset[str]().union(*(module.volatile for module in sources))
    values = {name: value for facts in answers for name, value in facts.values.items()}
    reasons = {name: reason for facts in answers for name, reason in facts.unreadable.items()}
    reasons |= {name: "no module reads this fact" for name in plan.facts if name not in known}
    return tuple(
        FactDrift(name, planned, plain(values.get(name)), reasons.get(name, ""))
        for name, planned in plan.facts.items()
        if name not in volatile and (name in reasons or not _equal(plain(values.get(name)), planned))
    )


def _equal(left: Any, right: Any) -> bool:
    """By value and type: in Python alone, True is 1."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)
