"""A tiny machine for the tests of the lab's server: it knows Write-Output, Set-Canary, Write-Error, Start-Sleep."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from psrpcore.types import ErrorCategory, ErrorCategoryInfo, ErrorRecord, NETException, PSVersion
from pypsrp.wsman import WSMan

from runner.lab.certificates import Authority
from runner.lab.host import Account, LabHost
from runner.lab.messages import Ended, Error, Message, Output, Request, StopSignal, Wait, Warning
from runner.lab.server import LOOPBACK, LabThread, path_of
from runner.model.secret import Secret

PASSWORD = "Pässwort: 日本語"


@dataclass
class TinyMachine:
    """What the commands of the tiny runspace did."""

    canary: list[object] = field(default_factory=list)
    written: threading.Event = field(default_factory=threading.Event)
    slept: threading.Event = field(default_factory=threading.Event)


@dataclass
class TinyRunspace:
    machine: TinyMachine

    def invoke(self, request: Request, stop: StopSignal) -> Iterator[Message]:
        for statement in request.statements:
            for command in statement:
                values = [value for _, value in command.parameters]
                match command.name:
                    case "Write-Output":
                        yield from (Output(value) for value in values or request.input)
                    case "Set-Canary":
                        self.machine.canary.extend(values)
                        self.machine.written.set()
                        yield Output("set")
                    case "Write-Warning":
                        yield Warning(str(values[0]))
                    case "Write-Error":
                        yield Error(_record(str(values[0])))
                    case "Start-Sleep":
                        yield Wait(float(str(values[0])))
                        if stop.requested:
                            yield Ended("Stopped", _record("The pipeline has been stopped."))
                            return
                        self.machine.slept.set()
                    case unknown:
                        yield Ended("Failed", _record(f"{unknown} is not recognized", "CommandNotFoundException"))
                        return
        yield Ended("Completed")


def _record(text: str, error_id: str = "Tiny") -> ErrorRecord:
    return ErrorRecord(
        Exception=NETException(Message=text),
        CategoryInfo=ErrorCategoryInfo(Category=ErrorCategory.NotSpecified, Reason="TinyException"),
        FullyQualifiedErrorId=error_id,
    )


@dataclass
class HandMade:
    """A few hosts for `serve`."""

    hosts: list[LabHost]
    authority: Authority = field(default_factory=Authority)
    lock: threading.RLock = field(default_factory=threading.RLock)


def tiny_host(name: str = "win-01", machine: TinyMachine | None = None, **settings: object) -> LabHost:
    """A host with the account `admin` and a tiny machine."""
    tiny = machine or TinyMachine()
    values: dict[str, object] = {
        "name": name,
        "accounts": (Account("admin", Secret(PASSWORD)),),
        "open_runspace": lambda: TinyRunspace(tiny),
        "version_table": {"PSVersion": PSVersion("5.1.17763.1971"), "PSRemotingProtocolVersion": PSVersion("2.3")},
        "computer_name": name.upper(),
    }
    return LabHost(**{**values, **settings})  # type: ignore[arg-type]


def client(lab: LabThread, host: str = "win-01", *, tls: bool = False, **options: object) -> WSMan:
    """An unchanged pypsrp connection to a host of the lab, with NTLM unless told otherwise."""
    port = lab.addresses.tls_port if tls else lab.addresses.port
    settings: dict[str, object] = {
        "username": "admin",
        "password": PASSWORD,
        "auth": "ntlm",
        "reconnection_retries": 0,
        "no_proxy": True,
    }
    return WSMan(LOOPBACK, port=port, ssl=tls, path=path_of(host), **{**settings, **options})  # type: ignore[arg-type]
