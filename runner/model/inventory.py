"""Hosts, their groups and variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from runner.model.errors import Problem
from runner.model.secret import Secret
from runner.model.source import Origin


class Authentication(StrEnum):
    BASIC = "basic"
    NTLM = "ntlm"
    NEGOTIATE = "negotiate"
    KERBEROS = "kerberos"
    CERTIFICATE = "certificate"


class Endpoint(StrEnum):
    """What a session configuration lets a session do (design section 3)."""

    FULL = "full"
    JEA = "jea"  # only visible commands, no script; Select-Object only for fixed names
    EXCHANGE = "exchange"  # only Exchange's commands, no script


class TransportName(StrEnum):
    PSRP = "psrp"
    WINRS = "winrs"


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds. `connect`: TCP and TLS; `operation`: one Receive may wait; `total`: one pipeline, to its end."""

    connect: float = 30.0
    operation: float = 20.0
    total: float = 600.0


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach one host; Ansible's connection variables give it (`ansible_host`, `ansible_psrp_*`).

    `fallback` is the transport for a host that turns out to have no endpoint of the first one; its use is announced.
    """

    address: str
    port: int
    user: str | None = None
    password: Secret | None = None
    tls: bool = True
    verify: bool = True
    ca_file: str | None = None
    path: str = "wsman"
    authentication: Authentication = Authentication.NEGOTIATE
    encrypt: bool = True  # message encryption when there is no TLS
    certificate_pem: str | None = None
    certificate_key_pem: str | None = None
    configuration: str = "Microsoft.PowerShell"
    endpoint: Endpoint = Endpoint.FULL
    proxy: str | None = None
    transport: TransportName = TransportName.PSRP
    fallback: TransportName | None = None
    deadlines: Deadlines = field(default_factory=Deadlines)


@dataclass(frozen=True, slots=True)
class Host:
    """A host with its variables, already merged by Ansible's precedence (all, groups by depth, host, `-e`).

    A variable is a Node as the user wrote it. The password is in `connection` only; a variable that it is made of is a
    Secret, or a list or mapping of them. `groups` are those it is in, parents included, without `all`.
    """

    name: str
    groups: tuple[str, ...]
    variables: Mapping[str, object]
    origin: Origin
    connection: Connection


@dataclass(frozen=True, slots=True)
class Inventory:
    """All hosts in file order; `files` are the paths that were read, for the plan's digest.

    `extra` are the variables of `-e`: they are in every host's variables, in the same form, and stand above those of
    plays and tasks too.
    `warnings` are settings that were understood and have no effect here.
    """

    hosts: Mapping[str, Host]
    groups: Mapping[str, tuple[str, ...]]  # group -> its hosts, children's included
    files: tuple[str, ...]
    extra: Mapping[str, object] = field(default_factory=dict)
    warnings: tuple[Problem, ...] = ()
