"""Whether this ce-runner can carry out a plan at all, before anything is done."""

from __future__ import annotations

from runner.apply.drift import compared
from runner.apply.tools import Tools
from runner.model.errors import InputError, Problem
from runner.model.plan import HostPlan, Plan, Step, Verdict
from runner.model.source import Origin
from runner.modules.arguments import load
from runner.modules.base import ControlModule, RestartModule, StateModule
from runner.template import TemplateError


def check_fitness(plan: Plan, tools: Tools) -> None:
    """See that every step is one that the modules here could have planned. Errors: InputError with all that are not."""
    problems: dict[Origin, Problem] = {}
    for step in (step for play in plan.plays for host in play.hosts for step in _acted_on(host)):
        header = step.header
        try:
            complaint = _misfit(step, tools)
        except KeyError:
            complaint = f"the plan needs the unknown module {header.module!r}"
        except InputError as error:
            complaint = f"{header.module} does not take this: {error}"
        except TemplateError as error:
            complaint = f"the condition of {header.name!r}: {error.message}"
        if complaint:
            problems[header.origin] = Problem(complaint, header.origin)
    if problems:
        raise InputError(*problems.values())


def _acted_on(plan: HostPlan) -> tuple[Step, ...]:
    """The steps whose modules are asked during apply."""
    others = (Verdict.DEFERRED, Verdict.CONTROL, Verdict.IGNORED, Verdict.HELD)
    return (*compared(plan), *(step for step in plan.steps if step.verdict in others))


def _misfit(step: Step, tools: Tools) -> str:
    """Why a step is none that its module could have planned; "" if it may be one.

    Errors: KeyError for the module, InputError for its arguments, TemplateError for a condition.
    """
    module = tools.modules[step.header.module]
    arguments = load(module, step.arguments)
    if step.deferred:
        return _unknown_name(step, tools)
    if isinstance(module, ControlModule) != (step.verdict is Verdict.CONTROL):
        return f"{module.name} gives no step that is {step.verdict}"
    if step.action is None:
        return ""
    if not isinstance(module, StateModule):
        return f"{module.name} changes nothing"
    once = isinstance(module, RestartModule) or module.proven_by_answer(arguments)
    return (
        f"{module.name} is sent once, not as {len(step.action.write)}" if once and len(step.action.write) != 1 else ""
    )


def _unknown_name(step: Step, tools: Tools) -> str:
    """What a condition names and the plan does not say where to take it from."""
    assert step.deferred is not None
    named = {name for condition in step.deferred.conditions for name in tools.templates.expression_names(condition)}
    unknown = sorted(named - step.deferred.registers.keys())
    return (
        f"the condition of {step.header.name!r} names {unknown[0]!r}, which is no result in the plan" if unknown else ""
    )
