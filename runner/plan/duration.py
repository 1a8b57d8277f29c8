"""How long an apply will take: changes one after the other on a host, hosts side by side as far as the play allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import heapreplace
from typing import Any

from runner.model.plan import HostPlan, PlayPlan, Step, Verdict
from runner.modules.arguments import load
from runner.modules.base import Module, StateModule

READ_AGAIN = 1.0  # seconds for a host's session and the reading before its first change


@dataclass(frozen=True, slots=True)
class Costs:
    """What steps take. `measured` are the seconds of one change by module, with what was waited for."""

    modules: Mapping[str, Module[Any]]
    measured: Mapping[str, float]

    def of(self, step: Step) -> float:
        """Seconds of one step: as measured, else what is usual and what its task asks to wait."""
        module = self.modules[step.header.module]
        waits = module.waits(load(module, step.arguments))
        if module.name in self.measured:
            return max(self.measured[module.name], waits)
        return waits + (module.usual_seconds if isinstance(module, StateModule) else 0.0)


def estimate(plays: Sequence[PlayPlan], costs: Costs, forks: int) -> float:
    """Seconds that applying these plays takes with so many hosts at a time; 0 if nothing is to be changed.

    Deferred steps count as if they were done, control steps (a pause) where something is changed on the host before. A
    batch ends with its last host, and hosts of one lane wait for each other.
    """
    return sum(_play(play, costs, forks) for play in plays)


def _play(play: PlayPlan, costs: Costs, forks: int) -> float:
    hosts = {host.host: host for host in play.hosts}
    return sum(_batch([hosts[name] for name in batch], play.at_most, costs, forks) for batch in play.batches)


def _batch(hosts: Sequence[HostPlan], at_most: int, by_step: Costs, forks: int) -> float:
    costs = [(host.lane, _host(host, by_step)) for host in hosts]
    lanes: dict[str, list[float]] = {}
    for lane, cost in costs:
        if at_most and lane:
            lanes.setdefault(lane, []).append(cost)
    in_turn = [_side_by_side(own, at_most) for own in lanes.values()]
    return max(_side_by_side([cost for _, cost in costs], forks), *in_turn, 0.0)


def _host(host: HostPlan, costs: Costs) -> float:
    seconds = 0.0
    for step in host.steps:
        if step.action is not None or step.verdict is Verdict.DEFERRED:
            seconds = (seconds or READ_AGAIN) + costs.of(step)
        elif step.verdict is Verdict.CONTROL and seconds:
            seconds += costs.of(step)
    return seconds


def _side_by_side(costs: Sequence[float], workers: int) -> float:
    """When the last of them ends, each begun as soon as a worker is free."""
    free = [0.0] * max(1, min(workers, len(costs)))
    for cost in costs:
        heapreplace(free, free[0] + cost)
    return max(free)
