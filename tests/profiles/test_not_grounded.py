"""The list of what no recording covers is up to date, and printed at the end of the run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from runner.model.command import command
from tests.profiles.emitted import Emission, Purpose
from tests.profiles.not_grounded import PAGE, block, lines, not_grounded
from tests.profiles.recorded import coverage, of_case


def test_the_page_lists_what_no_recording_covers(
    groundtruth: Path, emitted: tuple[Emission, ...], report_number: Callable[[str], None]
) -> None:
    found = lines(emitted, coverage(groundtruth))
    report_number(f"commands not grounded: {len(found)} (docs/not-grounded.md)")
    for line in found:
        report_number(f"commands not grounded, {line.removeprefix('- ')}")
    assert block(PAGE.read_text(encoding="utf-8")) == "".join(f"{line}\n" for line in found)


def test_a_command_that_was_only_recorded_as_missing_is_not_covered(groundtruth: Path) -> None:
    covered = coverage(groundtruth)
    assert "literalpath" in covered["get-itemproperty"]
    assert "get-ciminstance" not in covered
    toy = [{"command": "Get-Toy", "is_script": False, "parameters": [["-Name:", "x"]]}]
    refused = "ERR CommandNotFoundException target=String 'Get-Toy' category=ObjectNotFound"
    assert list(of_case({"statements": [toy], "summary": ["COMPLETED"]})) == [("Get-Toy", ("Name",))]
    assert list(of_case({"statements": [toy], "summary": [refused]})) == []


def test_commands_and_parameters_are_told_apart() -> None:
    statement = (command("Get-Item", LiteralPath="x", Stream="y"), command("Get-Toy", Name="z"))
    sent = [Emission("toy/case", Purpose.READ, statement)]
    assert not_grounded(sent, {"get-item": frozenset({"literalpath"})}) == {
        "Get-Item": (frozenset({"Stream"}), frozenset({"toy"})),
        "Get-Toy": (frozenset({"Name"}), frozenset({"toy"})),
    }
