"""`ce-runner apply`: executes a plan, a saved one or one made on the spot; there is no other road."""

from __future__ import annotations

import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.cli.options import (
    Hosts,
    connection_options,
    hider,
    hosts_of,
    inventory_options,
    json_option,
    read_inventory,
    read_job,
    tag_options,
    transport_for,
    verbose_option,
)
from runner.model.errors import InputError, Problem

if TYPE_CHECKING:
    from runner.cli.screens import View
    from runner.model.inventory import Inventory
    from runner.model.plan import Plan

PLAYBOOK_SUFFIXES = (".yml", ".yaml")
BACKUPS = "backup"  # folder beside the journal, with one for each run


@click.command()
@click.argument("source", metavar="PLAN|PLAYBOOK", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-y", "--yes", is_flag=True, help="Do not ask before a plan that was just made is applied.")
@click.option(
    "--backup",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the registry values as they were before; without it one beside the journal.",
)
@inventory_options
@connection_options
@tag_options
@verbose_option
@json_option
def apply(
    source: Path,
    yes: bool,
    backup: Path | None,
    tags: tuple[str, ...],
    skip_tags: tuple[str, ...],
    verbose: int,
    as_json: bool,
    **options: Any,
) -> int:
    """Change the hosts: exactly what a plan says, or refuse.

    A saved plan (JSON) is applied as it is. For a playbook (.yml, .yaml) a plan is made, shown, and applied once you
    agree. Every host is read again first; one that is no longer as planned is refused. Registry values that change are
    written down before, as a .reg file for each host.
    """
    from runner.cli.screens import View

    hosts, view = hosts_of(options), View(as_json, verbose)
    if source.suffix in PLAYBOOK_SUFFIXES:
        return _from_playbook(source, hosts, tags, skip_tags, view, yes, backup)
    if tags or skip_tags or hosts.limit:
        raise InputError(
            Problem("--limit, --tags and --skip-tags choose when a plan is made; a saved plan is applied whole")
        )
    return _from_plan(source, hosts, view, backup)


def _from_plan(source: Path, hosts: Hosts, view: View, backup: Path | None) -> int:
    from runner.cli.files import digest_of, read_document
    from runner.cli.output import tell
    from runner.cli.screens import show_run
    from runner.model.document import load_plan
    from runner.pipeline import changed_since

    plan = load_plan(read_document(source), str(source))
    playbook = Path(plan.playbook)
    inventory = read_inventory(hosts, playbook)
    for warning in changed_since(plan, digest_of(playbook), inventory):
        tell(f"warning: {warning}")
    return show_run(executed(plan, inventory, hosts.forks, hosts.journal, view.as_json, backup), view)


def _from_playbook(
    source: Path,
    hosts: Hosts,
    tags: tuple[str, ...],
    skip_tags: tuple[str, ...],
    view: View,
    yes: bool,
    backup: Path | None,
) -> int:
    from runner.cli.check import planned
    from runner.cli.screens import show_plan, show_run
    from runner.model.document import dump_plan

    if view.as_json and not yes:
        raise InputError(Problem("apply PLAYBOOK --json cannot ask: give --yes, or apply a saved plan"))
    job = read_job(source, hosts, tags, skip_tags, view.verbosity)
    plan = planned(job, hosts.journal, view.as_json)
    document = dump_plan(plan)
    pending = any(step.action for play in plan.plays for host in play.hosts for step in host.steps)
    code = int(document["exit_code"]) if view.as_json and pending else show_plan(document, view)
    if not pending:
        return code
    if not yes and not _agreed():
        click.echo("nothing was changed", err=True)
        return code
    return show_run(executed(plan, job.inventory, job.forks, hosts.journal, view.as_json, backup), view)


def _agreed() -> bool:
    """Asks. Errors: InputError when there is nobody to answer."""
    click.echo("\nApply this plan? [y/N]: ", nl=False, err=True)
    answer = sys.stdin.readline()
    if not answer:
        raise InputError(Problem("nobody answered; nothing was changed", None, "give --yes, or apply a saved plan"))
    return answer.strip().casefold() in ("y", "yes")


def executed(
    plan: Plan, inventory: Inventory, forks: int, journal: Path | None, quiet: bool, backup: Path | None = None
) -> dict[str, Any]:
    """Apply a plan and record it, with progress on a terminal; the document of the run.

    What it changes in the registry is written down first, in a folder of the run below `backup`.
    """
    from runner.apply.tools import Tools
    from runner.cli.files import journal_path
    from runner.cli.interrupt import stopping_on_interrupt
    from runner.cli.operator import operator
    from runner.cli.progress import progress
    from runner.model.document import dump_run
    from runner.model.events import Event
    from runner.modules.loader import load_modules
    from runner.parse.contents import FilesHere
    from runner.pipeline import apply_saved
    from runner.record.journal import Journal

    count = sum(len(play.hosts) for play in plan.plays)
    run, path = str(uuid.uuid4()), journal or journal_path()
    with (
        Journal(path) as recorder,
        progress("applying", count, not quiet) as screen,
        stopping_on_interrupt("changes under way are being finished and recorded, restarts waited for") as stop,
    ):
        _back_up(plan, (backup or path.parent / BACKUPS) / run)  # whose usual place is beside the journal

        def tell(event: Event) -> None:
            recorder(event)  # first, and in line: what it cannot record must not be done
            screen(event)

        contents = FilesHere(Path(plan.playbook).parent)
        tools = Tools(
            load_modules(),
            tell,
            hide=hider(inventory),
            bytes_of=contents.bytes_of,
            attestations=recorder.attestations(),
            operator=operator(),
        )
        outcome = apply_saved(plan, inventory, transport_for(inventory), tools, run, forks, stop)
    return dump_run(outcome, plan)


def _back_up(plan: Plan, folder: Path) -> None:
    """Write the registry backup, and say where it is. Errors: InputError, and then nothing may be changed."""
    from runner.cli.backup import write_backups
    from runner.report.reg_file import reg_files
    from runner.report.words import count

    written = write_backups(reg_files(plan), folder)
    if written:
        click.echo(f"the registry values of {count(len(written), 'host')} before this run: {folder}", err=True)
