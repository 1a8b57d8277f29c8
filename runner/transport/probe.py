"""Looks at the way to a host step by step, without logging on: name, TCP, certificate, the first HTTP answer.

What a session would do at once, `doctor` does one after the other, so that the step that fails can be named. Errors
are those of a session (`faults.py`), with the same advice.
"""

from __future__ import annotations

import socket
import ssl
import warnings
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from time import monotonic

import requests
from cryptography import x509
from urllib3.exceptions import InsecureRequestWarning

from runner.model.errors import Reason, Unreachable
from runner.model.inventory import Connection
from runner.transport.faults import connect_error, status_error
from runner.transport.offers import offered_schemes

_UNAUTHORISED = 401


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a host shows of itself over TLS, judged by nobody; names as RFC 4514 writes them, `expires` in UTC."""

    protocol: str
    subject: str
    issuer: str
    names: tuple[str, ...]
    expires: datetime


@dataclass(frozen=True, slots=True)
class Greeting:
    """The answer to a request without a log-on: the schemes that it offers, and the host's time if it tells it."""

    schemes: tuple[str, ...]
    date: datetime | None


def endpoint_of(connection: Connection) -> str:
    """The URL, as errors name it."""
    scheme = "https" if connection.tls else "http"
    address = f"[{connection.address}]" if ":" in connection.address else connection.address
    return f"{scheme}://{address}:{connection.port}/{connection.path}"


def addresses(connection: Connection) -> tuple[str, ...]:
    """What the host's name resolves to. Errors: Unreachable."""
    try:
        found = socket.getaddrinfo(connection.address, connection.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _no_name(error, connection) from error
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def _no_name(error: OSError | UnicodeError, connection: Connection) -> Unreachable:
    """A name that cannot even be asked for (an empty label, a long one) does not resolve either."""
    return connect_error(error if isinstance(error, OSError) else socket.gaierror(), endpoint_of(connection))


def tcp_seconds(connection: Connection) -> float:
    """How long a TCP connection takes. Errors: Unreachable."""
    began = monotonic()
    try:
        _connected(connection).close()
    except OSError as error:
        raise connect_error(error, endpoint_of(connection)) from error
    return monotonic() - began


def _connected(connection: Connection) -> socket.socket:
    return socket.create_connection((connection.address, connection.port), connection.deadlines.connect)


def certificate(connection: Connection) -> Certificate:
    """The certificate that the host shows, trusted or not. Errors: Unreachable, when there is no TLS at all."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # only looked at: whether it is trusted, `greeting` finds out
    try:
        with (
            _connected(connection) as plain,
            context.wrap_socket(plain, server_hostname=connection.address) as sealed,
        ):
            encoded, protocol = sealed.getpeercert(binary_form=True), sealed.version()
    except (OSError, ValueError) as error:
        raise connect_error(error, endpoint_of(connection)) from error
    if encoded is None:
        raise Unreachable(Reason.TLS, f"{endpoint_of(connection)} shows no certificate", "is this really a TLS port?")
    shown = x509.load_der_x509_certificate(encoded)
    return Certificate(
        protocol or "",
        shown.subject.rfc4514_string(),
        shown.issuer.rfc4514_string(),
        _names(shown),
        shown.not_valid_after_utc,
    )


def _names(shown: x509.Certificate) -> tuple[str, ...]:
    try:
        alternatives = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = (str(address) for address in alternatives.get_values_for_type(x509.IPAddress))
    return (*alternatives.get_values_for_type(x509.DNSName), *addresses)


def greeting(connection: Connection) -> Greeting:
    """Ask without logging on. The certificate is judged as in a session, a proxy used as there.

    Errors: HostError: the connection's, or that of a status that is no 401.
    """
    try:
        with warnings.catch_warnings(), requests.Session() as session:
            warnings.simplefilter("ignore", InsecureRequestWarning)  # `doctor` says it itself
            answer = _asked(session, connection)
    except (requests.RequestException, OSError) as error:
        raise connect_error(error, endpoint_of(connection)) from error
    if answer.status_code != _UNAUTHORISED:
        raise status_error(answer.status_code)
    return Greeting(offered_schemes(answer.headers.get("WWW-Authenticate", "")), _date(answer.headers.get("Date", "")))


def _asked(session: requests.Session, connection: Connection) -> requests.Response:
    url = endpoint_of(connection)
    verify: bool | str = (connection.ca_file or True) if connection.verify else False
    if verify is True:  # another place of trust may be named in the environment (REQUESTS_CA_BUNDLE)
        verify = session.merge_environment_settings(url, {}, None, None, None)["verify"] or True
    session.trust_env = False
    return session.post(
        url,
        headers={"Content-Type": "application/soap+xml;charset=UTF-8"},
        verify=verify,
        proxies={"http": connection.proxy, "https": connection.proxy} if connection.proxy else {},
        timeout=connection.deadlines.connect,
        allow_redirects=False,
    )


def _date(header: str) -> datetime | None:
    """RFC 9110's Date; None for none, or for one that is no date."""
    try:
        return parsedate_to_datetime(header)
    except (TypeError, ValueError):
        return None
