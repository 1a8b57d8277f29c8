"""What a PowerShell process wrote to stdout and stderr, as the events that a PSRP pipeline would have brought.

Both are CLIXML: `#< CLIXML`, then a document whose elements name their stream
(../shared/groundtruth/pwsh76/encodedcommand.jsonl). Between the streams no order is kept; that a statement's errors
are its own is known from the separators, which stand in both.
"""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import psrpcore
from psrpcore.types import (
    ClixmlStream,
    ErrorCategory,
    ErrorCategoryInfo,
    ErrorRecord,
    NETException,
    PipelineState,
    PSCryptoProvider,
    PSInvocationState,
    PSRPMessageType,
    WarningRecord,
    deserialize_clixml,
)

from runner.model.errors import ProtocolError
from runner.transport.batch import Event
from runner.transport.clixml import mend

_HEADER = b"#< CLIXML"
_ROOT = re.compile(r"^<Objs[^>]*>")
_TEXT_SHOWN = 200

Written = tuple[Any, ClixmlStream]


def read_streams(stdout: bytes, stderr: bytes, exit_code: int | None, mark: str, events: list[Event]) -> None:
    """Add the events in the order of the statements; without an exit code (the process was not seen to end) no state.

    `mark` is what the batch's tokens begin with. Errors: ProtocolError, when nothing of the batch ran or what came is
    damaged; what was understood is in `events` all the same.
    """
    from_stdout, from_stderr = _read(stdout), _read(stderr)
    outputs = _split(from_stdout.items, lambda item: _is_token(item, ClixmlStream.OUTPUT, mark))
    others = _split(from_stderr.items, lambda item: _is_token(item, ClixmlStream.WARNING, mark))
    for (written, token), (told, echo) in zip(outputs, others, strict=False):
        events += [event for item in (*written, *told) if (event := _event(*item)) is not None]
        if token is None or echo is None:
            break  # what comes behind was written by a process that was cut off
        events.append(output(token))
    if exit_code is None:
        return
    if not (from_stdout.whole and from_stderr.whole):
        raise ProtocolError("PowerShell's answer is damaged", "try again")
    if outputs[0][1] is None or others[0][1] is None:
        raise ProtocolError(f"PowerShell did not run there: {_first_words(others[0][0], stderr or stdout, exit_code)}")
    events.append(ended(failed=exit_code != 0))


def _first_words(told: Sequence[Written], data: bytes, exit_code: int) -> str:
    """What a process said that did not come to the batch; of an error only its id, a text that is not localised."""
    errors = [str(value.FullyQualifiedErrorId) for value, _ in told if isinstance(value, ErrorRecord)]
    said = "" if _HEADER in data else data.decode("utf-8", "replace").strip()[:_TEXT_SHOWN]
    return next(iter(errors), "") or said or f"exit code {exit_code}"


def ended(*, failed: bool, reason: ErrorRecord | None = None) -> Event:
    """The event of a final state."""
    state = PSInvocationState.Failed if failed else PSInvocationState.Completed
    return _make(PSRPMessageType.PipelineState, PipelineState(int(state), ExceptionAsErrorRecord=reason))


def output(value: object) -> Event:
    """The event of an output."""
    return _make(PSRPMessageType.PipelineOutput, value)


def refusal(message: str) -> ErrorRecord:
    """The error record for a statement that is not sent."""
    return _record(message, "NotSentOverWinRS", ErrorCategory.InvalidArgument)


def _record(message: str, error_id: str = "", category: ErrorCategory = ErrorCategory.NotSpecified) -> ErrorRecord:
    info = ErrorCategoryInfo(Category=category)
    return ErrorRecord(Exception=NETException(Message=message), CategoryInfo=info, FullyQualifiedErrorId=error_id)


@dataclass(frozen=True, slots=True)
class _Content:
    """What a stream held, each item with the name of its own stream. `whole`: nothing of it was damaged or cut off."""

    items: list[Written]
    whole: bool


def _read(data: bytes) -> _Content:
    """Everything in the CLIXML documents of a stream. There is no key: a SecureString in them stays unread."""
    items: list[Written] = []
    whole = True
    for document in mend(data).split(_HEADER)[1:]:
        text = document.decode("utf-8", "replace").strip()
        try:
            items += _deserialized(text)
        except ElementTree.ParseError:
            whole = False
            items += _deserialized(_whole_part(text))
    return _Content(items, whole)


def _deserialized(text: str) -> list[Written]:
    try:
        return deserialize_clixml(text, PSCryptoProvider(), preserve_streams=True)
    except (LookupError, ValueError, TypeError, AttributeError, ArithmeticError) as error:
        raise ProtocolError(f"the host sent an object that cannot be read ({type(error).__name__})") from error


def _whole_part(text: str) -> str:
    """The document with the elements that came whole: the process was cut off, or wrote what is no XML."""
    root = _ROOT.match(text)
    if root is None:
        return "<Objs></Objs>"
    source = io.BytesIO(("<Objs>" + text[root.end() :]).encode())
    whole: list[str] = []
    depth = 0
    with suppress(ElementTree.ParseError):  # the elements before the damage are what counts
        for event, element in ElementTree.iterparse(source, ("start", "end")):
            depth += 1 if event == "start" else -1
            if event == "end" and depth == 1:
                whole.append(ElementTree.tostring(element, encoding="unicode"))
    return f"<Objs>{''.join(whole)}</Objs>"


def _split(items: Iterable[Written], is_token: Callable[[Written], bool]) -> list[tuple[list[Written], object | None]]:
    """What stands before each token, with it; and what stands behind the last one."""
    parts: list[tuple[list[Written], object | None]] = []
    current: list[Written] = []
    for item in items:
        if is_token(item):
            parts.append((current, item[0]))
            current = []
        else:
            current.append(item)
    return [*parts, (current, None)]


def _is_token(item: Written, stream: ClixmlStream, mark: str) -> bool:
    value, own = item
    return own is stream and isinstance(value, str) and value.startswith(mark)


def _event(value: Any, stream: ClixmlStream) -> Event | None:
    if stream is ClixmlStream.OUTPUT:
        return _make(PSRPMessageType.PipelineOutput, value)
    if stream is ClixmlStream.ERROR:
        return _make(PSRPMessageType.ErrorRecord, value if isinstance(value, ErrorRecord) else _record(str(value)))
    if stream is ClixmlStream.WARNING:
        return _make(PSRPMessageType.WarningRecord, WarningRecord(Message=str(value)))
    return None


def _make(kind: PSRPMessageType, value: Any) -> Event:
    made: Event = psrpcore.PSRPEvent.create(kind, value, uuid.UUID(int=0))
    return made
