"""Shows a document: as a screen for people, or as the JSON that the screen is drawn from."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from runner.cli.output import discard_output, print_json
from runner.model.codec import load
from runner.model.command import Statement
from runner.report.columns import draw
from runner.report.doctor_screen import doctor_lines
from runner.report.plan_screen import overview_lines, plan_lines
from runner.report.run_screen import run_lines
from runner.transport.text import render


@dataclass(frozen=True, slots=True)
class View:
    """How results are shown: `--json`, the number of `-v`, and `-q`."""

    as_json: bool
    verbosity: int
    quiet: bool = False


def show_plan(document: dict[str, Any], view: View) -> int:
    """Show a plan's document; returns the exit code of what it says."""
    if view.as_json:
        print_json(document)
    elif view.quiet:
        draw(_console(), overview_lines(document))
    else:
        draw(_console(), plan_lines(document, _powershell if view.verbosity else None))
    return int(document["exit_code"])


def show_run(document: dict[str, Any], view: View) -> int:
    """Show the document of a run; returns its exit code."""
    if view.as_json:
        print_json(document)
    else:
        draw(_console(), run_lines(document))
    return int(document["exit_code"])


def show_doctor(document: dict[str, Any], as_json: bool) -> int:
    """Show an examination; returns its exit code."""
    if as_json:
        print_json(document)
    else:
        draw(_console(), doctor_lines(document))
    return int(document["exit_code"])


def _powershell(statement: Any) -> str:
    return render(load(statement, Statement, "statement"))


class _Screen(Console):
    """Goes on in silence when its reader has gone; rich would end the program, and with it an apply."""

    def on_broken_pipe(self) -> None:
        discard_output()


def _console() -> Console:
    """Colour only on a terminal; elsewhere no line is broken at the width of one that is not there."""
    return _Screen(file=sys.stdout, soft_wrap=True)
