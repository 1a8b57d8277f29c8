"""Steps from findings, each planned over what the steps before it will have done on the same host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from runner.model.observation import Finding, Gathered, Observed, Postponed, Steered, Told
from runner.model.plan import Heading, HostPlan, Step, Verdict
from runner.model.state import Desired, Held, State, Unreadable
from runner.model.task import Broken, Deferred, Header, Skipped, TaskId
from runner.modules.acting import action_of
from runner.modules.arguments import load
from runner.modules.base import ControlModule, Impossible, Module, StateModule, Steering
from runner.plan.contradictions import Wanting
from runner.plan.handlers import TASKS, header_of, idle, in_round, is_handler, plan_handlers

Effects = dict[str, list[tuple[Any, State]]]  # by module: arguments of earlier actions with their after-states


class Planner:
    """Plans the plays of one host, one after the other.

    `before` is the state that each step is planned over, by its task; `wanting` is what all tasks so far want.
    """

    def __init__(self, modules: Mapping[str, Module[Any]]) -> None:
        self._modules = modules
        self._effects: Effects = {}
        self._before_play: Effects = {}
        self.before: dict[TaskId, State] = {}
        self.wanting: list[Wanting] = []
        self._late: dict[tuple[str, str], str] = {}  # things that only apply knows, with the name of the task that acts

    def play(self, findings: Sequence[Finding]) -> tuple[Step, ...]:
        """The steps of one play: its tasks, then its handlers in the order in which they run."""
        self._begin_play()
        handlers = [finding for finding in findings if is_handler(finding)]
        steps: list[Step] = []
        flushed: list[list[Step]] = [[]]  # the tasks' steps, cut where handlers are flushed
        for finding in findings:
            if is_handler(finding):
                continue
            step = self._step(finding)
            steps.append(step)
            flushed[-1].append(step)
            if self._flushes(finding):
                steps += self._handlers(handlers, flushed)
                flushed.append([])
        steps += self._handlers(handlers, flushed)
        ran = {(step.header.name, step.header.id.task) for step in steps if step.header.id.section != TASKS}
        return (*steps, *(idle(one) for one in handlers if (header_of(one).name, header_of(one).id.task) not in ran))

    def _handlers(self, handlers: Sequence[Finding], flushed: Sequence[Sequence[Step]]) -> tuple[Step, ...]:
        """Those that are due after the last part of the tasks."""
        due = [in_round(finding, len(flushed) - 1) for finding in handlers]
        return plan_handlers(due, flushed[-1], self._step)

    def _flushes(self, finding: Finding) -> bool:
        if not isinstance(finding, Steered):
            return False
        module = self._modules[finding.task.header.module]
        assert isinstance(module, ControlModule)
        return module.steer(finding.task.arguments).kind is Steering.FLUSH_HANDLERS

    def remember(self, plan: HostPlan) -> None:
        """Take over a play of this host that is planned already. What a handler that does not run wants is nothing."""
        self._begin_play()
        made: Effects = {}
        for step in plan.steps:
            if step.verdict is Verdict.DEFERRED and step.key:
                self._late[step.header.module, step.key] = step.header.name
            if step.before is None or step.heading is None or step.verdict not in (Verdict.CHANGE, Verdict.COMPLIANT):
                continue
            module = _state_module(self._modules, step.header)
            arguments = load(module, step.arguments)
            before = module.over(arguments, step.before, made.get(module.name, ()))
            desired = step.action.desired if step.action else module.desired(arguments, before)
            if isinstance(desired, Desired):
                self._want(step.header, step.heading, module, arguments, desired)
            if step.action:
                for effects in (made, self._effects):
                    effects.setdefault(module.name, []).append((arguments, step.action.after))

    def _begin_play(self) -> None:
        self._before_play = {module: list(effects) for module, effects in self._effects.items()}

    def _step(self, finding: Finding) -> Step:
        step = self._judged(finding)
        if isinstance(finding, Broken):  # a mistake in the playbook is nothing that a host may have or not
            return step
        if step.header.ignore_errors and step.verdict in (Verdict.FAILED, Verdict.UNREADABLE):
            return replace(step, verdict=Verdict.IGNORED)
        return step

    def _judged(self, finding: Finding) -> Step:
        match finding:
            case Observed():
                return self._observed(finding)
            case Told():
                if finding.held:
                    return _held(finding.task.header, finding.task.dumped, finding.held)
                verdict = Verdict.FAILED if finding.failed else Verdict.TOLD
                return Step(finding.task.header, verdict, finding.task.dumped, message=finding.message)
            case Postponed():
                return self._postponed(finding)
            case Steered():
                return Step(finding.task.header, Verdict.CONTROL, finding.task.dumped)
            case Gathered():
                missing = "; ".join(f"{name}: {reason}" for name, reason in finding.unreadable.items())
                verdict = Verdict.UNREADABLE if missing else Verdict.COMPLIANT
                return Step(finding.task.header, verdict, finding.task.dumped, message=missing)
            case Skipped():
                return Step(finding.header, Verdict.SKIPPED, {}, message=finding.condition)
            case Broken():
                return Step(finding.header, Verdict.FAILED, {}, message=finding.message)

    def _postponed(self, finding: Postponed) -> Step:
        header, arguments, dumped = finding.task.header, finding.task.arguments, finding.task.dumped
        module = self._modules[header.module]
        if not isinstance(module, StateModule):
            return Step(header, Verdict.DEFERRED, dumped, deferred=finding.deferred)
        key, heading = module.key(arguments), heading_of(module, arguments)
        if not finding.deferred.conditions:
            self._want_late(header, heading, module, arguments)
        self._late[module.name, key] = header.name
        return Step(header, Verdict.DEFERRED, dumped, key, heading, deferred=finding.deferred)

    def _want_late(self, header: Header, heading: Heading, module: StateModule[Any], arguments: Any) -> None:
        """What a deferred task will surely want: as much as does not hang on what the thing is like then."""
        for exists in (False, True):  # some say nothing of a thing that is not there
            expected = module.over(arguments, State(exists), self._effects.get(module.name, ()))
            desired = module.desired(arguments, expected)
            if isinstance(desired, Desired):
                self._want(header, heading, module, arguments, desired)
                return

    def _observed(self, finding: Observed) -> Step:
        header, arguments, dumped = finding.task.header, finding.task.arguments, finding.task.dumped
        module = _state_module(self._modules, header)
        key, heading = module.key(arguments), heading_of(module, arguments)
        earlier = self._late.get((module.name, key))
        if earlier is not None:  # what it will find there, an earlier task decides at its turn
            return self._postponed(Postponed(finding.task, Deferred(after=(earlier,))))
        if isinstance(finding.found, Unreadable):
            return Step(header, Verdict.UNREADABLE, dumped, key, heading, message=finding.found.reason)
        found = module.over(arguments, finding.found, self._before_play.get(module.name, ()))
        before = module.over(arguments, finding.found, self._effects.get(module.name, ()))
        self.before[header.id] = before
        desired = module.desired(arguments, before)
        if isinstance(desired, Impossible):
            return Step(header, Verdict.FAILED, dumped, key, heading, found, message=desired.reason)
        if isinstance(desired, Held):
            return replace(_held(header, dumped, desired), key=key, heading=heading, before=found)
        implied = module.implied(arguments, desired)
        above = next((self._late[one.module, one.key] for one in implied if (one.module, one.key) in self._late), None)
        if above is not None:  # such as the key of this value
            return self._postponed(Postponed(finding.task, Deferred(after=(above,))))
        self._want(header, heading, module, arguments, desired)
        action = action_of(module, arguments, before, desired)
        if action is None:
            return Step(header, Verdict.COMPLIANT, dumped, key, heading, found)
        self._effects.setdefault(module.name, []).append((arguments, action.after))
        return Step(header, Verdict.CHANGE, dumped, key, heading, found, action)

    def _want(
        self, header: Header, heading: Heading, module: StateModule[Any], arguments: Any, desired: Desired
    ) -> None:
        thing = (module.name, module.key(arguments))
        self.wanting.append(Wanting(header, heading, thing, desired, module.implied(arguments, desired)))


def _held(header: Header, dumped: Mapping[str, Any], held: Held) -> Step:
    verdict = Verdict.BLOCKED if held.blocks else Verdict.HELD
    return Step(header, verdict, dumped, message=held.reason, owner=held.owner)


def heading_of(module: StateModule[Any], arguments: Any) -> Heading:
    shown = module.shown(arguments)
    return Heading(shown.kind, shown.name, shown.property)


def _state_module(modules: Mapping[str, Module[Any]], header: Header) -> StateModule[Any]:
    module = modules[header.module]
    if not isinstance(module, StateModule):
        raise TypeError(f"{header.module} is no module with a state")
    return module
