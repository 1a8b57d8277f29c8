"""Get-, Set-, New- and Remove-Service (cases svc-get-*, svc-set-*, svc-new-*, svc-remove-*)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from psrpcore.types import ErrorCategory

from runner.lab.cmdlet import Cmdlet, Emit, Event, Report
from runner.lab.cmdlets.provider import CONFIRM_TRAITS, MANAGEMENT, SHOULD_PROCESS
from runner.lab.cmdlets.service_base import ServiceCmdlet, Status
from runner.lab.enums import ServiceStartMode, ServiceStartupType
from runner.lab.errors import Failure, Terminating, not_simulated
from runner.lab.service_objects import raw_service_object, service_object
from runner.lab.services import Service, ServiceRefusal
from runner.lab.signature import Traits

_NAME = Traits(aliases=("ServiceName", "SN"), pipeline="value name")
_STARTUP = Traits(aliases=("StartMode", "SM", "ST", "StartType@7.0"))


class GetService(ServiceCmdlet):
    name = "Get-Service"
    module = MANAGEMENT
    type_name = "Microsoft.PowerShell.Commands.GetServiceCommand"
    aliases = ("gsv",)
    syntax: ClassVar = {
        name: f"{own} [-ComputerName@3.0-5.1 <String[]>] [-DependentServices] [-RequiredServices] "
        "[-Include <String[]>] [-Exclude <String[]>]"
        for name, own in (
            ("Default", "[[-Name] <String[]>]"),
            ("DisplayName", "-DisplayName <String[]>"),
            ("InputObject", "[-InputObject <ServiceController[]>]"),
        )
    }
    traits: ClassVar = {
        "Name": Traits(aliases=("ServiceName",), pipeline="value name"),
        "InputObject": Traits(pipeline="value"),
        "ComputerName": Traits(aliases=("Cn",), pipeline="name"),
        "DependentServices": Traits(aliases=("DS",)),
        "RequiredServices": Traits(aliases=("SDO", "ServicesDependedOn")),
    }
    default_set = "Default"
    unsimulated = frozenset({"ComputerName"})

    def process(self) -> Iterator[Event]:
        services, failures = self.matching()
        yield from (Report(failure) for failure in failures)
        for service, shown in services:
            related = self._related(service)
            if related is None:
                yield Emit(service_object(self.session, service, shown))
            else:
                yield from (Emit(service_object(self.session, other)) for other in related)

    def _related(self, service: Service) -> list[Service] | None:
        if self.arguments.flag("DependentServices"):
            return self.machine.services.dependents(service.name)
        if self.arguments.flag("RequiredServices"):
            found = (self.machine.services.find(name) for name in service.depends_on)
            return [other for other in found if other is not None]
        return None


class SetService(ServiceCmdlet):
    """-Name is one service and no pattern; a missing one has an error id of its own (svc-set-missing)."""

    name = "Set-Service"
    module = MANAGEMENT
    type_name = "Microsoft.PowerShell.Commands.SetServiceCommand"
    syntax: ClassVar = {
        set_name: f"{own} [-ComputerName@3.0-5.1 <String[]>] [-DisplayName <String>] [-Credential@6.0 <PSCredential>] "
        f"[-Description <String>] [-StartupType@3.0-5.1 <ServiceStartMode>] [-StartupType@6.0 <ServiceStartupType>] "
        f"[-SecurityDescriptorSddl@7.0 <String>] [-Status <String>] [-Force@7.0] [-PassThru] {SHOULD_PROCESS}"
        for set_name, own in (
            ("Name", "[-Name] <String>"),
            ("InputObject", "[-InputObject@3.0-5.1 <ServiceController>] [-InputObject@6.0] <ServiceController>"),
        )
    }
    traits: ClassVar = {
        "Name": _NAME,
        "InputObject": Traits(pipeline="value"),
        "ComputerName": Traits(aliases=("cn",), pipeline="name"),
        "DisplayName": Traits(aliases=("DN",)),
        "StartupType": _STARTUP,
        "SecurityDescriptorSddl": Traits(aliases=("sd",)),
        "Status": Traits(choices=("Running", "Stopped", "Paused")),
        **CONFIRM_TRAITS,
    }
    default_set = "Name"
    unsimulated = frozenset({"ComputerName", "SecurityDescriptorSddl"})
    dependents_error = "ServiceHasDependentServicesNoForce"

    def process(self) -> Iterator[Event]:
        service = self._one()
        if service is None:
            yield Report(_not_found(self, self.arguments.text("Name")))
            return
        if not self.should_process():
            return
        configured = self._configured(service)
        if configured != service:
            self.machine.services.configure(configured)
        failed = False
        for event in self._set_status(configured):
            failed |= isinstance(event, Report)
            yield event
        current = self.machine.services.find(service.name)
        if self.arguments.flag("PassThru") and current is not None and not failed:
            yield Emit(service_object(self.session, current))

    def _one(self) -> Service | None:
        if "InputObject" in self.arguments:
            given, _ = self.matching()
            return given[0][0] if given else None
        return self.machine.services.find(self.arguments.text("Name"))

    def _configured(self, service: Service) -> Service:
        startup = self.arguments.get("StartupType")
        mode, delayed = _start_mode(startup) if startup is not None else (service.start_mode, service.delayed)
        return replace(
            service,
            start_mode=mode,
            delayed=delayed,
            display_name=self.arguments.text("DisplayName") or service.display_name,
            description=self.arguments.text("Description") or service.description,
        )

    def _set_status(self, service: Service) -> Iterator[Event]:
        wanted = self.arguments.text("Status").casefold()
        if wanted == "running" and service.status is Status.Paused:
            yield from self.resume(service)
        elif wanted == "running":
            yield from self.start(service)
        elif wanted == "stopped":
            yield from self.stop(service, force=self.arguments.flag("Force"), wait=True)
        elif wanted == "paused" and service.status is not Status.Paused:
            yield from self.pause(service)


class NewService(Cmdlet):
    name = "New-Service"
    module = MANAGEMENT
    type_name = "Microsoft.PowerShell.Commands.NewServiceCommand"
    syntax: ClassVar = {
        "__AllParameterSets": "[-Name] <String> [-BinaryPathName] <String> [-DisplayName <String>] "
        "[-Description <String>] [-SecurityDescriptorSddl@7.0 <String>] [-StartupType@3.0-5.1 <ServiceStartMode>] "
        "[-StartupType@6.0 <ServiceStartupType>] [-Credential <PSCredential>] [-DependsOn <String[]>] "
        f"{SHOULD_PROCESS}"
    }
    traits: ClassVar = {
        "Name": Traits(aliases=("ServiceName",)),
        "BinaryPathName": Traits(aliases=("Path@6.0",)),
        "SecurityDescriptorSddl": Traits(aliases=("sd",)),
        **CONFIRM_TRAITS,
    }
    unsimulated = frozenset({"SecurityDescriptorSddl"})

    def process(self) -> Iterator[Event]:
        if not self.should_process():
            return
        mode, delayed = _start_mode(self.arguments.get("StartupType", ServiceStartMode.Automatic))
        name = self.arguments.text("Name")
        service = Service(
            name=name,
            display_name=self.arguments.text("DisplayName") or name,
            description=self.arguments.text("Description"),
            start_mode=mode,
            delayed=delayed,
            path=self.arguments.text("BinaryPathName"),
            depends_on=tuple(self.arguments.texts("DependsOn") or ()),
        )
        try:
            self.machine.services.create(service)
        except ServiceRefusal:
            message = self.session.say(
                "CouldNotNewService", name, self.arguments.text("DisplayName"), "Service exists."
            )
            category = ErrorCategory.PermissionDenied
            yield Report(Failure("CouldNotNewService", category, "ServiceCommandException", message, name))
            return
        yield Emit(raw_service_object(self.session, service))


class RemoveService(ServiceCmdlet):
    name = "Remove-Service"
    module = MANAGEMENT
    type_name = "Microsoft.PowerShell.Commands.RemoveServiceCommand"
    since = (6, 0)
    syntax: ClassVar = {
        "Name": f"[-Name] <String> {SHOULD_PROCESS}",
        "InputObject": f"[-InputObject <ServiceController>] {SHOULD_PROCESS}",
    }
    traits: ClassVar = {"Name": _NAME, "InputObject": Traits(pipeline="value"), **CONFIRM_TRAITS}
    default_set = "Name"

    def process(self) -> Iterator[Event]:
        name = self.arguments.text("Name")
        if "InputObject" in self.arguments:
            given, _ = self.matching()
            name = given[0][0].name if given else name
        service = self.machine.services.find(name)
        if service is None:
            yield Report(_not_found(self, name))
        elif self.should_process():
            self.machine.services.remove(service.name)


def _start_mode(startup: object) -> tuple[ServiceStartMode, bool]:
    """The start mode, and whether it is a delayed one, that a -StartupType of either PowerShell means."""
    if isinstance(startup, ServiceStartMode):
        return startup, False
    if startup is ServiceStartupType.AutomaticDelayedStart:
        return ServiceStartMode.Automatic, True
    if isinstance(startup, ServiceStartupType) and startup is not ServiceStartupType.InvalidValue:
        return ServiceStartMode[startup.name], False
    raise Terminating(not_simulated(f"the start type {startup}"))


def _not_found(cmdlet: Cmdlet, name: str) -> Failure:
    message = cmdlet.session.say("ServiceNotFound", name)
    category = ErrorCategory.ObjectNotFound
    return Failure("InvalidOperationException", category, "InvalidOperationException", message, name)


COMMANDS: tuple[type[Cmdlet], ...] = (GetService, SetService, NewService, RemoveService)
