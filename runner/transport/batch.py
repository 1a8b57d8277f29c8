"""What came back belongs to which statement: the three rules of design section 3, without any input or output.

A batch is sent as separator, statement, separator, statement, ..., separator, each separator with a token: a
`Write-Output` of it or, where only the commands of a restricted session are visible, a `Get-Command` of it, which
answers with an error whose target is the token (endpoint.restricted-getcommand-invisible). The engine sends outputs and
records in the order of writing (../shared/groundtruth/pwsh76/README.md B7, H3), so what stands between two tokens is
the statement between them, and a statement counts as seen only when the token after it has arrived. The token before
the first statement matters because a failing *first* statement is reported differently (B1) than every later one (B2).
In a message the separators are all alike, because it holds what is alike once. So they are counted: of a pipeline that
completed with fewer than were sent nobody can tell which is missing, and nothing of it was seen. The text that is
executed by a process of its own may be cut short instead, and its tokens are numbered.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import psrpcore
from psrpcore.types import HostMethodIdentifier, PSInvocationState

from runner.model.command import ErrorRecord, Reply, ReplyState, Statement, command
from runner.model.value import Value
from runner.transport.projection import Columns, projected, stripped
from runner.transport.values import to_error, to_model

ENDED = frozenset({PSInvocationState.Completed, PSInvocationState.Failed, PSInvocationState.Stopped})
UNSEEN = Reply(ReplyState.UNSEEN)
Event = psrpcore.PSRPEvent[Any, Any]


class Dialect(Enum):
    """What an endpoint lets us say; each is understood by more of them than the one before."""

    ORDINARY = "Write-Output between statements, projection by the host"
    RESTRICTED = "Get-Command between statements, projection on our side"
    SINGLE = "one statement in a pipeline, projection on our side"
    CONSOLE = "a process of its own: as ordinary, and nothing else is worth trying"

    @property
    def humbler(self) -> Dialect | None:
        """The next one to try where this one was not understood; None where there is none."""
        if self is Dialect.ORDINARY:
            return Dialect.RESTRICTED
        return Dialect.SINGLE if self is Dialect.RESTRICTED else None

    @property
    def plain(self) -> bool:
        """Whether the host has Write-Output for separators, and projects."""
        return self in (Dialect.ORDINARY, Dialect.CONSOLE)


@dataclass(frozen=True, slots=True)
class Batch:
    """The statements of one pipeline. `tokens` are one more than the statements, or none for a lone statement.

    `projections` are what is left to do on our side with the outputs of each statement.
    """

    statements: tuple[Statement, ...]
    tokens: tuple[str, ...] = ()
    dialect: Dialect = Dialect.ORDINARY
    projections: tuple[tuple[Columns, ...], ...] = ()

    def pipeline(self) -> tuple[Statement, ...]:
        """The statements as they are sent, separators included."""
        if not self.tokens:
            return self.statements
        restricted = self.dialect is Dialect.RESTRICTED
        separators = [
            (command("Get-Command", Name=token) if restricted else command("Write-Output", InputObject=token),)
            for token in self.tokens
        ]
        pairs = zip(self.statements, separators[1:], strict=True)
        return (separators[0], *(statement for pair in pairs for statement in pair))


def batch_of(statements: Sequence[Statement], mark: str, dialect: Dialect = Dialect.ORDINARY) -> Batch:
    """The next batch of these statements: all of them, or only the first where nothing can separate them.

    The tokens begin with `mark`: letters and digits that no host answers by itself and no command is called. Without
    separators a statement's end is the pipeline's end (B9).
    """
    tokens = (mark,) * (len(statements) + 1)
    if dialect is Dialect.CONSOLE:
        tokens = tuple(f"{mark}-{number}" for number in range(len(tokens)))
    if dialect.plain:
        return Batch(tuple(statements), tokens, dialect)
    if dialect is Dialect.SINGLE:
        statements, tokens = statements[:1], ()
    kept, projections = zip(*map(stripped, statements), strict=True)
    return Batch(kept, tokens, dialect, projections)


@dataclass(slots=True)
class _Draft:
    outputs: list[Value] = field(default_factory=list)
    errors: list[ErrorRecord] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    exit_code: int | None = None

    def reply(self, state: ReplyState) -> Reply:
        return Reply(state, tuple(self.outputs), tuple(self.errors), tuple(self.warnings), self.exit_code)


class _Attribution:
    def __init__(self, batch: Batch) -> None:
        self._tokens = batch.tokens
        self._dialect = batch.dialect
        self._projections = batch.projections
        self._drafts = [_Draft() for _ in batch.statements]
        self._next = 0  # the token that is expected next
        self._state: PSInvocationState | None = None

    def add(self, event: Event) -> None:
        if isinstance(event, psrpcore.PipelineStateEvent):
            self._end(event)
        elif self._is_token(event):
            self._next += 1
        elif (draft := self._current()) is None:
            return  # before the first token: only the separator itself can have written that
        elif isinstance(event, psrpcore.PipelineOutputEvent):
            draft.outputs.append(to_model(event.data))
        elif isinstance(event, psrpcore.ErrorRecordEvent):
            draft.errors.append(to_error(event.record))
        elif isinstance(event, psrpcore.WarningRecordEvent):
            draft.warnings.append(str(event.record.Message))
        elif isinstance(event, psrpcore.PipelineHostCallEvent) and (code := _exit_code(event)) is not None:
            draft.exit_code = code

    def replies(self) -> tuple[Reply, ...]:
        replies = (draft.reply(self._state_of(index)) for index, draft in enumerate(self._drafts))
        if not self._projections:
            return tuple(replies)
        return tuple(projected(reply, columns) for reply, columns in zip(replies, self._projections, strict=True))

    def _is_token(self, event: Event) -> bool:
        """Whether this is the separator that comes next; an error's target is looked at for nothing else."""
        data: object = None
        if self._dialect.plain and isinstance(event, psrpcore.PipelineOutputEvent):
            data = event.data
        elif self._dialect is Dialect.RESTRICTED and isinstance(event, psrpcore.ErrorRecordEvent):
            data = event.record.TargetObject
        return self._next < len(self._tokens) and isinstance(data, str) and data == self._tokens[self._next]

    def _index(self) -> int:
        return self._next - 1 if self._tokens else 0

    def _current(self) -> _Draft | None:
        index = self._index()
        return self._drafts[index] if 0 <= index < len(self._drafts) else None

    def _end(self, event: psrpcore.PipelineStateEvent) -> None:
        if event.state not in ENDED:
            return
        self._state = event.state
        draft = self._current()
        if event.state == PSInvocationState.Failed and draft is not None and event.reason is not None:
            draft.errors.append(to_error(event.reason))

    def _has_lost_tokens(self) -> bool:
        completed = self._state == PSInvocationState.Completed and self._dialect is not Dialect.CONSOLE
        return completed and self._next < len(self._tokens)

    def _state_of(self, index: int) -> ReplyState:
        if self._has_lost_tokens():
            return ReplyState.UNSEEN
        if self._tokens and index < self._index():
            return ReplyState.DONE
        if index == self._index() and self._state == PSInvocationState.Failed:
            return ReplyState.FAILED
        if not self._tokens and self._state == PSInvocationState.Completed:
            return ReplyState.DONE
        return ReplyState.UNSEEN


def _exit_code(event: psrpcore.PipelineHostCallEvent) -> int | None:
    """`exit` in a script is told to the host, also where there is none (B13, script.exit); None for other calls."""
    if event.method_identifier != HostMethodIdentifier.SetShouldExit:
        return None
    code = next(iter(event.method_parameters), None)
    return int(code) if isinstance(code, int) else None


def attribute(batch: Batch, events: Iterable[Event]) -> tuple[Reply, ...]:
    """One Reply per statement of the batch, from the events of its pipeline in wire order.

    A stream that breaks off is no error here: what its end does not show is UNSEEN. The error that ended the
    pipeline is the last of its statement's errors.
    """
    attribution = _Attribution(batch)
    for event in events:
        attribution.add(event)
    return attribution.replies()
