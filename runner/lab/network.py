r"""What a machine reaches: names, ports, the TLS versions that sites ask for, the site's HTTP proxy.

A process speaks what was set when it began (domain.md 3.1: .NET reads its values once per process): `spoken_tls` is
asked when a session starts, `reach` is given its answer. Nothing waits here: how long Windows tries is part of the
answer, and who asked lets that time pass or gives up before. Not recorded anywhere: see docs/not-grounded.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from types import MappingProxyType
from urllib.parse import SplitResult, urlsplit

from runner.lab.registry import Registry
from runner.lab.wildcard import matches

_DOT_NET = "HKLM\\SOFTWARE\\Microsoft\\.NETFramework\\v4.0.30319"
_SCHANNEL = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL\\Protocols\\TLS {}\\Client"
_CONNECT_SECONDS = 21.0  # how long Windows tries to connect where nothing answers
_PORTS = MappingProxyType({"http": 80, "https": 443})


class Tls(IntEnum):
    V1_0 = 10
    V1_1 = 11
    V1_2 = 12


class Port(StrEnum):
    """What a direct connection to a host meets."""

    OPEN = "open"
    REFUSED = "refused"
    DROPPED = "dropped"  # a firewall swallows it: nothing answers


class Trouble(StrEnum):
    """Why nothing was answered; the names are .NET's (System.Net.WebExceptionStatus)."""

    NAME = "NameResolutionFailure"
    CONNECT = "ConnectFailure"
    TLS = "SecureChannelFailure"
    PROXY_NAME = "ProxyNameResolutionFailure"


@dataclass(frozen=True, slots=True)
class Site:
    """One host of the network, or all that a pattern means.

    `resolves` and `port` are about the direct way; `by_proxy`: whether the proxy reaches it. `redirect` is where an
    answer with a status from 300 to 399 points to. `latency` is in seconds of machine time.
    """

    resolves: bool = True
    port: Port = Port.OPEN
    by_proxy: bool = True
    least_tls: Tls = Tls.V1_0
    status: int = 200
    redirect: str = ""
    latency: float = 0.0


@dataclass(frozen=True, slots=True)
class SiteProxy:
    """The HTTP proxy of a site: host name, port, and whether it wants to know who asks."""

    host: str
    port: int
    authentication: bool = False


@dataclass(frozen=True, slots=True)
class Network:
    """What one machine can reach. `sites` are by name or pattern, the more decisive ones first.

    A name that nothing here describes does not resolve.
    """

    sites: Mapping[str, Site] = field(default_factory=lambda: MappingProxyType({}))
    proxy: SiteProxy | None = None

    def site(self, host: str) -> Site:
        folded = host.casefold()
        exact = next((site for name, site in self.sites.items() if name.casefold() == folded), None)
        found = exact or next((site for name, site in self.sites.items() if matches(name, host)), None)
        return found or Site(resolves=False, by_proxy=False)


@dataclass(frozen=True, slots=True)
class Proxy:
    """The proxy that a request is told to use; `authenticated`: it comes with an account."""

    url: str
    authenticated: bool = False


@dataclass(frozen=True, slots=True)
class Reached:
    """An HTTP answer. `by_proxy`: it is the proxy's own (407), not the host's."""

    status: int
    seconds: float
    redirect: str = ""
    by_proxy: bool = False


@dataclass(frozen=True, slots=True)
class Unreached:
    """`seconds` is how long Windows tried; one who asked may have had less patience."""

    trouble: Trouble
    seconds: float = 0.0


def reach(network: Network, spoken: frozenset[Tls], url: str, proxy: Proxy | None = None) -> Reached | Unreached:
    """What a process that speaks `spoken` gets from an http or https URL, with a proxy or directly.

    Raises ValueError for a URL of another kind.
    """
    target = urlsplit(url)
    if target.scheme not in _PORTS or not target.hostname:
        raise ValueError(f"{url}: an http or https URL is wanted")
    site = network.site(target.hostname)
    refusal = _by_proxy(network, site, proxy) if proxy else _directly(site)
    if refusal is not None:
        return refusal
    if target.scheme == "https" and not any(version >= site.least_tls for version in spoken):
        return Unreached(Trouble.TLS, site.latency)
    return Reached(site.status, site.latency, site.redirect)


def _directly(site: Site) -> Unreached | None:
    if not site.resolves:
        return Unreached(Trouble.NAME)
    if site.port is Port.OPEN:
        return None
    return Unreached(Trouble.CONNECT, _CONNECT_SECONDS if site.port is Port.DROPPED else site.latency)


def _by_proxy(network: Network, site: Site, asked: Proxy) -> Reached | Unreached | None:
    """What the proxy has against it. It answers 407 to one it does not know, and 502 where it cannot go on itself."""
    proxy, there = network.proxy, urlsplit(asked.url)
    if proxy is None or (there.hostname or "") != proxy.host.casefold():
        return Unreached(Trouble.PROXY_NAME)
    if _port(there) != proxy.port:
        return Unreached(Trouble.CONNECT)
    if proxy.authentication and not asked.authenticated:
        return Reached(407, 0.0, by_proxy=True)
    return None if site.by_proxy else Reached(502, site.latency, by_proxy=True)


def _port(url: SplitResult) -> int | None:
    return url.port or _PORTS.get(url.scheme)


def spoken_tls(registry: Registry, powershell: tuple[int, ...]) -> frozenset[Tls]:
    """The TLS versions that a new 64-bit PowerShell process of this version offers as a client (domain.md 3.1).

    With SystemDefaultTlsVersions they are the system's; with SchUseStrongCrypto alone all three are asked for by name,
    which only Enabled = 0 forbids; with neither, Windows PowerShell asks for TLS 1.0. Later PowerShell takes the
    system's.
    """
    takes_system_s = powershell >= (6, 0) or _value(registry, _DOT_NET, "SystemDefaultTlsVersions") == 1
    strong = _value(registry, _DOT_NET, "SchUseStrongCrypto") == 1
    asked = frozenset(Tls) if takes_system_s or strong else frozenset({Tls.V1_0})
    return frozenset(version for version in asked if _is_on(registry, version, by_name=not takes_system_s))


def may_speak(registry: Registry, version: Tls) -> bool:
    """Whether a process that asks for a TLS version by name gets it: only Enabled = 0 forbids it."""
    return _is_on(registry, version, by_name=True)


def _is_on(registry: Registry, version: Tls, *, by_name: bool) -> bool:
    """Whether SCHANNEL lets a client speak a version; without values, all three are on since Windows 8.1."""
    key = _SCHANNEL.format(f"{version // 10}.{version % 10}")
    if _value(registry, key, "Enabled") == 0:
        return False
    return by_name or _value(registry, key, "DisabledByDefault") in (None, 0)


def _value(registry: Registry, path: str, name: str) -> object:
    key = registry.find(path)
    value = key.value(name) if key else None
    return value.data if value else None
