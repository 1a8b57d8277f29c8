"""The commands around check and apply, as a user calls them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

import click
import pytest

from runner.lab.enums import RegistryValueKind
from runner.lab.registry import RegistryValue
from runner.lab.server import LabThread
from tests.product import ROOT, STRONG_CRYPTO, UNTOUCHED, ce_runner, served

INVENTORY = ROOT / "inventory" / "fleet.yml"


def test_the_demo_tells_the_story_and_is_held_to_its_scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a user sees it, but that cmdlets and restarts of the lab take no real time."""
    monkeypatch.setattr("runner.lab.server.LabThread", partial(LabThread, pace=0.0))
    answer = ce_runner("demo", "--keep", tmp_path)
    assert answer.code == 0, answer.err
    told = click.unstyle(answer.out)
    acts = [line.partition(":")[0] for line in told.splitlines() if line[:3] in ("1. ", "2. ", "3. ", "4. ", "5. ")]
    assert acts == ["1. Audit", "2. Plan", "3. Apply", "4. Confirm", "5. Audit again"]
    assert "restarted, and back after" in told
    assert "MachinePolicy is AllSigned" in told.partition("5. Audit again")[2]
    shown = ce_runner("show", tmp_path / "plan.json", "-v")
    assert "PS> Set-ItemProperty -LiteralPath:'HKLM:\\SOFTWARE\\Wow6432Node" in shown.out


@pytest.mark.parametrize("answer_no", ["n\n", ""])
def test_apply_asks_before_it_changes_anything(answer_no: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(UNTOUCHED, tmp_path) as fleet:
        program = [sys.executable, "-m", "runner", "apply", str(STRONG_CRYPTO), "-i", str(fleet.inventory)]
        result = subprocess.run(
            program, cwd=ROOT, input=answer_no, capture_output=True, text=True, check=False, env=os.environ
        )
        changes = [fleet.fleet.machine(name).changes for name in fleet.fleet.specs]
    assert "Apply this plan?" in result.stderr
    assert result.returncode == (2 if answer_no else 64)
    assert changes == [[], [], []]


def test_runs(tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite3"
    with served(UNTOUCHED, tmp_path) as fleet:
        run = fleet.apply(STRONG_CRYPTO).document["run"]
    assert run in ce_runner("runs", "--journal", journal).out
    document = ce_runner("runs", run, "--journal", journal, "--json").document
    assert document["without_outcome"] == []
    assert set(document["hosts"].values()) <= {"applied", "compliant"}
    assert {action["result"] for action in document["actions"]} == {"applied"}
    assert "strong crypto: applied" in ce_runner("runs", run, "--journal", journal).out
    answer = ce_runner("runs", run[:-1], "--journal", journal)
    assert answer.code == 64
    assert f"did you mean {run!r}?" in answer.err


def test_runs_makes_no_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual, other = tmp_path / "usual" / "journal.sqlite3", tmp_path / "typo.sqlite3"
    monkeypatch.setenv("CE_RUNNER_JOURNAL", str(usual))
    assert ce_runner("runs").out.strip() == "no run is recorded"
    assert ce_runner("runs", "--json").document["runs"] == []
    for arguments in (("--journal", other), ("some-run",)):
        answer = ce_runner("runs", *arguments)
        assert (answer.code, answer.out) == (64, "")
        assert "there is no such journal" in answer.err
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way", encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answers = {
            f"--port {port}": ce_runner("lab", "up", "--scenario", "strong-crypto", "--port", str(port)),
            str(blocked / "lab"): ce_runner("lab", "up", "--scenario", "strong-crypto", "--directory", blocked / "lab"),
            str(blocked / "demo"): ce_runner("demo", "--keep", blocked / "demo"),
        }
    for place, answer in answers.items():
        assert answer.code == 64, answer
        assert f"{place}: cannot be used: " in answer.err


class TestPlanFiles:
    """`plan --out`: one look at the fleet is dear, so that a bad place is told before it, or the plan is shown."""

    def test_a_place_that_cannot_be_written_is_told_before_the_fleet_is_read(self, tmp_path: Path) -> None:
        with served(UNTOUCHED, tmp_path) as fleet:
            answer = fleet.plan(STRONG_CRYPTO, tmp_path / "nowhere" / "plan.json")
            assert answer.code == 64
            assert sum(host.traffic.requests for host in fleet.fleet.hosts) == 0

    def test_what_is_no_file_stays_what_it_is(self, tmp_path: Path) -> None:
        pipe, link, target = tmp_path / "pipe", tmp_path / "link", tmp_path / "target.json"
        os.mkfifo(pipe)
        link.symlink_to(target)
        reader = subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE, text=True)
        with served(UNTOUCHED, tmp_path) as fleet:
            shown = [fleet.plan(STRONG_CRYPTO, out).document for out in (pipe, link)]
        piped, _ = reader.communicate(timeout=30)
        assert [json.loads(piped), json.loads(target.read_text(encoding="utf-8"))] == shown
        assert pipe.is_fifo()
        assert link.is_symlink()

    def test_the_plan_is_shown_even_if_it_cannot_be_written(self, tmp_path: Path) -> None:
        with served(UNTOUCHED, tmp_path) as fleet:
            answer = fleet.plan(STRONG_CRYPTO, Path("/dev/full"))
        assert answer.code == 64
        assert set(answer.hosts) == {"a", "b", "c"}
        assert answer.err.startswith("/dev/full: cannot be used: No space left on device")
        assert Path("/dev/full").is_char_device()


def test_a_journal_that_cannot_be_written_stops_everything(tmp_path: Path) -> None:
    with served(UNTOUCHED, tmp_path) as fleet:
        fleet.journal.write_text("this is no database", encoding="utf-8")
        answer = fleet.apply(STRONG_CRYPTO)
        assert answer.code == 70
        assert str(fleet.journal) in answer.document["message"]
        assert [fleet.fleet.machine(name).changes for name in fleet.fleet.specs] == [[], [], []]


def test_a_limit_may_leave_a_play_without_hosts(tmp_path: Path) -> None:
    playbook = tmp_path / "two.yml"
    playbook.write_text("- hosts: a\n  tasks: [win_ping: ]\n- hosts: b:c\n  tasks: [win_ping: ]\n", encoding="utf-8")
    with served(UNTOUCHED, tmp_path) as fleet:
        answer = fleet.check(playbook, "--limit", "b")
        nowhere = fleet.check(playbook, "--limit", "all:!all")
    assert [[host["host"] for host in play["hosts"]] for play in answer.document["plays"]] == [[], ["b"]]
    assert answer.code == 0
    assert nowhere.code == 64


def test_inventory() -> None:
    document = ce_runner("inventory", "-i", INVENTORY, "--json").document
    assert [host["host"].removesuffix(".corp.example") for host in document["hosts"]] == [
        *(f"tok-ce-0{number}" for number in range(1, 5)),
        *(f"osa-ce-0{number}" for number in range(1, 3)),
    ]
    assert {host["password"] for host in document["hosts"]} == {"none"}
    assert len(ce_runner("inventory", "-i", INVENTORY, "--limit", "osaka").out.splitlines()) == 2


def test_doc_shows_every_module_with_examples_that_are_valid(tmp_path: Path) -> None:
    modules = ce_runner("doc", "--json").document["modules"]
    for name in modules:
        document = ce_runner("doc", name, "--json").document
        assert document["summary"] == modules[name]
        assert all(argument["description"] for argument in document["arguments"].values()), name
        example = tmp_path / f"{name}.yml"
        tasks = "".join(f"    {line}\n" for line in document["examples"].splitlines())
        example.write_text(f"- hosts: all\n  tasks:\n{tasks}", encoding="utf-8")
        answer = ce_runner("validate", example)
        assert answer.code == 0, answer.err


def test_the_playbooks_of_the_repository_are_valid() -> None:
    for playbook in [*ROOT.glob("playbooks/*.yml"), ROOT / "benchmarks" / "playbook.yml"]:
        answer = ce_runner("validate", playbook)
        assert answer.code == 0, answer.err


def test_version_starts_fast() -> None:
    """Nothing heavy is imported for it; the time itself is measured by benchmarks/audit.py."""
    program = "import sys; from runner.cli.main import run; run(['--version']); print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(result.stdout.split())
    assert not loaded & {"pydantic", "jinja2", "yaml", "psrpcore", "pypsrp", "requests", "rich", "cryptography"}


GREETING = """
- hosts: all
  tasks:
    - win_regedit: {path: 'HKLM:\\SOFTWARE\\Lab', name: 東京, data: こんにちは}
"""


def test_a_terminal_that_cannot_show_it_is_no_failure(tmp_path: Path) -> None:
    playbook = tmp_path / "site.yml"
    playbook.write_text(GREETING, encoding="utf-8")
    with served(UNTOUCHED, tmp_path) as fleet:
        result = subprocess.run(
            [sys.executable, "-m", "runner", "check", str(playbook), "-i", str(fleet.inventory)],
            cwd=ROOT,
            env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
            capture_output=True,
            check=False,
        )
    assert result.returncode == 2, result.stderr
    assert rb"\u6771\u4eac" in result.stdout


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_reader_that_has_gone_does_not_stop_an_apply(more: list[str], tmp_path: Path) -> None:
    playbook = tmp_path / "site.yml"
    playbook.write_text(GREETING, encoding="utf-8")
    with served(UNTOUCHED, tmp_path) as fleet:
        program = [sys.executable, "-m", "runner", "apply", playbook, "--yes", "-i", fleet.inventory, *more]
        process = subprocess.Popen(
            [*map(str, program), "--journal", str(fleet.journal)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert process.stdout is not None
        process.stdout.close()
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0
        (said,) = err.decode().splitlines()
        assert said.startswith("the registry values of 3 hosts before this run: ")
        assert all(fleet.fleet.machine(name).changes for name in fleet.fleet.specs)


def test_what_the_registry_can_hold_is_printed_as_json(tmp_path: Path) -> None:
    """A lone surrogate, which UTF-8 has no bytes for."""
    playbook = tmp_path / "site.yml"
    playbook.write_text(GREETING, encoding="utf-8")
    with served(UNTOUCHED, tmp_path) as fleet:
        with fleet.fleet.editing("a") as machine:
            machine.create_key(r"HKLM\SOFTWARE\Lab")
            value = RegistryValue("東京", RegistryValueKind.String, "half \ud83d")
            machine.set_value(r"HKLM\SOFTWARE\Lab", value)
        answer = fleet.check(playbook)
    assert answer.code == 2
    assert answer.hosts["a"]["steps"][0]["before"]["properties"]["data"] == "half \ud83d"
