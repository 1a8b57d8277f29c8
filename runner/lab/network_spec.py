r"""The network of a machine's spec.

`network: {internet: none}` is an offline site; `proxy: {url: 'http://proxy.example:8080', authentication: true}` names
the site's proxy, and `hosts: {outlook.office365.com: {port: dropped}, '*.example': {status: 401}}` says what differs
from the internet as everybody has it (`data/internet.yml`): for a name itself, what is left out stays.
"""

from __future__ import annotations

import functools
from importlib import resources
from types import MappingProxyType
from typing import Literal
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator

from runner.lab.enums import HttpStatusCode
from runner.lab.network import Network, Port, Site, SiteProxy, Tls


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HostSpec(_Strict):
    """One host or pattern; see `network.Site`. `tls` is the least version that it accepts."""

    resolves: bool | None = None
    port: Port | None = None
    by_proxy: bool | None = None
    tls: Literal["1.0", "1.1", "1.2"] | None = None
    status: int | None = None
    redirect: str | None = None
    latency: float | None = Field(default=None, ge=0, le=3600)

    @field_validator("status")
    @classmethod
    def _is_known(cls, status: int | None) -> int | None:
        if status not in {None, *map(int, HttpStatusCode)}:
            raise ValueError(f"{status}: a status of HTTP is wanted that .NET has a name for")
        return status


class ProxySpec(_Strict):
    url: str
    authentication: bool = False

    @field_validator("url")
    @classmethod
    def _names_a_port(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname or parts.port is None:
            raise ValueError(f"{url}: such as http://proxy.example:8080 is wanted")
        return url


class NetworkSpec(_Strict):
    """`internet: none`: nothing but the hosts named here is there."""

    internet: Literal["open", "none"] = "open"
    proxy: ProxySpec | None = None
    hosts: dict[str, HostSpec] = {}


def made_network(spec: NetworkSpec) -> Network:
    """The network that the spec describes. What it names comes before what everybody has."""
    known = {} if spec.internet == "none" else dict(_internet())
    own = {name: _site(known.pop(name.casefold(), HostSpec()), host) for name, host in spec.hosts.items()}
    everywhere = {name: _site(host, HostSpec()) for name, host in known.items()}
    return Network(MappingProxyType({**own, **everywhere}), _proxy(spec.proxy) if spec.proxy else None)


def _site(known: HostSpec, own: HostSpec) -> Site:
    given = {**known.model_dump(exclude_none=True), **own.model_dump(exclude_none=True)}
    if "tls" in given:
        given["least_tls"] = Tls(int(given.pop("tls").replace(".", "")))
    return Site(**given)


def _proxy(spec: ProxySpec) -> SiteProxy:
    parts = urlsplit(spec.url)
    return SiteProxy(parts.hostname or "", parts.port or 0, spec.authentication)


@functools.cache
def _internet() -> MappingProxyType[str, HostSpec]:
    """The hosts that a machine without a spec reaches, by their names in small letters."""
    text = (resources.files("runner.lab") / "data" / "internet.yml").read_text(encoding="utf-8")
    return MappingProxyType({name: HostSpec.model_validate(host) for name, host in yaml.safe_load(text).items()})
