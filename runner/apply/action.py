"""One action: announce, change, read back, compare; and when the answer is lost, settle what happened."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from runner.apply.promise import Promise, opens, promise, refreshed
from runner.apply.reading import Inquiry, read_one, thing, wanted_of
from runner.apply.tools import Tools
from runner.model.command import Ids, ReplyState, Statement
from runner.model.errors import HostError, Unreachable
from runner.model.events import ChangeIntended
from runner.model.outcome import ActionOutcome, Result
from runner.model.plan import Action, HostPlan, Step
from runner.model.state import State, Unreadable, drift
from runner.modules.base import StateModule
from runner.modules.reading import Wanted
from runner.transport.base import Session


class _Lost(Exception):
    """A change was sent and its end was not seen: what it did is unknown."""


def carry_out(plan: HostPlan, step: Step, action: Action, session: Session, tools: Tools) -> ActionOutcome:
    """Make the changes of one action and prove them.

    Errors: HostError when nothing of the action was sent; whatever `tell` raises, before the change it was told of.
    """
    started = tools.clock()
    wanted = wanted_of(step, tools.modules)
    assert isinstance(wanted.module, StateModule)
    work = _Work(plan, step, action, wanted.module, wanted, session, tools)
    return replace(work.run(), seconds=tools.clock() - started)


@dataclass(frozen=True, slots=True)
class _Work:
    plan: HostPlan
    step: Step
    action: Action
    module: StateModule[Any]
    wanted: Wanted
    session: Session
    tools: Tools

    def run(self) -> ActionOutcome:
        promised = promise(self.step, self.action, self.module)
        if opens(self.action):
            now = read_one(self.wanted, self.session)
            if isinstance(now, Unreadable):
                return self._ended(Result.FAILED, f"nothing was changed, for it could not be read: {now.reason}")
            promised = refreshed(promised, now)
        for number, statement in enumerate(self.action.write):
            try:
                complaint, found = self._change(number, statement)
            except _Lost as lost:
                outcome = self._settle(promised, f"the answer to {self._which(number)} was lost ({lost})")
                return self._cut_short(number, outcome)
            except Unreachable as error:
                if number == 0:
                    raise
                return self._ended(Result.FAILED, f"{self._which(number)} could not be sent: {error.message}")
            if complaint:
                return self._cut_short(number, self._prove(promised, found, complaint))
            if number == len(self.action.write) - 1:
                return self._prove(promised, found, complaint)
        return self._prove(promised, None, "")

    def _change(self, number: int, statement: Statement) -> tuple[str, Inquiry]:
        """Send one change: what the host has against it ("" if nothing), and the questions that went behind it."""
        inquiry = Inquiry([self.wanted])
        last = number == len(self.action.write) - 1
        try:
            reply, *answers = self.session.change(
                statement,
                inquiry.questions if last else (),
                self.module.timeout,
                lambda ids: self._announce(number, ids),
            )
        except Unreachable:
            raise
        except HostError as error:
            raise _Lost(error.message) from error
        if reply.state is ReplyState.UNSEEN:
            raise _Lost("its end was not reported")
        if last and all(answer.state is not ReplyState.UNSEEN for answer in answers):
            inquiry.answer(tuple(answers))
        return self.tools.hide(self.module.judge(statement, reply) or ""), inquiry

    def _cut_short(self, number: int, outcome: ActionOutcome) -> ActionOutcome:
        """The outcome of an action that ended at this change: what it looks like must not stand for the other ones.

        What is read may show the effect of one change only, so that a state as promised proves nothing of the rest.
        """
        unsent = len(self.action.write) - number - 1
        proven = not unsent and (number == 0 or self.module.state_proves_write)
        if proven or outcome.result not in (Result.APPLIED, Result.SETTLED):
            return outcome
        rest = f"; {unsent} more of its changes not sent" if unsent else ""
        return replace(outcome, result=Result.FAILED, message=f"{self._which(number)}: {outcome.message}{rest}")

    def _announce(self, number: int, ids: Ids) -> None:
        statement = self.action.write[number]
        self.tools.tell(ChangeIntended(self.plan.host, self.plan.play, self.step, number, statement, ids))

    def _prove(self, promised: Promise, inquiry: Inquiry | None, complaint: str) -> ActionOutcome:
        """Read the thing until it has settled, and hold it against the promise."""
        try:
            now = thing((inquiry or Inquiry([self.wanted])).finish(self.session))
            now = self._settled(promised, now)
        except HostError as error:
            reason = f"the change was sent, but could not be read back: {error.message}"
            return self._ended(Result.UNKNOWN, "; ".join(filter(None, (complaint, reason))))
        if isinstance(now, Unreadable):
            reason = f"the change was sent, but could not be read back: {now.reason}"
            return self._ended(Result.UNKNOWN, "; ".join(filter(None, (complaint, reason))))
        missing = promised.missing(now)
        arrived = self.module.settled(now, promised.desired)
        if not missing and arrived:
            said = f"the state is as promised, although the host said: {complaint}" if complaint else ""
            return self._ended(Result.APPLIED, said, now)
        if complaint:
            return replace(self._ended(Result.FAILED, complaint, now), differences=missing)
        late = "" if arrived else f"it was still on its way after {self.module.timeout:.0f} s"
        return replace(self._ended(Result.NOT_CONVERGED, late, now), differences=missing)

    def _settled(self, promised: Promise, now: State | Unreadable) -> State | Unreadable:
        """The thing once it is no longer on its way, or as it is when the module's time is over."""
        end = self.tools.clock() + self.module.timeout
        while isinstance(now, State) and not self.module.settled(now, promised.desired) and self.tools.clock() < end:
            self.tools.sleep(self.tools.poll)
            now = read_one(self.wanted, self.session)
        return now

    def _settle(self, promised: Promise, lost: str) -> ActionOutcome:
        """After a lost answer: end the old shell, then read until the state is clear or the time is up."""
        try:
            gone = self.session.abandon(self.tools.settle)
            now, clear = self._until_clear(promised, gone)
        except HostError as error:
            return self._ended(Result.UNKNOWN, f"{lost}; then the host could not be read: {error.message}")
        if isinstance(now, Unreadable):
            return self._ended(Result.UNKNOWN, f"{lost}; then it could not be read: {now.reason}")
        missing = promised.missing(now)
        if clear and not missing:
            return self._ended(Result.SETTLED, f"{lost}; read again, and as promised", now)
        if not clear:
            reason = "the state is still changing" if gone else "the change may still be running there"
            outcome = self._ended(Result.UNKNOWN, f"{lost}; {reason}", now)
        elif promised.untouched(now):
            outcome = self._ended(Result.FAILED, f"{lost}; it took no effect, the state is as before", now)
        else:
            outcome = self._ended(Result.FAILED, f"{lost}; the state is neither as before nor as promised", now)
        return replace(outcome, differences=missing)

    def _until_clear(self, promised: Promise, gone: bool) -> tuple[State | Unreadable, bool]:
        """The last state read, and whether it is clear: as promised, or the same in two reads `poll` seconds apart.

        While the old shell is not known to be gone, no number of equal reads is proof that nothing will change.
        """
        end = self.tools.clock() + self.tools.settle
        before: State | Unreadable | None = None
        while True:
            now = read_one(self.wanted, self.session)
            if isinstance(now, State) and self.module.settled(now, promised.desired):
                same = isinstance(before, State) and not drift(before, now, promised.volatile)
                if not promised.missing(now) or (gone and same):
                    return now, True
            if self.tools.clock() >= end:
                return now, False
            self.tools.sleep(self.tools.poll)
            before = now

    def _which(self, number: int) -> str:
        count = len(self.action.write)
        return "the change" if count == 1 else f"change {number + 1} of {count}"

    def _ended(self, result: Result, message: str, now: State | None = None) -> ActionOutcome:
        return ActionOutcome(str(self.step.header.id), result, self.tools.hide(message), now)
