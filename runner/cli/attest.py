"""`ce-runner attest`: a person confirms a step that no program can do or see, takes that back, or looks at what is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from runner.cli.operator import account, operator
from runner.cli.options import json_option
from runner.model.attestation import Attestation
from runner.model.errors import InputError, Problem, did_you_mean
from runner.modules.attestation import LONGEST_DAYS
from runner.report.words import clean


def _not_blank(context: click.Context, parameter: click.Parameter, text: str | None) -> str | None:
    if text is not None and not text.strip():
        raise click.BadParameter("it is empty")
    return text


@click.command()
@click.argument("host", required=False, callback=_not_blank)
@click.argument("step", required=False, callback=_not_blank)
@click.option("--by", default=account, show_default="your account", callback=_not_blank, help="Who did it.")
@click.option("--evidence", default="", help="What was seen, or where it is written down (a ticket).")
@click.option(
    "--expires-days",
    type=click.IntRange(1, LONGEST_DAYS),
    help="For how long it holds; the playbook may say less.",
)
@click.option("--withdraw", is_flag=True, help="Take the confirmation back; --evidence is the reason.")
@click.option("--list", "listed", is_flag=True, help="Show what is confirmed; then without HOST and STEP.")
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
    host: str | None,
    step: str | None,
    by: str,
    evidence: str,
    expires_days: int | None,
    withdraw: bool,
    listed: bool,
    inventories: tuple[Path, ...],
    journal: Path | None,
    as_json: bool,
) -> None:
    """Confirm the manual step STEP (such as S0-12) of a HOST, as the inventory names it. It is kept in the journal,
    with who entered it.
    """
    if listed:
        if host or evidence or expires_days or withdraw or inventories:
            raise InputError(Problem("--list shows what is confirmed: only --journal and --json go with it"))
        _show(journal, as_json)
        return
    if host is None or step is None:
        raise InputError(Problem("HOST and STEP are needed, or --list"))
    if withdraw and expires_days:
        raise InputError(Problem("--withdraw takes a confirmation back at once: --expires-days does not go with it"))
    if inventories:
        _check_host(host, inventories)
    now = datetime.now(UTC)
    expires = now + timedelta(days=expires_days) if expires_days else None
    _keep(Attestation(host, step, by, now, evidence, expires, operator()), withdraw, journal, as_json)


def _check_host(host: str, inventories: tuple[Path, ...]) -> None:
    """Errors: InputError for a host that is not there, or an inventory that cannot be read."""
    from runner.parse.inventory import parse_inventory

    known = parse_inventory(inventories).hosts
    if host not in known:
        raise InputError(Problem(f"the inventory has no host {host!r}", None, did_you_mean(host, known)))


def _keep(given: Attestation, withdraw: bool, journal: Path | None, as_json: bool) -> None:
    from runner.cli.files import journal_path
    from runner.cli.output import print_json
    from runner.record.journal import Journal

    with Journal(journal or journal_path()) as recorded:
        if withdraw:
            recorded.withdraw(given)
        else:
            recorded.attest(given)
    if as_json:
        print_json({"kind": f"ce-runner {'withdrawal' if withdraw else 'attestation'}", **_members(given)})
    else:
        done = "withdrawn" if withdraw else "confirmed"
        click.echo(clean(f"{given.host}: {given.id} {done} by {given.by} on {given.at:%Y-%m-%d}"))


def _show(journal: Path | None, as_json: bool) -> None:
    from runner.cli.journal import existing
    from runner.cli.output import print_json
    from runner.record.journal import Journal

    path = existing(journal)
    found: list[Attestation] = []
    if path is not None:
        with Journal(path) as recorded:
            found = [one for _, steps in sorted(recorded.attestations().items()) for one in steps.values()]
    if as_json:
        print_json({"kind": "ce-runner attestations", "attestations": [_members(one) for one in found]})
    else:
        click.echo("\n".join(_lines(found)) or "nothing is confirmed")


def _lines(found: Iterable[Attestation]) -> Iterator[str]:
    from runner.report.columns import table

    now = datetime.now(UTC)
    rows = [(f"{one.host}  ", f"{one.id}  ", f"by {one.by} on {one.at:%Y-%m-%d}  ", _end(one, now)) for one in found]
    yield from table([tuple(map(clean, row)) for row in rows], 0)


def _end(given: Attestation, now: datetime) -> str:
    if given.expires is None:
        return "no end"
    return f"{'until' if given.expires > now else 'expired on'} {given.expires:%Y-%m-%d}"


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
