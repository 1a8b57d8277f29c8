"""How long an apply will take."""

from __future__ import annotations

import pytest

from runner.model.plan import HostPlan, PlayPlan, Step, Verdict
from runner.model.source import Origin
from runner.model.task import Header, TaskId
from runner.plan.duration import READ_AGAIN, estimate

SECONDS = {"slow": 9.0}


def host(name: str, lane: str = "", acts: bool = True) -> HostPlan:
    header = Header(TaskId(0, "tasks", 1), "t", "slow", Origin("p.yml", 1, 1))
    step = Step(header, Verdict.DEFERRED if acts else Verdict.COMPLIANT, {})
    return HostPlan(name, 0, (step,), {}, lane=lane)


def play(*hosts: HostPlan, batches: tuple[tuple[str, ...], ...] = (), at_most: int = 0) -> PlayPlan:
    return PlayPlan(0, "p", batches or (tuple(one.host for one in hosts),), hosts, at_most)


ONE = READ_AGAIN + 9.0


@pytest.mark.parametrize(
    ("made", "forks", "turns"),
    [
        (play(host("a"), host("b"), host("c")), 10, 1),
        (play(host("a"), host("b"), host("c")), 2, 2),
        (play(host("a"), host("b"), batches=(("a",), ("b",))), 10, 2),
        (play(host("a", "x"), host("b", "x"), host("c", "y"), at_most=1), 10, 2),
        (play(host("a", "x"), host("b", "x"), host("c", "x"), at_most=2), 10, 2),
        (play(host("a"), host("b"), at_most=1), 10, 1),
        (play(host("a", acts=False)), 10, 0),
    ],
)
def test_hosts_go_side_by_side_as_far_as_forks_batches_and_lanes_allow(made: PlayPlan, forks: int, turns: int) -> None:
    assert estimate([made], SECONDS, forks) == turns * ONE
