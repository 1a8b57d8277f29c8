"""One host: a step for every finding, with before and after, planned over what earlier steps will have done."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from runner.model.errors import InputError
from runner.model.jsonvalue import plain
from runner.model.observation import Finding, Gathered, HostFindings, Observed, Told
from runner.model.plan import Action, Heading, HostPlan, Step, Verdict
from runner.model.state import Desired, State, Unreadable, differences
from runner.model.task import Broken, Header, Skipped
from runner.modules.arguments import load
from runner.modules.base import Impossible, Irreversible, Module, StateModule
from runner.plan.contradictions import Wanting, contradictions
from runner.plan.handlers import header_of, plan_handlers

Effects = list[tuple[Any, State]]  # arguments of earlier actions of one module with their after-states


def plan_host(
    findings: HostFindings,
    number: int,
    modules: Mapping[str, Module[Any]],
    earlier: Sequence[HostPlan] = (),
    requests: int = 0,
) -> HostPlan:
    """The plan of one host in the play `number`; `earlier` are its plans in the plays before.

    Tasks on one thing are planned over the expected state: the second sees what the first will have made.
    Errors: InputError with every pair of tasks that want contradictory things.
    """
    planner = _Planner(modules, earlier)
    tasks = [finding for finding in findings.findings if header_of(finding).id.section == "tasks"]
    handlers = [finding for finding in findings.findings if header_of(finding).id.section != "tasks"]
    steps = tuple(planner.step(finding) for finding in tasks)
    steps += plan_handlers(handlers, steps, planner.step)
    problems = contradictions(planner.wanting)
    if problems:
        raise InputError(*problems)
    return HostPlan(
        host=findings.host,
        play=number,
        steps=steps,
        facts=_deciding_facts(findings),
        title=_title(findings.facts),
        levels=findings.levels,
        requests=requests,
        error=findings.error.message if findings.error else "",
        advice=findings.error.advice if findings.error else "",
        exit_code=int(findings.error.exit_code) if findings.error else 0,
    )


class _Planner:
    """Plans findings in the order they are handed in, and remembers what each will have changed."""

    def __init__(self, modules: Mapping[str, Module[Any]], earlier: Iterable[HostPlan]) -> None:
        self._modules = modules
        self._before_play: dict[str, Effects] = {}
        self._effects: dict[str, Effects] = {}
        self.wanting: list[Wanting] = []
        for plan in earlier:
            for step in plan.steps:
                if step.action:
                    arguments = load(modules[step.header.module], step.arguments)
                    effect = (arguments, step.action.after)
                    self._before_play.setdefault(step.header.module, []).append(effect)
                    self._effects.setdefault(step.header.module, []).append(effect)

    def step(self, finding: Finding) -> Step:
        match finding:
            case Observed():
                return self._observed(finding)
            case Told():
                verdict = Verdict.FAILED if finding.failed else Verdict.TOLD
                return Step(finding.task.header, verdict, finding.task.dumped, message=finding.message)
            case Gathered():
                missing = "; ".join(f"{name}: {reason}" for name, reason in finding.unreadable.items())
                verdict = Verdict.UNREADABLE if missing else Verdict.COMPLIANT
                return Step(finding.task.header, verdict, finding.task.dumped, message=missing)
            case Skipped():
                return Step(finding.header, Verdict.SKIPPED, {}, message=finding.condition)
            case Broken():
                return Step(finding.header, Verdict.FAILED, {}, message=finding.message)

    def _observed(self, finding: Observed) -> Step:
        header, arguments, dumped = finding.task.header, finding.task.arguments, finding.task.dumped
        module = _state_module(self._modules, header)
        shown = module.shown(arguments)
        key, heading = module.key(arguments), Heading(shown.kind, shown.name, shown.property)
        if isinstance(finding.found, Unreadable):
            return Step(header, Verdict.UNREADABLE, dumped, key, heading, message=finding.found.reason)
        found = module.over(arguments, finding.found, self._before_play.get(module.name, []))
        before = module.over(arguments, finding.found, self._effects.get(module.name, []))
        desired = module.desired(arguments, before)
        if isinstance(desired, Impossible):
            return Step(header, Verdict.FAILED, dumped, key, heading, found, message=desired.reason)
        self.wanting.append(Wanting(header, heading, (module.name, key), desired))
        action = _action(module, arguments, before, desired)
        if action is None:
            return Step(header, Verdict.COMPLIANT, dumped, key, heading, found)
        self._effects.setdefault(module.name, []).append((arguments, action.after))
        return Step(header, Verdict.CHANGE, dumped, key, heading, found, action)


def _state_module(modules: Mapping[str, Module[Any]], header: Header) -> StateModule[Any]:
    module = modules[header.module]
    if not isinstance(module, StateModule):
        raise TypeError(f"{header.module} is no module with a state")
    return module


def _action(module: StateModule[Any], arguments: Any, before: State, desired: Desired) -> Action | None:
    wrong = differences(before, desired)
    if not wrong:
        return None
    after = module.promise(arguments, before, desired)
    undo = module.undo(arguments, before, after)
    write = module.write(arguments, before)
    if isinstance(undo, Irreversible):
        return Action(before, desired, after, wrong, write, None, undo.reason)
    return Action(before, desired, after, wrong, write, undo)


def _deciding_facts(findings: HostFindings) -> dict[str, Any]:
    """The facts that decided a condition or an argument, as plain data; one that the host has not is None."""
    names = {name: None for finding in findings.findings for name in header_of(finding).facts}
    return {name: plain(findings.facts.get(name)) for name in names}


def _title(facts: Mapping[str, Any]) -> str:
    """`Server 2022` of Ansible's fact `ansible_distribution`, such as `Microsoft Windows Server 2022 Standard`."""
    distribution = str(facts.get("ansible_distribution") or "")
    short = re.search(r"Server \d+( R2)?|Windows \d+(\.\d+)?", distribution)
    return short[0] if short else distribution
