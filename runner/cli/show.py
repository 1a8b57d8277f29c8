"""`ce-runner show`: a plan file, drawn."""

from __future__ import annotations

from pathlib import Path

import click

from runner.cli.options import json_option, quiet_option, verbose_option


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@verbose_option
@quiet_option
@json_option
def show(file: Path, verbose: int, quiet: bool, as_json: bool) -> None:
    """Show a plan file as `plan` showed it when it was made. No host is contacted."""
    from runner.cli.files import read_document
    from runner.cli.screens import View, show_plan
    from runner.model.document import dump_plan, load_plan

    show_plan(dump_plan(load_plan(read_document(file), str(file))), View(as_json, verbose, quiet))
