"""A saved plan is applied exactly, or refused: a third party changed one value after the plan was made."""

from __future__ import annotations

from pathlib import Path

from runner.lab.enums import RegistryValueKind
from runner.lab.registry import RegistryValue
from tests.product import STRONG_CRYPTO, UNTOUCHED, ce_runner, served

KEY = r"HKLM\SOFTWARE\Microsoft\.NETFramework\v4.0.30319"


def test_a_host_that_drifted_is_refused_and_the_others_are_applied(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    with served(UNTOUCHED, tmp_path) as fleet:
        assert fleet.plan(STRONG_CRYPTO, plan).code == 2
        with fleet.fleet.editing("b") as machine:
            machine.set_value(KEY, RegistryValue("SchUseStrongCrypto", RegistryValueKind.DWord, 7))
            untouched = len(machine.changes)
        answer = fleet.apply(plan)
        assert answer.code == 5
        assert {name: host["result"] for name, host in answer.hosts.items()} == {
            "a": "applied",
            "b": "refused",
            "c": "applied",
        }
        (drift,) = answer.hosts["b"]["drifts"]
        assert drift["planned"]["exists"] is False
        assert drift["now"]["properties"] == {"type": "dword", "data": 7}
        assert drift["after"]["properties"]["data"] == 1
        assert len(fleet.fleet.machine("b").changes) == untouched


def test_the_screen_shows_planned_before_now_and_planned_after(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    with served(UNTOUCHED, tmp_path) as fleet:
        fleet.plan(STRONG_CRYPTO, plan)
        with fleet.fleet.editing("b") as machine:
            machine.set_value(KEY, RegistryValue("SchUseStrongCrypto", RegistryValueKind.DWord, 7))
        screen = ce_runner("apply", plan, "-i", fleet.inventory, "--journal", fleet.journal).out
    place = screen.index("SchUseStrongCrypto")
    assert [line.split(maxsplit=2) for line in screen[place:].splitlines()[1:4]] == [
        ["planned", "before", "absent"],
        ["now", "dword", "7"],
        ["planned", "after", "dword 1"],
    ]


def test_a_plan_that_was_edited_is_not_applied(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    with served(UNTOUCHED, tmp_path) as fleet:
        fleet.plan(STRONG_CRYPTO, plan)
        plan.write_text(plan.read_text(encoding="utf-8").replace("SchUseStrongCrypto", "SchUseNoCrypto"), "utf-8")
        answer = fleet.apply(plan)
        assert answer.code == 64
        assert "changed after it was written" in answer.document["problems"][0]["message"]
        assert fleet.fleet.machine("a").changes == []


def test_the_playbook_need_not_exist_any_more(tmp_path: Path) -> None:
    playbook, plan = tmp_path / "gone.yml", tmp_path / "plan.json"
    playbook.write_bytes(STRONG_CRYPTO.read_bytes())
    with served(UNTOUCHED, tmp_path) as fleet:
        fleet.plan(playbook, plan)
        playbook.unlink()
        assert fleet.apply(plan).code == 0


def test_a_changed_playbook_is_a_warning(tmp_path: Path) -> None:
    playbook, plan = tmp_path / "changed.yml", tmp_path / "plan.json"
    playbook.write_bytes(STRONG_CRYPTO.read_bytes())
    with served(UNTOUCHED, tmp_path) as fleet:
        fleet.plan(playbook, plan)
        playbook.write_text("[]", encoding="utf-8")
        answer = fleet.apply(plan)
    assert answer.code == 0
    assert "changed.yml has changed since the plan was made" in answer.err


def test_a_plan_is_not_applied_on_another_machine(tmp_path: Path) -> None:
    """The inventory was changed: what is planned for `b` would be done on `c`."""
    plan = tmp_path / "plan.json"
    with served(UNTOUCHED, tmp_path) as fleet:
        fleet.plan(STRONG_CRYPTO, plan)
        inventory = fleet.inventory.read_text(encoding="utf-8")
        fleet.inventory.write_text(inventory.replace("b/wsman", "c/wsman"), encoding="utf-8")
        answer = fleet.apply(plan)
        results = {name: host["result"] for name, host in answer.hosts.items()}
        assert results == {"a": "applied", "b": "refused", "c": "applied"}
        assert answer.code == 5
        assert "b/wsman, but the inventory now leads to" in answer.hosts["b"]["message"]
        assert fleet.fleet.machine("b").changes == []
