"""`ce-runner check` and `ce-runner plan`: reads hosts, writes nothing on them."""

from __future__ import annotations

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

    job = read_job(playbook, hosts_of(options), tags, skip_tags, verbose)
    return show_plan(dump_plan(planned(job, as_json)), View(as_json, verbose, quiet))


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
    from runner.cli.screens import View, show_plan
    from runner.model.document import dump_plan

    if out is not None:
        check_writable(out)
    job = read_job(playbook, hosts_of(options), tags, skip_tags, verbose)
    document = dump_plan(planned(job, as_json))
    failure = _written(out, document) if out is not None else None  # first: whoever reads the screen may go away
    code = show_plan(document, View(as_json, verbose, quiet))
    if failure is not None:
        click.echo(f"{failure}\nthe plan was not written", err=True)
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


def planned(job: Job, quiet: bool) -> Plan:
    """Check the job's hosts, with progress on a terminal."""
    from runner.cli.interrupt import stopping_on_interrupt
    from runner.cli.progress import progress
    from runner.pipeline import host_count, make_plan

    with (
        progress("checking", host_count(job), not quiet) as tell,
        stopping_on_interrupt("sessions are being closed") as stop,
    ):
        return make_plan(job, tell, stop)
