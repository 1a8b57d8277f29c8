"""How long an apply will take."""

from __future__ import annotations

from typing import Any

import pytest

from runner.model.plan import HostPlan, PlayPlan, Step, Verdict
from runner.model.source import Origin
from runner.model.task import Header, TaskId
from runner.modules.pause import Pause
from runner.modules.win_reboot import WinReboot
from runner.plan.duration import READ_AGAIN, Costs, estimate
from tests.apply.toy import Thing

MODULES = {"thing": Thing(), "pause": Pause(), "win_reboot": WinReboot()}


def step(module: str, verdict: Verdict, **arguments: Any) -> Step:
    return Step(Header(TaskId(0, "tasks", 1), "t", module, Origin("p.yml", 1, 1)), verdict, arguments)


CHANGE = step("thing", Verdict.DEFERRED, name="a")
SAME = step("thing", Verdict.COMPLIANT, name="a")
PAUSE = step("pause", Verdict.CONTROL, minutes=1, seconds=5)


def host(name: str, lane: str = "", steps: tuple[Step, ...] = (CHANGE,)) -> HostPlan:
    return HostPlan(name, 0, steps, {}, lane=lane)


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
        (play(host("a", steps=(SAME,))), 10, 0),
    ],
)
def test_hosts_go_side_by_side_as_far_as_forks_batches_and_lanes_allow(made: PlayPlan, forks: int, turns: int) -> None:
    assert estimate([made], Costs(MODULES, {"thing": 9.0}), forks) == turns * ONE


def test_what_was_never_measured_takes_what_is_usual() -> None:
    assert estimate([play(host("a"))], Costs(MODULES, {}), 1) == READ_AGAIN + Thing.usual_seconds


@pytest.mark.parametrize(
    ("steps", "seconds"),
    [
        ((CHANGE, PAUSE), ONE + 65.0),
        ((PAUSE, CHANGE, PAUSE, PAUSE), ONE + 130.0),
        ((SAME, PAUSE), 0.0),
    ],
)
def test_a_pause_counts_where_something_is_changed_before(steps: tuple[Step, ...], seconds: float) -> None:
    assert estimate([play(host("a", steps=steps))], Costs(MODULES, {"thing": 9.0}), 1) == seconds


@pytest.mark.parametrize(
    ("measured", "seconds"),
    [({}, WinReboot.usual_seconds + 605.0), ({"win_reboot": 790.0}, 790.0), ({"win_reboot": 190.0}, 605.0)],
)
def test_a_restart_takes_at_least_what_its_task_asks_to_wait(measured: dict[str, float], seconds: float) -> None:
    """What was measured holds the waits of those restarts: it is not counted on top of them."""
    restart = step("win_reboot", Verdict.DEFERRED, pre_reboot_delay=5, post_reboot_delay=600)
    assert estimate([play(host("a", steps=(restart,)))], Costs(MODULES, measured), 1) == READ_AGAIN + seconds
