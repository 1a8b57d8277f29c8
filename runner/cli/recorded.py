"""What RUN or FILE names in a command: a run of the journal, the document of a run, or that of a plan."""

from __future__ import annotations

from pathlib import Path

from runner.cli.files import journal_path, read_document, usable
from runner.model.document import PLAN, load_plan, load_run
from runner.model.errors import InputError, Problem
from runner.model.outcome import RunOutcome
from runner.model.plan import Plan
from runner.model.source import Origin
from runner.record.journal import Journal
from runner.record.restored import run_outcome


def named(source: str, journal: Path | None) -> tuple[RunOutcome | None, Plan]:
    """The plan, and what became of it; None where the source is only a plan. Errors: InputError, JournalError."""
    file = Path(source)
    with usable(source):
        is_file = file.is_file()
    if not is_file:
        return _of_journal(source, journal or journal_path())
    document = read_document(file)
    if isinstance(document, dict) and document.get("kind") == PLAN:
        return None, load_plan(document, source)
    return load_run(document, source)


def _of_journal(run: str, path: Path) -> tuple[RunOutcome, Plan]:
    with usable(path):
        exists = path.exists()
    if not exists:  # opening it would make it
        raise InputError(Problem("there is no such journal", Origin(str(path))))
    with Journal(path) as recorded:
        record = recorded.run(run)
        return run_outcome(record, recorded.unfinished(run)), record.plan
