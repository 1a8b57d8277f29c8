"""A machine's clock: it stands until it is told to run, and jumps when it is set."""

from __future__ import annotations

from datetime import datetime, timedelta
from time import monotonic


class MachineClock:
    """The time of one machine (UTC).

    Served by the lab it runs, `pace` real seconds for one of its own; with a pace of 0, and in a machine that nobody
    serves, only what a cmdlet waits for lets time pass, so that a test has the same times in every run.
    """

    __slots__ = ("_now", "_pace", "_since")

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._since = 0.0
        self._pace = 0.0

    @property
    def runs(self) -> bool:
        """Whether time passes by itself."""
        return self._pace > 0

    def now(self) -> datetime:
        if not self.runs:
            return self._now
        return self._now + timedelta(seconds=(monotonic() - self._since) / self._pace)

    def run(self, pace: float) -> None:
        """From now on run at this pace; 0: stand still."""
        self.set(self.now())
        self._pace = pace

    def set(self, moment: datetime) -> None:
        """Show another time from now on."""
        self._now, self._since = moment, monotonic()
