"""Errors and exit codes.

RunnerError
  InputError            64  a file, an option or a value is wrong; carries every Problem found
  HostError                 one host; the others go on
    Unreachable          4  no session: refused, name, TLS, authentication, rights, endpoint
    Elsewhere            5  the inventory leads to another place than the one that was planned
    ConnectionLost          the session broke off while something was under way
      AnswerLost            ... after a change was sent: its effect is unknown
    DeadlineExceeded        the host did not answer in time (the answer of a change: unknown)
    ProtocolError           the host's answer is not what the protocol allows
  Refused                5  a plan that must not be applied
  Interrupted          130  somebody stopped it; what was under way has come to its end
  JournalError          70  the journal cannot be written; nothing may be changed without it
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import IntEnum, StrEnum

from runner.model.source import Origin


class ExitCode(IntEnum):
    """Exit codes of design section 5, one for each class of result."""

    OK = 0
    PENDING = 2
    FAILED = 3
    UNREACHABLE = 4
    REFUSED = 5
    HELD = 6
    NOT_STARTED = 7
    USAGE = 64
    INTERNAL = 70
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in the input: where, what, the source line, and what to do about it."""

    message: str
    origin: Origin | None = None
    hint: str = ""
    line: str = ""  # the source line itself, without its end

    def __str__(self) -> str:
        place = f"{self.origin}: " if self.origin else ""
        text = f"{place}{self.message}"
        if self.line and self.origin:
            text += f"\n    {self.line}\n    {_caret(self.line, self.origin.column)}"
        return text + (f"\n    {self.hint}" if self.hint else "")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint that names what was probably meant, or nothing. Case does not matter."""
    folded = {name.casefold(): name for name in known}
    close = get_close_matches(word.casefold(), folded, n=3, cutoff=0.65)
    return f"did you mean {' or '.join(repr(folded[name]) for name in close)}?" if close else ""


def _caret(line: str, column: int) -> str:
    """A caret below the column; tabs are kept so that it stands right on a terminal."""
    return "".join("\t" if c == "\t" else "\u3000" if ord(c) > 0x2E7F else " " for c in line[: column - 1]) + "^"


class RunnerError(Exception):
    """The base of what this program raises on purpose."""

    exit_code: ExitCode = ExitCode.INTERNAL


class InputError(RunnerError):
    """Every problem found in what the user gave; never a host's fault."""

    exit_code = ExitCode.USAGE

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems

    @property
    def in_one_line(self) -> str:
        """What is wrong and where, for a message within another one: without source lines and hints."""
        return "; ".join(f"{one.origin}: {one.message}" if one.origin else one.message for one in self.problems)


class HostError(RunnerError):
    """Something happened with one host. `advice` is the operator's next step."""

    exit_code = ExitCode.FAILED

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


class Reason(StrEnum):
    """Why no session could be had."""

    NAME = "name"  # the name does not resolve
    REFUSED = "refused"  # nobody listens, or the network is closed
    TIMEOUT = "timeout"
    TLS = "tls"
    AUTHENTICATION = "authentication"
    RIGHTS = "rights"  # authenticated, but not allowed in
    ENDPOINT = "endpoint"  # no such session configuration, or not WinRM at all
    QUOTA = "quota"
    BROKEN = "broken"  # the connection ended or the answer was no valid one


class Unreachable(HostError):
    exit_code = ExitCode.UNREACHABLE

    def __init__(self, reason: Reason, message: str, advice: str = "") -> None:
        super().__init__(message, advice)
        self.reason = reason


class Elsewhere(HostError):
    """The inventory leads to another place than the one that the plan was made on."""

    exit_code = ExitCode.REFUSED


class ConnectionLost(HostError):
    """The session broke off; what was only read may be read again in a new one."""


class AnswerLost(ConnectionLost):
    """A change was sent and its answer did not come: its effect is unknown until read."""


class DeadlineExceeded(HostError):
    """The host did not answer within the deadline; the pipeline may still be running there."""


class ProtocolError(HostError):
    """The host sent what the protocol does not allow."""


class Refused(RunnerError):
    exit_code = ExitCode.REFUSED


class Interrupted(RunnerError):
    exit_code = ExitCode.INTERRUPTED


class JournalError(RunnerError):
    exit_code = ExitCode.INTERNAL
