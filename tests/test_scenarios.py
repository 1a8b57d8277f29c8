"""Every scenario that comes with the lab says what check, apply and the check after it find; here it is held to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.cli.demo import PLAYBOOKS
from runner.lab.scenario import Expectation, Phase, load_scenario, scenario_names
from tests.night import NIGHT, changes, confirm, planned, said
from tests.product import STRONG_CRYPTO, Answer, Served, served

NAMES = scenario_names()


def run_phase(phase: Phase, fleet: Served, playbook: Path) -> Answer:
    confirm(fleet, phase)
    return fleet.apply(playbook) if phase == "apply" else fleet.check(playbook, "--timeout", "5")


@pytest.mark.parametrize("name", NAMES)
def test_what_a_scenario_expects_is_what_is_found(name: str, tmp_path: Path) -> None:
    scenario = load_scenario(name)
    playbook = PLAYBOOKS / f"{scenario.playbook}.yml"
    with served(scenario, tmp_path) as fleet:
        for phase, code in scenario.exit_codes.items():
            answer = run_phase(phase, fleet, playbook)
            wishes = {host: expectation(fleet, host, phase) for host in fleet.fleet.specs}
            made = changes(answer)
            found = {
                host: (entry["result"], made[host] if isinstance(wishes[host].changes, tuple) else len(made[host]))
                for host, entry in answer.hosts.items()
            }
            assert found == {host: (wish.outcome, wish.changes) for host, wish in wishes.items()}, phase
            assert answer.code == code, phase


def expectation(fleet: Served, host: str, phase: Phase) -> Expectation:
    wish = fleet.fleet.expected(host, phase)
    assert wish is not None, f"the scenario gives an exit code for {phase}, but says nothing of {host}"
    return wish


def test_what_the_demo_cannot_fix_is_said_with_its_reason_and_owner(tmp_path: Path) -> None:
    with served("demo", tmp_path) as fleet:
        confirm(fleet, "check")
        answer = fleet.check(NIGHT)
    held = {
        host: {(step["header"]["module"], step["owner"]) for step in steps if step["verdict"] == "held"}
        for host, steps in planned(answer).items()
    }
    assert {host: steps for host, steps in held.items() if steps} == {
        "tok-ce-02": {("attestation", "Cloud Extender operator")},
        "osa-ce-01": {("execution_policy", "Group Policy"), ("winrm_client", "Group Policy")},
    }
    reasons = said(answer, "osa-ce-01", "held")
    assert "ExecutionPolicy = AllSigned" in reasons["The execution policy lets the module run"]
    assert "AllowBasic = 0" in reasons["Basic authentication of the WinRM client"]


@pytest.mark.parametrize("name", ["strong-crypto", "fleet"])
def test_a_second_apply_plans_nothing(name: str, tmp_path: Path) -> None:
    with served(name, tmp_path) as fleet:
        fleet.apply(STRONG_CRYPTO)
        again = fleet.apply(STRONG_CRYPTO)
        assert again.document["kind"] == "ce-runner plan"  # nothing to apply: no run was begun
        assert set(changes(again).values()) == {()}
