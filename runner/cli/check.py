"""`ce-runner check` and `ce-runner plan`: reads hosts, writes nothing on them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.cli.options import (
    connection_options,
    hosts_of,
    inventory_options,
    json_option,
    playbook_argument,
    quiet_option,
    read_job,
    tag_options,
    verbose_option,
)
from runner.model.errors import InputError

if TYPE_CHECKING:
    from runner.model.plan import Plan
    from runner.pipeline import Job


@click.command()
@playbook_argument
@inventory_options
@connection_options
@tag_options
@verbose_option
@quiet_option
@json_option
def check(
    playbook: Path,
    tags: tuple[str, ...],
    skip_tags: tuple[str, ...],
    verbose: int,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Read the hosts and show what a playbook would change. Nothing is written."""
    from runner.cli.screens import View, show_plan
    from runner.model.document import dump_plan

    hosts = hosts_of(options)
    job = read_job(playbook, hosts, tags, skip_tags, verbose)
    return show_plan(dump_plan(planned(job, hosts.journal, as_json)), View(as_json, verbose, quiet))


@click.command()
@playbook_argument
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the plan to this file.")
@inventory_options
@connection_options
@tag_options
@verbose_option
@quiet_option
@json_option
def plan(
    playbook: Path,
    out: Path | None,
    tags: tuple[str, ...],
    skip_tags: tuple[str, ...],
    verbose: int,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """As check; and write the plan, which `apply FILE` then executes exactly, or refuses."""
    from runner.cli.files import check_writable
    from runner.cli.output import tell
    from runner.cli.screens import View, show_plan
    from runner.model.document import dump_plan

    if out is not None:
        check_writable(out)
    hosts = hosts_of(options)
    job = read_job(playbook, hosts, tags, skip_tags, verbose)
    document = dump_plan(planned(job, hosts.journal, as_json))
    failure = _written(out, document) if out is not None else None  # first: whoever reads the screen may go away
    code = show_plan(document, View(as_json, verbose, quiet))
    if failure is not None:
        tell(f"{failure}\nthe plan was not written")
        return failure.exit_code
    if out is not None and not as_json:
        click.echo(f"the plan is in {out}; apply exactly this with: ce-runner apply {out} -i INVENTORY")
    return code


def _written(out: Path, document: dict[str, Any]) -> InputError | None:
    """Write the plan; why it cannot be written. What was read from the whole fleet is not thrown away for that."""
    from runner.cli.files import write_whole
    from runner.model.document import to_text

    try:
        write_whole(out, to_text(document))
    except InputError as error:
        return error
    return None


def planned(job: Job, journal: Path | None, quiet: bool) -> Plan:
    """Check the job's hosts, with progress on a terminal; and warn of runs that have not ended there."""
    from runner.cli.interrupt import stopping_on_interrupt
    from runner.cli.progress import progress
    from runner.pipeline import host_count, make_plan

    with (
        progress("checking", host_count(job), not quiet) as tell,
        stopping_on_interrupt("sessions are being closed") as stop,
    ):
        plan = make_plan(job, tell, stop)
    _warn_of_open_runs(plan, journal)
    return plan


def _warn_of_open_runs(plan: Plan, journal: Path | None) -> None:
    """What such a run left undone, a plan cannot see: it finds what was changed as wanted, and notifies no handler."""
    from runner.cli.options import asked
    from runner.cli.output import tell

    none: Mapping[str, str] = {}
    open_runs = asked(journal, lambda recorded: recorded.not_ended(), none)
    hosts = dict.fromkeys(host.host for play in plan.plays for host in play.hosts if host.host in open_runs)
    for run in dict.fromkeys(open_runs[host] for host in hosts):
        names = ", ".join(host for host in hosts if open_runs[host] == run)
        tell(f"warning: the run {run} did not end on {names}: see ce-runner runs {run}")
