"""From a job to a plan: every host of every play, side by side, and each over one session."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Event

from runner import __version__
from runner.compile.selection import selected_plays
from runner.model.errors import HostError, InputError, Interrupted, Problem
from runner.model.events import HostEnded, HostStarted, Listener
from runner.model.inventory import Host
from runner.model.observation import HostFindings
from runner.model.outcome import HostOutcome, host_result
from runner.model.plan import HostPlan, Plan
from runner.model.playbook import Play
from runner.parse.patterns import select
from runner.pipeline.hiding import problem_without_secrets, without_secrets
from runner.pipeline.job import Job, Visit
from runner.pipeline.lanes import Lanes, lanes_of
from runner.pipeline.levels import HostCheck
from runner.pipeline.origins import digests, target
from runner.plan.build import build_plan, play_plan, timed
from runner.plan.host import plan_host
from runner.transport.base import Session


def make_plan(job: Job, tell: Listener, stop: Event) -> Plan:
    """Check every host of every play, and plan what has to change. Reads only.

    A host that cannot be reached, or not be read to its end, is in the plan with its error; the others go on.
    Errors: InputError for patterns, contradictions and other bad input; Interrupted once `stop` is set.
    """
    started = time.monotonic()
    plays = selected_plays(job.playbook, job.tags, job.skip_tags)
    chosen = _chosen(job)
    hosts = {host.name: host for hosts in chosen for host in hosts}
    if not hosts:
        raise InputError(Problem("no host is left: no play names one that --limit leaves"))
    lanes = lanes_of(job)
    own: dict[str, list[tuple[int, Play]]] = {name: [] for name in hosts}
    for number, play in enumerate(plays):
        for host in chosen[number]:
            own[host.name].append((number, play))
    checks = [partial(_checked, Visit(job, host, tell, stop), own[name]) for name, host in hosts.items()]
    planned = {(plan.host, plan.play): plan for plan in _side_by_side(checks, job, stop)}
    plan = build_plan(
        tool=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        playbook=str(Path(job.playbook.file).absolute()),  # apply may run in another folder
        digests=digests(job.playbook, job.inventory, job.modules),
        plays=[
            play_plan(play, number, [_in_lane(planned[host.name, number], lanes[number]) for host in chosen[number]])
            for number, play in enumerate(plays)
        ],
        seconds=round(time.monotonic() - started, 2),
    )
    return timed(plan, job.durations, job.modules, job.forks)


def _in_lane(plan: HostPlan, lanes: Lanes) -> HostPlan:
    return replace(plan, lane=lanes.get(plan.host, ""))


def host_count(job: Job) -> int:
    """How many hosts a check will visit. Errors: InputError for patterns that name nothing."""
    return len({host.name for hosts in _chosen(job) for host in hosts})


def _chosen(job: Job) -> list[tuple[Host, ...]]:
    """The hosts of each play."""
    return [select(job.inventory, play.hosts, job.limit, play.origin) for play in job.playbook.plays]


def _side_by_side(checks: Iterable[Callable[[], list[HostPlan]]], job: Job, stop: Event) -> list[HostPlan]:
    """Run the checks in threads. All mistakes in the input that they find are told together."""
    plans: list[HostPlan] = []
    problems: dict[Problem, None] = {}
    with ThreadPoolExecutor(job.forks, thread_name_prefix="check") as pool:
        futures = [pool.submit(check) for check in checks]
        try:
            for future in futures:
                try:
                    plans += future.result()
                except InputError as error:
                    problems |= dict.fromkeys(problem_without_secrets(one, job.hide) for one in error.problems)
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if problems:
        raise InputError(*problems)
    return plans


def _checked(visit: Visit, plays: list[tuple[int, Play]]) -> list[HostPlan]:
    """One host, in all plays that name it, over one session: its plans, also when it could not be read to the end."""
    started = time.monotonic()
    if visit.stop.is_set():
        raise Interrupted("interrupted")
    visit.tell(HostStarted(visit.host.name, plays[0][0], "check"))
    session: Session | None = None
    error: HostError | None = None
    found: dict[int, HostFindings] = {}
    try:
        session = visit.job.transport.open(visit.host.connection)
        for number, play in plays:
            found[number] = HostCheck(visit, number, play, session, tuple(found.values())).findings()
    except HostError as failure:
        error = failure
    finally:
        if session is not None:
            session.close()
    plans: list[HostPlan] = []
    for number, _ in plays:
        findings = found.get(number) or HostFindings(visit.host.name, (), {}, 0, error)
        requests = session.requests if session is not None and not plans else 0  # counted once, with the first play
        plans.append(_planned(visit, findings, number, plans, requests))
    for plan in plans:
        visit.tell(HostEnded(_outcome(plan, time.monotonic() - started), "check"))
    return plans


def _planned(visit: Visit, findings: HostFindings, number: int, earlier: Sequence[HostPlan], requests: int) -> HostPlan:
    """The plan of one play, without secrets in its texts."""
    plan = plan_host(findings, number, visit.job.modules, earlier, requests)
    plan = without_secrets(plan, visit.job.modules, visit.job.hide)
    return replace(plan, target=target(visit.host.connection))


def _outcome(plan: HostPlan, seconds: float) -> HostOutcome:
    return HostOutcome(
        plan.host,
        plan.play,
        host_result(plan),
        message=plan.error,
        advice=plan.advice,
        requests=plan.requests,
        seconds=seconds,
    )
