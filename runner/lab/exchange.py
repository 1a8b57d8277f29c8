"""An Exchange organisation as a machine's Exchange endpoint shows it: objects with properties, by kind.

Which properties an object has here is what domain.md names (S3-01, S3-03, S3-11, S3-13 to S3-18, 7.2); real objects
have many more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

Data = None | bool | int | str | tuple[str, ...]
OAUTH = "OAuth"
_METHODS = ("InternalAuthenticationMethods", "ExternalAuthenticationMethods")


class Kind(StrEnum):
    """What there is, called as in the names of its cmdlets."""

    ORGANIZATION = "OrganizationConfig"
    AUTH_SERVER = "AuthServer"
    SERVER = "ExchangeServer"
    MAPI = "MapiVirtualDirectory"
    WEB_SERVICES = "WebServicesVirtualDirectory"
    OAB = "OabVirtualDirectory"
    AUTODISCOVER = "AutodiscoverVirtualDirectory"
    ACTIVE_SYNC = "ActiveSyncVirtualDirectory"

    @property
    def is_virtual_directory(self) -> bool:
        return self.value.endswith("VirtualDirectory")


_URLS: Mapping[str, Data] = MappingProxyType({"InternalUrl": None, "ExternalUrl": None})
_AUTHENTICATION: Mapping[str, Data] = MappingProxyType(dict.fromkeys(_METHODS, ("Ntlm", "WindowsIntegrated")))
_WITH_OAUTH: Mapping[str, Data] = MappingProxyType({**_URLS, **_AUTHENTICATION, "OAuthAuthentication": False})
PROPERTIES: Mapping[Kind, Mapping[str, Data]] = MappingProxyType(  # and their defaults
    {
        Kind.ORGANIZATION: {"MapiHttpEnabled": True, "OAuth2ClientProfileEnabled": False},
        Kind.AUTH_SERVER: {"Enabled": True, "IsDefaultAuthorizationEndpoint": False, "DomainName": ()},
        Kind.SERVER: {"AdminDisplayVersion": None, "ServerRole": "Mailbox", "Edition": None},
        Kind.MAPI: {**_URLS, "IISAuthenticationMethods": ("Ntlm", "Negotiate")},
        Kind.WEB_SERVICES: _WITH_OAUTH,
        Kind.OAB: _WITH_OAUTH,
        Kind.AUTODISCOVER: _WITH_OAUTH,
        Kind.ACTIVE_SYNC: {**_URLS, **_AUTHENTICATION},
    }
)


@dataclass(frozen=True, slots=True)
class ExchangeObject:
    """One object. The identity of a virtual directory is `SERVER\\NAME (WEB SITE)`."""

    kind: Kind
    identity: str
    properties: Mapping[str, Data]

    def shown(self) -> dict[str, Data]:
        """All of its properties, those that follow from its identity included."""
        server, separator, name = self.identity.partition("\\")
        own: dict[str, Data] = {"Identity": self.identity, "Name": name or self.identity}
        return {**own, **({"Server": server} if separator else {}), **self.properties}


class Organization:
    """All objects. `changed` is told of each change: what, before, after."""

    def __init__(self, objects: Mapping[Kind, Mapping[str, Mapping[str, Data]]]) -> None:
        self._objects = {
            kind: {
                identity.casefold(): ExchangeObject(kind, identity, {**PROPERTIES[kind], **properties})
                for identity, properties in objects.get(kind, {}).items()
            }
            for kind in Kind
        }

    def all(self, kind: Kind) -> tuple[ExchangeObject, ...]:
        return tuple(self._objects[kind].values())

    def find(self, kind: Kind, identity: str) -> ExchangeObject | None:
        return self._objects[kind].get(identity.casefold())

    def set(self, before: ExchangeObject, values: Mapping[str, Data], record: Callable[..., None]) -> None:
        """Set properties of an object. OAuth among the methods of a directory follows OAuthAuthentication (S3-14)."""
        properties = {**before.properties, **values}
        if isinstance(oauth := values.get("OAuthAuthentication"), bool):
            for name in _METHODS:
                properties[name] = _with_oauth(properties.get(name), wanted=oauth)
        after = ExchangeObject(before.kind, before.identity, properties)
        if after.properties != before.properties:
            self._objects[before.kind][before.identity.casefold()] = after
            record(f"{before.kind} {before.identity}", before.properties, after.properties)


def _with_oauth(methods: Data, *, wanted: bool) -> Data:
    others = tuple(method for method in methods if method != OAUTH) if isinstance(methods, tuple) else ()
    return (*others, OAUTH) if wanted else others
