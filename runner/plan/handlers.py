"""Handlers: each runs once, after the tasks, and only if something that notifies it changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from runner.model.observation import Finding
from runner.model.plan import Step, Verdict
from runner.model.task import Broken, Header, Skipped


def header_of(finding: Finding) -> Header:
    return finding.header if isinstance(finding, (Skipped, Broken)) else finding.task.header


def is_handler(finding: Finding) -> bool:
    return header_of(finding).id.section != "tasks"


def plan_handlers(
    handlers: Sequence[Finding], tasks: Sequence[Step], plan: Callable[[Finding], Step]
) -> tuple[Step, ...]:
    """The steps of all handlers in the order in which they run; those that nothing notifies come last, as IDLE.

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
    return (*steps[len(tasks) :], *(_idle(finding) for finding in waiting))


def _triggers(finding: Finding, steps: Sequence[Step]) -> tuple[Step, ...]:
    name = header_of(finding).name
    return tuple(step for step in steps if step.verdict is Verdict.CHANGE and name in step.header.notify)


def _triggered(step: Step, triggers: Sequence[Step]) -> Step:
    if step.action is None:
        return step
    names = tuple(dict.fromkeys(trigger.header.name for trigger in triggers))
    ids = tuple(str(trigger.header.id) for trigger in triggers)
    return replace(step, action=replace(step.action, because=names, triggers=ids))


def _idle(finding: Finding) -> Step:
    if isinstance(finding, Skipped):
        return Step(finding.header, Verdict.SKIPPED, {}, message=finding.condition)
    arguments = {} if isinstance(finding, Broken) else finding.task.dumped
    return Step(header_of(finding), Verdict.IDLE, arguments)
