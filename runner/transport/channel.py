"""One authenticated channel to one host: pypsrp's HTTP transport, watched, bounded and healed."""

from __future__ import annotations

import math
import os
from threading import Lock
from time import monotonic
from xml.etree import ElementTree

import requests
from pypsrp.exceptions import AuthenticationError, WinRMTransportError
from pypsrp.negotiate import HTTPNegotiateAuth
from pypsrp.wsman import WSMan, _TransportHTTP
from requests.auth import HTTPBasicAuth
from spnego.exceptions import SpnegoError

from runner.model.errors import HostError, ProtocolError, Reason, Unreachable
from runner.model.inventory import Authentication, Connection
from runner.transport.faults import NotUnderstood, status_error
from runner.transport.kerberos import Tickets, refusal
from runner.transport.offers import is_offered, offered_schemes
from runner.transport.wire import Traffic, Wire, WireAdapter

_BAD_REQUEST = 400
_SERVER_ERROR = 500  # what AllowUnencrypted=false makes of a message in clear (diyan/pywinrm issue 208)
_HEALS = 2  # how often one request is sent again because nobody could read it
_NETWORK_DELAY = 10.0  # seconds that an answer may come later than WS-Management's own timeout


class Channel:
    """Stands where WSMan has its transport: `send`, `close` and `endpoint` are all that WSMan uses of one.

    A sealed context belongs to its TCP connection. When that one ended while idle, or the host answers HTTP 400
    because it no longer knows the context (design section 7), the request has been decrypted by nobody and so cannot
    have been executed: a new context is made and the request sent again, a change as well. Everything else that
    fails is raised, as one of the model's errors and no other.
    """

    def __init__(self, connection: Connection, traffic: Traffic, tickets: Tickets) -> None:
        _check(connection)
        self._connection = connection
        self._tickets = tickets
        self.wsman = _wsman(connection)
        self._transport: _TransportHTTP = self.wsman.transport
        self.endpoint = self._transport.endpoint
        deadlines = connection.deadlines
        self._wire = Wire(self.endpoint, traffic, deadlines.connect, deadlines.operation + _NETWORK_DELAY)
        self.wsman.transport = self  # type: ignore[assignment]

    @property
    def deadline(self) -> float:
        """When every request must have been answered; seconds of the monotonic clock."""
        return self._wire.deadline

    @deadline.setter
    def deadline(self, moment: float) -> None:
        self._wire.deadline = moment

    def time_left(self) -> float:
        """Seconds to the deadline, 0 when it has passed."""
        return max(0.0, self._wire.deadline - monotonic())

    def wait(self) -> int:
        """Whole seconds that the next Receive may wait: the operation's deadline, or what is left of all.

        Errors: DeadlineExceeded.
        """
        return math.ceil(min(self._connection.deadlines.operation, self._wire.remaining()))

    def send(self, message: bytes, **_pypsrp_timeouts: object) -> bytes:
        """The host's answer to one envelope. WSMan's own timeouts and retries are not used: the deadline decides.

        Errors: HostError and its kin; WinRMTransportError with a SOAP fault in it, which WSMan expects.
        """
        for _ in range(_HEALS):
            try:
                return self._exchange(message)
            except NotUnderstood:
                self._forget()
        return self._exchange(message)

    def close(self) -> None:
        self._transport.close()

    def _forget(self) -> None:
        """Drop the connection and its sealed context; the next request authenticates anew."""
        self._transport.close()
        self._transport.encryption = None

    def _exchange(self, message: bytes) -> bytes:
        self._wire.may_connect = self._transport.encryption is None
        try:
            if self._transport.session is None:
                self._transport.session = self._session()
            answer = self._transport.send(message)
        except HostError:
            raise
        except WinRMTransportError as refusal:
            raise self._judge(refusal) from refusal
        except AuthenticationError as refusal:
            raise self._not_authenticated() from refusal
        except KeyError as error:  # pypsrp finds no context because nobody asked for authentication
            raise status_error(200) from error
        except Exception as error:  # what a damaged answer makes of pypsrp is not foreseeable
            raise self._refused(error) or _damaged(error) from error
        if self._transport.wrap_required and not self._wire.answer_sealed:
            raise ProtocolError(f"{self.endpoint} answered in clear on a sealed connection", "who is it that answers?")
        return answer

    def _judge(self, refusal: WinRMTransportError) -> Exception:
        """A SOAP fault goes on to WSMan; anything else is judged by its HTTP status."""
        trusted = self._wire.answer_sealed or not self._transport.wrap_required
        if trusted and _is_xml(refusal.response_text):
            return refusal
        if refusal.code == _BAD_REQUEST and self._transport.wrap_required:
            what = f"{self.endpoint} does not know our sealed connection any more"
            return NotUnderstood(what, "does a load balancer or proxy share connections between hosts?")
        if refusal.code == _SERVER_ERROR and not self._connection.tls and not self._transport.wrap_required:
            what = f"{self.endpoint} refuses messages in clear (HTTP status {refusal.code})"
            return Unreachable(Reason.ENDPOINT, what, "leave ansible_psrp_message_encryption at auto, or use https")
        return status_error(refusal.code)

    def _refused(self, error: Exception) -> Unreachable | None:
        """Why a log-on failed on our side of it; None if the error has nothing to do with the log-on."""
        if self._transport.encryption is not None:
            return None
        logon = isinstance(error, SpnegoError) or self._wire.offered
        return refusal(error, self._connection) or (self._not_authenticated() if logon else None)

    def _not_authenticated(self) -> Unreachable:
        """After a 401. Windows answers the same to all that is wrong with an account."""
        kind, user = self._connection.authentication, self._connection.user or "this account"
        offered = offered_schemes(self._wire.offered)
        if not is_offered(kind, offered):
            message = f"401 from {self.endpoint}: the host does not accept {kind} here"
            advice = f"it offers: {', '.join(offered) or 'nothing'}; set ansible_psrp_auth to what it accepts"
        elif kind is Authentication.CERTIFICATE:
            message = f"401 from {self.endpoint}: the client certificate leads to no account"
            advice = "map it on the host (WSMan:\\localhost\\ClientCertificate) and allow Certificate there"
        else:
            message = f"401 from {self.endpoint}: {user} is not let in"
            advice = (
                "check the user and the password, and whether the account is locked, disabled or its password expired;"
                f" it was tried once (the host offers: {', '.join(offered)})"
            )
        return Unreachable(Reason.AUTHENTICATION, message, advice)

    def _session(self) -> requests.Session:
        session = self._transport._build_session()
        session.trust_env = False  # proxies and CA were taken from it already; a .netrc would replace our account
        session.max_redirects = 0
        for scheme in ("http://", "https://"):
            session.mount(scheme, WireAdapter(self._wire))
        if self._connection.authentication is Authentication.BASIC:
            session.auth = _basic(self._connection)
        elif isinstance(session.auth, HTTPNegotiateAuth) and self._connection.authentication is not Authentication.NTLM:
            timeout = min(self._connection.deadlines.connect, self._wire.remaining())
            session.auth.username = self._tickets.credentials(self._connection, timeout)  # type: ignore[assignment]
        return session


def _basic(connection: Connection) -> HTTPBasicAuth:
    """UTF-8, as RFC 7617 has it: requests itself fails on a character outside Latin-1."""
    password = connection.password.reveal() if connection.password else ""
    return HTTPBasicAuth((connection.user or "").encode(), password.encode())


_ONE_AT_A_TIME = Lock()  # WSMan() takes away and sets again XML prefixes that the whole process shares


def _wsman(connection: Connection) -> WSMan:
    sealing = "auto" if connection.tls else "always" if connection.encrypt else "never"
    verify = (connection.ca_file or True) if connection.verify else False
    with _ONE_AT_A_TIME:
        return WSMan(
            connection.address,
            port=connection.port,
            username=connection.user,
            password=connection.password.reveal() if connection.password else None,
            ssl=connection.tls,
            path=connection.path,
            auth=connection.authentication.value,
            cert_validation=verify,  # type: ignore[arg-type]  # pypsrp takes a path as well
            encryption=sealing,
            proxy=connection.proxy,
            no_proxy=connection.proxy is None,  # not the environment's, which is for the way to the internet
            operation_timeout=math.ceil(connection.deadlines.operation),
            certificate_pem=connection.certificate_pem,
            certificate_key_pem=connection.certificate_key_pem,
        )


def _check(connection: Connection) -> None:
    """Refuse what would send a password or a message in clear, or cannot work. Errors: Unreachable."""
    kind = connection.authentication
    if not connection.tls and kind is Authentication.CERTIFICATE:
        raise Unreachable(Reason.TLS, "a certificate authenticates only over TLS", "use port 5986 and protocol https")
    if not connection.tls and connection.encrypt and kind is Authentication.BASIC:
        message = "basic authentication without TLS would send the password in clear"
        raise Unreachable(Reason.AUTHENTICATION, message, "use https, or ntlm, which seals its messages")
    if kind is Authentication.BASIC and (connection.user is None or connection.password is None):
        raise Unreachable(Reason.AUTHENTICATION, "basic authentication needs a user and a password")
    if kind is Authentication.CERTIFICATE and not (connection.certificate_pem and connection.certificate_key_pem):
        raise Unreachable(Reason.AUTHENTICATION, "certificate authentication needs a certificate file and its key file")
    files = {connection.ca_file if connection.verify else None}
    if kind is Authentication.CERTIFICATE:
        files |= {connection.certificate_pem, connection.certificate_key_pem}
    for path in files - {None}:
        if not os.access(str(path), os.R_OK):
            raise Unreachable(Reason.TLS, f"the certificate file {path} cannot be read", "check its path and rights")


def _is_xml(text: str) -> bool:
    try:
        ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError):
        return False
    return True


def _damaged(error: Exception) -> ProtocolError:
    """Only the error's type is told: its text may hold what the host sent."""
    return ProtocolError(f"the host's answer cannot be understood ({type(error).__name__})", "try again")
