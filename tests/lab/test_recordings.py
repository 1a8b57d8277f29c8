"""The lab's engine held against what a real PowerShell engine answered (`groundtruth/pwsh76`).

Every recorded pipeline whose commands are simulated must get the same messages in the same order, with the same types,
values, error ids, categories and targets; every other one must be refused by name.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.lab.recordings import (
    Verdict,
    as_on_windows,
    judge,
    known_differences,
    load_cases,
    side_effects,
    with_paths_of_the_registry,
)

ENGINE_CATEGORIES = ("seq", "batch", "merge", "stop", "object", "bind")
WINDOWS_CATEGORIES = ("reg", "svc", "stm", "oth", "pol")


@pytest.fixture(scope="module")
def verdicts(groundtruth: Path) -> list[Verdict]:
    windows = [as_on_windows(case) for case in load_cases(groundtruth, "windows_cases.jsonl.xz")]
    engine = [with_paths_of_the_registry(case) for case in load_cases(groundtruth, "cases.jsonl.xz")]
    return [judge(case) for case in windows + engine if _category(case["id"]) in ENGINE_CATEGORIES + WINDOWS_CATEGORIES]


def _category(case: str) -> str:
    return re.split(r"[.-]", case)[0]


def test_no_simulated_case_is_answered_wrongly(verdicts: list[Verdict], capsys: pytest.CaptureFixture[str]) -> None:
    known = known_differences()
    wrong = {v.case: v.detail for v in verdicts if v.outcome == "wrong"}
    counts = Counter((_category(v.case), v.outcome) for v in verdicts)
    with capsys.disabled():
        print(f"\n{'recordings':<12}{'agree':>8}{'refused':>9}{'differs':>9}")
        for category in WINDOWS_CATEGORIES + ENGINE_CATEGORIES:
            numbers = [counts[category, outcome] for outcome in ("agree", "refused", "wrong")]
            print(f"{category:<12}{numbers[0]:>8}{numbers[1]:>9}{numbers[2]:>9}")
    assert {case: detail for case, detail in wrong.items() if case not in known} == {}
    assert sorted(wrong) == sorted(known), "a listed difference is none any more"


def test_what_is_not_simulated_is_refused_by_name(verdicts: list[Verdict]) -> None:
    refused = [v for v in verdicts if v.outcome == "refused"]
    unnamed = [
        v.case
        for v in refused
        if not re.fullmatch(
            r"The lab does not simulate \S.*\.|it(s setup)? (is not simulated|needs a client.*)", v.detail
        )
    ]
    assert unnamed == []


@pytest.mark.parametrize(
    ("category", "least"),
    [("reg", 180), ("svc", 41), ("stm", 6), ("seq", 31), ("batch", 14), ("object", 48)],
)
def test_the_recordings_that_the_lab_agrees_with_do_not_become_fewer(
    verdicts: list[Verdict], category: str, least: int
) -> None:
    assert sum(v.outcome == "agree" for v in verdicts if _category(v.case) == category) >= least


def test_statements_that_are_not_reported_run_or_do_not_run_as_recorded(groundtruth: Path) -> None:
    """Findings B3 to B5: what the recording's next pipeline found of the files that later statements make."""
    cases = [with_paths_of_the_registry(case) for case in load_cases(groundtruth, "cases.jsonl.xz")]
    effects = {case["id"]: found for case in cases if (found := side_effects(case)) is not None}

    assert {case: found for case, found in effects.items() if found[0] != found[1]} == {}
    assert len(effects) >= 8
