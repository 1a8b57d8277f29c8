"""The screen of apply: what became of each host, and what is left to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runner.model.outcome import CHANGED, HostResult, Result
from runner.report.columns import Line, line, table
from runner.report.evidence import evidence
from runner.report.plan_screen import columns, host_line, play_line, summary
from runner.report.steps import heading, step_lines
from runner.report.words import clean, count, outcome_word, state, value

PROBLEMS = frozenset({Result.FAILED, Result.NOT_CONVERGED, Result.UNKNOWN})
IDLE = frozenset({Result.NOT_TRIGGERED, Result.NOTHING_TO_DO})
SILENT = CHANGED | {Result.NOTHING_TO_DO}
UNPLANNED = frozenset({"held", "blocked", "failed", "unreadable"})  # verdicts that leave nothing to apply


def run_lines(document: dict[str, Any]) -> Iterator[Line]:
    """The lines for a run's document: a line for each host, and all that did not go simply as planned."""
    plays = document["plan"]["plays"]
    outcomes = {(outcome["play"], outcome["host"]): outcome for outcome in document["hosts"]}
    for play in plays:
        if len(plays) > 1:
            yield play_line(play)
        names, titles = columns(play["hosts"])
        for host in play["hosts"]:
            outcome = outcomes.get((host["play"], host["host"]))
            if outcome:
                result = HostResult(outcome["result"])
                yield host_line(host, names, titles, result, _words(result, outcome))
                yield from _details(host, outcome)
    yield line("")
    if document.get("interrupted"):
        yield line(("interrupted: what was under way was finished, nothing else was started", "bold magenta"))
    results = [(outcome["host"], outcome["result"]) for outcome in document["hosts"]]
    requests = [outcome.get("requests", 0) for outcome in document["hosts"]]
    costs = summary(results, requests, document.get("seconds", 0.0), document["exit_code"])
    yield costs.append(f"     run {clean(document['run'])}")


def later_lines(document: Mapping[str, Any], later: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """A line for each step that waited for a person in a run and was confirmed `later` (`evidence`)."""
    hosts = evidence(document, later).hosts if later else ()
    return tuple(f"{host.host}: {row.task}: {'; '.join(row.later)}" for host in hosts for row in host.rows if row.later)


def _words(result: HostResult, outcome: dict[str, Any]) -> str:
    counts = Counter(Result(action["result"]) for action in outcome.get("actions", []))
    made = sum(counts[one] for one in CHANGED)
    words = Counter(outcome_word(Result(action["result"])) for action in outcome.get("actions", []))
    others = [f"{words[one.value]} {one.value}" for one in Result if one not in SILENT and words[one.value]]
    drifted = len(outcome.get("drifts", [])) + len(outcome.get("fact_drifts", []))
    if drifted:
        return f"refused: {count(drifted, 'thing is', 'things are')} no longer as planned, so that nothing was changed"
    if result is HostResult.APPLIED:
        idle = counts[Result.NOT_TRIGGERED]
        proven = f"applied: {count(made, 'change')}, {_proof(outcome, made)}"
        return proven + (f"; {idle} not triggered" if idle else "")
    if outcome.get("message"):
        return f"{result.value}: {clean(outcome['message'])}" + (f" (after {count(made, 'change')})" if made else "")
    if not counts:
        return result.value
    turns = sum(counts.values()) - sum(counts[one] for one in IDLE)
    if not turns:
        return result.value
    return f"{result.value}: " + ", ".join([f"{made} of {turns} changes made", *others])


def _proof(outcome: dict[str, Any], made: int) -> str:
    """How the changes were proven: those that leave nothing to read (a program was run), by their answers."""
    told = sum(Result(one["result"]) in CHANGED and one.get("now") is None for one in outcome["actions"])
    if not told:
        return "read back"
    by_answer = f"proven by {'its answer' if told == 1 else 'their answers'}"
    return by_answer if told == made else f"{made - told} read back, {told} {by_answer}"


def _details(host: dict[str, Any], outcome: dict[str, Any]) -> Iterator[Line]:
    steps = {step["header"]["id"]: step for step in host["steps"]}
    for drift in outcome.get("drifts", []):
        yield from _drift(steps[drift["step"]], drift)
    for drift in outcome.get("fact_drifts", []):
        yield from _fact_drift(drift)
    yield from step_lines([step for step in host["steps"] if step["verdict"] in UNPLANNED], None)
    for action in outcome.get("actions", []):
        result, decided = Result(action["result"]), action.get("action")
        if decided:  # no plan has shown it
            yield from step_lines([{**steps[action["step"]], "verdict": "change", "action": decided}], None)
        if result in PROBLEMS or (action.get("message") and result not in IDLE):
            yield from _action(steps[action["step"]], result, action)
    if outcome.get("advice"):
        yield line(f"      next: {clean(outcome['advice'])}")


def _action(step: dict[str, Any], result: Result, action: dict[str, Any]) -> Iterator[Line]:
    mark = "x" if result in PROBLEMS else "!" if result is Result.NOT_STARTED else "~"
    before = ", and nothing is done here before" if result is Result.BLOCKED else ""
    yield heading(step, mark, f"{_property(step)}     {outcome_word(result)}{before}")
    if action.get("message"):
        yield line(f"      {clean(action['message'])}")
    rows = [
        (f"{_named(one['property'])}   ", "promised ", f"{value(one['after'])}   ", "is ", value(one["before"]))
        for one in action.get("differences", [])
    ]
    yield from (line(text) for text in table(rows, 6))


def _property(step: dict[str, Any]) -> str:
    name = (step.get("heading") or {}).get("property", "")
    return f"  {clean(name)}" if name else ""


def _named(name: str | None) -> str:
    return "exists" if name is None else clean(name)


def _drift(step: dict[str, Any], drift: dict[str, Any]) -> Iterator[Line]:
    """Planned before, now, planned after: of the whole thing where it is one property, or is gone, else of each."""
    planned, now, after = drift["planned"], drift["now"], drift["after"]
    whole = bool(_property(step)) or now is None or any(one["property"] is None for one in drift["differences"])
    if whole:
        phrase = state if _property(step) else _presence
        yield heading(step, "~", _property(step))
        unread = clean(drift.get("message", ""))
        yield from _three(phrase(planned), phrase(now) if now else unread, phrase(after) if after else "as before")
        return
    for one in drift["differences"]:
        name = one["property"]
        yield heading(step, "~", f"  {clean(name)}")
        left = after and (value(after.get("properties", {}).get(name)) if after["exists"] else "absent")
        yield from _three(value(one["before"]), value(one["after"]), left or "as before")


def _presence(data: dict[str, Any]) -> str:
    return "present" if data["exists"] else "absent"


def _fact_drift(drift: dict[str, Any]) -> Iterator[Line]:
    fact = {"header": {"module": "fact", "name": drift["name"]}}
    yield heading(fact, "~", "  a condition or an argument of the plan rests on it")
    now = f"could not be read: {clean(drift['message'])}" if drift.get("message") else value(drift["now"])
    yield from (line(text) for text in table([("planned   ", value(drift["planned"])), ("now   ", now)], 6))


def _three(planned: str, now: str, after: str) -> list[Line]:
    rows = [("planned before   ", planned), ("now   ", now), ("planned after   ", after)]
    return [line(text) for text in table(rows, 6)]
