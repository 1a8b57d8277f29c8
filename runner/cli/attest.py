"""`ce-runner attest`: a person confirms a step that no program can do or see, or takes that back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from runner.cli.operator import account, operator
from runner.cli.options import json_option
from runner.model.attestation import Attestation
from runner.model.errors import InputError, Problem, did_you_mean


@click.command()
@click.argument("host")
@click.argument("step")
@click.option("--by", default=account, show_default="your account", help="Who did it.")
@click.option("--evidence", default="", help="What was seen, or where it is written down (a ticket).")
@click.option("--expires-days", type=click.IntRange(min=1), help="For how long it holds; the playbook may say less.")
@click.option("--withdraw", is_flag=True, help="Take the confirmation back; --evidence is the reason.")
@click.option(
    "-i",
    "--inventory",
    "inventories",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Refuse a HOST that this inventory has not.",
)
@click.option("--journal", type=click.Path(dir_okay=False, path_type=Path), help="Another journal than the usual one.")
@json_option
def attest(
    host: str,
    step: str,
    by: str,
    evidence: str,
    expires_days: int | None,
    withdraw: bool,
    inventories: tuple[Path, ...],
    journal: Path | None,
    as_json: bool,
) -> None:
    """Confirm the manual step STEP (such as S0-12) of a HOST, as the inventory names it. It is kept in the journal,
    with who entered it.
    """
    from runner.cli.files import journal_path
    from runner.cli.output import print_json
    from runner.record.journal import Journal

    if withdraw and expires_days:
        raise InputError(Problem("--withdraw takes a confirmation back at once: --expires-days does not go with it"))
    if inventories:
        _check_host(host, inventories)
    now = datetime.now(UTC)
    expires = now + timedelta(days=expires_days) if expires_days else None
    given = Attestation(host, step, by, now, evidence, expires, operator())
    with Journal(journal or journal_path()) as recorded:
        if withdraw:
            recorded.withdraw(given)
        else:
            recorded.attest(given)
    if as_json:
        print_json({"kind": f"ce-runner {'withdrawal' if withdraw else 'attestation'}", **_members(given)})
    else:
        click.echo(f"{host}: {step} {'withdrawn' if withdraw else 'confirmed'} by {by} on {now:%Y-%m-%d}")


def _check_host(host: str, inventories: tuple[Path, ...]) -> None:
    """Errors: InputError for a host that is not there, or an inventory that cannot be read."""
    from runner.parse.inventory import parse_inventory

    known = parse_inventory(inventories).hosts
    if host not in known:
        raise InputError(Problem(f"the inventory has no host {host!r}", None, did_you_mean(host, known)))


def _members(given: Attestation) -> dict[str, str | None]:
    return {
        "host": given.host,
        "id": given.id,
        "by": given.by,
        "entered": given.entered,
        "at": given.at.isoformat(),
        "evidence": given.evidence,
        "expires": given.expires.isoformat() if given.expires else None,
    }
