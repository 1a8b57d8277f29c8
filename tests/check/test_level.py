"""Checking one level: findings in task order, one batch, nothing sent for local tasks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from runner.check import LevelFindings, check_level
from runner.lab.spec import MachineSpec, build_machine
from runner.model.attestation import Context
from runner.model.errors import ConnectionLost
from runner.model.observation import Gathered, Observed, Told
from runner.model.source import MapNode, Origin
from runner.model.state import State, Unreadable
from runner.model.task import Header, Ready, TaskId
from runner.modules.arguments import dump, validate
from runner.modules.loader import load_modules
from tests.modules.lab_session import LabSession

MODULES = load_modules()
ORIGIN = Origin("playbook.yml", 1, 1)
CONTEXT = Context("lab", datetime(2026, 11, 26, tzinfo=UTC))


def ready(number: int, module: str, **data: Any) -> Ready:
    arguments = validate(MODULES[module], data, MapNode((), ORIGIN))
    return Ready(Header(TaskId(1, "tasks", number), f"task {number}", module, ORIGIN), arguments, dump(arguments))


def session(**machine: Any) -> LabSession:
    return LabSession(build_machine("lab", MachineSpec.model_validate(machine)))


def value(number: int, name: str) -> Ready:
    return ready(number, "win_regedit", path="HKLM:\\SOFTWARE\\Lab", name=name, type="dword", data=1)


def check(on: LabSession, *tasks: Ready, verbosity: int = 0) -> LevelFindings:
    return check_level(on, tasks, MODULES, CONTEXT, verbosity)


def test_all_families_in_task_order_and_one_batch() -> None:
    on = session(registry={"HKLM\\SOFTWARE\\Lab": {"A": 1, "B": 0}})
    tasks = (
        ready(1, "debug", msg="hello"),
        value(2, "B"),
        ready(3, "setup"),
        ready(4, "win_service", name="WinRM", state="started"),
        value(5, "A"),
        ready(6, "assert", that=[{"text": "x", "value": False}]),
    )
    level = check(on, *tasks)
    assert [finding.task for finding in level.findings] == list(tasks)
    assert level.findings[0] == Told(tasks[0], "hello")
    assert level.findings[1] == Observed(tasks[1], State(True, {"type": "dword", "data": 0}))
    assert level.findings[2] == Gathered(tasks[2], {})
    assert level.findings[3] == Observed(tasks[3], State(True, {"state": "started", "start_mode": "auto"}))
    assert level.findings[4] == Observed(tasks[4], State(True, {"type": "dword", "data": 1}))
    assert level.findings[5] == Told(tasks[5], "assertion is false: x", failed=True)
    assert level.facts["ansible_os_family"] == "Windows"
    assert (level.batches, on.batches) == (1, 1)


def test_a_missing_start_is_not_hidden_by_its_neighbours() -> None:
    on = session(
        registry={"HKLM\\SOFTWARE\\Lab": {"A": 1}, "HKLM\\SOFTWARE\\Lab\\Deny": {"A": 1}},
        deny={"HKLM\\SOFTWARE\\Lab\\Deny": "read"},
    )
    denied = ready(2, "win_regedit", path="HKLM:\\SOFTWARE\\Lab\\Deny", name="A", type="dword", data=1)
    good, bad = check(on, value(1, "A"), denied).findings
    assert isinstance(good, Observed)
    assert isinstance(bad, Observed)
    assert good.found == State(True, {"type": "dword", "data": 1})
    assert isinstance(bad.found, Unreadable)


def test_local_tasks_send_nothing() -> None:
    on = session()
    level = check(on, ready(1, "debug", msg="hello"))
    assert (level.batches, on.sent) == (0, [])


def test_verbosity() -> None:
    task = ready(1, "debug", msg="details", verbosity=2)
    assert check(session(), task, verbosity=1).findings == (Told(task, ""),)
    assert check(session(), task, verbosity=2).findings == (Told(task, "details"),)


def test_a_lost_connection_is_not_swallowed() -> None:
    class Broken(LabSession):
        def read(self, statements: Any, timeout: float) -> Any:
            assert timeout == MODULES["win_service"].timeout  # the longest of the modules at work
            raise ConnectionLost("gone")

    broken = Broken(build_machine("lab", MachineSpec()))
    with pytest.raises(ConnectionLost):
        check(broken, value(1, "A"), ready(2, "win_service", name="WinRM"))
