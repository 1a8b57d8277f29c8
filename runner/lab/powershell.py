"""One powershell.exe of a WinRS shell: a script of simple commands, executed by the machine's engine.

With -OutputFormat XML a terminating error ends the whole script, in text mode only its statement (encoded.throw,
-unknown-command, -prompt and -text-mode of pwsh76/encodedcommand.jsonl). The exit code is 1 after such an end, and when
the last statement failed ($?; about_PowerShell_exe, -Command).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

from psrpcore.types import ErrorCategory, ErrorRecord

from runner.lab import messages
from runner.lab.command_line import NotSimulated, PowerShellCall
from runner.lab.console_output import TextWriter, Writer, XmlWriter
from runner.lab.errors import as_reason, not_simulated
from runner.lab.messages import Request, RequestedCommand, Runspace, StopSignal
from runner.lab.script import parse
from runner.lab.syntax import Call, Literal, ParseError, Pipe, Unsupported
from runner.lab.values import to_text
from runner.lab.wire import from_wire

_HOST = "PSHOST"  # the tag of what Write-Host writes


class PowerShell:
    """One process. `run` to its end, then `stdout`, `stderr` and `exit_code` tell what became of it."""

    def __init__(self, call: PowerShellCall, process_id: str) -> None:
        self._call = call
        self._process_id = process_id
        self._writer: Writer = XmlWriter() if call.xml else TextWriter()
        self.exit_code = 0

    @property
    def stdout(self) -> str:
        return self._writer.stdout

    @property
    def stderr(self) -> str:
        return self._writer.stderr

    @property
    def request(self) -> Request:
        """The commands of the script by their names, by which faults judge what it does."""
        try:
            statements = parse(self._call.script)
        except (ParseError, Unsupported):
            return Request(())
        pipes = [statement.elements for statement in statements if isinstance(statement, Pipe)]
        return Request(tuple(commands for elements in pipes if (commands := _named(elements))))

    def run(self, runspace: Runspace, stop: StopSignal) -> Iterator[messages.Message]:
        """Execute the script; the messages of the engine as they come, each already written."""
        if self._call.execution_policy is not None:
            yield from runspace.invoke(Request((_process_policy(self._call.execution_policy),)), stop)
        try:
            yield from self._execute(runspace, stop)
        except NotSimulated as error:
            self._fail(as_reason(not_simulated(str(error)), None))

    def _execute(self, runspace: Runspace, stop: StopSignal) -> Generator[messages.Message, None, None]:
        exited = False
        for message in runspace.invoke(self._script(self._call.script), stop):
            if isinstance(message, messages.ShouldExit):
                self.exit_code, exited = message.code, True
            elif isinstance(message, messages.Ended) and message.reason is not None:
                self._end(message.reason)
                exited = True
            else:
                self._write(message)
            yield message
        if not exited:
            succeeded = [m.value for m in runspace.invoke(self._script("$?"), stop) if isinstance(m, messages.Output)]
            self.exit_code = 0 if succeeded == [True] else 1

    def _script(self, text: str) -> Request:
        command = RequestedCommand(text, is_script=True)
        return Request(((command,),), pipeline_id=self._process_id, ends_at_errors=self._call.xml)

    def _end(self, reason: ErrorRecord) -> None:
        """The script ended by an error. One that does not parse ends with exit code 0 (encoded.parse-error)."""
        if reason.CategoryInfo.Category != ErrorCategory.ParserError:
            self._fail(reason)
        elif self._call.xml:
            self._writer.error(reason)
        else:
            raise NotSimulated("a script that does not parse, in text mode")

    def _fail(self, record: ErrorRecord) -> None:
        self._writer.error(record)
        self.exit_code = 1

    def _write(self, message: messages.Message) -> None:
        match message:
            case messages.Output(value):
                self._writer.output(value)
            case messages.Error(record):
                self._writer.error(record)
            case messages.Warning(text):
                self._writer.warning(text)
            case messages.Verbose(text):
                self._writer.verbose(text)
            case messages.Information() if _HOST in message.tags:
                self._writer.host(to_text(from_wire(message.value)))
            case messages.Progress():
                self._writer.progress(message)
            case messages.Debug() | messages.Information():
                raise NotSimulated(f"{type(message).__name__.lower()} records of a WinRS process")


def _named(elements: tuple[object, ...]) -> tuple[RequestedCommand, ...]:
    """The commands of a pipe that are called by a plain name."""
    return tuple(
        RequestedCommand(element.name.value)
        for element in elements
        if isinstance(element, Call) and isinstance(element.name, Literal) and isinstance(element.name.value, str)
    )


def _process_policy(policy: str) -> tuple[RequestedCommand, ...]:
    """What -ExecutionPolicy does: the policy of this process, in the variable that Set-ExecutionPolicy uses too."""
    parameters = (("Scope", "Process"), ("ExecutionPolicy", policy), ("Force", True))
    return (RequestedCommand("Set-ExecutionPolicy", parameters),)
