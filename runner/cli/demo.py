"""`ce-runner demo`: the main job on a simulated fleet, told step by step. Needs no Windows and no network."""

from __future__ import annotations

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import runner
from runner.model.errors import ExitCode

if TYPE_CHECKING:
    from runner.lab.fleet import Fleet
    from runner.lab.scenario import Phase

SCENARIO = "demo"
FORKS = 10
PLAYBOOKS = Path(runner.__file__).parents[1] / "playbooks"  # beside the package, in a checkout and when installed


@click.command()
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    help="Leave playbook, inventory, plan and journal in this folder, to look at.",
)
def demo(keep: Path | None) -> int:
    """One change night on six simulated servers: audit, plan, apply, confirm what only people see, audit again."""
    from runner.cli.files import usable
    from runner.lab.fleet import Fleet, write_inventory
    from runner.lab.scenario import load_scenario
    from runner.lab.server import LabThread

    fleet = Fleet(load_scenario(SCENARIO))
    click.echo(fleet.scenario.description)
    with tempfile.TemporaryDirectory(prefix="ce-runner-demo-") as temporary:
        folder = keep or Path(temporary)
        with usable(folder):
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(PLAYBOOKS / f"{fleet.scenario.playbook}.yml", folder / "night.yml")
        with LabThread(fleet) as served:
            with usable(folder):
                inventory = write_inventory(fleet, served.addresses, folder)
            surprises = _Story(fleet, folder, inventory).told()
    if surprises:
        click.echo("\n".join(["\nThe demo did not go as its scenario expects:", *surprises]), err=True)
        return ExitCode.INTERNAL
    click.echo("\nEvery host ended as the scenario expects. Next: README.md, or `ce-runner lab up --scenario demo`.")
    return ExitCode.OK


class _Story:
    """Five acts. Each shows the command as it would be typed, and what it shows."""

    def __init__(self, fleet: Fleet, folder: Path, inventory: Path) -> None:
        self._fleet = fleet
        self._folder = folder
        self._inventory = inventory
        self._journal = folder / "journal.sqlite3"
        self._surprises: list[str] = []

    def told(self) -> list[str]:
        """What came out otherwise than the scenario says."""
        self._attest("check", "Lab operator", "seen last month")
        self._audit("1. Audit: what would change?", "check")
        self._plan_and_apply()
        _act("4. Confirm: what no program can do or see.", None)
        self._attest("recheck", "Lab operator", "seen tonight", shown=True)
        self._audit("5. Audit again: did it work?", "recheck")
        return self._surprises

    def _attest(self, phase: Phase, by: str, evidence: str, shown: bool = False) -> None:
        from runner.model.attestation import Attestation
        from runner.record.journal import Journal

        with Journal(self._journal) as journal:
            for host, step in self._fleet.attested(phase):
                journal.attest(Attestation(host, step, by, datetime.now(UTC), evidence))
                if shown:
                    click.echo(f'$ ce-runner attest {host} {step} --evidence "{evidence}"')

    def _audit(self, title: str, phase: Phase) -> None:
        from runner.cli.screens import View, show_plan

        _act(title, "check night.yml -i inventory.yml")
        document = self._planned()
        show_plan(document, View(as_json=False, verbosity=0))
        self._compare(phase, {host["host"]: host["result"] for play in document["plays"] for host in play["hosts"]})

    def _plan_and_apply(self) -> None:
        from runner.cli.apply import executed
        from runner.cli.files import read_document, write_whole
        from runner.cli.screens import View, show_plan, show_run
        from runner.model.document import load_plan, to_text
        from runner.parse.inventory import parse_inventory

        _act("2. Plan: the same, written down.", "plan night.yml -i inventory.yml --out plan.json --quiet")
        file = self._folder / "plan.json"
        document = self._planned()
        write_whole(file, to_text(document))
        show_plan(document, View(as_json=False, verbosity=0, quiet=True))
        _act("3. Apply: exactly that plan.", "apply plan.json -i inventory.yml")
        plan, inventory = load_plan(read_document(file), str(file)), parse_inventory([self._inventory])
        run = executed(plan, inventory, FORKS, self._journal, quiet=True)
        show_run(run, View(as_json=False, verbosity=0))
        self._compare("apply", {host["host"]: host["result"] for host in run["hosts"]})

    def _planned(self) -> dict[str, Any]:
        from runner.cli.check import planned
        from runner.cli.options import Hosts, read_job
        from runner.model.document import dump_plan

        hosts = Hosts(
            (self._inventory,),
            limit=None,
            extra_vars=(),
            ask_pass=False,
            forks=FORKS,
            timeout=None,
            journal=self._journal,
        )
        job = read_job(self._folder / "night.yml", hosts, (), (), verbosity=0)
        return dump_plan(planned(job, self._journal, quiet=True))

    def _compare(self, phase: Phase, results: dict[str, str]) -> None:
        for host in self._fleet.specs:
            wish = self._fleet.expected(host, phase)
            if wish is not None and results[host] != wish.outcome.value:
                self._surprises.append(f"{phase}: {host} is {results[host]}, expected {wish.outcome.value}")


def _act(title: str, command: str | None) -> None:
    click.echo(f"\n{click.style(title, bold=True)}")
    if command:
        click.echo(f"$ ce-runner {command}")
