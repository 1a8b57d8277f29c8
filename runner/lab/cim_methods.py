"""The methods of Win32_Service. Return values are Microsoft's documented ones; they do not raise errors.

A stop or start by method returns as soon as it is accepted: the state is pending until the service's time has passed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from psrpcore.types import PSUInt

from runner.lab.cmdlet import Session
from runner.lab.enums import ServiceStartMode
from runner.lab.errors import Terminating, not_simulated
from runner.lab.services import (
    ERROR_DEPENDENT_SERVICES_RUNNING,
    ERROR_FILE_NOT_FOUND,
    ERROR_INVALID_SERVICE_CONTROL,
    ERROR_SERVICE_ALREADY_RUNNING,
    ERROR_SERVICE_CANNOT_ACCEPT_CTRL,
    ERROR_SERVICE_DISABLED,
    ERROR_SERVICE_NOT_ACTIVE,
    ServiceManager,
    ServiceRefusal,
)
from runner.lab.values import OBJECT, ClrDict, ClrObject, to_text

_SUCCESS = 0
_UNKNOWN_FAILURE = 8
_INVALID_PARAMETER = 21
_RETURN_VALUES = {
    ERROR_DEPENDENT_SERVICES_RUNNING: 3,
    ERROR_INVALID_SERVICE_CONTROL: 5,
    ERROR_SERVICE_CANNOT_ACCEPT_CTRL: 5,
    ERROR_SERVICE_NOT_ACTIVE: 5,
    ERROR_FILE_NOT_FOUND: 9,
    ERROR_SERVICE_ALREADY_RUNNING: 10,
    ERROR_SERVICE_DISABLED: 14,
}
_START_MODES = {mode.name.casefold(): mode for mode in ServiceStartMode}
_RESULT = "Microsoft.Management.Infrastructure.CimMethodResult"


def call_service_method(session: Session, name: str, method: str, arguments: ClrDict) -> ClrObject:
    """Call a method of the Win32_Service called `name`; the result holds the ReturnValue."""
    given = {to_text(key).casefold(): value for key, value in arguments.items.items()}
    services = session.machine.services
    match method.casefold():
        case "startservice":
            code = _controlled(services.start, name)
        case "stopservice":
            code = _controlled(services.stop, name)
        case "changestartmode":
            code = _change(services, name, {"startmode": given.get("startmode")})
        case "change":
            code = _change(services, name, given)
        case _:
            raise Terminating(not_simulated(f"the method {method} of Win32_Service"))
    return ClrObject((_RESULT, OBJECT), {"ReturnValue": PSUInt(code), "PSComputerName": None}, {}, _RESULT)


def _controlled(operation: Callable[[str], None], name: str) -> int:
    try:
        operation(name)
    except ServiceRefusal as refusal:
        return _RETURN_VALUES.get(refusal.error, _UNKNOWN_FAILURE)
    return _SUCCESS


def _change(services: ServiceManager, name: str, given: dict[str, object]) -> int:
    service = services.get(name)
    for argument, value in given.items():
        text = to_text(value)
        match argument:
            case "startmode":
                mode = _START_MODES.get(text.casefold())
                if mode is None:
                    return _INVALID_PARAMETER
                service = replace(service, start_mode=mode, delayed=False)
            case "displayname":
                service = replace(service, display_name=text)
            case "pathname":
                service = replace(service, path=text)
            case "startname":
                service = replace(service, account=text)
            case "startpassword":
                continue
            case _:
                raise Terminating(not_simulated(f"the argument {argument} of Win32_Service.Change"))
    services.configure(service)
    return _SUCCESS
