"""Runs the product as a user does: the command line against a served fleet."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.cli.main import run
from runner.lab.fleet import Fleet, write_inventory
from runner.lab.scenario import Scenario, load_scenario, parse_scenario
from runner.lab.server import LabThread

ROOT = Path(__file__).resolve().parents[1]
STRONG_CRYPTO = ROOT / "playbooks" / "strong-crypto.yml"
UNTOUCHED = """
description: Three servers without the values.
hosts:
  a: &server
    groups: [cloud_extender]
    inventory: {ce_service_name: LabCloudExtender}
    services: {LabCloudExtender: {status: running, start_mode: automatic}}
  b: *server
  c: *server
"""


@dataclass(frozen=True)
class Answer:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    @property
    def hosts(self) -> dict[str, Any]:
        """The hosts of a plan's or a run's document by name; of several plays, the last."""
        document = self.document
        entries = [host for play in document["plays"] for host in play["hosts"]] if "plays" in document else None
        return {host["host"]: host for host in entries or document["hosts"]}


def ce_runner(*arguments: str | Path) -> Answer:
    """One command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run([str(argument) for argument in arguments])
    return Answer(int(code), out.getvalue(), err.getvalue())


@dataclass(frozen=True)
class Served:
    """A fleet that is being served, the inventory that leads to it, and a journal of its own."""

    fleet: Fleet
    inventory: Path
    journal: Path

    def check(self, playbook: Path, *more: str) -> Answer:
        return ce_runner("check", playbook, "-i", self.inventory, "--journal", self.journal, "--json", *more)

    def plan(self, playbook: Path, out: Path, *more: str) -> Answer:
        files = ("-i", self.inventory, "--journal", self.journal, "--out", out)
        return ce_runner("plan", playbook, *files, "--json", *more)

    def apply(self, source: Path, *more: str) -> Answer:
        asked = ["--yes"] if source.suffix == ".yml" else []
        return ce_runner("apply", source, "-i", self.inventory, "--journal", self.journal, "--json", *asked, *more)


@contextmanager
def served(scenario: str | Scenario, folder: Path, hosts: int | None = None) -> Iterator[Served]:
    """Serve a scenario (a name, or its YAML text) until the block ends. Cmdlets take no real time."""
    if isinstance(scenario, str):
        scenario = parse_scenario(scenario, "scenario.yml") if "\n" in scenario else load_scenario(scenario)
    fleet = Fleet(scenario, hosts)
    with LabThread(fleet, pace=0.0) as lab:
        yield Served(fleet, write_inventory(fleet, lab.addresses, folder / "lab"), folder / "journal.sqlite3")


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for something that another process does, and that cannot be awaited."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
