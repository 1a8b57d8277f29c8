"""`ce-runner demo`: the main job on a simulated fleet, told step by step. Needs no Windows and no network."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from runner.lab.fleet import Fleet
    from runner.lab.scenario import Phase

SCENARIO = "demo"
PLAYBOOK = "demo.yml"


@click.command()
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    help="Leave playbook, plan and journal in this folder, to look at.",
)
def demo(keep: Path | None) -> int:
    """Audit five simulated servers, plan, apply, and audit again."""
    from runner.lab.fleet import Fleet, write_inventory
    from runner.lab.scenario import load_scenario
    from runner.lab.server import LabThread

    fleet = Fleet(load_scenario(SCENARIO))
    with tempfile.TemporaryDirectory(prefix="ce-runner-demo-") as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        with resources.as_file(resources.files("runner.cli") / "demo_playbook.yml") as packaged:
            shutil.copy(packaged, folder / PLAYBOOK)
        with LabThread(fleet) as served:
            inventory = write_inventory(fleet, served.addresses, folder)
            surprises = _story(fleet, folder / PLAYBOOK, inventory, folder)
    if surprises:
        click.echo("\n".join(["", "The demo did not go as its scenario expects:", *surprises]), err=True)
        return 70
    click.echo("\nEvery host ended as the scenario expects. Next: README.md, or `ce-runner lab up --scenario demo`.")
    return 0


def _story(fleet: Fleet, playbook: Path, inventory: Path, folder: Path) -> list[str]:
    """The four acts; what came out otherwise than the scenario says."""
    hosts = ["-i", str(inventory)]
    plan, journal = folder / "plan.json", folder / "journal.sqlite3"
    click.echo(fleet.scenario.description + "\n")
    surprises = _act("1. Audit: what would change?", ["check", str(playbook), *hosts], _expected(fleet, "check"))
    surprises += _act(
        "2. Plan: the same, written down.",
        ["plan", str(playbook), "--out", str(plan), *hosts],
        _expected(fleet, "check"),
    )
    surprises += _act(
        "3. Apply: exactly that plan.",
        ["apply", str(plan), "--journal", str(journal), *hosts],
        _expected(fleet, "apply"),
    )
    surprises += _act("4. Audit again: did it work?", ["check", str(playbook), *hosts], _expected(fleet, "recheck"))
    return surprises


def _expected(fleet: Fleet, phase: Phase) -> int:
    return fleet.scenario.exit_codes[phase]


def _act(title: str, arguments: list[str], expected: int) -> list[str]:
    from runner.cli.main import run

    click.echo(click.style(title, bold=True))
    click.echo(f"$ ce-runner {' '.join(_short(arguments))}")
    code = run(arguments)
    click.echo("")
    return [] if code == expected else [f"{title} ended with exit {code}, not {expected}"]


def _short(arguments: Iterable[str]) -> list[str]:
    """The command as it would be typed in that folder."""
    return [Path(argument).name if "/" in argument else argument for argument in arguments]
