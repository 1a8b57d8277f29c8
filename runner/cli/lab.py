"""`ce-runner lab`: the simulated fleet as a service on this machine."""

from __future__ import annotations

import json
import secrets
import shlex
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import click

from runner.cli import lab_control
from runner.cli.options import json_option
from runner.model.errors import InputError, Problem
from runner.model.source import Origin

if TYPE_CHECKING:
    from runner.lab.fleet import Fleet


@click.group()
def lab() -> None:
    """Simulated Windows hosts, served over the real protocol on loopback."""


for command in (lab_control.show, lab_control.faults, lab_control.break_host, lab_control.set_host):
    lab.add_command(command)


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
    help="Where inventory, packages and journal are written; by it the other lab commands find this lab.",
)
@click.option("--pace", default=1.0, show_default=True, help="How much of a cmdlet's time really passes; 0: none.")
@json_option
def up(scenario: str, hosts: int | None, port: int, directory: Path, pace: float, as_json: bool) -> None:
    """Serve a scenario until Ctrl-C, and write an inventory that leads to it and a journal of its own.

    With --json, one line tells when and where it serves, and a second one, at the end, what went over the wire
    and what processor time it took.
    """
    from runner.lab.control import is_taken
    from runner.lab.fleet import Fleet
    from runner.lab.scenario import ScenarioError, load_scenario

    if is_taken(directory):
        hint = "end it, or name another place with --directory"
        raise InputError(Problem("a lab is running there already", Origin(str(directory)), hint))
    try:
        fleet = Fleet(load_scenario(scenario), hosts)
    except ScenarioError as error:
        raise InputError(*(Problem(line) for line in str(error).splitlines())) from error
    ended = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    _serve(fleet, port, directory, pace, as_json, ended)


def _serve(fleet: Fleet, port: int, directory: Path, pace: float, as_json: bool, ended: Event) -> None:
    from runner.cli.files import usable
    from runner.lab.control import remove_access, write_access
    from runner.lab.desk import Controller, Desk
    from runner.lab.fleet import write_inventory
    from runner.lab.server import LabThread

    token = secrets.token_urlsafe(32)

    def control(reboot: Callable[[str], None]) -> Controller:
        return Controller(Desk(fleet, reboot), token)

    with ExitStack() as stack:
        with usable(f"--port {port}"):
            served = stack.enter_context(LabThread(fleet, port=port, pace=pace, control=control))
        with usable(directory):
            path = write_inventory(fleet, served.addresses, directory)
            write_access(directory, served.addresses.port, token)
        stack.callback(remove_access, directory, token)
        journal = path.with_name("journal.sqlite3")
        _attest(fleet, journal)
        count = len(fleet.specs)
        places = {"inventory": str(path), "journal": str(journal)}
        _tell(as_json, {**places, "hosts": count}, f"{count} hosts; try: {_try(path, journal)}")
        before = time.process_time()
        ended.wait()
        spent = round(time.process_time() - before, 3)
        _tell(as_json, {"traffic": _traffic(fleet), "processor_seconds": spent}, "the lab has ended")


def _attest(fleet: Fleet, path: Path) -> None:
    """Confirm in the lab's journal what the scenario says is confirmed, and no more: the machines are new ones."""
    from runner.model.attestation import Attestation
    from runner.record.journal import Journal

    confirmed = set(fleet.attested("check"))
    now = datetime.now(UTC)
    with Journal(path) as journal:
        of_before = [(host, step) for host, steps in journal.attestations().items() for step in steps]
        for host, step in of_before:
            if host in fleet.specs and (host, step) not in confirmed:
                journal.withdraw(Attestation(host, step, "Lab operator", now, "the lab was started anew"))
        for host, step in sorted(confirmed):
            journal.attest(Attestation(host, step, "Lab operator", now, "of the scenario"))


def _try(inventory: Path, journal: Path) -> str:
    from runner.cli.files import JOURNAL_VARIABLE

    return (
        f"ce-runner check PLAYBOOK -i {inventory}; in another window: ce-runner lab show HOST, lab break, lab set\n"
        f"so that runs and attestations of the rehearsal stay apart from real ones:\n"
        f"export {JOURNAL_VARIABLE}={shlex.quote(str(journal))}"
    )


def _traffic(fleet: Fleet) -> dict[str, int]:
    counts = [host.traffic for host in fleet.hosts]
    return {
        "requests": sum(count.requests for count in counts),
        "received": sum(count.received for count in counts),
        "sent": sum(count.sent for count in counts),
    }


def _tell(as_json: bool, document: dict[str, Any], text: str) -> None:
    click.echo(json.dumps(document) if as_json else text)
