"""Execution policies: scopes, stores and group policy (windows.md, domain.md 5)."""

from __future__ import annotations

import pytest

from runner.lab.engine import Engine
from runner.lab.machine import Machine
from tests.lab.engine_support import command, machine, one, run

SHELL_ID = "HKLM\\SOFTWARE\\Microsoft\\PowerShell\\1\\ShellIds\\Microsoft.PowerShell"
GPO = "HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows\\PowerShell"


def effective(target: Machine | Engine) -> str:
    (policy,) = one(target, command("Get-ExecutionPolicy")).values
    return policy.name  # type: ignore[attr-defined,no-any-return]


def set_policy(policy: str, scope: str) -> object:
    return command("Set-ExecutionPolicy", ExecutionPolicy=policy, Scope=scope, Force=True)


def test_windows_powershell_on_a_server_begins_with_remote_signed() -> None:
    assert effective(machine()) == "RemoteSigned"


def test_the_machines_policy_is_a_value_in_the_registry() -> None:
    host = machine()
    one(host, set_policy("AllSigned", "LocalMachine"))  # type: ignore[arg-type]
    key = host.registry.find(SHELL_ID)

    assert key is not None
    assert key.value("ExecutionPolicy").data == "AllSigned"  # type: ignore[union-attr]
    assert effective(host) == "AllSigned"


def test_a_policy_of_the_process_ends_with_it() -> None:
    host = machine()
    engine = Engine(host)
    one(engine, set_policy("Bypass", "Process"))  # type: ignore[arg-type]

    assert (effective(engine), effective(Engine(host))) == ("Bypass", "RemoteSigned")


def test_a_policy_that_loses_is_stored_and_then_reported() -> None:
    host = machine(registry={GPO: {"EnableScripts": 1, "ExecutionPolicy": "AllSigned"}})
    told = one(host, set_policy("Unrestricted", "LocalMachine"))  # type: ignore[arg-type]
    key = host.registry.find(SHELL_ID)

    assert told.reason == "ExecutionPolicyOverride"
    assert key is not None
    assert key.value("ExecutionPolicy").data == "Unrestricted"  # type: ignore[union-attr]


def test_group_policy_is_read_once_per_process() -> None:
    host = machine()
    engine = Engine(host)
    before = effective(engine)
    run(
        host,
        (command("New-Item", Path=f"Registry::{GPO.replace('HKLM', 'HKEY_LOCAL_MACHINE')}", Force=True),),
        (
            command(
                "Set-ItemProperty",
                LiteralPath=GPO.replace("HKLM", "HKLM:"),
                Name="EnableScripts",
                Value=0,
                Type="DWord",
            ),
        ),
    )

    assert (before, effective(engine), effective(Engine(host))) == ("RemoteSigned", "RemoteSigned", "Restricted")


@pytest.mark.parametrize("scope", ["MachinePolicy", "UserPolicy"])
def test_scopes_of_group_policy_cannot_be_set(scope: str) -> None:
    assert one(machine(), set_policy("AllSigned", scope)).reason == "CantSetGroupPolicy"  # type: ignore[arg-type]


def test_without_access_nothing_is_stored() -> None:
    host = machine(deny={SHELL_ID: "write"})
    told = one(host, set_policy("AllSigned", "LocalMachine"))  # type: ignore[arg-type]

    assert (told.reason, host.changes) == ("System.UnauthorizedAccessException", [])
