"""Steps that are decided at their turn, errors that are ignored, pauses, and processes that must be new.

Against a host in memory behind the Session protocol; tests/test_deferred.py has the same over the real one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from runner.apply.host import apply_host
from runner.apply.tools import Tools
from runner.model.attestation import Attestation
from runner.model.errors import Reason, Unreachable
from runner.model.events import ChangeIntended, Event
from runner.model.observation import Finding, HostFindings, Postponed, Steered
from runner.model.outcome import ActionOutcome, HostOutcome, HostResult, Result
from runner.model.source import MapNode, Origin
from runner.model.state import State
from runner.model.task import Awaited, Deferred, Header, Ready, TaskId
from runner.modules.arguments import dump, validate
from runner.modules.loader import load_modules
from runner.plan.host import plan_host
from tests.apply.toy import MODULES, Things, observe, ready

ALL = {**load_modules(), **MODULES}
FIRST = "1.tasks.1.0.0"


@dataclass
class Bench:
    """One host, a clock that only moves when somebody sleeps, and what was attested there."""

    host: Things
    now: float = 0.0
    slept: list[float] = field(default_factory=list)
    stopped: Callable[[], bool] = lambda: False
    attestations: dict[str, Attestation] = field(default_factory=dict)
    told: list[Event] = field(default_factory=list)

    def apply(self, *tasks: Ready | Finding) -> HostOutcome:
        """Plan the tasks, ordinary ones as they are read now, and apply that."""
        findings: list[Finding] = []
        for task in tasks:
            findings += observe(self.host, [task]).findings if isinstance(task, Ready) else [task]
        plan = plan_host(HostFindings("host-1", tuple(findings), {}, 1), 1, ALL)
        self.host.log.clear()
        tools = Tools(
            ALL,
            self.told.append,
            settle=10.0,
            poll=1.0,
            clock=lambda: self.now,
            sleep=self._sleep,
            now=lambda: datetime(2026, 11, 26, 22, 0, tzinfo=UTC),
            attestations={"host-1": self.attestations},
        )
        return apply_host(plan, lambda name: self.host, tools, self.stopped)

    def _sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)


def late(task: Ready, *conditions: str, **registers: Awaited) -> Postponed:
    return Postponed(task, Deferred(("value",), conditions, registers))


def other(number: int, module: str, **arguments: Any) -> Ready:
    """A task of a module of our own that touches no host."""
    typed = validate(ALL[module], arguments, MapNode((), Origin("site.yml", number, 3)))
    return Ready(Header(TaskId(1, "tasks", number), module, module, Origin("site.yml", number, 3)), typed, dump(typed))


def steered(number: int, module: str, **arguments: Any) -> Steered:
    return Steered(other(number, module, **arguments))


def results(outcome: HostOutcome) -> list[Result]:
    return [action.result for action in outcome.actions]


VALUE = ready(1, "value", name="a", value=2)
LAST = ready(9, "last", name="z")
UNREAD = "nothing was changed, for it could not be read: access is denied"


# ---- read and decided at its turn ----------------------------------------------------------------------------


def test_a_deferred_thing_is_read_behind_the_change_that_decides_it() -> None:
    bench = Bench(Things())
    outcome = bench.apply(VALUE, late(ready(2, "late", name="b")))
    assert (outcome.result, results(outcome)) == (HostResult.APPLIED, [Result.APPLIED, Result.APPLIED])
    assert bench.host.log == ["read", "New-Thing a", "Set-Thing a", "read", "New-Thing b", "close"]


def test_what_a_deferred_thing_was_before_is_told_ahead_of_its_change_and_with_its_outcome() -> None:
    bench = Bench(Things({"b": {"value": 7}}))
    outcome = bench.apply(VALUE, late(ready(2, "late", name="b", value=8)))
    assert [action.result for action in outcome.actions] == [Result.APPLIED, Result.APPLIED]
    planned, decided = outcome.actions
    assert planned.action is None  # the plan has it
    assert decided.action is not None
    assert (decided.action.before, decided.action.after) == (State(True, {"value": 7}), State(True, {"value": 8}))
    intended = [event for event in bench.told if isinstance(event, ChangeIntended)][-1]
    assert intended.step.action == decided.action
    assert intended.step.before == State(True, {"value": 7})


def test_a_deferred_change_that_fails_tells_what_was_before_too() -> None:
    bench = Bench(Things({"b": {"value": 7}}, faults={"Set-Thing b": "refused"}))
    outcome = bench.apply(VALUE, late(ready(2, "late", name="b", value=8)))
    assert outcome.actions[1].result is Result.FAILED
    assert outcome.actions[1].action is not None
    assert outcome.actions[1].action.before == State(True, {"value": 7})


def test_a_deferred_thing_that_is_as_wanted_by_then_is_left_alone() -> None:
    bench = Bench(Things())
    outcome = bench.apply(VALUE, late(ready(2, "late", name="a", value=2)))
    assert results(outcome) == [Result.APPLIED, Result.NOTHING_TO_DO]
    assert outcome.actions[1].now == State(True, {"value": 2})


def test_a_deferred_thing_that_cannot_be_read_fails_the_host() -> None:
    bench = Bench(Things(locked={"b"}))
    outcome = bench.apply(VALUE, late(ready(2, "late", name="b")), LAST)
    assert outcome.result is HostResult.FAILED
    assert results(outcome) == [Result.APPLIED, Result.FAILED, Result.NOT_STARTED]
    assert outcome.actions[1].message == UNREAD
    assert "b" not in bench.host.things


def test_a_wish_that_cannot_be_had_fails_the_host_at_its_turn() -> None:
    outcome = Bench(Things({"b": {}})).apply(VALUE, late(ready(2, "late", name="b", value=666)), LAST)
    assert results(outcome) == [Result.APPLIED, Result.FAILED, Result.NOT_STARTED]
    assert outcome.actions[1].message == "no thing can have the value 666"


def test_a_host_that_is_lost_at_a_deferred_read_starts_no_more() -> None:
    bench = Bench(Things())
    lost = Unreachable(Reason.TIMEOUT, "no answer", "look")
    bench.host.before_change = lambda name: bench.host.faults.update({"read": lost})
    outcome = bench.apply(VALUE, late(ready(2, "late", name="b")), LAST)
    assert (outcome.result, outcome.message, outcome.advice) == (HostResult.UNREACHABLE, "no answer", "look")
    assert results(outcome) == [Result.APPLIED, Result.NOT_STARTED, Result.NOT_STARTED]


# ---- conditions ----------------------------------------------------------------------------------------------

WAYS: dict[str, tuple[Things, Ready | Finding, Result]] = {
    "applied": (Things(), VALUE, Result.APPLIED),
    "nothing to do": (Things({"a": {"value": 2}}), late(VALUE), Result.NOTHING_TO_DO),
    "ignored": (
        Things(locked={"a"}),
        late(ready(1, "value", name="a", value=2, ignore_errors=True)),
        Result.IGNORED,
    ),
    "held": (Things(), late(other(1, "hold", msg="m", owner="o")), Result.HELD),
    "not triggered": (Things(), late(VALUE, "1 == 2"), Result.NOT_TRIGGERED),
}


@pytest.mark.parametrize(
    ("way", "condition", "holds"),
    [
        ("applied", "one is changed", True),
        ("applied", "one is failed", False),
        ("applied", "one.after.value == 2", True),
        ("nothing to do", "one is changed", False),
        ("nothing to do", "one is succeeded", True),
        ("ignored", "one is failed", True),
        ("ignored", "one.msg is search('access is denied')", True),
        ("ignored", "one is changed", False),
        ("held", "one is failed", False),
        ("not triggered", "one is skipped", True),
        ("not triggered", "one is failed", False),
    ],
)
def test_a_condition_is_decided_by_what_became_of_the_earlier_step(way: str, condition: str, holds: bool) -> None:
    host, first, ended = WAYS[way]
    bench = Bench(Things(dict(host.things), locked=set(host.locked)))
    outcome = bench.apply(first, late(ready(2, "late", name="b"), condition, one=Awaited((FIRST,))), LAST)
    assert results(outcome) == [ended, Result.APPLIED if holds else Result.NOT_TRIGGERED, Result.APPLIED]
    assert outcome.actions[1].message == ("" if holds else f"not the case: {condition}")


def test_a_condition_that_cannot_be_evaluated_is_a_failure_and_not_false() -> None:
    bench = Bench(Things())
    outcome = bench.apply(
        VALUE, late(ready(2, "late", name="b"), "one.results[7] is failed", one=Awaited((FIRST,))), LAST
    )
    assert results(outcome) == [Result.APPLIED, Result.FAILED, Result.NOT_STARTED]
    assert "site.yml:2:" in outcome.actions[1].message
    assert outcome.actions[1].message.endswith("the mapping has no 'results'")
    assert "b" not in bench.host.things


def test_all_conditions_must_hold() -> None:
    outcome = Bench(Things()).apply(
        VALUE, late(ready(2, "late", name="b"), "one is changed", "one is failed", one=Awaited((FIRST,)))
    )
    assert results(outcome) == [Result.APPLIED, Result.NOT_TRIGGERED]
    assert outcome.actions[1].message == "not the case: one is failed"


# ---- local tasks ---------------------------------------------------------------------------------------------


def second(outcome: HostOutcome) -> ActionOutcome:
    return outcome.actions[1]


def test_a_hold_that_is_decided_late_holds_the_host_and_the_rest_is_done() -> None:
    outcome = Bench(Things()).apply(VALUE, late(other(2, "hold", msg="open the way", owner="network team")), LAST)
    assert (outcome.result, results(outcome)) == (HostResult.HELD, [Result.APPLIED, Result.HELD, Result.APPLIED])
    assert (second(outcome).owner, second(outcome).message) == (
        "network team",
        "network team must act first: open the way",
    )


def test_a_fail_that_is_decided_late_stops_the_host() -> None:
    outcome = Bench(Things()).apply(VALUE, late(other(2, "fail", msg="not tonight")), LAST)
    assert results(outcome) == [Result.APPLIED, Result.FAILED, Result.NOT_STARTED]
    assert second(outcome).message == "not tonight"


STEP = other(2, "attestation", id="S0-12", instructions="Press the button", owner="CE operator")


def test_an_attestation_that_is_decided_late_sees_what_was_confirmed() -> None:
    asked = Bench(Things()).apply(VALUE, late(STEP))
    assert second(asked).message == (
        "CE operator must act first: Press the button; then: ce-runner attest host-1 S0-12"
    )
    given = Attestation("host-1", "S0-12", "佐藤", datetime(2026, 11, 1, tzinfo=UTC), "4711")
    told = Bench(Things(), attestations={"S0-12": given}).apply(VALUE, late(STEP))
    assert (second(told).result, second(told).message) == (
        Result.NOTHING_TO_DO,
        "S0-12 confirmed by 佐藤 on 2026-11-01: 4711",
    )


# ---- errors that are ignored ---------------------------------------------------------------------------------


def test_an_ignored_error_keeps_the_host_going_and_is_told() -> None:
    bench = Bench(Things(locked={"b"}))
    outcome = bench.apply(VALUE, late(ready(2, "late", name="b", ignore_errors=True)), LAST)
    assert (outcome.result, results(outcome)) == (
        HostResult.APPLIED,
        [Result.APPLIED, Result.IGNORED, Result.APPLIED],
    )
    assert second(outcome).message == UNREAD


def test_a_change_that_is_refused_may_be_ignored() -> None:
    bench = Bench(Things(faults={"New-Thing a": "refused"}))
    outcome = bench.apply(ready(1, "value", name="a", ignore_errors=True), LAST)
    assert results(outcome) == [Result.IGNORED, Result.APPLIED]


@pytest.mark.parametrize(("fault", "ended"), [("lost before", Result.UNKNOWN), ("idle", Result.NOT_CONVERGED)])
def test_what_may_still_be_running_or_did_not_arrive_is_never_ignored(fault: str, ended: Result) -> None:
    bench = Bench(Things(faults={"New-Thing a": fault}, gone=False))
    outcome = bench.apply(ready(1, "value", name="a", ignore_errors=True), LAST)
    assert results(outcome) == [ended, Result.NOT_STARTED]


# ---- pauses, new connections and new processes ---------------------------------------------------------------


def test_a_pause_takes_its_time_in_small_parts() -> None:
    bench = Bench(Things())
    outcome = bench.apply(VALUE, steered(2, "pause", seconds=2.5), LAST)
    assert (bench.slept, outcome.result) == ([1.0, 1.0, 0.5], HostResult.APPLIED)


def test_a_stop_during_a_pause_ends_it_and_starts_no_other() -> None:
    bench = Bench(Things())
    bench.stopped = lambda: bench.now >= 3
    outcome = bench.apply(VALUE, steered(2, "pause", minutes=60), LAST)
    assert bench.slept == [1.0, 1.0, 1.0]
    assert (outcome.result, results(outcome)) == (
        HostResult.NOT_STARTED,
        [Result.APPLIED, Result.NOTHING_TO_DO, Result.NOT_STARTED],
    )
    assert bench.host.log[-1] == "close"


def test_a_host_that_was_not_changed_waits_for_nothing_and_keeps_its_connection() -> None:
    bench = Bench(Things({"a": {"value": 2}, "z": {}}))
    outcome = bench.apply(VALUE, steered(2, "pause", minutes=60), steered(3, "meta", action="reset_connection"), LAST)
    assert (outcome.result, bench.slept, bench.host.log) == (HostResult.COMPLIANT, [], ["read", "close"])


def test_a_connection_is_reset_at_its_turn() -> None:
    bench = Bench(Things())
    bench.apply(VALUE, steered(2, "meta", action="reset_connection"), LAST)
    assert bench.host.log == ["read", "New-Thing a", "Set-Thing a", "renew", "New-Thing z", "close"]


def fresh(number: int, name: str) -> Ready:
    return ready(number, name, module="fresh", name=name, value=1)


def test_a_process_is_renewed_once_for_what_was_changed_since_it_began() -> None:
    bench = Bench(Things())
    outcome = bench.apply(
        fresh(1, "f"), late(fresh(2, "f")), late(fresh(3, "f")), ready(4, "a", name="a"), late(fresh(5, "f"))
    )
    assert outcome.result is HostResult.APPLIED
    changed, looked = ["New-Thing f", "Set-Thing f"], "read"
    assert bench.host.log == ["read", *changed, "renew", looked, looked, "New-Thing a", "renew", looked, "close"]


def test_a_process_is_not_renewed_where_nothing_was_changed() -> None:
    bench = Bench(Things({"f": {"value": 1}, "a": {"value": 2}}))
    outcome = bench.apply(VALUE, late(fresh(2, "f")))
    assert (outcome.result, bench.host.log) == (HostResult.COMPLIANT, ["read", "read", "close"])


def test_a_reset_connection_is_a_new_process_too() -> None:
    bench = Bench(Things({"f": {"value": 1}}))
    bench.apply(VALUE, steered(2, "meta", action="reset_connection"), late(fresh(3, "f")))
    assert bench.host.log == ["read", "New-Thing a", "Set-Thing a", "renew", "read", "close"]


def test_without_a_new_process_nothing_that_needs_one_is_started() -> None:
    bench = Bench(Things(faults={"renew": Unreachable(Reason.TIMEOUT, "no answer", "look")}))
    outcome = bench.apply(VALUE, fresh(2, "f"), LAST)
    assert (outcome.result, outcome.message) == (HostResult.UNREACHABLE, "no answer")
    assert results(outcome) == [Result.APPLIED, Result.NOT_STARTED, Result.NOT_STARTED]
    assert "f" not in bench.host.things


def test_a_deferred_handler_still_needs_a_change_that_notifies_it() -> None:
    bench = Bench(Things({"svc": {"pid": 7}, "b": {"value": 1}}))
    handler = late(ready(1, "svc", (), "handlers", name="svc", restarted=True), "one is changed", one=Awaited((FIRST,)))
    outcome = bench.apply(VALUE, late(ready(2, "notifies", ("svc",), name="b", value=1)), handler)
    assert results(outcome) == [Result.APPLIED, Result.NOTHING_TO_DO, Result.NOT_TRIGGERED]


def test_what_an_ignored_failure_has_changed_needs_a_new_process_and_its_handler() -> None:
    bench = Bench(Things({"f": {"value": 1}, "svc": {"pid": 7}}, faults={"Set-Thing a": "refused"}))
    two = ready(1, "two", ("svc",), name="a", value=2, ignore_errors=True)
    outcome = bench.apply(two, late(fresh(2, "f")), ready(1, "svc", (), "handlers", name="svc", restarted=True))
    assert "renew" in bench.host.log
    assert results(outcome)[-1] is Result.APPLIED


def test_a_condition_that_cannot_be_evaluated_may_be_ignored() -> None:
    task = late(ready(2, "late", name="b", ignore_errors=True), "one.results[7] is failed", one=Awaited((FIRST,)))
    assert results(Bench(Things()).apply(VALUE, task, LAST))[1:] == [Result.IGNORED, Result.APPLIED]
