"""Who is calling: NTLM and Negotiate with message sealing, Basic, client certificates; per TCP connection.

NTLM belongs to the TCP connection, Basic and certificates to each request (groundtruth/README.md section 3). The
acceptor is pyspnego's. It takes accounts only from the file that the environment variable NTLM_USER_FILE names and
reads it at each log-on; so each host has a small file of its own, and the variable names it during one step.
Hence the same account name may have another password on each host. The file holds NT hashes: a colon in a
password would make a line in the plain form vanish in silence.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import spnego
from spnego._ntlm_raw.crypto import ntowfv1  # the library has no public name for the NT hash
from spnego.exceptions import SpnegoError

from runner.lab.host import Account, LabHost
from runner.lab.http import HttpReply, HttpRequest

CERTIFICATE_PROFILE = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"
SEALED = "application/HTTP-SPNEGO-session-encrypted"
SEALED_TYPE = f'multipart/encrypted;protocol="{SEALED}";boundary="Encrypted Boundary"'

_BOUNDARY = b"--Encrypted Boundary"
_OCTETS = b"\tContent-Type: application/octet-stream\r\n"
_LENGTH = re.compile(rb"Length=(\d+)")
_NO_LM_HASH = "0" * 32
_environment = threading.Lock()  # os.environ is one for all labs of a process


class SealError(Exception):
    """A sealed body that cannot be opened."""


class UserFiles:
    """The accounts of the hosts in the form that pyspnego reads, one file per host, made when first needed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._paths: dict[str, Path] = {}

    @contextmanager
    def selected(self, host: LabHost) -> Iterator[None]:
        """While this context is open, NTLM acceptors of this process know the accounts of `host` only."""
        path = self._paths.get(host.name) or self._write(host)
        with _environment:
            before = os.environ.get("NTLM_USER_FILE")
            os.environ["NTLM_USER_FILE"] = str(path)
            try:
                yield
            finally:
                if before is None:
                    del os.environ["NTLM_USER_FILE"]
                else:
                    os.environ["NTLM_USER_FILE"] = before

    def _write(self, host: LabHost) -> Path:
        path = self._directory / f"{len(self._paths)}.users"
        lines = []
        for account in host.accounts:
            nt_hash = ntowfv1(account.password.reveal()).hex().upper()
            lines += [f"{name}:0:{_NO_LM_HASH}:{nt_hash}:[U]:LCT-0\n" for name in host.logon_names(account)]
        path.touch(mode=0o600)
        path.write_text("".join(lines), encoding="utf-8")
        self._paths[host.name] = path
        return path


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated client; `context` seals messages if the connection was made with NTLM."""

    account: Account
    principal: str
    context: spnego.ContextProxy | None = None


@dataclass(slots=True)
class Authenticator:
    """The authentication of one TCP connection. `certificate_hash`: SHA-256 of the client's TLS certificate."""

    users: UserFiles
    secure: bool
    certificate_hash: bytes | None = None
    _host: LabHost | None = field(default=None, init=False)
    _context: spnego.ContextProxy | None = field(default=None, init=False)
    _caller: Caller | None = field(default=None, init=False)

    @property
    def has_context(self) -> bool:
        """Whether somebody logged on with NTLM on this connection."""
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
        if scheme.lower() in ("negotiate", "ntlm") and "negotiate" in host.schemes:
            return self._negotiate(scheme, credentials, host, empty=not request.body)
        if scheme.lower() == "basic" and self._offers_basic(host):
            return self._basic(credentials, host) or self.challenge(host)
        if scheme == CERTIFICATE_PROFILE and "certificate" in host.schemes:
            return self._certificate(host) or self.challenge(host)
        return self._caller or self.challenge(host)

    def challenge(self, host: LabHost) -> HttpReply:
        """HTTP 401 with the schemes that this host offers on this connection."""
        offers = ["Negotiate"] if "negotiate" in host.schemes else []
        if self._offers_basic(host):
            offers.append('Basic realm="WSMAN"')
        return HttpReply(401, headers=tuple(("WWW-Authenticate", offer) for offer in offers))

    def _offers_basic(self, host: LabHost) -> bool:
        return "basic" in host.schemes and (self.secure or host.allow_unencrypted)

    def _negotiate(self, scheme: str, credentials: str, host: LabHost, *, empty: bool) -> Caller | HttpReply:
        try:
            answer = self._step(base64.b64decode(credentials, validate=True), host)
        except (SpnegoError, binascii.Error, ValueError, struct.error):
            # An unknown user and a bad password raise different errors; Windows answers 401 to both.
            self.forget()
            return self.challenge(host)
        context = self._context
        assert context is not None
        token = base64.b64encode(answer).decode() if answer else ""
        headers = (("WWW-Authenticate", f"{scheme} {token}"),) if token else ()
        if not context.complete:
            return HttpReply(401, headers=headers)
        self._caller = self._identify(context, host)
        if self._caller is None:
            return self.challenge(host)
        return HttpReply(200, headers=headers) if empty else self._caller

    def _step(self, token: bytes, host: LabHost) -> bytes | None:
        with self.users.selected(host):
            if self._context is None or self._context.complete:
                self._caller = None
                self._context = _acceptor(token)
            return self._context.step(token)

    def _identify(self, context: spnego.ContextProxy, host: LabHost) -> Caller | None:
        principal = context.client_principal or ""
        account = host.account(principal)
        return None if account is None else Caller(account, principal, context)

    def _basic(self, credentials: str, host: LabHost) -> Caller | None:
        try:
            user, _, password = _text(base64.b64decode(credentials, validate=True)).partition(":")
        except binascii.Error:
            return None
        account = host.account(user)
        if account is None or account.password.reveal() != password:
            return None
        return Caller(account, user)

    def _certificate(self, host: LabHost) -> Caller | None:
        user = host.client_certificates.get(self.certificate_hash or b"")
        account = None if user is None else host.account(user)
        return None if account is None else Caller(account, account.user)


def _text(credentials: bytes) -> str:
    """UTF-8, or Latin-1 as the Python library `requests` encodes what it can."""
    try:
        return credentials.decode()
    except UnicodeDecodeError:
        return credentials.decode("latin-1")


def _acceptor(first_token: bytes) -> spnego.ContextProxy:
    """An acceptor for what the client speaks: raw NTLM is allowed under the name Negotiate too."""
    if first_token.startswith(b"NTLMSSP\0"):
        return spnego.server(protocol="ntlm", options=spnego.NegotiateOptions.none)
    return spnego.server(protocol="negotiate", options=spnego.NegotiateOptions.use_negotiate)


def unseal(context: spnego.ContextProxy, body: bytes) -> bytes:
    """The SOAP text inside a multipart/encrypted body ([MS-WSMV] 2.2.9.1). Raises SealError."""
    try:
        announced = _LENGTH.search(body)
        part = body.split(_BOUNDARY + b"\r\n")[2]
        part = part[len(_OCTETS) : part.rindex(_BOUNDARY + b"--")]
        header_length = struct.unpack("<I", part[:4])[0]
        plain = context.unwrap_winrm(part[4 : 4 + header_length], part[4 + header_length :])
    except (IndexError, ValueError, struct.error, SpnegoError) as error:
        raise SealError(f"a sealed body that cannot be opened: {type(error).__name__}") from error
    if announced is None or len(plain) != int(announced[1]):
        raise SealError("the length of a sealed body is not the announced one")
    return plain


def seal(context: spnego.ContextProxy, plain: bytes) -> bytes:
    """A multipart/encrypted body with this SOAP text."""
    header, data, padding = context.wrap_winrm(plain)
    return b"".join(
        (
            _BOUNDARY,
            b"\r\n\tContent-Type: ",
            SEALED.encode(),
            b"\r\n\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d\r\n" % (len(plain) + padding),
            _BOUNDARY,
            b"\r\n",
            _OCTETS,
            struct.pack("<I", len(header)),
            header,
            data,
            _BOUNDARY,
            b"--\r\n",
        )
    )
