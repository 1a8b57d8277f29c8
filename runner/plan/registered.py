"""What `register` keeps of a task, known before anything is changed: what the plan will say of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from runner.model.observation import Finding
from runner.model.plan import Step, Verdict
from runner.model.registered import result
from runner.model.state import State
from runner.model.task import TaskId
from runner.modules.base import Module
from runner.plan.handlers import header_of
from runner.plan.planner import Planner
from runner.template import Incomplete


def assess_all(findings: Iterable[Finding], modules: Mapping[str, Module[Any]]) -> dict[TaskId, dict[str, Any]]:
    """The registered results of all these tasks of one host, in any order, as plain data; deferred tasks have none yet.

    Always `changed`, `failed`, `skipped`, `held` and `msg`. A handler that does not run is `skipped`; a task that could
    not be read, or never can be applied, is `failed`. A state task that could be read also has `before` and `after`:
    its properties and `exists`, over what the tasks before it (of earlier plays too) will have done; `after` is what
    the plan promises, and equals `before` when nothing changes. What the result of a failed task lacks is not absent,
    but not known: whatever uses it fails.
    """
    planner = Planner(modules)
    decided = (step for step in _steps(findings, planner) if step.verdict is not Verdict.DEFERRED)
    return {step.header.id: _result(step, planner.before.get(step.header.id)) for step in decided}


def _steps(findings: Iterable[Finding], planner: Planner) -> list[Step]:
    in_order = sorted(findings, key=lambda finding: header_of(finding).id)
    plays = groupby(in_order, key=lambda finding: header_of(finding).id.play)
    return [step for _, play in plays for step in planner.play(list(play))]


def _result(step: Step, before: State | None) -> dict[str, Any]:
    failed = step.verdict in (Verdict.FAILED, Verdict.UNREADABLE, Verdict.IGNORED)
    known = result(
        changed=step.verdict is Verdict.CHANGE,
        failed=failed,
        skipped=step.verdict in (Verdict.SKIPPED, Verdict.IDLE),
        held=step.verdict in (Verdict.HELD, Verdict.BLOCKED),
        message=step.message,
        before=before,
        after=step.action.after if step.action else before,
    )
    reason = f"is not known, because the task {step.header.name!r} failed"
    return Incomplete(known, reason) if failed else known
