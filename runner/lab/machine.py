"""A simulated Windows machine: mutable state and nothing else.

A machine costs little: registry and services are shared with all machines of the same Windows until they change.
Everything that changes it, from a cmdlet or from outside, is in `changes` with the machine's time and who did it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from runner.lab.enums import RegistryValueKind, ServiceStartMode
from runner.lab.errors import Terminating, not_simulated
from runner.lab.exchange import Data, ExchangeObject, Organization
from runner.lab.files import FileTree, Node
from runner.lab.network import Network
from runner.lab.policies import GroupPolicy, PolicyValue
from runner.lab.registry import Denial, Registry, RegistryKey, RegistryValue
from runner.lab.repositories import Gallery, Repository
from runner.lab.services import Service, ServiceManager
from runner.lab.timekeeping import MachineClock

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
    """One change of a machine: what it concerns, and its value before and after (None: is not there).

    `by` is the id of the pipeline that made it, or a word: "policy", "boot", "outside"; "" for time alone, as when
    a service has come to its stop.
    """

    time: datetime
    what: str
    before: object
    after: object
    by: str = ""


class Machine:
    """One machine. Not thread-safe; whoever shares it between threads guards it.

    `environment` holds the variables that Windows itself gives a new process (`environment.py` has them all) by
    case-folded name: each with its own spelling and value.
    `elevated`: the account's processes have all of its rights, as those of an administrator's remote session.
    """

    def __init__(
        self,
        name: str,
        facts: Facts,
        registry: Registry,
        services: Iterable[Service],
        environment: Mapping[str, tuple[str, str]],
        now: datetime,
        booted: datetime,
        policy: Iterable[PolicyValue] = (),
        exchange: Organization | None = None,
        files: FileTree | None = None,
    ) -> None:
        self.name = name
        self.facts = facts
        self._registry = registry
        self.environment = dict(environment)
        self.booted = booted
        self.disk_full = False
        self.network = Network()
        self.gallery = Gallery()
        self.elevated = True
        self.unsimulated_commands: frozenset[str] = frozenset()  # case-folded; see MachineSpec
        self.up_at: datetime | None = None  # when the last restart was over; None: before the lab began
        self.shutdown_at: datetime | None = None  # when Windows will restart, as somebody has asked for
        self.changes: list[MachineChange] = []
        self.clock = MachineClock(now)
        self._policy = GroupPolicy(tuple(policy))
        self._author = ""
        self.exchange = exchange or Organization({})
        self.files = files or FileTree({})
        self.services = ServiceManager(services, self.now, self._service_changed)

    def now(self) -> datetime:
        """The machine's own clock (UTC)."""
        return self.clock.now()

    def reach(self, moment: datetime) -> None:
        """Let time pass until this moment, if it has not passed by itself."""
        if moment > self.now():
            self.clock.set(moment)

    def set_clock(self, now: datetime) -> None:
        """Put the clock to another time, as a time correction does. What takes time still takes as long.

        The moment of the last boot moves along: Windows derives it from the clock (domain.md 6.3, item 6).
        """
        before = self.now()
        self.clock.set(now)
        self.booted += now - before
        self.up_at = self.up_at and self.up_at + (now - before)
        self.shutdown_at = self.shutdown_at and self.shutdown_at + (now - before)
        self.services.move(now - before)
        self._policy.move(now - before)
        self._record("clock", before, now)

    def record_boot(self, booted: datetime, up_at: datetime) -> None:
        """Windows restarts at one moment and answers again from another one on."""
        self._record("boot", self.booted, booted)
        self.booted, self.up_at, self.shutdown_at = booted, up_at, None

    def schedule_shutdown(self, at: datetime | None) -> None:
        """Windows is to restart at a moment; None: not any more."""
        self._record("shutdown", self.shutdown_at, at)
        self.shutdown_at = at

    @property
    def registry(self) -> Registry:
        """The registry as it is now."""
        if self._policy.disturbed:
            self._put_back(self._policy.take_due(self.now()))
        return self._registry

    def refresh_policy(self) -> None:
        """Put back every value that a policy owns, as `gpupdate /force` does."""
        self._put_back(self._policy.take_all(self._registry))

    @contextmanager
    def authored(self, by: str) -> Iterator[None]:
        """What changes in this block is somebody's doing; see `MachineChange.by`."""
        before, self._author = self._author, by
        try:
            yield
        finally:
            self._author = before

    def create_key(self, path: str) -> None:
        """Make a registry key and its missing parents."""
        if self._registry.find(path) is None:
            self._registry.create_key(path)
            self._written(path, None, {})

    def put_key(self, path: str, key: RegistryKey) -> None:
        """Put a registry key with everything below it in the place of what is there."""
        before = self._registry.find(path)
        self._registry.put_key(path, key)
        self._written(path, before, key)

    def remove_key(self, path: str) -> None:
        """Remove a registry key and everything below it."""
        before = self._registry.find(path)
        self._registry.remove_key(path)
        self._written(path, before, None)

    def set_value(self, path: str, value: RegistryValue) -> None:
        """Set a value of a registry key; the key is made where missing."""
        before = self._value(path, value.name)
        self._registry.set_value(path, value)
        if before != value:
            self._written(f"{path}::{value.name}", before, value)

    def remove_value(self, path: str, name: str) -> None:
        """Remove a value of a registry key."""
        before = self._value(path, name)
        self._registry.remove_value(path, name)
        self._written(f"{path}::{name}", before, None)

    def set_access(self, path: str, denial: Denial | None) -> None:
        """What the account may not do from now on with a registry key and what is below it; None: it may everything."""
        key = self._registry.find(path)
        before = key.deny if key else None
        self._registry.deny(path, denial)
        self._record(f"access to {path}", before, denial)

    def set_exchange(self, found: ExchangeObject, values: Mapping[str, Data]) -> None:
        """Set properties of an object of Exchange."""
        self.exchange.set(found, values, self._record)

    def put_repository(self, repository: Repository) -> None:
        """Register a repository of modules, or change a registered one."""
        before = self.gallery.repository(repository.name)
        self.gallery.put(repository)
        if before != repository:
            self._record(f"repository {repository.name}", before, repository)

    def remove_repository(self, repository: Repository) -> None:
        """Forget a repository of modules."""
        self.gallery.remove(repository.name)
        self._record(f"repository {repository.name}", repository, None)

    def put_file(self, path: str, node: Node) -> None:
        """Put a file or folder at a path, in the place of what is there.

        On a full disk the command is refused by name: no recording tells the error of each cmdlet. (Registry and
        services need no disk at once, and go on.)
        """
        if self.disk_full:
            raise Terminating(not_simulated("the writing of a file on a full disk"))
        before = self.files.find(path)
        self.files.put(path, node, self.now())
        self._record(path, before, self.files.find(path))

    def remove_file(self, path: str) -> None:
        """Remove a file, or a folder with everything in it."""
        before = self.files.find(path)
        self.files.remove(path, self.now())
        self._record(path, before, None)

    def _value(self, path: str, name: str) -> RegistryValue | None:
        key = self._registry.find(path)
        return key.value(name) if key else None

    def _written(self, what: str, before: object, after: object) -> None:
        """The registry was written: record it, and see what a policy has against it."""
        self._record(what, before, after)
        self._policy.look(self._registry, self.now())
        if self._policy.disturbed:
            self._put_back(self._policy.take_due(self.now()))

    def _put_back(self, owned: Iterable[PolicyValue]) -> None:
        with self.authored("policy"):
            for one in owned:
                before = self._value(one.path, one.value.name)
                self._registry.set_value(one.path, one.value)
                self._record(f"{one.path}::{one.value.name}", before, one.value)

    def _service_changed(self, before: Service | None, after: Service | None) -> None:
        service = after or before
        if service is None:
            return
        path = f"{SERVICES_KEY}\\{service.name}"
        if after is None:
            self._registry.remove_key(path)
        else:
            write_service_key(self._registry, before, after)
        with self.authored("" if _came_to_its_end(before, after) else self._author):
            self._record(f"service {service.name}", before, after)

    def _record(self, what: str, before: object, after: object) -> None:
        self.changes.append(MachineChange(self.now(), what, before, after, self._author))


def _came_to_its_end(before: Service | None, after: Service | None) -> bool:
    """Whether a pending start or stop is over: time's doing, whoever looks."""
    return before is not None and before.pending_until is not None and after is not None and after.pending_until is None


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
