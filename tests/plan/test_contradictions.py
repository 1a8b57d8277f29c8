"""Contradictions between tasks of different keys and different modules: registry keys, values below them, services."""

from __future__ import annotations

from typing import Any

import pytest

from runner.model.errors import InputError
from runner.model.observation import HostFindings, Observed
from runner.model.plan import HostPlan
from runner.model.source import Origin
from runner.model.state import State
from runner.model.task import Header, Ready, TaskId
from runner.modules.arguments import dump
from runner.modules.base import StateModule
from runner.modules.loader import load_modules
from runner.plan.host import plan_host

MODULES = load_modules()
LAB = "HKLM:\\SOFTWARE\\Lab"
SPOOLER = "HKLM:\\SYSTEM\\CurrentControlSet\\Services\\Spooler"
ABSENT = State(False)


def task(number: int, module: str, found: State, **data: Any) -> Observed:
    """A task at line `number` of site.yml, named after the line, and what was read of its thing."""
    kind = MODULES[module]
    assert isinstance(kind, StateModule)
    arguments = kind.arguments.model_validate(data)
    header = Header(TaskId(1, "tasks", number), f"task {number}", module, Origin("site.yml", number, 3))
    return Observed(Ready(header, arguments, dump(arguments)), found)


def planned(*tasks: Observed, earlier: tuple[HostPlan, ...] = ()) -> HostPlan:
    return plan_host(HostFindings("host-1", tasks, {}, 1), 1 + len(earlier), MODULES, earlier)


def messages(*tasks: Observed, earlier: tuple[HostPlan, ...] = ()) -> list[str]:
    try:
        planned(*tasks, earlier=earlier)
    except InputError as error:
        return [problem.message for problem in error.problems]
    return []


def removal(number: int, path: str = LAB) -> Observed:
    return task(number, "win_regedit", State(True, {"values": 0, "subkeys": 0}), path=path, state="absent")


BELOW = [
    {"path": LAB, "name": "V", "data": "x"},
    {"path": LAB.lower(), "data": "the unnamed value"},
    {"path": f"{LAB}\\Sub\\Deep", "name": "V", "type": "dword", "data": 1},
    {"path": f"{LAB}\\Sub"},
]


@pytest.mark.parametrize("arguments", BELOW)
@pytest.mark.parametrize("there", [True, False])
def test_a_key_is_removed_and_something_at_or_below_it_is_set(arguments: dict[str, Any], there: bool) -> None:
    is_key = "name" not in arguments and "data" not in arguments
    value = {} if is_key else {"type": arguments.get("type", "string"), "data": arguments["data"]}
    found = State(True, value) if there else ABSENT
    assert messages(removal(1), task(2, "win_regedit", found, **arguments)) == [
        r"'task 2' needs existence True of registry HKLM\SOFTWARE\Lab, but 'task 1' (site.yml:1:3) wants False"
    ]
    assert messages(task(2, "win_regedit", found, **arguments), removal(3)) == [
        r"'task 3' wants existence False of registry HKLM\SOFTWARE\Lab, but 'task 2' (site.yml:2:3) needs True"
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        {"path": f"{LAB}2", "name": "V", "data": "x"},  # beside it
        {"path": "HKLM:\\SOFTWARE", "name": "V", "data": "x"},  # above it
        {"path": LAB, "name": "V", "state": "absent"},  # gone with it
        {"path": f"{LAB}\\Sub", "state": "absent"},
    ],
)
def test_what_goes_together_with_the_removal_of_a_key(arguments: dict[str, Any]) -> None:
    assert messages(removal(1), task(2, "win_regedit", ABSENT, **arguments)) == []


def test_the_removal_of_a_key_in_an_earlier_play() -> None:
    first = planned(removal(1))
    below = task(2, "win_regedit", ABSENT, path=LAB, name="V", data="x")
    assert len(messages(below, earlier=(first,))) == 1


def test_each_thing_below_a_removed_key_is_told_once_and_they_do_not_contradict_each_other() -> None:
    values = [task(number, "win_regedit", ABSENT, path=LAB, name=f"V{number}", data="x") for number in range(2, 6)]
    assert messages(*values) == []
    assert len(messages(removal(1), *values)) == len(values)


def service(number: int, mode: str) -> Observed:
    return task(number, "win_service", State(True, {"start_mode": mode}), name="spooler", start_mode=mode)


def value(number: int, name: str, data: int) -> Observed:
    found = State(True, {"type": "dword", "data": data})
    return task(number, "win_regedit", found, path=SPOOLER, name=name, type="dword", data=data)


@pytest.mark.parametrize(
    ("mode", "start", "delayed"), [("auto", 2, 0), ("delayed", 2, 1), ("manual", 3, None), ("disabled", 4, None)]
)
def test_a_start_mode_against_the_values_that_it_is_made_of(mode: str, start: int, delayed: int | None) -> None:
    """The numbers are those of svc-reg-start and svc-set-startup-* (groundtruth/pwsh76/windows.md, Services)."""
    place = r"registry HKLM\SYSTEM\CurrentControlSet\Services\Spooler"
    assert messages(service(1, mode), value(2, "start", start)) == []
    assert messages(service(1, mode), value(2, "start", 9)) == [
        f"'task 2' wants data 9 of {place} start, but 'task 1' (site.yml:1:3) needs {start}"
    ]
    assert messages(value(1, "DelayedAutostart", 9), service(2, mode)) == (
        []
        if delayed is None
        else [
            f"'task 2' needs data {delayed} of {place} DelayedAutostart, but 'task 1' (site.yml:1:3) wants 9",
        ]
    )


def test_the_key_of_a_service_is_removed() -> None:
    stopped = task(2, "win_service", State(True, {"state": "stopped"}), name="Spooler", state="stopped")
    assert len(messages(removal(1, SPOOLER), stopped)) == 1


def test_two_tasks_of_one_service_are_told_once() -> None:
    assert messages(service(1, "auto"), service(2, "manual")) == [
        "'task 2' wants start_mode 'manual' of service spooler, but 'task 1' (site.yml:1:3) wants 'auto'"
    ]
