"""What the modules here could not have planned is refused before anything is done."""

from __future__ import annotations

from typing import Any

import pytest

from runner.apply.fitness import check_fitness
from runner.apply.tools import Tools
from runner.model.command import command
from runner.model.errors import InputError
from runner.model.plan import Action, Heading, HostPlan, Plan, PlayPlan, Step, Verdict
from runner.model.source import Origin
from runner.model.state import Desired, State
from runner.model.task import Awaited, Deferred, Header, TaskId
from runner.modules.loader import load_modules

BEFORE = State(True)
ONE = (command("whoami.exe"),)


def step(module: str, verdict: Verdict, writes: int = 0, **arguments: Any) -> Step:
    header = Header(TaskId(0, "tasks", 1), "t", module, Origin("site.yml", 1, 3))
    action = Action(BEFORE, Desired(True), BEFORE, (), (ONE,) * writes, None, "no way back") if writes else None
    return Step(header, verdict, arguments, "x", Heading(module, "x"), BEFORE, action)


def late(module: str, *conditions: str, **arguments: Any) -> Step:
    plain = step(module, Verdict.DEFERRED, **arguments)
    waits = Deferred(conditions=conditions, registers={"r": Awaited(("0.tasks.0.0.0",))})
    return Step(plain.header, plain.verdict, plain.arguments, deferred=waits)


def complaints(one: Step) -> str:
    plan = Plan("0", "2026", "p.yml", {}, (PlayPlan(0, "p", (("a",),), (HostPlan("a", 0, (one,), {}),)),))
    try:
        check_fitness(plan, Tools(load_modules(), lambda event: None))
    except InputError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (step("win_nothing", Verdict.CHANGE, 1), "the plan needs the unknown module 'win_nothing'"),
        (step("win_command", Verdict.CHANGE, 2, argv=["a.exe"]), "win_command is sent once, not as 2"),
        (step("win_reboot", Verdict.CHANGE, 2), "win_reboot is sent once, not as 2"),
        (step("win_service", Verdict.CONTROL, name="a"), "win_service gives no step that is control"),
        (step("pause", Verdict.CHANGE, 1), "pause gives no step that is change"),
        (step("debug", Verdict.CHANGE, 1, msg="x"), "debug changes nothing"),
        (step("pause", Verdict.CONTROL, seconds=-1), "pause does not take this: "),
        (
            late("debug", "r is changed and q", msg="x"),
            "the condition of 't' names 'q', which is no result in the plan",
        ),
        (late("debug", "r is", msg="x"), "the condition of 't': "),
    ],
)
def test_a_step_that_no_module_here_could_have_planned_is_refused(one: Step, message: str) -> None:
    assert f"site.yml:1:3: {message}" in complaints(one)


@pytest.mark.parametrize(
    "one",
    [
        step("win_command", Verdict.CHANGE, 1, argv=["a.exe"]),
        step("win_regedit", Verdict.CHANGE, 2, path=r"HKLM:\SOFTWARE\Lab", name="a", data=1, type="dword"),
        step("pause", Verdict.CONTROL, seconds=1),
        late("pause", "r is changed", seconds=1),
    ],
)
def test_what_they_could_have_planned_is_not(one: Step) -> None:
    assert complaints(one) == ""
