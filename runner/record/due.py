"""What a run that was cut off leaves undone in silence: handlers whose tasks have changed something."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from runner.model.outcome import ActionOutcome, Result, RunOutcome
from runner.model.plan import HostPlan, Plan


@dataclass(frozen=True, slots=True)
class Due:
    """A step that was not started on a host; `because` are the names of the tasks whose changes trigger it."""

    host: str
    step: str
    name: str
    because: tuple[str, ...]


def due_in(plan: Plan, outcome: RunOutcome) -> tuple[Due, ...]:
    """What is due on the hosts of a run, in the order of its plan."""
    actions = {(host.host, host.play): host.actions for host in outcome.hosts}
    return tuple(
        Due(host.host, str(step.header.id), step.header.name, waiting[str(step.header.id)])
        for play in plan.plays
        for host in play.hosts
        for waiting in (due(host, actions.get((host.host, host.play), ())),)
        for step in host.steps
        if str(step.header.id) in waiting
    )


def due(plan: HostPlan, actions: Iterable[ActionOutcome]) -> Mapping[str, tuple[str, ...]]:
    """The steps of a host that were not started though what triggers them was changed, or may have been.

    By their ids, with the names of those tasks. A later plan finds these as wanted, and notifies nothing.
    """
    outcomes = {action.step: action for action in actions}
    touched = {step for step, outcome in outcomes.items() if outcome.touched}
    names = {str(step.header.id): step.header.name for step in plan.steps}
    found: dict[str, tuple[str, ...]] = {}
    for step in plan.steps:
        own = outcomes.get(str(step.header.id))
        because = dict.fromkeys(names[one] for one in step.triggers if one in touched)
        if because and own and own.result is Result.NOT_STARTED:
            found[str(step.header.id)] = tuple(because)
    return found
