"""What is special about services: refusals, pending states, doubt about absence."""

from __future__ import annotations

from typing import Any

from runner.lab.spec import MachineSpec, build_machine
from runner.model.command import ErrorRecord, Reply, ReplyState
from runner.model.state import Desired, State, Unreadable
from runner.model.value import PSObject
from runner.modules.base import Round, StateModule
from runner.modules.loader import load_modules
from runner.modules.reading import Wanted, read_all
from tests.modules.lab_session import LabSession

ABSENT = "NoServiceFoundForGivenName,Microsoft.PowerShell.Commands.GetServiceCommand"


def module() -> StateModule[Any]:
    found = load_modules()["win_service"]
    assert isinstance(found, StateModule)
    return found


def arguments(**data: Any) -> Any:
    return module().arguments.model_validate(data)


def session(**services: Any) -> LabSession:
    return LabSession(build_machine("lab", MachineSpec.model_validate({"services": services})))


def running(**more: Any) -> dict[str, Any]:
    return {"status": "running", "start_mode": "manual", **more}


def error(error_id: str) -> ErrorRecord:
    return ErrorRecord(error_id, "ObjectNotFound", "X", "何か")


def read(on: LabSession, *wanted: Any) -> tuple[Any, ...]:
    return read_all([Wanted(module(), one) for one in wanted], lambda statements: on.read(statements, 60.0))


def test_running_dependents_without_force_are_a_refusal_with_advice() -> None:
    on = session(LabSvc=running(), LabDep=running(depends_on=["LabSvc"]))
    wanted = arguments(name="LabSvc", state="stopped")
    (before,) = read(on, wanted)
    (statement,) = module().write(wanted, before)
    (reply,) = on.change(statement, (), 60.0, lambda ids: None)
    failure = module().judge(statement, reply)
    assert failure is not None
    assert "ServiceHasDependentServices" in failure
    assert "force_dependent_services" in failure


def test_a_service_on_its_way_is_not_settled() -> None:
    machine = build_machine("lab", MachineSpec.model_validate({"services": {"LabSvc": running(stuck_stop=True)}}))
    machine.services.stop("LabSvc")
    wanted = arguments(name="LabSvc", state="stopped")
    (now,) = read(LabSession(machine), wanted)
    assert now == State(True, {"state": "stopping"})
    assert not module().settled(now, Desired(True, {"state": "stopped"}))


def test_a_failure_to_start_is_told() -> None:
    on = session(LabSvc={"status": "stopped", "start_mode": "manual", "start_error": 1053})
    wanted = arguments(name="LabSvc", state="started")
    (before,) = read(on, wanted)
    (statement,) = module().write(wanted, before)
    (reply,) = on.change(statement, (), 60.0, lambda ids: None)
    assert "CouldNotStartService" in (module().judge(statement, reply) or "")


def test_many_services_are_one_question() -> None:
    names = ["Spooler", "W32Time", "NoSuch", "WinRM"]
    on = session()
    found = read(on, *(arguments(name=name, state="started") for name in names))
    assert [one.exists for one in found] == [True, True, False, True]
    assert on.batches == 1
    assert [statement[0].name for statement in on.sent] == ["Get-Service", "Get-ItemProperty"]


def test_absence_is_believed_only_if_every_error_says_so() -> None:
    """Another error among them could belong to any silent name, so each is asked for by itself."""
    wanted = [arguments(name="A", start_mode="auto"), arguments(name="B", start_mode="auto")]
    first = module().read(wanted, [])
    denied = error("AccessDenied,Microsoft.PowerShell.Commands.GetServiceCommand")
    replies = (Reply(ReplyState.DONE, (), (error(ABSENT), denied)), Reply(ReplyState.DONE))
    rounds = [Round(first, replies)]
    second = module().read(wanted, rounds)
    assert len(second) == 2
    rounds.append(Round(second, (Reply(ReplyState.DONE, (), (error(ABSENT),)), Reply(ReplyState.DONE, (), (denied,)))))
    absent, unknown = module().observe(wanted, rounds)
    assert absent == State(False)
    assert isinstance(unknown, Unreadable)
    assert "AccessDenied" in unknown.reason


def test_a_property_that_did_not_come_is_not_guessed() -> None:
    wanted = [arguments(name="A", start_mode="auto")]
    service = PSObject(("X",), {"Name": "A", "ServiceName": "A", "DisplayName": "a"})
    replies = (Reply(ReplyState.DONE, (service,)), Reply(ReplyState.DONE))
    (found,) = module().observe(wanted, [Round(module().read(wanted, []), replies)])
    assert found == Unreadable("service A: start_mode could not be read")
