"""The runspace pool's messages: psrpcore's client, with ready message bodies and with damaged characters mended."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence

import psrpcore
from psrpcore import PSRPEvent

# Not exported by psrpcore, but the only place where a message's body meets the ids in its header ([MS-PSRP] 2.2.1).
from psrpcore._payload import PSRPMessage, create_message
from psrpcore.types import PSInvocationState, PSRPMessageType

from runner.model.command import Statement
from runner.transport.batch import Event
from runner.transport.clixml import mend
from runner.transport.message import serialise

# Two thirds of a batch's outputs are separators and answers of Test-Path: a text without any escape, or a Boolean.
# They are read here, since psrpcore builds an object with type names for each, which adds up over a fleet.
_SIMPLE = re.compile(rb"<S>([\x20-\x25\x27-\x3b\x3d-\x5e\x60-\x7e]*)</S>|<B>(true|false)</B>")

_HEADER = 21  # bytes before a fragment's own; the last 4 are their number ([MS-PSRP] 2.2.4)

# Nobody here reads how a record's command was invoked. PowerShell 2.0 tells it without SerializeExtent, which psrpcore
# takes for granted (groundtruth/pypsrp: test_psrp_run_protocol_version_2.1, [MS-PSRP] 2.2.3.15.1).
_RECORDS = frozenset(
    {
        PSRPMessageType.DebugRecord,
        PSRPMessageType.ErrorRecord,
        PSRPMessageType.PipelineState,
        PSRPMessageType.VerboseRecord,
        PSRPMessageType.WarningRecord,
    }
)
_INVOCATION = re.compile(rb'(<B N="(?:InformationalRecord_SerializeInvocationInfo|SerializeExtendedInfo)">)true<')


class Pool(psrpcore.ClientRunspacePool):
    """One host's runspace pool, without input and output."""

    def serialise(self, statements: Sequence[Statement]) -> bytes:
        """The body of a pipeline of these statements; a Secret in them needs the exchanged key."""
        return serialise(statements, self._cipher)

    def start(self, pipeline_id: uuid.UUID, body: bytes) -> None:
        """Queue a pipeline whose body was serialised before."""
        psrpcore.ClientPowerShell(self, pipeline_id=pipeline_id).state = PSInvocationState.Running
        kind = PSRPMessageType.CreatePipeline
        message = create_message(True, kind, body, self.runspace_pool_id, pipeline_id)
        self._send_buffer.append(
            PSRPMessage(kind, bytearray(message), self.runspace_pool_id, pipeline_id, self._fragment_counter)
        )

    def events(self, data: bytes, pipeline_id: uuid.UUID | None) -> Iterator[Event]:
        """Take what was received and give the events in it, in order. Errors: whatever psrpcore makes of bad data.

        One fragment at a time: of all that it holds psrpcore keeps one message per object id, and would lose the first
        of two (groundtruth/pypsrp: test_client_copy_file_warning).
        """
        while data:
            size = _HEADER + int.from_bytes(data[_HEADER - 4 : _HEADER])
            self.receive_data(psrpcore.PSRPPayload(data[:size], psrpcore.StreamType.default, pipeline_id))
            data = data[size:]
            while (event := self.next_event()) is not None:
                yield event

    def payloads(self, size: int) -> Iterator[bytes]:
        """What is to be sent, in pieces of at most `size` bytes."""
        while (payload := self.data_to_send(size)) is not None:
            yield payload.data

    def _process_message(self, message: PSRPMessage) -> Event:
        simple = _SIMPLE.fullmatch(message.data) if message.message_type is PSRPMessageType.PipelineOutput else None
        if simple:
            text, truth = simple.groups()
            value = text.decode() if text is not None else truth == b"true"
            return PSRPEvent.create(message.message_type, value, message.runspace_pool_id, message.pipeline_id)
        data = mend(message.data)
        if message.message_type in _RECORDS and b'N="SerializeExtent">' not in data:
            data = _INVOCATION.sub(rb"\1false<", data)
        mended = PSRPMessage(
            message.message_type,
            bytearray(data),
            message.runspace_pool_id,
            message.pipeline_id,
            message.object_id,
            message.stream_type,
        )
        return super()._process_message(mended)
