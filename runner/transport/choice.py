"""Which transport a connection gets: the inventory's, or an allowed and announced fallback."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from runner.model.errors import Reason, Unreachable
from runner.model.inventory import Connection, TransportName
from runner.transport.base import Session, Transport
from runner.transport.psrp import PsrpTransport


class ChosenTransport(Transport):
    """Opens sessions over the transport that each connection names; shared by threads.

    `warn` is told once for each host whose connection allowed the fallback and needed it (`ce_runner_fallback`).
    """

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._psrp = PsrpTransport()
        self._winrs: Transport | None = None
        self._lock = Lock()
        self._announced: set[str] = set()

    def open(self, connection: Connection) -> Session:
        """Errors: Unreachable with its reason and advice; that of the fallback where it was tried."""
        if connection.transport is TransportName.WINRS:
            return self._over_winrs(connection)
        try:
            return self._psrp.open(connection)
        except Unreachable as error:
            if error.reason is not Reason.ENDPOINT or connection.fallback is not TransportName.WINRS:
                raise
            session = self._over_winrs(connection)
            self._announce(connection, error)
            return session

    def _over_winrs(self, connection: Connection) -> Session:
        from runner.transport.winrs import WinrsTransport  # costs time, and most fleets do not need it

        with self._lock:
            winrs = self._winrs = self._winrs or WinrsTransport()
        return winrs.open(connection)

    def _announce(self, connection: Connection, error: Unreachable) -> None:
        place = f"{connection.address}:{connection.port}/{connection.path}"
        with self._lock:
            known = place in self._announced
            self._announced.add(place)
        if not known:
            what = f"{place} has no PSRP endpoint ({error.message})"
            self._warn(f"{what}; going on over WinRS, as ce_runner_fallback allows")
