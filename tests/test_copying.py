"""Files of the controller on their way to a host, from the playbook to the disk, over the real protocol."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.lab.files import File
from runner.modules.sending import PIECE
from tests.product import Served, served

FLEET = """
description: One server.
hosts:
  ce-01:
    files: {'C:\\Contoso\\service.cfg': old}
    faults: [%s]
"""
PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - win_copy:
        src: files/service.cfg
        dest: C:\\Contoso\\service.cfg
"""
TARGET = "C:\\Contoso\\service.cfg"
DATA = bytes(range(256)) * (PIECE * 5 // 2 // 256)  # three pieces


@pytest.fixture
def playbook(tmp_path: Path) -> Path:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "service.cfg").write_bytes(DATA)
    path = tmp_path / "site.yml"
    path.write_text(PLAYBOOK, encoding="utf-8")
    return path


def files_of(fleet: Served) -> dict[str, bytes]:
    entries = fleet.fleet.machine("ce-01").files.find("C:\\Contoso").entries.values()  # type: ignore[union-attr]
    return {entry.name: entry.data for entry in entries if isinstance(entry, File)}


def test_a_file_of_several_pieces_arrives_whole(playbook: Path, tmp_path: Path) -> None:
    with served(FLEET % "", tmp_path) as fleet:
        answer = fleet.apply(playbook)
        assert answer.code == 0, answer.out
        assert files_of(fleet) == {"service.cfg": DATA}
        assert fleet.check(playbook).code == 0


def test_a_plan_and_the_journal_hold_no_bytes(playbook: Path, tmp_path: Path) -> None:
    plan = tmp_path / "site.plan.json"
    with served(FLEET % "", tmp_path) as fleet:
        assert fleet.plan(playbook, plan).code == 2
        assert plan.stat().st_size < 10_000
        playbook.unlink()  # apply needs only the plan, and the file
        answer = fleet.apply(plan, "--yes")
        assert answer.code == 0, answer.out + answer.err
        assert files_of(fleet) == {"service.cfg": DATA}
        assert fleet.journal.stat().st_size < 200_000


def test_a_file_that_changed_since_the_plan_refuses_the_host(playbook: Path, tmp_path: Path) -> None:
    plan = tmp_path / "site.plan.json"
    with served(FLEET % "", tmp_path) as fleet:
        assert fleet.plan(playbook, plan).code == 2
        (tmp_path / "files" / "service.cfg").write_bytes(DATA + b"x")
        answer = fleet.apply(plan, "--yes")
        assert answer.code == 5, answer.out + answer.err
        assert "has changed since the plan was made" in answer.hosts["ce-01"]["message"]
        assert files_of(fleet) == {"service.cfg": b"old"}


def test_a_transfer_that_breaks_off_leaves_the_target_alone(playbook: Path, tmp_path: Path) -> None:
    with served(FLEET % "{when: write, what: drop_after, skip: 1}", tmp_path) as fleet:
        answer = fleet.apply(playbook)
        assert answer.code == 3, answer.out
        (action,) = answer.hosts["ce-01"]["actions"]
        assert "change 2 of 5" in action["message"]
        assert files_of(fleet)["service.cfg"] == b"old"
        assert files_of(fleet)["service.cfg.ce-runner"] == DATA[: 2 * PIECE]
        again = fleet.apply(playbook)
        assert again.code == 0, again.out
        assert files_of(fleet) == {"service.cfg": DATA}


def test_a_file_of_a_deferred_task_that_changed_since_the_plan_refuses_the_host(playbook: Path, tmp_path: Path) -> None:
    """Before the first change of the host, though only apply decides whether the file is sent."""
    first = "    - {name: Folder, win_file: {path: 'C:\\Contoso\\new', state: directory}}\n"
    text = playbook.read_text(encoding="utf-8").replace("  tasks:\n", f"  tasks:\n{first}")
    playbook.write_text(f"{text.rstrip()}\n      after: Folder\n", encoding="utf-8")
    plan = tmp_path / "site.plan.json"
    with served(FLEET % "", tmp_path) as fleet:
        assert fleet.plan(playbook, plan).code == 2
        source = tmp_path / "files" / "service.cfg"
        source.write_bytes(DATA + b"x")
        answer = fleet.apply(plan, "--yes")
        assert answer.code == 5, answer.out + answer.err
        assert answer.hosts["ce-01"]["message"] == f"{source}: has changed since the plan was made"
        assert [action["result"] for action in answer.hosts["ce-01"]["actions"]] == ["not started", "not started"]
        source.write_bytes(DATA)
        assert fleet.apply(plan, "--yes").code == 0
        assert files_of(fleet) == {"service.cfg": DATA}
