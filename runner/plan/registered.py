"""What `register` keeps of a task, known before anything is changed: what the plan will say of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from runner.model.jsonvalue import plain
from runner.model.observation import Finding
from runner.model.plan import Step, Verdict
from runner.model.state import State
from runner.model.task import TaskId
from runner.modules.base import Module
from runner.plan.handlers import header_of
from runner.plan.planner import Planner


def assess_all(findings: Iterable[Finding], modules: Mapping[str, Module[Any]]) -> dict[TaskId, dict[str, Any]]:
    """The registered results of all these tasks of one host, in any order, as plain data.

    Always `changed`, `failed`, `skipped` and `msg`. A handler that does not run is `skipped`; a task that could not be
    read, or never can be applied, is `failed`. A state task that could be read also has `before` and `after`: its
    properties and `exists`, over what the tasks before it (of earlier plays too) will have done; `after` is what the
    plan promises, and equals `before` when nothing changes.
    """
    planner = Planner(modules)
    in_order = sorted(findings, key=lambda finding: header_of(finding).id)
    plays = groupby(in_order, key=lambda finding: header_of(finding).id.play)
    steps = [step for _, play in plays for step in planner.play(list(play))]
    return {step.header.id: _result(step, planner.before.get(step.header.id)) for step in steps}


def _result(step: Step, before: State | None) -> dict[str, Any]:
    result = {
        "changed": step.verdict is Verdict.CHANGE,
        "failed": step.verdict in (Verdict.FAILED, Verdict.UNREADABLE),
        "skipped": step.verdict in (Verdict.SKIPPED, Verdict.IDLE),
        "msg": step.message,
    }
    if before is None:
        return result
    return {**result, "before": _state(before), "after": _state(step.action.after if step.action else before)}


def joined(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The registered result of a loop: `results`, and what holds of all of them."""
    return {
        "results": list(results),
        "changed": any(result["changed"] for result in results),
        "failed": any(result["failed"] for result in results),
        "skipped": all(result["skipped"] for result in results),
        "msg": "",
    }


def _state(state: State) -> dict[str, Any]:
    return {**plain(state.properties), "exists": state.exists}
