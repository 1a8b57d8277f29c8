"""`ce-runner attest`: a person confirms a step that no program can do or see."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from runner.cli.options import json_option
from runner.model.attestation import Attestation


@click.command()
@click.argument("host")
@click.argument("step")
@click.option("--by", default=getpass.getuser, show_default="your account", help="Who did it.")
@click.option("--evidence", default="", help="What was seen, or where it is written down (a ticket).")
@click.option("--expires-days", type=click.IntRange(min=1), help="For how long it holds; the playbook may say less.")
@click.option("--journal", type=click.Path(dir_okay=False, path_type=Path), help="Another journal than the usual one.")
@json_option
def attest(
    host: str, step: str, by: str, evidence: str, expires_days: int | None, journal: Path | None, as_json: bool
) -> None:
    """Confirm the manual step STEP (such as S0-12) of a HOST, as the inventory names it. It is kept in the journal."""
    from runner.cli.files import journal_path
    from runner.cli.output import print_json
    from runner.record.journal import Journal

    now = datetime.now(UTC)
    expires = now + timedelta(days=expires_days) if expires_days else None
    with Journal(journal or journal_path()) as recorded:
        recorded.attest(Attestation(host, step, by, now, evidence, expires))
    if as_json:
        ends = expires.isoformat() if expires else None
        attested = {"host": host, "id": step, "by": by, "at": now.isoformat(), "evidence": evidence, "expires": ends}
        print_json({"kind": "ce-runner attestation", **attested})
    else:
        click.echo(f"{host}: {step} confirmed by {by} on {now:%Y-%m-%d}")
