"""What a module requires of a host: an older one is told apart before its task asks or changes anything."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from runner.check import check_level
from runner.lab.spec import MachineSpec, build_machine
from runner.model.attestation import Context
from runner.model.observation import Observed
from runner.model.source import Origin
from runner.model.task import Broken, Header, Ready, TaskId
from runner.modules.base import Arguments, Requires
from runner.modules.loader import load_modules
from runner.modules.win_ping import PingArguments, WinPing
from runner.modules.win_service import WinService
from tests.modules.lab_session import LabSession
from tests.product import served

SCENARIO = """
description: one server with PowerShell 4.0, one with 5.1
hosts:
  old: {os: Server 2012 R2, services: {LabSvc: {status: stopped}}}
  new: {os: Server 2019, services: {LabSvc: {status: stopped}}}
"""
PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - name: A value
      win_regedit: {path: 'HKLM:\\SOFTWARE\\Lab', name: A, type: dword, data: 1}
    - name: It runs
      win_service: {name: LabSvc, state: started}
"""


class NewerPing(WinPing):
    """A toy whose one argument is newer than the rest of it."""

    name = "newer_ping"
    requires: ClassVar[Requires] = Requires(powershell="3.0")

    def requires_for(self, arguments: PingArguments) -> Requires:
        return Requires(powershell="5.1") if arguments.data == "new" else self.requires


def ready(module: str, number: int, arguments: Arguments) -> Ready:
    origin = Origin("site.yml", number, 1)
    return Ready(Header(TaskId(1, "tasks", number), "a task", module, origin), arguments, arguments.model_dump())


@pytest.mark.parametrize(
    ("wanted", "found", "unmet"),
    [
        (None, None, False), (None, "2.0", False), ("5.1", "5.1", False), ("5.1", "5.1.17763.1", False),
        ("5.1", "7.6.5", False), ("4.0", "10.0", False), ("5.1", "5.0.10586.117", True), ("5.0", "4.0", True),
        ("3.0", None, True),
    ],
)  # fmt: skip
def test_versions_are_compared_as_numbers(wanted: str | None, found: str | None, unmet: bool) -> None:
    assert (Requires(wanted).unmet(found) is not None) == unmet


def test_the_argument_that_needs_more_is_refused_and_asks_nothing() -> None:
    session = LabSession(build_machine("old", MachineSpec(os="Server 2012 R2")))
    tasks = [ready("newer_ping", 1, PingArguments(data="old")), ready("newer_ping", 2, PingArguments(data="new"))]
    first, second = check_level(session, tasks, {"newer_ping": NewerPing()}, Context("old", datetime.now(UTC))).findings
    assert isinstance(first, Observed)
    assert second == Broken(tasks[1].header, "newer_ping needs PowerShell 5.1 or later; this host has 4.0")
    assert [dict(statement[0].parameters) for statement in session.sent] == [{"InputObject": "old"}]


def test_an_older_host_fails_before_anything_is_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WinService, "requires", Requires(powershell="5.0"))
    playbook = tmp_path / "site.yml"
    playbook.write_text(PLAYBOOK, encoding="utf-8")
    with served(SCENARIO, tmp_path) as fleet:
        planned = fleet.check(playbook)
        assert {name: host["result"] for name, host in planned.hosts.items()} == {"old": "failed", "new": "to change"}
        applied = fleet.apply(playbook)
        assert {name: host["result"] for name, host in applied.hosts.items()} == {"old": "failed", "new": "applied"}
        assert fleet.fleet.machine("old").changes == []
        assert len(fleet.fleet.machine("new").changes) > 0
    messages = [step.get("message") for step in planned.hosts["old"]["steps"]]
    assert "win_service needs PowerShell 5.0 or later; this host has 4.0" in messages


def test_no_module_requires_what_no_supported_windows_has() -> None:
    modules: dict[str, Any] = dict(load_modules())
    unmet = {name: module.requires.unmet("5.1.14393.0") for name, module in modules.items()}
    assert {name: reason for name, reason in unmet.items() if reason} == {}
