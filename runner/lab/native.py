"""A native program as a command of a pipe: how it gets its arguments, and what becomes of what it writes.

Cases native.* and oth-cmd-* of `groundtruth/pwsh76` (finding H7): each line of stdout is a text, the lines of stderr
come before them as error records, the exit code is in $LASTEXITCODE. A program of the Windows subsystem that is the
last of its pipe is not waited for (PowerShell's source, `engine/NativeCommandProcessor.cs`). What Windows PowerShell
makes of empty arguments and of double quotes is not recorded, and refused (`Legacy` in
groundtruth/docs/ps7.6.about_Parsing.md).
"""

from __future__ import annotations

from collections.abc import Iterator

from psrpcore.types import ErrorCategory, PSInt

from runner.lab.cmdlet import Emit, Event, Problem, Session
from runner.lab.errors import Failure, Raiser, Terminating, not_simulated
from runner.lab.native_programs import NativeProgram
from runner.lab.pipes import Preferences
from runner.lab.stages import Invocation
from runner.lab.values import ClrList, to_text


class ProgramStage:
    """One program of a pipe while it runs; a `pipes.Stage`. Common parameters are words like others."""

    def __init__(self, session: Session, program: NativeProgram, invocation: Invocation) -> None:
        self.session = session
        self.raiser = Raiser(program.name, "")
        self.merging = invocation.merging
        self.preferences: Preferences | None = None
        self.collected: list[object] | None = None
        self._program = program
        self._invocation = invocation
        self._words: tuple[str, ...] = ()

    def prepare(self, *, expects_input: bool) -> None:
        if expects_input:
            raise Terminating(not_simulated("the input of a program"))
        self._words = tuple(self._given())

    def begin(self) -> Iterator[Event]:
        return iter(())

    def process_once(self) -> Iterator[Event]:
        ended = self._program.run(self.session, self._words)
        if self._program.has_windows and self._invocation.is_last:
            return
        self.session.variables.set_global("LASTEXITCODE", PSInt(ended.exit_code))
        self.session.failing = ended.exit_code != 0
        for number, line in enumerate(ended.stderr):
            yield Problem(_stderr(line, first=number == 0), self.raiser)
        yield from (Emit(line) for line in ended.stdout)

    def process(self, item: object) -> Iterator[Event]:
        raise Terminating(not_simulated("the input of a program"))

    def end(self) -> Iterator[Event]:
        return iter(())

    def _given(self) -> Iterator[str]:
        """The words that the program gets: a name as well, without its dash; a list is several, null is none."""
        for name, value in self._invocation.arguments:
            if name is not None:
                yield name
            for item in value.items if isinstance(value, ClrList) else [value]:
                if item is not None:
                    yield self._word(to_text(item))

    def _word(self, text: str) -> str:
        if (not text or '"' in text) and self.session.version < (7, 3):
            raise Terminating(not_simulated("an empty argument or a double quote on its way to a program"))
        return text


def _stderr(line: str, *, first: bool) -> Failure:
    error_id = "NativeCommandError" if first else "NativeCommandErrorMessage"
    return Failure(error_id, ErrorCategory.NotSpecified, "RemoteException", line, line if first else None, activity="")
