"""The authentication schemes that a WinRM service offers, and which of them serve a kind of authentication."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from runner.model.inventory import Authentication

_SCHEMES: Mapping[Authentication, frozenset[str]] = MappingProxyType(
    {
        Authentication.BASIC: frozenset({"basic"}),
        Authentication.NTLM: frozenset({"negotiate", "ntlm"}),
        Authentication.NEGOTIATE: frozenset({"negotiate", "kerberos", "ntlm"}),
        Authentication.KERBEROS: frozenset({"negotiate", "kerberos"}),
    }
)


def offered_schemes(header: str) -> tuple[str, ...]:
    """The schemes of a WWW-Authenticate header, several headers joined by commas, without their parameters."""
    return tuple(part.split()[0] for part in header.split(",") if part.strip())


def is_offered(kind: Authentication, schemes: tuple[str, ...]) -> bool:
    """Whether one of the schemes serves this kind; True for certificates, which no scheme announces."""
    wanted = _SCHEMES.get(kind)
    return wanted is None or not wanted.isdisjoint(map(str.casefold, schemes))
