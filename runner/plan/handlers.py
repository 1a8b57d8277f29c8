"""Handlers: each runs once for the tasks that notify it, at the end or at a `meta: flush_handlers`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from runner.model.observation import Finding
from runner.model.plan import Step, Verdict
from runner.model.task import Broken, Header, Ready, Skipped

TASKS, HANDLERS = "tasks", "handlers"


def header_of(finding: Finding) -> Header:
    return finding.header if isinstance(finding, (Skipped, Broken)) else finding.task.header


def is_handler(finding: Finding) -> bool:
    return header_of(finding).id.section.startswith(HANDLERS)


def in_round(finding: Finding, number: int) -> Finding:
    """A handler as it runs in the flush of this number, from 0; each time it is a step of its own."""
    if number == 0:
        return finding
    header = header_of(finding)
    header = replace(header, id=replace(header.id, section=f"{HANDLERS}-{number + 1}"))
    if isinstance(finding, (Skipped, Broken)):
        return replace(finding, header=header)
    task: Ready = replace(finding.task, header=header)
    return replace(finding, task=task)


def plan_handlers(
    handlers: Sequence[Finding], tasks: Sequence[Step], plan: Callable[[Finding], Step]
) -> tuple[Step, ...]:
    """The steps of the handlers that these tasks notify, in the order in which they run.

    The first handler in the playbook's order that is notified is planned first; its own change may notify others, so
    that the search begins again. A handler that is not notified is never judged: not being readable costs nothing.
    """
    waiting, steps = list(handlers), list(tasks)
    while True:
        due = next((finding for finding in waiting if _triggers(finding, steps)), None)
        if due is None:
            break
        waiting.remove(due)
        steps.append(_triggered(plan(due), _triggers(due, steps)))
    return tuple(steps[len(tasks) :])


def _triggers(finding: Finding, steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps that notify a handler: those that change something, and those that may when their turn comes."""
    name = header_of(finding).name
    may_change = (Verdict.CHANGE, Verdict.DEFERRED)
    return tuple(step for step in steps if step.verdict in may_change and name in step.header.notify)


def _triggered(step: Step, triggers: Sequence[Step]) -> Step:
    names = tuple(dict.fromkeys(trigger.header.name for trigger in triggers))
    ids = tuple(str(trigger.header.id) for trigger in triggers)
    if step.deferred:
        return replace(step, deferred=replace(step.deferred, after=names, triggers=ids))
    if step.action is None:
        return step
    return replace(step, action=replace(step.action, because=names, triggers=ids))


def idle(finding: Finding) -> Step:
    """The step of a handler that nothing notifies."""
    if isinstance(finding, Skipped):
        return Step(finding.header, Verdict.SKIPPED, {}, message=finding.condition)
    arguments = {} if isinstance(finding, Broken) else finding.task.dumped
    return Step(header_of(finding), Verdict.IDLE, arguments)
