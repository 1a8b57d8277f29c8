"""Commands as data: no script text crosses the wire (design section 3)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from runner.model.value import Value


@dataclass(frozen=True, slots=True)
class Command:
    """A cmdlet, function or native program. Native programs take `arguments`, all others named parameters.

    A switch is a parameter with the value True.
    """

    name: str
    parameters: tuple[tuple[str, Value], ...] = ()
    arguments: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Script(Command):
    """A script that the user wrote, as it is: `name` is its text. The one exception from commands as data.

    Nothing is put into the text; what it needs goes in by `parameters`.
    """

    @property
    def summary(self) -> str:
        """What people are shown of it: its text is the user's own, and nobody else knows what it does."""
        digest = hashlib.sha256(self.name.encode("utf-8", "surrogatepass")).hexdigest()
        lines = len(self.name.splitlines())
        return f"script by the user, {lines} {'line' if lines == 1 else 'lines'}, sha256 {digest[:16]}"


Statement = tuple[Command, ...]  # a pipe: Get-Item | Select-Object


def command(name: str, **parameters: Value) -> Command:
    """command("Get-Item", LiteralPath=r"HKLM:\\SOFTWARE"): parameters in the order given."""
    return Command(name, tuple(parameters.items()))


class ReplyState(StrEnum):
    """What is known of a statement. Only a statement whose end was seen is DONE or FAILED."""

    DONE = "done"  # it ran to its end; non-terminating errors may stand in `errors`
    FAILED = "failed"  # it ended by a terminating error, the last of `errors`
    UNSEEN = "unseen"  # its end was not reported: it may have run, run partly, or not at all


@dataclass(frozen=True, slots=True)
class ErrorRecord:
    """An error judged by id, category and exception type; the message is localised and only for people.

    The record's target is left out on purpose: it may carry a cmdlet's credentials (design section 7).
    """

    id: str  # FullyQualifiedErrorId, such as PathNotFound,Microsoft.PowerShell.Commands.GetItemCommand
    category: str  # name of the ErrorCategory, such as ObjectNotFound
    exception: str  # type name of the exception
    message: str

    @property
    def name(self) -> str:
        """The id without the command that raised it, such as PathNotFound."""
        return self.id.partition(",")[0]


@dataclass(frozen=True, slots=True)
class Reply:
    """What one statement answered, in the order of the statements that were sent.

    `exit_code` is that of an `exit` in a script; it is no error to the engine, and is not in $LASTEXITCODE.
    """

    state: ReplyState
    outputs: tuple[Value, ...] = ()
    errors: tuple[ErrorRecord, ...] = ()
    warnings: tuple[str, ...] = ()
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class Ids:
    """The ids of a change under way, journalled before its first byte goes out (design section 5)."""

    shell: str
    pipeline: str
