"""The examination of one host: the way to it, the log-on, what a session tells."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from runner.model.errors import HostError, Reason, Unreachable
from runner.model.inventory import Connection, Host
from runner.modules.base import Facts
from runner.pipeline.doctor.findings import Check, Examination, Finding, Sheet, Verdict
from runner.pipeline.doctor.inside import look_around
from runner.pipeline.doctor.way import our_time, walk
from runner.transport.base import Session
from runner.transport.choice import ChosenTransport

_BEHIND_THE_LOG_ON = frozenset({Reason.RIGHTS, Reason.ENDPOINT, Reason.QUOTA})


@dataclass(frozen=True, slots=True)
class Examined:
    """An examination, and what can be gone on with: the facts, and the session while the block lasts."""

    examination: Examination
    facts: Facts
    session: Session | None


@contextmanager
def examined(host: Host) -> Iterator[Examined]:
    """Examine a host: every check that can be made is, and nothing is changed. One log-on, for a lock-out's sake."""
    sheet = Sheet()
    session = _session(host.connection, sheet) if walk(host.connection, sheet, our_time()) else None
    facts = Facts()
    try:
        if session is not None:
            try:
                facts = look_around(session, host.connection, sheet)
            except HostError as error:
                sheet.failed(Check.ROUND_TRIP, error)
        yield Examined(Examination(host.name, sheet.all(), session is not None), facts, session)
    finally:
        if session is not None:
            session.close()


def _session(connection: Connection, sheet: Sheet) -> Session | None:
    """Log on and open the endpoint."""
    announced: list[str] = []
    who = f"{connection.user or 'the account of this process'} by {connection.authentication}"
    try:
        session = ChosenTransport(announced.append).open(connection)
    except HostError as error:
        if isinstance(error, Unreachable) and error.reason in _BEHIND_THE_LOG_ON:
            sheet.ok(Check.AUTHENTICATION, f"no 401 any more for {who}")
        sheet.session_failed(error)
        return None
    sheet.ok(Check.AUTHENTICATION, f"{who} is let in")
    if announced:
        fix = "enable PowerShell remoting there (Enable-PSRemoting), or name WinRS as the transport"
        sheet.enter(Finding(Check.ENDPOINT, Verdict.WARNING, announced[0], fix))
    else:
        sheet.ok(Check.ENDPOINT, f"{connection.configuration} over {connection.transport}")
    return session
