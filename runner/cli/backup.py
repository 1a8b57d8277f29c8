"""`ce-runner backup`: the registry as a plan read it, as files that `reg import` takes; `apply` writes the same."""

from __future__ import annotations

import re
from pathlib import Path

import click

from runner.cli.options import json_option
from runner.model.plan import Plan

_RESERVED = re.compile(r'[<>:"/\\|?*%\x00-\x1f]')  # what no file name of Windows may hold, and our own mark


@click.command()
@click.argument("file", metavar="PLAN", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder for the files.")
@json_option
def backup(file: Path, out: Path, as_json: bool) -> None:
    """Write what PLAN changes in the registry, as it was before: a .reg file for each host. No host is contacted."""
    from runner.cli.files import read_document
    from runner.cli.output import print_json
    from runner.model.document import load_plan

    written = write_backups(load_plan(read_document(file), str(file)), out)
    if as_json:
        print_json({"kind": "ce-runner registry backup", "files": {host: str(path) for host, path in written.items()}})
    else:
        click.echo(
            "\n".join(f"{host}: {path}" for host, path in written.items()) or "the plan changes no registry value"
        )


def write_backups(plan: Plan, folder: Path) -> dict[str, Path]:
    """Write the backup of each host whose registry the plan changes; the files by host. Nothing is overwritten.

    Errors: InputError for a file that is there already, or a folder that cannot be written.
    """
    from runner.cli.files import write_new
    from runner.report.reg_file import reg_files

    written = {}
    for host, content in reg_files(plan).items():
        path = folder / f"{_RESERVED.sub(lambda found: f'%{ord(found[0]):02X}', host)}.reg"
        write_new(path, content)
        written[host] = path
    return written
