"""All hosts of a plan: batches in order, the hosts of a batch side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Event
from typing import Any

from runner.apply.drift import compared
from runner.apply.host import apply_host, not_touched
from runner.apply.tools import Tools
from runner.model.attestation import attested
from runner.model.document import digest
from runner.model.errors import InputError, Problem
from runner.model.events import HostEnded, RunEnded, RunStarted
from runner.model.outcome import HostOutcome, HostResult, RunOutcome
from runner.model.plan import HostPlan, Plan, PlayPlan, Step, Verdict
from runner.model.source import Origin
from runner.modules.arguments import load
from runner.modules.base import Module
from runner.transport.base import Session

# A refused host is none of these: nothing was done there, and it says nothing about the others.
LOST = frozenset(
    {HostResult.FAILED, HostResult.UNREADABLE, HostResult.NOT_CONVERGED, HostResult.UNKNOWN, HostResult.UNREACHABLE}
)


def apply_plan(
    plan: Plan,
    open_session: Callable[[str], Session],
    tools: Tools,
    run: str,
    forks: int = 10,
    stop: Event | None = None,
) -> RunOutcome:
    """Apply a plan. `open_session` opens one by the host's name and raises HostError; `run` is the id for the journal.

    When every host of a batch is lost (failed or unreachable, as Ansible counts), later batches of its play are not
    started. A host on which a play did not end well is left out of the plays after it. Once `stop` is set, no new
    action starts, those under way are finished and told of, sessions are closed, and the outcome is interrupted.
    Errors: InputError, before anything is done, for a module or an argument that this ce-runner does not know; what
    `tell` raises (JournalError), once no host is being worked on any more.
    """
    _check(plan, tools.modules)
    started, began, stop = tools.clock(), tools.moment(), stop or Event()
    work = _Run(open_session, tools, stop)
    tools.tell(RunStarted(run, plan, digest(plan), tools.operator))
    with ThreadPoolExecutor(forks, thread_name_prefix="apply") as pool:
        try:
            for play in plan.plays:
                work.play(play, pool)
        except BaseException:
            stop.set()  # leaving the pool waits for the hosts under way
            raise
    outcome = RunOutcome(
        run,
        tuple(work.outcomes),
        interrupted=stop.is_set(),
        seconds=tools.clock() - started,
        started=began,
        ended=tools.moment(),
        operator=tools.operator,
        attestations=attested((host.host for play in plan.plays for host in play.hosts), tools.attestations),
    )
    tools.tell(RunEnded(run, int(outcome.exit_code)))
    return outcome


def _check(plan: Plan, modules: Mapping[str, Module[Any]]) -> None:
    """Whether this ce-runner can carry out the plan at all. Errors: InputError with every task that it cannot."""
    problems: dict[Origin, Problem] = {}
    for step in (step for play in plan.plays for host in play.hosts for step in (*compared(host), *_late(host))):
        header = step.header
        try:
            load(modules[header.module], step.arguments)
        except KeyError:
            problems[header.origin] = Problem(f"the plan needs the unknown module {header.module!r}", header.origin)
        except InputError as error:
            problems[header.origin] = Problem(f"{header.module} does not take this: {error}", header.origin)
    if problems:
        raise InputError(*problems.values())


def _late(plan: HostPlan) -> tuple[Step, ...]:
    return tuple(step for step in plan.steps if step.verdict in (Verdict.DEFERRED, Verdict.CONTROL))


_WELL = frozenset({HostResult.APPLIED, HostResult.COMPLIANT, HostResult.HELD})
_ENDED = "an earlier play did not end well there"


def _free(plan: HostPlan, at_most: int, under_way: Iterable[HostPlan]) -> bool:
    return not at_most or not plan.lane or sum(other.lane == plan.lane for other in under_way) < at_most


class _Run:
    """What is known while a plan is applied."""

    def __init__(self, open_session: Callable[[str], Session], tools: Tools, stop: Event) -> None:
        self._open_session = open_session
        self._tools = tools
        self._stop = stop
        self.outcomes: list[HostOutcome] = []

    def play(self, play: PlayPlan, pool: ThreadPoolExecutor) -> None:
        plans = {plan.host: plan for plan in play.hosts}
        given_up = ""
        for batch in play.batches:
            results = self._batch([plans[host] for host in batch], play.at_most, given_up, pool)
            if results and all(result in LOST for result in results):
                given_up = "every host of an earlier batch failed or was unreachable"

    def _batch(
        self, plans: Sequence[HostPlan], at_most: int, given_up: str, pool: ThreadPoolExecutor
    ) -> list[HostResult]:
        """The results of those hosts of the batch that were not left out."""
        ended = {outcome.host for outcome in self.outcomes if outcome.result not in _WELL}
        left_out = {plan.host: given_up or _ENDED for plan in plans if given_up or plan.host in ended}
        outcomes = self._worked([plan for plan in plans if plan.host not in left_out], at_most, pool)
        for plan in plans:
            reason = left_out.get(plan.host)
            self.outcomes.append(self._leave_out(plan, reason) if reason else outcomes[plan.host])
        return [outcome.result for outcome in outcomes.values()]

    def _worked(self, plans: Sequence[HostPlan], at_most: int, pool: ThreadPoolExecutor) -> dict[str, HostOutcome]:
        """Hosts side by side, of one lane not more than `at_most`: the next one begins when another has ended."""
        waiting = list(plans)
        under_way: dict[Future[HostOutcome], HostPlan] = {}
        outcomes: dict[str, HostOutcome] = {}
        while waiting or under_way:
            for plan in list(waiting):
                if _free(plan, at_most, under_way.values()):
                    waiting.remove(plan)
                    under_way[self._submit(plan, pool)] = plan
            for future in self._await(under_way):
                outcomes[under_way.pop(future).host] = future.result()
        return {plan.host: outcomes[plan.host] for plan in plans}

    def _submit(self, plan: HostPlan, pool: ThreadPoolExecutor) -> Future[HostOutcome]:
        return pool.submit(apply_host, plan, self._open_session, self._tools, self._stop.is_set)

    def _leave_out(self, plan: HostPlan, reason: str) -> HostOutcome:
        outcome = not_touched(plan, HostResult.NOT_STARTED, reason)
        self._tools.tell(HostEnded(outcome, "apply"))
        return outcome

    def _await(self, futures: Iterable[Future[HostOutcome]]) -> set[Future[HostOutcome]]:
        """Those that have ended, at least one. After an error that stops the run, all: they come to their end first."""
        pending = set(futures)
        when = FIRST_COMPLETED
        while True:
            # the pauses let Python on Windows see Ctrl-C, which a wait without an end would hold back
            done, _ = wait(pending, timeout=0.5, return_when=when)
            if any(future.exception() for future in done):
                self._stop.set()
                when = ALL_COMPLETED
            if done and (when == FIRST_COMPLETED or len(done) == len(pending)):
                return done
