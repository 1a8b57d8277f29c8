"""`ce-runner runs`: what the journal knows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli.options import json_option
from runner.model.errors import InputError, Problem
from runner.model.source import Origin
from runner.report.words import clean

if TYPE_CHECKING:
    from runner.record.due import Due
    from runner.record.entries import Intent, RunEntry, RunRecord


@click.command()
@click.argument("run", required=False)
@click.option("--journal", type=click.Path(dir_okay=False, path_type=Path), help="Another journal than the usual one.")
@json_option
def runs(run: str | None, journal: Path | None, as_json: bool) -> None:
    """List the runs of the journal, or show one: its outcomes, changes without one, and handlers that are due."""
    from runner.cli.files import journal_path
    from runner.cli.journal import existing
    from runner.record.journal import Journal

    path = existing(journal)
    if path is None:
        if run is not None:
            raise InputError(Problem("there is no such journal", Origin(str(journal_path()))))
        _show_all((), as_json)
        return
    with Journal(path) as recorded:
        if run is None:
            _show_all(recorded.runs(), as_json)
        else:
            _show_one(recorded.run(run), recorded.unfinished(run), as_json)


def _show_all(entries: tuple[RunEntry, ...], as_json: bool) -> None:
    from runner.cli.output import print_json

    if as_json:
        print_json({"kind": "ce-runner runs", "runs": [_entry(entry) for entry in entries]})
    else:
        click.echo("\n".join(_line(entry) for entry in entries) or "no run is recorded")


def _show_one(record: RunRecord, unfinished: tuple[Intent, ...], as_json: bool) -> None:
    from runner.cli.output import print_json
    from runner.record.due import due_in
    from runner.record.restored import run_outcome

    due = due_in(record.plan, run_outcome(record, unfinished))
    if as_json:
        print_json(_document(record, unfinished, due))
    else:
        click.echo("\n".join(_lines(record, unfinished, due)))


def _entry(entry: RunEntry) -> dict[str, object]:
    return {
        "run": entry.id,
        "started": entry.started,
        "ended": entry.ended,
        "exit_code": entry.exit_code,
        "plan_sha256": entry.digest,
        "operator": entry.operator,
    }


def _line(entry: RunEntry) -> str:
    ended = f"exit {entry.exit_code}" if entry.ended else "not ended: still running, or its process was killed"
    by = f"  by {clean(entry.operator)}" if entry.operator else ""
    return f"{entry.id}  {entry.started}{by}  {ended}"


def _document(record: RunRecord, unfinished: tuple[Intent, ...], due: tuple[Due, ...]) -> dict[str, object]:
    return {
        "kind": "ce-runner recorded run",
        **_entry(record.entry),
        "due": [{"host": one.host, "step": one.step, "name": one.name, "because": one.because} for one in due],
        "hosts": {outcome.host: outcome.result.value for outcome in record.hosts},
        "actions": [
            {"host": entry.host, "step": entry.outcome.step, "at": entry.at, "result": entry.outcome.result.value}
            for entry in record.outcomes
        ],
        "without_outcome": [{"host": intent.host, "step": intent.step, "at": intent.at} for intent in unfinished],
    }


def _lines(record: RunRecord, unfinished: tuple[Intent, ...], due: tuple[Due, ...]) -> list[str]:
    names = {
        (play.number, host.host, str(step.header.id)): step.header.name
        for play in record.plan.plays
        for host in play.hosts
        for step in host.steps
    }
    lines = [_line(record.entry)]
    for entry in record.outcomes:
        name = names.get((entry.play, entry.host, entry.outcome.step), entry.outcome.step)
        lines.append(f"  {entry.at}  {entry.host}  {name}: {entry.outcome.result.value}")
    for intent in unfinished:
        name = names.get((intent.play, intent.host, intent.step), intent.step)
        lines.append(
            f"  {intent.at}  {intent.host}  {name}: sent, outcome not recorded; read this host before all else"
        )
    lines += [f"  due: {one.name} on {one.host}, because of: {', '.join(one.because)}" for one in due]
    lines += [f"  {outcome.host}: {outcome.result.value}" for outcome in record.hosts]
    return lines
