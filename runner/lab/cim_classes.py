"""The CIM classes of the lab: their instances and properties, made from the machine when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from psrpcore.types import PSInt, PSInt16, PSUInt, PSUInt64

from runner.lab.clock import local_time
from runner.lab.cmdlet import Session
from runner.lab.enums import ServiceControllerStatus, ServiceType
from runner.lab.machine import Machine
from runner.lab.services import Service
from runner.lab.values import OBJECT, ClrObject, string_array

_INSTANCE = "Microsoft.Management.Infrastructure.CimInstance"
_LANGUAGES = {"en-US": ("0409", 1033, "1"), "ja-JP": ("0411", 1041, "81")}


@dataclass(frozen=True, slots=True)
class CimHandle:
    """The instance that a CimInstance object stands for: its class (lower case) and its key."""

    class_name: str
    key: str


@dataclass(frozen=True, slots=True)
class CimClass:
    """One class: its properties by name, and its instances on a machine."""

    name: str
    keys: tuple[str, ...]
    properties: Mapping[str, Callable[[Session, CimHandle], object]]
    handles: Callable[[Machine], list[CimHandle]]


def cim_object(session: Session, class_name: str, handle: CimHandle, wanted: frozenset[str] | None) -> ClrObject:
    """The CimInstance of one instance; properties that were not asked for are null, except the keys."""
    cim_class = CIM_CLASSES[class_name]
    properties: dict[str, object] = {"PSComputerName": None}
    for name, read in cim_class.properties.items():
        asked = wanted is None or name.casefold() in wanted or name in cim_class.keys
        properties[name] = read(session, handle) if asked else None
    names = (f"{_INSTANCE}#root/cimv2/{cim_class.name}", _INSTANCE, OBJECT)
    return ClrObject(names, properties, {}, cim_class.name, handle)


def properties_of_class(session: Session, class_name: str, handle: CimHandle) -> dict[str, object]:
    """All properties of one instance."""
    return {name: read(session, handle) for name, read in CIM_CLASSES[class_name].properties.items()}


def _single(class_name: str) -> Callable[[Machine], list[CimHandle]]:
    return lambda machine: [CimHandle(class_name, "")]


_OPERATING_SYSTEM: dict[str, Callable[[Session, CimHandle], object]] = {
    "Caption": lambda session, _: session.machine.facts.caption,
    "Version": lambda session, _: session.machine.facts.version,
    "BuildNumber": lambda session, _: session.machine.facts.build,
    "OSArchitecture": lambda session, _: session.machine.facts.architecture,
    "CSName": lambda session, _: session.machine.facts.computer_name,
    "LastBootUpTime": lambda session, _: local_time(session.machine, session.machine.booted),
    "LocalDateTime": lambda session, _: local_time(session.machine, session.machine.now()),
    "CurrentTimeZone": lambda session, _: PSInt16(session.machine.facts.time_zone_bias),
    "TotalVisibleMemorySize": lambda session, _: PSUInt64(session.machine.facts.memory_bytes // 1024),
    "Locale": lambda session, _: _LANGUAGES[session.machine.facts.culture][0],
    "OSLanguage": lambda session, _: PSUInt(_LANGUAGES[session.machine.facts.culture][1]),
    "CountryCode": lambda session, _: _LANGUAGES[session.machine.facts.culture][2],
    "MUILanguages": lambda session, _: string_array([session.machine.facts.culture]),
    "ProductType": lambda session, _: PSUInt(3),
    "OperatingSystemSKU": lambda session, _: PSUInt(8),
    "SystemDrive": lambda session, _: session.machine.environment.get("systemdrive"),
    "WindowsDirectory": lambda session, _: session.machine.environment.get("systemroot"),
}

_COMPUTER_SYSTEM: dict[str, Callable[[Session, CimHandle], object]] = {
    "Name": lambda session, _: session.machine.facts.computer_name,
    "DNSHostName": lambda session, _: session.machine.facts.dns_host_name,
    "Domain": lambda session, _: session.machine.facts.domain,
    "PartOfDomain": lambda session, _: session.machine.facts.domain_joined,
    "Workgroup": lambda session, _: None if session.machine.facts.domain_joined else session.machine.facts.domain,
    "TotalPhysicalMemory": lambda session, _: PSUInt64(session.machine.facts.memory_bytes),
}

_TIME_ZONE: dict[str, Callable[[Session, CimHandle], object]] = {
    "StandardName": lambda session, _: session.machine.facts.time_zone,
    "Bias": lambda session, _: PSInt(session.machine.facts.time_zone_bias),
}

_STATES = {
    ServiceControllerStatus.Stopped: "Stopped",
    ServiceControllerStatus.StartPending: "Start Pending",
    ServiceControllerStatus.StopPending: "Stop Pending",
    ServiceControllerStatus.Running: "Running",
    ServiceControllerStatus.ContinuePending: "Continue Pending",
    ServiceControllerStatus.PausePending: "Pause Pending",
    ServiceControllerStatus.Paused: "Paused",
}
_START_MODES = {"Automatic": "Auto"}
_TYPES = {ServiceType.Win32OwnProcess: "Own Process", ServiceType.Win32ShareProcess: "Share Process"}


def _of_service(read: Callable[[Service], object]) -> Callable[[Session, CimHandle], object]:
    return lambda session, handle: read(session.machine.services.get(handle.key))


_SERVICE: dict[str, Callable[[Session, CimHandle], object]] = {
    "Name": _of_service(lambda service: service.name),
    "DisplayName": _of_service(lambda service: service.display_name),
    "Caption": _of_service(lambda service: service.display_name),
    "Description": _of_service(lambda service: service.description or None),
    "State": _of_service(lambda service: _STATES[service.status]),
    "Started": _of_service(lambda service: service.status is not ServiceControllerStatus.Stopped),
    "StartMode": _of_service(lambda service: _START_MODES.get(service.start_mode.name, service.start_mode.name)),
    "DelayedAutoStart": _of_service(lambda service: service.delayed),
    "StartName": _of_service(lambda service: service.account),
    "PathName": _of_service(lambda service: service.path),
    "ServiceType": _of_service(lambda service: _TYPES[service.service_type]),
    "ProcessId": _of_service(lambda service: PSUInt(service.process_id)),
    "AcceptStop": _of_service(lambda service: service.can_stop and service.status is ServiceControllerStatus.Running),
    "AcceptPause": _of_service(lambda service: service.can_pause and service.status is ServiceControllerStatus.Running),
    "SystemName": lambda session, _: session.machine.facts.computer_name,
}

CIM_CLASSES: dict[str, CimClass] = {
    cim_class.name.casefold(): cim_class
    for cim_class in (
        CimClass("Win32_OperatingSystem", (), _OPERATING_SYSTEM, _single("win32_operatingsystem")),
        CimClass("Win32_ComputerSystem", ("Name",), _COMPUTER_SYSTEM, _single("win32_computersystem")),
        CimClass("Win32_TimeZone", ("StandardName",), _TIME_ZONE, _single("win32_timezone")),
        CimClass(
            "Win32_Service",
            ("Name",),
            _SERVICE,
            lambda machine: [CimHandle("win32_service", service.name) for service in machine.services.all()],
        ),
    )
}
