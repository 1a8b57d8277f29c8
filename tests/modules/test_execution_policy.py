"""What is special about execution policies: the override that is no failure, several tasks, arguments."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from runner.lab.machine import Machine
from runner.lab.spec import MachineSpec, build_machine
from runner.model.command import ErrorRecord, Reply, ReplyState, command
from runner.model.state import Desired, State, Unreadable
from runner.modules.base import Irreversible, Round, StateModule
from runner.modules.loader import load_modules
from runner.modules.reading import Wanted, read_all
from tests.modules.lab_session import LabSession

SHELL_ID = "HKLM\\SOFTWARE\\Microsoft\\PowerShell\\1\\ShellIds\\Microsoft.PowerShell"
STATEMENT = (command("Set-ExecutionPolicy", ExecutionPolicy="RemoteSigned", Scope="LocalMachine", Force=True),)
OVERRIDE = "ExecutionPolicyOverride,Microsoft.PowerShell.Commands.SetExecutionPolicyCommand"
DENIED = "System.UnauthorizedAccessException,Microsoft.PowerShell.Commands.SetExecutionPolicyCommand"


def module() -> StateModule[Any]:
    found = load_modules()["execution_policy"]
    assert isinstance(found, StateModule)
    return found


def arguments(**data: Any) -> Any:
    return module().arguments.model_validate(data)


def machine(**spec: Any) -> Machine:
    return build_machine("lab", MachineSpec.model_validate(spec))


def read(on: LabSession, *wanted: Any) -> tuple[Any, ...]:
    return read_all([Wanted(module(), one) for one in wanted], lambda statements: on.read(statements, 60.0))


def failed(*ids: str) -> Reply:
    return Reply(ReplyState.FAILED, errors=tuple(ErrorRecord(one, "PermissionDenied", "X", "何か") for one in ids))


@pytest.mark.parametrize(
    ("ids", "is_failure"), [((OVERRIDE,), False), ((DENIED,), True), ((OVERRIDE, DENIED), True), ((), True)]
)
def test_only_an_override_is_no_failure(ids: tuple[str, ...], is_failure: bool) -> None:
    assert (module().judge(STATEMENT, failed(*ids)) is not None) == is_failure


def test_an_answer_that_was_not_seen_is_not_judged() -> None:
    assert module().judge(STATEMENT, Reply(ReplyState.UNSEEN)) is None


def test_a_refused_write_is_a_failure() -> None:
    on = LabSession(machine(deny={SHELL_ID: "write"}))
    (reply,) = on.change(STATEMENT, (), 60.0, lambda ids: None)
    assert DENIED in (module().judge(STATEMENT, reply) or "")


def test_the_policy_of_the_process_is_not_looked_at() -> None:
    on = LabSession(machine())
    on.change((command("Set-ExecutionPolicy", ExecutionPolicy="Bypass", Scope="Process"),), (), 60.0, lambda ids: None)
    (state,) = read(on, arguments(policy="RemoteSigned", bitness="native"))
    assert (state.properties["effective"], state.properties["decided_by"]) == ("Undefined", None)


def test_a_later_task_sees_what_an_earlier_one_will_have_set() -> None:
    users = arguments(policy="AllSigned", scope="CurrentUser")
    native, narrow = module().parts(arguments(policy="RemoteSigned"))
    on = LabSession(machine())
    (before, of_32) = read(on, native, narrow)
    after = module().promise(users, before, module().desired(users, before))
    assert (after.properties["effective"], after.properties["decided_by"]) == ("AllSigned", "CurrentUser")
    for part, state in ((native, before), (narrow, of_32)):
        assert module().over(part, state, [(users, after)]).properties["decided_by"] == "CurrentUser"
    set_32 = module().promise(narrow, of_32, Desired(True, {"LocalMachine": "RemoteSigned"}))
    assert module().over(native, before, [(narrow, set_32)]) == before


def test_a_registry_task_for_the_same_value_is_known() -> None:
    (native, narrow) = module().parts(arguments(policy="RemoteSigned"))
    wish = Desired(True, {"LocalMachine": "RemoteSigned"})
    ((key, value), (key_32, _)) = [
        (one.key, one.desired) for part in (native, narrow) for one in module().implied(part, wish)
    ]
    assert key.endswith("SOFTWARE\\MICROSOFT\\POWERSHELL\\1\\SHELLIDS\\MICROSOFT.POWERSHELL::EXECUTIONPOLICY")
    assert "WOW6432NODE" in key_32
    assert value == Desired(True, {"type": "string", "data": "RemoteSigned"})
    (absent,) = module().implied(native, Desired(True, {"LocalMachine": "Undefined"}))
    assert absent.desired == Desired(False)
    assert module().implied(native, Desired(True)) == ()


def test_a_word_that_is_no_policy_can_be_put_back_in_the_registry_only() -> None:
    native, narrow = module().parts(arguments(policy="RemoteSigned"))
    before = State(True, {"LocalMachine": "Odd"})
    assert isinstance(module().undo(native, before, before), Irreversible)
    assert not isinstance(module().undo(narrow, before, before), Irreversible)


def test_a_list_without_every_scope_is_not_read() -> None:
    part = arguments(policy="RemoteSigned", bitness="native")
    statements = module().read([part], [])
    silent = tuple(Reply(ReplyState.DONE) for _ in statements)
    (state,) = module().observe([part], [Round(statements, silent)])
    assert isinstance(state, Unreadable)
    assert "every scope" in state.reason


def test_what_cannot_be_wanted() -> None:
    with pytest.raises(ValidationError, match="one policy for 64-bit and 32-bit"):
        arguments(policy="RemoteSigned", scope="CurrentUser", bitness="32")
    with pytest.raises(ValidationError):
        arguments(policy="Signed")
    assert arguments(policy="bypass", accept="unrestricted").accept == ("Unrestricted",)
