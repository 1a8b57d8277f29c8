"""The way to a host up to the log-on: name, port, TLS, clock, what authentication is offered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from runner.model.errors import HostError, Reason, Unreachable
from runner.model.inventory import Authentication, Connection
from runner.pipeline.doctor.findings import Check, Finding, Sheet, Verdict
from runner.transport import probe
from runner.transport.offers import is_offered

_TOLERANCE = timedelta(minutes=5)  # Kerberos' own, unless the domain's policy says otherwise (RFC 4120 section 1.6)
_SOON = timedelta(days=14)  # a certificate that ends within these is worth a word
_CLOCK_FIX = "set this machine and the host by the same time source: Kerberos allows five minutes"


def walk(connection: Connection, sheet: Sheet, now: datetime) -> bool:
    """Enter what is found on the way; whether a log-on may be tried. `now` is our own time."""
    if connection.proxy:
        for check in (Check.NAME, Check.PORT):
            sheet.not_checked(check, "the inventory leads through a proxy, which does this itself")
    elif not (_name(connection, sheet) and _port(connection, sheet)):
        return False
    return _greeting(connection, sheet, now)


def _name(connection: Connection, sheet: Sheet) -> bool:
    try:
        found = probe.addresses(connection)
    except Unreachable as error:
        sheet.failed(Check.NAME, error)
        return False
    sheet.ok(Check.NAME, f"{connection.address}: {', '.join(found)}")
    return True


def _port(connection: Connection, sheet: Sheet) -> bool:
    try:
        seconds = probe.tcp_seconds(connection)
    except Unreachable as error:
        sheet.failed(Check.PORT, error)
        return False
    sheet.ok(Check.PORT, f"{connection.port} answers in {seconds * 1000:.0f} ms")
    return True


def _greeting(connection: Connection, sheet: Sheet, now: datetime) -> bool:
    """The certificate is looked at first, so that it can be shown also when it is refused."""
    shown: probe.Certificate | None = None
    try:
        if connection.tls and not connection.proxy:
            shown = probe.certificate(connection)
        greeting = probe.greeting(connection)
    except HostError as error:
        of_tls = isinstance(error, Unreachable) and error.reason is Reason.TLS
        if of_tls:
            seen = error.message + (f": {_described(shown)}" if shown else "")
            sheet.enter(Finding(Check.TLS, Verdict.FAILED, seen, error.advice))
        else:
            _tls(connection, sheet, shown, now)
            sheet.failed(Check.OFFER, error)
        return False
    _tls(connection, sheet, shown, now)
    if greeting.date is not None:
        clock(connection, sheet, greeting.date - now)
    return _offer(connection, sheet, greeting.schemes)


def _described(shown: probe.Certificate) -> str:
    names = f" ({', '.join(shown.names)})" if shown.names else ""
    return f"{shown.subject}{names}, issued by {shown.issuer}, until {shown.expires:%Y-%m-%d}, {shown.protocol}"


def _tls(connection: Connection, sheet: Sheet, shown: probe.Certificate | None, now: datetime) -> None:
    if not connection.tls:
        _without_tls(connection, sheet)
        return
    seen = _described(shown) if shown else "through the proxy"
    if not connection.verify:
        fix = "remove ansible_psrp_cert_validation: ignore, and name the authority's file (ansible_psrp_ca_cert)"
        sheet.enter(Finding(Check.TLS, Verdict.WARNING, f"{seen}; it is not verified, as the inventory says", fix))
    elif shown is not None and shown.expires - now < _SOON:
        sheet.enter(Finding(Check.TLS, Verdict.WARNING, f"{seen}; it expires soon", "renew it on the host"))
    else:
        sheet.ok(Check.TLS, f"{seen}; trusted")


def _without_tls(connection: Connection, sheet: Sheet) -> None:
    if connection.encrypt:
        sheet.ok(Check.TLS, "not used; WinRM seals the messages itself")
    else:
        fix = "use https, or leave ansible_psrp_message_encryption at auto"
        sheet.enter(Finding(Check.TLS, Verdict.WARNING, "not used, and messages go in clear", fix))


def clock(connection: Connection, sheet: Sheet, ahead: timedelta) -> None:
    """Enter how far the host's clock is ahead of ours."""
    seconds = abs(ahead).total_seconds()
    seen = f"the host's clock is {seconds:.0f} s {'ahead of' if ahead > timedelta() else 'behind'} ours"
    if abs(ahead) <= _TOLERANCE:
        sheet.ok(Check.CLOCK, seen)
    elif connection.authentication is Authentication.KERBEROS:
        sheet.enter(Finding(Check.CLOCK, Verdict.FAILED, seen, _CLOCK_FIX))
    else:
        sheet.enter(Finding(Check.CLOCK, Verdict.WARNING, f"{seen}; {connection.authentication} bears it", _CLOCK_FIX))


def _offer(connection: Connection, sheet: Sheet, schemes: tuple[str, ...]) -> bool:
    listed = ", ".join(schemes) or "nothing"
    if is_offered(connection.authentication, schemes):
        sheet.ok(Check.OFFER, f"{listed}; the inventory says {connection.authentication}")
        return True
    seen = f"the host offers {listed}, and the inventory says {connection.authentication}"
    fix = "set ansible_psrp_auth to what it offers, or allow this one there (WSMan:\\localhost\\Service\\Auth)"
    sheet.enter(Finding(Check.OFFER, Verdict.FAILED, seen, fix))
    return False


def our_time() -> datetime:
    return datetime.now(UTC)
