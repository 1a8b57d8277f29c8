"""Serves a fleet on loopback: one socket for any number of hosts, one more with TLS, and the bad ones for faults.

`serve` runs in the caller's event loop; `LabThread` runs it in a thread of its own, for tests and the demo.
"""

from __future__ import annotations

import asyncio
import socket
import tempfile
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, Self
from urllib.parse import quote

from runner.lab.certificates import Authority, Certificate, server_context
from runner.lab.connection import Control, LabConnection, Site
from runner.lab.faults import What
from runner.lab.host import LabHost
from runner.lab.http import HttpConnection
from runner.lab.ntlm import UserFiles
from runner.lab.psrp import PipelineCache
from runner.lab.wsman import Service

LOOPBACK = "127.0.0.1"
_BACKLOG = 4096

MakeControl = Callable[[Callable[[str], None]], Control]


class Served(Protocol):
    """What is served: `Fleet`, or a few hosts made by hand."""

    @property
    def hosts(self) -> Sequence[LabHost]: ...

    @property
    def authority(self) -> Authority: ...

    @property
    def lock(self) -> threading.RLock:
        """Held while the engine touches a machine."""
        ...


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the lab listens; nobody listens on `dead_port`. A port of 0 is not served."""

    port: int
    tls_port: int
    dead_port: int
    untrusted_port: int = 0
    expired_port: int = 0
    wrong_name_port: int = 0

    def url(self, host: str, *, tls: bool = False) -> str:
        """The WS-Management URL of a host."""
        scheme, port = ("https", self.tls_port) if tls else ("http", self.port)
        return f"{scheme}://{LOOPBACK}:{port}/{path_of(host)}"


def path_of(host: str, service: str = "wsman") -> str:
    """The URL path of a host, without the leading slash (Ansible's `ansible_psrp_path`)."""
    return f"{quote(host, safe='')}/{service}"


@asynccontextmanager
async def serve(
    fleet: Served, *, port: int = 0, tls_port: int = 0, pace: float = 1.0, control: MakeControl | None = None
) -> AsyncIterator[Addresses]:
    """Serve a fleet while the context is open. Port 0 is any free one; `pace` is real seconds per machine second.

    `control` makes what answers at the control path; it is handed what restarts a host of a name.
    Raises OSError if a port cannot be had.
    """
    cache = PipelineCache()
    for host in fleet.hosts:
        host.power.run_clock(pace)
    sites = {host.name.casefold(): Site(host, Service(host, cache, fleet.lock, pace)) for host in fleet.hosts}
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="ce-runner-lab-"))
        controlled = control(lambda name: sites[name.casefold()].service.reboot()) if control else None
        authority = fleet.authority
        listener = _Listener(sites, UserFiles(Path(directory)), controlled, authority)
        stack.push_async_callback(listener.close)
        bad = await _bad_listeners(listener, fleet)
        dead = stack.enter_context(socket.socket())
        dead.bind((LOOPBACK, 0))
        yield Addresses(
            port=await listener.listen(port),
            tls_port=await listener.listen(tls_port, authority.server()),
            dead_port=dead.getsockname()[1],
            untrusted_port=bad.get(What.TLS_UNTRUSTED, 0),
            expired_port=bad.get(What.TLS_EXPIRED, 0),
            wrong_name_port=bad.get(What.TLS_WRONG_NAME, 0),
        )


async def _bad_listeners(listener: _Listener, fleet: Served) -> dict[What, int]:
    """The ports with the bad certificates that the faults of the fleet ask for."""
    certificates: dict[What, Callable[[], Certificate]] = {
        What.TLS_UNTRUSTED: lambda: Authority("an authority that nobody trusts").server(),
        What.TLS_EXPIRED: lambda: fleet.authority.server(expired=True),
        What.TLS_WRONG_NAME: lambda: fleet.authority.server_of_another_host(),
    }
    wanted = {fault.what for host in fleet.hosts for fault in host.faults.faults}
    return {what: await listener.listen(0, make()) for what, make in certificates.items() if what in wanted}


class _Listener:
    def __init__(
        self, sites: dict[str, Site], users: UserFiles, controlled: Control | None, authority: Authority
    ) -> None:
        self._sites = sites
        self._users = users
        self._control = controlled
        self._authority = authority
        self._servers: list[asyncio.Server] = []
        self._transports: weakref.WeakSet[asyncio.Transport] = weakref.WeakSet()

    async def listen(self, port: int, certificate: Certificate | None = None) -> int:
        """Listen on this port, with TLS if a certificate is given; the port that it became."""
        loop = asyncio.get_running_loop()
        context = None if certificate is None else server_context(certificate, self._authority.pem)
        end_point = None if certificate is None else certificate.end_point
        server = await loop.create_server(
            lambda: HttpConnection(partial(self._connect, end_point)), LOOPBACK, port, ssl=context, backlog=_BACKLOG
        )
        self._servers.append(server)
        bound: int = server.sockets[0].getsockname()[1]
        return bound

    def _connect(self, end_point: bytes | None, transport: asyncio.Transport) -> LabConnection:
        self._transports.add(transport)
        return LabConnection(self._sites, self._users, transport, self._control, end_point)

    async def close(self) -> None:
        for server in self._servers:
            server.close()
        for transport in list(self._transports):
            transport.abort()
        for site in self._sites.values():
            site.service.close()
        await asyncio.sleep(0)  # lets the aborted connections end their tasks


class LabThread:
    """A context manager that serves a fleet in a background thread; `addresses` is set while it is open."""

    def __init__(
        self,
        fleet: Served,
        *,
        port: int = 0,
        tls_port: int = 0,
        pace: float = 1.0,
        control: MakeControl | None = None,
    ) -> None:
        self._fleet = fleet
        self._control = control
        self._port, self._tls_port, self._pace = port, tls_port, pace
        self._ready = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._main, name="ce-runner-lab", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._addresses: Addresses | None = None

    @property
    def addresses(self) -> Addresses:
        """Where the lab listens. Raises RuntimeError before it does."""
        if self._addresses is None:
            raise RuntimeError("the lab does not run")
        return self._addresses

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(self, *exc: object) -> None:
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _main(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        serving = serve(self._fleet, port=self._port, tls_port=self._tls_port, pace=self._pace, control=self._control)
        async with serving as addresses:
            self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
            self._addresses = addresses
            self._ready.set()
            await self._stop.wait()
