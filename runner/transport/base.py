"""What the stages need of a transport, and nothing of how it does it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from runner.model.command import Ids, Reply, Statement
from runner.model.inventory import Connection


class Session(Protocol):
    """One PowerShell process on one host. Used by one thread; closed whatever happens."""

    @property
    def requests(self) -> int:
        """HTTP requests sent so far, handshakes included."""
        ...

    @property
    def powershell(self) -> str | None:
        """The version of PowerShell that answers, such as 5.1.17763.1971; None if it did not say.

        Errors, where it is only asked when it is wanted: those of `read`.
        """
        ...

    def read(self, statements: Sequence[Statement], timeout: float) -> tuple[Reply, ...]:
        """Run harmless statements in as few pipelines as possible; one Reply each, in order.

        What was unseen is sent again without the culprit; a lost connection is replaced and the reads repeated.
        `timeout` (seconds) is the deadline of each pipeline.
        Errors: Unreachable, ConnectionLost, DeadlineExceeded, ProtocolError.
        """
        ...

    def change(
        self, statement: Statement, then: Sequence[Statement], timeout: float, announce: Callable[[Ids], None]
    ) -> tuple[Reply, ...]:
        """Run one change with nothing but reads behind it; the change's Reply comes first. Never sent twice.

        `announce` is called before the first byte of it goes out, and its exception ends the call.
        Errors: AnswerLost or DeadlineExceeded (effect unknown), Unreachable (nothing was sent).
        """
        ...

    def abandon(self, timeout: float) -> bool:
        """End the shell of a change whose answer was lost, over a new connection, and open a new one.

        True when the host said that the old shell is deleted or gone, so that nothing of it can still be running.
        Errors: Unreachable, when the host does not come back within `timeout` seconds.
        """
        ...

    def renew(self) -> None:
        """Close the shell and open a new one: a new process."""
        ...

    def close(self) -> None:
        """Close the shell. Never raises: what fails here cannot be helped by the caller."""
        ...


class Transport(Protocol):
    def open(self, connection: Connection) -> Session:
        """Open a session. Errors: Unreachable with its reason and advice."""
        ...
