"""A machine of the lab of the same Windows as a real host, asked over the same protocol."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import get_args

from runner.lab.errors import REFUSAL
from runner.lab.fleet import Fleet
from runner.lab.scenario import HostSpec, Scenario
from runner.lab.server import LOOPBACK, LabThread, path_of
from runner.lab.spec import MachineSpec, OsName, build_machine
from runner.model.command import Reply
from runner.model.inventory import Authentication, Connection, Endpoint, Host, TransportName
from runner.model.secret import Secret
from runner.modules.base import Facts
from runner.transport.base import Session
from runner.transport.psrp import PsrpTransport

_NAME = "twin"


@dataclass(frozen=True, slots=True)
class NoTwin:
    """Why the lab has no such machine."""

    reason: str


def twin_of(host: Host, facts: Facts) -> MachineSpec | NoTwin:
    """The machine of the lab that is compared with this host."""
    connection = host.connection
    if connection.endpoint is not Endpoint.FULL:
        return NoTwin(f"the endpoint is restricted ({connection.endpoint}), and the lab does not know its definition")
    if connection.transport is not TransportName.PSRP:
        return NoTwin("answers over WinRS have other types than those of PSRP")
    version = facts.values.get("ansible_distribution_version")
    if not isinstance(version, str):
        return NoTwin(facts.unreadable.get("ansible_distribution_version", "the host's Windows is not known"))
    name = _windows(version)
    if name is None:
        return NoTwin(f"the lab has no Windows of version {version}")
    powershell = facts.values.get("ansible_powershell_full_version")
    return MachineSpec.model_validate({"os": name, "powershell": powershell})


def _windows(version: str) -> str | None:
    """The lab's Windows of this version, by its first three numbers."""
    numbers = version.split(".")[:3]
    for name in get_args(OsName):
        if build_machine(_NAME, MachineSpec.model_validate({"os": name})).facts.version.split(".")[:3] == numbers:
            return str(name)
    return None


@contextmanager
def serving(spec: MachineSpec) -> Iterator[Session]:
    """A session on the machine while the block lasts. Errors: OSError when nothing can be served on loopback."""
    host = HostSpec.model_validate(spec.model_dump(exclude_unset=True))
    fleet = Fleet(Scenario(description="The twin of a real host.", hosts={_NAME: host}))
    with LabThread(fleet, pace=0.0) as lab:
        session = PsrpTransport().open(_connection(fleet, lab.addresses.port))
        try:
            yield session
        finally:
            session.close()


def _connection(fleet: Fleet, port: int) -> Connection:
    account = fleet.account(_NAME)
    return Connection(
        address=LOOPBACK,
        port=port,
        user=account.user,
        password=Secret(account.password.get_secret_value()),
        tls=False,
        path=path_of(_NAME),
        authentication=Authentication.NTLM,
    )


def refusals(reply: Reply) -> tuple[str, ...]:
    """What the lab said it does not simulate."""
    return tuple(error.message for error in reply.errors if error.name == REFUSAL)
