"""`ce-runner backup`: the registry as a plan, or a run, read it, as files that `reg import` takes.

`apply` writes that of its plan.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import click

from runner.cli.options import json_option

_RESERVED = re.compile(r'[<>:"/\\|?*%\x00-\x1f]')  # what no file name of Windows may hold, and our own mark


@click.command()
@click.argument("source", metavar="PLAN|RUN")
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder for the files.")
@click.option("--journal", type=click.Path(dir_okay=False, path_type=Path), help="Another journal than the usual one.")
@json_option
def backup(source: str, out: Path, journal: Path | None, as_json: bool) -> None:
    """Write what PLAN changes in the registry, as it was before: a .reg file for each host. No host is contacted.

    Of a RUN - its id in the journal, or its document - also what was decided, and read, only during the run.
    """
    from runner.cli.output import print_json
    from runner.cli.recorded import named
    from runner.report.reg_file import reg_files

    outcome, plan = named(source, journal)
    written = write_backups(reg_files(plan, outcome.hosts if outcome else ()), out)
    if as_json:
        print_json({"kind": "ce-runner registry backup", "files": {host: str(path) for host, path in written.items()}})
    else:
        click.echo(
            "\n".join(f"{host}: {path}" for host, path in written.items())
            or f"the {'run' if outcome else 'plan'} changes no registry value"
        )


def write_backups(files: Mapping[str, bytes], folder: Path) -> dict[str, Path]:
    """Write the backup of each host, as `reg_files` gives them; the files by host. Nothing is overwritten.

    Errors: InputError for a file that is there already, or a folder that cannot be written.
    """
    from runner.cli.files import write_new

    written = {}
    for host, content in files.items():
        path = folder / f"{_RESERVED.sub(lambda found: f'%{ord(found[0]):02X}', host)}.reg"
        write_new(path, content)
        written[host] = path
    return written
