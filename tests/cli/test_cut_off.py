"""A run whose process was killed: what it left undone is told by `runs` and `report`, and `check` points there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.model.command import Ids
from runner.model.document import digest, load_plan
from runner.model.events import ActionEnded, ChangeIntended, HostEnded, RunStarted
from runner.model.outcome import ActionOutcome, HostOutcome, HostResult, Result
from runner.record.journal import Journal
from tests.product import UNTOUCHED, Served, ce_runner, served

PLAYBOOK = r"""
- hosts: all
  gather_facts: false
  tasks:
    - name: Value
      win_regedit: {path: 'HKLM:\SOFTWARE\Lab', name: A, type: dword, data: 1}
      notify: Restart Cloud Extender
    - name: Other
      win_regedit: {path: 'HKLM:\SOFTWARE\Lab', name: B, type: dword, data: 1}
  handlers:
    - name: Restart Cloud Extender
      win_service: {name: LabCloudExtender, state: restarted}
"""
RUN = "run-1"


def killed(fleet: Served, folder: Path, ended: Result | None) -> Path:
    """A run breaks off: a has made (None: has sent) its first change, b has ended, c has not begun."""
    playbook, file = folder / "site.yml", folder / "plan.json"
    playbook.write_text(PLAYBOOK, encoding="utf-8")
    assert fleet.plan(playbook, file).code == 2
    plan = load_plan(json.loads(file.read_text(encoding="utf-8")), "plan.json")
    step = plan.plays[0].hosts[0].steps[0]
    assert step.action is not None
    with Journal(fleet.journal) as journal:
        journal(RunStarted(RUN, plan, digest(plan), "me@here"))
        journal(ChangeIntended("a", 0, step, 0, step.action.write[0], Ids("shell", "pipeline")))
        if ended:
            touched = ended is not Result.FAILED
            journal(ActionEnded("a", 0, step, ActionOutcome(str(step.header.id), ended, touched=touched)))
        journal(HostEnded(HostOutcome("b", 0, HostResult.APPLIED), "apply"))
    return playbook


@pytest.mark.parametrize("ended", [Result.APPLIED, Result.SETTLED, Result.NOT_CONVERGED, None])
def test_a_restart_that_is_due_is_told(tmp_path: Path, ended: Result | None) -> None:
    with served(UNTOUCHED, tmp_path) as fleet:
        killed(fleet, tmp_path, ended)
        shown = ce_runner("runs", RUN, "--journal", fleet.journal)
        document = ce_runner("runs", RUN, "--journal", fleet.journal, "--json").document
        report = ce_runner("report", RUN, "--journal", fleet.journal)
    assert "  due: Restart Cloud Extender on a, because of: Value\n" in shown.out
    assert document["due"] == [
        {"host": "a", "step": "0.handlers.1.0.0", "name": "Restart Cloud Extender", "because": ["Value"]}
    ]
    assert "it is due, because of: Value; a new plan will not know that" in report.out


def test_what_was_refused_before_anything_changed_makes_nothing_due(tmp_path: Path) -> None:
    with served(UNTOUCHED, tmp_path) as fleet:
        killed(fleet, tmp_path, Result.FAILED)
        document = ce_runner("runs", RUN, "--journal", fleet.journal, "--json").document
    assert document["due"] == []


def test_a_check_and_a_plan_point_to_the_run_until_a_later_one_has_ended(tmp_path: Path) -> None:
    warning = f"warning: the run {RUN} did not end on a, b: see ce-runner runs {RUN}\n"
    with served(UNTOUCHED, tmp_path) as fleet:
        playbook = killed(fleet, tmp_path, Result.APPLIED)
        assert fleet.check(playbook).err == warning
        assert fleet.plan(playbook, tmp_path / "again.json").err == warning
        assert fleet.check(playbook, "--limit", "c").err == ""
        assert fleet.apply(playbook, "--limit", "a").code == 0
        assert fleet.check(playbook).err == warning.replace("a, b", "b")
