"""The WS-Management requests about WinRS shells, answered as in groundtruth/pypsrp/responses/test_winrs_*.yml."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from runner.lab import envelopes
from runner.lab.answers import Answer, Refused, body_of, data_limit, respond, spoilt_by_pipeline
from runner.lab.command_line import NotFound
from runner.lab.envelopes import SHELL, SoapRequest
from runner.lab.faults import IN_PIPELINE, RUNS_ON, What
from runner.lab.host import LabHost
from runner.lab.http import Delivery
from runner.lab.shells import ShellSettings, new_shell_id
from runner.lab.winrs import CmdShell, LineTooLong, Program

VERBS = frozenset({"Command", "Send", "Receive", "Signal"})
_DEFAULT_IDLE = "PT7200.000S"
_DEFAULT_CODE_PAGE = "437"


@dataclass(frozen=True, slots=True)
class FaultHooks:
    """What the service does for a fault that befalls a program."""

    instead: Callable[[What, SoapRequest], Answer | None]
    jump_clock: Callable[[What | None], None]
    rebooted: Callable[[], Answer]


def new_cmd_shell(request: SoapRequest, owner: str, settings: ShellSettings) -> CmdShell:
    """The shell that a Create asks for. Raises Refused."""
    body = body_of(request, "Shell")
    code_page = request.options.get("WINRS_CODEPAGE", _DEFAULT_CODE_PAGE)
    if not code_page.isdecimal():
        raise Refused(envelopes.schema_fault("OptionSet"))
    customised = any(body.find(f"{{{SHELL}}}{name}") is not None for name in ("WorkingDirectory", "Environment"))
    shell_id = (body.get("ShellId") or new_shell_id()).upper()
    return CmdShell(shell_id, owner, settings, int(code_page), customised=customised)


def describe(request: SoapRequest, shell: CmdShell, client_ip: str) -> str:
    """What stands inside the rsp:Shell element."""
    body = body_of(request, "Shell")

    def text(name: str, default: str) -> str:
        return escape(body.findtext(f"{{{SHELL}}}{name}") or default)

    directory = body.findtext(f"{{{SHELL}}}WorkingDirectory")
    variables = "".join(
        f"<rsp:Variable Name={quoteattr(variable.get('Name', ''))}>{escape(variable.text or '')}</rsp:Variable>"
        for variable in body.iterfind(f"{{{SHELL}}}Environment/{{{SHELL}}}Variable")
    )
    return (
        f"<rsp:ShellId>{escape(shell.id)}</rsp:ShellId><rsp:ResourceUri>{escape(request.resource_uri)}</rsp:ResourceUri>"
        f"<rsp:Owner>{escape(shell.owner)}</rsp:Owner><rsp:ClientIP>{escape(client_ip)}</rsp:ClientIP>"
        + (f"<rsp:WorkingDirectory>{escape(directory)}</rsp:WorkingDirectory>" if directory else "")
        + (f"<rsp:Environment>{variables}</rsp:Environment>" if variables else "")
        + f"<rsp:IdleTimeOut>{text('IdleTimeOut', _DEFAULT_IDLE)}</rsp:IdleTimeOut>"
        f"<rsp:InputStreams>{text('InputStreams', 'stdin')}</rsp:InputStreams>"
        f"<rsp:OutputStreams>{text('OutputStreams', 'stdout stderr')}</rsp:OutputStreams>"
        "<rsp:ShellRunTime>P0DT0H0M0S</rsp:ShellRunTime><rsp:ShellInactivity>P0DT0H0M0S</rsp:ShellInactivity>"
    )


class Programs:
    """The requests about the programs of a host's WinRS shells. Every method raises Refused."""

    def __init__(self, host: LabHost, hooks: FaultHooks) -> None:
        self._host = host
        self._hooks = hooks

    async def answer(self, request: SoapRequest, shell: CmdShell) -> Answer:
        match request.verb:
            case "Command":
                return self._command(request, shell)
            case "Receive":
                return await self._receive(request, shell)
            case "Signal":
                return self._signal(request, shell)
        return self._send(request, shell)

    def _command(self, request: SoapRequest, shell: CmdShell) -> Answer:
        body = body_of(request, "CommandLine")
        command_id = (body.get("CommandId") or new_shell_id()).upper()
        words = [body.findtext(f"{{{SHELL}}}Command") or ""]
        words += [argument.text or "" for argument in body.iterfind(f"{{{SHELL}}}Arguments")]
        through_cmd = request.options.get("WINRS_SKIP_CMD_SHELL", "FALSE").upper() != "TRUE"
        try:
            program = shell.program(command_id, " ".join(words), through_cmd=through_cmd)
        except NotFound:
            raise Refused(envelopes.NO_SUCH_PROGRAM) from None
        except LineTooLong:
            raise Refused(envelopes.LINE_TOO_LONG) from None
        fault = None if program.request is None else self._host.faults.in_pipeline(program.request)
        if fault is not None and fault not in IN_PIPELINE:
            del shell.programs[command_id]
            instead = self._hooks.instead(fault, request)
            if instead is not None:
                return instead
        self._hooks.jump_clock(fault)
        program.fault = fault
        shell.start(program)
        return respond(
            request, f"<rsp:CommandResponse><rsp:CommandId>{escape(command_id)}</rsp:CommandId></rsp:CommandResponse>"
        )

    async def _receive(self, request: SoapRequest, shell: CmdShell) -> Answer:
        desired = body_of(request, "Receive").find(f"{{{SHELL}}}DesiredStream")
        if desired is None or desired.get("CommandId") is None:
            raise Refused(envelopes.BAD_PARAMETER)
        program = _program(shell, desired)
        if program.fault in RUNS_ON:
            program.fault = None
            program.released.set()
            return Answer(0, delivery=Delivery.DROPPED)
        if program.fault is What.REBOOT:
            return self._hooks.rebooted()
        try:
            async with asyncio.timeout(request.operation_timeout):
                await program.ended.wait()
        except TimeoutError:
            raise Refused(envelopes.TIMED_OUT) from None
        if program.delivered or shell.programs.get(program.command_id) is not program:
            raise Refused(envelopes.COMMAND_GONE)
        pieces = program.take(data_limit(request))
        done = program.delivered = program.exhausted
        answer = respond(request, _received(program, pieces, done=done))
        reboots = program.fault is What.REBOOT_AFTER
        told = await spoilt_by_pipeline(program, answer, last=done)
        return self._hooks.rebooted() if reboots and program.fault is None else told

    def _signal(self, request: SoapRequest, shell: CmdShell) -> Answer:
        body = body_of(request, "Signal")
        program = _program(shell, body)
        code = body.findtext(f"{{{SHELL}}}Code") or ""
        shell.signal(program.command_id, forget=code.rpartition("/")[2].lower() == "terminate")
        return respond(request, "<rsp:SignalResponse/>")

    def _send(self, request: SoapRequest, shell: CmdShell) -> Answer:
        """No program of the lab reads stdin: what is sent is taken and unread, as by a real one that does not."""
        stream = body_of(request, "Send").find(f"{{{SHELL}}}Stream")
        if stream is None:
            raise Refused(envelopes.schema_fault("Send"))
        _program(shell, stream)
        return respond(request, "<rsp:SendResponse/>")


def _program(shell: CmdShell, element: ET.Element) -> Program:
    program = shell.programs.get((element.get("CommandId") or "").upper())
    if program is None:
        raise Refused(envelopes.COMMAND_GONE)
    return program


def _received(program: Program, pieces: list[tuple[str, str]], *, done: bool) -> str:
    mark = f"CommandId={quoteattr(program.command_id)}"
    streams = "".join(f'<rsp:Stream Name="{name}" {mark}>{data}</rsp:Stream>' for name, data in pieces)
    if not done:
        state = f'<rsp:CommandState {mark} State="{SHELL}/CommandState/Running"></rsp:CommandState>'
        return f"<rsp:ReceiveResponse>{streams}{state}</rsp:ReceiveResponse>"
    ends = "".join(f'<rsp:Stream Name="{name}" {mark} End="true"></rsp:Stream>' for name in ("stdout", "stderr"))
    return (
        f'<rsp:ReceiveResponse>{streams}{ends}<rsp:CommandState {mark} State="{SHELL}/CommandState/Done">'
        f"<rsp:ExitCode>{program.exit_code}</rsp:ExitCode></rsp:CommandState></rsp:ReceiveResponse>"
    )
