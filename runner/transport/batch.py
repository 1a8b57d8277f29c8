"""What came back belongs to which statement: the three rules of design section 3, without any input or output.

A batch is sent as separator, statement, separator, statement, ..., separator, each separator a `Write-Output` of a
token of its own. The engine sends outputs and records in the order of writing
(../shared/groundtruth/pwsh76/README.md B7, H3), so what stands between two tokens is the statement between them, and
a statement counts as seen only when the token after it has arrived. The token before the first statement matters
because a failing *first* statement is reported differently (B1) than every later one (B2).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psrpcore
from psrpcore.types import PSInvocationState

from runner.model.command import ErrorRecord, Reply, ReplyState, Statement, command
from runner.model.value import Value
from runner.transport.values import to_error, to_model

ENDED = frozenset({PSInvocationState.Completed, PSInvocationState.Failed, PSInvocationState.Stopped})
UNSEEN = Reply(ReplyState.UNSEEN)
Event = psrpcore.PSRPEvent[Any, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """The statements of one pipeline. `tokens` are one more than the statements, or none for a lone statement."""

    statements: tuple[Statement, ...]
    tokens: tuple[str, ...] = ()

    def pipeline(self) -> tuple[Statement, ...]:
        """The statements as they are sent, separators included."""
        if not self.tokens:
            return self.statements
        separators = [(command("Write-Output", InputObject=token),) for token in self.tokens]
        pairs = zip(self.statements, separators[1:], strict=True)
        return (separators[0], *(statement for pair in pairs for statement in pair))


def separated(statements: Sequence[Statement], mark: str) -> Batch:
    """A batch whose tokens begin with `mark`, a text that no host answers by itself."""
    return Batch(tuple(statements), tuple(f"{mark}:{number}" for number in range(len(statements) + 1)))


def alone(statement: Statement) -> Batch:
    """One statement without separators, for endpoints that lack Write-Output: its end is the pipeline's end (B9)."""
    return Batch((statement,))


@dataclass(slots=True)
class _Draft:
    outputs: list[Value] = field(default_factory=list)
    errors: list[ErrorRecord] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def reply(self, state: ReplyState) -> Reply:
        return Reply(state, tuple(self.outputs), tuple(self.errors), tuple(self.warnings))


class _Attribution:
    def __init__(self, batch: Batch) -> None:
        self._tokens = batch.tokens
        self._drafts = [_Draft() for _ in batch.statements]
        self._next = 0  # the token that is expected next
        self._state: PSInvocationState | None = None

    def add(self, event: Event) -> None:
        if isinstance(event, psrpcore.PipelineStateEvent):
            self._end(event)
        elif isinstance(event, psrpcore.PipelineOutputEvent) and self._is_token(event.data):
            self._next += 1
        elif (draft := self._current()) is None:
            return  # before the first token: only the separator itself can have written that
        elif isinstance(event, psrpcore.PipelineOutputEvent):
            draft.outputs.append(to_model(event.data))
        elif isinstance(event, psrpcore.ErrorRecordEvent):
            draft.errors.append(to_error(event.record))
        elif isinstance(event, psrpcore.WarningRecordEvent):
            draft.warnings.append(str(event.record.Message))

    def replies(self) -> tuple[Reply, ...]:
        return tuple(draft.reply(self._state_of(index)) for index, draft in enumerate(self._drafts))

    def _is_token(self, data: object) -> bool:
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

    def _state_of(self, index: int) -> ReplyState:
        if self._tokens and index < self._index():
            return ReplyState.DONE
        if index == self._index() and self._state == PSInvocationState.Failed:
            return ReplyState.FAILED
        if not self._tokens and self._state == PSInvocationState.Completed:
            return ReplyState.DONE
        return ReplyState.UNSEEN


def attribute(batch: Batch, events: Iterable[Event]) -> tuple[Reply, ...]:
    """One Reply per statement of the batch, from the events of its pipeline in wire order.

    A stream that breaks off is no error here: what its end does not show is UNSEEN. The error that ended the
    pipeline is the last of its statement's errors.
    """
    attribution = _Attribution(batch)
    for event in events:
        attribution.add(event)
    return attribution.replies()
