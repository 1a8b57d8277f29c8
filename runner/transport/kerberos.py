"""Kerberos: tickets for the sessions of a run, and what a refusal means.

pypsrp alone would ask the KDC anew for each session, and with Negotiate try a password that the KDC has refused a
second time over NTLM: a mistyped password on many hosts then locks the account. Here a KDC is asked once for each user
and password, and what it says about an account is final.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from threading import Lock, Thread
from time import monotonic, time
from types import MappingProxyType
from typing import Any

import spnego

from runner.model.errors import Reason, Unreachable
from runner.model.inventory import Authentication, Connection
from runner.model.secret import Secret
from runner.transport.faults import causes

_EXTRA = ("gssapi", "krb5")
_FIRST_CODE = -1765328384  # ERROR_TABLE_BASE_krb5 in MIT's krb5.h
_NO_TICKET = "MEMORY:ce-runner-none"  # a cache that nobody fills
_LEAST_LIFE = 300.0  # seconds that a ticket must still live to be used
_FORGIVEN_AFTER = 60.0  # seconds after which a KDC that did not answer is asked again

_NO_ANSWER = 156
_BAD_PASSWORD = frozenset({24, 31, 210})
_ABOUT_THE_ACCOUNT = _BAD_PASSWORD | {18, 23}  # locked, expired
_CLOCKS = "set this machine, the host and the KDC by the same time source: Kerberos allows five minutes"
_WHAT_TO_SAY: Mapping[int, tuple[Reason, str, str]] = MappingProxyType(
    {
        # the numbers of KRB5KDC_ERR_*, KRB5KRB_AP_ERR_* and KRB5_* in MIT's krb5.h, counted from _FIRST_CODE
        6: (Reason.AUTHENTICATION, "the KDC knows no such user", "write it as name@REALM, the realm in capitals"),
        7: (
            Reason.AUTHENTICATION,
            "the KDC knows no such host",
            "use its full DNS name as ansible_host, since Kerberos knows no addresses, and look at its names in the"
            " domain (setspn -L HOST)",
        ),
        14: (Reason.AUTHENTICATION, "the KDC refuses our encryption types", "allow AES for the account"),
        18: (Reason.AUTHENTICATION, "the account is locked or disabled", "unlock or enable it in the domain"),
        23: (Reason.AUTHENTICATION, "the password has expired", "change it in the domain"),
        **dict.fromkeys(
            sorted(_BAD_PASSWORD),
            (Reason.AUTHENTICATION, "the password is wrong", "correct it; this run asks no second time with it"),
        ),
        32: (Reason.AUTHENTICATION, "the ticket has expired", "get a new one (kinit), or give a password"),
        33: (Reason.AUTHENTICATION, "the ticket is not valid yet", _CLOCKS),
        37: (Reason.AUTHENTICATION, "the clocks differ too much", _CLOCKS),
        41: (
            Reason.AUTHENTICATION,
            "the host cannot read the ticket",
            "its name may lead to another machine, or two accounts have it in the domain (setspn -X)",
        ),
        **dict.fromkeys(
            (141, 195), (Reason.AUTHENTICATION, "there is no ticket", "get one (kinit), or give user and password")
        ),
        148: (Reason.AUTHENTICATION, "the clocks differ too much", _CLOCKS),
        **dict.fromkeys(
            (154, 217, 220),
            (
                Reason.NAME,
                "no KDC is known for the realm",
                "write it in capitals, and name its KDC in krb5.conf or DNS",
            ),
        ),
        _NO_ANSWER: (
            Reason.REFUSED,
            "no KDC of the realm answers",
            "is it on, and does a firewall let port 88 through?",
        ),
        224: (Reason.AUTHENTICATION, "no realm is given", "write the user as name@REALM"),
    }
)


@dataclass(frozen=True, slots=True)
class _Ticket:
    """A ticket-granting ticket in a cache in memory; `end` in seconds since 1970."""

    cache: Any
    name: str
    end: float


@dataclass(frozen=True, slots=True)
class _Refusal:
    code: int
    moment: float


class Tickets:
    """Ticket-granting tickets by user and password; shared by threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._asked: dict[tuple[str, str], Future[_Ticket | _Refusal]] = {}

    def credentials(self, connection: Connection, timeout: float) -> str | list[Any] | None:
        """What pyspnego is given as the user: its credentials in the order of preference, or the bare name.

        A KDC has `timeout` seconds to answer. Errors: Unreachable, without a log-on at the host.
        """
        kind, user, password = connection.authentication, connection.user, connection.password
        if kind is Authentication.KERBEROS and not is_installed():
            raise Unreachable(
                Reason.AUTHENTICATION,
                f"Kerberos needs the Python packages {' and '.join(_EXTRA)}, which are not installed here",
                "pip install 'ce-runner[kerberos]'; it is compiled, which on Debian needs first: apt-get install gcc"
                " python3-dev libkrb5-dev",
            )
        if user is None or password is None or not is_installed() or sys.platform == "win32":
            return user
        if kind is Authentication.KERBEROS:
            return [spnego.KerberosCCache(self._cache(user, password, connection.address, timeout))]
        cache = self._cache_or_none(user, password, connection.address, timeout)
        return [spnego.KerberosCCache(cache), spnego.Password(user, password.reveal())]

    def _cache_or_none(self, user: str, password: Secret, address: str, timeout: float) -> str:
        """For Negotiate: Kerberos for name@REALM only, or a local Administrator is tried in the default realm."""
        if "@" not in user:
            return _NO_TICKET
        try:
            return self._cache(user, password, address, timeout)
        except _Refused as refused:
            if refused.code in _ABOUT_THE_ACCOUNT:
                raise
            return _NO_TICKET

    def _cache(self, user: str, password: Secret, address: str, timeout: float) -> str:
        """The name of the cache with the user's ticket. Errors: _Refused."""
        key = (user, password.reveal())
        with self._lock:
            asked = self._asked.get(key)
            if asked is None or (asked.done() and (asked.exception() or not _still_holds(asked.result()))):
                asked = self._asked[key] = _in_background(partial(_ask, *key))
        try:
            known = asked.result(timeout)
        except TimeoutError:
            known = _Refusal(_NO_ANSWER, monotonic())
        if isinstance(known, _Refusal):
            raise _Refused(known.code, f"{user} at {address}")
        return known.name


def _in_background(ask: Callable[[], _Ticket | _Refusal]) -> Future[_Ticket | _Refusal]:
    """The library knows no deadline of ours: a KDC that is silent costs it half a minute."""
    answer: Future[_Ticket | _Refusal] = Future()

    def run() -> None:
        try:
            answer.set_result(ask())
        except BaseException as error:
            answer.set_exception(error)

    Thread(target=run, name="ce-runner-kerberos", daemon=True).start()
    return answer


class _Refused(Unreachable):
    """What a KDC, or the library before it asked one, said."""

    def __init__(self, code: int, who: str) -> None:
        reason, what, advice = _WHAT_TO_SAY.get(
            code, (Reason.AUTHENTICATION, f"refused with code {_FIRST_CODE + code}", "see what the KDC's log says")
        )
        super().__init__(reason, f"Kerberos for {who}: {what}", advice)
        self.code = code


def is_installed() -> bool:
    """Whether this Python can speak Kerberos: on Windows by itself, elsewhere with the extra `kerberos`."""
    return sys.platform == "win32" or all(find_spec(name) is not None for name in _EXTRA)


def refusal(error: BaseException, connection: Connection) -> Unreachable | None:
    """The error of ours for one that Kerberos raised during a log-on; None if Kerberos said nothing."""
    for code in _codes(error):
        return _Refused(code, f"{connection.user or 'this account'} at {connection.address}")
    return None


def _codes(error: BaseException) -> Iterator[int]:
    """The codes of the Kerberos table in an error and its causes; GSSAPI gives them as unsigned minor codes."""
    for cause in causes(error):
        for code in (getattr(cause, "err_code", None), getattr(cause, "min_code", None)):
            if isinstance(code, int) and 0 <= (number := (code - _FIRST_CODE) % 2**32) < 256:
                yield number


def _still_holds(known: _Ticket | _Refusal) -> bool:
    if isinstance(known, _Ticket):
        return known.end - time() > _LEAST_LIFE
    return known.code in _ABOUT_THE_ACCOUNT or monotonic() - known.moment < _FORGIVEN_AFTER


def _ask(user: str, password: str) -> _Ticket | _Refusal:
    """Ask a KDC for a ticket-granting ticket."""
    import krb5

    context = krb5.init_context()
    try:
        options = krb5.get_init_creds_opt_alloc(context)
        krb5.get_init_creds_opt_set_canonicalize(options, True)
        principal = krb5.parse_name_flags(context, user.encode())
        credential = krb5.get_init_creds_password(context, principal, options, password=password.encode())
        cache = krb5.cc_new_unique(context, b"MEMORY")
        krb5.cc_initialize(context, cache, credential.client)
        krb5.cc_store_cred(context, cache, credential)
    except krb5.Krb5Error as error:
        return _Refusal((error.err_code - _FIRST_CODE) % 2**32, monotonic())
    name = b"MEMORY:" + (cache.name or b"")
    return _Ticket(cache, name.decode(), credential.times.endtime)
