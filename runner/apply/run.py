"""All hosts of a plan: batches in order, the hosts of a batch side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Event

from runner.apply.fitness import check_fitness
from runner.apply.host import apply_host, not_touched
from runner.apply.tools import Tools
from runner.model.attestation import attested
from runner.model.document import digest
from runner.model.events import HostEnded, RunEnded, RunStarted
from runner.model.outcome import HostOutcome, HostResult, Result, RunOutcome, host_result
from runner.model.plan import HostPlan, Plan, PlayPlan, Verdict
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

    When every host of a batch that had a turn is lost (failed or unreachable, as Ansible counts), later batches of its
    play are not started. A host on which a play did not end well is left out of the plays after it.

    A lost host may be down, and a lane says what must not be down together: from then on nothing is started on a host
    of its lane that has changes before it, in this play and in later ones with a throttle. One that the plan already
    knows as lost counts from the beginning. A play without a throttle does not know of lanes.

    Once `stop` is set, no new action starts, those under way are finished and told of, sessions are closed, and the
    outcome is interrupted.
    Errors: InputError, before anything is done, for a module or an argument that this ce-runner does not know; what
    `tell` raises (JournalError), once no host is being worked on any more.
    """
    check_fitness(plan, tools)
    started, began, stop = tools.clock(), tools.moment(), stop or Event()
    work = _Run(
        open_session, tools, stop, forks, {host.host for play in plan.plays for host in play.hosts if _blocks(host)}
    )
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


_WELL = frozenset({HostResult.APPLIED, HostResult.COMPLIANT, HostResult.HELD})
_ENDED = "an earlier play did not end well there"
_BLOCKED = "nothing is done here before somebody has acted, as another play says"


def _free(plan: HostPlan, at_most: int, under_way: Iterable[HostPlan]) -> bool:
    return not at_most or not plan.lane or sum(other.lane == plan.lane for other in under_way) < at_most


def _blocks(plan: HostPlan) -> bool:
    return any(step.verdict is Verdict.BLOCKED for step in plan.steps)


def _changes(plan: HostPlan) -> bool:
    return not _blocks(plan) and host_result(plan) not in LOST and any(step.has_turn for step in plan.steps)


class _Run:
    """What is known while a plan is applied."""

    def __init__(
        self, open_session: Callable[[str], Session], tools: Tools, stop: Event, forks: int, blocked: Set[str]
    ) -> None:
        self._open_session = open_session
        self._tools = tools
        self._stop = stop
        self._forks = forks
        self._lost_lanes: set[str] = set()  # those with a lost host
        self._blocked = set(blocked)
        self.outcomes: list[HostOutcome] = []

    def play(self, play: PlayPlan, pool: ThreadPoolExecutor) -> None:
        plans = {plan.host: plan for plan in play.hosts}
        lost = {outcome.host for outcome in self.outcomes if outcome.result in LOST}
        lost |= {plan.host for plan in play.hosts if host_result(plan) in LOST}
        self._lost_lanes |= {plan.lane for plan in play.hosts if plan.lane and plan.host in lost}
        given_up = ""
        for batch in play.batches:
            results = self._batch([plans[host] for host in batch], play.at_most, given_up, pool)
            if results and all(result in LOST for result in results):
                given_up = "no host of an earlier batch ended well"

    def _batch(
        self, plans: Sequence[HostPlan], at_most: int, given_up: str, pool: ThreadPoolExecutor
    ) -> list[HostResult]:
        """The results of those hosts of the batch that were not left out."""
        ended = {outcome.host for outcome in self.outcomes if outcome.result not in _WELL}
        left_out = {plan.host: given_up or _ENDED for plan in plans if given_up or plan.host in ended}
        elsewhere = {plan.host for plan in plans if plan.host in self._blocked and not _blocks(plan)}
        due = [plan for plan in plans if plan.host not in left_out and plan.host not in elsewhere]
        outcomes = self._worked(due, at_most, pool)
        for plan in plans:
            if plan.host in elsewhere:
                self.outcomes.append(self._leave_out(plan, _BLOCKED, HostResult.HELD))
                continue
            reason = left_out.get(plan.host) or f"another host of {plan.lane} did not end well"
            self.outcomes.append(outcomes.get(plan.host) or self._leave_out(plan, reason))
        self._blocked |= {
            one.host for one in outcomes.values() if any(action.result is Result.BLOCKED for action in one.actions)
        }
        return [outcome.result for outcome in outcomes.values()]

    def _worked(self, plans: Sequence[HostPlan], at_most: int, pool: ThreadPoolExecutor) -> dict[str, HostOutcome]:
        """Hosts side by side, of one lane not more than `at_most`: the next one begins when another has ended.

        Those that still wait when a host of their lane is lost have no outcome.
        """
        waiting = list(plans)
        under_way: dict[Future[HostOutcome], HostPlan] = {}
        outcomes: dict[str, HostOutcome] = {}
        while waiting or under_way:
            waiting = [plan for plan in waiting if not (at_most and plan.lane in self._lost_lanes and _changes(plan))]
            for plan in list(waiting):
                if len(under_way) < self._forks and _free(plan, at_most, under_way.values()):
                    waiting.remove(plan)
                    under_way[self._submit(plan, pool)] = plan
            for future in self._await(under_way) if under_way else ():
                plan, outcome = under_way.pop(future), future.result()
                outcomes[plan.host] = outcome
                if plan.lane and outcome.result in LOST:
                    self._lost_lanes.add(plan.lane)
        return {plan.host: outcomes[plan.host] for plan in plans if plan.host in outcomes}

    def _submit(self, plan: HostPlan, pool: ThreadPoolExecutor) -> Future[HostOutcome]:
        return pool.submit(apply_host, plan, self._open_session, self._tools, self._stop.is_set)

    def _leave_out(self, plan: HostPlan, reason: str, result: HostResult = HostResult.NOT_STARTED) -> HostOutcome:
        outcome = not_touched(plan, result, reason)
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
