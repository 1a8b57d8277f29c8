"""Screens against golden files. `CE_RUNNER_WRITE_GOLDEN=1` writes them anew; read the difference before a commit."""

from __future__ import annotations

import io
import os
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from runner.model.document import dump_plan, dump_run
from runner.model.outcome import Drift, FactDrift, HostResult, Result, RunOutcome
from runner.model.plan import Heading, HostPlan, Step, Verdict
from runner.model.state import Desired, Difference, State
from runner.model.task import Deferred
from runner.report.columns import draw, pad
from runner.report.evidence import evidence
from runner.report.plan_screen import overview_lines, plan_lines
from runner.report.run_screen import later_lines, run_lines
from runner.report.words import clean, count, listed, value
from tests.model.strategies import text
from tests.report.evidence_run import CONFIRMED_LATER, document
from tests.report.fleet import HOSTS, RUN, RUN_HOSTS, change, did, dword, header, outcome, plan, registry

GOLDEN = Path(__file__).parent / "golden"
WIDTH = 110


def drawn(lines: Iterable[Text], width: int = WIDTH) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None, legacy_windows=False)
    draw(console, lines)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def commands(statement: Any) -> str:
    (one,) = statement
    return " ".join([one["command"], *(f"-{name} {item}" for name, item in one["parameters"].items())])


def golden(name: str, screen: str) -> None:
    file = GOLDEN / name
    if os.environ.get("CE_RUNNER_WRITE_GOLDEN") == "1":
        file.write_text(screen, encoding="utf-8")
    assert screen == file.read_text(encoding="utf-8")


def test_the_screen_of_a_plan() -> None:
    golden("plan.txt", drawn(plan_lines(dump_plan(plan(*HOSTS)))))


def test_a_change_that_the_run_decided_is_shown_whole() -> None:
    """No plan has shown it."""
    planned = registry(1, "SchUseStrongCrypto", dword(3), 1)
    later = replace(planned, verdict=Verdict.DEFERRED, before=None, action=None, deferred=Deferred(("x",)))
    done = replace(did(planned, Result.APPLIED), action=planned.action)
    run = RunOutcome("r", (outcome("東京", HostResult.APPLIED, done),))
    screen = drawn(run_lines(dump_run(run, plan(HostPlan("東京", 1, (later,), {})))))
    assert "SchUseStrongCrypto   dword 3 -> dword 1" in screen


def test_a_host_that_the_plan_failed_shows_why() -> None:
    reason = "as the plan says, so that nothing was started"
    idle = tuple(did(step, Result.NOT_STARTED) for step in HOSTS[2].steps if step.action)
    run = RunOutcome("r", (outcome(HOSTS[2].host, HostResult.FAILED, *idle, message=reason),))
    screen = drawn(run_lines(dump_run(run, plan(HOSTS[2]))))
    for said in ("could not be read: access is denied", "there is no such service", "ansible_memtotal_mb >= 4096"):
        assert screen.count(said) == 1
    assert screen.index(reason) < screen.index("access is denied")


def test_what_was_not_the_case_is_no_change_that_is_missing() -> None:
    planned = RUN_HOSTS[0].steps
    actions = (did(planned[0], Result.APPLIED), did(planned[1], Result.HELD), did(planned[3], Result.NOT_TRIGGERED))
    run = RunOutcome("r", (outcome("applied", HostResult.HELD, *actions),))
    assert "held: 1 of 2 changes made, 1 not triggered, 1 held" in drawn(run_lines(dump_run(run, plan(RUN_HOSTS[0]))))


def test_what_blocks_during_apply_is_held_in_words() -> None:
    planned = RUN_HOSTS[0].steps
    gate = replace(did(planned[1], Result.BLOCKED, message="them must act first: not tonight"), owner="them")
    run = RunOutcome("r", (outcome("applied", HostResult.HELD, did(planned[0], Result.HELD), gate),))
    told = dump_run(run, plan(RUN_HOSTS[0]))
    screen = drawn(run_lines(told))
    assert "held: 0 of 2 changes made, 2 held" in screen
    assert "     held, and nothing is done here before\n" in screen
    assert "them must act first: not tonight" in screen
    assert "blocked" not in screen
    row = next(row for host in evidence(told).hosts for row in host.rows if row.owner)
    assert (row.result, row.owner) == ("held", "them")


def test_the_screen_tells_what_was_confirmed_later() -> None:
    (told,) = later_lines(document(), CONFIRMED_LATER)
    assert told.startswith("東京-ce-01: task 12")
    assert "confirmed by 佐藤, entered by kiyohime@tok-admin-01, on 2026-11-26 15:30:00 UTC" in told
    assert later_lines(document(), ()) == ()


def test_the_overview_of_a_plan() -> None:
    golden("plan-overview.txt", drawn(overview_lines(dump_plan(plan(*HOSTS)))))


def test_the_screen_of_a_plan_with_its_commands() -> None:
    golden("plan-commands.txt", drawn(plan_lines(dump_plan(plan(HOSTS[1])), commands)))


def test_the_screen_of_a_run() -> None:
    golden("run.txt", drawn(run_lines(dump_run(RUN, plan(*RUN_HOSTS)))))


def test_the_screen_is_the_same_at_every_width_so_that_paths_can_be_copied() -> None:
    document = dump_plan(plan(*HOSTS))
    assert drawn(plan_lines(document), 40) == drawn(plan_lines(document), 400)


def test_nothing_at_all() -> None:
    assert drawn(plan_lines(dump_plan(plan()))) == "\n0 hosts     1.9 s     exit 0\n"
    run = dump_run(RunOutcome("r", ()), plan())
    assert drawn(run_lines(run)) == "\n0 hosts     exit 0     run r\n"


@pytest.mark.parametrize("name", ["plan.txt", "run.txt"])
def test_names_in_japanese_keep_the_columns(name: str) -> None:
    heads = [line for line in (GOLDEN / name).read_text("utf-8").splitlines() if "  Server 20" in line]
    assert len({len(line[: line.index("Server")]) for line in heads}) == 2
    assert len({cell_len(line[: line.index("Server")]) for line in heads}) == 1


@given(text)
@settings(max_examples=60)
def test_no_host_can_steer_the_terminal(raw: str) -> None:
    heading, before, wish = Heading(raw, raw, raw), State(True, {raw: raw}), Desired(True, {raw: (raw,)})
    steps = (
        change(header(1, raw, raw), heading, before, wish, raw),
        change(header(2, raw, raw), Heading(raw, raw), before, wish, raw),
        change(header(3, raw, raw), heading, before, wish, raw, (raw, raw)),
        Step(header(4, raw, raw), Verdict.FAILED, {}, message=raw),
        Step(header(5, raw, raw), Verdict.TOLD, {}, message=raw),
    )
    made = plan(HostPlan(raw, 1, steps, {}, raw, error=raw, advice=raw, exit_code=4))
    drift = Drift("1.tasks.1.0.0", before, State(True, {raw: None}), before, (Difference(raw, raw, None),), raw)
    facts = (FactDrift(raw, raw, {raw: raw}), FactDrift(raw, raw, None, raw))
    actions = tuple(did(step, Result.FAILED, raw, before, Difference(raw, raw, raw)) for step in steps[:3])
    ended = outcome(raw, HostResult.FAILED, *actions, drifts=(drift,), fact_drifts=facts, message=raw, advice=raw)
    screens = (
        drawn(plan_lines(dump_plan(made), lambda statement: raw)),
        drawn(run_lines(dump_run(RunOutcome(raw, (ended,)), made))),
    )
    for screen in screens:
        assert [char for char in screen if not _shows(char)] == []


@pytest.mark.parametrize(
    ("read", "told", "words"),
    [
        (2, 0, "applied: 2 changes, read back"),
        (0, 1, "applied: 1 change, proven by its answer"),
        (0, 2, "applied: 2 changes, proven by their answers"),
        (1, 1, "applied: 2 changes, 1 read back, 1 proven by its answer"),
    ],
)
def test_what_only_its_answer_proves_was_not_read_back(read: int, told: int, words: str) -> None:
    """A program leaves nothing to read: `now` stays empty."""
    steps = tuple(
        change(header(number, "win_command", "run"), Heading("program", "a.exe"), State(True), State(True), "a.exe")
        for number in range(read + told)
    )
    actions = [
        replace(did(step, Result.APPLIED), now=State(True) if n < read else None) for n, step in enumerate(steps)
    ]
    made = plan(HostPlan("one", 1, steps, {}))
    run = RunOutcome("1", (outcome("one", HostResult.APPLIED, *actions),))
    assert words + "\n" in drawn(run_lines(dump_run(run, made)))


def _shows(char: str) -> bool:
    return char == "\n" or char.isprintable() or unicodedata.category(char) == "Zs"


@given(text)
def test_clean_text_has_one_line_without_control_characters(raw: str) -> None:
    shown = clean(raw)
    assert "\n" not in shown
    assert "\x1b" not in shown
    shown.encode()


def test_words() -> None:
    assert [value(one) for one in (None, True, 5, 1.5, "a", "", " a", "true", ["a", ""], {"$bytes": "beef"})] == [
        "none", "true", "5", "1.5", "a", '""', '" a"', '"true"', '[a, ""]', "hex:be,ef",
    ]  # fmt: skip
    assert value("x" * 200) == "x" * 120 + "... (200 characters)"
    assert [listed(names) for names in ([], ["a"], ["a", "b"], ["a", "b", "c"], ["a", "b", "c", "d"])] == [
        "", "a", "a and b", "a, b and c", "a, b, c and 1 more",
    ]  # fmt: skip
    assert [count(1, "host"), count(1200, "host"), count(2, "is", "are")] == ["1 host", "1,200 hosts", "2 are"]
    assert pad("設定", 6) == "設定  "
