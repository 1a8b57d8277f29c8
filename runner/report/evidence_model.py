"""What evidence is made of, and the words in which it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from runner.model.errors import ExitCode
from runner.model.outcome import HostResult, Result
from runner.model.plan import Verdict

ATTESTED, HOLDS, REFUSED = "attested", "holds", "refused"
WORDS: Mapping[Verdict, str] = MappingProxyType(
    {
        Verdict.BLOCKED: Verdict.HELD.value,
        Verdict.CHANGE: Result.NOT_STARTED.value,
        Verdict.DEFERRED: Result.NOT_STARTED.value,
        Verdict.IDLE: Result.NOT_TRIGGERED.value,
    }
)
AUDIT_WORDS: Mapping[Verdict, str] = MappingProxyType(
    {
        **WORDS,
        Verdict.CHANGE: HostResult.PENDING.value,
        Verdict.DEFERRED: "decided later",
    }
)
EXITS: Mapping[int, str] = MappingProxyType(
    {
        ExitCode.OK: "every host is as the plan promised: compliant, or changed and read back",
        ExitCode.PENDING: "changes are left to be made",
        ExitCode.FAILED: "a host failed, could not be read, did not become as promised, or its state is not known",
        ExitCode.UNREACHABLE: "a host could not be reached",
        ExitCode.REFUSED: "a host was no longer as planned, so that nothing was changed there",
        ExitCode.HELD: "on a host somebody else must act first",
        ExitCode.NOT_STARTED: "a host was not started",
        ExitCode.INTERRUPTED: "the run was interrupted",
    }
)
AUDIT_EXITS: Mapping[int, str] = MappingProxyType(
    {
        **EXITS,
        ExitCode.OK: "every host is as wanted",
        ExitCode.PENDING: "there is something to change, or what only a change can decide",
        ExitCode.FAILED: "on a host something can never be as wanted, or could not be read",
    }
)


@dataclass(frozen=True, slots=True)
class Row:
    """One thing or one message. `before`, `planned` and `after` are lines; `after` is what was read, () if nothing was.

    `verified` is when it was read and found as wanted, `ended` when its turn was over (ISO 8601, UTC).
    `owner` is who must act first on what is held; `irreversible` why a change cannot be taken back. `later` is what a
    person confirmed of it after the run had started, which changes nothing of its result.
    """

    items: tuple[str, ...]
    task: str
    thing: str
    result: str
    before: tuple[str, ...] = ()
    planned: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    verified: str = ""
    ended: str = ""
    owner: str = ""
    irreversible: str = ""
    notes: tuple[str, ...] = ()
    later: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HostEvidence:
    """One host in one play. `read` is when everything there was read again before a change, in an audit when it was
    read; "" if it was not.
    """

    play: int
    play_name: str
    host: str
    title: str
    target: str
    result: str
    message: str
    advice: str
    read: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """A run, or with `run` "" an audit. `exit` is its exit code in words."""

    run: str
    operator: str
    started: str
    ended: str
    exit_code: int
    exit: str
    playbook: str
    planned: str  # when the plan was made
    digest: str  # SHA-256 of the plan
    tool: str
    hosts: tuple[HostEvidence, ...]
