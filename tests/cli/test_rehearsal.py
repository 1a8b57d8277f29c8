"""`ce-runner lab up` as a process of its own, and what a user does with it: README.md, "Your own rehearsal"."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.lab.scenario import load_scenario
from runner.record.journal import Journal
from tests.night import NIGHT, planned
from tests.product import ROOT, STRONG_CRYPTO, Answer, ce_runner


@dataclass(frozen=True)
class Lab:
    """A lab that is up, and the line in which it said so."""

    process: subprocess.Popen[str]
    started: dict[str, Any]

    def check(self) -> Answer:
        files = ("-i", self.started["inventory"], "--journal", self.started["journal"])
        return ce_runner("check", NIGHT, *files, "--json")

    def ended(self) -> dict[str, Any]:
        """Ctrl-C, and the line in which it says goodbye."""
        self.process.send_signal(signal.SIGINT)
        out, _ = self.process.communicate(timeout=30)
        assert self.process.returncode == 0
        document: dict[str, Any] = json.loads(out)
        return document


@contextmanager
def lab_up(directory: Path, *words: str) -> Iterator[Lab]:
    command = ["lab", "up", "--json", "--pace", "0", "--directory", str(directory), *words]
    process = subprocess.Popen(
        [sys.executable, "-m", "runner", *command],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield Lab(process, json.loads(process.stdout.readline()))
    finally:
        process.kill()
        process.communicate()


def results(answer: Answer) -> dict[str, str]:
    return {name: host["result"] for name, host in answer.hosts.items()}


def held(answer: Answer, host: str) -> set[str]:
    """The items of the manual steps for which a host is held."""
    steps = planned(answer)[host]
    return {
        tag
        for step in steps
        if step["verdict"] == "held" and step["header"]["module"] == "attestation"
        for tag in step["header"]["tags"]
    }


def test_it_counts_what_goes_over_the_wire(tmp_path: Path) -> None:
    with lab_up(tmp_path / "lab", "--scenario", "fleet", "--hosts", "7") as lab:
        assert lab.started["hosts"] == 7
        answer = ce_runner("check", STRONG_CRYPTO, "-i", lab.started["inventory"], "--json")
        traffic = lab.ended()["traffic"]
    assert answer.code == 2
    assert traffic["requests"] == sum(host["requests"] for host in answer.hosts.values())


def test_a_check_right_after_it_finds_what_the_scenario_says(tmp_path: Path) -> None:
    scenario = load_scenario("demo")
    with lab_up(tmp_path / "lab", "--scenario", "demo") as lab:
        answer = lab.check()
    assert answer.code == scenario.exit_codes["check"] == 6
    assert results(answer) == {name: spec.expect["check"].outcome for name, spec in scenario.expand()}


def test_what_is_confirmed_in_a_rehearsal_ends_with_its_machines(tmp_path: Path) -> None:
    with lab_up(tmp_path / "lab", "--scenario", "demo") as lab:
        journal = lab.started["journal"]
        before = held(lab.check(), "tok-ce-02")
        ce_runner("attest", "tok-ce-02", "S0-12", "--evidence", "seen", "--journal", journal)
        ce_runner("attest", "elsewhere", "S0-12", "--evidence", "seen", "--journal", journal)
        confirmed = held(lab.check(), "tok-ce-02")
        lab.ended()
    with lab_up(tmp_path / "lab", "--scenario", "demo") as lab:
        anew = held(lab.check(), "tok-ce-02")
    assert before - confirmed == {"S0-12", "S0-19"}  # two items, which one step confirms
    assert anew == before
    with Journal(Path(journal)) as opened:
        known = opened.attestations()
    assert known["tok-ce-01"]["S0-12"].by == "Lab operator"
    assert known["tok-ce-01"]["S0-12"].evidence == "of the scenario"
    assert "S0-12" in known["elsewhere"]  # no host of the fleet


def test_a_directory_whose_lab_is_running_is_refused(tmp_path: Path) -> None:
    directory = tmp_path / "lab"
    with lab_up(directory, "--scenario", "strong-crypto") as lab:
        before = {file: file.read_bytes() for file in directory.iterdir()}
        answer = ce_runner("lab", "up", "--scenario", "fleet", "--directory", directory)
        after = {file: file.read_bytes() for file in directory.iterdir()}
        lab.ended()
    assert (answer.code, answer.out) == (64, "")
    assert f"{directory}: a lab is running there already" in answer.err
    assert "--directory" in answer.err
    assert after == before
    assert not (directory / "control.json").exists()  # the way is free again


def test_the_text_names_the_journal_for_the_shell(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "runner", "lab", "up", "--scenario", "strong-crypto", "--directory", "my lab"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline().rstrip("\n") for _ in range(3)]
    finally:
        process.kill()
        process.communicate()
    assert lines[2] == f"export CE_RUNNER_JOURNAL='{tmp_path / 'my lab' / 'journal.sqlite3'}'"
