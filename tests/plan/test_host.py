"""Planning one host: what a finding becomes, and how steps see each other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runner.model.errors import DeadlineExceeded, InputError, Reason, Unreachable
from runner.model.observation import Finding, Gathered, HostFindings, Observed, Told
from runner.model.outcome import HostResult, host_result
from runner.model.plan import HostPlan, Verdict
from runner.model.source import Origin
from runner.model.state import Difference, OtherThan, State, Unreadable
from runner.model.task import Broken, Header, Ready, Skipped, TaskId
from runner.plan.host import plan_host
from tests.apply.toy import MODULES, Things, observe, ready


def planned(host: Things, *tasks: Ready) -> HostPlan:
    return plan_host(observe(host, tasks), 1, MODULES)


def with_findings(*findings: Finding) -> HostPlan:
    return plan_host(HostFindings("host-1", findings, {}, 1), 1, MODULES)


def verdicts(plan: HostPlan) -> list[Verdict]:
    return [step.verdict for step in plan.steps]


def test_a_difference_becomes_an_action_with_everything_that_apply_needs() -> None:
    plan = planned(Things({"a": {"value": 1}}), ready(3, "A", name="a", value=2, colour="red"))
    (step,) = plan.steps
    assert step.verdict is Verdict.CHANGE
    assert step.before == State(True, {"value": 1})
    assert step.key == "a"
    assert step.arguments == {"name": "a", "value": 2, "colour": "red", "exists": True, "restarted": False}
    action = step.action
    assert action is not None
    assert action.differences == (Difference("value", 1, 2), Difference("colour", None, "red"))
    assert action.after == State(True, {"value": 2, "colour": "red"})
    assert [statement[0].name for statement in action.write] == ["Set-Thing", "Set-Thing"]
    assert action.undo is not None
    assert dict(action.undo[0][0].parameters) == {"Name": "a", "value": 1}


def test_what_cannot_be_undone_says_why() -> None:
    (step,) = planned(Things({"a": {"pid": 7}}), ready(1, "R", name="a", restarted=True)).steps
    assert step.action is not None
    assert step.action.undo is None
    assert step.action.irreversible == "a restart cannot be taken back"
    assert step.action.differences == (Difference("pid", 7, OtherThan(7)),)


def test_every_kind_of_finding_has_its_verdict() -> None:
    ok, locked = ready(1, "ok", name="a"), ready(2, "locked", name="b")
    header = Header(TaskId(1, "tasks", 9), "other", "debug", Origin("site.yml", 9, 3))
    told = Ready(header, None, {"msg": "hi"})
    plan = with_findings(
        Observed(ok, State(True)), Observed(locked, Unreadable("access is denied")), Told(told, "hi"),
        Told(told, "does not hold", failed=True), Gathered(told, {"domain": "denied"}), Skipped(header, "x is defined"),
        Broken(header, "'x' is undefined"), Observed(ready(3, "bad", name="c", value=666), State(False)),
    )  # fmt: skip
    assert [(step.verdict, step.message) for step in plan.steps] == [
        (Verdict.COMPLIANT, ""), (Verdict.UNREADABLE, "access is denied"), (Verdict.TOLD, "hi"),
        (Verdict.FAILED, "does not hold"), (Verdict.UNREADABLE, "domain: denied"), (Verdict.SKIPPED, "x is defined"),
        (Verdict.FAILED, "'x' is undefined"), (Verdict.FAILED, "no thing can have the value 666"),
    ]  # fmt: skip


def test_the_second_task_on_a_thing_is_planned_over_what_the_first_will_have_made() -> None:
    host = Things({"a": {"value": 1}})
    plan = planned(host, ready(1, "value", name="a", value=2), ready(2, "colour", name="A", colour="red"))
    first, second = (step.action for step in plan.steps)
    assert first is not None
    assert second is not None
    assert second.before == State(True, {"value": 2})
    assert second.after == State(True, {"value": 2, "colour": "red"})
    assert plan.steps[0].before == State(True, {"value": 1})


def test_the_same_wish_twice_is_one_change() -> None:
    assert verdicts(planned(Things(), ready(1, "x", name="a", value=1), ready(2, "y", name="a", value=1))) == [
        Verdict.CHANGE,
        Verdict.COMPLIANT,
    ]


def test_contradictions_are_all_named_with_both_places() -> None:
    tasks = (
        ready(3, "one", name="a", value=1), ready(5, "two", name="A", value=2),
        ready(7, "three", name="a", exists=False), ready(9, "other", name="b", value=9),
    )  # fmt: skip
    with pytest.raises(InputError) as caught:
        planned(Things(), *tasks)
    assert [(str(problem.origin), problem.message) for problem in caught.value.problems] == [
        ("site.yml:5:3", "'two' wants value 2 of thing A, but 'one' (site.yml:3:3) wants 1"),
        ("site.yml:7:3", "'three' wants existence False of thing a, but 'one' (site.yml:3:3) wants True"),
        ("site.yml:7:3", "'three' wants existence False of thing a, but 'two' (site.yml:5:3) wants True"),
    ]


def test_a_contradiction_is_found_when_both_are_compliant_or_the_type_alone_differs() -> None:
    with pytest.raises(InputError, match="wants colour '1'"):
        planned(Things(), ready(1, "x", name="a", colour="0"), ready(2, "y", name="a", colour="1"))


def handler(number: int, name: str, notify: tuple[str, ...] = (), **arguments: object) -> Ready:
    return ready(number, name, notify, "handlers", **{"name": name, "restarted": True, **arguments})


def test_a_handler_acts_only_if_a_notifying_task_changes_and_says_why() -> None:
    host = Things({"a": {"value": 1}, "b": {"value": 2}, "svc": {"pid": 1}, "idle": {"pid": 1}})
    tasks = (
        ready(1, "A", ("svc",), name="a", value=9), ready(2, "B", ("svc", "idle"), name="b", value=2),
        ready(3, "A2", ("svc",), name="a", colour="red"), handler(1, "idle"), handler(2, "svc"),
    )  # fmt: skip
    plan = planned(host, *tasks)
    assert [(step.header.name, step.verdict) for step in plan.steps[3:]] == [
        ("svc", Verdict.CHANGE), ("idle", Verdict.IDLE),
    ]  # fmt: skip
    action = plan.steps[3].action
    assert action is not None
    assert action.because == ("A", "A2")
    assert action.triggers == ("1.tasks.1.0.0", "1.tasks.3.0.0")
    assert plan.steps[4].before is None


def test_a_handler_may_notify_another_even_an_earlier_one_and_each_runs_once() -> None:
    host = Things({name: {"pid": 1} for name in ("first", "second", "third")})
    tasks = (
        ready(1, "A", ("second",), name="a"), handler(1, "first"), handler(2, "second", ("first", "third")),
        handler(3, "third", ("second",)),
    )  # fmt: skip
    plan = planned(host, *tasks)
    assert [(step.header.name, step.action and step.action.because) for step in plan.steps[1:]] == [
        ("second", ("A",)), ("first", ("second",)), ("third", ("second",)),
    ]  # fmt: skip


def test_an_unreadable_handler_matters_only_if_it_is_notified() -> None:
    trigger, lonely = ready(1, "A", ("svc",), name="a", value=1), handler(1, "svc")
    unread = Observed(lonely, Unreadable("denied"))
    assert verdicts(with_findings(Observed(trigger, State(True, {"value": 1})), unread))[1] is Verdict.IDLE
    assert verdicts(with_findings(Observed(trigger, State(False)), unread))[1] is Verdict.UNREADABLE


def test_broken_and_skipped_handlers() -> None:
    trigger = Observed(ready(1, "A", ("svc",), name="a"), State(False))
    broken = Broken(handler(1, "svc").header, "undefined")
    assert verdicts(with_findings(broken)) == [Verdict.IDLE]
    assert verdicts(with_findings(trigger, broken)) == [Verdict.CHANGE, Verdict.FAILED]
    assert verdicts(with_findings(Skipped(handler(1, "svc").header, "no"))) == [Verdict.SKIPPED]


def test_a_later_play_is_planned_over_the_plays_before_it() -> None:
    host = Things({"a": {"value": 1}})
    first = planned(host, ready(1, "A", name="a", value=2))
    findings = observe(host, [ready(1, "B", name="a", value=2), ready(2, "C", name="a", colour="red")])
    second = plan_host(findings, 2, MODULES, earlier=[first])
    assert [step.before for step in second.steps] == [State(True, {"value": 2})] * 2
    assert second.steps[0].verdict is Verdict.COMPLIANT
    assert second.steps[1].action is not None
    assert second.steps[1].action.before == State(True, {"value": 2})


@pytest.mark.parametrize("found", [1, 2])
def test_contradictions_are_found_across_plays(found: int) -> None:
    """Whether the first play has to change the thing or not."""
    host = Things({"a": {"value": found}})
    first = planned(host, ready(1, "A", name="a", value=2))
    between = plan_host(observe(host, [ready(1, "X", name="x")]), 2, MODULES, earlier=[first])
    findings = observe(host, [ready(5, "B", name="a", value=3)])
    with pytest.raises(InputError) as caught:
        plan_host(findings, 3, MODULES, earlier=[first, between])
    assert [problem.message for problem in caught.value.problems] == [
        "'B' wants value 3 of thing a, but 'A' (site.yml:1:3) wants 2"
    ]


def test_what_an_earlier_play_could_not_want_contradicts_nothing() -> None:
    host = Things({"a": {"value": 1}, "svc": {"value": 1}}, locked={"b"})
    first = planned(
        host, ready(1, "bad", name="a", value=666), ready(2, "locked", name="b", value=1), idle := handler(1, "svc")
    )
    assert first.steps[2].header == idle.header
    findings = observe(
        Things({"a": {"value": 1}}),
        [ready(1, "A", name="a", value=2), ready(2, "B", name="b", value=2), ready(3, "C", name="svc", exists=False)],
    )
    assert verdicts(plan_host(findings, 2, MODULES, earlier=[first])) == [
        Verdict.CHANGE, Verdict.CHANGE, Verdict.COMPLIANT,
    ]  # fmt: skip


def test_only_facts_that_decided_something_are_kept() -> None:
    host = Things(facts={"domain": "corp", "ansible_distribution": "Microsoft Windows Server 2012 R2 Standard"})
    plan = planned(host, ready(1, "A", name="a", facts=("domain", "missing")))
    assert plan.facts == {"domain": "corp", "missing": None}
    assert plan.title == "Server 2012 R2"


def test_the_result_of_a_host_is_its_worst_step() -> None:
    good = planned(Things({"a": {}}), ready(1, "A", name="a"))
    change = planned(Things(), ready(1, "A", name="a"))
    failed = planned(Things(), ready(1, "A", name="a"), ready(2, "B", name="b", value=666))
    unread = planned(Things(locked={"b"}), ready(1, "A", name="a"), ready(2, "B", name="b"))
    results = [host_result(plan) for plan in (good, change, failed, unread)]
    assert results == [HostResult.COMPLIANT, HostResult.PENDING, HostResult.FAILED, HostResult.UNREADABLE]


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (Unreachable(Reason.AUTHENTICATION, "401", "look at the password"), HostResult.UNREACHABLE),
        (DeadlineExceeded("no answer in 20 s", "look at the host"), HostResult.UNREADABLE),
    ],
)
def test_a_host_whose_check_ended_early_is_never_compliant(error: Unreachable, result: HostResult) -> None:
    findings = replace(observe(Things({"a": {}}), [ready(1, "A", name="a")]), error=error)
    plan = plan_host(findings, 1, MODULES)
    assert host_result(plan) is result
    assert (plan.error, plan.advice) == (error.message, error.advice)
