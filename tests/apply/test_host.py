"""Applying one host: drift, proof, lost answers, handlers - against a host in memory behind the Session protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from runner.apply.host import apply_host
from runner.apply.tools import Tools
from runner.model.command import Statement, command
from runner.model.errors import ConnectionLost, DeadlineExceeded, HostError, JournalError, Reason, Unreachable
from runner.model.events import ActionEnded, ChangeIntended, Event, HostEnded, HostRefused, HostStarted
from runner.model.observation import HostFindings, Observed
from runner.model.outcome import HostOutcome, HostResult, Result
from runner.model.plan import HostPlan
from runner.model.state import Difference, OtherThan, State, Unreadable
from runner.model.task import Ready
from runner.modules.base import Module, Round
from runner.plan.host import plan_host
from runner.record.due import due
from tests.apply.toy import MODULES, Thing, ThingArguments, Things, observe, ready


@dataclass
class Bench:
    """One host, the events it told, and a clock that only moves when somebody sleeps."""

    host: Things
    events: list[Event] = field(default_factory=list)
    now: float = 0.0
    stopped: Callable[[], bool] = lambda: False
    modules: Mapping[str, Module[Any]] = field(default_factory=lambda: MODULES)

    def plan(self, *tasks: Ready) -> HostPlan:
        plan = plan_host(observe(self.host, tasks), 1, MODULES)
        self.host.log.clear()
        return plan

    def tell(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, ChangeIntended):
            self.host.log.append(f"intent {event.change}")
        if isinstance(event, ActionEnded):
            self.host.log.append(f"ended {event.outcome.result}")

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def tools(self) -> Tools:
        return Tools(
            self.modules, self.tell, lambda text: text.replace("canary", "********"), settle=10.0, poll=1.0,
            clock=lambda: self.now, sleep=self.sleep,
        )  # fmt: skip

    def apply(self, plan: HostPlan) -> HostOutcome:
        return apply_host(plan, lambda name: self.host, self.tools(), self.stopped)


def results(outcome: HostOutcome) -> list[Result]:
    return [action.result for action in outcome.actions]


VALUE = ready(1, "value", name="a", value=2)


def test_each_change_is_announced_before_it_is_sent_and_read_back_behind_it() -> None:
    bench = Bench(Things({"a": {"value": 1}}))
    outcome = bench.apply(bench.plan(ready(1, "both", name="a", value=2, colour="red"), ready(2, "b", name="b")))
    assert (outcome.result, results(outcome)) == (HostResult.APPLIED, [Result.APPLIED, Result.APPLIED])
    assert bench.host.log == [
        "read", "intent 0", "Set-Thing a", "intent 1", "Set-Thing a", "ended applied",
        "intent 0", "New-Thing b", "ended applied", "close",
    ]  # fmt: skip
    assert bench.host.things == {"a": {"value": 2, "colour": "red"}, "b": {}}
    assert outcome.actions[0].now == State(True, {"value": 2, "colour": "red"})
    assert [type(event) for event in bench.events] == [
        HostStarted, ChangeIntended, ChangeIntended, ActionEnded, ChangeIntended, ActionEnded, HostEnded,
    ]  # fmt: skip
    assert outcome.requests == bench.host.requests


def test_a_second_plan_after_it_changes_nothing() -> None:
    bench = Bench(Things())
    bench.apply(bench.plan(VALUE))
    outcome = bench.apply(bench.plan(VALUE))
    assert (outcome.result, outcome.actions) == (HostResult.COMPLIANT, ())
    assert bench.host.log == ["read", "close"]


def test_drift_refuses_the_host_before_anything_is_written() -> None:
    bench = Bench(Things({"a": {"value": 1}, "b": {"value": 7}}))
    plan = bench.plan(VALUE, ready(2, "compliant", name="b", value=7))
    bench.host.things = {"a": {"value": 5}, "b": {"value": 8}}
    outcome = bench.apply(plan)
    assert (outcome.result, results(outcome)) == (HostResult.REFUSED, [Result.NOT_STARTED])
    assert bench.host.log == ["read", "close"]
    first, second = outcome.drifts
    assert (first.planned, first.now, first.after) == (
        State(True, {"value": 1}), State(True, {"value": 5}), State(True, {"value": 2}),
    )  # fmt: skip
    assert first.differences == (Difference("value", 1, 5),)
    assert (second.step, second.after) == ("1.tasks.2.0.0", None)
    assert any(isinstance(event, HostRefused) and event.drifts == outcome.drifts for event in bench.events)


def test_what_cannot_be_read_any_more_is_drift() -> None:
    bench = Bench(Things({"a": {"value": 1}}))
    plan = bench.plan(VALUE)
    bench.host.locked.add("a")
    outcome = bench.apply(plan)
    assert outcome.result is HostResult.REFUSED
    assert (outcome.drifts[0].now, outcome.drifts[0].message) == (None, "could not be read: access is denied")


def test_what_changes_by_itself_is_no_drift() -> None:
    bench = Bench(Things({"a": {"value": 1, "pid": 7}}))
    plan = bench.plan(VALUE)
    bench.host.things["a"]["pid"] = 8
    assert bench.apply(plan).result is HostResult.APPLIED


@pytest.mark.parametrize(
    ("facts", "now", "message"),
    [({"domain": "other"}, "other", ""), ({}, None, ""), (None, None, "access is denied")],
)
def test_a_fact_that_decided_something_and_is_another_now_refuses(
    facts: dict[str, object] | None, now: object, message: str
) -> None:
    bench = Bench(Things())
    plan = bench.plan(ready(1, "A", name="a", facts=("domain", "uptime")))
    bench.host.facts = facts
    outcome = bench.apply(plan)
    assert outcome.result is HostResult.REFUSED
    (drift,) = outcome.fact_drifts
    assert (drift.name, drift.planned, drift.now, drift.message) == ("domain", "corp", now, message)
    assert "New-Thing a" not in bench.host.log


def test_a_fact_that_changes_by_itself_and_one_that_decided_nothing_do_not_count() -> None:
    bench = Bench(Things())
    plan = bench.plan(ready(1, "A", name="a", facts=("uptime",)))
    bench.host.facts = {"domain": "other", "uptime": 6}
    assert bench.apply(plan).result is HostResult.APPLIED


def test_a_fact_that_no_module_reads_refuses() -> None:
    bench = Bench(Things())
    plan = replace(bench.plan(VALUE), facts={"colour": "red"})
    assert bench.apply(plan).fact_drifts[0].message == "no module reads this fact"


def test_a_host_that_failed_in_the_plan_is_not_even_opened() -> None:
    bench = Bench(Things())
    outcome = bench.apply(bench.plan(VALUE, ready(2, "bad", name="b", value=666)))
    assert (outcome.result, results(outcome), bench.host.log) == (HostResult.FAILED, [Result.NOT_STARTED], [])


@pytest.mark.parametrize(("exit_code", "result"), [(4, HostResult.UNREACHABLE), (3, HostResult.UNREADABLE)])
def test_a_host_whose_check_ended_early_keeps_that_result(exit_code: int, result: HostResult) -> None:
    bench = Bench(Things())
    outcome = bench.apply(replace(bench.plan(VALUE), error="401", advice="look", exit_code=exit_code))
    assert (outcome.result, outcome.message, outcome.advice, bench.host.log) == (result, "401", "look", [])


FAULTS = [
    ("refused", {"value": 1}, Result.FAILED, "access is denied (Denied,Set-Thing)", HostResult.FAILED),
    ("idle", {"value": 1}, Result.NOT_CONVERGED, "", HostResult.NOT_CONVERGED),
    ("complains", {"value": 2}, Result.APPLIED, "the state is as promised, although the host said: a policy",
     HostResult.APPLIED),
    ("lost after", {"value": 2}, Result.SETTLED, "the answer to the change was lost (the connection was reset); read",
     HostResult.APPLIED),
    ("unseen", {"value": 2}, Result.SETTLED, "the answer to the change was lost (its end was not reported)",
     HostResult.APPLIED),
    ("lost before", {"value": 1}, Result.FAILED, "it took no effect, the state is as before", HostResult.FAILED),
    (DeadlineExceeded("no answer in 30 s"), {"value": 1}, Result.FAILED, "(no answer in 30 s); it took no effect",
     HostResult.FAILED),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "now", "result", "message", "of_host"), FAULTS)
def test_what_a_change_can_end_in(
    fault: str | HostError, now: dict[str, object], result: Result, message: str, of_host: HostResult
) -> None:
    bench = Bench(Things({"a": {"value": 1}}, faults={"Set-Thing a": fault}))
    outcome = bench.apply(bench.plan(VALUE, ready(2, "next", name="b")))
    assert outcome.result is of_host
    goes_on = of_host is HostResult.APPLIED
    assert results(outcome) == [result, Result.APPLIED if goes_on else Result.NOT_STARTED]
    assert message in outcome.actions[0].message
    assert outcome.actions[0].now == State(True, now)
    assert outcome.actions[0].differences == (() if goes_on else (Difference("value", 1, 2),))
    assert ("b" in bench.host.things) is goes_on
    assert bench.host.log[-1] == "close"


def test_after_a_lost_answer_the_old_shell_ends_before_anything_is_read() -> None:
    bench = Bench(Things({"a": {"value": 1}}, faults={"Set-Thing a": "lost before"}))
    bench.apply(bench.plan(VALUE))
    log = bench.host.log
    assert log[log.index("Set-Thing a") :] == ["Set-Thing a", "abandon", "read", "read", "ended failed", "close"]


def test_while_the_old_shell_may_live_an_unchanged_state_is_unknown() -> None:
    bench = Bench(Things({"a": {"value": 1}}, faults={"Set-Thing a": "lost before"}, gone=False))
    outcome = bench.apply(bench.plan(VALUE, ready(2, "next", name="b")))
    assert (outcome.result, results(outcome)) == (HostResult.UNKNOWN, [Result.UNKNOWN, Result.NOT_STARTED])
    assert "the change may still be running there" in outcome.actions[0].message
    assert bench.now == 10.0


def test_a_change_that_comes_late_is_settled() -> None:
    bench = Bench(Things({"a": {"value": 1}}, faults={"Set-Thing a": "lost before"}, gone=False))
    plan = bench.plan(VALUE)
    reads = []

    def goes_on_alone() -> None:
        reads.append(1)
        if len(reads) == 4:
            bench.host.things["a"]["value"] = 2

    bench.host.after_read = goes_on_alone
    outcome = bench.apply(plan)
    assert results(outcome) == [Result.SETTLED]
    assert len(reads) == 5


def test_a_state_that_does_not_come_to_rest_is_unknown() -> None:
    bench = Bench(Things({"a": {"value": 1}}, faults={"Set-Thing a": "lost before"}))
    plan = bench.plan(VALUE)

    def flickers() -> None:
        if "Set-Thing a" in bench.host.log:
            bench.host.things["a"]["value"] += 10

    bench.host.after_read = flickers
    outcome = bench.apply(plan)
    assert results(outcome) == [Result.UNKNOWN]
    assert "still changing" in outcome.actions[0].message


def test_a_lost_answer_in_the_middle_leaves_what_is_neither_before_nor_promised() -> None:
    bench = Bench(Things({"a": {"value": 1}}, faults={"Set-Thing a": "lost after"}))
    outcome = bench.apply(bench.plan(ready(1, "both", name="a", value=2, colour="red")))
    (action,) = outcome.actions
    assert action.result is Result.FAILED
    assert "the answer to change 1 of 2 was lost" in action.message
    assert "neither as before nor as promised" in action.message
    assert action.now == State(True, {"value": 2})


@pytest.mark.parametrize("where", ["abandon", "read"])
def test_a_host_that_does_not_come_back_is_unknown(where: str) -> None:
    bench = Bench(Things({"a": {"value": 1}}, faults={"Set-Thing a": "lost after"}))
    plan = bench.plan(VALUE)
    bench.host.before_change = lambda name: bench.host.faults.update({where: Unreachable(Reason.TIMEOUT, "no answer")})
    outcome = bench.apply(plan)
    assert results(outcome) == [Result.UNKNOWN]
    assert "then the host could not be read: no answer" in outcome.actions[0].message


def test_what_was_sent_and_cannot_be_read_back_is_unknown() -> None:
    bench = Bench(Things({"a": {"value": 1}}))
    plan = bench.plan(VALUE)
    bench.host.before_change = lambda name: bench.host.locked.add("a")
    outcome = bench.apply(plan)
    assert results(outcome) == [Result.UNKNOWN]
    assert outcome.actions[0].message == "the change was sent, but could not be read back: access is denied"


def test_an_unsent_change_is_not_started_and_the_host_unreachable() -> None:
    fault = Unreachable(Reason.REFUSED, "refused with the canary", "look")
    bench = Bench(Things({"a": {"value": 1}}, faults={"New-Thing b": fault}))
    outcome = bench.apply(bench.plan(VALUE, ready(2, "b", name="b"), ready(3, "c", name="c")))
    assert (outcome.result, outcome.advice) == (HostResult.UNREACHABLE, "look")
    assert results(outcome) == [Result.APPLIED, Result.NOT_STARTED, Result.NOT_STARTED]
    assert outcome.actions[1].message == "refused with the ********"


def test_the_second_of_two_changes_that_cannot_be_sent_is_a_failure() -> None:
    bench = Bench(Things())
    plan = bench.plan(ready(1, "both", name="a", value=2))
    bench.host.faults["Set-Thing a"] = Unreachable(Reason.REFUSED, "refused")
    outcome = bench.apply(plan)
    assert results(outcome) == [Result.FAILED]
    assert outcome.actions[0].message == "change 2 of 2 could not be sent: refused"


class Careful(Thing):
    """A thing that wants something harmless answered in front of each change."""

    def asked_in_front(self, statement: Statement) -> tuple[Statement, ...]:
        return ((command("Get-Thing", Name="front"),),)


def careful(host: Things) -> Bench:
    return Bench(host, modules={**MODULES, "thing": Careful()})


def test_what_goes_in_front_of_a_change_is_answered_before_it_is_announced() -> None:
    bench = careful(Things({"a": {"value": 1}}))
    assert results(bench.apply(bench.plan(VALUE))) == [Result.APPLIED]
    assert bench.host.log == ["read", "read", "intent 0", "Set-Thing a", "ended applied", "close"]


def test_where_the_host_refuses_it_the_change_is_not_sent() -> None:
    bench = careful(Things({"a": {"value": 1}}, locked={"front"}))
    outcome = bench.apply(bench.plan(VALUE))
    assert results(outcome) == [Result.FAILED]
    assert outcome.actions[0].message == "it was not sent: access is denied (Denied,Set-Thing)"
    assert "intent 0" not in bench.host.log


def test_where_its_answer_is_lost_nothing_of_the_change_was_sent() -> None:
    lost = ConnectionLost("reset")
    bench = careful(Things({"a": {"value": 1}}))
    plan = bench.plan(VALUE)
    bench.host.after_read = lambda: bench.host.faults.update({"read": lost})
    assert results(bench.apply(plan)) == [Result.NOT_STARTED]
    bench = careful(Things())
    plan = bench.plan(ready(1, "both", name="a", value=2))
    bench.host.before_change = lambda name: bench.host.faults.update({"read": lost})
    outcome = bench.apply(plan)
    assert results(outcome) == [Result.FAILED]
    assert outcome.actions[0].message == "change 2 of 2 could not be sent: reset"


def test_an_error_in_the_middle_sends_no_more_and_is_judged_by_what_is_read() -> None:
    bench = Bench(Things({"a": {"value": 1}}, faults={"Set-Thing a": "refused"}))
    outcome = bench.apply(bench.plan(ready(1, "both", name="a", value=2, colour="red")))
    assert results(outcome) == [Result.FAILED]
    assert [entry for entry in bench.host.log if entry == "Set-Thing a"] == ["Set-Thing a"]


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (Unreachable(Reason.NAME, "no such name", "look at the name"), HostResult.UNREACHABLE),
        (ConnectionLost("reset", "look at the network"), HostResult.UNREADABLE),
    ],
)
def test_a_host_that_cannot_be_read_again_is_left_alone(error: HostError, result: HostResult) -> None:
    bench = Bench(Things())
    plan = bench.plan(VALUE)
    bench.host.faults["read"] = error
    outcome = bench.apply(plan)
    assert (outcome.result, outcome.message, outcome.advice) == (result, error.message, error.advice)
    assert (results(outcome), bench.host.log) == ([Result.NOT_STARTED], ["close"])


def test_a_host_without_a_session_is_unreachable() -> None:
    bench = Bench(Things())

    def refuse(name: str) -> Things:
        raise Unreachable(Reason.TLS, f"{name}: the certificate has expired", "renew it")

    outcome = apply_host(bench.plan(VALUE), refuse, bench.tools(), lambda: False)
    assert (outcome.result, outcome.message) == (HostResult.UNREACHABLE, "host-1: the certificate has expired")


HANDLER = ready(1, "svc", (), "handlers", name="svc", restarted=True)


def test_a_handler_runs_once_after_a_change_and_is_held_against_the_process_before_it() -> None:
    bench = Bench(Things({"svc": {"pid": 7, "status": "ready"}}))
    plan = bench.plan(ready(1, "A", ("svc",), name="a"), ready(2, "B", ("svc",), name="b"), HANDLER)
    bench.host.things["svc"]["pid"] = 8  # restarted by somebody since the plan: another process, yet no drift
    outcome = bench.apply(plan)
    assert outcome.result is HostResult.APPLIED
    assert bench.host.log.count("Restart-Thing svc") == 1
    assert outcome.actions[2].now == State(True, {"pid": 101, "status": "ready"})


def test_a_restart_that_did_not_happen_is_seen_though_the_planned_process_is_long_gone() -> None:
    bench = Bench(Things({"svc": {"pid": 7, "status": "ready"}}, faults={"Restart-Thing svc": "idle"}))
    plan = bench.plan(ready(1, "A", ("svc",), name="a"), HANDLER)
    bench.host.things["svc"]["pid"] = 8
    outcome = bench.apply(plan)
    assert results(outcome) == [Result.APPLIED, Result.NOT_CONVERGED]
    assert outcome.actions[1].differences == (Difference("pid", 8, OtherThan(8)),)


def test_a_restarted_thing_is_read_until_it_has_settled() -> None:
    bench = Bench(Things({"svc": {"pid": 7, "status": "ready"}}, starting=3))
    outcome = bench.apply(bench.plan(ready(1, "A", ("svc",), name="a"), HANDLER))
    assert results(outcome) == [Result.APPLIED, Result.APPLIED]
    assert bench.now == 3.0


def test_a_thing_that_never_settles_is_judged_when_the_time_of_its_module_is_over() -> None:
    bench = Bench(Things({"svc": {"pid": 7, "status": "ready"}}, starting=10_000))
    outcome = bench.apply(bench.plan(ready(1, "A", ("svc",), name="a"), HANDLER))
    assert bench.now == MODULES["thing"].timeout
    assert results(outcome) == [Result.APPLIED, Result.NOT_CONVERGED]
    assert outcome.actions[1].message == "it was still on its way after 30 s"


def test_a_lost_restart_that_never_settles_is_unknown() -> None:
    bench = Bench(Things({"svc": {"pid": 7, "status": "ready"}}, {}, {"Restart-Thing svc": "lost after"}, starting=999))
    outcome = bench.apply(bench.plan(ready(1, "A", ("svc",), name="a"), HANDLER))
    assert results(outcome) == [Result.APPLIED, Result.UNKNOWN]


def test_a_handler_that_is_due_after_a_failure_is_named() -> None:
    bench = Bench(Things({"svc": {"pid": 7}}, faults={"New-Thing b": "refused"}))
    outcome = bench.apply(bench.plan(ready(1, "A", ("svc",), name="a"), ready(2, "B", name="b"), HANDLER))
    assert results(outcome) == [Result.APPLIED, Result.FAILED, Result.NOT_STARTED]
    assert outcome.actions[2].message.startswith("it is due")


def test_what_changed_something_and_failed_makes_its_handler_due_here_and_in_the_journal() -> None:
    bench = Bench(Things({"svc": {"pid": 7}}, faults={"Set-Thing b": "refused"}))
    plan = bench.plan(ready(1, "A", ("svc",), name="b", value=2), HANDLER)
    outcome = bench.apply(plan)
    assert results(outcome) == [Result.FAILED, Result.NOT_STARTED]
    assert [one.touched for one in outcome.actions] == [True, False]
    assert outcome.actions[1].message.startswith("it is due")
    assert due(plan, outcome.actions) == {str(HANDLER.header.id): ("A",)}


def test_what_changed_nothing_and_failed_makes_nothing_due() -> None:
    bench = Bench(Things({"svc": {"pid": 7}}, faults={"New-Thing b": "refused"}))
    plan = bench.plan(ready(1, "A", ("svc",), name="b"), HANDLER)
    outcome = bench.apply(plan)
    assert [(one.result, one.touched, one.message) for one in outcome.actions[1:]] == [(Result.NOT_STARTED, False, "")]
    assert not outcome.actions[0].touched
    assert due(plan, outcome.actions) == {}


def test_a_handler_that_cannot_be_read_at_its_turn_is_not_run() -> None:
    bench = Bench(Things({"svc": {"pid": 7}}))
    plan = bench.plan(ready(1, "A", ("svc",), name="a"), HANDLER)
    bench.host.before_change = lambda name: bench.host.locked.add("svc")
    outcome = bench.apply(plan)
    assert results(outcome) == [Result.APPLIED, Result.FAILED]
    assert outcome.actions[1].message == "nothing was changed, for it could not be read: access is denied"
    assert "Restart-Thing svc" not in bench.host.log


def test_a_task_is_held_only_against_what_it_reads_itself() -> None:
    class Narrow(Thing):
        """Reads only what the task names, as win_service does."""

        def observe(self, wanted: Sequence[ThingArguments], rounds: Sequence[Round]) -> tuple[State | Unreadable, ...]:
            seen = []
            for one, state in zip(wanted, super().observe(wanted, rounds), strict=True):
                assert isinstance(state, State)
                asked = [name for name in ("value", "colour") if getattr(one, name) is not None]
                seen.append(State(state.exists, {name: state.properties.get(name) for name in asked}))
            return tuple(seen)

    bench = Bench(Things({"a": {"value": 1, "colour": "red"}}), modules={"thing": Narrow()})
    first, second = ready(1, "value", name="a", value=2), ready(2, "colour", name="a", colour="blue")
    findings = [
        Observed(first, State(True, {"value": 1})),
        Observed(second, State(True, {"colour": "red"})),
    ]
    outcome = bench.apply(plan_host(HostFindings("host-1", tuple(findings), {}, 1), 1, bench.modules))
    assert results(outcome) == [Result.APPLIED, Result.APPLIED]


def test_a_stop_finishes_the_action_under_way_and_starts_no_other() -> None:
    bench = Bench(Things())
    bench.stopped = lambda: "Set-Thing a" in bench.host.log
    outcome = bench.apply(bench.plan(ready(1, "A", name="a", value=1), ready(2, "B", name="b")))
    assert (outcome.result, results(outcome)) == (HostResult.NOT_STARTED, [Result.APPLIED, Result.NOT_STARTED])
    assert bench.host.log[-2:] == ["ended applied", "close"]


def test_without_a_journal_entry_nothing_is_sent_and_the_session_is_closed() -> None:
    bench = Bench(Things({"a": {"value": 1}}))
    plan = bench.plan(VALUE)

    def full_disk(event: Event) -> None:
        if isinstance(event, ChangeIntended):
            raise JournalError("the disk is full")

    with pytest.raises(JournalError):
        apply_host(plan, lambda name: bench.host, replace(bench.tools(), tell=full_disk), lambda: False)
    assert bench.host.log == ["read", "close"]
    assert bench.host.things == {"a": {"value": 1}}
