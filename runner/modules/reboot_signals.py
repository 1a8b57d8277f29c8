"""What in the registry says that Windows waits for a reboot (domain.md 6.1), told apart by how far it can be trusted.

Not read yet, because no recorded command reaches them: the ConfigMgr client's and Windows Update's own answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from runner.model.state import Unreadable
from runner.modules.registry import parse_key
from runner.modules.registry_reading import Asked, Finding, FoundKey, FoundValue

_WINDOWS = "HKLM:\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion"
_SERVICING = f"{_WINDOWS}\\Component Based Servicing"
_UPDATE = f"{_WINDOWS}\\WindowsUpdate"
_CONTROL = "HKLM:\\SYSTEM\\CurrentControlSet\\Control"
_SERVICES = "HKLM:\\SYSTEM\\CurrentControlSet\\Services"


class Weight(StrEnum):
    STRONG = "strong"  # a reboot is needed
    MEDIUM = "medium"  # mostly needed
    NOISY = "noisy"  # virus scanners and printers set it too: never reboot on it alone


@dataclass(frozen=True, slots=True)
class Signal:
    name: str
    weight: Weight
    asked: tuple[Asked, ...]
    is_set: Callable[[Sequence[Finding]], bool]


def _key(path: str) -> Asked:
    return Asked(parse_key(path), lineage=False)


def _value(path: str, name: str, may_be_empty: bool = True) -> Asked:
    """A value of a key that may have none at all: to have it listed as well saves a second round."""
    return Asked(parse_key(path), name, contents=may_be_empty, expanded=True, lineage=False)


def _exists(findings: Sequence[Finding]) -> bool:
    return any(isinstance(finding, (FoundKey, FoundValue)) for finding in findings)


def _has_subkeys(findings: Sequence[Finding]) -> bool:
    return any(isinstance(finding, FoundKey) and bool(finding.subkeys) for finding in findings)


def _is_filled(findings: Sequence[Finding]) -> bool:
    """A number other than 0, or a list that is not empty."""
    return any(isinstance(finding, FoundValue) and bool(finding.data) for finding in findings)


def _differ(findings: Sequence[Finding]) -> bool:
    """Two names, both there, that are not the same: the computer has been renamed."""
    names = [str(finding.data).upper() for finding in findings if isinstance(finding, FoundValue)]
    return len(names) == 2 and names[0] != names[1]


@cache
def signals() -> tuple[Signal, ...]:
    """Every signal of domain.md 6.1 that the registry shows."""
    strong, medium, noisy = Weight.STRONG, Weight.MEDIUM, Weight.NOISY
    sessions, names = f"{_CONTROL}\\Session Manager", f"{_CONTROL}\\ComputerName"
    return (
        Signal("servicing_reboot_pending", strong, (_key(f"{_SERVICING}\\RebootPending"),), _exists),
        Signal("servicing_reboot_in_progress", strong, (_key(f"{_SERVICING}\\RebootInProgress"),), _exists),
        Signal("servicing_packages_pending", strong, (_key(f"{_SERVICING}\\PackagesPending"),), _exists),
        Signal("update_reboot_required", strong, (_key(f"{_UPDATE}\\Auto Update\\RebootRequired"),), _exists),
        Signal("domain_join", strong, (_value(f"{_SERVICES}\\Netlogon", "JoinDomain"),), _exists),
        Signal("domain_spn", strong, (_value(f"{_SERVICES}\\Netlogon", "AvoidSpnSet"),), _exists),
        Signal(
            "computer_rename",
            strong,
            (
                _value(f"{names}\\ActiveComputerName", "ComputerName", may_be_empty=False),
                _value(f"{names}\\ComputerName", "ComputerName", may_be_empty=False),
            ),
            _differ,
        ),
        Signal("update_post_reboot", medium, (_key(f"{_UPDATE}\\Auto Update\\PostRebootReporting"),), _exists),
        Signal(
            "update_services",
            medium,
            (Asked(parse_key(f"{_UPDATE}\\Services\\Pending"), contents=True, lineage=False),),
            _has_subkeys,
        ),
        Signal(
            "update_exe",
            medium,
            (
                _value("HKLM:\\SOFTWARE\\Microsoft\\Updates", "UpdateExeVolatile"),
                _value("HKLM:\\SOFTWARE\\Microsoft\\Updates\\UpdateExeVolatile", "Flags"),
            ),
            _is_filled,
        ),
        Signal(
            "server_manager",
            medium,
            (
                _key("HKLM:\\SOFTWARE\\Microsoft\\ServerManager\\CurrentRebootAttempts"),
                _value("HKLM:\\SOFTWARE\\Microsoft\\ServerManager", "CurrentRebootAttempts"),
            ),
            _exists,
        ),
        Signal("dvd_setup", medium, (_value(f"{_WINDOWS}\\RunOnce", "DVDRebootSignal"),), _exists),
        Signal("file_renames", noisy, (_value(sessions, "PendingFileRenameOperations"),), _is_filled),
        Signal("file_renames_2", noisy, (_value(sessions, "PendingFileRenameOperations2"),), _is_filled),
    )


def evaluate(findings: Mapping[Asked, Finding]) -> dict[str, dict[str, bool]] | Unreadable:
    """Every signal by weight and name; Unreadable as soon as one of them could not be read."""
    found: dict[str, dict[str, bool]] = {weight.value: {} for weight in Weight}
    for signal in signals():
        answers = [findings[asked] for asked in signal.asked]
        if unreadable := next((answer for answer in answers if isinstance(answer, Unreadable)), None):
            return unreadable
        found[signal.weight][signal.name] = signal.is_set(answers)
    return found
