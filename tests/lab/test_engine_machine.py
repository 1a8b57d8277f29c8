"""Machines from scenario specs: defaults by Windows version, errors in the spec, and what a machine costs."""

from __future__ import annotations

import tracemalloc

import pytest
from pydantic import ValidationError

from runner.lab.environment import expanded, process_environment
from runner.lab.spec import MachineSpec, OsName, build_machine
from tests.lab.engine_support import command, machine, one

VERSIONS: tuple[OsName, ...] = ("Server 2012 R2", "Server 2016", "Server 2019", "Server 2022", "Server 2025")


@pytest.mark.parametrize("os", VERSIONS)
def test_every_windows_version_answers_the_facts(os: OsName) -> None:
    host = build_machine("web-01", MachineSpec(os=os, domain="corp.example", memory_mb=4096))

    (system,) = one(host, command("Get-CimInstance", ClassName="Win32_OperatingSystem")).values
    (computer,) = one(host, command("Get-CimInstance", ClassName="Win32_ComputerSystem")).values
    (table,) = one(host, command("Get-Variable", Name="PSVersionTable", ValueOnly=True)).values
    net = "HKLM:\\SOFTWARE\\Microsoft\\NET Framework Setup\\NDP\\v4\\Full"
    (release,) = one(
        host, command("Get-ItemProperty", LiteralPath=net), command("ForEach-Object", MemberName="Release")
    ).values

    assert os.removeprefix("Server ") in system.Caption  # type: ignore[attr-defined]
    assert system.Version.endswith(system.BuildNumber)  # type: ignore[attr-defined]
    assert (computer.Name, computer.Domain, computer.PartOfDomain) == ("WEB-01", "corp.example", True)  # type: ignore[attr-defined]
    assert computer.TotalPhysicalMemory == 4096 * 1024 * 1024  # type: ignore[attr-defined]
    assert str(table["PSVersion"]) == host.facts.powershell  # type: ignore[index]
    assert isinstance(release, int)
    assert release >= 378389


def test_defaults_can_be_deleted_and_changed() -> None:
    host = machine(
        registry={"HKLM\\SOFTWARE\\Microsoft\\ServerManager": None, "HKLM\\SOFTWARE\\X": {"(default)": {"qword": -1}}},
        services={"Spooler": None, "WinRM": {"status": "stopped"}},
    )

    assert host.registry.find("HKLM\\SOFTWARE\\Microsoft\\ServerManager") is None
    assert host.services.find("Spooler") is None
    assert host.services.get("WinRM").status.name == "Stopped"
    key = host.registry.find("HKLM\\SOFTWARE\\X")
    assert key is not None
    assert key.values[""].data == 2**64 - 1


@pytest.mark.parametrize(
    ("registry", "message"),
    [
        ({"HKXX\\A": {}}, "HKXX"),
        ({"HKLM\\A": {"V": {"dword": "x"}}}, "HKLM\\\\A, value V"),
        ({"HKLM\\A": {"V": {"dword": 2**32}}}, "32 bits"),
        ({"HKLM\\A": {"V": {"dword": 1, "sz": "x"}}}, "exactly one kind"),
        ({"HKLM\\A": {"V": {"binary": "zz"}}}, "binary"),
        ({"HKLM\\A": {"V": {"multi_sz": "x"}}}, "multi_sz"),
    ],
)
def test_a_wrong_registry_entry_is_named(registry: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        MachineSpec(registry=registry)


def test_an_unknown_field_is_an_error() -> None:
    with pytest.raises(ValidationError, match="colour"):
        MachineSpec.model_validate({"colour": "blue"})


def test_environment_variables_expand_and_unknown_ones_stay() -> None:
    host = machine(environment={"CE_HOME": "D:\\CE"})

    assert expanded("%ce_home%\\x;%NoSuch%;100%", process_environment(host)) == "D:\\CE\\x;%NoSuch%;100%"


def test_a_thousand_machines_share_what_they_have_not_changed() -> None:
    spec = MachineSpec(registry={"HKLM\\SOFTWARE\\X": {"V": 1}})
    build_machine("first", spec)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        machines = [build_machine(f"host-{number}", spec) for number in range(100)]
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(machines) == 100
    assert (after - before) / 100 < 30_000
