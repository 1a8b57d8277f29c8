"""A fleet: the machines of a scenario as the server serves them, and the inventory that leads to them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml

from runner.lab.certificates import Authority, Certificate
from runner.lab.cmdlet import Session
from runner.lab.cmdlets.session import version_table
from runner.lab.engine import Engine
from runner.lab.faults import FaultPlan, What
from runner.lab.host import Account, LabHost, Traffic
from runner.lab.machine import Machine
from runner.lab.scenario import AccountSpec, Expectation, HostSpec, Phase, Scenario
from runner.lab.server import LOOPBACK, Addresses, path_of
from runner.lab.spec import build_machine
from runner.lab.values import ClrList
from runner.model.secret import Secret


class Fleet:
    """The hosts of a scenario. Owns the machines; may be served by one server at a time."""

    def __init__(self, scenario: Scenario, hosts: int | None = None) -> None:
        self.scenario = scenario
        self.authority = Authority()
        self.lock = threading.RLock()
        self.specs: dict[str, HostSpec] = dict(scenario.expand(hosts))
        self._machines = {name: build_machine(name, spec) for name, spec in self.specs.items()}
        self._certificates = {
            name: self.authority.client(self.account(name).user)
            for name, spec in self.specs.items()
            if spec.auth == "certificate"
        }
        self._hosts = {name: self._host(name, spec) for name, spec in self.specs.items()}

    @property
    def hosts(self) -> Sequence[LabHost]:
        """What the server serves."""
        return tuple(self._hosts.values())

    def machine(self, name: str) -> Machine:
        """A machine, to look at. To change it while it is served, use `editing`. KeyError for an unknown name."""
        return self._machines[name]

    @contextmanager
    def editing(self, name: str) -> Iterator[Machine]:
        """A machine to look at or change from outside; no cmdlet runs meanwhile, on any host."""
        with self.lock:
            yield self._machines[name]

    def traffic(self, name: str) -> Traffic:
        """What went over the wire for a host so far."""
        return self._hosts[name].traffic

    def account(self, name: str) -> AccountSpec:
        """The account of a host."""
        return self.specs[name].account or self.scenario.account

    def expected(self, name: str, phase: Phase) -> Expectation | None:
        """What the scenario says that a phase finds on this host."""
        return self.specs[name].expect.get(phase)

    def client_certificate(self, name: str) -> Certificate | None:
        """The certificate with which a client logs on to a host that wants one."""
        return self._certificates.get(name)

    def _host(self, name: str, spec: HostSpec) -> LabHost:
        machine = self._machines[name]
        account = self.account(name)
        certificate = self._certificates.get(name)
        return LabHost(
            name=name,
            accounts=(
                Account(
                    account.user,
                    Secret(account.password.get_secret_value()),
                    account.domain,
                    administrator=spec.rights == "administrator",
                ),
            ),
            open_runspace=lambda: Engine(machine),
            version_table=_version_table(machine),
            computer_name=machine.facts.computer_name,
            schemes=frozenset({"negotiate", spec.auth if spec.auth in ("basic", "certificate") else "negotiate"}),
            client_certificates={} if certificate is None else {certificate.fingerprint: account.user},
            allow_unencrypted=spec.allow_unencrypted,
            max_envelope_kb=spec.max_envelope_kb,
            max_shells_per_user=spec.max_shells_per_user,
            configurations=frozenset(spec.configurations),
            faults=FaultPlan(spec.faults),
        )


def _version_table(machine: Machine) -> dict[str, object]:
    """The machine's $PSVersionTable in the types of psrpcore."""
    table = version_table(Session(machine, find_command=lambda name: None)).items
    return {str(name): list(value.items) if isinstance(value, ClrList) else value for name, value in table.items()}


# ---- inventory -----------------------------------------------------------------------------------------------


def write_inventory(fleet: Fleet, addresses: Addresses, directory: Path) -> Path:
    """Write an Ansible-style inventory that leads to the fleet, with the certificates that it names.

    The path of the inventory; OSError if it cannot be written. It holds the lab's passwords.
    """
    directory.mkdir(parents=True, exist_ok=True)
    authority = directory / "lab-ca.pem"
    authority.write_bytes(fleet.authority.pem)
    hosts: dict[str, object] = {}
    groups: dict[str, dict[str, dict[str, None]]] = {}
    for name, spec in fleet.specs.items():
        hosts[name] = _variables(fleet, name, spec, addresses, directory)
        for group in spec.groups:
            groups.setdefault(group, {"hosts": {}})["hosts"][name] = None
    common: dict[str, object] = {
        "ansible_host": LOOPBACK,
        "ansible_connection": "psrp",
        "ansible_psrp_ca_cert": str(authority),
    }
    tree: dict[str, object] = {"hosts": hosts, "vars": common}
    if groups:
        tree["children"] = groups
    path = directory / "inventory.yml"
    _write_private(path, yaml.safe_dump({"all": tree}, allow_unicode=True, sort_keys=False).encode())
    return path


def _variables(
    fleet: Fleet, name: str, spec: HostSpec, addresses: Addresses, directory: Path
) -> dict[str, str | int | bool]:
    account = fleet.account(name)
    fault = spec.address_fault
    ports = {
        What.UNREACHABLE: addresses.dead_port,
        What.TLS_UNTRUSTED: addresses.untrusted_port,
        What.TLS_EXPIRED: addresses.expired_port,
    }
    tls = spec.uses_tls or (fault is not None and fault.what is not What.UNREACHABLE)
    normal_port = addresses.tls_port if tls else addresses.port
    variables: dict[str, str | int | bool] = {
        "ansible_port": normal_port if fault is None else ports[fault.what],
        "ansible_user": f"{account.domain}\\{account.user}" if account.domain else account.user,
        "ansible_password": account.password.get_secret_value(),
        "ansible_psrp_protocol": "https" if tls else "http",
        "ansible_psrp_path": path_of(name),
        "ansible_psrp_auth": spec.auth,
    }
    certificate = fleet.client_certificate(name)
    if certificate is not None:
        pem, key = directory / f"{name}.pem", directory / f"{name}-key.pem"
        pem.write_bytes(certificate.pem)
        _write_private(key, certificate.key_pem)
        del variables["ansible_password"]
        variables |= {"ansible_psrp_certificate_pem": str(pem), "ansible_psrp_certificate_key_pem": str(key)}
    return variables | spec.inventory


def _write_private(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
