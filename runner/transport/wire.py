"""HTTP below pypsrp: deadlines kept, requests and bytes counted, no retry and no new connection behind our back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from runner.model.errors import ConnectionLost, DeadlineExceeded, HostError
from runner.transport.faults import NotUnderstood, connect_error

_PIECE = 65536
_SHORTEST = 0.05  # seconds; a socket's timeout of 0 would mean "do not wait at all"
_UNAUTHORISED = 401


@dataclass(slots=True)
class Traffic:
    """What one session exchanged so far: HTTP requests and HTTP bytes, handshakes included, TLS's own bytes not."""

    requests: int = 0
    sent: int = 0
    received: int = 0


@dataclass(slots=True)
class Wire:
    """What the HTTP layer must know of one channel, and what it learned.

    `answer_timeout` is how long one answer may take (seconds); `deadline` (monotonic) ends everything.
    """

    endpoint: str
    traffic: Traffic
    connect_timeout: float
    answer_timeout: float
    deadline: float = field(default_factory=monotonic)
    may_connect: bool = True  # False while a sealed context lives: it belongs to its TCP connection
    connecting: bool = False
    offered: str = ""  # the authentication schemes of the last answer, if that was a 401
    answer_sealed: bool = False

    def remaining(self) -> float:
        """Seconds to the deadline. Errors: DeadlineExceeded."""
        left = self.deadline - monotonic()
        if left <= 0:
            raise self.too_late()
        return max(left, _SHORTEST)

    def too_late(self) -> DeadlineExceeded:
        advice = "see what hangs there, or give the task a longer timeout"
        return DeadlineExceeded(f"{self.endpoint} did not answer before the deadline", advice)

    @contextmanager
    def connection(self) -> Iterator[None]:
        """Around everything that makes a TCP and TLS connection."""
        if not self.may_connect:
            raise NotUnderstood(f"the sealed connection to {self.endpoint} ended")
        self.connecting = True
        yield
        self.connecting = False  # not after a failure: `error` is asked about it then

    def error(self, error: Exception) -> HostError:
        """The error of ours for one of requests, urllib3 or the socket."""
        if monotonic() >= self.deadline - _SHORTEST:
            return self.too_late()
        if self.connecting:
            return connect_error(error, self.endpoint)
        if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
            return connect_error(error, self.endpoint)
        what = f"the connection to {self.endpoint} broke off ({type(error).__name__})"
        return ConnectionLost(what, "did the host restart, or does something between cut connections?")


class WireAdapter(HTTPAdapter):
    """The adapter that pypsrp's requests session is given. Raises only the model's HostErrors."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._pools = _pool_classes(wire)
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> urllib3.ProxyManager:
        manager: urllib3.ProxyManager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        wire = self._wire
        left = wire.remaining()
        kwargs["timeout"] = (min(wire.connect_timeout, left), min(wire.answer_timeout, left))
        kwargs["stream"] = True
        sent = wire.traffic.sent
        wire.connecting = False
        try:
            response = super().send(request, *args, **kwargs)
            self._note(response)
            if response.status_code != _UNAUTHORISED:  # pypsrp takes the channel binding from that one's open socket
                self._read(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise wire.error(error) from error
        finally:
            wire.traffic.requests += wire.traffic.sent > sent  # not the one that found its connection gone
        return response

    def _note(self, response: requests.Response) -> None:
        """Count the head, and keep what pypsrp does not tell: whether the answer was sealed, what a 401 offered."""
        raw = response.raw
        head = len(f"HTTP/1.1 {raw.status} {raw.reason or ''}\r\n\r\n")
        head += sum(len(name) + len(value) + len(": \r\n") for name, value in raw.headers.items())
        if response.status_code == _UNAUTHORISED:
            head += int(raw.headers.get("Content-Length") or 0)
            self._wire.offered = raw.headers.get("WWW-Authenticate", "")
        else:
            self._wire.offered = ""
        self._wire.traffic.received += head
        self._wire.answer_sealed = raw.headers.get("Content-Type", "").startswith("multipart/")

    def _read(self, response: requests.Response) -> None:
        """Read the body piece by piece, so that a trickle of bytes cannot outlast the deadline."""
        pieces = []
        while piece := response.raw.read1(_PIECE, decode_content=True):
            pieces.append(piece)
            left = self._wire.remaining()
            connection = response.raw.connection
            if connection is not None and connection.sock is not None:
                connection.sock.settimeout(min(self._wire.answer_timeout, left))
        response.raw.release_conn()
        content = b"".join(pieces)
        self._wire.traffic.received += len(content)
        response._content = content
        response._content_consumed = True  # type: ignore[attr-defined]  # requests' own mark for "all was read"


def _pool_classes(wire: Wire) -> dict[str, Any]:
    """urllib3's connections, each telling `wire` when it connects and what it sends."""

    class Plain(HTTPConnection):
        def connect(self) -> None:
            with wire.connection():
                super().connect()

        def send(self, data: Any) -> None:
            super().send(data)
            wire.traffic.sent += len(data)

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            with wire.connection():
                super().connect()

        def send(self, data: Any) -> None:
            super().send(data)
            wire.traffic.sent += len(data)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
