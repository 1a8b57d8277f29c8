"""Who is calling: NTLM, Kerberos and Negotiate with message sealing, Basic, client certificates; per TCP connection.

NTLM and Kerberos belong to the TCP connection, Basic and certificates to each request (groundtruth/README.md section
3). The acceptors are pyspnego's. Kerberos needs the extra `kerberos` and a keytab (KRB5_KTNAME); a host without the
scheme `kerberos` lets nobody in by it.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import struct
from dataclasses import dataclass, field
from importlib.util import find_spec

import spnego
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import BadBindingsError, SpnegoError

from runner.lab.host import Account, ChannelBinding, LabHost
from runner.lab.http import HttpReply, HttpRequest
from runner.lab.ntlm import Claim, UserFiles, claim_in
from runner.lab.sealing import Sealing

CERTIFICATE_PROFILE = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"

_OFFERS = {"negotiate": "Negotiate", "kerberos": "Kerberos"}
_RAW_KERBEROS = re.compile(rb"\x60.{1,4}\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02", re.DOTALL)  # RFC 4121, 4.1
_CHANNEL_BOUND = 2048  # GSS_C_CHANNEL_BOUND_FLAG: pyspnego has no name for it
_DAMAGED = (SpnegoError, ImportError, binascii.Error, ValueError, struct.error)


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated client; `sealing` if the connection has a security context that can seal messages."""

    account: Account
    principal: str
    sealing: Sealing | None = None


@dataclass(slots=True)
class Authenticator:
    """The authentication of one TCP connection.

    `end_point` is the tls-server-end-point of our own TLS certificate (RFC 5929), None without TLS;
    `certificate_hash` the SHA-256 of the client's.
    """

    users: UserFiles
    end_point: bytes | None
    certificate_hash: bytes | None = None
    _host: LabHost | None = field(default=None, init=False)
    _context: spnego.ContextProxy | None = field(default=None, init=False)
    _caller: Caller | None = field(default=None, init=False)

    @property
    def has_context(self) -> bool:
        """Whether somebody logged on with NTLM or Kerberos on this connection."""
        return self._caller is not None

    def forget(self) -> None:
        """Drop the security context, as a server does that closed the connection."""
        self._host = self._context = self._caller = None

    def authenticate(self, request: HttpRequest, host: LabHost) -> Caller | HttpReply:
        """The caller of this request, or the answer that goes on with, or ends, the log-on."""
        if self._host is not host:
            self.forget()
            self._host = host
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() in host.schemes & _OFFERS.keys() or (
            scheme.lower() == "ntlm" and "negotiate" in host.schemes
        ):
            return self._negotiate(scheme, credentials, host, empty=not request.body)
        if scheme.lower() == "basic" and self._offers_basic(host):
            return self._basic(credentials, host) or self.challenge(host)
        if scheme == CERTIFICATE_PROFILE and "certificate" in host.schemes:
            return self._certificate(host) or self.challenge(host)
        return self._caller or self.challenge(host)

    def challenge(self, host: LabHost) -> HttpReply:
        """HTTP 401 with the schemes that this host offers on this connection."""
        offers = [offer for scheme, offer in _OFFERS.items() if scheme in host.schemes]
        if self._offers_basic(host):
            offers.append('Basic realm="WSMAN"')
        return HttpReply(401, headers=tuple(("WWW-Authenticate", offer) for offer in offers))

    def _offers_basic(self, host: LabHost) -> bool:
        return "basic" in host.schemes and (self.end_point is not None or host.allow_unencrypted)

    def _negotiate(self, scheme: str, credentials: str, host: LabHost, *, empty: bool) -> Caller | HttpReply:
        claim = None
        try:
            token = base64.b64decode(credentials, validate=True)
            claim = claim_in(token)
            answer = self._step(token, claim, host)
        except _DAMAGED as error:
            # An unknown user and a bad password raise different errors; Windows answers 401 to both.
            if claim is not None:
                host.logons.refuse(host.account(claim.principal), bad_password=_is_bad_password(error))
            self.forget()
            return self.challenge(host)
        context = self._context
        assert context is not None
        token_back = base64.b64encode(answer).decode() if answer else ""
        headers = (("WWW-Authenticate", f"{scheme} {token_back}"),) if token_back else ()
        if not context.complete:
            return HttpReply(401, headers=headers)
        self._caller = self._identify(context, scheme, host)
        if self._caller is None:
            self.forget()
            return self.challenge(host)
        return HttpReply(200, headers=headers) if empty else self._caller

    def _step(self, token: bytes, claim: Claim | None, host: LabHost) -> bytes | None:
        with self.users.selected(host):
            if self._context is None or self._context.complete:
                self._caller = None
                self._context = _acceptor(token)
            return self._context.step(token, channel_bindings=self._bindings(claim, host))

    def _bindings(self, claim: Claim | None, host: LabHost) -> GssChannelBindings | None:
        """What a log-on over TLS is held to; over HTTP there is no channel to bind to."""
        if self.end_point is None or host.channel_binding is ChannelBinding.NONE:
            return None
        if claim is not None and not claim.bound and host.channel_binding is ChannelBinding.RELAXED:
            return None
        return GssChannelBindings(application_data=self.end_point)

    def _identify(self, context: spnego.ContextProxy, scheme: str, host: LabHost) -> Caller | None:
        principal = context.client_principal or ""
        account = host.account(principal)
        allowed = context.negotiated_protocol != "kerberos" or self._takes_ticket(context, host)
        if account is None or not allowed:
            host.logons.refuse(account, bad_password=False)
            return None
        return Caller(account, principal, Sealing(context, scheme)) if host.logons.accept(account) else None

    def _takes_ticket(self, context: spnego.ContextProxy, host: LabHost) -> bool:
        """MIT's library lets an unbound ticket pass and only tells so."""
        if "kerberos" not in host.schemes:
            return False
        inner = getattr(context, "_context", context) if context.protocol == "negotiate" else context
        bound = bool(inner._context_attr & _CHANNEL_BOUND)
        return bound or self.end_point is None or host.channel_binding is not ChannelBinding.REQUIRED

    def _basic(self, credentials: str, host: LabHost) -> Caller | None:
        try:
            user, _, password = _text(base64.b64decode(credentials, validate=True)).partition(":")
        except binascii.Error:
            return None
        account = host.account(user)
        if account is None or account.password.reveal() != password:
            host.logons.refuse(account, bad_password=True)
            return None
        return Caller(account, user) if host.logons.accept(account) else None

    def _certificate(self, host: LabHost) -> Caller | None:
        user = host.client_certificates.get(self.certificate_hash or b"")
        account = None if user is None else host.account(user)
        if account is None:
            host.logons.refuse(None, bad_password=False)
            return None
        return Caller(account, account.user) if host.logons.accept(account) else None


def kerberos_lacks() -> str:
    """What must be there before the lab can accept Kerberos; "" if nothing is missing."""
    if any(find_spec(name) is None for name in ("gssapi", "krb5")):
        return "the Python packages gssapi and krb5: pip install 'ce-runner[kerberos]'"
    return "" if os.environ.get("KRB5_KTNAME") else "a keytab for host/localhost, named by the variable KRB5_KTNAME"


def _is_bad_password(error: Exception) -> bool:
    return isinstance(error, SpnegoError) and not isinstance(error, BadBindingsError)


def _text(credentials: bytes) -> str:
    """UTF-8, or Latin-1 as the Python library `requests` encodes what it can."""
    try:
        return credentials.decode()
    except UnicodeDecodeError:
        return credentials.decode("latin-1")


def _acceptor(first_token: bytes) -> spnego.ContextProxy:
    """An acceptor for what the client speaks: raw NTLM and raw Kerberos are allowed under the name Negotiate too."""
    if first_token.startswith(b"NTLMSSP\0"):
        return spnego.server(protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)
    if _RAW_KERBEROS.match(first_token):
        return spnego.server(protocol="kerberos", options=spnego.NegotiateOptions.none)
    return spnego.server(protocol="negotiate", options=spnego.NegotiateOptions.use_negotiate)
