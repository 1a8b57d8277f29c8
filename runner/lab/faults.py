"""Faults that a simulated host shows: when, what and how often. Data and counting; the servers act on it.

A fault takes no special road in the client: it is an answer, or the lack of one, that a real host, network or
proxy can give at that moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from runner.lab.messages import Request
from runner.model.errors import did_you_mean


class _Told(StrEnum):
    """A word with its meaning."""

    meaning: str

    def __new__(cls, word: str, meaning: str) -> Self:
        member = str.__new__(cls, word)
        member._value_ = word
        member.meaning = meaning
        return member


class When(_Told):
    """The moment of a fault."""

    CONNECT = "connect", "the first request of a TCP connection"
    OPEN = "open", "the creation of a shell"
    READ = "read", "a pipeline that changes nothing"
    WRITE = "write", "a pipeline whose first real statement changes something"
    VERIFY = "verify", "a pipeline that changes nothing, after a write on this host"
    CLOSE = "close", "the deletion of a shell"


class What(_Told):
    """What happens at that moment."""

    DROP_BEFORE = "drop_before", "the request is read, not executed, and the connection closed"
    DROP_DURING = "drop_during", "the connection is closed while the pipeline runs; it then runs on"
    DROP_LATE = "drop_late", "as drop_during, but it runs on only five minutes later, unless its shell has ended"
    DROP_AFTER = "drop_after", "executed to the end, then the connection is closed instead of the answer"
    STALL = "stall", "not executed, never answered; the connection stays open"
    HALF_ANSWER = "half_answer", "executed; the connection is closed in the middle of the answer"
    TRUNCATED_XML = "truncated_xml", "executed; the answer's XML ends in the middle"
    BAD_CLIXML = "bad_clixml", "executed; every output but the first is not well-formed"
    HTTP_400 = "http_400", "the sealed session's context is forgotten, as after an idle drop"
    HTTP_401 = "http_401", "not executed; the context is forgotten and the client asked to log on again"
    HTTP_500 = "http_500", "not executed; a bare answer without a reason"
    HTTP_503 = "http_503", "not executed; the host, or a proxy before it, is too busy"
    QUOTA = "quota", "refused: this user has too many shells (fault 2150859173)"
    QUOTA_OPERATIONS = "quota_operations", "refused: this user has too many operations (fault 2150859174)"
    QUOTA_COMMANDS = "quota_commands", "refused: this shell has run too many commands (fault 2150859241)"
    ACCESS_DENIED = "access_denied", "refused: access is denied (fault 5)"
    SHELL_GONE = "shell_gone", "the shell ends before the request is executed, as by a restart of WinRM"
    HUNG_CMDLET = "hung_cmdlet", "the pipeline hangs after its first message, whatever signal comes"
    REBOOT = "reboot", "Windows restarts; a pipeline is cut off after its first message, before a change was made"
    REBOOT_AFTER = "reboot_after", "executed to the end, then Windows restarts instead of the answer"
    CLOCK_AHEAD = "clock_ahead", "the machine's clock jumps an hour ahead; the request is then executed"
    CLOCK_BACK = "clock_back", "the machine's clock jumps an hour back; the request is then executed"
    UNREACHABLE = "unreachable", "the inventory names a port where nobody listens"
    TLS_UNTRUSTED = "tls_untrusted", "a certificate that the client's CA file does not cover"
    TLS_EXPIRED = "tls_expired", "a certificate that has expired"
    TLS_WRONG_NAME = "tls_wrong_name", "a certificate for another host"


AT_ADDRESS = frozenset({What.UNREACHABLE, What.TLS_UNTRUSTED, What.TLS_EXPIRED, What.TLS_WRONG_NAME})
CLOCK_JUMPS = {What.CLOCK_AHEAD: 3600.0, What.CLOCK_BACK: -3600.0}  # seconds
RUNS_ON = {What.DROP_DURING: 0.0, What.DROP_LATE: 300.0}  # seconds of machine time after the connection was closed
HELD = frozenset({*RUNS_ON, What.HUNG_CMDLET, What.REBOOT})  # the pipeline halts after its first message
IN_PIPELINE = HELD | {
    *(What.DROP_AFTER, What.HALF_ANSWER, What.TRUNCATED_XML, What.BAD_CLIXML, What.REBOOT_AFTER),
    *CLOCK_JUMPS,
}
_PIPELINES = frozenset({When.READ, When.WRITE, When.VERIFY})
_AT_CONNECT = AT_ADDRESS | {
    *(What.DROP_BEFORE, What.STALL, What.REBOOT),
    *(What.HTTP_400, What.HTTP_401, What.HTTP_500, What.HTTP_503),
}
_ONLY_IN_PIPELINES = frozenset({*RUNS_ON, What.BAD_CLIXML, What.HUNG_CMDLET, What.QUOTA_COMMANDS})

_CHANGING_VERBS = frozenset(
    {
        *("add", "clear", "copy", "disable", "enable", "install", "invoke", "move", "new", "register", "remove"),
        *("rename", "restart", "resume", "set", "start", "stop", "suspend", "uninstall", "unregister", "update"),
    }
)
_SEPARATORS = frozenset({"write-output", "write-warning", "get-command"})  # what clients put between statements


class Fault(BaseModel):
    """One fault of a scenario. `times` is how often it happens, `skip` how many such moments pass before it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    when: When
    what: What
    times: int | Literal["always"] = Field(default=1)
    skip: int = Field(default=0, ge=0)

    @field_validator("times")
    @classmethod
    def _happens(cls, times: int | str) -> int | str:
        if isinstance(times, int) and times < 1:
            raise ValueError("TIMES is at least 1, or always")
        return times

    @model_validator(mode="after")
    def _possible(self) -> Fault:
        if reason := impossible(self.when, self.what):
            raise ValueError(reason)
        return self

    def __str__(self) -> str:
        """In the notation of `parse_fault`."""
        return f"{self.when}:{self.what}:{self.times}:{self.skip}"


def impossible(when: When, what: What) -> str:
    """Why a fault cannot happen at a moment; "" if it can."""
    if when is When.CONNECT and what not in _AT_CONNECT:
        return f"{what} cannot happen at connect"
    if what in AT_ADDRESS and when is not When.CONNECT:
        return f"{what} can only happen at connect"
    if what in _ONLY_IN_PIPELINES and when not in _PIPELINES:
        return f"{what} can only happen in a pipeline: read, write or verify"
    if what is What.QUOTA and when is not When.OPEN:
        return "quota can only happen at open"
    if what is What.SHELL_GONE and when is When.OPEN:
        return "shell_gone needs a shell that was opened before"
    return ""


def parse_fault(text: str) -> Fault:
    """A fault written WHEN:WHAT[:TIMES[:SKIP]]. Raises ValueError."""
    parts = text.split(":")
    if not 2 <= len(parts) <= 4:
        raise ValueError(f"a fault is written WHEN:WHAT[:TIMES[:SKIP]], not {text}")
    for word, known in zip(parts, (When, What), strict=False):
        if word not in map(str, known):
            hint = did_you_mean(word, map(str, known))
            raise ValueError(
                f"there is no {known.__name__.upper()} {word!r} of a fault" + (f"; {hint}" if hint else "")
            )
    return Fault.model_validate(dict(zip(("when", "what", "times", "skip"), parts, strict=False)))


@dataclass(slots=True)
class _Pending:
    fault: Fault
    passed: int = 0
    happened: int = 0

    def occurs(self) -> bool:
        if self.passed < self.fault.skip:
            self.passed += 1
            return False
        if self.fault.times != "always" and self.happened >= self.fault.times:
            return False
        self.happened += 1
        return True

    def rest(self) -> Fault | None:
        """What is still to come of it."""
        times = self.fault.times
        left = times if times == "always" else times - self.happened
        return self.fault.model_copy(update={"times": left, "skip": self.fault.skip - self.passed}) if left else None


@dataclass(slots=True)
class FaultPlan:
    """The faults of one host with what is left of them; each call that returns a fault uses it up."""

    faults: tuple[Fault, ...] = ()
    _pending: list[_Pending] = field(init=False)
    _write_seen: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self._pending = [_Pending(fault) for fault in self.faults if fault.what not in AT_ADDRESS]

    def add(self, fault: Fault) -> None:
        """One more, from now on. Raises ValueError for one that lies in the address which the inventory names."""
        if fault.what in AT_ADDRESS:
            raise ValueError(f"{fault.what} lies in the address that the inventory names: it belongs in the scenario")
        self._pending.append(_Pending(fault))

    def clear(self) -> None:
        """No fault any more."""
        self._pending = []

    def pending(self) -> Iterator[Fault]:
        """What is still to come."""
        for one in self._pending:
            rest = one.rest()
            if rest is not None:
                yield rest

    @property
    def shown(self) -> int:
        """How often one of them has happened."""
        return sum(one.happened for one in self._pending)

    def at(self, moment: When) -> What | None:
        """The fault due at this moment."""
        return self._due(frozenset({moment}))

    def in_pipeline(self, request: Request) -> What | None:
        """The fault due for this pipeline, judged by what it does."""
        if changes_something(request):
            self._write_seen = True
            return self._due(frozenset({When.WRITE}))
        return self._due(frozenset({When.READ, When.VERIFY} if self._write_seen else {When.READ}))

    def _due(self, moments: frozenset[When]) -> What | None:
        for pending in self._pending:
            if pending.fault.when in moments and pending.occurs():
                return pending.fault.what
        return None


def changes_something(request: Request) -> bool:
    """Whether the first statement that is not a separator has a cmdlet with a changing verb, or a program."""
    for statement in request.statements:
        if len(statement) == 1 and statement[0].name.casefold() in _SEPARATORS:
            continue
        return any(_changes_something(command.name.casefold()) for command in statement)
    return False


def _changes_something(name: str) -> bool:
    """By the verb of a cmdlet, whose variables are only its process's; a program may do anything."""
    verb, _, noun = name.partition("-")
    return (verb in _CHANGING_VERBS and noun != "variable") or name.endswith(".exe")
