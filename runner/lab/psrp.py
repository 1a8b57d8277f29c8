"""PSRP messages of a client: put together from fragments and turned into requests for the engine. No I/O."""

from __future__ import annotations

import struct
import uuid
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

import psrpcore
from psrpcore.types import PipelineResultTypes, PSRPMessageType

from runner.lab.messages import Request, RequestedCommand

_FRAGMENT = struct.Struct(">QQBI")  # object id, fragment id, start and end flags, length ([MS-PSRP] 2.2.4)
_HEADER = struct.Struct("<II16s16s")  # destination, type, pool id, pipeline id ([MS-PSRP] 2.2.1)
_END = 2
_NO_PIPELINE = bytes(16)
_SECURE_STRING = b"<SS"  # encrypted with the key of one session: such a message means nothing to another


class BadFragment(Exception):
    """Bytes that are no PSRP fragments, or not the next ones."""


@dataclass(frozen=True, slots=True)
class ClientMessage:
    """One defragmented message. `pipeline_id` is read as the client wrote it, whatever its byte order."""

    type: int
    pipeline_id: uuid.UUID | None
    body: bytes
    whole: bytes

    def as_fragment(self, object_id: int) -> bytes:
        """The message in one fragment."""
        return _FRAGMENT.pack(object_id, 0, 3, len(self.whole)) + self.whole


@dataclass(slots=True)
class Defragmenter:
    """Puts the messages of one stream together."""

    _rest: bytes = b""
    _parts: dict[int, list[bytes]] = field(default_factory=dict)

    def push(self, data: bytes) -> Iterator[ClientMessage]:
        """The messages that this data completes. Raises BadFragment."""
        self._rest += data
        while len(self._rest) >= _FRAGMENT.size:
            object_id, fragment_id, flags, length = _FRAGMENT.unpack_from(self._rest)
            end = _FRAGMENT.size + length
            if len(self._rest) < end:
                return
            part, self._rest = self._rest[_FRAGMENT.size : end], self._rest[end:]
            parts = self._parts.setdefault(object_id, [])
            if fragment_id != len(parts):
                raise BadFragment(f"fragment {fragment_id} where {len(parts)} was due")
            parts.append(part)
            if flags & _END:
                del self._parts[object_id]
                yield _message(b"".join(parts))


def _message(whole: bytes) -> ClientMessage:
    if len(whole) < _HEADER.size:
        raise BadFragment("a message shorter than its header")
    _, kind, _, pipeline = _HEADER.unpack_from(whole)
    pipeline_id = None if pipeline == _NO_PIPELINE else uuid.UUID(bytes_le=pipeline)
    return ClientMessage(kind, pipeline_id, whole[_HEADER.size :].removeprefix(b"\xef\xbb\xbf"), whole)


def split_fragments(data: bytes) -> Iterator[bytes]:
    """The single fragments of data that holds whole ones; Windows sends each in a stream element of its own."""
    start = 0
    while start < len(data):
        end = start + _FRAGMENT.size + _FRAGMENT.unpack_from(data, start)[3]
        yield data[start:end]
        start = end


@dataclass(frozen=True, slots=True)
class PipelineRequest:
    """A decoded CREATE_PIPELINE: the request, and what the server itself must know of it."""

    request: Request
    expects_input: bool
    wants_invocation_info: bool


def decode_pipeline(powershell: psrpcore.PowerShell) -> PipelineRequest:
    """What a client asks for, as the engine takes it."""
    statements: list[tuple[RequestedCommand, ...]] = []
    statement: list[RequestedCommand] = []
    for command in powershell.commands:
        statement.append(
            RequestedCommand(
                name=command.command_text,
                parameters=tuple(command.parameters),
                is_script=command.is_script,
                merge_error_to_output=_merges_errors(command),
                merged=_streams(command, PipelineResultTypes.Output),
                discarded=_streams(command, PipelineResultTypes.Null),
                takes_previous_errors=bool(command.merge_unclaimed),
                local_scope=command.use_local_scope is True,
            )
        )
        if command.end_of_statement:
            statements.append(tuple(statement))
            statement = []
    return PipelineRequest(
        Request(tuple(statements)),
        expects_input=not powershell.no_input,
        wants_invocation_info=bool(powershell.remote_stream_options & 1),
    )


def _merges_errors(command: psrpcore.Command) -> bool:
    own: bool = command.merge_my == PipelineResultTypes.Error and command.merge_to == PipelineResultTypes.Output
    return own or bool(command.merge_error == PipelineResultTypes.Output)


def _streams(command: psrpcore.Command, where: PipelineResultTypes) -> frozenset[str]:
    """The streams beside errors that go to one place."""
    to = {
        "Warning": command.merge_warning,
        "Verbose": command.merge_verbose,
        "Debug": command.merge_debug,
        "Information": command.merge_information,
    }
    return frozenset(stream for stream, place in to.items() if place == where)


@dataclass(slots=True)
class PipelineCache:
    """Decoded pipelines by message body, the most recent ones.

    The body holds no ids, so that a client sends the same bytes to each host of a fleet; to decode them costs more
    than the rest of a session. What holds a SecureString is never kept.
    """

    size: int = 64
    _known: OrderedDict[bytes, PipelineRequest] = field(default_factory=OrderedDict)

    def get(self, message: ClientMessage) -> PipelineRequest | None:
        """The decoded pipeline of an equal message."""
        known = self._known.get(message.body) if message.type == PSRPMessageType.CreatePipeline else None
        if known is not None:
            self._known.move_to_end(message.body)
        return known

    def put(self, message: ClientMessage, pipeline: PipelineRequest) -> None:
        """Keep it for the next client."""
        if _SECURE_STRING in message.body:
            return
        self._known[message.body] = pipeline
        if len(self._known) > self.size:
            self._known.popitem(last=False)
