"""Drives the modules' question rounds over a session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner.model.command import Reply, Statement
from runner.model.plan import Step
from runner.model.state import State, Unreadable
from runner.modules.arguments import load
from runner.modules.base import Facts, Module, StateModule
from runner.modules.reading import Found, Wanted, survey
from runner.transport.base import Session


def wanted_of(step: Step, modules: Mapping[str, Module[Any]]) -> Wanted:
    """The thing of a step as its module reads it. Errors: InputError for arguments that the module does not take."""
    module = modules[step.header.module]
    assert isinstance(module, StateModule)
    return Wanted(module, load(module, step.arguments))


class Inquiry:
    """A survey under way. `questions` is its next round, which may travel behind a change; () when it has ended."""

    def __init__(self, wanted: Sequence[Wanted]) -> None:
        self._survey = survey(wanted)
        self._timeout = max((one.module.timeout for one in wanted), default=0.0)
        self._found: tuple[Found, ...] = ()
        self.questions: tuple[Statement, ...] = ()
        self._advance(None)

    def answer(self, replies: tuple[Reply, ...]) -> None:
        """Take the replies to the round's questions, in their order."""
        self._advance(replies)

    def finish(self, session: Session) -> tuple[Found, ...]:
        """Ask the rounds that are left; what was wanted, in its order. Errors: HostError."""
        while self.questions:
            self._advance(session.read(self.questions, self._timeout))
        return self._found

    def _advance(self, replies: tuple[Reply, ...] | None) -> None:
        try:
            self.questions = next(self._survey) if replies is None else self._survey.send(replies)
        except StopIteration as end:
            self.questions, self._found = (), end.value


def read_one(wanted: Wanted, session: Session) -> State | Unreadable:
    """One thing, read now. Errors: HostError."""
    return thing(Inquiry([wanted]).finish(session))


def thing(found: tuple[Found, ...]) -> State | Unreadable:
    """The answer of an inquiry about one thing."""
    (one,) = found
    assert not isinstance(one, Facts)
    return one
