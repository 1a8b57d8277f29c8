"""HTTP/1.1 on asyncio with h11: one protocol object per TCP connection, one request at a time.

What an answer is lies with the `Handler`; how it is delivered, and what of it, lies here, because a fault of the
network (a dropped connection, half an answer, silence) is a matter of delivery.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

import h11

_log = logging.getLogger(__name__)
_MAX_BODY = 32 * 1024 * 1024  # a bound for the lab's memory; a host's own, smaller limit is its handler's


class Delivery(Enum):
    """How an answer reaches the client."""

    WHOLE = auto()
    HALF = auto()  # the connection is closed in the middle of the body
    DROPPED = auto()  # the connection is closed instead
    NEVER = auto()  # silence until the client gives up


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request; header names are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpReply:
    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    delivery: Delivery = Delivery.WHOLE


class Handler(Protocol):
    """Answers the requests of one TCP connection."""

    async def respond(self, request: HttpRequest) -> HttpReply:
        """The answer. Cancelled when the client closes the connection first."""
        ...

    def count(self, received: int, sent: int) -> None:
        """Bytes of a request and of its answer, HTTP headers included; called before the answer is sent."""
        ...


class HttpConnection(asyncio.Protocol):
    """One TCP connection."""

    def __init__(self, handler: Callable[[asyncio.Transport], Handler]) -> None:
        self._make_handler = handler
        self._wire = h11.Connection(h11.SERVER, max_incomplete_event_size=64 * 1024)
        self._head: h11.Request | None = None
        self._body: list[bytes] = []
        self._body_size = 0
        self._received = 0
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._handler = self._make_handler(transport)

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        self._wire.receive_data(data)
        self._advance()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._task is not None:
            self._task.cancel()

    def _advance(self) -> None:
        try:
            while True:
                event = self._wire.next_event()
                if isinstance(event, h11.Request):
                    self._head, self._body, self._body_size = event, [], 0
                elif isinstance(event, h11.Data):
                    self._keep(bytes(event.data))
                elif isinstance(event, h11.EndOfMessage):
                    self._task = asyncio.get_running_loop().create_task(self._answer())
                elif isinstance(event, h11.ConnectionClosed):
                    self._transport.close()
                    return
                else:  # NEED_DATA or PAUSED
                    return
        except h11.RemoteProtocolError as error:
            self._transport.write(self._encode(HttpReply(error.error_status_hint)))
            self._transport.close()

    def _keep(self, data: bytes) -> None:
        self._body_size += len(data)
        if self._body_size <= _MAX_BODY:
            self._body.append(data)

    async def _answer(self) -> None:
        head = self._head
        assert head is not None
        headers = {name.decode("ascii"): value.decode("latin-1") for name, value in head.headers}
        request = HttpRequest(head.method.decode("ascii"), head.target.decode("ascii"), headers, b"".join(self._body))
        self._body = []
        received, self._received = self._received, 0
        try:
            reply = HttpReply(413) if self._body_size > _MAX_BODY else await self._handler.respond(request)
        except asyncio.CancelledError:
            self._handler.count(received, 0)
            raise
        except Exception:
            _log.exception("the lab failed to answer %s %s", request.method, request.target)
            reply = HttpReply(500)
        data = self._encode(reply)
        self._handler.count(received, len(data))  # before the client can know that it was answered
        await self._deliver(reply, data)

    async def _deliver(self, reply: HttpReply, data: bytes) -> None:
        if reply.delivery is Delivery.DROPPED:
            self._transport.abort()
            return
        if reply.delivery is Delivery.NEVER:
            await asyncio.Event().wait()
        self._transport.write(data)
        if reply.delivery is Delivery.HALF or self._wire.our_state is h11.MUST_CLOSE:
            self._transport.close()
        elif self._wire.our_state is h11.DONE and self._wire.their_state is h11.DONE:
            self._wire.start_next_cycle()
            self._advance()

    def _encode(self, reply: HttpReply) -> bytes:
        """The bytes to send: of half an answer the half, of no answer none."""
        silent = reply.delivery in (Delivery.DROPPED, Delivery.NEVER)
        if silent or self._wire.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return b""
        headers = [*reply.headers, ("Server", "Microsoft-HTTPAPI/2.0"), ("Content-Length", str(len(reply.body)))]
        head = self._wire.send(h11.Response(status_code=reply.status, headers=headers)) or b""
        if reply.delivery is Delivery.HALF:
            return head + reply.body[: len(reply.body) // 2]
        body = self._wire.send(h11.Data(data=reply.body)) or b""
        self._wire.send(h11.EndOfMessage())
        return head + body
