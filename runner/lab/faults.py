"""Faults that a simulated host shows: when, what and how often. Data and counting; the servers act on it.

A fault takes no special road in the client: it is an answer, or the lack of one, that a real host, network or
proxy can give at that moment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from runner.lab.messages import Request


class When(StrEnum):
    """The moment of a fault."""

    CONNECT = "connect"  # the first request of a TCP connection
    OPEN = "open"  # the creation of a shell
    READ = "read"  # a pipeline that changes nothing
    WRITE = "write"  # a pipeline whose first real statement changes something
    VERIFY = "verify"  # a pipeline that changes nothing, after a write on this host
    CLOSE = "close"  # the deletion of a shell


class What(StrEnum):
    """What happens at that moment."""

    DROP_BEFORE = "drop_before"  # the request is read, not executed, and the connection closed
    DROP_DURING = "drop_during"  # the connection is closed while the pipeline runs; it then runs on
    DROP_AFTER = "drop_after"  # executed to the end, then the connection is closed instead of the answer
    STALL = "stall"  # not executed, never answered, the connection stays open
    HALF_ANSWER = "half_answer"  # executed; the connection is closed in the middle of the answer
    TRUNCATED_XML = "truncated_xml"  # executed; the answer's XML ends in the middle
    BAD_CLIXML = "bad_clixml"  # executed; every output but the first is not well-formed
    HTTP_400 = "http_400"  # the sealed session's context is forgotten, as after an idle drop
    HTTP_401 = "http_401"
    HTTP_500 = "http_500"
    HTTP_503 = "http_503"
    QUOTA = "quota"
    ACCESS_DENIED = "access_denied"
    SHELL_GONE = "shell_gone"  # the shell ends, as by a reboot, before the request is executed
    HUNG_CMDLET = "hung_cmdlet"  # the pipeline hangs after its first message, whatever signal comes
    UNREACHABLE = "unreachable"  # the inventory names a port where nobody listens
    TLS_UNTRUSTED = "tls_untrusted"  # a certificate that the client's CA file does not cover
    TLS_EXPIRED = "tls_expired"


AT_ADDRESS = frozenset({What.UNREACHABLE, What.TLS_UNTRUSTED, What.TLS_EXPIRED})
IN_PIPELINE = frozenset(
    {
        What.DROP_DURING,
        What.DROP_AFTER,
        What.HALF_ANSWER,
        What.TRUNCATED_XML,
        What.BAD_CLIXML,
        What.HUNG_CMDLET,
    }
)
_PIPELINES = frozenset({When.READ, When.WRITE, When.VERIFY})
_AT_CONNECT = AT_ADDRESS | {
    *(What.DROP_BEFORE, What.STALL),
    *(What.HTTP_400, What.HTTP_401, What.HTTP_500, What.HTTP_503),
}
_ONLY_IN_PIPELINES = frozenset({What.DROP_DURING, What.BAD_CLIXML, What.HUNG_CMDLET})

_CHANGING_VERBS = frozenset(
    {
        *("add", "clear", "copy", "disable", "enable", "install", "invoke", "move", "new", "register", "remove"),
        *("rename", "restart", "resume", "set", "start", "stop", "suspend", "uninstall", "unregister", "update"),
    }
)


class Fault(BaseModel):
    """One fault of a scenario. `times` is how often it happens, `skip` how many such moments pass before it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    when: When
    what: What
    times: int | Literal["always"] = Field(default=1)
    skip: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _possible(self) -> Fault:
        if self.when is When.CONNECT and self.what not in _AT_CONNECT:
            raise ValueError(f"{self.what} cannot happen at connect")
        if self.what in AT_ADDRESS and self.when is not When.CONNECT:
            raise ValueError(f"{self.what} can only happen at connect")
        if self.what in _ONLY_IN_PIPELINES and self.when not in _PIPELINES:
            raise ValueError(f"{self.what} can only happen in a pipeline: read, write or verify")
        if self.what is What.QUOTA and self.when is not When.OPEN:
            raise ValueError("quota can only happen at open")
        if self.what is What.SHELL_GONE and self.when is When.OPEN:
            raise ValueError("shell_gone needs a shell that was opened before")
        return self


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


@dataclass(slots=True)
class FaultPlan:
    """The faults of one host with what is left of them; each call that returns a fault uses it up."""

    faults: tuple[Fault, ...] = ()
    _pending: list[_Pending] = field(init=False)
    _write_seen: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self._pending = [_Pending(fault) for fault in self.faults if fault.what not in AT_ADDRESS]

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
    """Whether the first statement that is not a separator (Write-Output) has a cmdlet with a changing verb."""
    for statement in request.statements:
        if len(statement) == 1 and statement[0].name.casefold() == "write-output":
            continue
        return any(command.name.partition("-")[0].casefold() in _CHANGING_VERBS for command in statement)
    return False
