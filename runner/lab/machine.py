"""A simulated Windows machine: mutable state and nothing else.

A machine costs little: registry and services are shared with all machines of the same Windows until they change.
Everything that changes it, from a cmdlet or from outside, is in `changes` with the machine's time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from runner.lab.enums import RegistryValueKind, ServiceStartMode
from runner.lab.registry import Registry, RegistryKey, RegistryValue
from runner.lab.services import Service, ServiceManager

SERVICES_KEY = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a machine is: Windows, PowerShell, its names. Versions are dotted text as Windows gives them."""

    os: str
    caption: str
    version: str
    build: str
    powershell: str
    clr: str
    architecture: str
    culture: str
    time_zone: str
    time_zone_bias: int
    computer_name: str
    dns_host_name: str
    domain: str
    domain_joined: bool
    memory_bytes: int

    @property
    def powershell_version(self) -> tuple[int, ...]:
        """The PowerShell version as numbers, e.g. (5, 1, 17763, 1971)."""
        return tuple(int(part) for part in self.powershell.split("."))


@dataclass(frozen=True, slots=True)
class MachineChange:
    """One change of a machine: what it concerns, and its value before and after (None: is not there)."""

    time: datetime
    what: str
    before: object
    after: object


class Machine:
    """One machine. Not thread-safe; whoever shares it between threads guards it."""

    def __init__(
        self,
        name: str,
        facts: Facts,
        registry: Registry,
        services: Iterable[Service],
        environment: Mapping[str, str],
        now: datetime,
        booted: datetime,
    ) -> None:
        self.name = name
        self.facts = facts
        self.registry = registry
        self.environment = dict(environment)
        self.booted = booted
        self.changes: list[MachineChange] = []
        self._now = now
        self.services = ServiceManager(services, self.now, self._service_changed)

    def now(self) -> datetime:
        """The machine's own clock (UTC)."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass on the machine."""
        self._now += timedelta(seconds=seconds)

    def set_clock(self, now: datetime) -> None:
        """Put the clock to another time, as a time correction does."""
        self._now = now

    def create_key(self, path: str) -> None:
        """Make a registry key and its missing parents."""
        if self.registry.find(path) is None:
            self.registry.create_key(path)
            self._record(path, None, {})

    def put_key(self, path: str, key: RegistryKey) -> None:
        """Put a registry key with everything below it in the place of what is there."""
        before = self.registry.find(path)
        self.registry.put_key(path, key)
        self._record(path, before, key)

    def remove_key(self, path: str) -> None:
        """Remove a registry key and everything below it."""
        before = self.registry.find(path)
        self.registry.remove_key(path)
        self._record(path, before, None)

    def set_value(self, path: str, value: RegistryValue) -> None:
        """Set a value of a registry key; the key is made where missing."""
        before = self._value(path, value.name)
        self.registry.set_value(path, value)
        if before != value:
            self._record(f"{path}::{value.name}", before, value)

    def remove_value(self, path: str, name: str) -> None:
        """Remove a value of a registry key."""
        before = self._value(path, name)
        self.registry.remove_value(path, name)
        self._record(f"{path}::{name}", before, None)

    def expand(self, text: str) -> str:
        """The text with its %NAME% replaced by environment variables; unknown names stay (reg-gip-types)."""
        if text.count("%") < 2:
            return text
        head, *parts = text.split("%")
        result = head
        while parts:
            name = parts.pop(0)
            value = self.environment.get(name.casefold()) if parts and name else None
            result += f"%{name}" if value is None else value + parts.pop(0)
        return result

    def _value(self, path: str, name: str) -> RegistryValue | None:
        key = self.registry.find(path)
        return key.value(name) if key else None

    def _service_changed(self, before: Service | None, after: Service | None) -> None:
        service = after or before
        if service is None:
            return
        path = f"{SERVICES_KEY}\\{service.name}"
        if after is None:
            self.registry.remove_key(path)
        else:
            write_service_key(self.registry, before, after)
        self._record(f"service {service.name}", before, after)

    def _record(self, what: str, before: object, after: object) -> None:
        self.changes.append(MachineChange(self._now, what, before, after))


def write_service_key(registry: Registry, before: Service | None, service: Service) -> None:
    """Write what the service control manager keeps of a service in the registry (pwsh76 svc-reg-start)."""
    path = f"{SERVICES_KEY}\\{service.name}"
    if before is None or _service_values(before) != _service_values(service):
        for value in _service_values(service):
            registry.set_value(path, value)


def _service_values(service: Service) -> tuple[RegistryValue, ...]:
    delayed = service.delayed and service.start_mode is ServiceStartMode.Automatic
    return (
        RegistryValue("DelayedAutostart", RegistryValueKind.DWord, int(delayed)),
        RegistryValue("DisplayName", RegistryValueKind.String, service.display_name),
        RegistryValue("ErrorControl", RegistryValueKind.DWord, 1),
        RegistryValue("ImagePath", RegistryValueKind.ExpandString, service.path),
        RegistryValue("ObjectName", RegistryValueKind.String, service.account),
        RegistryValue("PreshutdownTimeout", RegistryValueKind.DWord, 180000),
        RegistryValue("Start", RegistryValueKind.DWord, int(service.start_mode)),
        RegistryValue("Type", RegistryValueKind.DWord, int(service.service_type)),
    )
