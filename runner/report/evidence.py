"""The evidence of a run, from its document: for each host and thing what was, what was wanted, what was read back.

That of an audit, which no run follows, is in the document of its plan.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from runner.model.document import PLAN
from runner.model.outcome import CHANGED, Result
from runner.model.plan import Verdict
from runner.modules.assert_ import Assert
from runner.modules.attestation import AttestationModule
from runner.report.confirmations import by_id, confirmation, confirmed_later
from runner.report.evidence_model import (
    ATTESTED,
    AUDIT_EXITS,
    AUDIT_WORDS,
    EXITS,
    HOLDS,
    REFUSED,
    WORDS,
    Evidence,
    HostEvidence,
    Row,
)
from runner.report.words import clean, lines, outcome_word, state, value

_ITEM = re.compile(r"S\d+-\d+")  # how the domain names what has to be checked or done: S0-16
_WAITED = frozenset({Result.HELD, Result.NOT_STARTED})
_LONGEST = 40  # characters of a loop item behind the name of its task


@dataclass(frozen=True, slots=True)
class _Said:
    """What is told beside the outcomes: the words for steps without a turn, what people confirmed before and later."""

    words: Mapping[Verdict, str]
    attestations: Sequence[Mapping[str, Any]] = ()
    later: Sequence[Mapping[str, Any]] = ()


def evidence(document: Mapping[str, Any], later: Sequence[Mapping[str, Any]] = ()) -> Evidence:
    """The evidence in the document of a run or of a plan (`model.document`). All texts are clean: on one line each.

    `later` are confirmations that people gave after the run had started, in the form of those in its document.
    """
    if document["kind"] == PLAN:
        looked = {(host["play"], host["host"]): _looked(document, host) for host in _planned(document)}
        exit_words = AUDIT_EXITS.get(document["exit_code"], "")
        return _evidence(
            {**document, "run": ""}, document, exit_words, tuple(_hosts(document, looked, _Said(AUDIT_WORDS)))
        )
    words = EXITS.get(document["exit_code"], "")
    if document.get("started") and not document.get("ended"):
        words = "it has not ended: it is still under way, or its process was killed"
    outcomes = {(outcome["play"], outcome["host"]): outcome for outcome in document["hosts"]}
    hosts = _hosts(document["plan"], outcomes, _Said(WORDS, document.get("attestations", ()), later))
    return _evidence(document, document["plan"], words, tuple(hosts))


def _evidence(
    head: Mapping[str, Any], plan: Mapping[str, Any], exit_words: str, hosts: tuple[HostEvidence, ...]
) -> Evidence:
    return Evidence(
        run=clean(head["run"]),
        operator=clean(head.get("operator", "")),
        started=clean(head.get("started", "")),
        ended=clean(head.get("ended", "")),
        exit_code=head["exit_code"],
        exit=exit_words,
        playbook=clean(plan["playbook"]),
        planned=clean(plan["created"]),
        digest=clean(plan["sha256"]),
        tool=clean(plan["tool"]),
        hosts=hosts,
    )


def _planned(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (host for play in plan["plays"] for host in play["hosts"])


def _looked(plan: Mapping[str, Any], host: Mapping[str, Any]) -> dict[str, Any]:
    """What an audit says of a host, in the words of an outcome."""
    error = host.get("error", "")
    read = "" if error else plan["created"]
    return {"result": host["result"], "message": error, "advice": host.get("advice", ""), "read": read}


def _hosts(
    plan: Mapping[str, Any],
    outcomes: Mapping[tuple[int, str], Mapping[str, Any]],
    said: _Said,
) -> Iterator[HostEvidence]:
    for play in plan["plays"]:
        for host in play["hosts"]:
            outcome = outcomes.get((host["play"], host["host"]), {})
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
                tuple(_rows(host, outcome, said)),
            )


def _rows(host: Mapping[str, Any], outcome: Mapping[str, Any], said: _Said) -> Iterator[Row]:
    confirmed, later = (by_id(given, host["host"]) for given in (said.attestations, said.later))
    actions = {action["step"]: action for action in outcome.get("actions", [])}
    drifts = {drift["step"]: drift for drift in outcome.get("drifts", [])}
    for drift in outcome.get("fact_drifts", []):
        yield _fact_drifted(drift)
    for step in host["steps"]:
        name = step["header"]["id"]
        if name in drifts:
            yield _drifted(step, drifts[name])
        elif name in actions and step["verdict"] != Verdict.CONTROL:
            yield _answered(_acted(step, actions[name]), step, later)
        elif _silent(step):
            continue
        elif step["verdict"] == Verdict.TOLD and step["header"]["module"] == AttestationModule.name:
            yield _attested(step, confirmed.get(step["arguments"].get("id")))
        elif step["verdict"] == Verdict.COMPLIANT:
            yield _compliant(step, outcome.get("read", ""))
        else:
            yield _answered(_told(step, host.get("facts", {}), said.words), step, later)


def _silent(step: Mapping[str, Any]) -> bool:
    """Nothing that was asked for: what steers the run, facts that were gathered, a handler that nothing notifies."""
    if step["verdict"] == Verdict.DEFERRED:
        return False
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


def to_the_second(moment: str) -> str:
    """A moment as the run's own are written, so that they can be compared; one that is none stays as it is."""
    try:
        return datetime.fromisoformat(moment).isoformat(timespec="seconds")
    except ValueError:
        return clean(moment)


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


def _told(step: Mapping[str, Any], facts: Mapping[str, Any], words: Mapping[Verdict, str]) -> Row:
    """What the plan says of a step that had no turn; `words` are those of the verdicts for which a turn counts."""
    verdict = Verdict(step["verdict"])
    holds = verdict is Verdict.TOLD and step["header"]["module"] == Assert.name
    owner = clean(step.get("owner", ""))
    action = step.get("action")
    before, planned, _ = _changed(step, action, None) if action else (_whole(step, step.get("before")), (), ())
    said = lines(step.get("message", ""))
    if verdict is Verdict.SKIPPED:  # what is said is the condition
        said = tuple(f"not the case: {one}" for one in said)
    notes = (*_because(action), *_asserted(step, facts), *_conditions(step), *said)
    result = HOLDS if holds else words.get(verdict, verdict.value)
    irreversible = clean(action.get("irreversible", "")) if action else ""
    return _row(step, result, before=before, planned=planned, owner=owner, irreversible=irreversible, notes=notes)


def _attested(step: Mapping[str, Any], given: Mapping[str, Any] | None) -> Row:
    """A step that a person had confirmed. In the place of its reading stands when that was; who it was in the notes."""
    if given is None:
        return _row(step, ATTESTED, notes=lines(step.get("message", "")))
    return _row(step, ATTESTED, verified=to_the_second(given["at"]), notes=confirmation(given))


def _answered(row: Row, step: Mapping[str, Any], later: Mapping[str, Mapping[str, Any]]) -> Row:
    """A row with what a person confirmed after the run had started, if it was what this step waited for."""
    of_a_person = step["header"]["module"] == AttestationModule.name and row.result in _WAITED
    given = later.get(str(step["arguments"].get("id"))) if of_a_person else None
    return replace(row, later=confirmed_later(given, step["arguments"])) if given else row


def _asserted(step: Mapping[str, Any], facts: Mapping[str, Any]) -> tuple[str, ...]:
    """The conditions of an assertion, and the facts that decided them."""
    if step["header"]["module"] != Assert.name:
        return ()
    names = [name for name in step["header"].get("facts", []) if name in facts]
    conditions = (clean(condition["text"]) for condition in step["arguments"].get("that", []))
    return (*conditions, *(f"{clean(name)} is {value(facts[name])}" for name in names))


def _acted(step: Mapping[str, Any], outcome: Mapping[str, Any]) -> Row:
    """A step that had a turn, or would have had one."""
    result, now = Result(outcome["result"]), outcome.get("now")
    action = step.get("action") or outcome.get("action")
    proven = result in CHANGED or (result is Result.NOTHING_TO_DO and now is not None)
    by_answer = ("proven by its answer: there is nothing to read back",) if proven and now is None else ()
    notes = (*_because(action), *_conditions(step), *lines(outcome.get("message", "")), *by_answer)
    ended = clean(outcome.get("ended", ""))
    before, planned, after = _changed(step, action, now) if action else ((), (), _whole(step, now))
    return _row(
        step,
        outcome_word(result),
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
