"""The WS-Management service of one host: shells created, commanded, received from, signalled and deleted.

What it answers is what real Windows answered in groundtruth/pypsrp/responses; the faults are those of
groundtruth/README.md section 4. Authentication and sealing are done before, HTTP after.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from xml.sax.saxutils import escape, quoteattr

from runner.lab import envelopes
from runner.lab.auth import Caller
from runner.lab.envelopes import CONFIG, POWERSHELL, SHELL, InvalidEnvelope, SoapFault, SoapRequest
from runner.lab.faults import IN_PIPELINE, What, When
from runner.lab.host import LabHost
from runner.lab.http import Delivery
from runner.lab.outbox import Outbox, Received
from runner.lab.psrp import PipelineCache
from runner.lab.shells import Pipeline, Shell, ShellSettings, new_shell_id

_ENVELOPE_FRAME = 4096  # room for all of an answer that is not data
_DEFAULT_IDLE = "PT7200.000S"
_TERMINATE = "/signal/Terminate"


@dataclass(frozen=True, slots=True)
class Answer:
    """A SOAP answer, or a bare HTTP status. Without `keeps_context` the connection must log on again."""

    status: int
    soap: bytes = b""
    delivery: Delivery = Delivery.WHOLE
    keeps_context: bool = True


class _Refused(Exception):
    def __init__(self, fault: SoapFault) -> None:
        super().__init__(fault.reason)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class _OpenShell:
    shell: Shell
    description: str  # what stands inside the rsp:Shell element


def http_fault(what: What) -> Answer | None:
    """The answer of a fault that needs no SOAP."""
    match what:
        case What.DROP_BEFORE:
            return Answer(0, delivery=Delivery.DROPPED)
        case What.STALL:
            return Answer(0, delivery=Delivery.NEVER)
        case What.HTTP_400 | What.HTTP_401:
            return Answer(int(what.removeprefix("http_")), keeps_context=False)
        case What.HTTP_500 | What.HTTP_503:
            return Answer(int(what.removeprefix("http_")))
    return None


class Service:
    """The WinRM service of one host. `pace`: real seconds per second of machine time."""

    def __init__(self, host: LabHost, cache: PipelineCache, machine_lock: threading.RLock, pace: float) -> None:
        self._host = host
        self._settings = ShellSettings(host.open_runspace, dict(host.version_table), cache, machine_lock, pace)
        self._shells: dict[str, _OpenShell] = {}
        self._process_ids = count(4100, 4)

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
        except _Refused as refused:
            return self._fault(request, refused.fault)

    async def _dispatch(self, request: SoapRequest, caller: Caller, client_ip: str) -> Answer:
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
        raise _Refused(envelopes.schema_fault(request.verb))

    # ---- faults ----------------------------------------------------------------------------------------------

    def _at(self, moment: When, request: SoapRequest, execute: Callable[[], Answer]) -> Answer:
        fault = self._host.faults.at(moment)
        if fault is None:
            return execute()
        return self._instead(fault, request) or _spoilt(fault, execute())

    def _instead(self, fault: What, request: SoapRequest) -> Answer | None:
        """The answer of a fault that keeps the request from being executed."""
        match fault:
            case What.QUOTA:
                return self._fault(request, envelopes.too_many_shells(self._host.max_shells_per_user))
            case What.ACCESS_DENIED:
                return self._fault(request, envelopes.ACCESS_DENIED)
            case What.SHELL_GONE:
                self._end(request.shell_id or "")
                return self._fault(request, envelopes.shell_gone(request.shell_id or ""))
        return http_fault(fault)

    def _fault(self, request: SoapRequest, fault: SoapFault) -> Answer:
        return Answer(500, envelopes.write_fault(fault, request.message_id, self._host.computer_name))

    # ---- shells ----------------------------------------------------------------------------------------------

    def _create(self, request: SoapRequest, caller: Caller, client_ip: str) -> Answer:
        body = _body(request, "Shell")
        self._check_resource(request)
        if not caller.account.administrator:
            raise _Refused(envelopes.ACCESS_DENIED)
        owner = f"{caller.account.domain or self._host.computer_name}\\{caller.account.user}"
        if sum(opened.shell.owner == owner for opened in self._shells.values()) >= self._host.max_shells_per_user:
            raise _Refused(envelopes.too_many_shells(self._host.max_shells_per_user))
        creation = body.find(f"{{{POWERSHELL}}}creationXml")
        if creation is None:
            raise _Refused(envelopes.schema_fault("Shell"))
        shell_id = (body.get("ShellId") or new_shell_id()).upper()
        shell = Shell(shell_id, owner, self._settings, _data_limit(request) * 3 // 4)
        shell.open(_data(creation))
        description = self._describe(request, body, shell, client_ip)
        self._end(shell_id)  # a client that opens the same shell again has lost the first one
        self._shells[shell_id] = _OpenShell(shell, description)
        self._host.traffic.open_shells += 1
        return self._respond(
            request,
            f"<x:ResourceCreated><a:Address>{escape(request.to)}</a:Address><a:ReferenceParameters>"
            f"<w:ResourceURI>{escape(request.resource_uri)}</w:ResourceURI><w:SelectorSet>"
            f'<w:Selector Name="ShellId">{escape(shell_id)}</w:Selector></w:SelectorSet></a:ReferenceParameters>'
            f"</x:ResourceCreated>{_shell_element(description)}",
        )

    def _check_resource(self, request: SoapRequest) -> None:
        prefix, _, configuration = request.resource_uri.rpartition("/")
        if prefix != POWERSHELL:
            raise _Refused(envelopes.unknown_resource(request.resource_uri))
        if configuration.casefold() not in {name.casefold() for name in self._host.configurations}:
            raise _Refused(envelopes.unknown_configuration(configuration, self._host.computer_name))

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
        shell = self._shell(request)
        self._end(shell.id)
        return self._respond(request, "")

    def _end(self, shell_id: str) -> None:
        opened = self._shells.pop(shell_id, None)
        if opened is not None:
            opened.shell.close()
            self._host.traffic.open_shells -= 1

    def _get(self, request: SoapRequest) -> Answer:
        if request.shell_id is not None:
            in_use = "<rsp:MemoryUsed>58MB</rsp:MemoryUsed><rsp:ChildProcesses>0</rsp:ChildProcesses>"
            return self._respond(request, _shell_element(self._open_shell(request).description + in_use))
        if request.resource_uri != CONFIG:
            raise _Refused(envelopes.unknown_resource(request.resource_uri))
        return self._respond(
            request,
            f'<cfg:Config xmlns:cfg="{CONFIG}"><cfg:MaxEnvelopeSizekb>{self._host.max_envelope_kb}'
            "</cfg:MaxEnvelopeSizekb><cfg:MaxTimeoutms>60000</cfg:MaxTimeoutms></cfg:Config>",
        )

    def _open_shell(self, request: SoapRequest) -> _OpenShell:
        opened = self._shells.get(request.shell_id or "")
        if opened is None:
            raise _Refused(envelopes.shell_gone(request.shell_id or ""))
        return opened

    def _shell(self, request: SoapRequest) -> Shell:
        return self._open_shell(request).shell

    def _respond(self, request: SoapRequest, body: str) -> Answer:
        return Answer(200, envelopes.write_answer(f"{request.action}Response", body, request.message_id))

    # ---- pipelines -------------------------------------------------------------------------------------------

    def _command(self, request: SoapRequest) -> Answer:
        shell = self._shell(request)
        line = _body(request, "CommandLine")
        command_id = (line.get("CommandId") or new_shell_id()).upper()
        arguments = line.find(f"{{{SHELL}}}Arguments")
        if arguments is None:
            raise _Refused(envelopes.schema_fault("CommandLine"))
        pipeline = shell.pipelines[command_id] = Pipeline(command_id)
        return self._feed(request, shell, pipeline, _data(arguments)) or self._respond(
            request, f"<rsp:CommandResponse><rsp:CommandId>{escape(command_id)}</rsp:CommandId></rsp:CommandResponse>"
        )

    def _send(self, request: SoapRequest) -> Answer:
        shell = self._shell(request)
        stream = _body(request, "Send").find(f"{{{SHELL}}}Stream")
        if stream is None:
            raise _Refused(envelopes.schema_fault("Send"))
        spoilt: Answer | None = None
        command_id = stream.get("CommandId")
        if command_id is None:
            shell.send(_data(stream))
        else:
            spoilt = self._feed(request, shell, _pipeline(shell, command_id), _data(stream))
        return spoilt or self._respond(request, "<rsp:SendResponse/>")

    def _feed(self, request: SoapRequest, shell: Shell, pipeline: Pipeline, data: bytes) -> Answer | None:
        """Give a pipeline data and start it when it is ready; the answer of a fault that prevents this."""
        if not shell.feed(pipeline, data):
            return None
        assert pipeline.request is not None
        fault = self._host.faults.in_pipeline(pipeline.request)
        if fault is not None and fault not in IN_PIPELINE:
            shell.forget(pipeline)
            return self._instead(fault, request)
        pipeline.fault = fault
        shell.start(pipeline)
        return None

    async def _receive(self, request: SoapRequest) -> Answer:
        shell = self._shell(request)
        desired = _body(request, "Receive").find(f"{{{SHELL}}}DesiredStream")
        command_id = None if desired is None else desired.get("CommandId")
        if command_id is None:
            return await self._receive_from(shell, shell.outbox, request, "", None)
        pipeline = _pipeline(shell, command_id)
        return await self._receive_from(shell, pipeline.outbox, request, command_id, pipeline)

    async def _receive_from(
        self, shell: Shell, outbox: Outbox, request: SoapRequest, command_id: str, pipeline: Pipeline | None
    ) -> Answer:
        if pipeline is not None and pipeline.fault is What.DROP_DURING:
            pipeline.fault = None
            pipeline.released.set()
            return Answer(0, delivery=Delivery.DROPPED)
        received = await outbox.take(request.message_id, _data_limit(request), request.operation_timeout)
        if shell.id not in self._shells:
            raise _Refused(envelopes.shell_gone(shell.id))
        if received is None:
            raise _Refused(envelopes.TIMED_OUT)
        if received.done and not received.streams and pipeline is not None:
            raise _Refused(envelopes.COMMAND_GONE)
        answer = self._respond(request, _receive_response(received, command_id))
        return answer if pipeline is None else await _spoil_pipeline(pipeline, answer, last=received.done)

    def _signal(self, request: SoapRequest) -> Answer:
        shell = self._shell(request)
        signal = _body(request, "Signal")
        pipeline = _pipeline(shell, signal.get("CommandId") or "")
        pipeline.request_stop()
        if (signal.findtext(f"{{{SHELL}}}Code") or "").endswith(_TERMINATE):
            shell.forget(pipeline)
        return self._respond(request, "<rsp:SignalResponse/>")


def _spoilt(fault: What, answer: Answer) -> Answer:
    """The answer to an executed request as a fault leaves it."""
    match fault:
        case What.DROP_AFTER:
            return replace(answer, delivery=Delivery.DROPPED)
        case What.HALF_ANSWER:
            return replace(answer, delivery=Delivery.HALF)
        case What.TRUNCATED_XML:
            return replace(answer, soap=answer.soap[: len(answer.soap) // 2])
    return answer


async def _spoil_pipeline(pipeline: Pipeline, answer: Answer, *, last: bool) -> Answer:
    """The answer with the pipeline's fault, if its moment has come: the last answer for a drop after the end."""
    fault = pipeline.fault
    if fault is What.DROP_AFTER:
        if not last:
            return answer
        assert pipeline.task is not None
        await asyncio.wait({pipeline.task})
    elif fault not in (What.HALF_ANSWER, What.TRUNCATED_XML):
        return answer
    pipeline.fault = None
    return _spoilt(fault, answer)


def _pipeline(shell: Shell, command_id: str) -> Pipeline:
    pipeline = shell.pipelines.get(command_id.upper())
    if pipeline is None:
        raise _Refused(envelopes.COMMAND_GONE)
    return pipeline


def _body(request: SoapRequest, name: str) -> ET.Element:
    if request.body is None or request.body.tag != f"{{{SHELL}}}{name}":
        raise _Refused(envelopes.schema_fault(name))
    return request.body


def _data(element: ET.Element) -> bytes:
    try:
        return base64.b64decode(element.text or "", validate=True)
    except binascii.Error as error:
        raise _Refused(envelopes.schema_fault(element.tag.rpartition("}")[2])) from error


def _shell_element(inner: str) -> str:
    return f'<rsp:Shell xmlns:rsp="{SHELL}">{inner}</rsp:Shell>'


def _data_limit(request: SoapRequest) -> int:
    return max(1024, request.max_envelope_size - _ENVELOPE_FRAME)


def _receive_response(received: Received, command_id: str) -> str:
    mark = f" CommandId={quoteattr(command_id)}" if command_id else ""
    streams = "".join(f'<rsp:Stream Name="stdout"{mark}>{data}</rsp:Stream>' for data in received.streams)
    state = (
        f'<rsp:CommandState{mark} State="{SHELL}/CommandState/Done"><rsp:ExitCode>0</rsp:ExitCode></rsp:CommandState>'
        if received.done
        else ""
    )
    return f"<rsp:ReceiveResponse>{streams}{state}</rsp:ReceiveResponse>"
