"""Takes out of a text what names a host, its domain, its users and addresses: the same thing is the same placeholder.

Shapes hold no values; but an error id may be a text that somebody threw, and a property may be called after anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

from runner.model.inventory import Connection, Host
from runner.model.secret import Secret, redact

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_PATTERNS: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "sid": re.compile(r"\bS-1-(?:5-21|12-1)(?:-\d+)+\b", re.IGNORECASE),  # of a machine, a domain, of Entra
        "id": re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE),
        "user": re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b"),
        # From 10. on: below, four small numbers are the version of a module or of .NET.
        "address": re.compile(rf"(?<![\w.])(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]\d)(?:\.{_OCTET}){{3}}(?![\w.])"),
    }
)
_FACTS = MappingProxyType(
    {
        "ansible_fqdn": "host",
        "ansible_hostname": "host",
        "ansible_netbios_name": "host",
        "ansible_domain": "domain",
        "ansible_windows_domain": "domain",
    }
)


@dataclass(slots=True)
class Redactor:
    """`names` are texts that name something, with what they name; a name counts in any case, as a word."""

    names: Mapping[str, str]
    secrets: frozenset[Secret]
    _numbers: dict[tuple[str, str], int] = field(default_factory=dict)

    @classmethod
    def of(cls, host: Host, facts: Mapping[str, Any]) -> Redactor:
        """What an inventory and a host say of who they are."""
        names = dict(_of_connection(host.connection))
        names[host.name] = "host"
        names |= {str(facts[fact]): what for fact, what in _FACTS.items() if facts.get(fact)}
        password = host.connection.password
        return cls({name: what for name, what in names.items() if name}, frozenset({password} if password else ()))

    def text(self, text: str) -> str:
        """The text with placeholders in their places."""
        text = redact(text, self.secrets)
        for name in sorted(self.names, key=len, reverse=True):
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", f"<{self.names[name]}>", text, flags=re.IGNORECASE)
        for kind, pattern in _PATTERNS.items():
            text = pattern.sub(partial(self._numbered, kind), text)
        return text

    def _numbered(self, kind: str, found: re.Match[str]) -> str:
        number = self._numbers.setdefault((kind, found.group().casefold()), len(self._numbers) + 1)
        return f"<{kind}-{number}>"


def _of_connection(connection: Connection) -> Iterator[tuple[str, str]]:
    """The address, the proxy's, and an account in all its parts: DOMAIN\\user, user@domain."""
    yield connection.address, "host"
    if connection.proxy:
        yield connection.proxy, "proxy"
    if connection.user:
        yield connection.user, "user"
        domain, _, user = connection.user.rpartition("\\")
        user, _, realm = user.partition("@")
        yield user, "user"
        yield from ((name, "domain") for name in (domain, realm))
