"""The simulated services: states that take time, refusals, and both PowerShells' shapes."""

from __future__ import annotations

import pytest
from psrpcore.types import PSDict

from runner.lab.machine import Machine
from runner.lab.messages import Ended, Request, StopSignal
from runner.lab.services import Service
from tests.lab.engine_support import command, echo, machine, one, run

SLOW = {"Agent": {"status": "running", "stop_seconds": 5, "start_seconds": 3, "start_mode": "automatic"}}
CHAIN = {
    "Agent": {"status": "running"},
    "Child": {"status": "running", "depends_on": ["Agent"], "display_name": "子サービス"},
}


def agent(host: Machine) -> Service:
    return host.services.get("agent")


def test_stopping_and_starting_take_the_services_time_and_warn() -> None:
    host = machine(services=SLOW)
    first = agent(host).process_id

    told = one(host, command("Restart-Service", Name="Agent"))

    assert (told.state, told.errors, told.waited) == ("Completed", [], 8.0)
    assert told.warnings == ["Waiting for service 'Agent (Agent)' to stop..."] * 2 + [
        "Waiting for service 'Agent (Agent)' to start..."
    ]
    assert agent(host).status.name == "Running"
    assert agent(host).process_id not in (0, first)


def test_a_stuck_stop_waits_until_the_client_stops_it() -> None:
    host = machine(services={"Agent": {"status": "running", "stuck_stop": True}})
    stop = StopSignal()
    waits = 0
    told = []
    request = Request((echo("one"), (command("Stop-Service", Name="Agent"),)))
    from runner.lab.engine import Engine

    for message in Engine(host).invoke(request, stop):
        told.append(message)
        waits += type(message).__name__ == "Wait"
        stop.requested = waits == 10

    assert isinstance(told[-1], Ended)
    assert (told[-1].state, waits, agent(host).status.name) == ("Stopped", 10, "StopPending")


def test_a_running_dependent_forbids_a_stop_without_force() -> None:
    host = machine(services=CHAIN)

    told = one(host, command("Stop-Service", Name="Agent"))
    assert told.errors == ["ServiceHasDependentServices"]
    assert one(host, command("Set-Service", Name="Agent", Status="Stopped")).errors == [
        "ServiceHasDependentServicesNoForce"
    ]
    assert agent(host).status.name == "Running"

    one(host, command("Restart-Service", Name="Agent", Force=True))
    assert [host.services.get(name).status.name for name in ("Agent", "Child")] == ["Running", "Running"]


@pytest.mark.parametrize(
    ("service", "call", "error"),
    [
        ({"start_mode": "disabled"}, "Start-Service", "CouldNotStartService"),
        ({"start_error": 1053}, "Start-Service", "CouldNotStartService"),
        ({"status": "running", "can_stop": False}, "Stop-Service", "CouldNotStopService"),
        ({"status": "running"}, "Start-Service", None),
        ({}, "Stop-Service", None),
    ],
)
def test_refusals_are_errors_and_a_reached_state_is_none(service: dict, call: str, error: str | None) -> None:
    told = one(machine(services={"Agent": service}), command(call, Name="Agent"))

    assert told.errors == ([error] if error else [])


def test_start_starts_what_the_service_depends_on() -> None:
    host = machine(services={"Agent": {}, "Child": {"depends_on": ["Agent"]}})
    one(host, command("Start-Service", Name="Child"))

    assert agent(host).status.name == "Running"


def test_windows_powershell_lacks_what_powershell_7_has() -> None:
    def names(version: str) -> set[str]:
        (value,) = one(machine(powershell=version), command("Get-Service", Name="WinRM")).values
        return {p.name for p in value.PSObject.extended_properties}  # type: ignore[attr-defined]

    assert names("7.4.1") - names("5.1.17763.1") == {
        "UserName",
        "Description",
        "DelayedAutoStart",
        "BinaryPathName",
        "StartupType",
    }


def test_missing_services_come_first_and_the_rest_is_sorted() -> None:
    told = one(machine(), command("Get-Service", Name=["WinRM", "Nope", "Spooler"]))

    assert [type(m).__name__ for m in told.messages] == ["Error", "Output", "Output", "Ended"]
    assert [value.Name for value in told.values] == ["Spooler", "WinRM"]  # type: ignore[attr-defined]


def test_a_japanese_display_name_finds_the_service() -> None:
    told = one(machine(services=CHAIN), command("Get-Service", DisplayName="子*"))

    assert [value.Name for value in told.values] == ["Child"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("service", "method", "arguments", "code", "state"),
    [
        ({"status": "running", "stop_seconds": 9}, "StopService", {}, 0, "Stop Pending"),
        ({}, "StartService", {}, 0, "Running"),
        ({"status": "running"}, "StartService", {}, 10, "Running"),
        ({}, "StopService", {}, 5, "Stopped"),
        ({"start_mode": "disabled"}, "StartService", {}, 14, "Stopped"),
        ({}, "ChangeStartMode", {"StartMode": "Disabled"}, 0, "Stopped"),
        ({}, "ChangeStartMode", {"StartMode": "Sometimes"}, 21, "Stopped"),
        ({}, "Change", {"StartName": "LAB\\svc"}, 0, "Stopped"),
    ],
)
def test_cim_methods_answer_with_a_return_value(
    service: dict, method: str, arguments: dict, code: int, state: str
) -> None:
    host = machine(services={"Agent": service})
    query = command("Get-CimInstance", ClassName="Win32_Service", Filter="Name='Agent'")
    call = command("Invoke-CimMethod", MethodName=method, Arguments=PSDict(arguments))

    (result,) = one(host, query, call).values
    (after,) = one(host, query).values

    assert result.ReturnValue == code  # type: ignore[attr-defined]
    assert after.State == state  # type: ignore[attr-defined]


def test_a_service_is_also_in_the_registry() -> None:
    host = machine(services={"Agent": {"start_mode": "manual"}})
    path = "HKLM:\\SYSTEM\\CurrentControlSet\\Services\\Agent"
    run(host, (command("Set-Service", Name="Agent", StartupType="Disabled"),))
    told = one(host, command("Get-ItemProperty", LiteralPath=path), command("ForEach-Object", MemberName="Start"))

    assert told.values == [4]


def test_whatif_changes_nothing() -> None:
    host = machine(services={"Agent": {"status": "running"}})
    one(host, command("Stop-Service", Name="Agent", WhatIf=True))

    assert (agent(host).status.name, host.changes) == ("Running", [])
