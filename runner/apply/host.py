"""One host: read everything again, refuse drift, act in order, and say what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from runner.apply.action import carry_out
from runner.apply.contents import check_contents
from runner.apply.drift import drifts, fact_drifts, to_read
from runner.apply.late import decide, untrue
from runner.apply.reading import Inquiry
from runner.apply.tools import Tools
from runner.model.errors import Elsewhere, HostError, InputError, JournalError, Unreachable
from runner.model.events import ActionEnded, HostEnded, HostRefused, HostStarted
from runner.model.outcome import CHANGED, ActionOutcome, HostOutcome, HostResult, Result, host_result, worst
from runner.model.plan import Action, HostPlan, Step, Verdict
from runner.model.state import drift
from runner.modules.arguments import load
from runner.modules.base import ControlModule, Module, StateModule, Steering
from runner.modules.reading import Found
from runner.transport.base import Session

_MAY_HAVE_CHANGED = CHANGED | {Result.NOT_CONVERGED, Result.UNKNOWN}  # whatever was read back
_GOES_ON = CHANGED | {Result.NOT_TRIGGERED, Result.NOTHING_TO_DO, Result.IGNORED, Result.HELD}
RESULTS: Mapping[Result, HostResult] = MappingProxyType(
    {
        Result.APPLIED: HostResult.APPLIED,
        Result.SETTLED: HostResult.APPLIED,
        Result.NOT_CONVERGED: HostResult.NOT_CONVERGED,
        Result.FAILED: HostResult.FAILED,
        Result.UNKNOWN: HostResult.UNKNOWN,
        Result.NOT_TRIGGERED: HostResult.COMPLIANT,
        Result.NOTHING_TO_DO: HostResult.COMPLIANT,
        Result.IGNORED: HostResult.COMPLIANT,
        Result.HELD: HostResult.HELD,
        Result.BLOCKED: HostResult.HELD,
        Result.NOT_STARTED: HostResult.NOT_STARTED,
    }
)
ADVICE: Mapping[HostResult, str] = MappingProxyType(
    {
        HostResult.FAILED: "remove the cause and apply again: what was changed stays, the rest is planned anew",
        HostResult.NOT_CONVERGED: "something on the host, such as a policy, does not keep what was set: look there",
        HostResult.UNKNOWN: "check this host before anything else is done there",
        HostResult.HELD: "somebody else must act first, as said above; then check again",
        HostResult.REFUSED: "it has changed since the plan was made: make a new plan",
    }
)


def apply_host(
    plan: HostPlan, open_session: Callable[[str], Session], tools: Tools, stopped: Callable[[], bool]
) -> HostOutcome:
    """Apply one host's plan. Once `stopped` answers True no new action starts; the one under way is finished.

    What happens on the host ends in the outcome, never in an exception, a mistake of ours in one of its steps included;
    only what `tell` raises comes through. The session is closed in every case.
    """
    started = tools.clock()
    tools.tell(HostStarted(plan.host, plan.play, "apply"))
    outcome = replace(_attempt(plan, open_session, tools, stopped), seconds=tools.clock() - started)
    tools.tell(HostEnded(outcome, "apply"))
    return outcome


def not_touched(plan: HostPlan, result: HostResult, message: str, advice: str = "") -> HostOutcome:
    """The outcome of a host on which nothing was started."""
    idle = tuple(ActionOutcome(str(step.header.id), Result.NOT_STARTED) for step in plan.steps if step.has_turn)
    return HostOutcome(plan.host, plan.play, result, idle, message=message, advice=advice)


def _attempt(
    plan: HostPlan, open_session: Callable[[str], Session], tools: Tools, stopped: Callable[[], bool]
) -> HostOutcome:
    planned = host_result(plan)
    if planned not in (HostResult.PENDING, HostResult.COMPLIANT, HostResult.HELD):
        return not_touched(plan, planned, plan.error or "as the plan says, so that nothing was started", plan.advice)
    blocked = next((step for step in plan.steps if step.verdict is Verdict.BLOCKED), None)
    if blocked:
        return not_touched(plan, HostResult.HELD, f"nothing is done here before {blocked.owner} has acted")
    inquiry = Inquiry(to_read(plan, tools.modules))
    if not inquiry.questions and not any(step.has_turn for step in plan.steps):
        return HostOutcome(plan.host, plan.play, planned)
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
    read = tools.moment()
    return replace(_as_read(plan, found, session, tools, stopped), read=read)


def _as_read(
    plan: HostPlan, found: tuple[Found, ...], session: Session, tools: Tools, stopped: Callable[[], bool]
) -> HostOutcome:
    """What becomes of a host of which all that the plan names has been read again."""
    things, facts = drifts(plan, found, tools.modules), fact_drifts(plan, found, tools.modules)
    if things or facts:
        tools.tell(HostRefused(plan.host, plan.play, things, facts))
        refused = not_touched(plan, HostResult.REFUSED, "", ADVICE[HostResult.REFUSED])
        return replace(refused, drifts=things, fact_drifts=facts)
    changed_here = check_contents(plan, tools.bytes_of, tools.modules)
    if changed_here:
        return not_touched(plan, HostResult.REFUSED, changed_here, "put the file back, or make a new plan")
    return _Turns(plan, session, tools, stopped).outcome()


class _Turns:
    """The steps in order, each at its turn; the first that does not end well is the last one."""

    def __init__(self, plan: HostPlan, session: Session, tools: Tools, stopped: Callable[[], bool]) -> None:
        self._plan = plan
        self._session = session
        self._tools = tools
        self._stopped = stopped
        self._outcomes: list[ActionOutcome] = []
        self._failure: HostError | None = None
        self._stale = False  # something was changed since this process began
        self._touched: set[str] = set()  # ids of the steps that changed something, or may have

    def outcome(self) -> HostOutcome:
        for step in self._plan.steps:
            if not step.has_turn:
                continue
            idle = self._not_run(step)
            if idle:
                self._outcomes.append(idle)
            else:
                self._ended(step, self._turn(step))
        outcome = _host_outcome(self._plan, self._outcomes, self._failure)
        return replace(outcome, message=self._tools.hide(outcome.message))

    def _turn(self, step: Step) -> ActionOutcome:
        try:
            module = self._tools.modules[step.header.module]
            undone = untrue(step, self._outcomes, self._tools) if step.deferred else None
            if undone:
                return undone
            if isinstance(module, ControlModule):
                self._steer(step)
                return ActionOutcome(str(step.header.id), Result.NOTHING_TO_DO)
            if isinstance(module, StateModule) and module.fresh_process and self._stale:
                self._renew()
            action = step.action or decide(step, self._session, self._tools, self._plan.host)
            if isinstance(action, ActionOutcome):
                return action
            return self._carried_out(step, action, module)
        except HostError as error:
            self._failure = error
            return ActionOutcome(str(step.header.id), Result.NOT_STARTED, self._tools.hide(error.message))
        except (JournalError, InputError):
            raise
        except Exception as error:  # a fault of ours on one host must not end the others in the middle of their changes
            fault = f"internal error: {type(error).__name__}; what this step did must be read on the host"
            return ActionOutcome(str(step.header.id), Result.UNKNOWN, fault, touched=True)

    def _carried_out(self, step: Step, action: Action, module: Module[Any]) -> ActionOutcome:
        decided = action if step.action is None else None  # only now, so that no plan tells what was before
        if decided:
            step = replace(step, before=action.before, action=action)
        outcome = replace(carry_out(self._plan, step, action, self._session, self._tools), action=decided)
        assert isinstance(module, StateModule)
        self._stale = not (outcome.result in CHANGED and module.restarts)
        partly = outcome.now is not None and bool(drift(action.before, outcome.now, module.volatile))
        return replace(outcome, touched=partly or outcome.result in _MAY_HAVE_CHANGED)

    def _ended(self, step: Step, outcome: ActionOutcome) -> None:
        if outcome.result is Result.FAILED and step.header.ignore_errors:
            outcome = replace(outcome, result=Result.IGNORED)
        outcome = replace(outcome, ended=self._tools.moment())
        self._outcomes.append(outcome)
        if outcome.touched:
            self._touched.add(outcome.step)
        self._tools.tell(ActionEnded(self._plan.host, self._plan.play, step, outcome))

    def _not_run(self, step: Step) -> ActionOutcome | None:
        """Why a step has no turn; None when it has one."""
        due = bool(self._touched.intersection(step.triggers))
        if any(outcome.result not in _GOES_ON for outcome in self._outcomes) or self._stopped():
            return ActionOutcome(str(step.header.id), Result.NOT_STARTED, _DUE if due else "")
        if step.triggers and not due:
            return ActionOutcome(str(step.header.id), Result.NOT_TRIGGERED)
        return None

    def _steer(self, step: Step) -> None:
        """A control step: only between changes, so that a host that needs none waits for nothing."""
        module = self._tools.modules[step.header.module]
        assert isinstance(module, ControlModule)
        steer = module.steer(load(module, step.arguments))
        if not self._touched:
            return
        if steer.kind is Steering.PAUSE:
            self._pause(steer.seconds)
        elif steer.kind is Steering.RESET_CONNECTION:
            self._renew()

    def _renew(self) -> None:
        self._session.renew()
        self._stale = False

    def _pause(self, seconds: float) -> None:
        end = self._tools.clock() + seconds
        while not self._stopped() and (left := end - self._tools.clock()) > 0:
            self._tools.sleep(min(left, self._tools.poll))


_DUE = "it is due: what notifies it was changed, and a new plan will not know that"


def _host_outcome(plan: HostPlan, outcomes: Sequence[ActionOutcome], failure: HostError | None) -> HostOutcome:
    blocked = any(outcome.result is Result.BLOCKED for outcome in outcomes)
    counted = (one for one in outcomes if not (blocked and one.result is Result.NOT_STARTED))  # held back on purpose
    results = [RESULTS[outcome.result] for outcome in counted]
    if host_result(plan) is HostResult.HELD:
        results.append(HostResult.HELD)
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
