"""`ce-runner validate`: files only, no host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from runner.cli.options import json_option, playbook_argument, stacked


@click.command()
@playbook_argument
@stacked(
    click.option(
        "-i",
        "--inventory",
        "inventories",
        multiple=True,
        type=click.Path(exists=True, path_type=Path),
        help="Also read this inventory, and see that each play finds hosts in it.",
    ),
    json_option,
)
def validate(playbook: Path, inventories: tuple[Path, ...], as_json: bool) -> None:
    """Read a playbook and tell every mistake in it. No host is contacted."""
    from runner.cli.output import print_json
    from runner.modules.loader import load_modules
    from runner.parse.inventory import parse_inventory
    from runner.parse.patterns import select
    from runner.parse.playbook import parse_playbook

    parsed = parse_playbook(playbook, load_modules())
    counts: dict[str, Any] = {
        "plays": len(parsed.plays),
        "tasks": sum(len(play.tasks) for play in parsed.plays),
        "handlers": sum(len(play.handlers) for play in parsed.plays),
    }
    if inventories:
        inventory = parse_inventory(inventories, playbook_folder=playbook.parent)
        counts["hosts"] = len({host.name for play in parsed.plays for host in select(inventory, play.hosts, None)})
    if as_json:
        print_json({"kind": "ce-runner validation", "playbook": str(playbook), **counts})
    else:
        click.echo(f"{playbook}: valid; " + ", ".join(f"{count} {what}" for what, count in counts.items()))
