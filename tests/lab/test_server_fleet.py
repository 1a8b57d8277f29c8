"""A fleet of simulated machines, served: the unchanged pypsrp client reads and changes registry and services."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pypsrp.exceptions import AuthenticationError
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

from runner.lab.enums import RegistryValueKind
from runner.lab.fleet import Fleet, write_inventory
from runner.lab.registry import RegistryValue
from runner.lab.scenario import load_scenario
from runner.lab.server import LabThread

KEY = "HKLM:\\SOFTWARE\\Wow6432Node\\Microsoft\\.NETFramework\\v4.0.30319"
PATH = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Wow6432Node\\Microsoft\\.NETFramework\\v4.0.30319"


@pytest.fixture
def fleet() -> Fleet:
    return Fleet(load_scenario("strong-crypto"))


@pytest.fixture
def lab(fleet: Fleet) -> Iterator[LabThread]:
    with LabThread(fleet, pace=0.0) as thread:
        yield thread


@pytest.fixture
def inventory(fleet: Fleet, lab: LabThread, tmp_path: Path) -> dict[str, dict[str, str | int]]:
    tree = yaml.safe_load(write_inventory(fleet, lab.addresses, tmp_path).read_text(encoding="utf-8"))
    return {name: {**tree["all"]["vars"], **variables} for name, variables in tree["all"]["hosts"].items()}


def connect(variables: dict[str, str | int]) -> WSMan:
    """A stock pypsrp connection made from the variables of the inventory."""
    return WSMan(
        str(variables["ansible_host"]),
        port=int(variables["ansible_port"]),
        ssl=variables["ansible_psrp_protocol"] == "https",
        username=str(variables["ansible_user"]),
        password=str(variables["ansible_password"]),
        path=str(variables["ansible_psrp_path"]),
        auth=str(variables["ansible_psrp_auth"]),
        cert_validation=str(variables["ansible_psrp_ca_cert"]),
        no_proxy=True,
    )


def run(wsman: WSMan, *commands: tuple[str, dict[str, object]]) -> PowerShell:
    with RunspacePool(wsman) as pool:
        shell = PowerShell(pool)
        for index, (name, parameters) in enumerate(commands):
            if index:
                shell.add_statement()
            shell.add_cmdlet(name).add_parameters(parameters)
        shell.invoke()
        return shell


def test_read_write_read(inventory: dict[str, dict[str, str | int]], fleet: Fleet) -> None:
    read = ("Get-ItemProperty", {"LiteralPath": KEY})
    write = ("Set-ItemProperty", {"LiteralPath": KEY, "Name": "SchUseStrongCrypto", "Value": 1, "Type": "DWord"})
    with connect(inventory["tok-ce-02"]) as wsman:
        before = run(wsman, ("Write-Output", {"InputObject": "token"}), read)
        assert before.output == ["token"]  # a key without values gives nothing
        after = run(wsman, write, read)
    (properties,) = after.output
    assert properties.extended_properties["SchUseStrongCrypto"] == 1
    key = fleet.machine("tok-ce-02").registry.find(PATH)
    assert key is not None
    value = key.value("SchUseStrongCrypto")
    assert value is not None
    assert (value.kind, value.data) == (RegistryValueKind.DWord, 1)


def test_a_missing_key_is_an_error_record(inventory: dict[str, dict[str, str | int]]) -> None:
    with connect(inventory["tok-ce-01"]) as wsman:
        shell = run(
            wsman,
            ("Write-Output", {"InputObject": "token"}),
            ("Get-Item", {"LiteralPath": "HKLM:\\SOFTWARE\\No Such Key"}),
            ("Write-Output", {"InputObject": "end"}),
        )
    assert shell.output == ["token", "end"]
    (error,) = shell.streams.error
    assert error.fq_error == "PathNotFound,Microsoft.PowerShell.Commands.GetItemCommand"
    assert str(error)


def test_a_change_from_outside_is_read(inventory: dict[str, dict[str, str | int]], fleet: Fleet) -> None:
    with fleet.editing("tok-ce-01") as machine:
        machine.set_value(PATH, RegistryValue("Outside", RegistryValueKind.String, "日本"))
    with connect(inventory["tok-ce-01"]) as wsman:
        shell = run(wsman, ("Get-ItemPropertyValue", {"LiteralPath": KEY, "Name": "Outside"}))
    assert shell.output == ["日本"]


def test_a_service_is_started(inventory: dict[str, dict[str, str | int]]) -> None:
    name = {"Name": "LabCloudExtender"}
    with connect(inventory["tok-ce-03"]) as wsman:
        shell = run(wsman, ("Get-Service", name), ("Start-Service", name), ("Get-Service", name))
    before, after = (str(service.adapted_properties["Status"]) for service in shell.output)
    assert (before, after) == ("Stopped", "Running")


def test_a_script_is_refused_by_name(inventory: dict[str, dict[str, str | int]]) -> None:
    with connect(inventory["tok-ce-01"]) as wsman, RunspacePool(wsman) as pool:
        shell = PowerShell(pool).add_script("if (1) { Get-Date }")
        shell.invoke()
    assert shell.had_errors
    assert "script" in str(shell.streams.error[0])


def test_all_streams_of_a_script_arrive(inventory: dict[str, dict[str, str | int]]) -> None:
    text = (
        "Write-Warning w; Write-Verbose v -Verbose; Write-Information i -Tags t; Write-Host h; Write-Error e; "
        "Write-Progress -Activity p -PercentComplete 50; Write-Output o"
    )
    with connect(inventory["tok-ce-01"]) as wsman, RunspacePool(wsman) as pool:
        shell = PowerShell(pool).add_script(text)
        assert shell.invoke() == ["o"]
    streams = shell.streams
    assert ([w.message for w in streams.warning], [v.message for v in streams.verbose]) == (["w"], ["v"])
    assert [str(i.message_data) for i in streams.information] == ["i", "h"]
    assert ([str(e) for e in streams.error], [p.activity for p in streams.progress]) == (["e"], ["p"])


def test_the_wrong_password_of_the_scenario(inventory: dict[str, dict[str, str | int]]) -> None:
    with connect(inventory["tok-ce-04"]) as wsman, pytest.raises(AuthenticationError):
        run(wsman, ("Get-Date", {}))
