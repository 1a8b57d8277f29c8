"""The lab's modules and gallery held against what PowerShellGet 2.2.5 on a real engine answered.

Source: `groundtruth/pwsh76/gallery.md`. What is simulated must be answered with the same messages and leave the same
folders; everything else must be refused by name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab.gallery import judge, with_folders_of_windows
from tests.lab.recordings import Verdict, load_cases

# The least share of a category's cases that agree. None of them is answered wrongly.
LEAST = {
    "pkgprov": 0.90,
    "nonuget": 0.90,
    "repo": 0.95,
    "find": 0.95,
    "install": 0.90,
    "clobber": 1.0,
    "feed": 0.90,
    "installed": 1.0,
    "update": 1.0,
    "uninstall": 1.0,
    "save": 1.0,
    "getmodule": 1.00,
    "import": 0.94,
    "remove": 1.00,
    "manifest": 0.88,
}
_NAMED = r"The lab does not simulate \S.*\.|its option \w+ is not simulated"


@pytest.fixture(scope="module")
def verdicts(groundtruth: Path) -> dict[str, list[Verdict]]:
    """The verdicts by category."""
    found: dict[str, list[Verdict]] = {}
    for case in load_cases(groundtruth, "gallery_cases.jsonl.xz"):
        category = case["id"].partition(".")[0]
        if category in LEAST:
            found.setdefault(category, []).append(judge(with_folders_of_windows(case)))
    return found


@pytest.mark.parametrize("category", LEAST)
def test_recorded_cases_agree_or_are_refused_by_name(
    verdicts: dict[str, list[Verdict]], category: str, report_number: Callable[[str], None]
) -> None:
    of_category = verdicts[category]
    counts = Counter(verdict.outcome for verdict in of_category)
    report_number(f"gallery recordings {category}: {counts['agree']} agree, {counts['refused']} refused")

    assert {v.case: v.detail for v in of_category if v.outcome == "wrong"} == {}
    assert {
        v.case: v.detail for v in of_category if v.outcome == "refused" and not re.fullmatch(_NAMED, v.detail)
    } == {}
    assert counts["agree"] >= LEAST[category] * len(of_category)
