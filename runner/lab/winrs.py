"""A WinRS shell: the programs that a client starts in it, one after the other, and what they have written.

A program is a task of its own: it goes on when the connection of its client drops, and ends with its shell.
"""

from __future__ import annotations

import asyncio
import base64
import codecs
import logging
from collections import deque
from dataclasses import dataclass, field, replace

from runner.lab import messages
from runner.lab.command_line import Echo, NotFound, NotSimulated, read_command_line
from runner.lab.faults import HELD, RUNS_ON, What
from runner.lab.messages import Request, StopSignal
from runner.lab.powershell import PowerShell
from runner.lab.shells import ShellSettings

_log = logging.getLogger(__name__)
_PIECE = 32 * 1024
_INTERRUPTED = 0xC000013A - 2**32  # STATUS_CONTROL_C_EXIT, the exit code after ctrl_c
_THROUGH_CMD = 'C:\\Windows\\system32\\cmd.exe /C "{}"'
_LONGEST_FOR_CMD = 8191
_LONGEST_FOR_WINDOWS = 32767


class LineTooLong(Exception):
    """CreateProcess takes no line of this length."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended."""

    stdout: str
    stderr: str
    exit_code: int


@dataclass(slots=True)
class Program:
    """One started command line. `request` is what faults judge; a program without one has ended at once."""

    command_id: str
    code_page: str
    powershell: PowerShell | None = None
    fault: What | None = None
    task: asyncio.Task[None] | None = None
    released: asyncio.Event = field(default_factory=asyncio.Event)  # a held program may go on
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    delivered: bool = False  # its end was told
    exit_code: int = 0
    _pieces: deque[tuple[str, str]] = field(default_factory=deque)

    @property
    def request(self) -> Request | None:
        return self.powershell.request if self.powershell else None

    def end(self, how: Ended) -> None:
        self.exit_code = how.exit_code
        for name, text in (("stdout", how.stdout), ("stderr", how.stderr)):
            data = text.encode(self.code_page, "replace")
            for start in range(0, len(data), _PIECE):
                piece = base64.b64encode(data[start : start + _PIECE]).decode("ascii")
                self._pieces.append((name, piece))
        self.ended.set()

    def take(self, limit: int) -> list[tuple[str, str]]:
        """What waits, at most `limit` characters but at least one piece: stream names and base64."""
        taken: list[tuple[str, str]] = []
        while self._pieces and (not taken or sum(len(data) for _, data in [*taken, self._pieces[0]]) <= limit):
            taken.append(self._pieces.popleft())
        return taken

    @property
    def exhausted(self) -> bool:
        """Whether it has ended and everything was taken."""
        return self.ended.is_set() and not self._pieces


class CmdShell:
    """One shell. `customised`: with a directory or variables of its own, which no program of the lab respects."""

    def __init__(self, shell_id: str, owner: str, settings: ShellSettings, code_page: int, *, customised: bool) -> None:
        self.id = shell_id
        self.owner = owner
        self.programs: dict[str, Program] = {}
        self._settings = settings
        self._code_page = code_page
        self._customised = customised

    def close(self) -> None:
        """End the shell: what runs in it ends too."""
        for program in self.programs.values():
            self._kill(program)
            program.ended.set()

    def program(self, command_id: str, line: str, *, through_cmd: bool) -> Program:
        """The program of a command line, not started yet. Raises NotFound, LineTooLong."""
        whole = _THROUGH_CMD.format(line) if through_cmd else line
        if len(whole) > _LONGEST_FOR_WINDOWS:
            raise LineTooLong
        code_page = _codec(self._code_page)
        program = self.programs[command_id] = Program(command_id, code_page or "ascii")
        try:
            if code_page is None:
                raise NotSimulated(f"the code page {self._code_page}")
            if through_cmd and len(whole) > _LONGEST_FOR_CMD:
                program.end(Ended("", "The command line is too long.\r\n", 1))
            else:
                self._read(program, line, through_cmd)
        except NotSimulated as error:
            program.end(Ended("", f"The lab does not simulate {error}.\r\n", 1))
        except NotFound:
            del self.programs[command_id]
            raise
        return program

    def _read(self, program: Program, line: str, through_cmd: bool) -> None:
        call = read_command_line(line, through_cmd=through_cmd)
        if self._customised:
            raise NotSimulated("a program in a shell with a directory or variables of its own")
        if isinstance(call, Echo):
            program.end(Ended(f"{call.text}\r\n", "", 0))
        else:
            program.powershell = PowerShell(call, program.command_id)

    def start(self, program: Program) -> None:
        """Run a program that has something to run."""
        if program.powershell is not None:
            program.task = asyncio.get_running_loop().create_task(self._run(program, program.powershell))

    def signal(self, command_id: str, *, forget: bool) -> None:
        """Interrupt a program; with `forget` its output too is gone."""
        program = self.programs[command_id]
        if not program.ended.is_set():
            self._kill(program)
            program.end(Ended("", "", _INTERRUPTED))
        if forget:
            del self.programs[command_id]

    def _kill(self, program: Program) -> None:
        if program.task is not None:
            program.task.cancel()

    async def _run(self, program: Program, powershell: PowerShell) -> None:
        try:
            steps = messages.locked(
                self._settings.machine_lock, powershell.run(self._settings.open_runspace(), StopSignal())
            )
            for number, message in enumerate(steps):
                if isinstance(message, messages.Wait):
                    await asyncio.sleep(max(0.0, message.seconds * self._settings.pace))
                if number == 0 and program.fault in HELD:
                    pause = RUNS_ON.get(program.fault, 0.0) if program.fault else 0.0
                    await program.released.wait()
                    await asyncio.sleep(pause * self._settings.pace)
            ended = Ended(powershell.stdout, powershell.stderr, powershell.exit_code)
        except Exception:
            _log.exception("the lab's engine failed")
            ended = Ended("", "The lab's engine failed, see its log.\r\n", 1)
        if program.fault is What.BAD_CLIXML:
            half = len(ended.stdout) // 2
            ended = replace(ended, stdout=f"{ended.stdout[:half]}<{ended.stdout[half:]}")
        program.end(ended)


def _codec(code_page: int) -> str | None:
    """Python's name of a Windows code page."""
    if code_page == 65001:
        return "utf-8"
    try:
        return codecs.lookup(f"cp{code_page}").name
    except LookupError:
        return None
