"""Deferred steps: at its turn, a condition is decided by what became of earlier steps, and a thing is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from runner.apply.reading import read_one, wanted_of
from runner.apply.tools import Tools
from runner.model.attestation import Context
from runner.model.outcome import CHANGED, ActionOutcome, Result
from runner.model.plan import Action, Step
from runner.model.registered import registered, result
from runner.model.source import ScalarNode
from runner.model.state import Held, State, Unreadable
from runner.model.task import Awaited
from runner.modules.acting import action_of
from runner.modules.arguments import load
from runner.modules.base import Impossible, LocalModule, StateModule
from runner.template import TemplateError
from runner.transport.base import Session


def untrue(step: Step, outcomes: Sequence[ActionOutcome], tools: Tools) -> ActionOutcome | None:
    """Why a deferred step is not done: its condition is false, or cannot be evaluated; None when all of them hold."""
    assert step.deferred is not None
    by_step = {outcome.step: outcome for outcome in outcomes}
    variables = {name: _registered(awaited, by_step) for name, awaited in step.deferred.registers.items()}
    for condition in step.deferred.conditions:
        try:
            value = tools.templates.evaluate(ScalarNode(condition, step.header.origin, condition), variables)
        except TemplateError as error:
            message = tools.hide(f"{step.header.origin}: the condition {condition!r}: {error.message}")
            return _outcome(step, Result.FAILED, message)
        if isinstance(value, str):
            reason = f"the condition {condition!r} is a text, neither true nor false: add | bool, or | length > 0"
            return _outcome(step, Result.FAILED, tools.hide(f"{step.header.origin}: {reason}"))
        if not value:
            return _outcome(step, Result.NOT_TRIGGERED, f"not the case: {condition}")
    return None


def decide(step: Step, session: Session, tools: Tools, host: str) -> Action | ActionOutcome:
    """What has to be done for a deferred step, or how it ends without a change. Errors: HostError."""
    module = tools.modules[step.header.module]
    arguments = load(module, step.arguments)
    if isinstance(module, LocalModule):
        context = Context(host, tools.now(), tools.attestations.get(host, {}))
        said = module.evaluate(arguments, context)
        if said.held:
            return _held(step, said.held, tools)
        return _outcome(step, Result.FAILED if said.failed else Result.NOTHING_TO_DO, tools.hide(said.message))
    assert isinstance(module, StateModule)
    before = read_one(wanted_of(step, tools.modules), session)
    if isinstance(before, Unreadable):
        return _outcome(
            step, Result.FAILED, tools.hide(f"nothing was changed, for it could not be read: {before.reason}")
        )
    desired = module.desired(arguments, before)
    if isinstance(desired, Impossible):
        return _outcome(step, Result.FAILED, tools.hide(desired.reason), before)
    if isinstance(desired, Held):
        return _held(step, desired, tools, before)
    action = action_of(module, arguments, before, desired)
    return action if action else _outcome(step, Result.NOTHING_TO_DO, "", before)


def _held(step: Step, held: Held, tools: Tools, now: State | None = None) -> ActionOutcome:
    message = tools.hide(f"{held.owner} must act first: {held.reason}")
    ended = Result.BLOCKED if held.blocks else Result.HELD
    return replace(_outcome(step, ended, message, now), owner=tools.hide(held.owner))


def _registered(awaited: Awaited, outcomes: Mapping[str, ActionOutcome]) -> dict[str, Any]:
    results = {one: _result(outcomes[one]) if one in outcomes else awaited.known[one] for one in awaited.steps}
    return registered(results, awaited.looped)


def _result(outcome: ActionOutcome) -> dict[str, Any]:
    fine = (*CHANGED, Result.NOTHING_TO_DO, Result.NOT_TRIGGERED, Result.HELD, Result.BLOCKED)
    return result(
        changed=outcome.result in CHANGED,
        failed=outcome.result not in fine,
        skipped=outcome.result is Result.NOT_TRIGGERED,
        held=outcome.result in (Result.HELD, Result.BLOCKED),
        message=outcome.message,
        before=outcome.action.before if outcome.action else outcome.now,
        after=outcome.now,
    )


def _outcome(step: Step, ended: Result, message: str, now: State | None = None) -> ActionOutcome:
    return ActionOutcome(str(step.header.id), ended, message, now)
