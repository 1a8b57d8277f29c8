"""The levels of a check, on the lab: what facts and registered results decide, and what it costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.product import ROOT, Answer, Served, ce_runner, served

FLEET = r"""
description: One server.
hosts:
  ce-01:
    os: Server 2019
    registry: {'HKLM\SOFTWARE\Lab': {Mode: old}}
"""
VALUE = r"win_regedit: {path: 'HKLM:\SOFTWARE\Lab', name: %s, data: %s}"


def checked(fleet: Served, tmp_path: Path, playbook: str, *more: str) -> Answer:
    file = tmp_path / "site.yml"
    file.write_text(playbook, encoding="utf-8")
    return fleet.check(file, *more)


def steps(answer: Answer) -> list[tuple[str, str]]:
    """Task name and verdict of each step."""
    (host,) = answer.hosts.values()
    return [(step["header"]["name"], step["verdict"]) for step in host["steps"]]


def host(answer: Answer) -> dict[str, Any]:
    (one,) = answer.hosts.values()
    return one


def test_one_level_costs_nine_requests_and_each_further_one_two(tmp_path: Path) -> None:
    one = "- hosts: all\n  tasks:\n    - win_ping:\n    - win_service: {name: WinRM, state: started}\n"
    two = one + "    - {name: facts decide, win_ping: , when: ansible_os_family == 'Windows'}\n"
    with served(FLEET, tmp_path) as fleet:
        first = host(checked(fleet, tmp_path, one))
        second = host(checked(fleet, tmp_path, two))
    assert (first["levels"], first["requests"]) == (1, 9)
    assert (second["levels"], second["requests"]) == (2, 11)


def test_an_audit_of_twelve_tasks_keeps_to_the_budget(tmp_path: Path) -> None:
    """Design section 8: 9 requests for one pipeline, 2 for each further one, at most 40 KB sent."""
    with served("fleet", tmp_path, hosts=20) as fleet:
        answer = fleet.check(ROOT / "benchmarks" / "playbook.yml")
        traffic = {name: fleet.fleet.traffic(name) for name in fleet.fleet.specs}
    for name, planned in answer.hosts.items():
        assert planned["requests"] == traffic[name].requests == 7 + 2 * planned["levels"]
        assert planned["levels"] <= 2  # a key without values takes a closer look
        assert traffic[name].received <= 40_000


def test_a_registered_read_decides_a_later_task(tmp_path: Path) -> None:
    playbook = f"""
- hosts: all
  tasks:
    - {{name: mode, register: mode, {VALUE % ("Mode", "new")}}}
    - {{name: because it changes, {VALUE % ("Why", "changed")}, when: mode is changed}}
    - {{name: because it was old, {VALUE % ("Was", "'{{ mode.before.data }}'")}, when: mode.before.data == 'old'}}
    - {{name: never, {VALUE % ("Never", "x")}, when: mode is skipped}}
"""
    with served(FLEET, tmp_path) as fleet:
        answer = checked(fleet, tmp_path, playbook)
    assert steps(answer) == [
        ("mode", "change"),
        ("because it changes", "change"),
        ("because it was old", "change"),
        ("never", "skipped"),
    ]
    assert host(answer)["steps"][2]["action"]["after"]["properties"]["data"] == "old"


def test_a_task_that_uses_what_a_failed_one_did_not_find_says_so_in_one_line(tmp_path: Path) -> None:
    playbook = f"""
- hosts: all
  tasks:
    - {{name: Find it, register: found, win_service: {{name: NotThere, state: started}}}}
    - {{name: Note it, {VALUE % ("Name", "'{{ found.before.display_name }}'")}}}
    - {{name: If it runs, {VALUE % ("Runs", "yes it does")}, when: found.after.state == 'started'}}
    - {{name: If it failed, {VALUE % ("Failed", "'{{ found.msg }}'")}, when: found is failed}}
"""
    with served(FLEET, tmp_path) as fleet:
        answer = checked(fleet, tmp_path, playbook)
    assert [(step["verdict"], step["message"]) for step in host(answer)["steps"][1:3]] == [
        ("failed", "display_name is not known, because the task 'Find it' failed"),
        ("failed", "state is not known, because the task 'Find it' failed"),
    ]
    assert steps(answer)[3] == ("If it failed", "change")


def test_a_result_is_registered_over_what_earlier_tasks_will_have_done(tmp_path: Path) -> None:
    playbook = f"""
- hosts: all
  tasks:
    - {{name: first, {VALUE % ("Mode", "new")}}}
    - {{name: second, register: second, {VALUE % ("Mode", "new")}}}
    - {{name: because the second changes, {VALUE % ("Why", "second")}, when: second is changed}}
"""
    with served(FLEET, tmp_path) as fleet:
        answer = checked(fleet, tmp_path, playbook)
    assert [verdict for _, verdict in steps(answer)] == ["change", "compliant", "skipped"]


def test_a_loop_is_registered_as_results(tmp_path: Path) -> None:
    playbook = f"""
- hosts: all
  tasks:
    - {{name: both, register: both, loop: [Mode, New], {VALUE % ("'{{ item }}'", "old")}}}
    - {{name: counted, debug: {{msg: "{{{{ both.results | map(attribute='changed') | list }}}}"}}}}
"""
    with served(FLEET, tmp_path) as fleet:
        answer = checked(fleet, tmp_path, playbook)
    assert steps(answer) == [("both", "compliant"), ("both", "change"), ("counted", "told")]
    assert "[False, True]" in host(answer)["steps"][2]["message"].replace("false", "False").replace("true", "True")


def test_a_failed_assertion_stops_the_host_before_any_change(tmp_path: Path) -> None:
    playbook = f"""
- hosts: all
  tasks:
    - {{name: value, {VALUE % ("Mode", "new")}}}
    - {{name: gate, assert: {{that: ansible_memtotal_mb > 100000}}}}
"""
    with served(FLEET, tmp_path) as fleet:
        assert checked(fleet, tmp_path, playbook).code == 3
        applied = fleet.apply(tmp_path / "site.yml")
        assert (applied.code, host(applied)["result"]) == (3, "failed")
        assert fleet.fleet.machine("ce-01").changes == []


def test_facts_without_gather_facts_are_an_error_that_says_so(tmp_path: Path) -> None:
    playbook = "- hosts: all\n  gather_facts: false\n  tasks:\n    - {win_ping: , when: ansible_domain == 'x'}\n"
    with served(FLEET, tmp_path) as fleet:
        answer = checked(fleet, tmp_path, playbook)
    assert answer.code == 3
    assert "gather_facts: false" in host(answer)["steps"][0]["message"]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ((), ["a", "b", "always"]),
        (("--tags", "a"), ["a", "always"]),
        (("--skip-tags", "a"), ["b", "always"]),
        (("--tags", "a,rare"), ["a", "never", "always"]),
        (("--skip-tags", "always"), ["a", "b"]),
    ],
)
def test_tags(options: tuple[str, ...], names: list[str], tmp_path: Path) -> None:
    playbook = """
- hosts: all
  tasks:
    - {name: a, win_ping: , tags: a}
    - {name: b, win_ping: , tags: [b]}
    - {name: never, win_ping: , tags: [never, rare]}
    - {name: always, win_ping: , tags: always}
"""
    with served(FLEET, tmp_path) as fleet:
        assert [name for name, _ in steps(checked(fleet, tmp_path, playbook, *options))] == names


def test_a_second_play_is_planned_over_the_first(tmp_path: Path) -> None:
    play = "- hosts: all\n  tasks:\n    - {name: %s, " + (VALUE % ("Mode", "new")) + "}\n"
    with served(FLEET, tmp_path) as fleet:
        answer = checked(fleet, tmp_path, play % "first" + play % "second")
        first, second = (play["hosts"][0]["steps"][0]["verdict"] for play in answer.document["plays"])
        assert (first, second) == ("change", "compliant")
        applied = fleet.apply(tmp_path / "site.yml")
        assert applied.code == 0, applied.out


def test_contradictions_name_both_places(tmp_path: Path) -> None:
    playbook = f"- hosts: all\n  tasks:\n    - {VALUE % ('Mode', 'a')}\n    - {VALUE % ('Mode', 'b')}\n"
    with served(FLEET, tmp_path) as fleet:
        file = tmp_path / "site.yml"
        file.write_text(playbook, encoding="utf-8")
        answer = ce_runner("check", file, "-i", fleet.inventory)
    assert answer.code == 64
    assert "site.yml:3:" in answer.err
    assert "site.yml:4:" in answer.err
    assert "    - win_regedit: {path:" in answer.err
    assert "          ^" in answer.err


def test_nothing_selected_is_an_error(tmp_path: Path) -> None:
    with served(FLEET, tmp_path) as fleet:
        answer = checked(fleet, tmp_path, "- hosts: all:!ce-01\n  tasks: [win_ping: ]\n")
    assert answer.code == 64


def test_unreadable_facts_are_never_compliant(tmp_path: Path) -> None:
    denied = FLEET + r"    deny: {'HKLM\SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full': read}"
    for task in ("setup:", "{win_ping: , when: ansible_dotnet_release is defined}"):
        with served(denied.replace("\\\\", "\\") + "\n", tmp_path) as fleet:
            answer = checked(fleet, tmp_path, f"- hosts: all\n  tasks:\n    - {task}\n")
            assert answer.code == 3, answer.out
            assert "could not be read" in answer.out or "unreadable" in answer.out
