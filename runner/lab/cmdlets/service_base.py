"""What the service cmdlets share: which services are meant, waiting for a state, and the errors."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

from psrpcore.types import ErrorCategory

from runner.lab.cmdlet import Cmdlet, Event, Report
from runner.lab.enums import ServiceControllerStatus
from runner.lab.errors import Failure
from runner.lab.messages import Wait, Warning
from runner.lab.service_objects import CONTROLLER, ServiceHandle, raw_service_object
from runner.lab.services import (
    ERROR_SERVICE_NOT_ACTIVE,
    Service,
    ServiceRefusal,
)
from runner.lab.values import ClrList, ClrObject
from runner.lab.wildcard import has_wildcards, matches

POLL_SECONDS = 2.0
Status = ServiceControllerStatus


class ServiceCmdlet(Cmdlet):
    """A cmdlet that finds services by -Name, -DisplayName or -InputObject."""

    dependents_error = "ServiceHasDependentServices"

    def matching(self) -> tuple[list[tuple[Service, str]], list[Failure]]:
        """The services that are meant, each with the name to show, sorted; and an error per name without a service."""
        found: dict[str, tuple[Service, str]] = {}
        failures: list[Failure] = []
        if "InputObject" in self.arguments:
            services = self._given_objects()
        elif "DisplayName" in self.arguments:
            services = self._search("DisplayName", self._by_display_name, "NoServiceFoundForGivenDisplayName", failures)
        elif "Name" in self.arguments:
            services = self._search("Name", self._by_name, "NoServiceFoundForGivenName", failures)
        else:
            services = [(service, service.name) for service in self.machine.services.all()]
        for service, shown in services:
            if self._included(service):
                found.setdefault(service.name.casefold(), (service, shown))
        return [found[name] for name in sorted(found)], failures

    def error(self, error_id: str, category: ErrorCategory, service: Service, reason: str = "") -> Failure:
        """An error about a service; its target is the ServiceController object."""
        message = self.session.say(error_id, service.name, service.display_name, reason)
        target = raw_service_object(self.session, service)
        return Failure(error_id, category, "ServiceCommandException", message, target, target_name=CONTROLLER)

    def start(self, service: Service) -> Iterator[Event]:
        """Start a service and wait until it runs; one that runs already is no error (svc-start)."""
        if service.status not in (Status.Running, Status.StartPending):
            try:
                self.machine.services.start(service.name)
            except ServiceRefusal:
                reason = f"Cannot start service '{service.name}' on computer '.'."
                yield Report(self.error("CouldNotStartService", ErrorCategory.OpenError, service, reason))
                return
        if not (yield from self.wait(service, Status.Running, Status.StartPending, "StartingService")):
            yield Report(self.error("StartServiceFailed", ErrorCategory.OpenError, service))

    def stop(self, service: Service, *, force: bool, wait: bool) -> Iterator[Event]:
        """Stop a service and, forced, first those that depend on it; one that is stopped already is no error."""
        running = [d for d in self.machine.services.dependents(service.name) if d.status is not Status.Stopped]
        if running and not force:
            yield Report(self.error(self.dependents_error, ErrorCategory.InvalidOperation, service))
            return
        for dependent in running:
            yield from self.stop(dependent, force=True, wait=True)
        if service.status is not Status.StopPending:
            try:
                self.machine.services.stop(service.name)
            except ServiceRefusal as refusal:
                if refusal.error == ERROR_SERVICE_NOT_ACTIVE:
                    return
                reason = f"Cannot stop '{service.name}' service on computer '.'."
                yield Report(self.error("CouldNotStopService", ErrorCategory.CloseError, service, reason))
                return
        if wait and not (yield from self.wait(service, Status.Stopped, Status.StopPending, "StoppingService")):
            yield Report(self.error("StopServiceFailed", ErrorCategory.CloseError, service))

    def pause(self, service: Service) -> Iterator[Event]:
        """Pause a service; a refusal is two errors, the special and the general one (svc-suspend)."""
        yield from self._switch(service, "Suspend", "pause", Status.Running, self.machine.services.pause)

    def resume(self, service: Service) -> Iterator[Event]:
        """Let a paused service go on, with the errors of `pause`."""
        yield from self._switch(service, "Resume", "resume", Status.Paused, self.machine.services.resume)

    def wait(
        self, service: Service, wanted: ServiceControllerStatus, pending: ServiceControllerStatus, warning: str
    ) -> Generator[Event, None, bool]:
        """Wait without an upper bound while the state stays pending, with a warning every two seconds (domain.md 6.2).

        Returns whether the wanted state was reached.
        """
        while True:
            current = self.machine.services.find(service.name)
            if current is None or current.status is not pending:
                return current is not None and current.status is wanted
            remaining = POLL_SECONDS
            if current.pending_until is not None:
                remaining = min(remaining, (current.pending_until - self.machine.now()).total_seconds())
            yield Wait(remaining)
            if remaining >= POLL_SECONDS:
                yield Warning(self.session.say(warning, service.name, service.display_name))

    def _switch(
        self,
        service: Service,
        word: str,
        verb: str,
        source: ServiceControllerStatus,
        operation: Callable[[str], None],
    ) -> Iterator[Event]:
        try:
            operation(service.name)
        except ServiceRefusal:
            running = service.status in (source, Status.Running)
            special = "NotSupported" if running else "NotRunning"
            category = ErrorCategory.CloseError
            reason = f"Cannot {verb} '{service.name}' service on computer '.'."
            yield Report(self.error(f"CouldNot{word}Service{special}", category, service))
            yield Report(self.error(f"CouldNot{word}Service", category, service, reason))

    def _given_objects(self) -> list[tuple[Service, str]]:
        given = self.arguments.get("InputObject")
        items = given.items if isinstance(given, ClrList) else [given]
        names = [i.source.name for i in items if isinstance(i, ClrObject) and isinstance(i.source, ServiceHandle)]
        services = (self.machine.services.find(name) for name in names)
        return [(service, service.name) for service in services if service is not None]

    def _search(
        self,
        parameter: str,
        search: Callable[[str], list[tuple[Service, str]]],
        error_id: str,
        failures: list[Failure],
    ) -> list[tuple[Service, str]]:
        found: list[tuple[Service, str]] = []
        for name in self.arguments.texts(parameter) or ():
            services = search(name)
            found.extend(services)
            if not services and not has_wildcards(name):
                message = self.session.say(error_id, name)
                category = ErrorCategory.ObjectNotFound
                failures.append(Failure(error_id, category, "ServiceCommandException", message, name))
        return found

    def _by_name(self, name: str) -> list[tuple[Service, str]]:
        if has_wildcards(name):
            return [(s, s.name) for s in self.machine.services.all() if matches(name, s.name)]
        service = self.machine.services.find(name)
        if service is not None:
            return [(service, name)]
        return [(s, s.name) for s in self.machine.services.all() if s.display_name.casefold() == name.casefold()]

    def _by_display_name(self, name: str) -> list[tuple[Service, str]]:
        return [(s, s.name) for s in self.machine.services.all() if matches(name, s.display_name)]

    def _included(self, service: Service) -> bool:
        include, exclude = self.arguments.texts("Include"), self.arguments.texts("Exclude")
        if include is not None and not any(matches(pattern, service.name) for pattern in include):
            return False
        return not any(matches(pattern, service.name) for pattern in exclude or ())
