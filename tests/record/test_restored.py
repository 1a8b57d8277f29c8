"""A run's outcome from its journal: the same as apply gave it, and honest where the journal breaks off."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from runner.apply.run import apply_plan
from runner.apply.tools import Tools
from runner.model.attestation import Attestation
from runner.model.events import ActionEnded, ChangeIntended, Event, HostEnded, RunEnded
from runner.model.observation import HostFindings, Postponed
from runner.model.outcome import HostResult, Result, RunOutcome
from runner.model.plan import PlayPlan
from runner.model.state import State
from runner.model.task import Deferred
from runner.plan.host import plan_host
from runner.record.journal import Journal
from runner.record.restored import run_outcome
from tests.apply.test_run import fleet_of, plan_of, play
from tests.apply.toy import MODULES, Things, observe, ready


def recorded(path: Path, *left_out: type[Event]) -> tuple[RunOutcome, RunOutcome]:
    """What apply returned, and what the journal tells when it was not told of some events of h2."""
    fleet = fleet_of("h1", "h2", "h3", broken=("h3",))
    with Journal(path) as journal:

        def tell(event: Event) -> None:
            host = event.outcome.host if isinstance(event, HostEnded) else getattr(event, "host", "h2")
            if not (isinstance(event, left_out) and host == "h2"):
                journal(event)

        journal.attest(Attestation("h1", "S0-12", "佐藤", datetime.now(UTC), "4711"))
        tools = Tools(MODULES, tell, operator="admin@controller", attestations=journal.attestations())
        outcome = apply_plan(plan_of(play(fleet)), lambda name: fleet[name], tools, "run-1")
        journal.attest(Attestation("h1", "S0-12", "too late", datetime.now(UTC)))
        return outcome, run_outcome(journal.run("run-1"), journal.unfinished("run-1"))


def test_a_run_is_told_as_it_was(tmp_path: Path) -> None:
    outcome, told = recorded(tmp_path / "journal.db")
    assert replace(told, seconds=0.0, started="", ended="") == replace(outcome, seconds=0.0, started="", ended="")
    assert told.operator == "admin@controller"
    assert [one.by for one in told.attestations] == ["佐藤"]
    assert told.started <= outcome.started <= outcome.ended
    assert told.ended >= outcome.ended
    actions = [action for host in told.hosts for action in host.actions]
    assert all(action.ended for action in actions if action.result is not Result.NOT_STARTED)
    assert all(host.read for host in told.hosts)


def test_a_change_without_an_outcome_is_unknown(tmp_path: Path) -> None:
    _, told = recorded(tmp_path / "journal.db", ActionEnded, HostEnded, RunEnded)
    assert (told.ended, told.seconds) == ("", 0.0)
    host = told.hosts[1]
    assert (host.host, host.result) == ("h2", HostResult.UNKNOWN)
    assert [action.result for action in host.actions] == [Result.UNKNOWN, Result.UNKNOWN]
    assert "its end is not recorded" in host.message


def test_what_was_recorded_of_a_host_stays(tmp_path: Path) -> None:
    _, told = recorded(tmp_path / "journal.db", HostEnded, RunEnded)
    host = told.hosts[1]
    assert host.result is HostResult.UNKNOWN
    assert [action.result for action in host.actions] == [Result.APPLIED, Result.APPLIED]


def test_a_host_without_any_record_was_not_started(tmp_path: Path) -> None:
    _, told = recorded(tmp_path / "journal.db", ChangeIntended, ActionEnded, HostEnded, RunEnded)
    host = told.hosts[1]
    assert host.result is HostResult.NOT_STARTED
    assert [action.result for action in host.actions] == [Result.NOT_STARTED, Result.NOT_STARTED]
    assert "no change is recorded" in host.message
    assert [one.result for one in told.hosts if one.host != "h2"] == [HostResult.APPLIED, HostResult.FAILED]


def test_a_deferred_change_without_an_outcome_is_unknown_and_tells_what_was_before(tmp_path: Path) -> None:
    host = Things({"b": {"value": 7}})
    first, wanted = ready(1, "value", name="a"), ready(2, "late", name="b", value=8)
    findings = (*observe(host, [first]).findings, Postponed(wanted, Deferred(("value",))))
    plan = plan_of(PlayPlan(1, "p", (("h1",),), (plan_host(HostFindings("h1", findings, {}, 1), 1, MODULES),)))
    with Journal(tmp_path / "journal.db") as journal:

        def tell(event: Event) -> None:
            late = isinstance(event, ActionEnded) and event.step.deferred is not None
            if not late and not isinstance(event, (HostEnded, RunEnded)):
                journal(event)

        apply_plan(plan, lambda name: host, Tools(MODULES, tell), "run-1")
        (told,) = run_outcome(journal.run("run-1"), journal.unfinished("run-1")).hosts
    assert [action.result for action in told.actions] == [Result.APPLIED, Result.UNKNOWN]
    assert told.actions[1].action is not None
    assert told.actions[1].action.before == State(True, {"value": 7})
