"""Joins the stages: parse -> compile -> check -> plan, and apply -> record. The one place that knows them all.

Facts and registered results decide conditions, so compile and check alternate: each level compiles with what is
known, reads what has become ready, and learns from it, until nothing new becomes ready (design section 2).
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from threading import Event
from typing import Any

from runner import __version__
from runner.apply.run import apply_plan
from runner.apply.tools import Tools
from runner.check import check_level
from runner.compile import FACTS, Known, compile_host
from runner.compile.selection import selected_plays
from runner.model.errors import Elsewhere, HostError, InputError, Interrupted, Problem, Refused
from runner.model.events import HostEnded, HostStarted, LevelRead, Listener
from runner.model.inventory import Connection, Host, Inventory
from runner.model.observation import Finding, HostFindings
from runner.model.outcome import HostOutcome, RunOutcome, host_result
from runner.model.plan import HostPlan, Plan
from runner.model.playbook import Play, Playbook
from runner.model.task import Broken, Compiled, Header, Pending, Ready, Skipped, TaskId
from runner.modules.arguments import dump
from runner.modules.base import FactModule, Module
from runner.parse.patterns import select
from runner.plan.build import build_plan, play_plan
from runner.plan.handlers import header_of
from runner.plan.host import plan_host
from runner.plan.registered import assess_all, joined
from runner.template import Templates
from runner.transport.base import Session, Transport


@dataclass(frozen=True, slots=True)
class Job:
    """What a check works on. `verbosity` is the number of -v; `extra` are the variables that win over all others."""

    playbook: Playbook
    inventory: Inventory
    modules: Mapping[str, Module[Any]]
    transport: Transport
    limit: str | None = None
    extra: Mapping[str, object] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()
    skip_tags: frozenset[str] = frozenset()
    forks: int = 20
    verbosity: int = 0
    hide: Callable[[str], str] = str  # masks secrets in what hosts and templates say
    templates: Templates = field(default_factory=Templates)


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
    visits = [
        _Visit(job, host, [(number, play) for number, play in enumerate(plays) if host in chosen[number]], tell, stop)
        for host in hosts.values()
    ]
    planned = {(plan.host, plan.play): plan for plan in _side_by_side(visits, job.forks, stop)}
    return build_plan(
        tool=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        playbook=str(Path(job.playbook.file).absolute()),  # apply may run in another folder
        digests=digests(job.playbook, job.inventory, job.modules),
        plays=[
            play_plan(play, number, [planned[host.name, number] for host in chosen[number]])
            for number, play in enumerate(plays)
        ],
        seconds=round(time.monotonic() - started, 2),
    )


def host_count(job: Job) -> int:
    """How many hosts a check will visit. Errors: InputError for patterns that name nothing."""
    return len({host.name for hosts in _chosen(job) for host in hosts})


def _chosen(job: Job) -> list[tuple[Host, ...]]:
    """The hosts of each play."""
    return [select(job.inventory, play.hosts, job.limit, play.origin) for play in job.playbook.plays]


def apply_saved(
    plan: Plan, inventory: Inventory, transport: Transport, tools: Tools, run: str, forks: int, stop: Event
) -> RunOutcome:
    """Apply a plan on the hosts of an inventory, which gives connections and secrets and nothing else.

    Errors: InputError if a planned host is not in the inventory; Refused if the plan was made for other modules;
    what the journal raises.
    """
    strangers = [name for play in plan.plays for batch in play.batches for name in batch if name not in inventory.hosts]
    if strangers:
        raise InputError(Problem(f"planned, but not in the inventory: {', '.join(dict.fromkeys(strangers))}"))
    if plan.digests.get("modules") != _schemas(tools.modules):
        raise Refused(f"the plan was made by ce-runner {plan.tool}, whose modules are others: make a new plan")
    targets = {host.host: host.target for play in plan.plays for host in play.hosts}

    def open_session(name: str) -> Session:
        connection = inventory.hosts[name].connection
        if _target(connection) != targets[name]:
            raise Elsewhere(
                f"planned at {targets[name]}, but the inventory now leads to {_target(connection)}",
                "correct the inventory, or make a new plan",
            )
        return transport.open(connection)

    return apply_plan(plan, open_session, tools, run, forks, stop)


def _target(connection: Connection) -> str:
    return f"{connection.address}:{connection.port}/{connection.path}"


def changed_since(plan: Plan, playbook: str | None, inventory: Inventory) -> tuple[str, ...]:
    """Warnings: what the plan was made from and is no longer the same.

    `playbook` is the digest of the playbook's file now, None if it does not exist any more, which it need not.
    """
    warnings = []
    if playbook is not None and playbook != plan.digests.get("playbook"):
        warnings.append(f"{plan.playbook} has changed since the plan was made; what is applied is the plan")
    if _places(inventory) != plan.digests.get("inventory"):
        warnings.append("the inventory's hosts, groups or addresses have changed since the plan was made")
    return tuple(warnings)


def digests(playbook: Playbook, inventory: Inventory, modules: Mapping[str, Module[Any]]) -> dict[str, str]:
    """SHA-256 of what a plan is made from: the playbook's file, where the hosts are, what the modules take."""
    return {"playbook": playbook.digest, "inventory": _places(inventory), "modules": _schemas(modules)}


def _places(inventory: Inventory) -> str:
    """Not of the files: those may hold passwords, and a digest of few unknown characters can be guessed."""
    return _sha256({name: [host.groups, _target(host.connection)] for name, host in inventory.hosts.items()})


def _schemas(modules: Mapping[str, Module[Any]]) -> str:
    return _sha256({name: module.arguments.model_json_schema() for name, module in modules.items()})


def _sha256(data: object) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def _side_by_side(visits: Iterable[_Visit], forks: int, stop: Event) -> list[HostPlan]:
    """Run the visits in threads. All mistakes in the input that they find are told together."""
    plans: list[HostPlan] = []
    problems: dict[Problem, None] = {}
    with ThreadPoolExecutor(forks, thread_name_prefix="check") as pool:
        futures = [pool.submit(visit.plans) for visit in visits]
        try:
            for future in futures:
                try:
                    plans += future.result()
                except InputError as error:
                    problems |= dict.fromkeys(error.problems)
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if problems:
        raise InputError(*problems)
    return plans


@dataclass(frozen=True, slots=True)
class _Visit:
    """One host, in all plays that name it, over one session."""

    job: Job
    host: Host
    plays: list[tuple[int, Play]]
    tell: Listener
    stop: Event

    def plans(self) -> list[HostPlan]:
        started = time.monotonic()
        if self.stop.is_set():
            raise Interrupted("interrupted")
        self.tell(HostStarted(self.host.name, self.plays[0][0], "check"))
        session: Session | None = None
        error: HostError | None = None
        found: list[tuple[int, HostFindings]] = []
        try:
            session = self.job.transport.open(self.host.connection)
            for number, play in self.plays:
                earlier = [findings for _, findings in found]
                found.append((number, _HostCheck(self, number, play, session, earlier).findings()))
        except HostError as failure:
            error = failure
        finally:
            if session is not None:
                session.close()
        requests = session.requests if session is not None else 0
        plans = self._planned(found, error, requests)
        for plan in plans:
            outcome = HostOutcome(
                plan.host,
                plan.play,
                host_result(plan),
                message=plan.error,
                advice=plan.advice,
                requests=plan.requests,
                seconds=time.monotonic() - started,
            )
            self.tell(HostEnded(outcome, "check"))
        return plans

    def _planned(self, found: list[tuple[int, HostFindings]], error: HostError | None, requests: int) -> list[HostPlan]:
        done = {number for number, _ in found}
        found = [*found, *((n, HostFindings(self.host.name, (), {}, 0, error)) for n, _ in self.plays if n not in done)]
        plans: list[HostPlan] = []
        for number, findings in found:
            plan = plan_host(findings, number, self.job.modules, plans, 0 if plans else requests)
            plans.append(replace(_masked(plan, self.job.hide), target=_target(self.host.connection)))
        return plans


def _masked(plan: HostPlan, hide: Callable[[str], str]) -> HostPlan:
    """The plan without secrets in its messages: a host may repeat one in an error, a playbook in a debug task."""
    steps = tuple(replace(step, message=hide(step.message)) if step.message else step for step in plan.steps)
    return replace(plan, steps=steps, error=hide(plan.error), advice=hide(plan.advice))


class _HostCheck:
    """The levels of one play on one host."""

    def __init__(
        self, visit: _Visit, number: int, play: Play, session: Session, earlier: Sequence[HostFindings]
    ) -> None:
        self._visit = visit
        self._job = visit.job
        self._number = number
        self._play = play
        self._session = session
        self._earlier = [finding for findings in earlier for finding in findings.findings]
        self._known = Known()
        self._done: dict[TaskId, Finding] = {}

    def findings(self) -> HostFindings:
        level = 0
        compiled = self._compile()
        while ready := self._ready(compiled):
            if self._visit.stop.is_set():
                raise Interrupted("interrupted")
            found = check_level(self._session, ready, self._job.modules, self._job.verbosity)
            level += found.batches
            self._done |= {header_of(finding).id: finding for finding in found.findings}
            if any(isinstance(self._job.modules[task.header.module], FactModule) for task in ready):
                self._known = replace(self._known, facts=found.facts, unreadable=found.unreadable)
            self._visit.tell(LevelRead(self._visit.host.name, level, len(ready)))
            if any(isinstance(one, Pending) for one in compiled):
                compiled = self._compile()
        findings = tuple(self._settle(one) for one in compiled)
        return HostFindings(self._visit.host.name, findings, self._known.facts or {}, level)

    def _compile(self) -> tuple[Compiled, ...]:
        """Compile until skipped and finished tasks have told all that they can tell without the host."""
        while True:
            compiled = compile_host(
                self._play,
                self._number,
                self._visit.host,
                self._known,
                self._job.modules,
                self._job.templates,
                self._job.extra,
            )
            registered = self._registered(compiled)
            if registered.keys() == self._known.registered.keys():
                return compiled
            self._known = replace(self._known, registered=registered)

    def _ready(self, compiled: tuple[Compiled, ...]) -> list[Ready]:
        """What can be read now; with it the facts, if a task needs them and the play gathers them."""
        ready = [one for one in compiled if isinstance(one, Ready) and one.header.id not in self._done]
        needed = any(isinstance(one, Pending) and FACTS in one.needs for one in compiled)
        if not needed or self._known.facts is not None or not self._play.gather_facts:
            return ready
        name, module = next((n, m) for n, m in self._job.modules.items() if isinstance(m, FactModule))
        if any(task.header.module == name for task in ready):
            return ready
        arguments = module.arguments()
        header = Header(TaskId(self._number, "facts", 0), "Gathering facts", name, self._play.origin)
        return [Ready(header, arguments, dump(arguments)), *ready]

    def _registered(self, compiled: tuple[Compiled, ...]) -> dict[str, object]:
        """The results of those tasks with `register` that are decided, as is every task before them."""
        if not any(one.header.register for one in compiled):
            return {}
        findings = [finding for one in takewhile(self._finding_of, compiled) if (finding := self._finding_of(one))]
        results = assess_all([*self._earlier, *findings], self._job.modules)
        instances: dict[str, list[Compiled]] = {}
        for one in compiled:
            if one.header.register:
                instances.setdefault(one.header.register, []).append(one)
        registered: dict[str, object] = {}
        for name, ones in instances.items():
            if all(one.header.id in results for one in ones):
                own = [results[one.header.id] for one in ones]
                looped = len(ones) > 1 or bool(ones[0].header.item)
                registered[name] = joined(own) if looped else own[0]
        return registered

    def _finding_of(self, one: Compiled) -> Finding | None:
        if isinstance(one, (Skipped, Broken)):
            return one
        return self._done.get(one.header.id)

    def _settle(self, one: Compiled) -> Finding:
        found = self._finding_of(one)
        if found is not None:
            return found
        assert isinstance(one, Pending)  # the levels end only when nothing is ready any more
        hint = "; the play says gather_facts: false" if FACTS in one.needs and not self._play.gather_facts else ""
        return Broken(one.header, f"it needs {', '.join(sorted(one.needs))}, which never became known{hint}")
