"""Printing: machine documents on stdout, and the shape of an error in one."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click

from runner.model.errors import HostError, InputError, Problem, RunnerError


def print_json(document: object) -> None:
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def error_document(error: RunnerError) -> dict[str, Any]:
    """An error as `--json` prints it."""
    document: dict[str, Any] = {"kind": "ce-runner error", "exit_code": int(error.exit_code)}
    if isinstance(error, InputError):
        return {**document, "problems": [_problem(problem) for problem in error.problems]}
    advice = error.advice if isinstance(error, HostError) else ""
    return {**document, "message": str(error), "advice": advice}


def _problem(problem: Problem) -> dict[str, Any]:
    origin = asdict(problem.origin) if problem.origin else {}
    return {**origin, "message": problem.message, "hint": problem.hint, "text": problem.line}
