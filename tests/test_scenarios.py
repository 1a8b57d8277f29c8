"""Every scenario that comes with the lab says what check, apply and the check after it find; here it is held to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.lab.scenario import Expectation, Phase, load_scenario, scenario_names
from tests.product import ROOT, STRONG_CRYPTO, Answer, Served, served

NAMES = scenario_names()


def run_phase(phase: Phase, fleet: Served) -> Answer:
    playbook = ROOT / "playbooks" / f"{fleet.fleet.scenario.playbook}.yml"
    if phase == "apply":
        return fleet.apply(playbook)
    return fleet.check(playbook, "--timeout", "2")


def changes(host: dict[str, Any]) -> int:
    """Planned actions of a plan's host, applied ones of a run's."""
    if "steps" in host:
        return sum("action" in step for step in host["steps"])
    return sum(action["result"] in ("applied", "settled") for action in host.get("actions", []))


@pytest.mark.parametrize("name", NAMES)
def test_what_a_scenario_expects_is_what_is_found(name: str, tmp_path: Path) -> None:
    scenario = load_scenario(name)
    with served(scenario, tmp_path) as fleet:
        for phase, code in scenario.exit_codes.items():
            answer = run_phase(phase, fleet)
            expected = {host: expectation(fleet, host, phase) for host in fleet.fleet.specs}
            found = {host: (entry["result"], changes(entry)) for host, entry in answer.hosts.items()}
            assert found == {host: (wish.outcome, wish.changes) for host, wish in expected.items()}, phase
            assert answer.code == code, phase


def expectation(fleet: Served, host: str, phase: Phase) -> Expectation:
    wish = fleet.fleet.expected(host, phase)
    assert wish is not None, f"the scenario gives an exit code for {phase}, but says nothing of {host}"
    return wish


@pytest.mark.parametrize("name", ["demo", "fleet"])
def test_a_second_apply_plans_nothing(name: str, tmp_path: Path) -> None:
    with served(name, tmp_path) as fleet:
        fleet.apply(STRONG_CRYPTO)
        again = fleet.apply(STRONG_CRYPTO)
        assert again.document["kind"] == "ce-runner plan"  # nothing to apply: no run was begun
        assert [changes(host) for host in again.hosts.values()] == [0] * len(fleet.fleet.specs)
