"""Applying a plan: batches, several plays, Ctrl-C, and a journal that fails."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from runner.apply.run import apply_plan
from runner.apply.tools import Tools
from runner.model.errors import ExitCode, InputError, JournalError, Reason, Unreachable
from runner.model.events import ChangeIntended, Event, RunEnded, RunStarted
from runner.model.outcome import HostResult, Result, RunOutcome
from runner.model.plan import Plan, PlayPlan
from runner.model.task import Ready
from runner.plan.build import batches, build_plan
from runner.plan.host import plan_host
from tests.apply.toy import MODULES, Things, observe, ready

TASKS = (ready(1, "A", name="a"), ready(2, "B", name="b"))


def play(fleet: Mapping[str, Things], serial: Sequence[int | str] = (), tasks: Sequence[Ready] = TASKS) -> PlayPlan:
    hosts = tuple(plan_host(observe(host, tasks, name), 1, MODULES) for name, host in fleet.items())
    for host in fleet.values():
        host.log.clear()
    return PlayPlan(1, "play", batches(list(fleet), serial), hosts)


def plan_of(*plays: PlayPlan) -> Plan:
    return build_plan(tool="0", created="2026", playbook="p.yml", digests={}, plays=plays, seconds=0.0)


def run(
    plan: Plan,
    fleet: Mapping[str, Things],
    events: list[Event] | None = None,
    stop: threading.Event | None = None,
    forks: int = 4,
) -> RunOutcome:
    tools = Tools(MODULES, (events if events is not None else []).append, settle=0.0, poll=0.0)
    return apply_plan(plan, lambda name: fleet[name], tools, "run-1", forks=forks, stop=stop)


def results(outcome: RunOutcome) -> dict[str, HostResult]:
    return {host.host: host.result for host in outcome.hosts}


def fleet_of(*names: str, broken: Sequence[str] = ()) -> dict[str, Things]:
    return {name: Things(faults={"New-Thing a": "refused"} if name in broken else {}) for name in names}


def test_all_hosts_are_applied_and_the_run_is_told_of_at_both_ends() -> None:
    fleet, events = fleet_of("h1", "h2", "h3"), list[Event]()
    plan = plan_of(play(fleet))
    outcome = run(plan, fleet, events)
    assert results(outcome) == dict.fromkeys(fleet, HostResult.APPLIED)
    assert outcome.exit_code is ExitCode.OK
    assert events[0].__class__ is RunStarted
    assert events[-1] == RunEnded("run-1", 0)
    assert all(host.log[-1] == "close" for host in fleet.values())


def test_the_hosts_of_a_batch_are_worked_on_side_by_side() -> None:
    fleet = fleet_of("h1", "h2")
    together = threading.Barrier(2, timeout=20)

    def first_change(name: str) -> None:
        if name == "New-Thing a":
            together.wait()

    for host in fleet.values():
        host.before_change = first_change
    assert set(results(run(plan_of(play(fleet)), fleet)).values()) == {HostResult.APPLIED}


def test_batches_come_one_after_the_other() -> None:
    fleet = fleet_of("h1", "h2", "h3")
    order: list[str] = []
    for name, host in fleet.items():
        host.before_change = lambda change, name=name: order.append(name)  # type: ignore[misc]
    run(plan_of(play(fleet, serial=(1,))), fleet)
    assert order == ["h1", "h1", "h2", "h2", "h3", "h3"]


def test_hosts_of_one_lane_wait_for_each_other_and_lanes_go_side_by_side() -> None:
    fleet = fleet_of("h1", "h2", "h3", "h4", "alone")
    lanes = {"h1": "tokyo", "h2": "tokyo", "h3": "osaka", "h4": "osaka", "alone": ""}
    together, order, lock = threading.Barrier(3, timeout=20), list[str](), threading.Lock()

    def first_change(name: str, change: str) -> None:
        with lock:
            order.append(name)
        if change == "New-Thing a" and name in ("h1", "h3", "alone"):
            together.wait()

    for name, host in fleet.items():
        host.before_change = lambda change, name=name: first_change(name, change)  # type: ignore[misc]
    outcome = run(plan_of(laned(play(fleet), **lanes)), fleet)
    assert set(results(outcome).values()) == {HostResult.APPLIED}
    for lane in ("tokyo", "osaka"):
        own = [name for name in order if lanes[name] == lane]
        assert own == sorted(own)


def laned(made: PlayPlan, at_most: int = 1, **lanes: str) -> PlayPlan:
    hosts = tuple(replace(host, lane=lanes.get(host.host, "")) for host in made.hosts)
    return replace(made, hosts=hosts, at_most=at_most)


PARTNER = "another host of tokyo did not end well"


@pytest.mark.parametrize("fault", ["refused", Unreachable(Reason.TIMEOUT, "no answer")])
@pytest.mark.parametrize(("forks", "at_most"), [(4, 1), (1, 2)])
def test_nothing_is_started_on_the_partners_of_a_lost_host(fault: str | Unreachable, forks: int, at_most: int) -> None:
    fleet = fleet_of("h1", "h2", "h3", "alone")
    made = laned(play(fleet), at_most, h1="tokyo", h2="tokyo", h3="osaka")
    fleet["h1"].faults["New-Thing a" if fault == "refused" else "read"] = fault
    outcome = run(plan_of(made), fleet, forks=forks)
    well = HostResult.APPLIED
    found = results(outcome)
    assert found.pop("h1") in (HostResult.FAILED, HostResult.UNREACHABLE)
    assert found == {"h2": HostResult.NOT_STARTED, "h3": well, "alone": well}
    assert outcome.hosts[1].message == PARTNER
    assert fleet["h2"].log == []


def test_the_partner_of_a_lost_host_is_left_out_of_later_batches_and_of_later_plays_with_a_throttle() -> None:
    fleet = fleet_of("h1", "other", "h2", broken=["h1"])
    first = laned(play(fleet, serial=(2, 1)), h1="tokyo", h2="tokyo")
    only = {"h3": Things()}
    second = laned(replace(play(only, tasks=[ready(3, "C", name="c")]), number=2), h3="tokyo")
    third = replace(play(only, tasks=[ready(3, "D", name="d")]), number=3)
    outcome = run(plan_of(first, second), {**fleet, **only})
    assert [(host.host, host.message) for host in outcome.hosts if host.result is HostResult.NOT_STARTED] == [
        ("h2", PARTNER), ("h3", PARTNER),
    ]  # fmt: skip
    assert results(run(plan_of(first, third), {**fleet, **only}))["h3"] is HostResult.APPLIED


def test_a_host_that_the_plan_could_not_reach_counts_from_the_beginning_and_a_compliant_partner_is_well() -> None:
    fleet = fleet_of("h1", "h2")
    fleet["same"] = Things({"a": {"value": 1}, "b": {"value": 1}})
    made = laned(play(fleet), h1="tokyo", h2="tokyo", same="tokyo")
    lost = replace(made.hosts[1], steps=(), error="no answer", exit_code=int(ExitCode.UNREACHABLE))
    outcome = run(plan_of(replace(made, hosts=(made.hosts[0], lost, made.hosts[2]))), fleet)
    assert results(outcome) == {
        "h1": HostResult.NOT_STARTED, "h2": HostResult.UNREACHABLE, "same": HostResult.COMPLIANT,
    }  # fmt: skip


def test_a_refused_host_says_nothing_about_its_partner() -> None:
    fleet = fleet_of("h1", "h2")
    made = laned(play(fleet), h1="tokyo", h2="tokyo")
    fleet["h1"].things["a"] = {"value": 7}
    assert results(run(plan_of(made), fleet)) == {"h1": HostResult.REFUSED, "h2": HostResult.APPLIED}


def test_a_batch_of_which_every_host_is_lost_ends_the_play() -> None:
    fleet = fleet_of("h1", "h2", "h3", "h4", broken=["h1", "h2"])
    outcome = run(plan_of(play(fleet, serial=(2, 1))), fleet)
    lost, left = HostResult.FAILED, HostResult.NOT_STARTED
    assert results(outcome) == {"h1": lost, "h2": lost, "h3": left, "h4": left}
    assert outcome.hosts[2].message == "no host of an earlier batch ended well"
    assert [fleet["h3"].log, fleet["h4"].log] == [[], []]
    assert outcome.exit_code is ExitCode.FAILED


def test_one_host_that_is_well_lets_the_play_go_on() -> None:
    fleet = fleet_of("h1", "h2", "h3", broken=["h1"])
    outcome = run(plan_of(play(fleet, serial=(2,))), fleet)
    assert results(outcome)["h3"] is HostResult.APPLIED


def test_a_refused_host_does_not_stop_a_rollout_and_the_exit_code_is_5() -> None:
    fleet = fleet_of("h1", "h2")
    plan = plan_of(play(fleet, serial=(1,)))
    fleet["h1"].things["a"] = {"value": 1}
    outcome = run(plan, fleet)
    assert results(outcome) == {"h1": HostResult.REFUSED, "h2": HostResult.APPLIED}
    assert outcome.exit_code is ExitCode.REFUSED


def test_an_unreachable_host_counts_as_lost() -> None:
    fleet = fleet_of("h1", "h2")
    plan = plan_of(play(fleet, serial=(1,)))
    fleet["h1"].faults["read"] = Unreachable(Reason.TIMEOUT, "no answer")
    assert results(run(plan, fleet)) == {"h1": HostResult.UNREACHABLE, "h2": HostResult.NOT_STARTED}


def test_a_host_that_did_not_end_well_is_left_out_of_later_plays() -> None:
    fleet = fleet_of("h1", "h2", broken=["h1"])
    first = play(fleet)
    second = replace(play(fleet, tasks=[ready(3, "C", name="c")]), number=2)
    outcome = run(plan_of(first, second), fleet)
    assert [(host.host, host.result) for host in outcome.hosts] == [
        ("h1", HostResult.FAILED), ("h2", HostResult.APPLIED),
        ("h1", HostResult.NOT_STARTED), ("h2", HostResult.APPLIED),
    ]  # fmt: skip
    assert fleet["h2"].things.keys() == {"a", "b", "c"}


def test_a_stop_finishes_the_action_under_way_and_starts_no_other() -> None:
    fleet, events, stop = fleet_of("h1", "h2"), list[Event](), threading.Event()
    plan = plan_of(play(fleet, serial=(1,)))

    def interrupt(name: str) -> None:
        stop.set()

    fleet["h1"].before_change = interrupt
    outcome = run(plan, fleet, events, stop)
    assert outcome.interrupted
    assert outcome.exit_code is ExitCode.INTERRUPTED
    assert [action.result for action in outcome.hosts[0].actions] == [Result.APPLIED, Result.NOT_STARTED]
    assert results(outcome) == {"h1": HostResult.NOT_STARTED, "h2": HostResult.NOT_STARTED}
    assert fleet["h1"].log[-1] == "close"
    assert fleet["h2"].log == []
    assert events[-1] == RunEnded("run-1", 130)


def test_a_journal_that_fails_ends_the_run_after_those_under_way() -> None:
    fleet = fleet_of("h1", "h2", "h3")
    plan = plan_of(play(fleet, serial=(2, 1)))

    def full_disk(event: Event) -> None:
        if isinstance(event, ChangeIntended):
            raise JournalError("the disk is full")

    with pytest.raises(JournalError, match="disk is full"):
        apply_plan(plan, lambda name: fleet[name], Tools(MODULES, full_disk), "run-1")
    assert [host.things for host in fleet.values()] == [{}, {}, {}]
    assert fleet["h1"].log == ["read", "close"]
    assert fleet["h3"].log == []


def test_a_plan_that_this_version_cannot_carry_out_is_refused_before_anything_is_done() -> None:
    fleet, events = fleet_of("h1"), list[Event]()
    made = play(fleet)
    first, second = made.hosts[0].steps
    steps = (
        replace(first, header=replace(first.header, module="win_unknown")),
        replace(second, arguments={"name": "b", "weight": 3}),
    )
    plan = plan_of(replace(made, hosts=(replace(made.hosts[0], steps=steps),)))
    with pytest.raises(InputError) as caught:
        run(plan, fleet, events)
    assert [str(problem.origin) for problem in caught.value.problems] == ["site.yml:1:3", "site.yml:2:3"]
    assert "unknown module 'win_unknown'" in str(caught.value)
    assert events == []


def test_a_run_may_be_started_from_any_thread() -> None:
    fleet, ended = fleet_of("h1"), list[RunOutcome]()
    plan = plan_of(play(fleet))
    thread = threading.Thread(target=lambda: ended.append(run(plan, fleet)))
    thread.start()
    thread.join(20)
    assert [outcome.exit_code for outcome in ended] == [ExitCode.OK]
