"""Sealed messages: SOAP inside multipart/encrypted ([MS-WSMV] 2.2.9.1)."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

import spnego
from spnego.exceptions import SpnegoError

_PROTOCOLS = {
    "kerberos": "application/HTTP-Kerberos-session-encrypted",  # for the HTTP scheme Kerberos; SPNEGO otherwise
}
_SPNEGO = "application/HTTP-SPNEGO-session-encrypted"
_BOUNDARY = b"--Encrypted Boundary"
_OCTETS = b"\tContent-Type: application/octet-stream\r\n"
_LENGTH = re.compile(rb"Length=(\d+)")


class SealError(Exception):
    """A sealed body that cannot be opened."""


@dataclass(frozen=True, slots=True)
class Sealing:
    """Seals and opens with the security context of a log-on; `scheme` is the HTTP scheme by which it came about."""

    context: spnego.ContextProxy
    scheme: str

    @property
    def protocol(self) -> str:
        return _PROTOCOLS.get(self.scheme.casefold(), _SPNEGO)

    @property
    def content_type(self) -> str:
        return f'multipart/encrypted;protocol="{self.protocol}";boundary="Encrypted Boundary"'

    def unseal(self, body: bytes) -> bytes:
        """The SOAP text inside a sealed body. Raises SealError."""
        try:
            announced = _LENGTH.search(body)
            part = body.split(_BOUNDARY + b"\r\n")[2]
            part = part[len(_OCTETS) : part.rindex(_BOUNDARY + b"--")]
            header_length = struct.unpack("<I", part[:4])[0]
            plain = self.context.unwrap_winrm(part[4 : 4 + header_length], part[4 + header_length :])
        except (IndexError, ValueError, struct.error, SpnegoError) as error:
            raise SealError(f"a sealed body that cannot be opened: {type(error).__name__}") from error
        if announced is None or len(plain) != int(announced[1]):
            raise SealError("the length of a sealed body is not the announced one")
        return plain

    def seal(self, plain: bytes) -> bytes:
        """A sealed body with this SOAP text."""
        header, data, padding = self.context.wrap_winrm(plain)
        length = len(plain) + padding
        return b"".join(
            (
                _BOUNDARY,
                b"\r\n\tContent-Type: ",
                self.protocol.encode(),
                b"\r\n\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d\r\n" % length,
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
