"""Printing: machine documents on stdout, what is told beside them on stderr, and the shape of an error in one."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import asdict
from typing import Any

import click

from runner.model.document import to_text
from runner.model.errors import HostError, InputError, Problem, RunnerError
from runner.model.secret import without_accounts
from runner.report.words import clean


def print_json(document: dict[str, Any]) -> None:
    """A document on stdout. Whoever read our output may have gone (`| head`): what is done goes on all the same."""
    try:
        click.echo(to_text(document), nl=False)
    except BrokenPipeError:
        discard_output()


def discard_output() -> None:
    """Send the rest of stdout nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def tell(text: str) -> None:
    """An error, a warning or a remark, on stderr: what a host or a file says in it cannot steer the terminal."""
    lines = re.sub(r"[^\n\t]+", lambda found: clean(found.group()), without_accounts(text))
    click.echo(lines, err=True)


def error_document(error: RunnerError) -> dict[str, Any]:
    """An error as `--json` prints it."""
    document: dict[str, Any] = {"kind": "ce-runner error", "exit_code": int(error.exit_code)}
    if isinstance(error, InputError):
        return {**document, "problems": [_problem(problem) for problem in error.problems]}
    advice = error.advice if isinstance(error, HostError) else ""
    return {**document, "message": without_accounts(str(error)), "advice": advice}


def _problem(problem: Problem) -> dict[str, Any]:
    origin = asdict(problem.origin) if problem.origin else {}
    texts = {"message": problem.message, "hint": problem.hint, "text": problem.line}
    return origin | {name: without_accounts(text) for name, text in texts.items()}
