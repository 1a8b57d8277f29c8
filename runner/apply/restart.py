"""A restart of Windows, waited out and proven by what its module reads (design section 5, domain.md 6.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runner.apply.reading import read_one
from runner.apply.tools import Tools
from runner.model.errors import HostError, Reason, Unreachable
from runner.model.state import State, Unreadable
from runner.modules.base import RestartModule
from runner.modules.reading import Wanted
from runner.transport.base import Session

_LONGEST_PAUSE = 12.0  # seconds between two looks (domain.md 6.3, item 3)
# A host that boots may turn away an account that it knows; but each try with a wrong password counts for its lockout.
_REFUSALS = 3


@dataclass(frozen=True, slots=True)
class Waited:
    """What waiting for a restart came to; `message` says what was seen.

    Without `now` none was proven. `lacking`: the host has restarted, but is not ready.
    """

    message: str
    now: State | None = None
    lacking: bool = False


def await_restart(
    module: RestartModule[Any], wanted: Wanted, before: State, asked: float, session: Session, tools: Tools
) -> Waited:
    """Look until the thing has restarted and is ready, or its time is over.

    `asked` is when it was asked for, by `tools.clock`.
    A session that breaks off is opened anew by its next read, so that each look at a host which went away is a new
    connection. When it is back it is given its time to settle.
    """
    patience = module.patience(wanted.arguments)
    pause, refusals = tools.poll, 0
    watch, back = _Watch(), None
    while (left := asked + patience.timeout - tools.clock()) > 0:
        tools.sleep(min(pause, left))
        pause = min(pause * 2, _LONGEST_PAUSE)
        try:
            now = read_one(wanted, session)
        except HostError as error:
            refusals += isinstance(error, Unreachable) and error.reason is Reason.AUTHENTICATION
            if refusals == _REFUSALS:
                return Waited(f"it turns the account away: {error.message}")
            watch.is_away(error)
            continue
        elapsed = tools.clock() - asked
        if not isinstance(now, State) or not module.has_restarted(before, now, elapsed):
            watch.answers(now)
        elif lacks := module.lacks(now):
            back = Waited(f"restarted, but after {elapsed:.0f} s {lacks}", now, lacking=True)
        else:
            tools.sleep(patience.settle)
            return Waited(f"restarted, and back after {elapsed:.0f} s", now)
    return back or Waited(f"no restart was proven within {patience.timeout:.0f} s: {watch.seen}")


class _Watch:
    """What was seen of the host so far."""

    def __init__(self) -> None:
        self._was_away = False
        self.seen = "it was not looked at"

    def is_away(self, error: HostError) -> None:
        self._was_away = True
        self.seen = f"it does not answer ({error.message})"

    def answers(self, now: State | Unreadable) -> None:
        again = "it went away and answers again" if self._was_away else "it answers"
        reason = f"cannot be read: {now.reason}" if isinstance(now, Unreadable) else "was not started anew"
        self.seen = f"{again}, but {reason}"
