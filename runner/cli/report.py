"""`ce-runner report`: the evidence of a run, to look at, to forward or to work with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from runner.cli.options import json_option
from runner.model.errors import InputError, Problem
from runner.model.source import Origin


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

    With --html or --csv the evidence is written: for each host and item id what was before, what was planned, what was
    read back and when, by whom, and what is held by whom. Else the run is shown as apply showed it.
    """
    from runner.cli.files import write_whole
    from runner.cli.screens import View, show_run
    from runner.report.csv import run_csv
    from runner.report.html import run_html

    document = _document(run, journal)
    if html is not None:
        write_whole(html, run_html(document))
    if csv is not None:
        write_whole(csv, run_csv(document))
    if as_json or (html is None and csv is None):
        show_run(document, View(as_json, verbosity=0))
    else:
        click.echo(f"the evidence is in {' and '.join(str(path) for path in (html, csv) if path is not None)}")


def _document(run: str, journal: Path | None) -> dict[str, Any]:
    """The document of a run, from its file or from the journal. Errors: InputError, JournalError."""
    from runner.cli.files import journal_path, read_document, usable
    from runner.model.document import dump_run, load_run
    from runner.record.journal import Journal
    from runner.record.restored import run_outcome

    file, path = Path(run), journal or journal_path()
    with usable(run):
        is_file = file.is_file()
    if is_file:
        return dump_run(*load_run(read_document(file), run))
    with usable(path):
        exists = path.exists()
    if not exists:  # opening it would make it
        raise InputError(Problem("there is no such journal", Origin(str(path))))
    with Journal(path) as recorded:
        record = recorded.run(run)
        return dump_run(run_outcome(record, recorded.unfinished(run)), record.plan)
