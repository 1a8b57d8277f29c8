"""Bad input: one clear message each, exit 64, never a traceback; and a code of its own for each class of result."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.cli.main import COMMANDS
from runner.model.errors import ExitCode
from tests.product import ROOT, STRONG_CRYPTO, ce_runner

INVENTORY = ROOT / "inventory" / "fleet.yml"

BAD_PLAYBOOKS = {
    "a syntax error alone": ("- hosts: all\n  tasks: [\n    - debug: {msg: a}\n", 1, "3:5"),
    "every schema mistake at once": (
        "- hosts: all\n"
        "  taks: []\n"
        "  tasks:\n"
        "    - win_regedit: {pat: 'HKLM:\\\\SOFTWARE'}\n"
        "    - win_servic: {name: a}\n"
        "    - win_service: {name: a, state: runing}\n"
        "      notify: nobody\n"
        "      when: a ==\n",
        7,
        "2:3",
    ),
    "an empty file": ("", 1, ""),
    "no list": ("hosts: all\n", 1, "1:1"),
}


@pytest.mark.parametrize("name", BAD_PLAYBOOKS)
def test_a_bad_playbook(name: str, tmp_path: Path) -> None:
    text, count, first = BAD_PLAYBOOKS[name]
    playbook = tmp_path / "bad.yml"
    playbook.write_text(text, encoding="utf-8")
    answer = ce_runner("validate", playbook)
    assert answer.code == ExitCode.USAGE
    assert answer.out == ""
    assert answer.err.startswith(f"{playbook}:{first}" if first else str(playbook))
    assert f"{count} problem{'s' if count > 1 else ''}" in answer.err, answer.err
    assert answer.err.count("^") == (count if first else 0), answer.err


def test_the_same_as_json(tmp_path: Path) -> None:
    playbook = tmp_path / "bad.yml"
    playbook.write_text(BAD_PLAYBOOKS["every schema mistake at once"][0], encoding="utf-8")
    document = ce_runner("validate", playbook, "--json").document
    assert document["exit_code"] == 64
    assert [problem["line"] for problem in document["problems"]] == [2, 4, 4, 5, 6, 7, 8]


def test_mistakes_of_playbook_and_inventory_come_together(tmp_path: Path) -> None:
    playbook, inventory = tmp_path / "bad.yml", tmp_path / "hosts.yml"
    playbook.write_text("- hosts: all\n  taks: []\n", encoding="utf-8")
    inventory.write_text("all: {hosts: {a: {ansible_port: many}}}\n", encoding="utf-8")
    answer = ce_runner("check", playbook, "-i", inventory)
    assert answer.code == 64
    assert "bad.yml:2:3" in answer.err
    assert "hosts.yml:1:" in answer.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("check",), "Missing argument"),
        (("chek",), "No such command"),
        (("check", "/nowhere/site.yml", "-i", str(INVENTORY)), "does not exist"),
        (("check", str(STRONG_CRYPTO), "-i", str(INVENTORY), "--limit", "tokio"), "did you mean"),
        (("check", str(STRONG_CRYPTO), "-i", str(INVENTORY), "-e", "novalue"), "name=value"),
        (("inventory", "-i", str(INVENTORY), "--limit", "tok-ce-01["), "the brackets in 'tok-ce-01[' do not match"),
        (("doc", "win_regedti"), "did you mean"),
        (("lab", "up", "--scenario", "nothing"), "no scenario is called"),
        (("apply", str(STRONG_CRYPTO), "-i", str(INVENTORY), "--json"), "--yes"),
    ],
)
def test_bad_usage(arguments: tuple[str, ...], said: str) -> None:
    answer = ce_runner(*arguments)
    assert answer.code == ExitCode.USAGE
    assert said in answer.err + answer.out


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"kind": "ce-runner plan", "format": 99}', "\x00", "{}\n", "9" * 5000]
)
def test_a_plan_file_that_is_none(text: str, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(text, encoding="utf-8")
    for command in (("show", plan), ("apply", plan, "-i", INVENTORY)):
        answer = ce_runner(*command)
        assert answer.code == ExitCode.USAGE
        assert str(plan) in answer.err


def test_every_command_has_help_and_says_what_it_does() -> None:
    for command in COMMANDS:
        answer = ce_runner(command, "--help")
        assert answer.code == 0
        assert answer.out.startswith("Usage: ce-runner")


def test_each_class_of_result_has_its_own_code() -> None:
    assert len({int(code) for code in ExitCode}) == len(ExitCode)
    assert {code.name: int(code) for code in ExitCode} == {
        "OK": 0,
        "PENDING": 2,
        "FAILED": 3,
        "UNREACHABLE": 4,
        "REFUSED": 5,
        "HELD": 6,
        "NOT_STARTED": 7,
        "USAGE": 64,
        "INTERNAL": 70,
        "INTERRUPTED": 130,
    }
