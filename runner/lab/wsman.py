"""The WS-Management service of one host: shells created, commanded, received from, signalled and deleted.

What it answers is what real Windows answered in groundtruth/pypsrp/responses; the faults are those of
groundtruth/README.md section 4. Authentication and sealing are done before, HTTP after.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import threading
import weakref
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from xml.sax.saxutils import escape, quoteattr

from runner.lab import envelopes
from runner.lab.answers import (
    Answer,
    Refused,
    body_of,
    data_limit,
    http_fault,
    respond,
    spoilt,
    spoilt_by_pipeline,
)
from runner.lab.auth import Caller
from runner.lab.envelopes import CMD, CONFIG, POWERSHELL, SHELL, InvalidEnvelope, SoapFault, SoapRequest
from runner.lab.faults import CLOCK_JUMPS, IN_PIPELINE, RUNS_ON, What, When
from runner.lab.host import Configuration, LabHost
from runner.lab.http import Delivery
from runner.lab.outbox import Outbox, Received
from runner.lab.programs import VERBS, FaultHooks, Programs, describe, new_cmd_shell
from runner.lab.psrp import PipelineCache
from runner.lab.shells import Pipeline, Shell, ShellSettings, new_shell_id
from runner.lab.winrs import CmdShell

_DEFAULT_IDLE = "PT7200.000S"
_TERMINATE = "/signal/Terminate"


@dataclass(frozen=True, slots=True)
class _OpenShell:
    shell: Shell | CmdShell
    description: str  # what stands inside the rsp:Shell element


class Service:
    """The WinRM service of one host. `pace`: real seconds per second of machine time."""

    def __init__(self, host: LabHost, cache: PipelineCache, machine_lock: threading.RLock, pace: float) -> None:
        self._host = host
        self._settings = ShellSettings(host.open_runspace, dict(host.version_table), cache, machine_lock, pace)
        self._shells: dict[str, _OpenShell] = {}
        self._process_ids = count(4100, 4)
        self._connections: weakref.WeakSet[asyncio.Transport] = weakref.WeakSet()
        self._programs = Programs(host, FaultHooks(self._instead, self._jump_clock, self._rebooted))

    def admit(self, connection: asyncio.Transport) -> bool:
        """Note a connection of this host. False while the machine boots."""
        self._connections.add(connection)
        if self._host.power.must_restart():
            self.reboot()
            return False
        return self._host.power.is_up()

    def reboot(self) -> None:
        """Restart Windows: connections break off, shells and what runs in them end, and nobody answers for a while."""
        self.close()
        with self._settings.machine_lock:
            self._host.power.restart()
        for connection in list(self._connections):
            connection.abort()

    def at_connect(self) -> Answer | None:
        """The fault of a connection's first request."""
        fault = self._host.faults.at(When.CONNECT)
        if fault is What.REBOOT:
            return self._rebooted()
        return None if fault is None else http_fault(fault)

    def close(self) -> None:
        """End all shells."""
        for shell_id in list(self._shells):
            self._end(shell_id)

    async def answer(self, soap: bytes, caller: Caller, client_ip: str) -> Answer:
        """The answer to one SOAP request of an authenticated caller."""
        try:
            request = envelopes.read_request(soap)
        except InvalidEnvelope as error:
            return Answer(500, envelopes.write_fault(error.fault, error.message_id, self._host.computer_name))
        try:
            return await self._dispatch(request, caller, client_ip)
        except Refused as refused:
            return self._fault(request, refused.fault)

    async def _dispatch(self, request: SoapRequest, caller: Caller, client_ip: str) -> Answer:
        if request.verb in ("Create", "Command") and self._host.power.restarts_next():
            return self._rebooted()
        opened = self._shells.get(request.shell_id or "")
        if request.verb in VERBS and opened is not None and isinstance(opened.shell, CmdShell):
            return await self._programs.answer(request, opened.shell)
        match request.verb:
            case "Create":
                return self._at(When.OPEN, request, lambda: self._create(request, caller, client_ip))
            case "Delete":
                return self._at(When.CLOSE, request, lambda: self._delete(request))
            case "Command":
                return self._command(request)
            case "Send":
                return self._send(request)
            case "Receive":
                return await self._receive(request)
            case "Signal":
                return self._signal(request)
            case "Get":
                return self._get(request)
        raise Refused(envelopes.schema_fault(request.verb))

    # ---- faults ----------------------------------------------------------------------------------------------

    def _at(self, moment: When, request: SoapRequest, execute: Callable[[], Answer]) -> Answer:
        fault = self._host.faults.at(moment)
        if fault is None:
            return execute()
        self._jump_clock(fault)
        instead = self._instead(fault, request)
        if instead is not None:
            return instead
        answer = execute()
        return self._rebooted() if fault is What.REBOOT_AFTER else spoilt(fault, answer)

    def _jump_clock(self, fault: What | None) -> None:
        seconds = CLOCK_JUMPS.get(fault) if fault else None
        if seconds is not None:
            with self._settings.machine_lock:
                self._host.power.jump_clock(seconds)

    def _rebooted(self) -> Answer:
        self.reboot()
        return Answer(0, delivery=Delivery.DROPPED)

    def _instead(self, fault: What, request: SoapRequest) -> Answer | None:
        """The answer of a fault that keeps the request from being executed."""
        match fault:
            case What.QUOTA:
                return self._fault(request, envelopes.too_many_shells(self._host.max_shells_per_user))
            case What.QUOTA_OPERATIONS:
                return self._fault(request, envelopes.TOO_MANY_OPERATIONS)
            case What.QUOTA_COMMANDS:
                return self._fault(request, envelopes.SHELL_USED_UP)
            case What.ACCESS_DENIED:
                return self._fault(request, envelopes.ACCESS_DENIED)
            case What.REBOOT:
                return self._rebooted()
            case What.SHELL_GONE:
                self._end(request.shell_id or "")
                return self._fault(request, envelopes.shell_gone(request.shell_id or ""))
        return http_fault(fault)

    def _fault(self, request: SoapRequest, fault: SoapFault) -> Answer:
        return Answer(500, envelopes.write_fault(fault, request.message_id, self._host.computer_name))

    # ---- shells ----------------------------------------------------------------------------------------------

    def _create(self, request: SoapRequest, caller: Caller, client_ip: str) -> Answer:
        body_of(request, "Shell")
        self._check_resource(request)
        if not caller.account.administrator:
            raise Refused(envelopes.ACCESS_DENIED)
        owner = f"{caller.account.domain or self._host.computer_name}\\{caller.account.user}"
        if sum(opened.shell.owner == owner for opened in self._shells.values()) >= self._host.max_shells_per_user:
            raise Refused(envelopes.too_many_shells(self._host.max_shells_per_user))
        opened = self._new_shell(request, owner, client_ip)
        shell_id = opened.shell.id
        self._end(shell_id)  # a client that opens the same shell again has lost the first one
        self._shells[shell_id] = opened
        self._host.traffic.open_shells += 1
        return respond(
            request,
            f"<x:ResourceCreated><a:Address>{escape(request.to)}</a:Address><a:ReferenceParameters>"
            f"<w:ResourceURI>{escape(request.resource_uri)}</w:ResourceURI><w:SelectorSet>"
            f'<w:Selector Name="ShellId">{escape(shell_id)}</w:Selector></w:SelectorSet></a:ReferenceParameters>'
            f"</x:ResourceCreated>{_shell_element(opened.description)}",
        )

    def _new_shell(self, request: SoapRequest, owner: str, client_ip: str) -> _OpenShell:
        if request.resource_uri == CMD:
            console = new_cmd_shell(request, owner, self._settings)
            return _OpenShell(console, describe(request, console, client_ip))
        body = body_of(request, "Shell")
        creation = body.find(f"{{{POWERSHELL}}}creationXml")
        if creation is None:
            raise Refused(envelopes.schema_fault("Shell"))
        shell_id = (body.get("ShellId") or new_shell_id()).upper()
        configuration = self._configuration(request)
        opener = configuration.open_runspace if configuration else None
        settings = replace(self._settings, open_runspace=opener or self._settings.open_runspace)
        shell = Shell(shell_id, owner, settings, data_limit(request) * 3 // 4)
        shell.open(_data(creation))
        return _OpenShell(shell, self._describe(request, body, shell, client_ip))

    def _check_resource(self, request: SoapRequest) -> None:
        if request.resource_uri == CMD:
            return
        prefix, _, configuration = request.resource_uri.rpartition("/")
        if prefix != POWERSHELL:
            raise Refused(envelopes.unknown_resource(request.resource_uri))
        if self._configuration(request) is None:
            raise Refused(envelopes.unknown_configuration(configuration, self._host.computer_name))

    def _configuration(self, request: SoapRequest) -> Configuration | None:
        """The session configuration of a request: by its name, and the last part of the URL that it was sent to."""
        path = request.to.partition("?")[0].rstrip("/").rpartition("/")[2]
        return self._host.configuration(request.resource_uri.rpartition("/")[2], path)

    def _describe(self, request: SoapRequest, body: ET.Element, shell: Shell, client_ip: str) -> str:
        fields = {
            "ShellId": shell.id,
            "ResourceUri": request.resource_uri,
            "Owner": shell.owner,
            "ClientIP": client_ip,
            "ProcessId": str(next(self._process_ids)),
            "IdleTimeOut": body.findtext(f"{{{SHELL}}}IdleTimeOut") or _DEFAULT_IDLE,
            "InputStreams": body.findtext(f"{{{SHELL}}}InputStreams") or "stdin pr",
            "OutputStreams": body.findtext(f"{{{SHELL}}}OutputStreams") or "stdout",
            "MaxIdleTimeOut": "PT2147483.647S",
            "Locale": request.locale,
            "DataLocale": request.data_locale,
            "CompressionMode": "NoCompression",
            "ProfileLoaded": "Yes",
            "Encoding": "UTF8",
            "BufferMode": "Block",
            "State": "Connected",
            "ShellRunTime": "P0DT0H0M0S",
            "ShellInactivity": "P0DT0H0M0S",
        }
        return "".join(f"<rsp:{name}>{escape(value)}</rsp:{name}>" for name, value in fields.items())

    def _delete(self, request: SoapRequest) -> Answer:
        self._end(self._open_shell(request).shell.id)
        return respond(request, "")

    def _end(self, shell_id: str) -> None:
        opened = self._shells.pop(shell_id, None)
        if opened is not None:
            opened.shell.close()
            self._host.traffic.open_shells -= 1

    def _get(self, request: SoapRequest) -> Answer:
        if request.shell_id is not None:
            in_use = "<rsp:MemoryUsed>58MB</rsp:MemoryUsed><rsp:ChildProcesses>0</rsp:ChildProcesses>"
            return respond(request, _shell_element(self._open_shell(request).description + in_use))
        if request.resource_uri != CONFIG:
            raise Refused(envelopes.unknown_resource(request.resource_uri))
        return respond(
            request,
            f'<cfg:Config xmlns:cfg="{CONFIG}"><cfg:MaxEnvelopeSizekb>{self._host.max_envelope_kb}'
            "</cfg:MaxEnvelopeSizekb><cfg:MaxTimeoutms>60000</cfg:MaxTimeoutms></cfg:Config>",
        )

    def _open_shell(self, request: SoapRequest) -> _OpenShell:
        opened = self._shells.get(request.shell_id or "")
        if opened is None:
            raise Refused(envelopes.shell_gone(request.shell_id or ""))
        return opened

    def _shell(self, request: SoapRequest) -> Shell:
        shell = self._open_shell(request).shell
        if isinstance(shell, CmdShell):  # `answer` gave its requests to `Programs`
            raise Refused(envelopes.schema_fault(request.verb))
        return shell

    # ---- pipelines -------------------------------------------------------------------------------------------

    def _command(self, request: SoapRequest) -> Answer:
        shell = self._shell(request)
        line = body_of(request, "CommandLine")
        command_id = (line.get("CommandId") or new_shell_id()).upper()
        arguments = line.find(f"{{{SHELL}}}Arguments")
        if arguments is None:
            raise Refused(envelopes.schema_fault("CommandLine"))
        pipeline = shell.pipelines[command_id] = Pipeline(command_id)
        return self._feed(request, shell, pipeline, _data(arguments)) or respond(
            request, f"<rsp:CommandResponse><rsp:CommandId>{escape(command_id)}</rsp:CommandId></rsp:CommandResponse>"
        )

    def _send(self, request: SoapRequest) -> Answer:
        shell = self._shell(request)
        stream = body_of(request, "Send").find(f"{{{SHELL}}}Stream")
        if stream is None:
            raise Refused(envelopes.schema_fault("Send"))
        spoilt: Answer | None = None
        command_id = stream.get("CommandId")
        if command_id is None:
            shell.send(_data(stream))
        else:
            spoilt = self._feed(request, shell, _pipeline(shell, command_id), _data(stream))
        return spoilt or respond(request, "<rsp:SendResponse/>")

    def _feed(self, request: SoapRequest, shell: Shell, pipeline: Pipeline, data: bytes) -> Answer | None:
        """Give a pipeline data and start it when it is ready; the answer of a fault that prevents this."""
        if not shell.feed(pipeline, data):
            return None
        assert pipeline.request is not None
        fault = self._host.faults.in_pipeline(pipeline.request)
        if fault is not None and fault not in IN_PIPELINE:
            shell.forget(pipeline)
            return self._instead(fault, request)
        self._jump_clock(fault)
        pipeline.fault = fault
        shell.start(pipeline)
        return None

    async def _receive(self, request: SoapRequest) -> Answer:
        shell = self._shell(request)
        desired = body_of(request, "Receive").find(f"{{{SHELL}}}DesiredStream")
        command_id = None if desired is None else desired.get("CommandId")
        if command_id is None:
            return await self._receive_from(shell, shell.outbox, request, "", None)
        pipeline = _pipeline(shell, command_id)
        return await self._receive_from(shell, pipeline.outbox, request, command_id, pipeline)

    async def _receive_from(
        self, shell: Shell, outbox: Outbox, request: SoapRequest, command_id: str, pipeline: Pipeline | None
    ) -> Answer:
        if pipeline is not None and pipeline.fault in RUNS_ON:
            pipeline.fault = None
            pipeline.released.set()
            return Answer(0, delivery=Delivery.DROPPED)
        if pipeline is not None and pipeline.fault is What.REBOOT:
            return self._rebooted()
        received = await outbox.take(request.message_id, data_limit(request), request.operation_timeout)
        if shell.id not in self._shells:
            raise Refused(envelopes.shell_gone(shell.id))
        if received is None:
            raise Refused(envelopes.TIMED_OUT)
        if received.done and not received.streams and pipeline is not None:
            raise Refused(envelopes.COMMAND_GONE)
        answer = respond(request, _receive_response(received, command_id))
        if pipeline is None:
            return answer
        reboots = pipeline.fault is What.REBOOT_AFTER
        told = await spoilt_by_pipeline(pipeline, answer, last=received.done)
        return self._rebooted() if reboots and pipeline.fault is None else told

    def _signal(self, request: SoapRequest) -> Answer:
        shell = self._shell(request)
        signal = body_of(request, "Signal")
        pipeline = _pipeline(shell, signal.get("CommandId") or "")
        pipeline.request_stop()
        if (signal.findtext(f"{{{SHELL}}}Code") or "").endswith(_TERMINATE):
            shell.forget(pipeline)
        return respond(request, "<rsp:SignalResponse/>")


def _pipeline(shell: Shell, command_id: str) -> Pipeline:
    pipeline = shell.pipelines.get(command_id.upper())
    if pipeline is None:
        raise Refused(envelopes.COMMAND_GONE)
    return pipeline


def _data(element: ET.Element) -> bytes:
    try:
        return base64.b64decode(element.text or "", validate=True)
    except binascii.Error as error:
        raise Refused(envelopes.schema_fault(element.tag.rpartition("}")[2])) from error


def _shell_element(inner: str) -> str:
    return f'<rsp:Shell xmlns:rsp="{SHELL}">{inner}</rsp:Shell>'


def _receive_response(received: Received, command_id: str) -> str:
    mark = f" CommandId={quoteattr(command_id)}" if command_id else ""
    streams = "".join(f'<rsp:Stream Name="stdout"{mark}>{data}</rsp:Stream>' for data in received.streams)
    state = (
        f'<rsp:CommandState{mark} State="{SHELL}/CommandState/Done"><rsp:ExitCode>0</rsp:ExitCode></rsp:CommandState>'
        if received.done
        else ""
    )
    return f"<rsp:ReceiveResponse>{streams}{state}</rsp:ReceiveResponse>"
