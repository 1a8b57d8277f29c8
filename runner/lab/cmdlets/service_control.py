"""Start-, Stop-, Restart-, Suspend- and Resume-Service (cases svc-start-*, svc-stop-*, svc-restart-*, svc-suspend)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from runner.lab.cmdlet import Cmdlet, Emit, Event, Report
from runner.lab.cmdlets.provider import CONFIRM_TRAITS, MANAGEMENT, SHOULD_PROCESS
from runner.lab.cmdlets.service_base import ServiceCmdlet, Status
from runner.lab.service_objects import service_object
from runner.lab.services import Service
from runner.lab.signature import Traits

_REST = f"[-PassThru] [-Include <String[]>] [-Exclude <String[]>] {SHOULD_PROCESS}"


def _syntax(own: str = "") -> dict[str, str]:
    return {
        "InputObject": f"[-InputObject] <ServiceController[]> {own} {_REST}",
        "Default": f"[-Name] <String[]> {own} {_REST}",
        "DisplayName": f"-DisplayName <String[]> {own} {_REST}",
    }


class _ServiceOperation(ServiceCmdlet):
    module = MANAGEMENT
    default_set = "InputObject"
    syntax: ClassVar = _syntax()
    traits: ClassVar = {
        "InputObject": Traits(pipeline="value"),
        "Name": Traits(aliases=("ServiceName",), pipeline="value name"),
        **CONFIRM_TRAITS,
    }

    def process(self) -> Iterator[Event]:
        services, failures = self.matching()
        yield from (Report(failure) for failure in failures)
        for service, _ in services:
            if not self.should_process():
                continue
            failed = False
            for event in self.operate(service):
                failed |= isinstance(event, Report)
                yield event
            current = self.machine.services.find(service.name)
            if self.arguments.flag("PassThru") and current is not None and not failed:
                yield Emit(service_object(self.session, current))

    def operate(self, service: Service) -> Iterator[Event]:
        raise NotImplementedError


class StartService(_ServiceOperation):
    name = "Start-Service"
    type_name = "Microsoft.PowerShell.Commands.StartServiceCommand"
    aliases = ("sasv",)

    def operate(self, service: Service) -> Iterator[Event]:
        yield from self.start(service)


class StopService(_ServiceOperation):
    name = "Stop-Service"
    type_name = "Microsoft.PowerShell.Commands.StopServiceCommand"
    aliases = ("spsv",)
    syntax: ClassVar = _syntax("[-Force] [-NoWait@5.0]")

    def operate(self, service: Service) -> Iterator[Event]:
        yield from self.stop(service, force=self.arguments.flag("Force"), wait=not self.arguments.flag("NoWait"))


class RestartService(_ServiceOperation):
    """Starts again the dependents that it had to stop; a stopped service is simply started (domain.md 6.2)."""

    name = "Restart-Service"
    type_name = "Microsoft.PowerShell.Commands.RestartServiceCommand"
    syntax: ClassVar = _syntax("[-Force]")

    def operate(self, service: Service) -> Iterator[Event]:
        dependents = [d for d in self.machine.services.dependents(service.name) if d.status is Status.Running]
        for event in self.stop(service, force=self.arguments.flag("Force"), wait=True):
            yield event
            if isinstance(event, Report):
                return
        for stopped in (service, *dependents):
            current = self.machine.services.find(stopped.name)
            if current is not None:
                yield from self.start(current)


class SuspendService(_ServiceOperation):
    name = "Suspend-Service"
    type_name = "Microsoft.PowerShell.Commands.SuspendServiceCommand"

    def operate(self, service: Service) -> Iterator[Event]:
        yield from self.pause(service)


class ResumeService(_ServiceOperation):
    name = "Resume-Service"
    type_name = "Microsoft.PowerShell.Commands.ResumeServiceCommand"

    def operate(self, service: Service) -> Iterator[Event]:
        yield from self.resume(service)


COMMANDS: tuple[type[Cmdlet], ...] = (StartService, StopService, RestartService, SuspendService, ResumeService)
