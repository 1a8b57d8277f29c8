"""How long an apply will take: changes one after the other on a host, hosts side by side as far as the play allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heapreplace

from runner.model.plan import HostPlan, PlayPlan, Verdict

READ_AGAIN = 1.0  # seconds for a host's session and the reading before its first change


def estimate(plays: Sequence[PlayPlan], seconds: Mapping[str, float], forks: int) -> float:
    """Seconds that applying these plays takes with so many hosts at a time; 0 if nothing is to be changed.

    `seconds` are those of one change by module. Deferred steps count as if they were done; a batch ends with its last
    host, and hosts of one lane wait for each other.
    """
    return sum(_play(play, seconds, forks) for play in plays)


def _play(play: PlayPlan, seconds: Mapping[str, float], forks: int) -> float:
    hosts = {host.host: host for host in play.hosts}
    return sum(_batch([hosts[name] for name in batch], play.at_most, seconds, forks) for batch in play.batches)


def _batch(hosts: Sequence[HostPlan], at_most: int, seconds: Mapping[str, float], forks: int) -> float:
    costs = [(host.lane, _host(host, seconds)) for host in hosts]
    lanes: dict[str, list[float]] = {}
    for lane, cost in costs:
        if at_most and lane:
            lanes.setdefault(lane, []).append(cost)
    in_turn = [_side_by_side(own, at_most) for own in lanes.values()]
    return max(_side_by_side([cost for _, cost in costs], forks), *in_turn, 0.0)


def _host(host: HostPlan, seconds: Mapping[str, float]) -> float:
    acting = [step for step in host.steps if step.action is not None or step.verdict is Verdict.DEFERRED]
    return READ_AGAIN + sum(seconds.get(step.header.module, 0.0) for step in acting) if acting else 0.0


def _side_by_side(costs: Sequence[float], workers: int) -> float:
    """When the last of them ends, each begun as soon as a worker is free."""
    free = [0.0] * max(1, min(workers, len(costs)))
    for cost in costs:
        heapreplace(free, free[0] + cost)
    return max(free)
