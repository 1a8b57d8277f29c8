"""A `cmdlet` task with several write commands: what `expect` shows of one of them proves nothing of the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.product import served

FLEET = """
description: One server.
hosts:
  ce-01:
    services: {LabA: {display_name: before}, LabB: {display_name: before}}
    faults: [%s]
"""
PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - cmdlet:
        read: {Get-Service: {Name: LabA}}
        expect: {DisplayName: after}
        write:
          - Set-Service: {Name: LabA, DisplayName: after}
          - Set-Service: {Name: %s, DisplayName: after}
"""


@pytest.mark.parametrize(
    ("second", "fault", "said"),
    [
        ("LabB", "{when: write, what: drop_after}", "1 more of its changes not sent"),
        ("LabB", "{when: write, what: drop_after, skip: 1}", "change 2 of 2"),
        ("LabNone", "", "change 2 of 2"),
    ],
    ids=["the first answer is lost", "the second answer is lost", "the second fails"],
)
def test_what_was_not_proved_is_not_applied(second: str, fault: str, said: str, tmp_path: Path) -> None:
    playbook = tmp_path / "site.yml"
    playbook.write_text(PLAYBOOK % second, encoding="utf-8")
    with served(FLEET % fault, tmp_path) as fleet:
        answer = fleet.apply(playbook)
        assert answer.code == 3, answer.out
        (action,) = answer.hosts["ce-01"]["actions"]
        assert action["result"] == "failed"
        assert said in action["message"]


def test_both_are_made_when_nothing_goes_wrong(tmp_path: Path) -> None:
    playbook = tmp_path / "site.yml"
    playbook.write_text(PLAYBOOK % "LabB", encoding="utf-8")
    with served(FLEET % "", tmp_path) as fleet:
        assert fleet.apply(playbook).code == 0
        changes = fleet.fleet.machine("ce-01").changes
    assert len(changes) == 2
