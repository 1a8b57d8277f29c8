"""The evidence of a run, from its document: for each host and thing what was, what was wanted, what was read back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from runner.model.errors import ExitCode
from runner.model.outcome import CHANGED, Result
from runner.model.plan import Verdict
from runner.modules.assert_ import Assert
from runner.modules.attestation import AttestationModule
from runner.report.words import clean, state, value

_ITEM = re.compile(r"S\d+-\d+")  # how the domain names what has to be checked or done: S0-16
ATTESTED, HOLDS, REFUSED = "attested", "holds", "refused"
_LONGEST = 40  # characters of a loop item behind the name of its task
_WORDS: Mapping[Verdict, str] = MappingProxyType(
    {
        Verdict.BLOCKED: Verdict.HELD.value,
        Verdict.CHANGE: Result.NOT_STARTED.value,
        Verdict.DEFERRED: Result.NOT_STARTED.value,
        Verdict.IDLE: Result.NOT_TRIGGERED.value,
    }
)
_EXITS: Mapping[int, str] = MappingProxyType(
    {
        ExitCode.OK: "every host is as the plan promised: compliant, or changed and read back",
        ExitCode.PENDING: "changes are left to be made",
        ExitCode.FAILED: "a host failed, could not be read, did not become as promised, or its state is not known",
        ExitCode.UNREACHABLE: "a host could not be reached",
        ExitCode.REFUSED: "a host was no longer as planned, so that nothing was changed there",
        ExitCode.HELD: "on a host somebody else must act first",
        ExitCode.NOT_STARTED: "a host was not started",
        ExitCode.INTERRUPTED: "the run was interrupted",
    }
)


@dataclass(frozen=True, slots=True)
class Row:
    """One thing or one message. `before`, `planned` and `after` are lines; `after` is what was read, () if nothing was.

    `verified` is when it was read and found as wanted, `ended` when its turn was over (ISO 8601, UTC).
    `owner` is who must act first on what is held; `irreversible` why a change cannot be taken back.
    """

    items: tuple[str, ...]
    task: str
    thing: str
    result: str
    before: tuple[str, ...] = ()
    planned: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    verified: str = ""
    ended: str = ""
    owner: str = ""
    irreversible: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HostEvidence:
    """One host in one play. `read` is when everything there was read again before a change; "" if it was not."""

    play: int
    play_name: str
    host: str
    title: str
    target: str
    result: str
    message: str
    advice: str
    read: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """A run. `exit` is its exit code in words."""

    run: str
    operator: str
    started: str
    ended: str
    exit_code: int
    exit: str
    playbook: str
    planned: str  # when the plan was made
    digest: str  # SHA-256 of the plan
    tool: str
    hosts: tuple[HostEvidence, ...]


def evidence(document: Mapping[str, Any]) -> Evidence:
    """The evidence in the document of a run (`model.document.dump_run`). All texts are clean: on one line each."""
    plan = document["plan"]
    ended = document.get("ended", "")
    unended = document.get("started") and not ended
    words = "it has not ended: it is still under way, or its process was killed"
    return Evidence(
        run=clean(document["run"]),
        operator=clean(document.get("operator", "")),
        started=clean(document.get("started", "")),
        ended=clean(ended),
        exit_code=document["exit_code"],
        exit=words if unended else _EXITS.get(document["exit_code"], ""),
        playbook=clean(plan["playbook"]),
        planned=clean(plan["created"]),
        digest=clean(plan["sha256"]),
        tool=clean(plan["tool"]),
        hosts=tuple(_hosts(document)),
    )


def _hosts(document: Mapping[str, Any]) -> Iterator[HostEvidence]:
    outcomes = {(outcome["play"], outcome["host"]): outcome for outcome in document["hosts"]}
    for play in document["plan"]["plays"]:
        for host in play["hosts"]:
            outcome = outcomes.get((host["play"], host["host"]), {})
            confirmed = {one["id"]: one for one in document.get("attestations", []) if one["host"] == host["host"]}
            yield HostEvidence(
                play["number"],
                clean(play["name"]),
                clean(host["host"]),
                clean(host.get("title", "")),
                clean(host.get("target", "")),
                outcome.get("result", Result.NOT_STARTED.value),
                clean(outcome.get("message", "")),
                clean(outcome.get("advice", "")),
                clean(outcome.get("read", "")),
                tuple(_rows(host, outcome, confirmed)),
            )


def _rows(host: Mapping[str, Any], outcome: Mapping[str, Any], confirmed: Mapping[str, Any]) -> Iterator[Row]:
    actions = {action["step"]: action for action in outcome.get("actions", [])}
    drifts = {drift["step"]: drift for drift in outcome.get("drifts", [])}
    for drift in outcome.get("fact_drifts", []):
        yield _fact_drifted(drift)
    for step in host["steps"]:
        name = step["header"]["id"]
        if name in drifts:
            yield _drifted(step, drifts[name])
        elif name in actions and step["verdict"] != Verdict.CONTROL:
            yield _acted(step, actions[name])
        elif _silent(step):
            continue
        elif step["verdict"] == Verdict.TOLD and step["header"]["module"] == AttestationModule.name:
            yield _attested(step, confirmed.get(step["arguments"].get("id")))
        elif step["verdict"] == Verdict.COMPLIANT:
            yield _compliant(step, outcome.get("read", ""))
        else:
            yield _said(step, host.get("facts", {}))


def _silent(step: Mapping[str, Any]) -> bool:
    """Nothing that was asked for: what steers the run, facts that were gathered, a handler that nothing notifies."""
    of_nothing = not step.get("heading") and not step.get("message")
    return step["verdict"] == Verdict.CONTROL or (not _items(step) and (of_nothing or step["verdict"] == Verdict.IDLE))


def _items(step: Mapping[str, Any]) -> tuple[str, ...]:
    """The item ids of a step: tags that look like one, and what an attestation confirms; in a loop, only that."""
    header = step["header"]
    names = list(header.get("tags", []))
    confirmed = str(step["arguments"].get("id", "")) if header["module"] == AttestationModule.name else ""
    if _ITEM.fullmatch(confirmed):
        names = [confirmed] if header.get("item") else [*names, confirmed]
    return tuple(name for name in dict.fromkeys(names) if _ITEM.fullmatch(name))


def _row(step: Mapping[str, Any], result: str, **more: Any) -> Row:
    heading = step.get("heading")
    thing = " ".join(filter(None, (heading["kind"], heading["name"], heading.get("property")))) if heading else ""
    item = step["header"].get("item", "")
    told = f" ({item})" if 0 < len(item) <= _LONGEST else f" ({item[:_LONGEST]}...)" if item else ""
    task = step["header"]["name"] + told
    return Row(_items(step), clean(task), clean(thing), result, **more)


def _compliant(step: Mapping[str, Any], read: str) -> Row:
    found = _whole(step, step.get("before"))
    notes = () if read else ("as the plan found it; no later reading is recorded",)
    return _row(
        step, Verdict.COMPLIANT.value, before=found, after=found if read else (), verified=clean(read), notes=notes
    )


def _said(step: Mapping[str, Any], facts: Mapping[str, Any]) -> Row:
    """What the plan says of a step that had no turn."""
    verdict = Verdict(step["verdict"])
    holds = verdict is Verdict.TOLD and step["header"]["module"] == Assert.name
    owner = clean(step.get("owner", ""))
    before = _whole(step, step.get("before"))
    said = _lines(step.get("message", ""))
    if verdict is Verdict.SKIPPED:  # what is said is the condition
        said = tuple(f"not the case: {one}" for one in said)
    notes = (*_asserted(step, facts), *_conditions(step), *said)
    result = HOLDS if holds else _WORDS.get(verdict, verdict.value)
    return _row(step, result, before=before, owner=owner, notes=notes)


def _attested(step: Mapping[str, Any], given: Mapping[str, Any] | None) -> Row:
    """A step that a person had confirmed. In the place of its reading stands when that was; who it was in the notes."""
    if given is None:
        return _row(step, ATTESTED, notes=_lines(step.get("message", "")))
    until = (f"holds until {clean(given['expires'])}",) if given.get("expires") else ()
    notes = (f"confirmed by {clean(given['by'])}", *_lines(given.get("evidence", "")), *until)
    return _row(step, ATTESTED, verified=clean(given["at"]), notes=notes)


def _asserted(step: Mapping[str, Any], facts: Mapping[str, Any]) -> tuple[str, ...]:
    """The conditions of an assertion, and the facts that decided them."""
    if step["header"]["module"] != Assert.name:
        return ()
    names = [name for name in step["header"].get("facts", []) if name in facts]
    conditions = (clean(condition["text"]) for condition in step["arguments"].get("that", []))
    return (*conditions, *(f"{clean(name)} is {value(facts[name])}" for name in names))


def _acted(step: Mapping[str, Any], outcome: Mapping[str, Any]) -> Row:
    """A step that had a turn, or would have had one."""
    result, now, action = Result(outcome["result"]), outcome.get("now"), step.get("action")
    proven = result in CHANGED or (result is Result.NOTHING_TO_DO and now is not None)
    by_answer = ("proven by its answer: there is nothing to read back",) if proven and now is None else ()
    notes = (*_because(action), *_conditions(step), *_lines(outcome.get("message", "")), *by_answer)
    ended = clean(outcome.get("ended", ""))
    before, planned, after = _changed(step, action, now) if action else ((), (), _whole(step, now))
    return _row(
        step,
        result.value,
        before=before,
        planned=planned,
        after=after,
        verified=ended if proven else "",
        ended=ended,
        owner=clean(outcome.get("owner", "")),
        irreversible=clean(action.get("irreversible", "")) if action else "",
        notes=notes,
    )


def _drifted(step: Mapping[str, Any], drift: Mapping[str, Any]) -> Row:
    unread = clean(drift.get("message", ""))
    return _row(
        step,
        REFUSED,
        before=_whole(step, drift["planned"]),
        planned=_whole(step, drift["after"]),
        after=(unread,) if drift["now"] is None else _whole(step, drift["now"]),
        notes=("no longer as the plan found it, so that nothing was changed on this host",),
    )


def _fact_drifted(drift: Mapping[str, Any]) -> Row:
    message = drift.get("message")
    now = f"could not be read: {clean(message)}" if message else value(drift["now"])
    return Row(
        (),
        "",
        f"fact {clean(drift['name'])}",
        REFUSED,
        before=(value(drift["planned"]),),
        after=(now,),
        notes=("a condition or an argument of the plan rests on it, so that nothing was changed on this host",),
    )


def _whole(step: Mapping[str, Any], data: Mapping[str, Any] | None) -> tuple[str, ...]:
    """A state: in one phrase where the thing is one property, or is not there; else a line for each property."""
    if data is None:
        return ()
    if (step.get("heading") or {}).get("property") or not data["exists"] or not data.get("properties"):
        return (state(data),)
    return tuple(f"{clean(name)}: {value(item)}" for name, item in data["properties"].items())


def _changed(
    step: Mapping[str, Any], action: Mapping[str, Any], now: Mapping[str, Any] | None
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Before, planned and read back: of the whole thing where it is one property, else of what had to change."""
    if step["heading"].get("property"):
        return _whole(step, action["before"]), _whole(step, action["after"]), _whole(step, now)
    names = [one["property"] for one in action["differences"]]
    planned = tuple(
        _presence(one["after"]) if one["property"] is None else f"{clean(one['property'])}: {value(one['after'])}"
        for one in action["differences"]
    )
    return _of(action["before"], names), planned, _of(now, names) if now is not None else ()


def _of(data: Mapping[str, Any], names: list[str | None]) -> tuple[str, ...]:
    """These properties of a state; None is whether it exists."""
    if not data["exists"]:
        return (_presence(False),)
    properties = data.get("properties", {})
    return tuple(
        _presence(True)
        if name is None
        else f"{clean(name)}: {value(properties[name]) if name in properties else _presence(False)}"
        for name in names
    )


def _presence(exists: bool) -> str:
    return "present" if exists else "absent"


def _because(action: Mapping[str, Any] | None) -> tuple[str, ...]:
    names = (action or {}).get("because", [])
    return (f"because of: {', '.join(clean(name) for name in names)}",) if names else ()


def _conditions(step: Mapping[str, Any]) -> tuple[str, ...]:
    """What a deferred step waited for."""
    deferred = step.get("deferred") or {}
    after = [clean(name) for name in deferred.get("after", [])]
    return (
        *(f"only if: {clean(condition)}" for condition in deferred.get("conditions", [])),
        *((f"decided after: {', '.join(after)}",) if after else ()),
    )


def _lines(text: str) -> tuple[str, ...]:
    return tuple(clean(one) for one in text.split("\n")) if text else ()
