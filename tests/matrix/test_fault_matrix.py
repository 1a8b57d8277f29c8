"""Every fault at every moment: no false ok, no lost journal entry, no hang, and the other hosts go on (issue 4)."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from runner.lab.faults import What, When, parse_fault
from runner.model.outcome import HostOutcome, HostResult, Result, RunOutcome, host_result
from runner.model.plan import HostPlan, Plan, Verdict
from runner.record.journal import Journal
from tests.matrix.rehearsal import STATES, Case, Rehearsal, all_cases, longest, rehearsal

SEED = 4
SAMPLE = 44
LATE = Case("apply", parse_fault("write:drop_late"))  # the hardest: in every sample
SHARD = 50  # hosts of one fleet
DONE = frozenset({Result.APPLIED, Result.SETTLED})
HEALTHY = tuple(Case("apply", None, state) for state in STATES)
EXPECTED = {
    "wrong": (HostResult.PENDING, HostResult.APPLIED),
    "right": (HostResult.COMPLIANT, HostResult.COMPLIANT),
    "owned": (HostResult.PENDING, HostResult.NOT_CONVERGED),
    "stuck": (HostResult.PENDING, HostResult.UNKNOWN),
    "failing": (HostResult.PENDING, HostResult.FAILED),
}
REPORT = Callable[[str], None]


def survive(cases: Sequence[Case], folder: Path) -> set[tuple[What, When]]:
    """Check and apply a fleet of these cases: everything that must hold does, or this raises. The faults that came."""
    with rehearsal([*HEALTHY, *cases], folder) as run:
        plan = run.plan()
        for host in plan.plays[0].hosts:
            case_of_check(run, host)
        run.begin_faults()
        outcome = run.apply(plan)
        for ended in outcome.hosts:
            case_of_apply(run, plan, ended)
        journal_is_whole(run, outcome)
        in_time(run)
        nothing_comes_later(run, outcome)
        healthy_hosts_go_on(run, plan, outcome)
        return run.shown()


def case_of_check(run: Rehearsal, plan: HostPlan) -> None:
    case, holds = run.cases[plan.host], run.holds(plan.host)
    assert not run.changing_pipelines(plan.host), f"{case}: a check changed something"
    result = host_result(plan)
    assert all(holds.values()) == (case.state == "right")
    if result is HostResult.COMPLIANT:
        assert case.state == "right", f"{case}: a false ok"
    elif result is HostResult.PENDING:
        assert case.state != "right", f"{case}: changes were invented"
    else:
        assert plan.error or result in (HostResult.UNREADABLE, HostResult.FAILED), f"{case}: {result} without a reason"
    for step in plan.steps:
        if step.verdict is Verdict.COMPLIANT:
            assert holds[step.header.name], f"{case}: {step.header.name} is not compliant"
        elif step.verdict is Verdict.CHANGE:
            assert not holds[step.header.name], f"{case}: {step.header.name} needs no change"


def case_of_apply(run: Rehearsal, plan: Plan, ended: HostOutcome) -> None:
    case, holds = run.cases[ended.host], run.holds(ended.host)
    if ended.result in (HostResult.APPLIED, HostResult.COMPLIANT):
        assert all(holds.values()), f"{case}: a false ok, {holds}"
    names = {str(step.header.id): step.header.name for host in plan.plays[0].hosts for step in host.steps}
    for action in ended.actions:
        if action.result in DONE:
            assert holds[names[action.step]], f"{case}: {names[action.step]} is {action.result}, but not there"
        if action.result in (Result.NOT_STARTED, Result.NOT_TRIGGERED):
            assert not holds[names[action.step]], f"{case}: {names[action.step]} was not started, but is done"


def journal_is_whole(run: Rehearsal, outcome: RunOutcome) -> None:
    intended = run.intended()
    for host, case in run.cases.items():
        unannounced = {(host, pipeline) for pipeline in run.changing_pipelines(host)} - intended
        assert not unannounced, f"{case}: changes that the journal does not know"
    with Journal(run.journal) as journal:
        assert journal.unfinished("run") == ()
        assert [host.result for host in journal.run("run").hosts] == [
            next(one.result for one in outcome.hosts if one.host == host.host) for host in journal.run("run").hosts
        ]


def nothing_comes_later(run: Rehearsal, outcome: RunOutcome) -> None:
    """What a host was reported to be it stays, unless the report says that nobody knows."""
    for ended in outcome.hosts:
        if ended.result is not HostResult.UNKNOWN:
            later = run.changing_pipelines(ended.host) - run.reported[ended.host]
            assert not later, f"{run.cases[ended.host]}: changed after it was reported {ended.result}"


def in_time(run: Rehearsal) -> None:
    for (host, phase), seconds in run.timer.seconds.items():
        limit = longest(phase, changes=8)
        assert seconds <= limit, f"{run.cases[host]}: {phase} took {seconds:.1f} s of {limit:.1f}"


def healthy_hosts_go_on(run: Rehearsal, plan: Plan, outcome: RunOutcome) -> None:
    planned = {host.host: host_result(host) for host in plan.plays[0].hosts}
    applied = {ended.host: ended.result for ended in outcome.hosts}
    for host, case in run.cases.items():
        if case.fault is None:
            assert (planned[host], applied[host]) == EXPECTED[case.state]
            assert run.fleet.traffic(host).open_shells == 0


def counted(cases: Sequence[Case], shown: set[tuple[What, When]]) -> str:
    return (
        f"{len({what for what, _ in shown})} faults x their phases = {len(shown)} pairs in {len(cases)} cases survived"
    )


def test_a_sample_of_the_matrix(tmp_path: Path, report_number: REPORT) -> None:
    cases = [LATE, *random.Random(SEED).sample(all_cases(), SAMPLE)]
    shown = survive(cases, tmp_path)
    assert len(shown) > SAMPLE / 2
    report_number(f"fault matrix, sample with seed {SEED}: {counted(cases, shown)}")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_whole_matrix(tmp_path: Path, report_number: REPORT) -> None:
    cases = all_cases()
    shown: set[tuple[What, When]] = set()
    for start in range(0, len(cases), SHARD):
        folder = tmp_path / str(start)
        folder.mkdir()
        shown |= survive(cases[start : start + SHARD], folder)
    assert shown == {(case.fault.what, case.fault.when) for case in cases if case.fault}
    report_number(f"fault matrix, all of it: {counted(cases, shown)}")
