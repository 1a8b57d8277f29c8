"""`creates` and `removes`: whether a task that runs something has nothing to do.

The error ids of a path that is not there are recorded (groundtruth/pwsh76: F1 and F2 in README.md, provider.*);
every other error leaves open what is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from runner.model.command import Reply, ReplyState, Statement, command
from runner.model.state import Unreadable
from runner.modules.base import Arguments, errors_of

_NOT_THERE = frozenset({"PathNotFound", "DriveNotFound"})


class Guarded(Arguments):
    """The arguments of a task that runs something, unless the host shows that it need not."""

    creates: str | None = Field(None, description="A path; where it exists there is nothing to do")
    removes: str | None = Field(None, description="A path; where it does not exist there is nothing to do")

    @field_validator("creates", "removes")
    @classmethod
    def _is_one_path(cls, path: str | None) -> str | None:
        """Ansible takes a pattern as well; here it is the path of one file, folder or key, as it stands."""
        if path is not None and (not path.strip() or set(path) & set("*?")):
            raise PydanticCustomError("guard_path", "the path of one thing is wanted, without wildcards")
        return path

    @property
    def is_guarded(self) -> bool:
        return self.creates is not None or self.removes is not None


def questions(guarded: Guarded) -> tuple[Statement, ...]:
    """One statement for each path that must be looked at."""
    return tuple(_question(path) for path in (guarded.creates, guarded.removes) if path is not None)


def need_not_run(guarded: Guarded, replies: Sequence[Reply]) -> bool | Unreadable:
    """What the answers to `questions` say; False without any."""
    found: Iterator[bool | Unreadable] = map(_exists, replies)
    for path, enough in ((guarded.creates, True), (guarded.removes, False)):
        if path is None:
            continue
        exists = next(found)
        if isinstance(exists, Unreadable):
            return Unreadable(f"{path}: {exists.reason}")
        if exists is enough:
            return True
    return False


def _question(path: str) -> Statement:
    return (command("Get-Item", LiteralPath=path, Force=True), command("Select-Object", Property=("PSIsContainer",)))


def _exists(reply: Reply) -> bool | Unreadable:
    if reply.state is not ReplyState.DONE:
        return Unreadable(errors_of(reply) or "the host did not answer")
    if reply.outputs:
        return True
    if reply.errors and all(error.name in _NOT_THERE for error in reply.errors):
        return False
    return Unreadable(errors_of(reply) or "the host answered nothing")
