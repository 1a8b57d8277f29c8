"""What `doctor` looks at, in order, and what it found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from runner.model.errors import ExitCode, HostError, Reason, Unreachable


class Check(StrEnum):
    """Each step needs those before it."""

    NAME = "name"
    PORT = "port"
    TLS = "tls"
    CLOCK = "clock"
    OFFER = "authentication offered"
    AUTHENTICATION = "authentication"
    ENDPOINT = "endpoint"
    RIGHTS = "rights"
    LANGUAGE = "language mode"
    POWERSHELL = "powershell"
    DOTNET = ".net framework"
    QUOTAS = "quotas"
    ROUND_TRIP = "round trip"


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Finding:
    """`seen` is what was seen, or why nothing was; `fix` is the next step where there is one."""

    check: Check
    verdict: Verdict
    seen: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Examination:
    """All checks of one host in order. `reached`: a session could be had."""

    host: str
    findings: tuple[Finding, ...]
    reached: bool

    @property
    def exit_code(self) -> ExitCode:
        """0 unless something failed: then whether it is the way to the host, or the host."""
        if all(finding.verdict is not Verdict.FAILED for finding in self.findings):
            return ExitCode.OK
        return ExitCode.FAILED if self.reached else ExitCode.UNREACHABLE


_FAILS_AT: Mapping[Reason, Check] = MappingProxyType(
    {
        Reason.NAME: Check.NAME,
        Reason.REFUSED: Check.PORT,
        Reason.TIMEOUT: Check.PORT,
        Reason.TLS: Check.TLS,
        Reason.AUTHENTICATION: Check.AUTHENTICATION,
        Reason.RIGHTS: Check.RIGHTS,
        Reason.ENDPOINT: Check.ENDPOINT,
        Reason.QUOTA: Check.QUOTAS,
        Reason.BROKEN: Check.ENDPOINT,
    }
)


@dataclass(slots=True)
class Sheet:
    """The findings of one host while it is examined; each check is entered once."""

    _findings: dict[Check, Finding] = field(default_factory=dict)

    def ok(self, check: Check, seen: str) -> None:
        self.enter(Finding(check, Verdict.OK, seen))

    def not_checked(self, check: Check, reason: str) -> None:
        self.enter(Finding(check, Verdict.NOT_CHECKED, reason))

    def enter(self, finding: Finding) -> None:
        self._findings[finding.check] = finding

    def failed(self, check: Check, error: HostError) -> None:
        self.enter(Finding(check, Verdict.FAILED, error.message, error.advice))

    def session_failed(self, error: HostError) -> None:
        """No session: the check that its reason belongs to, or the log-on if that check is known to be well.

        A KDC, for one, has a name and a port too.
        """
        check = _FAILS_AT[error.reason] if isinstance(error, Unreachable) else Check.ENDPOINT
        self.failed(Check.AUTHENTICATION if self.is_ok(check) else check, error)

    def is_ok(self, check: Check) -> bool:
        found = self._findings.get(check)
        return found is not None and found.verdict in (Verdict.OK, Verdict.WARNING)

    def knows(self, check: Check) -> bool:
        return check in self._findings

    def all(self) -> tuple[Finding, ...]:
        """Every check in order; what was not entered could not be looked at for what failed."""
        return tuple(self._in_order())

    def _in_order(self) -> Iterator[Finding]:
        failed = [check for check in Check if (found := self._findings.get(check)) and found.verdict is Verdict.FAILED]
        why = f"{failed[0].value} failed" if failed else "nothing told it"
        for check in Check:
            yield self._findings.get(check) or Finding(check, Verdict.NOT_CHECKED, why)
