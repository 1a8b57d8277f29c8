"""The journal of all runs, in one SQLite file. It listens in line: an event is on disk before the work goes on.

WAL and `synchronous=FULL`: what was committed survives a killed process and a power cut. Readers need no lock. Nothing
secret gets here: statements and plans that hold a Secret cannot be dumped, and messages were masked by apply.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from threading import Lock
from types import TracebackType
from typing import Any

from runner.model.attestation import Attestation, Attestations
from runner.model.codec import dump, load
from runner.model.command import Ids, Statement
from runner.model.document import dump_plan, from_text, load_plan, to_text
from runner.model.errors import InputError, JournalError, Problem, did_you_mean
from runner.model.events import ActionEnded, ChangeIntended, Event, HostEnded, RunEnded, RunStarted
from runner.model.jsonvalue import Damaged
from runner.model.outcome import ActionOutcome, HostOutcome, Result
from runner.model.plan import Action
from runner.model.source import Origin
from runner.record.entries import ActionEntry, Intent, RunEntry, RunRecord
from runner.record.failures import explained
from runner.record.private import make_file, make_folder
from runner.record.schema import APPLICATION, MIGRATIONS, TABLES, VERSION


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Journal:
    """Opens the journal at `path`, or makes it, with its folder, for its user alone. It may be called from any thread.

    As a listener it records one run at a time, from RunStarted to RunEnded, and ignores what a check tells.
    `patience` is how many seconds it waits for another process that writes.
    Errors of every method: JournalError, with cause and next step.
    """

    def __init__(self, path: Path, now: Callable[[], datetime] = _utc_now, patience: float = 10.0) -> None:
        self._path = path
        self._now = now
        self._lock = Lock()
        self._run: str | None = None
        with explained(path):
            make_folder(path.parent)
            make_file(path)
            self._db = sqlite3.connect(path, timeout=patience, check_same_thread=False, isolation_level=None)
            try:
                self._prepare()
                self._file = _identity(path)
            except BaseException:
                self._db.close()
                raise

    def _prepare(self) -> None:
        """Make the tables in a new file; accept an existing one only if it is a journal of this version."""
        (application,), (version,) = (self._row(f"PRAGMA {name}") for name in ("application_id", "user_version"))
        (tables,) = self._row("SELECT count(*) FROM sqlite_master")
        if tables and application != APPLICATION:
            raise JournalError(f"{self._path} is a database of another program: name another file for the journal")
        while tables and version in MIGRATIONS:
            marks = f"PRAGMA user_version = {version + 1};"
            self._db.executescript(f"BEGIN IMMEDIATE; {MIGRATIONS[version]} {marks} COMMIT;")
            version += 1
        if tables and version != VERSION:
            raise JournalError(
                f"{self._path} is a journal of version {version}; this ce-runner writes version {VERSION}: use the "
                "ce-runner that made it, or name another file"
            )
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        if not tables:
            marks = f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION};"
            self._db.executescript(f"BEGIN IMMEDIATE; {TABLES} {marks} COMMIT;")

    def __call__(self, event: Event) -> None:
        """Commit what the event says; when this returns it is on disk."""
        match event:
            case RunStarted():
                self._start(event)
            case ChangeIntended():
                self._intend(event)
            case ActionEnded(host, play, step, outcome):
                place = (play, host, str(step.header.id), self._at())
                written = (outcome.result.value, _text(outcome), step.header.module)
                self._write("INSERT INTO outcomes VALUES (?, ?, ?, ?, ?, ?, ?, ?)", self._running(), *place, *written)
            case HostEnded(outcome, "apply"):
                ended = (outcome.play, outcome.host, self._at(), outcome.result.value, _text(outcome))
                self._write("INSERT INTO hosts VALUES (?, ?, ?, ?, ?, ?)", self._running(), *ended)
            case RunEnded(run, exit_code):
                self._write("UPDATE runs SET ended = ?, exit_code = ? WHERE id = ?", self._at(), exit_code, run)
                self._run = None

    def _start(self, event: RunStarted) -> None:
        if self._run is not None:
            raise JournalError(f"the run {self._run} is still being recorded")
        written = (event.run, self._at(), event.digest, to_text(dump_plan(event.plan)), event.operator)
        self._write("INSERT INTO runs (id, started, digest, plan, operator) VALUES (?, ?, ?, ?, ?)", *written)
        self._run = event.run

    def _intend(self, event: ChangeIntended) -> None:
        place = (event.play, event.host, str(event.step.header.id), event.change, self._at())
        decided = event.step.action if event.step.deferred else None  # of any other step it is in the plan
        action = json.dumps(dump(decided, Action)) if decided else ""
        what = (event.ids.shell, event.ids.pipeline, json.dumps(dump(event.statement, Statement)), action)
        self._write("INSERT INTO intents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", self._running(), *place, *what)

    def _running(self) -> str:
        if self._run is None:
            raise JournalError("no run is being recorded")
        return self._run

    def _at(self) -> str:
        return self._now().isoformat()

    def runs(self) -> tuple[RunEntry, ...]:
        """All runs, the latest first."""
        return tuple(RunEntry(*row) for row in self._rows(f"{_RUN} ORDER BY started DESC, rowid DESC"))

    def run(self, run: str) -> RunRecord:
        """Everything that is known of a run. Errors: also InputError when there is none of this id."""
        rows = self._rows(f"{_RUN} WHERE id = ?", run)
        if not rows:
            hint = did_you_mean(run, (entry.id for entry in self.runs()))
            raise InputError(Problem(f"no run {run!r} is recorded", Origin(str(self._path)), hint))
        ((plan,),) = self._rows("SELECT plan FROM runs WHERE id = ?", run)
        outcomes = self._rows("SELECT play, host, at, document FROM outcomes WHERE run = ? ORDER BY rowid", run)
        hosts = self._rows("SELECT document FROM hosts WHERE run = ? ORDER BY rowid", run)
        return RunRecord(
            RunEntry(*rows[0]),
            self._read(plan, lambda document: load_plan(document, str(self._path))),
            self._intents(run, ""),
            tuple(ActionEntry(play, host, at, self._load(text, ActionOutcome)) for play, host, at, text in outcomes),
            tuple(self._load(text, HostOutcome) for (text,) in hosts),
            self.attestations(datetime.fromisoformat(rows[0][1])),
        )

    def unfinished(self, run: str) -> tuple[Intent, ...]:
        """The changes that were announced and whose action has no outcome: what they did must be read on the host."""
        return self._intents(run, _UNFINISHED)

    def not_ended(self) -> Mapping[str, str]:
        """The hosts on which the latest run that touched them has not ended, with its id."""
        latest = {host: (run, ended) for host, run, ended in self._rows(_LATEST)}
        return {host: run for host, (run, ended) in latest.items() if ended is None}

    def durations(self) -> Mapping[str, float]:
        """The usual (median) seconds of a change that was made, by module, as far as the latest runs tell."""
        seconds: dict[str, list[float]] = {}
        for module, text in self._rows(_TIMED, Result.APPLIED.value):
            seconds.setdefault(module, []).append(self._load(text, ActionOutcome).seconds)
        return {module: median(values) for module, values in seconds.items()}

    def attest(self, attestation: Attestation) -> None:
        """Keep what a person confirmed. Earlier confirmations of the same step stay on record."""
        self._write(_ATTEST, *_row_of(attestation), 0)

    def withdraw(self, withdrawal: Attestation) -> None:
        """Keep that a step is no longer confirmed: by whom, when, and the evidence as its reason.

        What was confirmed stays on record. Errors: also InputError where the step is not confirmed.
        """
        if withdrawal.id not in self.attestations().get(withdrawal.host, {}):
            message = f"{withdrawal.id} of {withdrawal.host} is not confirmed: there is nothing to withdraw"
            raise InputError(Problem(message, Origin(str(self._path))))
        self._write(_ATTEST, *_row_of(withdrawal), 1)

    def attestations(self, until: datetime | None = None) -> Attestations:
        """The latest confirmation of each step that was not withdrawn, by host and id; as it was at a moment, if one is
        given."""
        found: dict[str, dict[str, Attestation]] = {}
        for host, step, by, at, evidence, expires, entered, withdrawn in self._rows(_ATTESTED):
            end = datetime.fromisoformat(expires) if expires else None
            one = Attestation(host, step, by, datetime.fromisoformat(at), evidence, end, entered)
            if until is not None and one.at > until:
                continue
            known = found.setdefault(host, {})
            known.pop(step, None)
            if not withdrawn:
                known[step] = one
        return found

    def confirmed_after(self, run: str) -> tuple[Attestation, ...]:
        """What people confirmed since a run started, and nobody withdrew; () for a run that is not recorded here."""
        started = [datetime.fromisoformat(text) for (text,) in self._rows(_STARTED, run)]
        known = (one for steps in self.attestations().values() for one in steps.values())
        return tuple(one for one in known if any(one.at > moment for moment in started))

    def _intents(self, run: str, further: str) -> tuple[Intent, ...]:
        rows = self._rows(f"{_INTENT} WHERE run = ? {further} ORDER BY rowid", run)
        return tuple(
            Intent(
                play,
                host,
                step,
                change,
                at,
                Ids(shell, pipeline),
                self._load(text, Statement),
                self._load(action, Action) if action else None,
            )
            for play, host, step, change, at, shell, pipeline, text, action in rows
        )

    def _load(self, text: str, hint: Any) -> Any:
        return self._read(text, lambda document: load(document, hint, "journal"))

    def _read(self, text: str, reader: Callable[[Any], Any]) -> Any:
        try:
            return reader(from_text(text, str(self._path)))
        except (Damaged, InputError) as error:
            raise JournalError(f"the journal {self._path} holds what no ce-runner wrote: {error}") from error

    def _write(self, sql: str, *values: object) -> None:
        with self._lock, explained(self._path):
            self._check_place()
            self._db.execute(sql, values)

    def _check_place(self) -> None:
        """SQLite goes on in a file that has no name any more, and what it commits there is gone with the process."""
        if _identity(self._path) != self._file:
            raise JournalError(
                f"the journal {self._path} was moved, removed or replaced while it was in use: put it back, and check "
                "the hosts of a run that was under way before anything else is done there"
            )

    def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock, explained(self._path):
            return self._db.execute(sql, values).fetchall()

    def _row(self, sql: str) -> tuple[Any, ...]:
        row: tuple[Any, ...] = self._db.execute(sql).fetchone()
        return row

    def close(self) -> None:
        with self._lock, explained(self._path):
            self._db.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


_RUN = "SELECT id, started, ended, exit_code, digest, operator FROM runs"
_STARTED = "SELECT started FROM runs WHERE id = ?"
_INTENT = "SELECT play, host, step, change, at, shell, pipeline, statement, action FROM intents"
_TIMED = "SELECT module, document FROM outcomes WHERE result = ? AND module <> '' ORDER BY rowid DESC LIMIT 1000"
_ATTEST = "INSERT INTO attestations VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_ATTESTED = "SELECT host, id, by, at, evidence, expires, entered, withdrawn FROM attestations ORDER BY rowid"
_LATEST = (
    "SELECT touched.host, runs.id, runs.ended FROM runs JOIN "
    "(SELECT run, host FROM intents UNION SELECT run, host FROM hosts) AS touched ON touched.run = runs.id "
    "ORDER BY runs.started, runs.rowid"
)
_UNFINISHED = (
    "AND NOT EXISTS (SELECT 1 FROM outcomes WHERE outcomes.run = intents.run AND outcomes.play = intents.play "
    "AND outcomes.host = intents.host AND outcomes.step = intents.step)"
)


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file it is; None if there is none that can be reached."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _row_of(one: Attestation) -> tuple[str | None, ...]:
    expires = one.expires.isoformat() if one.expires else None
    return one.host, one.id, one.by, one.at.isoformat(), one.evidence, expires, one.entered


def _text(outcome: ActionOutcome | HostOutcome) -> str:
    return json.dumps(dump(outcome, type(outcome)))
