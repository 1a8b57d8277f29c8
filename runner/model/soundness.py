"""Whether a plan fits together, whoever wrote its document: what apply takes for granted is found here, or refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from runner.model.errors import ExitCode
from runner.model.plan import Action, HostPlan, Plan, PlayPlan, Step, Verdict

_LOST = (ExitCode.FAILED, ExitCode.UNREACHABLE, ExitCode.REFUSED)  # those of a host's errors


def flaws(plan: Plan) -> Iterator[str]:
    """What does not fit together in a plan, each with its place, for people.

    Every host of a play is in one batch, once; steps have ids of their own, and name only steps that have a turn before
    them; a step that changes something says from what, and one that is decided later, by what.
    """
    for number in _twice(str(play.number) for play in plan.plays):
        yield f"two plays have the number {number}"
    for play in plan.plays:
        yield from (f"play {play.number}: {flaw}" for flaw in _of_play(play))


def _of_play(play: PlayPlan) -> Iterator[str]:
    hosts = [host.host for host in play.hosts]
    batched = [name for batch in play.batches for name in batch]
    if play.at_most < 0:
        yield f"at_most is {play.at_most}"
    yield from (f"the host {name} is there twice" for name in _twice(hosts))
    yield from (f"the host {name} is in the batches twice" for name in _twice(batched))
    yield from (f"a batch names {name}, which is no host of it" for name in _beyond(batched, hosts))
    yield from (f"the host {name} is in no batch" for name in _beyond(hosts, batched))
    for host in play.hosts:
        yield from (f"{host.host}: {flaw}" for flaw in _of_host(host, play))


def _of_host(host: HostPlan, play: PlayPlan) -> Iterator[str]:
    if host.play != play.number:
        yield f"it is of the play {host.play}"
    if host.exit_code not in (_LOST if host.error else (ExitCode.OK,)):
        yield f"its error does not have the exit code {host.exit_code}"
    if host.lane and not play.at_most:
        yield "it has a lane, but the play has no throttle"
    yield from (f"two steps have the id {one}" for one in _twice(str(step.header.id) for step in host.steps))
    before: set[str] = set()
    for step in host.steps:
        yield from (f"the step {step.header.id}: {flaw}" for flaw in _of_step(step, host, before))
        if step.has_turn:
            before.add(str(step.header.id))


def _of_step(step: Step, host: HostPlan, before: Collection[str]) -> Iterator[str]:
    if step.header.id.play != host.play:
        yield "it is of another play"
    if (step.action is not None) != (step.verdict is Verdict.CHANGE):
        yield f"its verdict is {step.verdict}, and it has {'an' if step.action else 'no'} action"
    if (step.deferred is not None) != (step.verdict is Verdict.DEFERRED):
        yield f"its verdict is {step.verdict}, and it {'waits' if step.deferred else 'does not wait'} for something"
    if step.action:
        yield from _of_action(step, step.action)
    yield from _unknown_triggers(step.triggers, before)
    if step.deferred:
        if not (step.deferred.after or step.deferred.conditions or step.deferred.triggers):
            yield "it waits for nothing"
        for name, awaited in step.deferred.registers.items():
            if not awaited.steps:
                yield f"the result {name} is that of no step"
            for one in _beyond(awaited.steps, (*before, *awaited.known)):
                yield f"the result {name} is that of {one}, which has no turn before it"


def _of_action(step: Step, action: Action) -> Iterator[str]:
    if step.before is None or step.heading is None:
        yield "it changes a thing without saying which, or what it was like"
    if (action.undo is None) != bool(action.irreversible):
        yield "it must say how it is undone, or why it cannot be"
    if not all(action.write) or not all(action.undo or ()):
        yield "one of its pipelines is empty"
    if bool(action.because) != bool(action.triggers):
        yield "what triggers it is told in one way only"


def _unknown_triggers(triggers: Iterable[str], before: Collection[str]) -> Iterator[str]:
    yield from (f"it is triggered by {one}, which has no turn before it" for one in _beyond(triggers, before))


def _beyond(names: Iterable[str], known: Collection[str]) -> Iterator[str]:
    return (name for name in dict.fromkeys(names) if name not in known)


def _twice(names: Iterable[str]) -> Iterator[str]:
    return (name for name, count in Counter(names).items() if count > 1)
