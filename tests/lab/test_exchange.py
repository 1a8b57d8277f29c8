"""The cmdlets of the Exchange endpoint, held against Microsoft's reference pages; their effects."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import pytest

from runner.lab.commands import EXCHANGE_COMMANDS, signature_of
from runner.lab.endpoints import Endpoint
from runner.lab.engine import Engine
from runner.lab.exchange import Kind
from runner.lab.machine import Machine
from runner.lab.messages import Request, StopSignal
from tests.lab.engine_support import Told, command, machine

ENDPOINT = Endpoint("exchange", "no_language")
EWS = "EX01\\EWS (Default Web Site)"
MAPI = "EX01\\mapi (Default Web Site)"


@pytest.fixture(scope="module")
def documented(groundtruth: Path) -> dict[str, dict[str, Any]]:
    with lzma.open(groundtruth / "psca-docs" / "docs-exchange.json.xz", "rt", encoding="utf-8-sig") as text:
        modules = json.load(text)["Compatibility"]["Modules"]
    commands = modules["ExchangePowerShell"]["docs"]["Cmdlets"]
    return {name: entry["Parameters"] for name, entry in commands.items()}


def test_every_parameter_is_documented_with_this_type_and_set(documented: dict[str, dict[str, Any]]) -> None:
    wrong: list[str] = []
    for simulated in EXCHANGE_COMMANDS:
        known = documented[simulated.name]
        for parameter in signature_of(simulated, (5, 1)).parameters:
            if parameter.common:
                continue
            entry = known.get(parameter.name)
            place = f"{simulated.name} -{parameter.name}"
            if entry is None or entry["Type"] != parameter.type_name.rpartition(".")[2]:
                wrong.append(f"{place}: {parameter.type_name}, not {entry and entry['Type']}")
                continue
            sets = entry["ParameterSets"]
            for name, here in parameter.sets.items():
                there = sets.get(name) or sets.get("__AllParameterSets")
                if there is None or ("Mandatory" in there["Flags"]) is not here.mandatory:
                    wrong.append(f"{place} in {name}")
    assert wrong == []
    assert len(EXCHANGE_COMMANDS) == 15


def test_no_documented_parameter_is_called_unknown(documented: dict[str, dict[str, Any]]) -> None:
    missing = {
        simulated.name: set(documented[simulated.name]) - {p.name for p in signature_of(simulated, (5, 1)).parameters}
        for simulated in EXCHANGE_COMMANDS
        if not simulated.open_ended
    }
    assert {name: names for name, names in missing.items() if names} == {}


def lab(**exchange: Any) -> Machine:
    return machine(exchange=exchange)


def run(on: Machine, name: str, **parameters: Any) -> Told:
    request = Request(((command(name, **parameters),),))
    return Told(list(Engine(on, ENDPOINT).invoke(request, StopSignal())))


def test_a_missing_object_is_an_error_that_does_not_end_the_pipeline() -> None:
    """The exception and the wording: github.com/dpaulson45/HealthChecker/issues/213."""
    answer = run(lab(), "Get-AuthServer", Identity="EvoSts")
    assert answer.state == "Completed"
    (record,) = answer.records
    assert str(record.Exception.PSTypeNames[0]).endswith(".ManagementObjectNotFoundException")
    assert "object 'EvoSts' couldn't be found on 'lab01'" in str(record)


def test_oauth_among_the_methods_follows_the_switch() -> None:
    on = lab(web_services={EWS: {"ExternalAuthenticationMethods": ["Ntlm"]}})
    run(on, "Set-WebServicesVirtualDirectory", Identity=EWS.upper(), OAuthAuthentication=True)
    found = on.exchange.find(Kind.WEB_SERVICES, EWS)
    assert found is not None
    assert found.properties["ExternalAuthenticationMethods"] == ("Ntlm", "OAuth")
    run(on, "Set-WebServicesVirtualDirectory", Identity=EWS, OAuthAuthentication=False)
    again = on.exchange.find(Kind.WEB_SERVICES, EWS)
    assert again is not None
    assert again.properties["ExternalAuthenticationMethods"] == ("Ntlm",)
    assert [change.what for change in on.changes] == [f"WebServicesVirtualDirectory {EWS}"] * 2


def test_whatif_changes_nothing_and_what_is_the_same_is_no_change() -> None:
    on = lab(mapi={MAPI: {"IISAuthenticationMethods": ["Ntlm"]}})
    run(on, "Set-MapiVirtualDirectory", Identity=MAPI, IISAuthenticationMethods=["OAuth"], WhatIf=True)
    run(on, "Set-MapiVirtualDirectory", Identity=MAPI, IISAuthenticationMethods="Ntlm")
    assert on.changes == []


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("Set-OrganizationConfig", {"EwsEnabled": True}),
        ("Get-MapiVirtualDirectory", {"ADPropertiesOnly": True}),
        ("Set-AuthServer", {"Identity": "EvoSts", "IsDefaultAuthorizationEndpoint": True}),
    ],
)
def test_what_nobody_knows_is_refused(name: str, parameters: dict[str, object]) -> None:
    on = lab(auth_servers={"EvoSts": {}, "Other": {"IsDefaultAuthorizationEndpoint": True}})
    assert run(on, name, **parameters).reason == "LabDoesNotSimulate"
    assert on.changes == []
