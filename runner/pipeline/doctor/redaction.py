r"""Takes out of a text what names a host, its domain, its users and addresses: the same thing is the same placeholder.

Shapes hold no values; but an error id may be a text that somebody threw, and a property may be called after anything.
What looks like a name (`DOMAIN\user`, an address, a profile's folder) goes as a whole, also where only a part of it is
known; elsewhere, what the inventory and the host say of who they are. What neither is known nor looks like a name, such
as another host's name that stands alone, stays: docs/doctor.md says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from runner.model.inventory import Connection, Host
from runner.model.secret import Secret, redact

_PART = r"[^\\/\s:*?\"'<>|,;]++"  # of a path; the halves of DOMAIN\user look like it
_OCTETS = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}"
_GROUP = r"[0-9a-f]{1,4}"
_IPV6 = rf"(?:(?:{_GROUP}:){{7}}{_GROUP}|(?:(?:{_GROUP}:){{1,7}}:|::)(?:{_GROUP}(?::{_GROUP}){{0,6}})?)"
_NO_ACCOUNT = r"(?:BUILTIN|HKEY_\w+|Microsoft(?:\.\w+)+)\\"  # every Windows has these
_PATTERNS: Mapping[str, str] = MappingProxyType(  # the first that fits at a place counts
    {
        "sid": r"\bS-1-(?:5-21|12-1)(?:-\d+)+\b",  # of a machine, a domain, of Entra
        "id": r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b",
        "mac": r"\b[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}\b",
        "entry": r"\b(?:CN|OU|DC)=[^,;\"'<>]+(?:,\s*[a-z]+=[^,;\"'<>]+)*",
        "server": r"(?<=://)[^/\\?#\s\"']+",
        "share": rf"(?<![\w:\\])\\\\(?:\?\\UNC\\)?(?![.?]\\){_PART}(?:\\{_PART})?",
        "user": r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)*",
        "profile": r"(?:(?<=[\\/]Users[\\/])|(?<=[\\/]Documents and Settings[\\/]))[^\\/:*?\"'<>|\r\n]+",
        "account": rf"(?<![\w\\/.-])(?<!NT )(?!{_NO_ACCOUNT}){_PART}\\{_PART}(?![\\/:])",
        "ipv6": rf"(?<![\w:.\]]){_IPV6}(?:(?:\.\d{{1,3}}){{3}})?(?:%\w+)?(?![\w:])",
        "address": rf"(?<![\w.]){_OCTETS}(?!\.?\w)",
    }
)
_VERSION = re.compile(r"\d+(?:\.\d+){1,3}")
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
    _pattern: re.Pattern[str] = field(init=False)
    _known: Mapping[str, str] = field(init=False)
    _numbers: dict[tuple[str, str], int] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        longest_first = sorted(self.names, key=len, reverse=True)
        known = "|".join(_pattern_of(name, self.names[name]) for name in longest_first)
        patterns = [f"(?P<{kind}>{pattern})" for kind, pattern in _PATTERNS.items()]
        self._pattern = re.compile("|".join([*patterns, *([f"(?P<name>{known})"] if known else [])]), re.IGNORECASE)
        self._known = {name.casefold(): what for name, what in self.names.items()}

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
        return self._pattern.sub(self._placeholder, redact(text, self.secrets))

    def word(self, word: str) -> str:
        """A word of an enumeration; or a version, which looks like an address and is none."""
        return word if _VERSION.fullmatch(word) else self.text(word)

    def _placeholder(self, found: re.Match[str]) -> str:
        text = found.group().casefold()
        if text in self._known:
            return f"<{self._known[text]}>"
        kind = "host" if found.lastgroup == "name" else found.lastgroup
        number = self._numbers.setdefault((str(kind), text), len(self._numbers) + 1)
        return f"<{kind}-{number}>"


def _pattern_of(name: str, what: str) -> str:
    """A name as a word, of which `_` is no part; of a domain with a dot, also the hosts in it."""
    hosts = r"(?:[\w-]+\.)*" if what == "domain" and "." in name else ""
    return rf"(?<![^\W_]){hosts}{re.escape(name)}(?![^\W_])"


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
