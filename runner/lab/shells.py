"""A shell: one PowerShell process on one machine, spoken to in PSRP, and the pipelines that run in it.

psrpcore keeps the protocol, the engine's `Runspace` decides what is answered. A pipeline is a task of its own: it
goes on when the connection of its client drops. What differs from psrpcore's server, because real Windows differs
(groundtruth/README.md sections 2 and 3): the pool opens over two Receives, no pipeline state Running is sent,
each fragment is a stream element of its own, ids are taken in the client's byte order, and a message that cannot be
read gets no answer (finding T2 of groundtruth/pwsh76).
"""

from __future__ import annotations

import asyncio
import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import psrpcore
from psrpcore.types import (
    DebugRecord,
    ErrorCategory,
    ErrorCategoryInfo,
    ErrorRecord,
    HostMethodIdentifier,
    NETException,
    PipelineState,
    PSInt,
    PSInvocationState,
    PSRPMessageType,
    VerboseRecord,
    WarningRecord,
)

from runner.lab import messages
from runner.lab.faults import HELD, RUNS_ON, What
from runner.lab.messages import Request, Runspace, StopSignal
from runner.lab.outbox import Outbox
from runner.lab.psrp import (
    BadFragment,
    ClientMessage,
    Defragmenter,
    PipelineCache,
    decode_pipeline,
    split_fragments,
)
from runner.lab.records import information_record, progress_record

_log = logging.getLogger(__name__)
_FRAGMENT_SIZE = 32 * 1024
_TURN = 64  # messages after which a pipeline lets others run


@dataclass(slots=True)
class Pipeline:
    """One pipeline. `server` is psrpcore's side of it, once its first message has told its id."""

    command_id: str
    incoming: Defragmenter = field(default_factory=Defragmenter)
    outbox: Outbox = field(default_factory=Outbox)
    stop: StopSignal = field(default_factory=StopSignal)
    server: psrpcore.ServerPipeline | None = None
    request: Request | None = None
    expects_input: bool = False
    wants_invocation_info: bool = False
    input: list[object] = field(default_factory=list)
    fault: What | None = None
    task: asyncio.Task[None] | None = None
    released: asyncio.Event = field(default_factory=asyncio.Event)  # a held pipeline may go on
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def request_stop(self) -> None:
        """The client sent a stop signal."""
        self.stop.requested = True
        self.stopping.set()


@dataclass(frozen=True, slots=True)
class ShellSettings:
    """What is the same for all shells of a host. `pace`: real seconds per second of machine time."""

    open_runspace: Callable[[], Runspace]
    version_table: dict[str, object]
    cache: PipelineCache
    machine_lock: threading.RLock
    pace: float = 1.0


class Shell:
    """One runspace pool."""

    def __init__(self, shell_id: str, owner: str, settings: ShellSettings, fragment_size: int) -> None:
        self.id = shell_id
        self.owner = owner
        self.outbox = Outbox()
        self.pipelines: dict[str, Pipeline] = {}
        self._settings = settings
        self._fragment_size = min(_FRAGMENT_SIZE, fragment_size)
        self._pool = psrpcore.ServerRunspacePool({"PSVersionTable": dict(settings.version_table)})
        self._pool.our_capability.protocolversion = settings.version_table["PSRemotingProtocolVersion"]
        self._incoming = Defragmenter()
        self._object_ids = count(1)
        self._runspace = settings.open_runspace()
        self._tasks: set[asyncio.Task[None]] = set()
        self._free = asyncio.Semaphore(1)  # runspaces of the pool; a client may want more when it opens

    def open(self, creation: bytes) -> None:
        """The messages of creationXml: what the client can do and what pool it wants."""
        self._feed_pool(creation)

    def send(self, data: bytes) -> None:
        """Data for the pool itself: key exchange, runspace counts."""
        self._feed_pool(data)

    def close(self) -> None:
        """End the process: what runs in it ends too."""
        for task in self._tasks:
            task.cancel()
        for pipeline in self.pipelines.values():
            pipeline.outbox.end()
        self.outbox.end()

    # ---- what a client sends ---------------------------------------------------------------------------------

    def _feed_pool(self, data: bytes) -> None:
        for message in _readable(self._incoming, data):
            event = self._event(message)
            if isinstance(event, psrpcore.InitRunspacePoolEvent):
                self._free = asyncio.Semaphore(max(1, self._pool.max_runspaces))
            elif isinstance(event, psrpcore.GetAvailableRunspacesEvent):
                self._pool.runspace_availability_response(event.ci, self._pool.max_runspaces)
            elif isinstance(event, psrpcore.ResetRunspaceStateEvent):
                self._runspace = self._settings.open_runspace()
                self._pool.runspace_availability_response(event.ci, True)
            elif isinstance(event, psrpcore.SetMaxRunspacesEvent | psrpcore.SetMinRunspacesEvent):
                self._pool.runspace_availability_response(event.ci, True)
            self._drain_pool(opening=isinstance(event, psrpcore.InitRunspacePoolEvent))

    def _drain_pool(self, *, opening: bool) -> None:
        while (payload := self._pool.data_to_send()) is not None:
            fragments = list(split_fragments(payload.data))
            for index, fragment in enumerate(fragments):
                if opening and index == len(fragments) - 1:
                    self.outbox.begin_batch()  # the state Opened comes with the second Receive
                self.outbox.put(fragment)

    def feed(self, pipeline: Pipeline, data: bytes) -> bool:
        """Data for one pipeline. True when this data makes it ready to start."""
        ready = False
        for message in _readable(pipeline.incoming, data):
            ready = self._take(pipeline, message) or ready
        return ready

    def _take(self, pipeline: Pipeline, message: ClientMessage) -> bool:
        if message.pipeline_id is None or pipeline.task is not None:
            return False  # for no pipeline, or for one that runs already: nothing that it could start
        if pipeline.server is None:
            pipeline.server = psrpcore.ServerPipeline(self._pool, message.pipeline_id)
        decoded = self._settings.cache.get(message)
        if decoded is None:
            event = self._event(message)
            if isinstance(event, psrpcore.PipelineInputEvent):
                pipeline.input.append(event.data)
                return False
            if isinstance(event, psrpcore.EndOfPipelineInputEvent):
                return self._end_of_input(pipeline)
            if isinstance(event, psrpcore.GetCommandMetadataEvent):
                self._refuse(pipeline, "GET_COMMAND_METADATA")
            if not isinstance(event, psrpcore.CreatePipelineEvent):
                return False
            decoded = decode_pipeline(event.pipeline)
            self._settings.cache.put(message, decoded)
        pipeline.request = replace(decoded.request, pipeline_id=pipeline.command_id)
        pipeline.expects_input = decoded.expects_input
        pipeline.wants_invocation_info = decoded.wants_invocation_info
        return not pipeline.expects_input

    def _end_of_input(self, pipeline: Pipeline) -> bool:
        if pipeline.request is None:
            return False
        pipeline.request = replace(pipeline.request, input=tuple(pipeline.input))
        return True

    def _event(self, message: ClientMessage) -> psrpcore.PSRPEvent[Any, Any] | None:
        try:
            self._pool.receive_data(_payload(message.as_fragment(next(self._object_ids))))
            return self._pool.next_event()
        except Exception as error:
            # Whatever psrpcore trips over, Windows' answer to a malformed message is silence (finding T2).
            _log.info("a PSRP message that cannot be read is left without an answer: %s", type(error).__name__)
            return None

    # ---- running ---------------------------------------------------------------------------------------------

    def start(self, pipeline: Pipeline) -> None:
        """Run a pipeline that is ready."""
        pipeline.task = asyncio.get_running_loop().create_task(self._run(pipeline))
        self._tasks.add(pipeline.task)
        pipeline.task.add_done_callback(self._tasks.discard)

    async def _run(self, pipeline: Pipeline) -> None:
        free = self._free
        assert pipeline.request is not None
        assert pipeline.server is not None
        await free.acquire()
        holds_runspace = True
        try:
            pipeline.server.state = PSInvocationState.Running  # without telling the client: Windows does not
            sent = 0
            for number, message in enumerate(
                messages.locked(self._settings.machine_lock, self._runspace.invoke(pipeline.request, pipeline.stop))
            ):
                if isinstance(message, messages.Wait):
                    await self._wait(pipeline, message.seconds)
                elif isinstance(message, messages.Ended):
                    self._write_state(pipeline, message)
                    free.release()
                    holds_runspace = False
                else:
                    spoilt = pipeline.fault is What.BAD_CLIXML and sent > 0 and isinstance(message, messages.Output)
                    self._write(pipeline, message, spoilt=spoilt)
                    sent += 1
                if number == 0 and pipeline.fault in HELD:
                    await self._hold(pipeline)
                if number % _TURN == _TURN - 1:
                    await asyncio.sleep(0)
        except Exception:
            _log.exception("the lab's engine failed")
            if holds_runspace:
                self._refuse(pipeline, "what made its engine fail (see the lab's log)")
        finally:
            if holds_runspace:
                free.release()

    async def _hold(self, pipeline: Pipeline) -> None:
        """Halt a pipeline until its fault lets it go on."""
        pause = RUNS_ON.get(pipeline.fault, 0.0) if pipeline.fault else 0.0
        await pipeline.released.wait()
        await asyncio.sleep(pause * self._settings.pace)

    async def _wait(self, pipeline: Pipeline, seconds: float) -> None:
        """Let machine time pass. A stop signal wakes the cmdlet once; after it a wait is one that cannot be stopped."""
        real_seconds = seconds * self._settings.pace
        if pipeline.stopping.is_set() or real_seconds <= 0:
            await asyncio.sleep(max(0.0, real_seconds))
            return
        try:
            async with asyncio.timeout(real_seconds):
                await pipeline.stopping.wait()
        except TimeoutError:
            return

    # ---- what the client is told -----------------------------------------------------------------------------

    def _write(self, pipeline: Pipeline, message: messages.Message, *, spoilt: bool = False) -> None:
        server = pipeline.server
        assert server is not None
        match message:
            case messages.Output(value):
                server.write_output(value)
            case messages.Error(record):
                _complete(record, pipeline.wants_invocation_info)
                server.prepare_message(record, PSRPMessageType.ErrorRecord)
            case messages.Warning(text):
                warning = WarningRecord(Message=text)
                warning.PSObject.to_string = text
                server.prepare_message(warning, PSRPMessageType.WarningRecord)
            case messages.Verbose(text):
                verbose = VerboseRecord(Message=text)
                verbose.PSObject.to_string = text
                server.prepare_message(verbose, PSRPMessageType.VerboseRecord)
            case messages.Debug(text):
                debug = DebugRecord(Message=text)
                debug.PSObject.to_string = text
                server.prepare_message(debug, PSRPMessageType.DebugRecord)
            case messages.Information():
                server.prepare_message(information_record(message), PSRPMessageType.InformationRecord)
            case messages.Progress():
                server.prepare_message(progress_record(message), PSRPMessageType.ProgressRecord)
            case messages.ShouldExit(code):
                server.host_call(HostMethodIdentifier.SetShouldExit, [PSInt(code)])
        self._drain(pipeline, spoilt=spoilt)

    def _write_state(self, pipeline: Pipeline, ended: messages.Ended) -> None:
        server = pipeline.server
        assert server is not None
        state = PSInvocationState[ended.state]
        told = PipelineState(PipelineState=int(state))
        if ended.reason is not None:
            _complete(ended.reason, pipeline.wants_invocation_info)
            told.ExceptionAsErrorRecord = ended.reason
        server.prepare_message(told)
        server.state = state
        self._drain(pipeline)
        pipeline.outbox.end()

    def _drain(self, pipeline: Pipeline, *, spoilt: bool = False) -> None:
        while (payload := self._pool.data_to_send(self._fragment_size)) is not None:
            for fragment in split_fragments(payload.data):
                pipeline.outbox.put(fragment[:-1] + b"<" if spoilt else fragment)

    def _refuse(self, pipeline: Pipeline, what: str) -> None:
        """End a pipeline that the lab cannot run, by name: it never gives a wrong answer instead."""
        text = f"The lab does not simulate {what}."
        reason = ErrorRecord(
            Exception=NETException(Message=text),
            CategoryInfo=ErrorCategoryInfo(Category=ErrorCategory.NotImplemented, Reason="NotImplementedException"),
            FullyQualifiedErrorId="NotSimulated",
        )
        self._write_state(pipeline, messages.Ended("Failed", reason))

    def forget(self, pipeline: Pipeline) -> None:
        """The client is done with a pipeline; statements that it does not see (finding B3) run on."""
        self.pipelines.pop(pipeline.command_id, None)
        if pipeline.server is not None:
            self._pool.pipeline_table.pop(pipeline.server.pipeline_id, None)


def _readable(stream: Defragmenter, data: bytes) -> Iterator[ClientMessage]:
    try:
        yield from stream.push(data)
    except BadFragment as error:
        _log.info("PSRP data that cannot be read is left without an answer: %s", error)


def _payload(data: bytes) -> psrpcore.PSRPPayload:
    return psrpcore.PSRPPayload(data, psrpcore.StreamType.default, None)


def _complete(record: ErrorRecord, wants_invocation_info: bool) -> None:
    """What psrpcore leaves out of an error record (groundtruth/README.md section 3, points 4 and 5)."""
    record.serialize_extended_info = wants_invocation_info and record.InvocationInfo is not None
    if record.PSObject.to_string is None:
        record.PSObject.to_string = record.Exception.Message


def new_shell_id() -> str:
    """An id for a client that gave none."""
    return str(uuid.uuid4()).upper()
