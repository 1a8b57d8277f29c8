"""`ce-runner doctor`: why a host cannot be reached or used, step by step; and what the lab has wrong about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.cli.options import connection_options, hosts_of, inventory_options, json_option
from runner.model.errors import ExitCode, HostError, InputError, Problem

if TYPE_CHECKING:
    from runner.model.inventory import Host, Inventory


@click.command()
@click.argument("host")
@click.option(
    "--capture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also send every read of every module, and write the shapes of the answers, and how the lab's differ, here.",
)
@inventory_options
@connection_options
@json_option
def doctor(host: str, capture: Path | None, as_json: bool, **options: Any) -> int:
    """Examine one host: the way to it, the log-on, what a session may do. Nothing is changed there.

    A capture holds no values but versions and words of enumerations, and no name of the host, of its domain or of a
    user: it can be passed on.
    """
    from runner.cli.files import check_writable, write_whole
    from runner.cli.options import hider, read_inventory
    from runner.cli.output import tell
    from runner.cli.screens import show_doctor
    from runner.model.document import to_text
    from runner.modules.loader import load_modules
    from runner.pipeline.doctor import captured, document_of, examined

    if capture is not None:
        check_writable(capture)
    inventory = read_inventory(hosts_of(options), None)
    hide = hider(inventory)
    patient = _found(inventory, host)
    failure = ExitCode.OK
    with examined(patient) as found:
        document = document_of(found.examination, hide)
        if capture is not None and found.session is not None:
            try:
                document["capture"] = captured(patient, found.session, found.facts, load_modules())
            except HostError as error:
                failure = error.exit_code
                tell(f"there is no capture: {hide(str(error))}")
            else:
                write_whole(capture, to_text(document["capture"]))
    return show_doctor(document, as_json) or failure


def _found(inventory: Inventory, name: str) -> Host:
    """Errors: InputError: a doctor has one patient."""
    from runner.parse.patterns import select

    found = select(inventory, name)
    if len(found) != 1:
        raise InputError(Problem(f"{name!r} means {len(found)} hosts; doctor examines one"))
    return found[0]
