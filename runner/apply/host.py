"""One host: read everything again, refuse drift, act in order, and say what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from runner.apply.action import carry_out
from runner.apply.drift import drifts, fact_drifts, to_read
from runner.apply.reading import Inquiry
from runner.apply.tools import Tools
from runner.model.errors import Elsewhere, HostError, Unreachable
from runner.model.events import ActionEnded, HostEnded, HostRefused, HostStarted
from runner.model.outcome import ActionOutcome, HostOutcome, HostResult, Result, host_result, worst
from runner.model.plan import HostPlan, Step
from runner.transport.base import Session

CHANGED = frozenset({Result.APPLIED, Result.SETTLED})
RESULTS: Mapping[Result, HostResult] = MappingProxyType(
    {
        Result.APPLIED: HostResult.APPLIED,
        Result.SETTLED: HostResult.APPLIED,
        Result.NOT_CONVERGED: HostResult.NOT_CONVERGED,
        Result.FAILED: HostResult.FAILED,
        Result.UNKNOWN: HostResult.UNKNOWN,
        Result.NOT_TRIGGERED: HostResult.COMPLIANT,
        Result.NOT_STARTED: HostResult.NOT_STARTED,
    }
)
ADVICE: Mapping[HostResult, str] = MappingProxyType(
    {
        HostResult.FAILED: "remove the cause and apply again: what was changed stays, the rest is planned anew",
        HostResult.NOT_CONVERGED: "something on the host, such as a policy, does not keep what was set: look there",
        HostResult.UNKNOWN: "check this host before anything else is done there",
        HostResult.REFUSED: "it has changed since the plan was made: make a new plan",
    }
)


def apply_host(
    plan: HostPlan, open_session: Callable[[str], Session], tools: Tools, stopped: Callable[[], bool]
) -> HostOutcome:
    """Apply one host's plan. Once `stopped` answers True no new action starts; the one under way is finished.

    What happens on the host ends in the outcome, never in an exception; only what `tell` raises comes through, and
    mistakes of our own. The session is closed in every case.
    """
    started = tools.clock()
    tools.tell(HostStarted(plan.host, plan.play, "apply"))
    outcome = replace(_attempt(plan, open_session, tools, stopped), seconds=tools.clock() - started)
    tools.tell(HostEnded(outcome, "apply"))
    return outcome


def not_touched(plan: HostPlan, result: HostResult, message: str, advice: str = "") -> HostOutcome:
    """The outcome of a host on which nothing was started."""
    idle = tuple(ActionOutcome(str(step.header.id), Result.NOT_STARTED) for step in plan.steps if step.action)
    return HostOutcome(plan.host, plan.play, result, idle, message=message, advice=advice)


def _attempt(
    plan: HostPlan, open_session: Callable[[str], Session], tools: Tools, stopped: Callable[[], bool]
) -> HostOutcome:
    planned = host_result(plan)
    if planned not in (HostResult.PENDING, HostResult.COMPLIANT):
        return not_touched(plan, planned, plan.error or "as the plan says, so that nothing was started", plan.advice)
    inquiry = Inquiry(to_read(plan, tools.modules))
    if not inquiry.questions and planned is HostResult.COMPLIANT:
        return HostOutcome(plan.host, plan.play, HostResult.COMPLIANT)
    if stopped():
        return not_touched(plan, HostResult.NOT_STARTED, "the run was interrupted before")
    try:
        session = open_session(plan.host)
    except HostError as error:
        return not_touched(plan, _result_of(error), tools.hide(error.message), error.advice)
    try:
        outcome = _with_session(plan, inquiry, session, tools, stopped)
    finally:
        session.close()
    return replace(outcome, requests=session.requests)


def _with_session(
    plan: HostPlan, inquiry: Inquiry, session: Session, tools: Tools, stopped: Callable[[], bool]
) -> HostOutcome:
    try:
        found = inquiry.finish(session)
    except HostError as error:
        return not_touched(plan, _result_of(error), tools.hide(error.message), error.advice)
    things, facts = drifts(plan, found, tools.modules), fact_drifts(plan, found, tools.modules)
    if things or facts:
        tools.tell(HostRefused(plan.host, plan.play, things, facts))
        refused = not_touched(plan, HostResult.REFUSED, "", ADVICE[HostResult.REFUSED])
        return replace(refused, drifts=things, fact_drifts=facts)
    return _act(plan, session, tools, stopped)


def _act(plan: HostPlan, session: Session, tools: Tools, stopped: Callable[[], bool]) -> HostOutcome:
    """The actions in order; the first that does not end as promised is the last one."""
    outcomes: list[ActionOutcome] = []
    failure: HostError | None = None
    for step in plan.steps:
        if step.action is None:
            continue
        skipped = _not_run(step, outcomes, stopped)
        if skipped:
            outcomes.append(skipped)
            continue
        try:
            outcome = carry_out(plan, step, step.action, session, tools)
        except HostError as error:
            failure = error
            outcome = ActionOutcome(str(step.header.id), Result.NOT_STARTED, tools.hide(error.message))
        outcomes.append(outcome)
        tools.tell(ActionEnded(plan.host, plan.play, step, outcome))
    return _ended(plan, outcomes, failure)


def _not_run(step: Step, outcomes: Sequence[ActionOutcome], stopped: Callable[[], bool]) -> ActionOutcome | None:
    """Why an action is not run; None when it is its turn."""
    assert step.action is not None
    changed = {outcome.step for outcome in outcomes if outcome.result in CHANGED}
    if any(outcome.result not in (*CHANGED, Result.NOT_TRIGGERED) for outcome in outcomes) or stopped():
        due = any(trigger in changed for trigger in step.action.triggers)
        return ActionOutcome(str(step.header.id), Result.NOT_STARTED, _DUE if due else "")
    if step.action.triggers and not changed.intersection(step.action.triggers):
        return ActionOutcome(str(step.header.id), Result.NOT_TRIGGERED)
    return None


_DUE = "it is due: what notifies it was changed, and a new plan will not know that"


def _ended(plan: HostPlan, outcomes: Sequence[ActionOutcome], failure: HostError | None) -> HostOutcome:
    results = [RESULTS[outcome.result] for outcome in outcomes]
    if failure:
        results.append(_result_of(failure))
    result = worst(results)
    advice = failure.advice if failure else ADVICE.get(result, "")
    message = failure.message if failure else ""
    return HostOutcome(plan.host, plan.play, result, tuple(outcomes), message=message, advice=advice)


def _result_of(error: HostError) -> HostResult:
    match error:
        case Unreachable():
            return HostResult.UNREACHABLE
        case Elsewhere():
            return HostResult.REFUSED
    return HostResult.UNREADABLE
