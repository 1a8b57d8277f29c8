"""One host as the server sees it: who may log on, what its WinRM service allows, how a runspace is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from runner.lab.faults import FaultPlan
from runner.lab.messages import Runspace
from runner.model.secret import Secret


@dataclass(frozen=True, slots=True)
class Account:
    """An account that may log on; without administrator rights it may not create shells (fault 5)."""

    user: str
    password: Secret
    domain: str = ""
    administrator: bool = True


@dataclass(slots=True)
class Traffic:
    """What went over the wire for one host: HTTP requests, and bytes with HTTP headers (TLS not counted).

    `open_shells` are those open right now: a client that forgets to close one is seen here.
    """

    requests: int = 0
    received: int = 0
    sent: int = 0
    open_shells: int = 0


@dataclass(frozen=True, slots=True)
class LabHost:
    """One host. `version_table` is its PSVersionTable, sent to each client that opens a pool."""

    name: str
    accounts: tuple[Account, ...]
    open_runspace: Callable[[], Runspace]
    version_table: Mapping[str, object]
    computer_name: str
    schemes: frozenset[str] = frozenset({"negotiate"})  # of negotiate, basic, certificate
    client_certificates: Mapping[bytes, str] = field(default_factory=dict)  # SHA-256 of the certificate -> user
    allow_unencrypted: bool = False
    max_envelope_kb: int = 500  # Windows' default from Server 2012 on
    max_shells_per_user: int = 30
    configurations: frozenset[str] = frozenset({"Microsoft.PowerShell"})
    faults: FaultPlan = field(default_factory=FaultPlan)
    traffic: Traffic = field(default_factory=Traffic)

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
