"""What only a change can decide: deferred tasks, conditions on their results, flushed handlers, steps that are held."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.lab.enums import ServiceStartMode
from tests.product import UNTOUCHED, ce_runner, served

ONE = UNTOUCHED.split("  b:")[0].replace("Three servers", "A server")
PROBED = r"""
- hosts: all
  gather_facts: false
  tasks:
    - name: Value A
      win_regedit: {path: 'HKLM:\SOFTWARE\Lab', name: A, type: dword, data: 1}
      notify: Restart
    - meta: flush_handlers
    - name: The probe
      win_service: {name: SERVICE, state: started}
      after: Value A
      register: probe
      ignore_errors: true
    - name: Only if the probe fails
      win_regedit: {path: 'HKLM:\SOFTWARE\Lab', name: B, type: dword, data: 1}
      when: probe is failed
      notify: Restart
    - name: Only if the probe works
      win_regedit: {path: 'HKLM:\SOFTWARE\Lab', name: C, type: dword, data: 1}
      when: [probe is succeeded, 1 == 1]
  handlers:
    - name: Restart
      win_service: {name: LabCloudExtender, state: restarted}
"""


def playbook(folder: Path, text: str) -> Path:
    file = folder / "site.yml"
    file.write_text(text, encoding="utf-8")
    return file


def verdicts(host: dict[str, Any]) -> list[tuple[str, str]]:
    return [(step["header"]["name"], step["verdict"]) for step in host["steps"]]


def results(host: dict[str, Any]) -> dict[str, str]:
    """By task and section, since a handler may run twice."""
    return {action["step"]: action["result"] for action in host["actions"]}


@pytest.mark.parametrize(
    ("service", "b", "c", "again"),
    [("NoSuchService", "applied", "not triggered", "applied"), ("WinRM", "not triggered", "applied", "not triggered")],
)
def test_a_condition_on_a_deferred_task_is_decided_at_its_turn(
    tmp_path: Path, service: str, b: str, c: str, again: str
) -> None:
    file = playbook(tmp_path, PROBED.replace("SERVICE", service))
    with served(ONE, tmp_path) as fleet:
        plan = fleet.check(file)
        assert plan.code == 2
        assert verdicts(plan.hosts["a"]) == [
            ("Value A", "change"),
            ("meta", "control"),
            ("Restart", "change"),
            ("The probe", "deferred"),
            ("Only if the probe fails", "deferred"),
            ("Only if the probe works", "deferred"),
            ("Restart", "change"),
        ]
        run = fleet.apply(file)
        assert run.code == 0
        assert results(run.hosts["a"]) == {
            "0.tasks.1.0.0": "applied",
            "0.tasks.2.0.0": "nothing to do",
            "0.handlers.1.0.0": "applied",
            "0.tasks.3.0.0": "ignored" if service == "NoSuchService" else "nothing to do",
            "0.tasks.4.0.0": b,
            "0.tasks.5.0.0": c,
            "0.handlers-2.1.0.0": again,
        }


def test_once_nothing_changes_everything_is_decided_in_the_audit(tmp_path: Path) -> None:
    file = playbook(tmp_path, PROBED.replace("SERVICE", "WinRM"))
    with served(ONE, tmp_path) as fleet:
        assert fleet.apply(file).code == 0
        audit = fleet.check(file)
        assert audit.code == 0
        assert verdicts(audit.hosts["a"]) == [
            ("Value A", "compliant"),
            ("meta", "control"),
            ("The probe", "compliant"),
            ("Only if the probe fails", "skipped"),
            ("Only if the probe works", "compliant"),
            ("Restart", "idle"),
        ]


def test_the_screen_writes_the_condition_out(tmp_path: Path) -> None:
    file = playbook(tmp_path, PROBED.replace("SERVICE", "WinRM"))
    with served(ONE, tmp_path) as fleet:
        screen = ce_runner("check", file, "-i", fleet.inventory).out
    assert "only if: probe is failed" in screen
    assert 'read and decided after "Value A"' in screen


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("probe is failed and inventory_hostname == 'a'", "make two conditions of it"),
        ("nothing.is", "'nothing' is not defined"),
    ],
)
def test_what_apply_cannot_decide_is_an_error_of_the_plan(tmp_path: Path, condition: str, message: str) -> None:
    file = playbook(tmp_path, PROBED.replace("when: probe is failed", f"when: {condition}"))
    with served(ONE, tmp_path) as fleet:
        plan = fleet.check(file)
    (broken,) = [step for step in plan.hosts["a"]["steps"] if step["verdict"] == "failed"]
    assert message in broken["message"]


def test_arguments_cannot_use_what_only_apply_knows(tmp_path: Path) -> None:
    file = playbook(tmp_path, PROBED.replace("name: C, type", "name: 'C{{ probe.msg }}', type"))
    with served(ONE, tmp_path) as fleet:
        plan = fleet.check(file)
    (broken,) = [step for step in plan.hosts["a"]["steps"] if step["verdict"] == "failed"]
    assert "'probe' is known only during apply" in broken["message"]


def test_after_names_an_earlier_task(tmp_path: Path) -> None:
    file = playbook(tmp_path, PROBED.replace("after: Value A", "after: Valve A"))
    answer = ce_runner("validate", file, "--json")
    assert answer.code == 64
    (problem,) = answer.document["problems"]
    assert "no earlier task is named 'Valve A'" in problem["message"]
    assert "Value A" in problem["hint"]


STEERED = r"""
- hosts: all
  gather_facts: false
  tasks:
    - win_regedit: {path: 'HKLM:\SOFTWARE\Lab', name: A, type: dword, data: 1}
    - pause: {seconds: 0.01}
    - meta: reset_connection
"""


def test_a_connection_is_reset_only_where_something_was_changed(tmp_path: Path) -> None:
    reset = playbook(tmp_path, STEERED)
    with served(ONE, tmp_path) as fleet:
        first, again = fleet.apply(reset), fleet.apply(reset)
    with served(ONE, tmp_path) as fleet:
        without = fleet.apply(playbook(tmp_path, STEERED.replace("    - meta: reset_connection\n", "")))
    assert (first.code, again.code, without.code) == (0, 0, 0)
    new_shell = 7  # delete, a handshake of three, create, and two receives until it is open
    assert first.hosts["a"]["requests"] == without.hosts["a"]["requests"] + new_shell
    assert again.hosts["a"]["requests"] < without.hosts["a"]["requests"]


VARIABLES = r"""
- hosts: all
  gather_facts: false
  tasks:
    - name: Before it is set
      debug: {msg: "{{ pin }}"}
    - set_fact: {pin: "3.1.0", where: "HKLM:\\SOFTWARE\\{{ group_names | join }}"}
    - set_fact: {pin: never}
      when: pin != "3.1.0"
    - name: After
      win_regedit: {path: "{{ where }}", name: "{{ pin }}", type: dword, data: 1}
      register: written
    - set_fact: {later: "{{ written.changed }}"}
    - debug: {msg: "{{ later }}"}
- hosts: all
  gather_facts: false
  tasks:
    - name: In a later play
      debug: {msg: "{{ pin }}"}
"""


def test_set_fact_sets_variables_for_the_tasks_after_it(tmp_path: Path) -> None:
    file = playbook(tmp_path, VARIABLES)
    with served(ONE, tmp_path) as fleet:
        plan = fleet.check(file, "-e", "unused=1").document
        first, second = (play["hosts"][0]["steps"] for play in plan["plays"])
    assert "'pin' is not defined" in first[0]["message"]
    assert first[3]["heading"]["name"].endswith(r"SOFTWARE\cloud_extender")
    assert first[3]["heading"]["property"] == "3.1.0"
    assert first[5]["message"] == "true"
    assert second[0]["message"] == "3.1.0"


def test_fail_stops_a_host_before_anything_is_changed(tmp_path: Path) -> None:
    file = playbook(
        tmp_path, "- hosts: all\n  tasks:\n    - fail: {msg: not tonight}\n      when: inventory_hostname == 'a'\n"
    )
    with served(ONE, tmp_path) as fleet:
        plan = fleet.check(file)
    assert (plan.code, plan.hosts["a"]["steps"][0]["message"]) == (3, "not tonight")


HELD = r"""
- hosts: all
  gather_facts: false
  tasks:
    - name: The tool verifies all accounts
      attestation: {id: S0-12, instructions: Press the button, evidence: the answer, owner: CE operator}
    - win_regedit: {path: 'HKLM:\SOFTWARE\Lab', name: A, type: dword, data: 1}
"""


def test_a_held_host_is_changed_and_stays_held(tmp_path: Path) -> None:
    file = playbook(tmp_path, HELD)
    with served(ONE, tmp_path) as fleet:
        plan = fleet.check(file)
        assert plan.code == 6
        held = plan.hosts["a"]["steps"][0]
        assert (held["verdict"], held["owner"]) == ("held", "CE operator")
        assert "ce-runner attest a S0-12" in held["message"]
        run = fleet.apply(file)
        assert (run.code, run.hosts["a"]["result"]) == (6, "held")
        assert results(run.hosts["a"]) == {"0.tasks.2.0.0": "applied"}
        assert "CE operator must act first" in ce_runner("check", file, "-i", fleet.inventory).out
        confirmed = ("attest", "a", "S0-12", "--by", "佐藤", "--evidence", "ticket 4711", "--journal", fleet.journal)
        assert ce_runner(*confirmed).code == 0
        after = fleet.check(file, "-v")
        assert (after.code, after.hosts["a"]["steps"][0]["verdict"]) == (0, "told")
        assert "佐藤" in after.hosts["a"]["steps"][0]["message"]


def test_a_blocked_host_is_not_changed_before_its_owner_has_acted(tmp_path: Path) -> None:
    gate = "    - hold: {msg: Windows waits for a restart, owner: Windows team, blocks: true}\n"
    file = playbook(tmp_path, HELD + gate)
    with served(ONE, tmp_path) as fleet:
        assert fleet.check(file).code == 6
        run = fleet.apply(file)
        assert (run.code, run.hosts["a"]["result"]) == (6, "held")
        assert results(run.hosts["a"]) == {"0.tasks.2.0.0": "not started"}
        assert "Windows team" in run.hosts["a"]["message"]
        assert fleet.fleet.machine("a").changes == []


def test_a_script_takes_no_templates(tmp_path: Path) -> None:
    file = playbook(tmp_path, "- hosts: all\n  tasks:\n    - win_powershell: {script: 'Get-Item {{ path }}'}\n")
    answer = ce_runner("validate", file, "--json")
    assert answer.code == 64
    assert "script is taken as it is written" in answer.document["problems"][0]["message"]


HEAD = r"""
- hosts: all
  gather_facts: false
  tasks:
    - name: Value A
      win_regedit: {path: 'HKLM:\SOFTWARE\Lab', name: A, type: dword, data: 1}
    - name: The probe
      win_service: {name: "{{ item }}", state: started}
      loop: [WinRM]
      after: Value A
      register: probe
"""


def test_a_loop_of_one_item_registers_results_during_apply_too(tmp_path: Path) -> None:
    text = HEAD + "    - win_regedit: {path: 'HKLM:\\SOFTWARE\\Lab', name: B, type: dword, data: 1}\n"
    file = playbook(tmp_path, text + "      when: probe.results | length == 1\n")
    with served(ONE, tmp_path) as fleet:
        assert fleet.apply(file).code == 0


def test_a_variable_cannot_depend_on_what_only_apply_knows(tmp_path: Path) -> None:
    text = HEAD + "    - set_fact: {pin: first}\n    - set_fact: {pin: second}\n      when: probe is succeeded\n"
    with served(ONE, tmp_path) as fleet:
        plan = fleet.check(playbook(tmp_path, text))
    (broken,) = [step for step in plan.hosts["a"]["steps"] if step["verdict"] == "failed"]
    assert (plan.code, broken["header"]["id"]) == (3, "0.tasks.4.0.0")
    assert "a variable cannot depend on" in broken["message"]


KEYS = r"""
- hosts: all
  gather_facts: false
  VARS
  tasks:
    - name: Value A
      win_regedit: {path: 'HKLM:\SOFTWARE\Lab', name: A, type: dword, data: 1}
REST
"""


def made(folder: Path, rest: str, play_vars: str = "") -> Path:
    """A playbook whose first task, `Value A`, changes something; `rest` are further tasks."""
    indented = "\n".join(f"    {line}" for line in rest.strip("\n").splitlines())
    text = KEYS.replace("  VARS\n", f"  vars: {play_vars}\n" if play_vars else "").replace("REST", indented)
    return playbook(folder, text)


def task_results(host: dict[str, Any]) -> list[str]:
    return [action["result"] for action in host["actions"]]


def test_a_deferred_block_blocks_what_follows(tmp_path: Path) -> None:
    file = made(
        tmp_path,
        """
- {name: Probe, win_service: {name: NoSuch, state: started}, after: Value A, register: p, ignore_errors: true}
- {hold: {msg: not tonight, owner: them, blocks: true}, when: p is failed}
- win_regedit: {path: 'HKLM:\\SOFTWARE\\Lab', name: B, type: dword, data: 1}
""",
    )
    with served(ONE, tmp_path) as fleet:
        run = fleet.apply(file)
    assert (run.code, run.hosts["a"]["result"]) == (6, "held")
    assert task_results(run.hosts["a"]) == ["applied", "ignored", "blocked", "not started"]


def test_a_plan_that_rests_on_a_failure_is_refused_once_that_is_mended(tmp_path: Path) -> None:
    file, plan = tmp_path / "site.yml", tmp_path / "plan.json"
    file.write_text(
        r"""
- hosts: all
  gather_facts: false
  tasks:
    - {name: Probe, win_service: {name: Spooler, state: started}, register: p, ignore_errors: true}
    - win_regedit: {path: 'HKLM:\SOFTWARE\Lab', name: B, type: dword, data: 1}
      when: p is failed
""",
        encoding="utf-8",
    )
    disabled = ONE.replace("services: {", "services: {Spooler: {status: stopped, start_mode: disabled}, ")
    with served(disabled, tmp_path) as fleet:
        assert fleet.plan(file, plan).code == 2
        assert fleet.apply(plan).code == 0
        assert fleet.plan(file, plan).code == 0
    with served(disabled, tmp_path) as fleet:
        assert fleet.plan(file, plan).code == 2
        with fleet.fleet.editing("a") as machine:
            spooler = machine.services.get("Spooler")
            machine.services.configure(replace(spooler, start_mode=ServiceStartMode.Manual))
        refused = fleet.apply(plan)
    assert refused.code == 5
    (drift,) = refused.hosts["a"]["drifts"]
    assert drift["message"] == "it failed, and what follows rests on it"


def test_a_loop_of_which_one_item_was_decided_in_the_plan(tmp_path: Path) -> None:
    file = made(
        tmp_path,
        """
- name: Probe
  win_service: {name: "{{ item }}", state: started}
  loop: [WinRM, NoSuch]
  when: item == 'WinRM'
  after: Value A
  register: p
- win_regedit: {path: 'HKLM:\\SOFTWARE\\Lab', name: B, type: dword, data: 1}
  when: p.results[1] is skipped and p is succeeded
""",
    )
    with served(ONE, tmp_path) as fleet:
        run = fleet.apply(file)
    assert (run.code, task_results(run.hosts["a"])) == (0, ["applied", "nothing to do", "applied"])


def test_set_fact_and_register_win_over_variables_of_the_play(tmp_path: Path) -> None:
    file = made(
        tmp_path,
        """
- set_fact: {want: 2}
- name: Value B
  win_regedit: {path: 'HKLM:\\SOFTWARE\\Lab', name: B, type: dword, data: "{{ want }}"}
- {name: Probe, win_service: {name: WinRM, state: started}, after: Value A, register: r}
- win_regedit: {path: 'HKLM:\\SOFTWARE\\Lab', name: C, type: dword, data: 1}
  when: r is succeeded
""",
        "{want: 1, r: {failed: true}}",
    )
    with served(ONE, tmp_path) as fleet:
        steps = fleet.check(file).hosts["a"]["steps"]
    assert steps[2]["action"]["after"]["properties"]["data"] == 2
    assert [step["verdict"] for step in steps[3:]] == ["deferred", "deferred"]


def test_tasks_on_what_a_deferred_task_changes_are_decided_after_it(tmp_path: Path) -> None:
    file = made(
        tmp_path,
        """
- {name: Late, win_regedit: {path: 'HKLM:\\SOFTWARE\\Lab', name: B, type: dword, data: 1}, after: Value A}
- {name: Again, win_regedit: {path: 'HKLM:\\SOFTWARE\\Lab', name: B, type: dword, data: 1}, register: again}
""",
    )
    second = file.read_text(encoding="utf-8").replace("Value A", "Value A too")
    file.write_text(file.read_text(encoding="utf-8") + second, encoding="utf-8")
    with served(ONE, tmp_path) as fleet:
        plan = fleet.check(file)
        steps = plan.document["plays"][1]["hosts"][0]["steps"]
        assert [step["verdict"] for step in steps] == ["compliant", "deferred", "deferred"]
        run = fleet.apply(file)
        assert run.code == 0
        assert fleet.check(file).code == 0


def test_a_contradiction_through_a_deferred_task_is_found(tmp_path: Path) -> None:
    file = made(
        tmp_path, "- {win_regedit: {path: 'HKLM:\\SOFTWARE\\Lab', name: A, type: dword, data: 2}, after: Value A}"
    )
    with served(ONE, tmp_path) as fleet:
        answer = fleet.check(file)
    assert answer.code == 64
    assert "wants 1" in answer.document["problems"][0]["message"]


def test_facts_that_decide_an_empty_loop_are_kept(tmp_path: Path) -> None:
    text = (
        "- hosts: all\n  tasks:\n    - win_ping:\n      loop: \"{{ ['x'] if ansible_dotnet_release == 1 else [] }}\"\n"
    )
    with served(ONE, tmp_path) as fleet:
        plan = fleet.check(playbook(tmp_path, text))
    assert list(plan.hosts["a"]["facts"]) == ["ansible_dotnet_release"]


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("- {win_ping: , after: 'Value {{ x }}'}", "no template in after"),
        ("- {win_ping: , register: p}\n- {win_ping: , register: p}", "two tasks register 'p'"),
        ("- {set_fact: {l: '{{ l + [item] }}'}, loop: [1, 2]}", "'l' cannot grow in a loop"),
    ],
)
def test_what_could_only_surprise_is_refused(tmp_path: Path, rest: str, message: str) -> None:
    answer = ce_runner("validate", made(tmp_path, rest), "--json")
    assert answer.code == 64
    assert message in answer.document["problems"][0]["message"]


def test_a_handler_must_do_something_on_a_host(tmp_path: Path) -> None:
    file = made(tmp_path, "")
    file.write_text(file.read_text(encoding="utf-8") + "  handlers:\n    - {name: h, fail: }\n", encoding="utf-8")
    answer = ce_runner("validate", file, "--json")
    assert answer.code == 64
    assert "cannot be a handler" in answer.document["problems"][0]["message"]


def test_register_tells_of_all_things_that_a_task_names(tmp_path: Path) -> None:
    """One registry view is as wanted, the other is not: the task changes something."""
    text = r"""
- hosts: all
  gather_facts: false
  tasks:
    - win_regedit: {path: 'HKLM:\SOFTWARE\Lab', name: A, type: dword, data: 1, view: both}
      register: r
    - win_regedit: {path: 'HKLM:\SOFTWARE\Lab', name: B, type: dword, data: 1}
      when: r is changed
"""
    half = ONE.replace("    services: {", "    registry: {'HKLM\\SOFTWARE\\Lab': {A: 1}}\n    services: {")
    with served(half, tmp_path) as fleet:
        steps = fleet.check(playbook(tmp_path, text)).hosts["a"]["steps"]
    assert [step["verdict"] for step in steps] == ["compliant", "change", "change"]


def test_what_may_fail_and_be_ignored_is_known_only_when_it_is_done(tmp_path: Path) -> None:
    text = r"""
- hosts: all
  gather_facts: false
  tasks:
    - win_regedit: {path: 'HKLM:\SOFTWARE\Lab', name: A, type: dword, data: 1}
      register: r
      ignore_errors: true
    - win_regedit: {path: 'HKLM:\SOFTWARE\Other', name: B, type: dword, data: 1}
      when: r is changed
    - win_regedit: {path: 'HKLM:\SOFTWARE\Other', name: C, type: dword, data: 1}
      when: r is failed
"""
    closed = ONE.replace("    services: {", "    deny: {'HKLM\\SOFTWARE\\Lab': write}\n    services: {")
    closed = closed.replace("    deny", "    registry: {'HKLM\\SOFTWARE\\Lab': {}}\n    deny")
    with served(closed, tmp_path) as fleet:
        run = fleet.apply(playbook(tmp_path, text))
    assert task_results(run.hosts["a"]) == ["ignored", "not triggered", "applied"]


def test_a_block_in_one_play_holds_the_others(tmp_path: Path) -> None:
    head = "- hosts: all\n  gather_facts: false\n  tasks:\n"
    change = head + "    - win_regedit: {path: 'HKLM:\\SOFTWARE\\Lab', name: N, type: dword, data: 1}\n"
    gate = "    - hold: {msg: not tonight, owner: them, blocks: true}\n"
    text = change.replace("N,", "A,") + change.replace("N,", "B,") + gate + change.replace("N,", "C,")
    with served(ONE, tmp_path) as fleet:
        run = fleet.apply(playbook(tmp_path, text))
        assert fleet.fleet.machine("a").changes == []
    assert run.code == 6


def test_a_handler_registers_nothing(tmp_path: Path) -> None:
    file = playbook(tmp_path, PROBED.replace("state: restarted}", "state: restarted}\n      register: r"))
    answer = ce_runner("validate", file, "--json")
    assert answer.code == 64
    assert "a handler has no register" in answer.document["problems"][0]["message"]
