"""The journal: on disk before the work goes on, whole after a crash, and clear about what is wrong with its file."""

from __future__ import annotations

import os
import resource
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from runner.apply.run import apply_plan
from runner.apply.tools import Tools
from runner.model.attestation import Attestation
from runner.model.command import Ids, command
from runner.model.document import digest
from runner.model.errors import InputError, JournalError
from runner.model.events import ChangeIntended, Event, HostEnded, HostStarted, LevelRead, RunEnded, RunStarted
from runner.model.jsonvalue import Unwritable
from runner.model.outcome import HostOutcome, HostResult, Result, RunOutcome
from runner.model.plan import Plan
from runner.model.secret import Secret
from runner.record.journal import Journal
from runner.record.schema import APPLICATION, MIGRATIONS
from tests.apply.test_run import fleet_of, plan_of, play
from tests.apply.toy import MODULES, Things

ROOT = Path(__file__).resolve().parents[2]
CANARY = "canary-7f3a"


class Ticking:
    """A clock that goes on by a second each time it is asked."""

    def __init__(self) -> None:
        self._moment = datetime(2026, 11, 26, 13, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self._moment += timedelta(seconds=1)
        return self._moment


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.db"


def recorded(journal: Journal, run: str, *broken: str) -> tuple[RunOutcome, Plan]:
    fleet = fleet_of("h1", "h2", "h3", broken=broken)
    plan = plan_of(play(fleet))
    return apply_plan(plan, lambda name: fleet[name], Tools(MODULES, journal), run), plan


def test_a_run_is_read_back_as_it_was(path: Path) -> None:
    with Journal(path, Ticking()) as journal:
        outcome, plan = recorded(journal, "run-1", "h2")
    with Journal(path) as journal:
        record = journal.run("run-1")
    assert record.plan == plan
    assert sorted(record.hosts, key=lambda host: host.host) == list(outcome.hosts)
    assert record.entry.digest == digest(plan)
    assert record.entry.exit_code == 3
    assert record.entry.ended is not None
    assert [(one.step, one.change) for one in record.intents if one.host == "h2"] == [("1.tasks.1.0.0", 0)]
    assert record.intents[0].statement == (command("New-Thing", Name="a"),)
    assert record.intents[0].ids.shell == "shell-1"
    assert [one.outcome.result for one in record.outcomes if one.host == "h2"] == [Result.FAILED]
    assert len(record.outcomes) == 5


def test_runs_are_listed_with_the_latest_first(path: Path) -> None:
    with Journal(path, Ticking()) as journal:
        recorded(journal, "first")
        recorded(journal, "second")
        assert [entry.id for entry in journal.runs()] == ["second", "first"]
        assert journal.unfinished("first") == ()


def test_an_intent_is_on_disk_before_the_change_is_sent(path: Path) -> None:
    host, seen = Things(), []
    plan = plan_of(play({"h1": host}))

    def look(name: str) -> None:
        with Journal(path) as other:
            seen.append((name, [(one.step, one.change) for one in other.unfinished("run-1")]))

    host.before_change = look
    with Journal(path) as journal:
        apply_plan(plan, lambda name: host, Tools(MODULES, journal), "run-1")
        assert journal.unfinished("run-1") == ()
    assert seen == [("New-Thing a", [("1.tasks.1.0.0", 0)]), ("New-Thing b", [("1.tasks.2.0.0", 0)])]


def test_a_killed_run_leaves_a_readable_journal_that_shows_the_change_under_way(path: Path) -> None:
    command_line = [sys.executable, "-m", "tests.record.killed", str(path)]
    with subprocess.Popen(command_line, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "sent\n"
        process.kill()
    with Journal(path) as journal:
        (entry,) = journal.runs()
        record = journal.run("run-1")
        (intent,) = journal.unfinished("run-1")
    assert (entry.ended, entry.exit_code) == (None, None)
    assert (intent.host, intent.step, intent.statement) == ("h1", "1.tasks.2.0.0", (command("New-Thing", Name="b"),))
    assert [one.outcome.result for one in record.outcomes] == [Result.APPLIED]
    assert record.hosts == ()


def test_what_a_check_tells_is_not_recorded(path: Path) -> None:
    events: list[Event] = [
        HostStarted("h1", 1, "check"), LevelRead("h1", 1, 3),
        HostEnded(HostOutcome("h1", 1, HostResult.COMPLIANT), "check"),
    ]  # fmt: skip
    with Journal(path) as journal:
        for event in events:
            journal(event)
        assert journal.runs() == ()


def test_an_event_outside_a_run_and_a_second_run_are_refused(path: Path) -> None:
    plan = plan_of()
    with Journal(path) as journal:
        with pytest.raises(JournalError, match="no run is being recorded"):
            journal(HostEnded(HostOutcome("h1", 1, HostResult.COMPLIANT), "apply"))
        journal(RunStarted("run-1", plan, digest(plan)))
        with pytest.raises(JournalError, match="run-1 is still being recorded"):
            journal(RunStarted("run-2", plan, digest(plan)))
        journal(RunEnded("run-1", 0))
        with pytest.raises(JournalError, match="every run needs an id of its own"):
            journal(RunStarted("run-1", plan, digest(plan)))
        with pytest.raises(InputError, match="no run 'run-9' is recorded"):
            journal.run("run-9")


@pytest.mark.parametrize("text", ["{}", "[", '{"$int32": []}', "9" * 5000])
def test_what_no_program_of_ours_wrote_is_an_error_of_the_journal(path: Path, text: str) -> None:
    with Journal(path) as journal:
        recorded(journal, "run-1")
    for table, column in (("outcomes", "document"), ("hosts", "document"), ("intents", "statement"), ("runs", "plan")):
        with sqlite3.connect(path) as database:
            (old,) = database.execute(f"SELECT {column} FROM {table}").fetchone()
            database.execute(f"UPDATE {table} SET {column} = ?", (text,))
        with Journal(path) as journal, pytest.raises(JournalError, match="holds what no ce-runner wrote"):
            journal.run("run-1")
        with sqlite3.connect(path) as database:
            database.execute(f"UPDATE {table} SET {column} = ?", (old,))


def test_a_secret_never_gets_into_the_file(path: Path) -> None:
    plan = plan_of(play({"h1": Things()}))
    step = plan.plays[0].hosts[0].steps[0]
    assert step.action is not None
    statement = (command("Set-Thing", Password=Secret(CANARY)),)
    secret_step = replace(step, action=replace(step.action, write=(statement,)))
    secret_host = replace(plan.plays[0].hosts[0], steps=(secret_step,))
    secret_plan = replace(plan, plays=(replace(plan.plays[0], hosts=(secret_host,)),))
    with Journal(path) as journal:
        with pytest.raises(InputError):
            journal(RunStarted("run-1", secret_plan, "digest"))
        journal(RunStarted("run-1", plan, digest(plan)))
        with pytest.raises(Unwritable):
            journal(ChangeIntended("h1", 1, secret_step, 0, statement, Ids("s", "p")))
    assert CANARY.encode() not in b"".join(file.read_bytes() for file in path.parent.iterdir())


def test_lone_surrogates_of_a_host_are_recorded(path: Path) -> None:
    with Journal(path) as journal:
        plan = plan_of()
        journal(RunStarted("run-1", plan, digest(plan)))
        outcome = HostOutcome("h1", 1, HostResult.FAILED, message="\ud800 設定")
        journal(HostEnded(outcome, "apply"))
        assert journal.run("run-1").hosts == (outcome,)


def test_a_locked_journal(path: Path) -> None:
    with Journal(path, patience=0.0) as journal:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError, match=r"journal\.db: another process is writing to it: let that"):
            recorded(journal, "run-1")
        other.close()
        recorded(journal, "run-1")


def test_a_full_disk_ends_the_run_before_the_change(path: Path) -> None:
    host = Things()
    plan = plan_of(play({"h1": host}))
    journal = Journal(path)

    def tell(event: Event) -> None:
        with no_room(path) if isinstance(event, ChangeIntended) else nullcontext():
            journal(event)

    with journal, pytest.raises(JournalError, match="look for a full or failing disk"):
        apply_plan(plan, lambda name: host, Tools(MODULES, tell), "run-1")
    assert host.things == {}
    assert host.log == ["read", "close"]


@pytest.mark.parametrize("replaced", [False, True])
def test_a_journal_that_is_taken_away_ends_the_run_before_the_change(path: Path, replaced: bool) -> None:
    """SQLite would go on in the file that has lost its name, and the run would be gone without a word."""
    host = Things()
    plan = plan_of(play({"h1": host}))
    journal = Journal(path)

    def tell(event: Event) -> None:
        if isinstance(event, ChangeIntended):
            path.rename(path.with_suffix(".away"))
            if replaced:
                Journal(path).close()
        journal(event)

    with journal, pytest.raises(JournalError, match="was moved, removed or replaced while it was in use"):
        apply_plan(plan, lambda name: host, Tools(MODULES, tell), "run-1")
    assert host.things == {}


@contextmanager
def no_room(path: Path) -> Iterator[None]:
    """No file of this process may grow beyond what the journal's log has: to SQLite, a disk that takes no more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.with_name("journal.db-wal").stat().st_size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without the rights of root, to whom no file is read-only."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


def test_a_read_only_journal() -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        with Journal(path) as journal:
            recorded(journal, "run-1")
        path.chmod(0o444)
        path.parent.chmod(0o555)
        with as_nobody(), pytest.raises(JournalError, match=r"it is read-only for this user"):
            Journal(path)
        path.parent.chmod(0o755)


def test_a_folder_that_cannot_be_made_and_a_path_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="its folder cannot be made"):
        Journal(tmp_path / "file" / "journal.db")
    with pytest.raises(JournalError, match="it cannot be opened"):
        Journal(tmp_path)


def test_a_file_that_is_no_journal(tmp_path: Path) -> None:
    text = tmp_path / "text.db"
    text.write_text("not a database " * 100)
    with pytest.raises(JournalError, match="damaged, or no journal: move it away"):
        Journal(text)
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE songs (title TEXT)")
    db.close()
    with pytest.raises(JournalError, match="database of another program"):
        Journal(other)


def test_a_damaged_page(path: Path) -> None:
    with Journal(path) as journal:
        recorded(journal, "run-1")
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with Journal(path) as journal, pytest.raises(JournalError, match="damaged, or no journal"):
        journal.runs()


def test_a_journal_of_a_later_version(path: Path) -> None:
    Journal(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(JournalError, match="version 99; this ce-runner writes version 3"):
        Journal(path)


VERSION_1 = """
CREATE TABLE runs (id TEXT PRIMARY KEY, started TEXT NOT NULL, ended TEXT, exit_code INTEGER, digest TEXT NOT NULL,
    plan TEXT NOT NULL);
CREATE TABLE intents (run TEXT NOT NULL REFERENCES runs (id), play INTEGER NOT NULL, host TEXT NOT NULL,
    step TEXT NOT NULL, change INTEGER NOT NULL, at TEXT NOT NULL, shell TEXT NOT NULL, pipeline TEXT NOT NULL,
    statement TEXT NOT NULL, PRIMARY KEY (run, play, host, step, change));
CREATE TABLE outcomes (run TEXT NOT NULL REFERENCES runs (id), play INTEGER NOT NULL, host TEXT NOT NULL,
    step TEXT NOT NULL, at TEXT NOT NULL, result TEXT NOT NULL, document TEXT NOT NULL,
    PRIMARY KEY (run, play, host, step));
CREATE TABLE hosts (run TEXT NOT NULL REFERENCES runs (id), play INTEGER NOT NULL, host TEXT NOT NULL,
    at TEXT NOT NULL, result TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (run, play, host));
"""


def test_a_journal_of_version_1_is_taken_over_with_what_is_in_it(path: Path) -> None:
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as db:
        db.executescript(VERSION_1 + f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = 1;")
        db.execute("INSERT INTO runs VALUES ('old', '2026-01-01T00:00:00+00:00', NULL, NULL, 'd', '{}')")
        db.commit()
    with Journal(path, Ticking()) as journal:
        assert [entry.id for entry in journal.runs()] == ["old"]
        recorded(journal, "new", "h2")
        assert journal.durations().keys() == {"thing"}
    with Journal(path) as journal:
        assert [entry.id for entry in journal.runs()] == ["new", "old"]


def test_a_journal_of_version_2_is_taken_over_with_what_is_in_it(path: Path) -> None:
    at = "2026-11-26T22:00:00+00:00"
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as db:
        db.executescript(f"{VERSION_1} {MIGRATIONS[1]} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = 2;")
        db.execute(f"INSERT INTO attestations VALUES ('ce-01', 'S0-12', '佐藤', '{at}', 'ticket 1', NULL)")
        db.commit()
    with Journal(path, Ticking()) as journal:
        known = Attestation("ce-01", "S0-12", "佐藤", datetime.fromisoformat(at), "ticket 1")
        assert journal.attestations() == {"ce-01": {"S0-12": known}}
        recorded(journal, "new", "h2")
        assert journal.run("new").intents


@pytest.mark.skipif(os.name == "nt", reason="rights of POSIX")
def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        path = tmp_path / "state" / "ce-runner" / "journal.db"
        with Journal(path) as journal:
            recorded(journal, "run-1")
            files = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert files == {"journal.db": 0o600, "journal.db-wal": 0o600, "journal.db-shm": 0o600}
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in path.parents[:2]] == [0o700, 0o700]


@pytest.mark.skipif(os.name == "nt", reason="rights of POSIX")
def test_a_folder_and_a_file_that_are_there_keep_their_rights(path: Path) -> None:
    Journal(path).close()
    path.parent.chmod(0o750)
    path.chmod(0o640)
    Journal(path).close()
    assert [stat.S_IMODE(one.stat().st_mode) for one in (path.parent, path)] == [0o750, 0o640]


def test_the_latest_confirmation_of_a_step_counts(path: Path) -> None:
    at = datetime(2026, 11, 26, 22, 0, tzinfo=UTC)
    first = Attestation("ce-01", "S0-12", "佐藤", at, "ticket 1", at + timedelta(days=1))
    second = replace(first, by="Suzuki", at=at + timedelta(hours=1), expires=None)
    with Journal(path) as journal:
        assert journal.attestations() == {}
        journal.attest(first)
        journal.attest(replace(first, id="S0-13"))
        journal.attest(second)
    with Journal(path) as journal:
        assert journal.attestations() == {"ce-01": {"S0-12": second, "S0-13": replace(first, id="S0-13")}}


def test_a_confirmation_is_withdrawn_and_both_stay_on_record(path: Path) -> None:
    at = datetime(2026, 11, 26, 22, 0, tzinfo=UTC)
    given = Attestation("ce-01", "S0-12", "佐藤", at, "ticket 1", None, "kiyohime@tok-admin-01")
    withdrawal = replace(given, by="Suzuki", at=at + timedelta(hours=1), evidence="the wrong server")
    with Journal(path) as journal:
        journal.attest(given)
        journal.withdraw(withdrawal)
        assert journal.attestations().get("ce-01", {}) == {}
        assert journal.attestations(at) == {"ce-01": {"S0-12": given}}
        with pytest.raises(InputError, match="S0-12 of ce-01 is not confirmed: there is nothing to withdraw"):
            journal.withdraw(withdrawal)
        again = replace(given, at=at + timedelta(hours=2))
        journal.attest(again)
        assert journal.attestations() == {"ce-01": {"S0-12": again}}


def test_what_was_confirmed_after_a_run_had_started(path: Path) -> None:
    known = Attestation("h1", "S0-12", "佐藤", datetime(2026, 11, 26, 12, tzinfo=UTC), "ticket 1")
    later = replace(known, id="S0-13", at=datetime(2026, 11, 26, 14, tzinfo=UTC))
    with Journal(path, Ticking()) as journal:
        journal.attest(known)
        recorded(journal, "run-1")
        assert journal.confirmed_after("run-1") == ()
        journal.attest(later)
        journal.attest(replace(later, id="S0-14"))
        journal.withdraw(replace(later, id="S0-14", at=later.at + timedelta(hours=1)))
        assert journal.confirmed_after("run-1") == (later,)
        assert journal.confirmed_after("run-2") == ()
        assert journal.run("run-1").attestations == {"h1": {"S0-12": known}}
