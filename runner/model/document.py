"""The two documents that leave the program: a plan and a run. Each is one readable JSON text with a format version.

Each carries the SHA-256 of its own content: what was cut off, mixed up or edited by accident is not taken. It is no
signature: whoever can write the file can write the sum, too.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from runner.model.codec import dump, load
from runner.model.errors import InputError, Problem
from runner.model.jsonvalue import Damaged, Unwritable
from runner.model.outcome import RunOutcome, exit_code, host_result
from runner.model.plan import FORMAT, Plan, Step
from runner.model.soundness import flaws
from runner.model.source import Origin

PLAN, RUN = "ce-runner plan", "ce-runner run"
_SURROGATE = re.compile("[\ud800-\udfff]")


def digest(plan: Plan) -> str:
    """SHA-256 in hex of the plan's canonical JSON (keys sorted, no blanks, ASCII)."""
    return _digest(_plan_body(plan))


def dump_plan(plan: Plan) -> dict[str, Any]:
    """The plan's document. Errors: InputError naming each task that would write a secret down."""
    body = _plan_body(plan)
    return {"kind": PLAN, "format": FORMAT, "sha256": _digest(body), **body}


def load_plan(document: object, file: str) -> Plan:
    """The plan of a document.

    Errors: InputError for another kind or format, damage, a change by hand, or what does not fit together (`flaws`).
    """
    body = _body(document, PLAN, file)
    _check_sum(body, "plan", file)
    try:
        plays = [{**play, "hosts": [_without(host, "result") for host in play["hosts"]]} for play in body["plays"]]
    except (AttributeError, KeyError, TypeError):
        raise _problem(file, "the document is damaged: document.plays is no list of plays with hosts") from None
    plan: Plan = _load({**_without(body, "exit_code"), "plays": plays}, Plan, file)
    found = [Problem(f"the plan does not fit together: {flaw}", Origin(file)) for flaw in flaws(plan)]
    if found:
        raise InputError(*found)
    return plan


def dump_run(outcome: RunOutcome, plan: Plan) -> dict[str, Any]:
    """The document of a run: what became of every host, and the plan that was applied."""
    body = {"exit_code": int(outcome.exit_code), **dump(outcome, RunOutcome), "plan": dump_plan(plan)}
    return {"kind": RUN, "format": FORMAT, "sha256": _digest(body), **body}


def load_run(document: object, file: str) -> tuple[RunOutcome, Plan]:
    """The outcome and the plan of a run's document. Errors: InputError, as `load_plan`."""
    body = _body(document, RUN, file)
    _check_sum(body, "run", file)
    plan = load_plan(body.pop("plan", None), file)
    return _load(_without(body, "exit_code"), RunOutcome, file), plan


def to_text(document: dict[str, Any]) -> str:
    """The document as it is written to a file: UTF-8 text; lone surrogates, which UTF-8 has not, stay escaped."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"


def from_text(text: str, file: str) -> Any:
    """The JSON of a text. Errors: InputError with line and column when it is none, or was cut off."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        cut = error.pos >= len(text.rstrip())
        message = "the file ends too early: it was cut off" if cut else f"this is not JSON: {error.msg}"
        raise InputError(Problem(message, Origin(file, error.lineno, error.colno))) from None
    except RecursionError:
        raise _problem(file, "this is not a document of ce-runner: it is nested too deeply") from None
    except ValueError:  # Python reads no integer of more than some thousand digits
        raise _problem(file, "this is not a document of ce-runner: it holds a number with too many digits") from None


def _plan_body(plan: Plan) -> dict[str, Any]:
    try:
        body: dict[str, Any] = dump(plan, Plan)
    except Unwritable as error:
        raise InputError(*_unwritable(plan) or (Problem(str(error)),)) from None
    results = []
    for play, written in zip(plan.plays, body["plays"], strict=True):
        for host, host_written in zip(play.hosts, written["hosts"], strict=True):
            results.append(host_result(host))
            host_written["result"] = results[-1].value
    return {**body, "exit_code": int(exit_code(results))}


def _unwritable(plan: Plan) -> tuple[Problem, ...]:
    problems = {}
    for step in (step for play in plan.plays for host in play.hosts for step in host.steps):
        try:
            dump(step, Step)
        except Unwritable as error:
            message = f"the task {step.header.name!r} cannot be planned: {error}"
            problems[step.header.origin] = Problem(message, step.header.origin)
    return tuple(problems.values())


def _digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _check_sum(body: dict[str, Any], what: str, file: str) -> None:
    """Take the sum out of a body, and hold it against the rest. Errors: InputError."""
    if body.pop("sha256", None) != _digest(body):
        raise _problem(file, f"the {what} was changed after it was written: its sha256 does not fit its content")


def _body(document: object, kind: str, file: str) -> dict[str, Any]:
    """A copy of the document without kind and format, once these are ours."""
    if not isinstance(document, dict) or document.get("kind") != kind:
        raise _problem(file, f"this is not a document of the kind {kind!r}")
    version = document.get("format")
    if type(version) is not int or version != FORMAT:  # True == 1
        raise _problem(file, f"format {version} is not known; this ce-runner reads format {FORMAT}")
    return {key: value for key, value in document.items() if key not in ("kind", "format")}


def _without(members: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in members.items() if key != name}


def _load(body: dict[str, Any], hint: Any, file: str) -> Any:
    try:
        return load(body, hint, "document")
    except Damaged as error:
        raise _problem(file, f"the document is damaged: {error}") from None


def _problem(file: str, message: str) -> InputError:
    return InputError(Problem(message, Origin(file)))
