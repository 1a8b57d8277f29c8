"""The outcome of a run as its journal tells it, also of one that never came to its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from runner.model.attestation import attested
from runner.model.errors import ExitCode
from runner.model.outcome import ActionOutcome, HostOutcome, HostResult, Result, RunOutcome
from runner.model.plan import HostPlan
from runner.record.due import due
from runner.record.entries import Intent, RunRecord

_UNDER_WAY = "its end is not recorded: the run is still under way, or its process was killed"
_UNTOUCHED = "no change is recorded: the run is still under way, or its process was killed before"
_SENT = "it was sent, and what came of it is not recorded"
_ADVICE = "check this host before anything else is done there"


def run_outcome(record: RunRecord, unfinished: Iterable[Intent]) -> RunOutcome:
    """The outcome of a recorded run, in the order of its plan.

    `unfinished` are the changes that were announced and have no outcome (`Journal.unfinished`). A host whose end is not
    recorded is unknown if a change was announced there, and not started if none was. A handler that is due says so.
    """
    entry = record.entry
    ended = {(outcome.play, outcome.host): outcome for outcome in record.hosts}
    open_steps = {(intent.play, intent.host, intent.step): intent for intent in unfinished}
    plans = (host for play in record.plan.plays for host in play.hosts)
    hosts = tuple(ended.get((plan.play, plan.host)) or _cut_off(plan, record, open_steps) for plan in plans)
    started = datetime.fromisoformat(entry.started)
    end = datetime.fromisoformat(entry.ended) if entry.ended else None
    return RunOutcome(
        entry.id,
        hosts,
        interrupted=entry.exit_code == ExitCode.INTERRUPTED,
        seconds=(end - started).total_seconds() if end else 0.0,
        started=started.isoformat(timespec="seconds"),
        ended=end.isoformat(timespec="seconds") if end else "",
        operator=entry.operator,
        attestations=attested((host.host for host in hosts), record.attestations),
    )


def _cut_off(plan: HostPlan, record: RunRecord, open_steps: Mapping[tuple[int, str, str], Intent]) -> HostOutcome:
    place = (plan.play, plan.host)
    done = {one.outcome.step: one.outcome for one in record.outcomes if (one.play, one.host) == place}
    unclear = {step: intent for (*where, step), intent in open_steps.items() if tuple(where) == place}
    actions = list(done.values())
    for step in (str(step.header.id) for step in plan.steps if step.has_turn):
        if step in unclear:
            actions.append(ActionOutcome(step, Result.UNKNOWN, _SENT, action=unclear[step].action, touched=True))
        elif step not in done:
            actions.append(ActionOutcome(step, Result.NOT_STARTED))
    waiting = due(plan, actions)
    actions = [replace(one, message=_due(waiting[one.step])) if one.step in waiting else one for one in actions]
    if not done and not unclear:
        return HostOutcome(plan.host, plan.play, HostResult.NOT_STARTED, tuple(actions), message=_UNTOUCHED)
    return HostOutcome(plan.host, plan.play, HostResult.UNKNOWN, tuple(actions), message=_UNDER_WAY, advice=_ADVICE)


def _due(because: Iterable[str]) -> str:
    return f"it is due, because of: {', '.join(because)}; a new plan will not know that"
