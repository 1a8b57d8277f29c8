"""A machine behind the lab's server: few commands, and the engine's rules B1 to B3 for what a client is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

import pytest
from psrpcore.types import ErrorCategory, ErrorCategoryInfo, ErrorRecord, NETException, PSVersion

from runner.lab.certificates import Authority
from runner.lab.faults import Fault, FaultPlan
from runner.lab.host import Account, LabHost
from runner.lab.messages import Ended, Error, Message, Output, Request, StopSignal, Wait, Warning
from runner.lab.server import LOOPBACK, LabThread, path_of
from runner.model.inventory import Authentication, Connection, Deadlines
from runner.model.secret import Secret
from runner.transport.psrp import PsrpSession, PsrpTransport

PASSWORD = "canary-Pässwort: 日本語"
DEADLINES = Deadlines(connect=5.0, operation=5.0, total=20.0)


@dataclass
class Machine:
    """What its commands did. `Set-Canary` changes it; `Start-Sleep` takes its time."""

    canary: list[object] = field(default_factory=list)
    commands: frozenset[str] = frozenset({"Write-Output", "Set-Canary", "Get-Canary", "Write-Error", "Write-Warning"})
    pipelines: list[list[str]] = field(default_factory=list)

    def run(self, name: str, values: list[object]) -> Iterator[Message]:
        """The messages of one command; LookupError stands for a terminating error."""
        if name == "Start-Sleep":
            yield Wait(float(str(values[0])))
        elif name not in self.commands:
            raise LookupError(name)
        elif name == "Write-Output":
            yield from map(Output, values)
        elif name == "Set-Canary":
            self.canary.extend(values)
            yield Output("set")
        elif name == "Get-Canary":
            yield from map(Output, self.canary)
        elif name == "Write-Error":
            yield Error(_record("CanaryError", str(values[0])))
        elif name == "Write-Warning":
            yield Warning(str(values[0]))


@dataclass
class Process:
    """A runspace on a machine."""

    machine: Machine

    def invoke(self, request: Request, stop: StopSignal) -> Iterator[Message]:
        statements = request.statements
        self.machine.pipelines.append([statement[0].name for statement in statements])
        reported_up_to = len(statements)
        for index, statement in enumerate(statements):
            if index >= reported_up_to:
                yield Ended("Completed")  # B1: one more statement is reported after a failing first one
                self._unseen(request, index)
                return
            try:
                yield from self.machine.run(statement[0].name, [value for _, value in statement[0].parameters])
            except LookupError as error:
                record = _record("CommandNotFoundException", f"{error.args[0]} is not recognized")
                if index == 0 and len(statements) > 1:
                    yield Error(record)
                    reported_up_to = 2
                else:
                    yield Ended("Failed", record)  # B2
                    self._unseen(request, index + 1)
                    return
        yield Ended("Completed")

    def _unseen(self, request: Request, first: int) -> None:
        """B3: the later statements run all the same."""
        for statement in request.statements[first:]:
            try:
                list(self.machine.run(statement[0].name, [value for _, value in statement[0].parameters]))
            except LookupError:
                continue


def _record(error_id: str, text: str) -> ErrorRecord:
    return ErrorRecord(
        Exception=NETException(Message=text),
        CategoryInfo=ErrorCategoryInfo(Category=ErrorCategory.ObjectNotFound, Reason="CanaryException"),
        FullyQualifiedErrorId=error_id,
    )


@dataclass
class Served:
    """One or more hosts with their machines, as the lab serves them."""

    hosts: list[LabHost]
    machines: dict[str, Machine]
    authority: Authority
    lock: threading.RLock = field(default_factory=threading.RLock)
    thread: LabThread | None = None
    password: str = PASSWORD

    @property
    def host(self) -> LabHost:
        return self.hosts[0]

    @property
    def machine(self) -> Machine:
        return self.machines[self.host.name]

    def connection(self, name: str = "win-01", **settings: object) -> Connection:
        """How to reach a host; NTLM with sealing unless told otherwise."""
        assert self.thread is not None
        addresses = self.thread.addresses
        tls = settings.get("tls", False)
        values: dict[str, object] = {
            "address": LOOPBACK,
            "port": addresses.tls_port if tls else addresses.port,
            "user": "admin",
            "password": Secret(PASSWORD),
            "tls": tls,
            "path": path_of(name),
            "authentication": Authentication.NTLM,
            "deadlines": DEADLINES,
        }
        return Connection(**{**values, **settings})  # type: ignore[arg-type]

    def open(self, **settings: object) -> PsrpSession:
        """A session, with pauses too short to notice."""
        return PsrpTransport(pauses=(0.01, 0.01)).open(self.connection(**settings))


Lab = Callable[..., AbstractContextManager[Served]]


@pytest.fixture
def lab() -> Lab:
    """`with lab(Fault(...), schemes=..., count=...) as served`: the lab with such hosts."""

    @contextmanager
    def serve(*faults: Fault, count: int = 1, **settings: object) -> Iterator[Served]:
        authority = Authority()
        hosts, machines = [], {}
        for number in range(1, count + 1):
            name, machine = f"win-{number:02d}", Machine()
            values: dict[str, object] = {
                "name": name,
                "accounts": (Account("admin", Secret(PASSWORD)),),
                "open_runspace": lambda machine=machine: Process(machine),
                "version_table": {
                    "PSVersion": PSVersion("5.1.17763.1971"),
                    "PSRemotingProtocolVersion": PSVersion("2.3"),
                },
                "computer_name": name.upper(),
                "faults": FaultPlan(faults),
            }
            hosts.append(LabHost(**{**values, **settings}))  # type: ignore[arg-type]
            machines[name] = machine
        with LabThread(Served(hosts, machines, authority)) as thread:
            yield Served(hosts, machines, authority, thread=thread)

    return serve
