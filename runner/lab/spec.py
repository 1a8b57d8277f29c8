"""The machine part of a scenario, and how a machine is made from it.

What every machine of a Windows version has is data: `data/os/base.yml` and one file per version, in the same notation
as a scenario. A version's defaults are read once and shared.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from runner.lab.boot import BootHabits
from runner.lab.enums import ServiceControllerStatus, ServiceStartMode, ServiceType
from runner.lab.exchange_spec import ExchangeSpec, made_organization
from runner.lab.file_spec import FilesSpec, check_files, make_files
from runner.lab.gallery_spec import (
    GallerySpec,
    ProviderSpec,
    RepositorySpec,
    check_in_use,
    made_gallery,
    put_packages,
    put_provider,
)
from runner.lab.machine import Facts, Machine, write_service_key
from runner.lab.module_spec import ModulesSpec, put_modules
from runner.lab.network_spec import NetworkSpec, made_network
from runner.lab.policies import PolicyValue
from runner.lab.registry import Denial, Registry
from runner.lab.registry_spec import RegistrySpec, apply_registry, check_path, check_registry, long_path, registry_value
from runner.lab.services import Service, check_dependencies

OsName = Literal["Server 2012 R2", "Server 2016", "Server 2019", "Server 2022", "Server 2025"]
_LONGEST = 1e9  # seconds: more than thirty years, and no clock of the lab comes to its end


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServiceSpec(_Strict):
    """One service; what is left out keeps the default of this Windows, or else of a new service."""

    display_name: str | None = None
    description: str | None = None
    status: Literal["running", "stopped", "paused"] | None = None
    start_mode: Literal["automatic", "delayed", "manual", "disabled"] | None = None
    account: str | None = None
    path: str | None = None
    process: Literal["own", "shared"] | None = None
    depends_on: tuple[str, ...] | None = None
    can_stop: bool | None = None
    can_pause: bool | None = None
    start_seconds: float | None = Field(None, ge=0, le=_LONGEST)
    stop_seconds: float | None = Field(None, ge=0, le=_LONGEST)
    stuck_stop: bool | None = None
    start_error: int | None = None


class PolicySpec(_Strict):
    """Registry values that a Group Policy owns: they are set, and put back when they were changed.

    `seconds` is how long after the change (machine time); 0: at once; null: at a reboot or a refresh only.
    """

    registry: RegistrySpec
    seconds: float | None = Field(0.0, ge=0, le=_LONGEST)

    @field_validator("registry")
    @classmethod
    def _owns_values(cls, registry: RegistrySpec) -> RegistrySpec:
        check_registry(registry)
        if any(not values or None in values.values() for values in registry.values()):
            raise ValueError("a policy of the lab owns values; it does not delete any")
        return registry


class BootSpec(_Strict):
    """How a machine restarts: the seconds until it answers again, and pending-reboot keys that linger (boot.py)."""

    seconds: float = Field(default=60.0, ge=0, le=_LONGEST)
    keeps: tuple[str, ...] = ()

    @field_validator("keeps")
    @classmethod
    def _keeps_keys(cls, keeps: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(long_path(path) for path in keeps)


class OsSpec(_Strict):
    """The defaults of one Windows version."""

    caption: str
    version: str
    build: str
    powershell: str
    clr: str
    environment: dict[str, str] = {}
    registry: RegistrySpec = {}
    services: dict[str, ServiceSpec] = {}
    modules: dict[int, ModulesSpec] = {}


class MachineSpec(_Strict):
    r"""A machine as a scenario describes it: a Windows version and what differs from its defaults.

    Registry: `{'HKLM\SOFTWARE\X': {Name: 1, Text: abc, List: [a], Other: {qword: 5}, '(default)': {expand_sz: x}}}`;
    an integer is a DWORD, a text REG_SZ, a list REG_MULTI_SZ, null deletes a default value; null instead of the
    values deletes a default key. `deny` refuses the account a key and what is below it.
    `modules` are PowerShell's (`module_spec.py`); `unsimulated_commands` those of other modules, refused by name.
    """

    os: OsName = "Server 2019"
    computer_name: str | None = None
    dns_host_name: str | None = None
    domain: str | None = None
    memory_mb: int = Field(8192, gt=0)
    powershell: str | None = Field(None, pattern=r"^\d+(\.\d+)+$")
    architecture: str = "64-bit"
    culture: Literal["en-US", "ja-JP"] = "en-US"
    time_zone: str = "UTC"
    time_zone_bias: int = 0
    now: datetime = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
    uptime_seconds: float = Field(10 * 86400.0, ge=0)
    environment: dict[str, str] = {}
    registry: RegistrySpec = {}
    deny: dict[str, Denial] = {}
    services: dict[str, ServiceSpec | None] = {}
    files: FilesSpec = {}
    modules: ModulesSpec = {}
    policy: PolicySpec | None = None
    boot: BootSpec = BootSpec()
    disk_full: bool = False
    network: NetworkSpec = NetworkSpec()
    gallery: GallerySpec = GallerySpec()
    repositories: tuple[RepositorySpec, ...] | None = None
    nuget_provider: ProviderSpec | None = None
    modules_in_use: dict[str, str] = {}
    elevated: bool = True
    unsimulated_commands: tuple[str, ...] = ()
    exchange: ExchangeSpec | None = None

    @field_validator("registry")
    @classmethod
    def _registry_is_readable(cls, registry: RegistrySpec) -> RegistrySpec:
        check_registry(registry)
        return registry

    @field_validator("deny")
    @classmethod
    def _deny_names_keys(cls, deny: dict[str, Denial]) -> dict[str, Denial]:
        for path in deny:
            check_path(path)
        return deny

    @field_validator("files")
    @classmethod
    def _files_can_be(cls, files: FilesSpec) -> FilesSpec:
        check_files(files)
        return files

    @model_validator(mode="after")
    def _services_can_start(self) -> MachineSpec:
        if any(service and service.depends_on for service in self.services.values()):
            needs = {folded: service.depends_on for folded, service in default_services(self.os).items()}
            for name, service in self.services.items():
                if service is None or service.depends_on is not None:
                    needs[name.casefold()] = (service and service.depends_on) or ()
            for name in self.services:
                check_dependencies(name, needs)
        return self

    @model_validator(mode="after")
    def _modules_are_held_by_services(self) -> MachineSpec:
        if self.modules_in_use:
            own = {name.casefold(): service for name, service in self.services.items()}
            check_in_use(self.modules_in_use, {n for n in {**default_services(self.os), **own} if own.get(n, True)})
        return self

    @field_validator("now")
    @classmethod
    def _now_has_a_zone(cls, now: datetime) -> datetime:
        return now if now.tzinfo else now.replace(tzinfo=UTC)


@functools.cache
def _os_defaults(name: str) -> tuple[OsSpec, Registry, tuple[Service, ...]]:
    """What all machines of a Windows version share. The registry is copied before it is changed."""
    folder = resources.files("runner.lab") / "data" / "os"
    base = yaml.safe_load((folder / "base.yml").read_text(encoding="utf-8"))
    own = yaml.safe_load((folder / f"{name.lower().replace(' ', '-')}.yml").read_text(encoding="utf-8"))
    merged = {**own}
    for part in ("environment", "registry", "services", "modules"):
        merged[part] = {**base.get(part, {}), **own.get(part, {})}
    spec = OsSpec.model_validate(merged)
    services = tuple(made_service(None, name, service) for name, service in spec.services.items())
    registry = Registry()
    apply_registry(registry, spec.registry)
    for service in services:
        write_service_key(registry, None, service)
    return spec, registry, services


def build_machine(name: str, spec: MachineSpec) -> Machine:
    """The machine that the spec describes; `name` is its host name unless the spec names it otherwise."""
    defaults, shared, shared_services = _os_defaults(spec.os)
    facts = _facts(name, spec, defaults)
    registry = shared.copy()
    apply_registry(registry, _identity(facts))
    services = {service.name.casefold(): service for service in shared_services}
    for service_name, service_spec in spec.services.items():
        before = services.pop(service_name.casefold(), None)
        if service_spec is not None:
            service = made_service(before, service_name, service_spec)
            services[service_name.casefold()] = service
            write_service_key(registry, before, service)
    apply_registry(registry, spec.registry)
    if spec.policy is not None:
        apply_registry(registry, spec.policy.registry)
    for path, denial in spec.deny.items():
        registry.deny(path, denial)
    variables = {**defaults.environment, "COMPUTERNAME": facts.computer_name, **spec.environment}
    environment = {key.casefold(): (key, value) for key, value in variables.items()}
    booted = spec.now - timedelta(seconds=spec.uptime_seconds)
    policy = _owned(spec.policy) if spec.policy else ()
    exchange = made_organization(spec.exchange)
    files = make_files(spec.files, spec.now)
    put_packages(files, spec.gallery)
    put_provider(files, spec.nuget_provider, facts.powershell_version)
    put_modules(files, facts.powershell_version, defaults.modules, spec.modules)
    machine = Machine(name, facts, registry, services.values(), environment, spec.now, booted, policy, exchange, files)
    machine.disk_full = spec.disk_full
    machine.network = made_network(spec.network)
    powershell, in_use = facts.powershell_version, spec.modules_in_use
    machine.gallery = made_gallery(spec.gallery, spec.repositories, in_use, powershell)
    machine.elevated = spec.elevated
    machine.unsimulated_commands = frozenset(name.casefold() for name in spec.unsimulated_commands)
    return machine


def default_services(os: OsName) -> Mapping[str, Service]:
    """The services of a fresh installation, by their case-folded names."""
    return {service.name.casefold(): service for service in _os_defaults(os)[2]}


def boot_habits(spec: BootSpec) -> BootHabits:
    return BootHabits(spec.seconds, frozenset(spec.keeps))


def _owned(policy: PolicySpec) -> Iterator[PolicyValue]:
    for path, values in policy.registry.items():
        for name, value in (values or {}).items():
            if value is not None:
                yield PolicyValue(long_path(path), registry_value(name, value), policy.seconds)


def _facts(name: str, spec: MachineSpec, defaults: OsSpec) -> Facts:
    computer_name = spec.computer_name or name.upper()[:15]
    return Facts(
        os=spec.os,
        caption=defaults.caption,
        version=defaults.version,
        build=defaults.build,
        powershell=spec.powershell or defaults.powershell,
        clr=defaults.clr,
        architecture=spec.architecture,
        culture=spec.culture,
        time_zone=spec.time_zone,
        time_zone_bias=spec.time_zone_bias,
        computer_name=computer_name,
        dns_host_name=spec.dns_host_name or spec.computer_name or name,
        domain=spec.domain or "WORKGROUP",
        domain_joined=spec.domain is not None,
        memory_bytes=spec.memory_mb * 1024 * 1024,
    )


def _identity(facts: Facts) -> RegistrySpec:
    """The keys in which Windows keeps the machine's name (domain.md 6.1, the rename signals)."""
    names = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\ComputerName"
    return {
        f"{names}\\ComputerName": {"ComputerName": facts.computer_name},
        f"{names}\\ActiveComputerName": {"ComputerName": facts.computer_name},
        "HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters": {
            "Hostname": facts.dns_host_name,
            "NV Hostname": facts.dns_host_name,
        },
    }


_STATUS = {
    "running": ServiceControllerStatus.Running,
    "stopped": ServiceControllerStatus.Stopped,
    "paused": ServiceControllerStatus.Paused,
}
_START_MODES = {
    "automatic": ServiceStartMode.Automatic,
    "delayed": ServiceStartMode.Automatic,
    "manual": ServiceStartMode.Manual,
    "disabled": ServiceStartMode.Disabled,
}

_SERVICE_TYPES = {"own": ServiceType.Win32OwnProcess, "shared": ServiceType.Win32ShareProcess}


def made_service(before: Service | None, name: str, spec: ServiceSpec) -> Service:
    """The service that a spec makes of the one before, or of nothing."""
    fields = {field: getattr(before, field) for field in Service.__dataclass_fields__} if before else {}
    given = {key: value for key, value in spec.model_dump().items() if value is not None}
    if "start_mode" in given:
        given["delayed"] = given["start_mode"] == "delayed"
        given["start_mode"] = _START_MODES[given["start_mode"]]
    if "process" in given:
        given["service_type"] = _SERVICE_TYPES[given.pop("process")]
    if "status" in given:
        given["status"] = _STATUS[given["status"]]
    fields.update(given)
    fields["name"] = name
    fields.setdefault("display_name", name)
    service = Service(**fields)
    running = service.status is not ServiceControllerStatus.Stopped
    return service if not running or service.process_id else Service(**{**fields, "process_id": _boot_process(name)})


def _boot_process(name: str) -> int:
    """A process id for a service that runs since the machine was started: fixed by its name, below the later ones."""
    return 400 + 4 * (sum(name.casefold().encode()) % 140)
