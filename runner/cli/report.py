"""`ce-runner report`: the evidence of a run or an audit, to look at, to forward or to work with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from runner.cli.options import json_option


@click.command()
@click.argument("run", metavar="RUN|FILE")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write one page that can be forwarded.")
@click.option(
    "--csv", type=click.Path(dir_okay=False, path_type=Path), help="Write a row for each host, item and thing."
)
@click.option("--journal", type=click.Path(dir_okay=False, path_type=Path), help="Another journal than the usual one.")
@json_option
def report(run: str, html: Path | None, csv: Path | None, journal: Path | None, as_json: bool) -> None:
    """Tell what RUN did: its id in the journal (`ce-runner runs`), or the document of a run that `apply --json` gave.

    FILE may also be a plan, such as `check --json` or `plan --out` give: then it is the evidence of an audit.
    With --html or --csv the evidence is written: for each host and item id what was before, what was planned, what was
    read back and when, by whom, and what is held by whom. Else it is shown as apply, or check, showed it.
    What people confirmed after the run had started is told beside what was held, as far as the journal has the run;
    --json, the document of the run, has none of it (`ce-runner attest --list`).
    """
    from runner.cli.files import write_whole
    from runner.cli.recorded import named
    from runner.cli.screens import View, show_plan, show_run
    from runner.model.document import dump_plan, dump_run
    from runner.report.csv import run_csv
    from runner.report.html import run_html
    from runner.report.run_screen import later_lines

    outcome, plan = named(run, journal)
    document = dump_run(outcome, plan) if outcome else dump_plan(plan)
    later = _confirmed_after(outcome.run, journal) if outcome else []
    if html is not None:
        write_whole(html, run_html(document, later))
    if csv is not None:
        write_whole(csv, run_csv(document, later))
    if as_json or (html is None and csv is None):
        show = show_run if outcome else show_plan
        show(document, View(as_json, verbosity=0))
        if not as_json:
            click.echo("".join(f"{text}\n" for text in later_lines(document, later)), nl=False)
    else:
        click.echo(f"the evidence is in {' and '.join(str(path) for path in (html, csv) if path is not None)}")


def _confirmed_after(run: str, journal: Path | None) -> list[dict[str, Any]]:
    """What people confirmed after a run had started, in the form of a document."""
    from runner.cli.journal import existing
    from runner.model.attestation import Attestation
    from runner.model.codec import dump
    from runner.record.journal import Journal

    path = existing(journal)
    if path is None:
        return []
    with Journal(path) as recorded:
        return [dump(one, Attestation) for one in recorded.confirmed_after(run)]
