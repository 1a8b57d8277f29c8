"""One action: announce, change, read back, compare; and when the answer is lost, settle what happened."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from runner.apply.contents import filled
from runner.apply.promise import Promise, opens, promise, refreshed
from runner.apply.reading import Inquiry, read_one, thing, wanted_of
from runner.apply.restart import await_restart
from runner.apply.tools import Tools
from runner.model.command import Ids, Reply, ReplyState, Statement
from runner.model.errors import HostError, InputError, Unreachable
from runner.model.events import ChangeIntended
from runner.model.outcome import ActionOutcome, Result
from runner.model.plan import Action, HostPlan, Step
from runner.model.state import State, Unreadable, drift
from runner.modules.base import Answered, RestartModule, StateModule, errors_of
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
        if isinstance(self.module, RestartModule):
            return self._restart(self.module)
        if self.module.proven_by_answer(self.wanted.arguments):
            return self._by_answer()
        return self._by_state()

    def _by_state(self) -> ActionOutcome:
        promised = promise(self.step, self.action, self.module)
        if opens(self.action):
            now = read_one(self.wanted, self.session)
            if isinstance(now, Unreadable):
                return self._unread(now)
            promised = refreshed(promised, now)
        for number, statement in enumerate(self.action.write):
            try:
                complaint, found = self._change(number, statement)
            except _Lost as lost:
                outcome = self._settle(promised, f"the answer to {self._which(number)} was lost ({lost})")
                return self._cut_short(number, outcome)
            except HostError as error:  # nothing of this one was sent
                if number == 0:
                    raise
                return self._ended(Result.FAILED, f"{self._which(number)} could not be sent: {error.message}")
            if complaint:
                return self._cut_short(number, self._prove(promised, found, complaint))
            if number == len(self.action.write) - 1:
                return self._prove(promised, found, complaint)
        return self._prove(promised, None, "")

    def _by_answer(self) -> ActionOutcome:
        """A change of which only its answer tells. No read makes up for a lost one, and it is never sent again."""
        (statement,) = self.action.write
        try:
            answer, _ = self._send(0, statement)
        except _Lost as lost:
            answer = Answered(unclear=f"its answer was lost ({lost})")
        if answer.complaint:
            return self._ended(Result.FAILED, answer.complaint)
        if answer.unclear:
            message = f"{answer.unclear}: whether it was done, and how it ended, is not known"
            return self._ended(Result.UNKNOWN, "; ".join(filter(None, (message, answer.told))))
        return self._ended(Result.APPLIED, answer.told)

    def _restart(self, module: RestartModule[Any]) -> ActionOutcome:
        before = read_one(self.wanted, self.session)
        if isinstance(before, Unreadable):
            return self._unread(before)
        (statement,) = self.action.write
        asked = self.tools.clock()
        try:
            answer, _ = self._send(0, statement)
        except _Lost as lost:  # a restart may cut off its own answer
            answer = Answered(unclear=f"its answer was lost ({lost})")
        if answer.complaint:
            return self._ended(Result.FAILED, answer.complaint, before)
        waited = await_restart(module, self.wanted, before, asked, self.session, self.tools)
        if waited.now is None:
            result = Result.UNKNOWN
        elif waited.lacking:
            result = Result.NOT_CONVERGED
        else:
            result = Result.SETTLED if answer.unclear else Result.APPLIED
        return self._ended(result, "; ".join(filter(None, (answer.unclear, waited.message))), waited.now)

    def _unread(self, found: Unreadable) -> ActionOutcome:
        return self._ended(Result.FAILED, f"nothing was changed, for it could not be read: {found.reason}")

    def _change(self, number: int, statement: Statement) -> tuple[str, Inquiry]:
        """Send one change: what the host has against it ("" if nothing), and the questions that went behind it."""
        inquiry = Inquiry([self.wanted])
        last = number == len(self.action.write) - 1
        answer, replies = self._send(number, statement, inquiry.questions if last else ())
        if replies and all(reply.state is not ReplyState.UNSEEN for reply in replies):
            inquiry.answer(replies)
        return answer.complaint, inquiry

    def _send(
        self, number: int, statement: Statement, then: tuple[Statement, ...] = ()
    ) -> tuple[Answered, tuple[Reply, ...]]:
        """Send one change: what its answer says, and the replies to the questions behind it.

        Errors: _Lost; HostError when nothing of it was sent.
        """
        behind = self.module.asked_behind(statement)
        try:
            sent = filled(statement, self.tools.bytes_of)
        except InputError as error:  # a file of the controller changed under way
            return Answered(complaint=f"it could not be sent: {error.in_one_line}"), ()
        hindrance = self._hindrance(statement)
        if hindrance:
            return Answered(complaint=f"it was not sent: {hindrance}"), ()
        try:
            reply, *replies = self.session.change(
                sent,
                (*behind, *then),
                self.module.timeout,
                lambda ids: self._announce(number, ids),
            )
        except Unreachable:
            raise
        except HostError as error:
            raise _Lost(error.message) from error
        if reply.state is ReplyState.UNSEEN:
            raise _Lost("its end was not reported")
        own = replies[: len(behind)]
        return self.module.answered(self.wanted.arguments, statement, reply, own), tuple(replies[len(behind) :])

    def _hindrance(self, statement: Statement) -> str:
        """What the host has against the statements that go in front of a change; "" if nothing. Errors: HostError."""
        front = self.module.asked_in_front(statement)
        replies = self.session.read(front, self.module.timeout) if front else ()
        unseen = "the answer to what goes in front of it was not seen"
        against = (errors_of(one) or unseen for one in replies if one.errors or one.state is not ReplyState.DONE)
        return "; ".join(against)

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
        elif promised.untouched(now) and self.module.answer_proves:  # what it did may show nowhere
            outcome = self._ended(Result.UNKNOWN, f"{lost}; whether it was done is not known", now)
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
