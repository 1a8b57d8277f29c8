"""What went wrong, in the project's errors: SOAP faults, HTTP answers and failed connections.

Judged by codes and exception types, never by localised text. The codes: ../shared/groundtruth/README.md section 4 and
../shared/groundtruth/wsman-faults/ (captures and Microsoft's table of names).
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import urllib3.exceptions

from runner.model.errors import ConnectionLost, HostError, ProtocolError, Reason, Unreachable

OPERATION_TIMED_OUT = 2150858793  # nothing to receive yet: ask again
SHELL_GONE = 2150858843  # no such shell, or no such command in it
SHELL_USED_UP = 2150859241  # ERROR_WSMAN_QUOTA_MAX_COMMANDS_PER_SHELL_PPQ
_QUOTA = frozenset({2150858815, *range(2150859173, 2150859177), 2150859179, *range(2150859236, 2150859243)})
_RIGHTS = frozenset({5, 2147942405, 2150859180, 2150859229, 2150859235, 2152992672})
_ENDPOINT = frozenset({2, 1018, 2150858752, 2150858811, 2150858883})

_DOCTOR = "look at the WinRM service and its event log on the host"
_FAULT_ADVICE: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.QUOTA: "too many shells or operations of this user are open there: close some, or raise the quota",
        Reason.RIGHTS: "the account is known but not allowed in: it needs membership in Remote Management Users or"
        " Administrators, or the right to this session configuration",
        Reason.ENDPOINT: "check the session configuration's name (Get-PSSessionConfiguration on the host) and the path",
    }
)


class Busy(Unreachable):
    """The host refused the request before it did anything: it may be sent again."""


class Overloaded(Unreachable):
    """HTTP 503: hardly executed, but it may come from something between us and the host: a change is not repeated."""


class ShellGone(ConnectionLost):
    """The host knows no such shell (any more); a request for it has not been executed."""


class NotUnderstood(ConnectionLost):
    """The request reached nobody who could read it: it has not been executed and may be sent again."""


def fault_error(code: int | str | None, text: str | None) -> HostError:
    """The error for a WS-Management fault; `text` is the host's, localised, and only shown."""
    said = f"WS-Management fault {code}" + (f": {text}" if text else "")
    if code in (SHELL_GONE, SHELL_USED_UP):
        return ShellGone(f"the host closed the shell ({said})", "it restarted, or its WinRM service did")
    if code in _QUOTA or _subcode(code) == "QuotaLimit":
        return Busy(Reason.QUOTA, f"a quota is used up ({said})", _FAULT_ADVICE[Reason.QUOTA])
    if code in _RIGHTS or _subcode(code) == "AccessDenied":
        return Unreachable(Reason.RIGHTS, f"the host refused ({said})", _FAULT_ADVICE[Reason.RIGHTS])
    if code in _ENDPOINT:
        return Unreachable(Reason.ENDPOINT, f"the host refused ({said})", _FAULT_ADVICE[Reason.ENDPOINT])
    return ProtocolError(f"the host refused the request ({said})", _DOCTOR)


def _subcode(code: int | str | None) -> str:
    """The name in a SOAP subcode such as w:AccessDenied, which is all that a fault without details has."""
    return code.rsplit(":", 1)[-1] if isinstance(code, str) else ""


def status_error(status: int) -> HostError:
    """The error for an HTTP answer that carries no fault."""
    said = f"HTTP status {status}"
    match status:
        case 403:
            return Unreachable(Reason.RIGHTS, f"access is forbidden ({said})", _FAULT_ADVICE[Reason.RIGHTS])
        case 404:
            return Unreachable(
                Reason.ENDPOINT, f"no WinRM at this path ({said})", "check ansible_psrp_path, normally wsman"
            )
        case 407:
            return Unreachable(Reason.REFUSED, f"the proxy wants to know who we are ({said})", "check the proxy's URL")
        case 413:
            return ProtocolError(f"the request is too large for the host ({said})", "raise MaxEnvelopeSizekb there")
        case 500:
            return Unreachable(
                Reason.ENDPOINT,
                f"the host refused without a reason ({said})",
                "it may allow only sealed messages or TLS: leave the message encryption on",
            )
        case 503:
            return Overloaded(Reason.QUOTA, f"the host is too busy ({said})", "try again later")
    return Unreachable(Reason.ENDPOINT, f"this does not answer as WinRM does ({said})", "check address, port and path")


def connect_error(error: BaseException, endpoint: str) -> Unreachable:
    """The error for a connection that did not come about."""
    for cause in causes(error):
        if isinstance(cause, ssl.SSLError):
            return _tls_error(cause, endpoint)
        if isinstance(cause, socket.gaierror):
            advice = "check the spelling and the DNS, or give an address as ansible_host"
            return Unreachable(Reason.NAME, f"the name in {endpoint} does not resolve", advice)
        if isinstance(cause, urllib3.exceptions.ProxyError):
            return Unreachable(Reason.REFUSED, f"the proxy does not let us through to {endpoint}", "check the proxy")
        if isinstance(cause, TimeoutError):
            advice = "is the host on, and does a firewall let the port through?"
            return Unreachable(Reason.TIMEOUT, f"no answer from {endpoint} in time", advice)
    refused = next((cause for cause in causes(error) if isinstance(cause, OSError) and cause.strerror), None)
    why = f": {refused.strerror}" if refused else ""
    advice = "does the WinRM service run there, and has it a listener on this port?"
    return Unreachable(Reason.REFUSED, f"no connection to {endpoint}{why}", advice)


_VERIFY: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        # the numbers of X509_V_ERR_* in OpenSSL's x509_vfy.h
        9: ("the certificate is not valid yet", "check the clocks of both machines"),
        10: ("the certificate has expired", "renew it on the host, and check the clocks of both machines"),
        18: ("the certificate is self-signed", "name its file as the trusted one (ansible_psrp_ca_cert)"),
        19: ("the certificate's chain has an unknown root", "name that authority's file (ansible_psrp_ca_cert)"),
        20: ("the certificate's issuer is not known here", "name the authority's file (ansible_psrp_ca_cert)"),
        62: ("the certificate is for another name", "use the name in the certificate as ansible_host, or renew it"),
        64: ("the certificate is for another address", "use the name in the certificate as ansible_host, or renew it"),
    }
)


def _tls_error(error: ssl.SSLError, endpoint: str) -> Unreachable:
    if isinstance(error, ssl.SSLCertVerificationError):
        what, advice = _VERIFY.get(error.verify_code, (f"the certificate is refused ({error.verify_message})", ""))
        return Unreachable(Reason.TLS, f"{endpoint}: {what}", advice)
    reason = error.reason or type(error).__name__
    return Unreachable(Reason.TLS, f"{endpoint}: the TLS handshake failed ({reason})", "is this really a TLS port?")


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error and everything wrapped in it: requests and urllib3 wrap in arguments, `reason` and causes."""
    waiting, seen = [error], set[int]()
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        wrapped = (*current.args, getattr(current, "reason", None), current.__cause__, current.__context__)
        waiting.extend(item for item in wrapped if isinstance(item, BaseException))
