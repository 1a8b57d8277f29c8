"""What is special about the WinRM client: errors without a code, values that go by themselves, arguments."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from runner.lab.spec import MachineSpec, build_machine
from runner.model.command import ErrorRecord, Reply, ReplyState, Statement, command
from runner.model.state import Desired, Held, State, Unreadable
from runner.model.value import PSObject
from runner.modules.base import Round, StateModule
from runner.modules.loader import load_modules
from runner.modules.reading import Wanted, read_all
from tests.modules.lab_session import LabSession

POLICY = "HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows\\WinRM\\Client"
BASIC = "WSMan:\\localhost\\Client\\Auth\\Basic"
SET: Statement = (command("Set-Item", LiteralPath=BASIC, Value=True, Force=True),)
REMOVE: Statement = (command("Remove-ItemProperty", LiteralPath="HKLM:\\SOFTWARE", Name="auth_basic"),)
GONE = "System.Management.Automation.PSArgumentException,Microsoft.PowerShell.Commands.RemoveItemPropertyCommand"


def module() -> StateModule[Any]:
    found = load_modules()["winrm_client"]
    assert isinstance(found, StateModule)
    return found


def arguments(**data: Any) -> Any:
    return module().arguments.model_validate(data)


def state(**properties: Any) -> State:
    return State(True, {"value": False, "local": None, "source": None, "policy": None, **properties})


def failed(error_id: str, category: str = "InvalidOperation") -> Reply:
    return Reply(ReplyState.FAILED, errors=(ErrorRecord(error_id, category, "X", "何か"),))


def test_what_a_policy_refuses_is_told_with_its_code() -> None:
    machine = build_machine("lab", MachineSpec.model_validate({"registry": {POLICY: {"AllowBasic": 0}}}))
    (reply,) = LabSession(machine).change(SET, (), 60.0, lambda ids: None)
    assert reply.errors[0].id == "WsManError,Microsoft.PowerShell.Commands.SetItemCommand"
    told = module().judge(SET, reply) or ""
    assert "0x8033808A" in told
    assert "this setting, or one beside it" in told


def test_without_access_the_account_is_to_blame() -> None:
    reply = failed("System.UnauthorizedAccessException,X", "PermissionDenied")
    told = module().judge(SET, reply) or ""
    assert "has to be an administrator" in told
    assert "0x8033808A" not in told


def test_a_value_that_is_gone_already_is_no_failure_of_an_undo() -> None:
    assert module().judge(REMOVE, failed(GONE)) is None
    assert module().judge(REMOVE, failed("System.Security.SecurityException,X")) is not None
    assert module().judge(SET, failed(GONE)) is not None


@pytest.mark.parametrize(
    "owned", [{"source": "GPO"}, {"policy": "AllowBasic = 0"}, {"source": "GPO", "policy": "AllowBasic = 0"}]
)
def test_a_policy_is_known_by_the_source_and_by_its_value(owned: dict[str, str]) -> None:
    wanted = module().desired(arguments(basic=True), state(**owned))
    assert isinstance(wanted, Held)
    assert wanted.owner == "Group Policy"
    assert owned.get("policy", "none of its values is known") in wanted.reason


def test_the_service_is_never_touched() -> None:
    everything = arguments(
        basic=True,
        digest=True,
        kerberos=True,
        negotiate=True,
        certificate=True,
        credssp=True,
        allow_unencrypted=True,
        trusted_hosts="*",
        network_delay_ms=1,
    )
    parts = module().parts(everything)
    assert len(parts) == 9
    written = [one for part in parts for statement in module().write(part, state()) for one in statement]
    paths = [str(dict(one.parameters)["LiteralPath"]) for one in written]
    assert all(path.startswith("WSMan:\\localhost\\Client\\") for path in paths)
    assert len(set(paths)) == len(parts)


@pytest.mark.parametrize("value", ["", "perhaps", None, 1])
def test_a_value_that_makes_no_sense_is_not_read(value: Any) -> None:
    part = arguments(basic=True)
    statements = module().read([part], [])
    item = PSObject((), {"PSPath": f"Microsoft.WSMan.Management\\WSMan::{BASIC[7:]}", "Value": value})
    answers = (Reply(ReplyState.DONE, (item,)), *(Reply(ReplyState.DONE) for _ in statements[1:]))
    (found,) = module().observe([part], [Round(statements, answers)])
    assert isinstance(found, Unreadable)
    assert BASIC in found.reason


def test_an_answer_that_was_not_seen_is_not_read() -> None:
    part = arguments(basic=True)
    statements = module().read([part], [])
    (found,) = module().observe([part], [Round(statements, tuple(Reply(ReplyState.UNSEEN) for _ in statements))])
    assert isinstance(found, Unreadable)


def test_several_tasks_are_asked_for_in_one_statement() -> None:
    on = LabSession(build_machine("lab", MachineSpec()))
    wanted = [Wanted(module(), arguments(basic=flag)) for flag in (True, False)]
    wanted.append(Wanted(module(), arguments(credssp=False)))
    found = read_all(wanted, lambda statements: on.read(statements, 60.0))
    assert [one.properties["value"] for one in found if isinstance(one, State)] == [True, True, False]
    assert sum(statement[0].name == "Get-Item" and len(statement) == 2 for statement in on.sent) >= 1
    assert on.batches == 1


def test_a_registry_task_for_the_same_value_is_known() -> None:
    (switch,) = module().implied(arguments(basic=False), Desired(True, {"value": False}))
    assert switch.key.endswith("\\WSMAN\\CLIENT::AUTH_BASIC")
    assert switch.desired == Desired(True, {"type": "dword", "data": 0})
    (hosts,) = module().implied(arguments(trusted_hosts="a"), Desired(True, {"value": "a"}))
    assert hosts.desired == Desired(True, {"type": "string", "data": "a"})


def test_what_cannot_be_wanted() -> None:
    with pytest.raises(ValidationError, match="name at least one setting"):
        arguments()
    with pytest.raises(ValidationError, match="each a text without commas"):
        arguments(trusted_hosts=["a,b"])
    with pytest.raises(ValidationError):
        arguments(network_delay_ms=-1)
    assert (
        arguments(trusted_hosts=[" a ", "b"]).trusted_hosts == arguments(trusted_hosts="a, b,").trusted_hosts == "a,b"
    )
