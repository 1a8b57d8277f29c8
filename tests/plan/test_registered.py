"""The registered result: what the plan says of a task, before the plan is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from runner.model.observation import Finding, Gathered, Observed, Told
from runner.model.plan import Verdict
from runner.model.state import State, Unreadable
from runner.model.task import Broken, Ready, Skipped
from runner.modules.base import Module
from runner.plan.handlers import header_of
from runner.plan.host import plan_host
from runner.plan.registered import assess_all
from runner.template import TemplateError, Templates
from tests.apply.toy import MODULES, Things, observe, ready


def assess(finding: Finding, modules: Mapping[str, Module[Any]], earlier: Sequence[Finding] = ()) -> dict[str, Any]:
    """The result of one task; `earlier` are the host's findings before it."""
    return assess_all([*earlier, finding], modules)[header_of(finding).id]


def test_what_register_keeps_of_a_state_task() -> None:
    task = ready(1, "A", name="a", value=2)
    assert assess(Observed(task, State(True, {"value": 1, "raw": b"\xbe"})), MODULES) == {
        "changed": True, "failed": False, "skipped": False, "held": False, "msg": "",
        "before": {"exists": True, "value": 1, "raw": "be"}, "after": {"exists": True, "value": 2, "raw": "be"},
    }  # fmt: skip
    same = assess(Observed(task, State(True, {"value": 2})), MODULES)
    assert (same["changed"], same["before"]) == (False, same["after"])
    assert assess(Observed(ready(1, "A", name="a", exists=False), State(True)), MODULES)["after"] == {"exists": False}


def test_what_could_not_be_read_or_applied_is_registered_as_failed() -> None:
    task = ready(1, "A", name="a", value=666)
    for finding, message in (
        (Observed(task, Unreadable("denied")), "denied"),
        (Observed(task, State(False)), "no thing can have the value 666"),
        (Broken(task.header, "undefined"), "undefined"),
        (Told(task, "no", failed=True), "no"),
    ):
        result = assess(finding, MODULES)
        assert (result["failed"], result["changed"], result["msg"]) == (True, False, message)


def test_what_the_result_of_a_failed_task_lacks_is_not_known() -> None:
    """Neither absent nor a default: whoever uses it is told which task failed."""
    task = ready(1, "Read A", name="a", value=666)
    for finding, used in (
        (Observed(task, Unreadable("denied")), "r.before.value"),
        (Observed(task, State(False)), "r.before.value"),
        (Broken(task.header, "undefined"), "r.after is defined"),
    ):
        variables = {"r": assess(finding, MODULES)}
        assert Templates().evaluate("r.failed and r.msg != ''", variables) is True
        with pytest.raises(TemplateError, match="is not known, because the task 'Read A' failed"):
            Templates().evaluate(used, variables)


def test_the_other_registered_results() -> None:
    task = ready(1, "A", name="a")
    assert assess(Skipped(task.header, "x"), MODULES) == {
        "changed": False, "failed": False, "skipped": True, "held": False, "msg": "x",
    }  # fmt: skip
    assert assess(Gathered(task, {}), MODULES)["failed"] is False
    assert assess(Told(task, "hi"), MODULES)["msg"] == "hi"


def test_the_second_of_two_equal_tasks_registers_what_the_plan_says() -> None:
    found = observe(
        Things({"a": {"value": 1}}), [ready(1, "first", name="a", value=2), ready(2, "second", name="A", value=2)]
    )
    first, second = found.findings
    assert [step.verdict for step in plan_host(found, 1, MODULES).steps] == [Verdict.CHANGE, Verdict.COMPLIANT]
    assert assess(first, MODULES)["changed"] is True
    result = assess(second, MODULES, [first])
    assert result["changed"] is False
    assert result["before"] == result["after"] == {"exists": True, "value": 2}


def test_before_and_after_are_over_the_tasks_before() -> None:
    findings = observe(Things(), [ready(1, "A", name="a", value=2), ready(2, "B", name="a", colour="red")]).findings
    result = assess(findings[1], MODULES, findings[:1])
    assert result["before"] == {"exists": True, "value": 2}
    assert result["after"] == {"exists": True, "value": 2, "colour": "red"}


def test_tasks_of_an_earlier_play_count_with_their_handlers() -> None:
    host = Things({"svc": {"value": 0}})
    first = observe(
        host, [ready(1, "A", ("svc",), name="a", value=2), ready(1, "svc", (), "handlers", name="svc", value=5)]
    ).findings
    (again,) = observe(host, [in_play(2, ready(1, "B", name="svc", value=5))]).findings
    assert assess(again, MODULES, first)["changed"] is False
    assert assess(again, MODULES, first[1:])["changed"] is True  # nothing notified the handler


def in_play(number: int, task: Ready) -> Ready:
    return replace(task, header=replace(task.header, id=replace(task.header.id, play=number)))


def handler(number: int, name: str, notify: tuple[str, ...] = ()) -> Ready:
    return ready(number, name, notify, "handlers", name=name, restarted=True)


def test_a_handler_is_changed_only_if_it_runs() -> None:
    host = Things({"a": {"value": 1}, "svc": {"pid": 1}, "idle": {"pid": 1}, "next": {"pid": 1}})
    tasks = (
        ready(1, "A", ("svc",), name="a", value=9), handler(1, "next"), handler(2, "idle"),
        handler(3, "svc", ("next",)),
    )  # fmt: skip
    found = observe(host, tasks)
    planned = {step.header.id: step.verdict for step in plan_host(found, 1, MODULES).steps}
    results = assess_all(found.findings, MODULES)
    assert [(results[one.header.id]["changed"], results[one.header.id]["skipped"]) for one in tasks] == [
        (True, False), (True, False), (False, True), (True, False),
    ]  # fmt: skip
    assert {id: result["changed"] for id, result in results.items()} == {
        id: verdict is Verdict.CHANGE for id, verdict in planned.items()
    }


def test_facts_that_could_not_be_read_are_registered_as_failed_like_they_are_planned() -> None:
    task = ready(1, "A", name="a")
    result = assess(Gathered(task, {"domain": "denied"}), MODULES)
    assert (result["failed"], result["msg"]) == (True, "domain: denied")
