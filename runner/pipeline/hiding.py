"""Takes secrets out of the texts of a plan: a host may repeat one in an error, a task in a name or a message.

What a state module needs in order to act is left as it is: its arguments, its states and the statements that are sent.
A Secret is in none of them; a text that a host gave and that happens to be a password is what the playbook asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from runner.model.errors import Problem
from runner.model.plan import Action, Heading, HostPlan, Step
from runner.model.task import Deferred, Header
from runner.modules.base import Module, StateModule

Hide = Callable[[str], str]


def without_secrets(plan: HostPlan, modules: Mapping[str, Module[Any]], hide: Hide) -> HostPlan:
    """The plan of a host with every text masked that is there only to be read."""
    steps = tuple(_step(step, modules[step.header.module], hide) for step in plan.steps)
    return replace(plan, steps=steps, error=hide(plan.error), advice=hide(plan.advice))


def problem_without_secrets(problem: Problem, hide: Hide) -> Problem:
    """The same for a mistake in the input, which may name a thing after what a host said."""
    return replace(problem, message=hide(problem.message), hint=hide(problem.hint))


def _step(step: Step, module: Module[Any], hide: Hide) -> Step:
    return replace(
        step,
        header=_header(step.header, hide),
        arguments=step.arguments if isinstance(module, StateModule) else _hidden(step.arguments, hide),
        heading=_heading(step.heading, hide) if step.heading else None,
        action=_action(step.action, hide) if step.action else None,
        message=hide(step.message),
        owner=hide(step.owner),
        deferred=_deferred(step.deferred, hide) if step.deferred else None,
    )


def _header(header: Header, hide: Hide) -> Header:
    after = tuple(map(hide, header.after))
    return replace(header, name=hide(header.name), item=hide(header.item), after=after)


def _heading(heading: Heading, hide: Hide) -> Heading:
    return Heading(heading.kind, hide(heading.name), hide(heading.property))


def _action(action: Action, hide: Hide) -> Action:
    return replace(action, irreversible=hide(action.irreversible), because=tuple(map(hide, action.because)))


def _deferred(deferred: Deferred, hide: Hide) -> Deferred:
    """Of the tasks that are named, the names are those of their headers."""
    registers = {
        name: replace(awaited, known=_hidden(awaited.known, hide)) for name, awaited in deferred.registers.items()
    }
    return replace(deferred, after=tuple(map(hide, deferred.after)), registers=registers)


def _hidden(data: Any, hide: Hide) -> Any:
    """The data with secrets taken out of every text in it, keys included."""
    if isinstance(data, str):
        return hide(data)
    if isinstance(data, Mapping):
        return {hide(key) if isinstance(key, str) else key: _hidden(item, hide) for key, item in data.items()}
    return [_hidden(item, hide) for item in data] if isinstance(data, (list, tuple)) else data
