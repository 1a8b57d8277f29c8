"""The lab's engine held against what a real PowerShell engine answered (`groundtruth/pwsh76`).

Every recorded pipeline whose commands are simulated must get the same messages in the same order, with the same types,
values, error ids, categories and targets; every other one must be refused by name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from runner.lab.endpoints import FULL
from tests.lab.recordings import (
    NO_CLIENT,
    NO_OPTIONS,
    Verdict,
    as_on_windows,
    judge,
    known_differences,
    load_cases,
    recorded_endpoint,
    side_effects,
    with_windows_paths,
)
from tests.profiles.emitted import emissions

WINDOWS_CATEGORIES = ("reg", "svc", "stm", "oth", "pol")
# Not session, endpoint and tolerance: they are about opening pools, restricted sessions and malformed messages.
ENGINE_CATEGORIES = (
    *("seq", "batch", "merge", "stop", "object", "bind", "provider", "env", "host", "out", "native", "script"),
)
OUTCOMES = ("agree", "refused", "wrong")
LEAST = {
    "seq, batch, stop, merge": (("seq", "batch", "stop", "merge"), 0.95),
    "registry": (("reg",), 0.90),
    "services": (("svc",), 0.90),
    "execution policy": (("pol",), 0.90),
}


def _category(case: str) -> str:
    return re.split(r"[.-]", case)[0]


@pytest.fixture(scope="module")
def cases(groundtruth: Path) -> list[dict[str, Any]]:
    windows = [as_on_windows(case) for case in load_cases(groundtruth, "windows_cases.jsonl.xz")]
    engine = [with_windows_paths(case) for case in load_cases(groundtruth, "cases.jsonl.xz")]
    return [case for case in windows + engine if _category(case["id"]) in ENGINE_CATEGORIES + WINDOWS_CATEGORIES]


@pytest.fixture(scope="module")
def verdicts(cases: list[dict[str, Any]]) -> list[Verdict]:
    return [judge(case, recorded_endpoint(case)) for case in cases]


def _line(name: str, verdicts: Iterable[Verdict]) -> str:
    """The numbers of some cases; a known difference is counted as such, not as wrong."""
    known = known_differences()
    counts = Counter("known" if v.case in known else v.outcome for v in verdicts)
    return (
        f"recordings {name}: {counts['agree']} agree, {counts['refused']} refused, {counts['wrong']} wrong, "
        f"{counts['known']} known differences"
    )


def _share(verdicts: list[Verdict]) -> float:
    return sum(v.outcome == "agree" for v in verdicts) / len(verdicts)


def test_no_simulated_case_is_answered_wrongly(verdicts: list[Verdict], report_number: Callable[[str], None]) -> None:
    for category in WINDOWS_CATEGORIES + ENGINE_CATEGORIES:
        report_number(_line(category, [v for v in verdicts if _category(v.case) == category]))
    report_number(_line("in all", verdicts))

    known = known_differences()
    wrong = {v.case: v.detail for v in verdicts if v.outcome == "wrong"}
    assert {case: detail for case, detail in wrong.items() if case not in known} == {}
    assert sorted(wrong) == sorted(known), "a listed difference is none any more"


def test_what_is_not_simulated_is_refused_by_name(verdicts: list[Verdict]) -> None:
    named = rf"The lab does not simulate \S.*\.|{NO_OPTIONS}|{NO_CLIENT}"
    unnamed = {v.case: v.detail for v in verdicts if v.outcome == "refused" and not re.fullmatch(named, v.detail)}

    assert unnamed == {}


@pytest.mark.parametrize("subject", LEAST)
def test_enough_of_the_recorded_cases_agree(verdicts: list[Verdict], subject: str) -> None:
    categories, least = LEAST[subject]

    assert _share([v for v in verdicts if _category(v.case) in categories]) >= least


def test_the_cases_whose_commands_our_modules_emit_agree(
    cases: list[dict[str, Any]], verdicts: list[Verdict], report_number: Callable[[str], None]
) -> None:
    """Two measures: of all cases, a known difference not agreeing, and without those that the machine decides.

    Both without the few cases that these tests have no client to put to the lab for.
    """
    emitted = {command.name.casefold() for emission in emissions() for command in emission.statement}
    known = known_differences()
    put = [(case, one) for case, one in zip(cases, verdicts, strict=True) if one.detail not in (NO_CLIENT, NO_OPTIONS)]
    ours = [verdict for case, verdict in put if _uses_only(case, emitted)]
    without_known = [verdict for verdict in ours if verdict.case not in known]
    report_number(
        f"{_line('of the commands that our modules emit', ours)}; {_share(ours):.1%} agree, "
        f"{_share(without_known):.1%} without the known differences"
    )

    assert len(ours) > 350
    assert _share(ours) >= 0.95
    assert _share(without_known) >= 0.95


@pytest.mark.parametrize(
    ("value", "outcome", "detail"), [("a", "refused", "the command Get-Process"), ("b", "wrong", "before a refusal")]
)
def test_a_refusal_does_not_hide_a_wrong_answer_before_it(value: str, outcome: str, detail: str) -> None:
    def call(name: str, argument: str) -> str:
        given = f"<Obj><MS><S N='N'>InputObject</S><S N='V'>{argument}</S></MS></Obj>" if argument else ""
        return (
            f"<Obj><MS><Obj N='Cmds'><LST><Obj><MS><S N='Cmd'>{name}</S><B N='IsScript'>false</B>"
            f"<Nil N='UseLocalScope'/><Obj N='Args'><LST>{given}</LST></Obj><I32 N='MergePreviousResults'>0</I32></MS>"
            "</Obj></LST></Obj></MS></Obj>"
        )

    statements = call("Write-Output", "a") + call("Get-Process", "")
    first = call("Write-Output", "a").removeprefix("<Obj><MS>").removesuffix("</MS></Obj>")
    commands = f"{first}<Obj N='ExtraCmds'><LST>{statements}</LST></Obj>"
    sent = f"<Obj><MS><Obj N='PowerShell'><MS>{commands}</MS></Obj></MS></Obj>"
    received = [{"type": "PIPELINE_OUTPUT", "clixml": f"<S>{value}</S>"}]
    verdict = judge({"id": "seq.made-up", "sent_clixml": sent, "received": received}, FULL)

    assert verdict.outcome == outcome
    assert detail in verdict.detail


def _uses_only(case: dict[str, Any], names: set[str]) -> bool:
    commands = [command for statement in case["statements"] for command in statement]
    return all(not c["is_script"] and c["command"].casefold() in names for c in commands)


def test_statements_that_are_not_reported_run_or_do_not_run_as_recorded(groundtruth: Path) -> None:
    """Findings B3 to B5: what the recording's next pipeline found of the files that later statements make."""
    cases = [with_windows_paths(case) for case in load_cases(groundtruth, "cases.jsonl.xz")]
    effects = {case["id"]: found for case in cases if (found := side_effects(case)) is not None}

    assert {case: found for case, found in effects.items() if found[0] != found[1]} == {}
    assert len(effects) >= 15
