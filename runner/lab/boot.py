"""A restart of Windows: what it ends, what it starts, and which signs of a pending reboot it takes away.

Signals: domain.md 6.1. That a key is empty or gone after the restart is this lab's reading of them (not grounded); a
key that lingers, as some do, is named in the scenario.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from runner.lab.enums import RegistryValueKind
from runner.lab.machine import Machine
from runner.lab.registry import RegistryValue

_CBS = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Component Based Servicing"
_UPDATE = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WindowsUpdate"
_SESSION_MANAGER = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\Session Manager"
_NETLOGON = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\Netlogon"
_NAMES = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\ComputerName"
_TCPIP = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters"
_WINLOGON = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Winlogon"

_KEYS = (
    f"{_CBS}\\RebootPending",
    f"{_CBS}\\RebootInProgress",
    f"{_CBS}\\PackagesPending",
    f"{_UPDATE}\\Auto Update\\RebootRequired",
    f"{_UPDATE}\\Auto Update\\PostRebootReporting",
    f"{_UPDATE}\\Services\\Pending",
    "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Updates\\UpdateExeVolatile",
    "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\ServerManager\\CurrentRebootAttempts",
)
_VALUES = (
    (_SESSION_MANAGER, "PendingFileRenameOperations"),
    (_SESSION_MANAGER, "PendingFileRenameOperations2"),
    ("HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Updates", "UpdateExeVolatile"),
    ("HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\ServerManager", "CurrentRebootAttempts"),
    ("HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\RunOnce", "DVDRebootSignal"),
    (_NETLOGON, "JoinDomain"),
    (_NETLOGON, "AvoidSpnSet"),
)
_RENAMES = (  # what was asked for, and what is in force from the next boot on
    (f"{_NAMES}\\ComputerName", "ComputerName", f"{_NAMES}\\ActiveComputerName", "ComputerName"),
    (_TCPIP, "NV Hostname", _TCPIP, "Hostname"),
)


@dataclass(frozen=True, slots=True)
class BootHabits:
    """How long a machine takes to boot (seconds of its time), and which keys linger although a boot should end them."""

    seconds: float = 60.0
    keeps: frozenset[str] = frozenset()


class MachinePower:
    """The power switch of a machine; implements `host.Power`."""

    def __init__(self, machine: Machine, habits: BootHabits) -> None:
        self._machine = machine
        self._habits = habits

    def run_clock(self, pace: float) -> None:
        self._machine.clock.run(pace)

    def is_up(self) -> bool:
        return self._machine.up_at is None or self._machine.now() >= self._machine.up_at

    def must_restart(self) -> bool:
        at = self._machine.shutdown_at
        return at is not None and self._machine.clock.runs and self._machine.now() >= at

    def restarts_next(self) -> bool:
        return self._machine.shutdown_at is not None and not self._machine.clock.runs

    def jump_clock(self, seconds: float) -> None:
        self._machine.set_clock(self._machine.now() + timedelta(seconds=seconds))

    def restart(self) -> None:
        """Restart Windows. Where the clock does not run by itself the machine is up again at once, and it is later."""
        machine = self._machine
        up_at = machine.now() + timedelta(seconds=self._habits.seconds)
        with machine.authored("boot"):
            machine.record_boot(machine.now(), up_at)
            _end_signals(machine, self._habits.keeps)
            machine.services.boot()
            machine.refresh_policy()
        if not machine.clock.runs:
            machine.reach(up_at)


def _end_signals(machine: Machine, keeps: Iterable[str]) -> None:
    lingering = {path.casefold() for path in keeps}
    for path in _KEYS:
        if path.casefold() not in lingering and machine.registry.find(path) is not None:
            machine.remove_key(path)
    for path, name in _VALUES:
        key = machine.registry.find(path)
        if key is not None and key.value(name) is not None:
            machine.remove_value(path, name)
    for source, wanted, target, name in _RENAMES:
        key = machine.registry.find(source)
        value = key.value(wanted) if key else None
        if value is not None:
            machine.set_value(target, replace(value, name=name))
    # volatile, and made anew when the logon screen is up: the sign that Ansible waits for (domain.md 6.3, item 4)
    machine.set_value(_WINLOGON, RegistryValue("AutoLogonChecked", RegistryValueKind.DWord, 1))
