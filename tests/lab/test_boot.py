"""Reboots, policies and the clock of a machine that nobody serves: time passes only where something waits."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

import pytest
from pydantic import ValidationError

from runner.lab.boot import MachinePower
from runner.lab.enums import RegistryValueKind, ServiceControllerStatus
from runner.lab.machine import Machine
from runner.lab.registry import RegistryValue
from runner.lab.spec import MachineSpec, OsName, boot_habits, build_machine
from runner.modules.base import FactModule, Facts
from runner.modules.loader import load_modules
from runner.modules.reading import Wanted, read_all
from tests.modules.lab_session import LabSession

WINDOWS = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion"
PENDING = f"{WINDOWS}\\Component Based Servicing\\RebootPending"
REQUIRED = f"{WINDOWS}\\WindowsUpdate\\Auto Update\\RebootRequired"
SESSION_MANAGER = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\Session Manager"
NAMES = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\ComputerName"
OWNED = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\Lab"
Status = ServiceControllerStatus


def made(**spec: object) -> tuple[Machine, MachinePower]:
    checked = MachineSpec.model_validate(spec)
    machine = build_machine("win-01", checked)
    return machine, MachinePower(machine, boot_habits(checked.boot))


def data(machine: Machine, path: str, name: str) -> object:
    key = machine.registry.find(path)
    value = key.value(name) if key else None
    return value.data if value else None


def dword(name: str, number: int) -> RegistryValue:
    return RegistryValue(name, RegistryValueKind.DWord, number)


# ---- reboot --------------------------------------------------------------------------------------------------


def test_a_reboot_is_a_later_boot_and_takes_its_time() -> None:
    machine, power = made(boot={"seconds": 90})
    began, before = machine.now(), machine.booted
    power.restart()
    assert machine.booted == began > before
    assert machine.now() == began + timedelta(seconds=90)
    assert power.is_up()
    assert [(change.what, change.by) for change in machine.changes[:1]] == [("boot", "boot")]


def test_while_it_boots_it_is_not_up() -> None:
    machine, power = made(boot={"seconds": 3600})
    power.run_clock(1.0)
    power.restart()
    assert not power.is_up()
    machine.reach(machine.now() + timedelta(seconds=3601))
    assert power.is_up()


def test_automatic_services_run_again_and_the_others_do_not() -> None:
    machine, power = made(
        services={
            "Auto": {"status": "stopped", "start_mode": "automatic", "start_seconds": 5},
            "Below": {"status": "stopped", "start_mode": "manual"},
            "Above": {"status": "running", "start_mode": "automatic", "depends_on": ["Below"]},
            "Manual": {"status": "running", "start_mode": "manual"},
            "Off": {"status": "running", "start_mode": "disabled"},
            "Broken": {"status": "running", "start_mode": "automatic", "start_error": 1053},
            "Stuck": {"status": "running", "start_mode": "automatic", "stuck_stop": True},
        }
    )
    machine.services.stop("Stuck")
    process = machine.services.get("Spooler").process_id
    power.restart()
    states = {name: machine.services.get(name).status for name in ("Auto", "Below", "Above", "Manual", "Off", "Broken")}
    running = {"Auto", "Below", "Above"}
    assert states == {name: Status.Running if name in running else Status.Stopped for name in states}
    assert machine.services.get("Stuck").status is Status.Running
    assert machine.services.get("Spooler").process_id not in (0, process)
    assert "service Spooler" not in {change.what for change in machine.changes}


def test_a_reboot_takes_the_signs_of_a_pending_one_away() -> None:
    machine, power = made(
        registry={
            PENDING: {},
            REQUIRED: {},
            SESSION_MANAGER: {"PendingFileRenameOperations": ["a", ""], "Other": 1},
            f"{NAMES}\\ComputerName": {"ComputerName": "NEW"},
        },
        boot={
            "keeps": ["HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WindowsUpdate\\Auto Update\\RebootRequired"]
        },
    )
    assert data(machine, f"{NAMES}\\ActiveComputerName", "ComputerName") == "WIN-01"
    power.restart()
    assert machine.registry.find(PENDING) is None
    assert machine.registry.find(REQUIRED) is not None  # lingers, as the scenario says
    assert data(machine, SESSION_MANAGER, "PendingFileRenameOperations") is None
    assert data(machine, SESSION_MANAGER, "Other") == 1
    assert data(machine, f"{NAMES}\\ActiveComputerName", "ComputerName") == "NEW"


SIGNS = {  # every sign that the runner's facts read (domain.md 6.1)
    PENDING: {},
    f"{WINDOWS}\\Component Based Servicing\\RebootInProgress": {},
    f"{WINDOWS}\\Component Based Servicing\\PackagesPending": {},
    REQUIRED: {},
    f"{WINDOWS}\\WindowsUpdate\\Auto Update\\PostRebootReporting": {},
    f"{WINDOWS}\\WindowsUpdate\\Services\\Pending\\7971F918-A847-4430-9279-4A52D1EFE18D": {},
    f"{WINDOWS}\\RunOnce": {"DVDRebootSignal": "x"},
    "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Updates": {"UpdateExeVolatile": 1},
    "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Updates\\UpdateExeVolatile": {"Flags": 1},
    "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\ServerManager": {"CurrentRebootAttempts": 1},
    "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\Netlogon": {"JoinDomain": 1, "AvoidSpnSet": 1},
    SESSION_MANAGER: {"PendingFileRenameOperations": ["a", ""], "PendingFileRenameOperations2": ["a", ""]},
    f"{NAMES}\\ComputerName": {"ComputerName": "NEW"},
}


@pytest.mark.parametrize("os", get_args(OsName))
@pytest.mark.parametrize("culture", ["en-US", "ja-JP"])
def test_the_runner_sees_every_sign_before_a_reboot_and_none_after_it(os: str, culture: str) -> None:
    machine, power = made(os=os, culture=culture, registry=SIGNS)
    assert all(all(signs.values()) for signs in signals(machine).values())
    power.restart()
    assert not any(any(signs.values()) for signs in signals(machine).values())


def signals(machine: Machine) -> dict[str, dict[str, bool]]:
    """The signs by weight, as the runner's facts tell them."""
    module = load_modules()["setup"]
    assert isinstance(module, FactModule)
    session = LabSession(machine)
    (facts,) = read_all([Wanted(module, module.arguments())], lambda statements: session.read(statements, 60.0))
    assert isinstance(facts, Facts)
    assert facts.unreadable == {}
    found: dict[str, dict[str, bool]] = facts.values["ansible_reboot_signals"]
    return found


# ---- clock ---------------------------------------------------------------------------------------------------


def test_a_clock_correction_changes_no_duration() -> None:
    machine, power = made(services={"Slow": {"status": "running", "stop_seconds": 30}})
    uptime = machine.now() - machine.booted
    machine.services.stop("Slow")
    power.jump_clock(-3600)
    assert machine.now() - machine.booted == uptime
    machine.reach(machine.now() + timedelta(seconds=29))
    assert machine.services.get("Slow").status is Status.StopPending
    machine.reach(machine.now() + timedelta(seconds=1))
    assert machine.services.get("Slow").status is Status.Stopped


def test_a_served_clock_runs_and_can_be_stopped() -> None:
    machine, power = made()
    began = machine.now()
    power.run_clock(1e-6)
    assert machine.now() > began
    power.run_clock(0)
    assert machine.now() == machine.now()


# ---- policy --------------------------------------------------------------------------------------------------


def test_a_policy_sets_its_values_and_puts_them_back_at_once() -> None:
    machine, _ = made(policy={"registry": {OWNED: {"AllowBasic": 0}}})
    assert data(machine, OWNED, "AllowBasic") == 0
    with machine.authored("somebody"):
        machine.set_value(OWNED, dword("AllowBasic", 1))
        machine.set_value(OWNED, dword("Mine", 1))
    assert (data(machine, OWNED, "AllowBasic"), data(machine, OWNED, "Mine")) == (0, 1)
    assert [(change.after.data, change.by) for change in machine.changes if change.what.endswith("::AllowBasic")] == [
        (1, "somebody"),
        (0, "policy"),
    ]


@pytest.mark.parametrize("how", ["changed", "removed", "key removed"])
def test_a_policy_comes_back_after_its_time(how: str) -> None:
    machine, _ = made(policy={"registry": {OWNED: {"AllowBasic": 0}}, "seconds": 300})
    if how == "changed":
        machine.set_value(OWNED, dword("AllowBasic", 1))
    elif how == "removed":
        machine.remove_value(OWNED, "AllowBasic")
    else:
        machine.remove_key(OWNED)
    machine.reach(machine.now() + timedelta(seconds=299))
    assert data(machine, OWNED, "AllowBasic") == (1 if how == "changed" else None)
    machine.reach(machine.now() + timedelta(seconds=1))
    assert data(machine, OWNED, "AllowBasic") == 0


def test_who_puts_the_value_back_himself_is_left_alone() -> None:
    machine, _ = made(policy={"registry": {OWNED: {"AllowBasic": 0}}, "seconds": 300})
    machine.set_value(OWNED, dword("AllowBasic", 1))
    machine.set_value(OWNED, dword("AllowBasic", 0))
    machine.reach(machine.now() + timedelta(seconds=600))
    assert data(machine, OWNED, "AllowBasic") == 0
    assert "policy" not in {change.by for change in machine.changes}


@pytest.mark.parametrize("how", ["gpupdate", "reboot"])
def test_a_policy_without_a_time_comes_back_at_a_refresh(how: str) -> None:
    machine, power = made(policy={"registry": {OWNED: {"AllowBasic": 0}}, "seconds": None})
    machine.set_value(OWNED, dword("AllowBasic", 1))
    machine.reach(machine.now() + timedelta(days=1))
    assert data(machine, OWNED, "AllowBasic") == 1
    machine.refresh_policy() if how == "gpupdate" else power.restart()
    assert data(machine, OWNED, "AllowBasic") == 0


def test_a_policy_that_owns_nothing_is_a_mistake() -> None:
    with pytest.raises(ValidationError, match="owns values"):
        MachineSpec.model_validate({"policy": {"registry": {OWNED: {"AllowBasic": None}}}})
