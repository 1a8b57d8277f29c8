"""One host as the server sees it: who may log on, what its WinRM service allows, how a runspace is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from runner.lab.faults import FaultPlan
from runner.lab.messages import Runspace
from runner.model.secret import Secret


@dataclass(frozen=True, slots=True)
class Account:
    """An account that may log on; without administrator rights it may not create shells (fault 5).

    `lockout_after`: so many bad passwords one after the other lock it; 0: never.
    """

    user: str
    password: Secret
    domain: str = ""
    administrator: bool = True
    locked: bool = False
    password_expired: bool = False
    lockout_after: int = 0


class ChannelBinding(StrEnum):
    """WinRM's CbtHardeningLevel, for log-ons over TLS; learn.microsoft.com, HTTP_AUTHENTICATION_HARDENING_LEVELS."""

    NONE = "none"
    RELAXED = "relaxed"  # Windows' default: a wrong binding is refused, none at all is not
    REQUIRED = "required"  # Strict


@dataclass(slots=True)
class Logons:
    """The attempts to log on to one host. Windows answers the same 401 whyever it refuses one.

    A password that was right starts the count for the lockout anew. What a KDC refused never comes here. With Basic and
    certificates each request is an attempt.
    """

    accepted: int = 0
    refused: int = 0
    _bad: dict[str, int] = field(default_factory=dict)

    def accept(self, account: Account) -> bool:
        """Note an attempt that proved who it is; whether the account is let in."""
        if self.is_locked(account) or account.password_expired:
            self.refused += 1
            return False
        self.accepted += 1
        self._bad.pop(account.user, None)
        return True

    def refuse(self, account: Account | None, *, bad_password: bool) -> None:
        """Note an attempt that proved nothing; `account` is the one that it named, if there is such a one."""
        self.refused += 1
        if account is not None and bad_password:
            self._bad[account.user] = self._bad.get(account.user, 0) + 1

    def is_locked(self, account: Account) -> bool:
        return account.locked or 0 < account.lockout_after <= self._bad.get(account.user, 0)


@dataclass(slots=True)
class Traffic:
    """What went over the wire for one host: HTTP requests, and bytes with HTTP headers (TLS not counted).

    `open_shells` are those open right now: a client that forgets to close one is seen here.
    """

    requests: int = 0
    received: int = 0
    sent: int = 0
    open_shells: int = 0


class Power(Protocol):
    """What the server can do to the machine behind a host."""

    def run_clock(self, pace: float) -> None:
        """Let its clock run, `pace` real seconds for one of its own; 0: it stands still."""
        ...

    def is_up(self) -> bool:
        """False while it boots."""
        ...

    def must_restart(self) -> bool:
        """Whether the moment has come for which a restart was scheduled."""
        ...

    def restarts_next(self) -> bool:
        """The same where the clock stands still: then it restarts before the next work begins."""
        ...

    def jump_clock(self, seconds: float) -> None:
        """Put its clock forward or back."""
        ...

    def restart(self) -> None: ...


class AlwaysOn:
    """The power of a host without a machine."""

    def run_clock(self, pace: float) -> None:
        return

    def is_up(self) -> bool:
        return True

    def must_restart(self) -> bool:
        return False

    def restarts_next(self) -> bool:
        return False

    def jump_clock(self, seconds: float) -> None:
        return

    def restart(self) -> None:
        return


@dataclass(frozen=True, slots=True)
class Configuration:
    """A session configuration, the last part of its URL, and how its runspaces are opened (None: as the host's)."""

    name: str
    path: str = "wsman"
    open_runspace: Callable[[], Runspace] | None = None


@dataclass(frozen=True, slots=True)
class LabHost:
    """One host. `version_table` is its PSVersionTable, sent to each client that opens a pool."""

    name: str
    accounts: tuple[Account, ...]
    open_runspace: Callable[[], Runspace]
    version_table: Mapping[str, object]
    computer_name: str
    schemes: frozenset[str] = frozenset({"negotiate"})  # of negotiate, kerberos, basic, certificate
    channel_binding: ChannelBinding = ChannelBinding.RELAXED
    client_certificates: Mapping[bytes, str] = field(default_factory=dict)  # SHA-256 of the certificate -> user
    allow_unencrypted: bool = False
    max_envelope_kb: int = 500  # Windows' default from Server 2012 on
    max_shells_per_user: int = 30
    configurations: tuple[Configuration, ...] = (Configuration("Microsoft.PowerShell"),)
    faults: FaultPlan = field(default_factory=FaultPlan)
    traffic: Traffic = field(default_factory=Traffic)
    logons: Logons = field(default_factory=Logons)
    power: Power = field(default_factory=AlwaysOn)

    def configuration(self, name: str, path: str) -> Configuration | None:
        """The session configuration of this name, in any case, that answers at this path."""
        wanted = (name.casefold(), path.casefold())
        found = (one for one in self.configurations if (one.name.casefold(), one.path.casefold()) == wanted)
        return next(found, None)

    def account(self, principal: str) -> Account | None:
        """The account named by `user`, `DOMAIN\\user`, `COMPUTER\\user`, `.\\user` or `user@domain`, in any case."""
        wanted = principal.casefold()
        for account in self.accounts:
            if wanted in (form.casefold() for form in self.logon_names(account)):
                return account
        return None

    def logon_names(self, account: Account) -> tuple[str, ...]:
        """The forms in which a client may name an account."""
        if account.domain:
            return (f"{account.domain}\\{account.user}", f"{account.user}@{account.domain}")
        domains = dict.fromkeys((self.name, self.computer_name, "."))
        return (account.user, *(f"{domain}\\{account.user}" for domain in domains))
