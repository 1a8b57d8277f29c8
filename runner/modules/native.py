"""Native programs as commands with arguments: what may be passed on to them, and how one ended.

What PowerShell makes of a program's answer is recorded (groundtruth/pwsh76: H7 in README.md, cases native.*,
oth-cmd-exit, oth-cmd-echo): each line of stdout is a text, each line of stderr an error record that is no failure, the
exit code is in $LASTEXITCODE and is no error by itself.

For a program of the Windows subsystem (msiexec.exe, most setup programs) that is the last of its pipe the engine does
not wait, and leaves $LASTEXITCODE as it was; for one that is not the last it waits (PowerShell's source,
`engine/NativeCommandProcessor.cs`: `background`). So a program never goes alone: behind it stands a Select-Object,
which hands its lines on (native.native-in-middle), since it is there in a restricted session as well.
"""

from __future__ import annotations

from collections.abc import Sequence

from runner.model.command import Command, ErrorRecord, Reply, ReplyState, Statement, command
from runner.model.value import PSObject, Value

EXIT_CODE: Statement = (command("Get-Variable", Name="LASTEXITCODE", ValueOnly=True),)
# Goes in front, so that the code of an earlier program, or of one that a script has started, is never taken for this
# one's: what the engine does not set stays null.
NO_EXIT_CODE: Statement = (command("Set-Variable", Name="LASTEXITCODE", Value=None, Scope="Global"),)
_STDERR = frozenset({"NativeCommandError", "NativeCommandErrorMessage"})
_LONGEST = 200  # characters of what is told of an answer


def program(name: str, *words: str) -> Statement:
    """A program that is waited for."""
    return (Command(name, arguments=words), command("Select-Object"))


def lost_on_the_way(word: str) -> bool:
    """Whether Windows PowerShell passes on this argument otherwise than it is, or not at all (`Legacy`).

    It drops an empty one and leaves a double quote unescaped (groundtruth/docs/ps7.6.about_Parsing.md). `--%` is its
    own word for "take the rest as it stands".
    """
    return not word or '"' in word or word == "--%"


def exit_code(behind: Sequence[Reply]) -> int | None:
    """The exit code that EXIT_CODE answered; None if it did not come."""
    (reply,) = behind
    value = reply.outputs[0] if reply.state is ReplyState.DONE and len(reply.outputs) == 1 else None
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else None


def failures(reply: Reply) -> tuple[ErrorRecord, ...]:
    """The errors of an answer that are none of a program's lines on stderr."""
    return tuple(error for error in reply.errors if error.name not in _STDERR)


def told(reply: Reply) -> str:
    """The beginning of what an answer wrote, for people: outputs, then lines on stderr, on one line."""
    stderr = [error.message for error in reply.errors if error.name in _STDERR]
    text = " | ".join(filter(None, (line.strip() for line in (*map(_shown, reply.outputs), *stderr))))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."


def _shown(value: Value) -> str:
    """A value that is an object only by its type: what it holds belongs to the host."""
    if isinstance(value, PSObject):
        return f"({value.type_names[0] if value.type_names else 'an object'})"
    return f"({len(value)} bytes)" if isinstance(value, bytes) else "" if value is None else str(value)
