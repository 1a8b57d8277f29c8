"""The service control manager of a simulated machine.

Starting and stopping take the service's own time: the state is pending until the machine's clock has passed it, and a
stuck stop stays pending for ever. A service gets a new process id at every start. Refusals carry Windows' error
numbers (winerror.h); the cmdlets and CIM methods translate them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from runner.lab.enums import ServiceControllerStatus, ServiceStartMode, ServiceType

Status = ServiceControllerStatus

ERROR_FILE_NOT_FOUND = 2
ERROR_DEPENDENT_SERVICES_RUNNING = 1051
ERROR_INVALID_SERVICE_CONTROL = 1052
ERROR_SERVICE_ALREADY_RUNNING = 1056
ERROR_SERVICE_DISABLED = 1058
ERROR_CIRCULAR_DEPENDENCY = 1059
ERROR_SERVICE_CANNOT_ACCEPT_CTRL = 1061
ERROR_SERVICE_NOT_ACTIVE = 1062
ERROR_SERVICE_EXISTS = 1073


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The state and the habits of one service."""

    name: str
    display_name: str
    description: str = ""
    status: ServiceControllerStatus = Status.Stopped
    start_mode: ServiceStartMode = ServiceStartMode.Manual
    delayed: bool = False
    account: str = "LocalSystem"
    path: str = ""
    service_type: ServiceType = ServiceType.Win32OwnProcess
    depends_on: tuple[str, ...] = ()
    process_id: int = 0
    can_stop: bool = True
    can_pause: bool = False
    start_seconds: float = 0.0
    stop_seconds: float = 0.0
    stuck_stop: bool = False
    start_error: int | None = None
    pending_until: datetime | None = None


class ServiceRefusal(Exception):
    """The service control manager refuses an operation with this Windows error number."""

    def __init__(self, error: int) -> None:
        super().__init__(str(error))
        self.error = error


class ServiceManager:
    """All services of one machine.

    `now` is the machine's clock; `changed` is told every change of a service (before, after; None = is not there).
    """

    def __init__(
        self,
        services: Iterable[Service],
        now: Callable[[], datetime],
        changed: Callable[[Service | None, Service | None], None],
    ) -> None:
        self._services = {service.name.casefold(): service for service in services}
        self._now = now
        self._changed = changed
        self._next_process_id = 1000

    def all(self) -> list[Service]:
        """Every service, sorted by name."""
        return [self._settled(key) for key in sorted(self._services)]

    def find(self, name: str) -> Service | None:
        """The service of this name (not display name) in any case, as it is now."""
        return self._settled(name.casefold()) if name.casefold() in self._services else None

    def get(self, name: str) -> Service:
        """Like `find`; KeyError if there is no such service."""
        return self._settled(name.casefold())

    def dependents(self, name: str) -> list[Service]:
        """The services that directly depend on this one."""
        folded = name.casefold()
        return [s for s in self.all() if folded in (other.casefold() for other in s.depends_on)]

    def start(self, name: str) -> None:
        """Start a service and, before it, those it depends on. Raises ServiceRefusal."""
        self._start(name, frozenset())

    def _start(self, name: str, above: frozenset[str]) -> None:
        """Start a service that those above wait for."""
        service = self.get(name)
        if name.casefold() in above:
            raise ServiceRefusal(ERROR_CIRCULAR_DEPENDENCY)
        if service.status is not Status.Stopped:
            raise ServiceRefusal(ERROR_SERVICE_ALREADY_RUNNING)
        if service.start_mode is ServiceStartMode.Disabled:
            raise ServiceRefusal(ERROR_SERVICE_DISABLED)
        if service.start_error is not None:
            raise ServiceRefusal(service.start_error)
        for needed in service.depends_on:
            below = self.find(needed)
            if below is not None and below.status is Status.Stopped:
                self._start(needed, above | {name.casefold()})
        self._next_process_id += 4
        self._pend(replace(service, process_id=self._next_process_id), Status.StartPending, service.start_seconds)

    def stop(self, name: str) -> None:
        """Ask a service to stop. Raises ServiceRefusal, also while a dependent runs."""
        service = self.get(name)
        if service.status is Status.Stopped:
            raise ServiceRefusal(ERROR_SERVICE_NOT_ACTIVE)
        if service.status in (Status.StartPending, Status.StopPending):
            raise ServiceRefusal(ERROR_SERVICE_CANNOT_ACCEPT_CTRL)
        if not service.can_stop:
            raise ServiceRefusal(ERROR_INVALID_SERVICE_CONTROL)
        if any(d.status is not Status.Stopped for d in self.dependents(name)):
            raise ServiceRefusal(ERROR_DEPENDENT_SERVICES_RUNNING)
        self._pend(service, Status.StopPending, service.stop_seconds)

    def pause(self, name: str) -> None:
        """Pause a running service. Raises ServiceRefusal."""
        self._switch(name, Status.Running, Status.Paused)

    def resume(self, name: str) -> None:
        """Let a paused service go on. Raises ServiceRefusal."""
        self._switch(name, Status.Paused, Status.Running)

    def create(self, service: Service) -> None:
        """Register a new service. Raises ServiceRefusal if the name is taken."""
        if service.name.casefold() in self._services:
            raise ServiceRefusal(ERROR_SERVICE_EXISTS)
        self._store(service)

    def configure(self, service: Service) -> None:
        """Store a changed configuration of an existing service."""
        self._store(service)

    def put(self, service: Service) -> None:
        """Make a service what it is told to be, from outside: no control, no refusal, no time.

        Raises ValueError for one that would wait for itself.
        """
        needs = {folded: one.depends_on for folded, one in self._services.items()}
        check_dependencies(service.name, {**needs, service.name.casefold(): service.depends_on})
        self._store(service)

    def remove(self, name: str) -> None:
        """Delete a service. (The lab does not keep a running one listed until it stops.)"""
        before = self._services.pop(name.casefold())
        self._changed(before, None)

    def boot(self) -> None:
        """Windows restarts: all services end; the automatic ones run again, with what they depend on.

        Only a service that is then in another state counts as changed: that all have new processes goes without saying.
        """
        stopped = [replace(one, status=Status.Stopped, process_id=0, pending_until=None) for one in self.all()]
        after = ServiceManager(stopped, self._now, lambda *_: None)
        after._next_process_id = self._next_process_id
        for service in stopped:
            if service.start_mode is ServiceStartMode.Automatic and after.get(service.name).status is Status.Stopped:
                with suppress(ServiceRefusal):  # as on Windows: an entry in the event log, and the boot goes on
                    after.start(service.name)
        before, self._services = self._services, after._services
        self._next_process_id = after._next_process_id
        for folded, service in self._services.items():
            if service.status is not before[folded].status:
                self._changed(before[folded], service)

    def move(self, by: timedelta) -> None:
        """The clock was set: what is pending stays pending as long as before."""
        for folded, service in self._services.items():
            if service.pending_until is not None:
                self._services[folded] = replace(service, pending_until=service.pending_until + by)

    def _switch(self, name: str, source: ServiceControllerStatus, target: ServiceControllerStatus) -> None:
        service = self.get(name)
        if not service.can_pause:
            raise ServiceRefusal(ERROR_INVALID_SERVICE_CONTROL)
        if service.status is not source:
            raise ServiceRefusal(ERROR_SERVICE_NOT_ACTIVE)
        self._store(replace(service, status=target))

    def _pend(self, service: Service, status: ServiceControllerStatus, seconds: float) -> None:
        if status is Status.StopPending and service.stuck_stop:
            self._store(replace(service, status=status, pending_until=None))
            return
        pending = replace(service, status=status, pending_until=self._now() + timedelta(seconds=seconds))
        self._store(pending if seconds > 0 else _reached(pending))

    def _settled(self, folded: str) -> Service:
        service = self._services[folded]
        if service.pending_until is not None and self._now() >= service.pending_until:
            service = _reached(service)
            self._store(service)
        return service

    def _store(self, service: Service) -> None:
        folded = service.name.casefold()
        before = self._services.get(folded)
        self._services[folded] = service
        self._changed(before, service)


def check_dependencies(name: str, needs: Mapping[str, Sequence[str]]) -> None:
    """Raises ValueError if a service depends on itself; `needs` are the dependencies by case-folded names."""
    below = [one.casefold() for one in needs.get(name.casefold(), ())]
    seen: set[str] = set()
    while below:
        one = below.pop()
        if one == name.casefold():
            raise ValueError(f"the service {name} would depend on itself")
        if one not in seen:
            seen.add(one)
            below.extend(further.casefold() for further in needs.get(one, ()))


def _reached(service: Service) -> Service:
    """The service after its pending start or stop has come to its end."""
    if service.status is Status.StartPending:
        return replace(service, status=Status.Running, pending_until=None)
    return replace(service, status=Status.Stopped, process_id=0, pending_until=None)
