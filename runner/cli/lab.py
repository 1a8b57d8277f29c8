"""`ce-runner lab`: the simulated fleet as a service on this machine."""

from __future__ import annotations

import json
import signal
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import Any

import click

from runner.cli.options import json_option
from runner.model.errors import InputError, Problem


@click.group()
def lab() -> None:
    """Simulated Windows hosts, served over the real protocol on loopback."""


@lab.command()
@json_option
def scenarios(as_json: bool) -> None:
    """List the scenarios that come with the lab."""
    from runner.cli.output import print_json
    from runner.lab.scenario import load_scenario, scenario_names

    found = {name: load_scenario(name).description for name in scenario_names()}
    if as_json:
        print_json({"kind": "ce-runner scenarios", "scenarios": found})
    else:
        click.echo("\n".join(f"{name}: {description}" for name, description in found.items()))


@lab.command()
@click.option("--scenario", required=True, metavar="FILE|NAME", help="A scenario file, or one that comes with the lab.")
@click.option("--hosts", type=click.IntRange(1, 5000), help="Serve this many hosts, made from the scenario's.")
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="Port for HTTP; 0: any free one.")
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".lab"),
    show_default=True,
    help="Where the inventory is written.",
)
@click.option("--pace", default=1.0, show_default=True, help="How much of a cmdlet's time really passes; 0: none.")
@json_option
def up(scenario: str, hosts: int | None, port: int, directory: Path, pace: float, as_json: bool) -> None:
    """Serve a scenario until Ctrl-C, and write an inventory that leads to it.

    With --json, one line tells when and where it serves, and a second one, at the end, what went over the wire.
    """
    from runner.cli.files import usable
    from runner.lab.fleet import Fleet, write_inventory
    from runner.lab.scenario import ScenarioError, load_scenario
    from runner.lab.server import LabThread

    try:
        fleet = Fleet(load_scenario(scenario), hosts)
    except ScenarioError as error:
        raise InputError(*(Problem(line) for line in str(error).splitlines())) from error
    ended = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with ExitStack() as stack:
        with usable(f"--port {port}"):
            served = stack.enter_context(LabThread(fleet, port=port, pace=pace))
        with usable(directory):
            path = write_inventory(fleet, served.addresses, directory)
        _tell(
            as_json, {"inventory": str(path), "hosts": len(fleet.specs)}, f"{len(fleet.specs)} hosts; try: {_try(path)}"
        )
        ended.wait()
        _tell(as_json, {"traffic": _traffic(fleet)}, "the lab has ended")


def _try(inventory: Path) -> str:
    return f"ce-runner check PLAYBOOK -i {inventory}"


def _traffic(fleet: Any) -> dict[str, int]:
    counts = [host.traffic for host in fleet.hosts]
    return {
        "requests": sum(count.requests for count in counts),
        "received": sum(count.received for count in counts),
        "sent": sum(count.sent for count in counts),
    }


def _tell(as_json: bool, document: dict[str, Any], text: str) -> None:
    click.echo(json.dumps(document) if as_json else text)
