"""What a shell or a pipeline has for its client, until the client asks for it with a Receive."""

from __future__ import annotations

import asyncio
import base64
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Received:
    """What one Receive brings: the stream elements, in base64, and whether they are the last ones."""

    streams: tuple[str, ...]
    done: bool


class Outbox:
    """The fragments that wait for a Receive. A batch is never mixed with the next in one answer."""

    def __init__(self) -> None:
        self._batches: deque[deque[str]] = deque([deque()])
        self._changed = asyncio.Event()
        self._ended = False
        self._last: tuple[str, Received] | None = None

    def put(self, fragment: bytes) -> None:
        self._batches[-1].append(base64.b64encode(fragment).decode("ascii"))
        self._changed.set()

    def begin_batch(self) -> None:
        """What is put from now on comes with a later Receive."""
        self._batches.append(deque())

    def end(self) -> None:
        """Nothing comes any more."""
        self._ended = True
        self._changed.set()

    @property
    def exhausted(self) -> bool:
        """Whether the end was delivered."""
        return self._last is not None and self._last[1].done

    async def take(self, request_id: str, limit: int, timeout: float) -> Received | None:
        """What waits, at most `limit` characters but at least one fragment; None if nothing comes in time.

        The same request sent again gets the same answer (pypsrp relies on it: its `WSMan.receive`).
        """
        if self._last is not None and self._last[0] == request_id:
            return self._last[1]
        if not self._ready():
            try:
                async with asyncio.timeout(timeout):
                    while not self._ready():
                        self._changed.clear()
                        await self._changed.wait()
            except TimeoutError:
                return None
        received = self._pack(limit)
        self._last = (request_id, received)
        return received

    def _ready(self) -> bool:
        while len(self._batches) > 1 and not self._batches[0]:
            self._batches.popleft()
        return bool(self._batches[0]) or self._ended

    def _pack(self, limit: int) -> Received:
        batch = self._batches[0]
        streams: list[str] = []
        size = 0
        while batch and (not streams or size + len(batch[0]) <= limit):
            size += len(batch[0])
            streams.append(batch.popleft())
        return Received(tuple(streams), done=self._ended and not batch and len(self._batches) == 1)
