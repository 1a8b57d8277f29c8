"""ServiceController objects as Get-Service writes them.

Windows PowerShell: the capture `test_psrp_multiple_commands` in `groundtruth/pypsrp`. PowerShell 6 and later:
case svc-get-one of `groundtruth/pwsh76`; what 5.1 lacks is listed in `windows.md` ("May differ").
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from runner.lab.cmdlet import Session
from runner.lab.convert import convert
from runner.lab.enums import ServiceControllerStatus, ServiceStartMode, ServiceStartupType
from runner.lab.errors import Terminating, not_simulated
from runner.lab.members import Method, Pause
from runner.lab.services import Service
from runner.lab.values import OBJECT, ClrList, ClrObject, TypeNames

CONTROLLER = "System.ServiceProcess.ServiceController"
_PLAIN: TypeNames = (CONTROLLER, "System.ComponentModel.Component", "System.MarshalByRefObject", OBJECT)
_ARRAY: TypeNames = (f"{CONTROLLER}[]", "System.Array", OBJECT)
_ADDED = ("StartupType", "BinaryPathName", "DelayedAutoStart", "Description", "UserName")
_EXTENDED: TypeNames = (*(f"System.Service.ServiceController#{name}" for name in _ADDED), *_PLAIN)


@dataclass(frozen=True, slots=True)
class ServiceHandle:
    """The service that a ServiceController object stands for."""

    name: str
    session: Session | None = None

    def method(self, name: str) -> Method | None:
        """WaitForStatus; other methods are unknown here."""
        return self._wait_for_status if name.casefold() == "waitforstatus" and self.session else None

    def _wait_for_status(self, arguments: list[object]) -> object:
        """Without a time limit it waits for ever, which the lab refuses to do."""
        if len(arguments) != 2 or self.session is None:
            raise Terminating(not_simulated("WaitForStatus without a time limit"))
        wanted = convert(arguments[0], "System.ServiceProcess.ServiceControllerStatus")
        limit = convert(arguments[1], "System.TimeSpan")
        seconds = limit.total_seconds() if isinstance(limit, timedelta) else 0.0
        services, name = self.session.machine.services, self.name
        failure = self.session.say("ServiceTimeout", name)
        return Pause(_POLL, seconds, lambda: services.get(name).status is wanted, failure, "TimeoutException")


_POLL = 0.25  # seconds; ServiceController.WaitForStatus looks four times a second


def service_object(session: Session, service: Service, shown_name: str | None = None) -> ClrObject:
    """What Get-Service writes; the name is shown in the case in which it was asked for (svc-get-*)."""
    name = shown_name or service.name
    adapted = _properties(session, service, name)
    extended: dict[str, object] = {}
    core = session.version >= (6, 0)
    if core:
        extended.update(
            {
                "UserName": service.account,
                "Description": service.description or None,
                "DelayedAutoStart": service.delayed,
                "BinaryPathName": service.path,
                "StartupType": startup_type(service),
            }
        )
    extended["Name"] = name
    extended["RequiredServices"] = adapted["ServicesDependedOn"]
    return _controller(session, _EXTENDED if core else _PLAIN, name, adapted, extended)


def raw_service_object(session: Session, service: Service) -> ClrObject:
    """The bare .NET object: the target of a service error, and what New-Service writes."""
    adapted = _properties(session, service, service.name)
    extended: dict[str, object] = {"Name": service.name, "RequiredServices": adapted["ServicesDependedOn"]}
    return _controller(session, _PLAIN, service.name, adapted, extended)


def _controller(
    session: Session, names: TypeNames, name: str, adapted: dict[str, object], extended: dict[str, object]
) -> ClrObject:
    """The object as PowerShell's type data makes it: its ToString is a script."""
    return ClrObject(names, adapted, extended, name, ServiceHandle(name, session), own_text=CONTROLLER)


def startup_type(service: Service) -> ServiceStartupType:
    """PowerShell 6's StartupType, which knows the delayed start."""
    if service.start_mode is ServiceStartMode.Automatic and service.delayed:
        return ServiceStartupType.AutomaticDelayedStart
    return ServiceStartupType[service.start_mode.name]


def _properties(session: Session, service: Service, name: str) -> dict[str, object]:
    running = service.status is ServiceControllerStatus.Running
    tail: dict[str, object] = {"StartType": service.start_mode}
    head: dict[str, object] = {
        "ServiceHandle": "SafeServiceHandle",
        "Status": service.status,
        "ServiceType": service.service_type,
    }
    if session.version >= (6, 0):
        handle = "Microsoft.Win32.SafeHandles.SafeServiceHandle"
        ordered = {**tail, **head, "ServiceHandle": handle}
    else:
        ordered = {**head, **tail}
    return {
        "CanPauseAndContinue": running and service.can_pause,
        "CanShutdown": running and service.can_stop,
        "CanStop": running and service.can_stop,
        "DisplayName": service.display_name,
        "DependentServices": _controllers(session, [s.name for s in session.machine.services.dependents(service.name)]),
        "MachineName": ".",
        "ServiceName": name,
        "ServicesDependedOn": _controllers(session, list(service.depends_on)),
        **ordered,
        "Site": None,
        "Container": None,
    }


def _controllers(session: Session, names: list[str]) -> ClrList:
    """An array of other services; inside a service each is only its name (the capture's RPCSS and HTTP)."""
    handles: list[object] = [
        _controller(session, _PLAIN, name, {"ServiceName": name, "MachineName": "."}, {"Name": name}) for name in names
    ]
    return ClrList(handles, _ARRAY)
