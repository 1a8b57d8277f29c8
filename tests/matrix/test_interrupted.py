"""An apply that is interrupted at any point leaves the journal whole: each change of a machine was announced in it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from runner.model.errors import ExitCode
from runner.model.events import ChangeIntended
from runner.model.events import Event as Told
from runner.model.outcome import Result
from runner.record.journal import Journal
from tests.matrix.rehearsal import Case, Rehearsal, rehearsal
from tests.product import ROOT

HOSTS = [Case("apply", None)] * 6
LAST = 30  # of the changes of six hosts


def announced(run: Rehearsal, intended: set[tuple[str, str]]) -> int:
    """How many changing pipelines ran; all of them are in the journal, or this raises."""
    ran = {(host, pipeline) for host in run.cases for pipeline in run.changing_pipelines(host)}
    assert ran <= intended, "changes that the journal does not know"
    return len(ran)


@pytest.mark.parametrize("seed", range(4))
def test_a_stop_between_two_changes(seed: int, tmp_path: Path) -> None:
    stop, number, last = threading.Event(), count(1), random.Random(seed).randint(1, LAST)

    def tell(event: Told) -> None:
        if isinstance(event, ChangeIntended) and next(number) == last:
            stop.set()

    with rehearsal(HOSTS, tmp_path) as run:
        outcome = run.apply(run.plan(), stop, tell)
        assert outcome.exit_code == ExitCode.INTERRUPTED
        assert len(run.intended()) >= last  # those under way were finished
        assert announced(run, run.intended()) >= 1
        with Journal(run.journal) as journal:
            assert journal.unfinished("run") == ()
        for host in outcome.hosts:
            done = [action.result for action in host.actions]
            assert Result.UNKNOWN not in done
            assert run.fleet.traffic(host.host).open_shells == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "killed"])
@pytest.mark.parametrize("seed", range(2))
def test_a_process_that_is_ended(number: signal.Signals, seed: int, tmp_path: Path) -> None:
    last = random.Random(f"{number} {seed}").randint(1, LAST)
    with rehearsal(HOSTS, tmp_path) as run:
        changes = _when_changed(run, last)
        command = [sys.executable, "-m", "runner", "apply", str(run.playbook), "--yes", "--json", "--forks", "3"]
        process = subprocess.Popen(
            [*command, "-i", str(tmp_path / "lab" / "inventory.yml"), "--journal", str(run.journal)],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        assert changes.wait(timeout=60)
        process.send_signal(number)
        process.communicate(timeout=60)
        assert process.returncode == (ExitCode.INTERRUPTED if number is signal.SIGINT else -number)
        with Journal(run.journal) as journal:
            (entry,) = journal.runs()
            intended = {(intent.host, intent.ids.pipeline) for intent in journal.run(entry.id).intents}
            open_intents = {(intent.host, intent.ids.pipeline) for intent in journal.unfinished(entry.id)}
        assert announced(run, intended) >= 1
        if number is signal.SIGINT:
            assert open_intents == set()
            assert (entry.exit_code, entry.ended is None) == (ExitCode.INTERRUPTED, False)
        else:
            assert (entry.exit_code, entry.ended) == (None, None)


def _when_changed(run: Rehearsal, changes: int) -> threading.Event:
    """Set once the machines together have been changed so many times: an event, so that nobody has to poll."""
    reached, made, lock = threading.Event(), count(1), threading.Lock()

    def noted(record: Callable[..., None]) -> Callable[..., None]:
        def wrapped(*change: object) -> None:
            record(*change)
            with lock:
                if next(made) == changes:
                    reached.set()

        return wrapped

    for host in run.cases:
        with run.looking(host) as machine:
            machine._record = noted(machine._record)  # type: ignore[method-assign]
    return reached
