"""A fleet: the machines of a scenario as the server serves them, and the inventory that leads to them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import yaml

from runner.lab.auth import kerberos_lacks
from runner.lab.automatic import version_table
from runner.lab.boot import MachinePower
from runner.lab.certificates import Authority, Certificate
from runner.lab.cmdlet import Session
from runner.lab.engine import Engine
from runner.lab.faults import FaultPlan, What
from runner.lab.host import Account, Configuration, LabHost, Logons, Traffic
from runner.lab.machine import Machine
from runner.lab.module_folders import ModuleFiles
from runner.lab.packages import write_package
from runner.lab.private import write_private
from runner.lab.scenario import AccountSpec, Expectation, HostSpec, Phase, Scenario, ScenarioError
from runner.lab.server import LOOPBACK, Addresses, path_of
from runner.lab.spec import boot_habits, build_machine
from runner.lab.values import ClrList
from runner.model.secret import Secret


class Fleet:
    """The hosts of a scenario. Owns the machines; may be served by one server at a time.

    Raises ScenarioError for hosts with Kerberos where that cannot be served.
    """

    def __init__(self, scenario: Scenario, hosts: int | None = None) -> None:
        self.scenario = scenario
        self.authority = Authority()
        self.lock = threading.RLock()
        self.specs: dict[str, HostSpec] = dict(scenario.expand(hosts))
        self._check_kerberos()
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

    def logons(self, name: str) -> Logons:
        """The attempts to log on to a host so far."""
        return self._hosts[name].logons

    def faults(self, name: str) -> FaultPlan:
        """The faults of a host with what is left of them."""
        return self._hosts[name].faults

    def account(self, name: str) -> AccountSpec:
        """The account of a host."""
        return self.specs[name].account or self.scenario.account

    def expected(self, name: str, phase: Phase) -> Expectation | None:
        """What the scenario says that a phase finds on this host."""
        return self.specs[name].expect.get(phase)

    def attested(self, phase: Phase) -> Iterator[tuple[str, str]]:
        """The manual steps that the scenario says a person confirms before this phase: host and step."""
        return ((name, step) for name, spec in self.specs.items() for step in spec.attested.get(phase, ()))

    def client_certificate(self, name: str) -> Certificate | None:
        """The certificate with which a client logs on to a host that wants one."""
        return self._certificates.get(name)

    def _check_kerberos(self) -> None:
        """Kerberos needs a real KDC, which the lab is not, and an account of its realm."""
        for name in (name for name, spec in self.specs.items() if spec.auth == "kerberos"):
            lacks = "a domain for its account: the realm" if not self.account(name).domain else kerberos_lacks()
            if lacks:
                raise ScenarioError(f"{name}: the lab does not simulate a KDC; auth: kerberos needs {lacks}")

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
                    locked=account.locked,
                    password_expired=account.password_expired,
                    lockout_after=account.lockout_after,
                ),
            ),
            open_runspace=lambda: Engine(machine),
            version_table=_version_table(machine),
            computer_name=machine.facts.computer_name,
            schemes=frozenset({"negotiate", "negotiate" if spec.auth == "ntlm" else spec.auth}),
            channel_binding=spec.channel_binding,
            client_certificates={} if certificate is None else {certificate.fingerprint: account.user},
            allow_unencrypted=spec.allow_unencrypted,
            max_envelope_kb=spec.max_envelope_kb,
            max_shells_per_user=spec.max_shells_per_user,
            configurations=tuple(
                Configuration(one, made.path, partial(Engine, machine, made.endpoint()))
                for one, made in spec.configurations.items()
            ),
            faults=FaultPlan(spec.faults),
            power=MachinePower(machine, boot_habits(spec.boot)),
        )


def _version_table(machine: Machine) -> dict[str, object]:
    """The machine's $PSVersionTable in the types of psrpcore."""
    table = version_table(Session(machine, find_command=lambda name: None)).items
    return {str(name): list(value.items) if isinstance(value, ClrList) else value for name, value in table.items()}


# ---- inventory -----------------------------------------------------------------------------------------------


def write_inventory(fleet: Fleet, addresses: Addresses, directory: Path) -> Path:
    """Write an Ansible-style inventory that leads to the fleet, with the certificates and packages that it names.

    Its variable `lab_directory` is where all this lies, for the variables that a scenario gives its hosts.
    The path of the inventory, absolute as all in it; OSError if it cannot be written. It holds the lab's passwords.
    """
    directory = directory.absolute()
    directory.mkdir(parents=True, exist_ok=True)
    _write_packages(fleet.scenario, directory / "packages")
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
        "lab_directory": str(directory),
    }
    tree: dict[str, object] = {"hosts": hosts, "vars": common}
    if groups:
        tree["children"] = groups
    path = directory / "inventory.yml"
    write_private(path, yaml.safe_dump({"all": tree}, allow_unicode=True, sort_keys=False).encode())
    return path


def _write_packages(scenario: Scenario, folder: Path) -> None:
    for name, versions in scenario.packages.items():
        folder.mkdir(exist_ok=True)
        for version in versions:
            write_package(folder, ModuleFiles(name, version))


def _user(account: AccountSpec, spec: HostSpec) -> str:
    if not account.domain:
        return account.user
    return f"{account.user}@{account.domain}" if spec.auth == "kerberos" else f"{account.domain}\\{account.user}"


def _variables(
    fleet: Fleet, name: str, spec: HostSpec, addresses: Addresses, directory: Path
) -> dict[str, str | int | bool]:
    account = fleet.account(name)
    fault = spec.address_fault
    ports = {
        What.UNREACHABLE: addresses.dead_port,
        What.TLS_UNTRUSTED: addresses.untrusted_port,
        What.TLS_EXPIRED: addresses.expired_port,
        What.TLS_WRONG_NAME: addresses.wrong_name_port,
    }
    tls = spec.uses_tls or (fault is not None and fault.what is not What.UNREACHABLE)
    normal_port = addresses.tls_port if tls else addresses.port
    variables: dict[str, str | int | bool] = {
        "ansible_port": normal_port if fault is None else ports[fault.what],
        "ansible_user": _user(account, spec),
        "ansible_password": account.password.get_secret_value(),
        "ansible_psrp_protocol": "https" if tls else "http",
        "ansible_psrp_path": path_of(name, spec.configurations[spec.configuration].path),
        "ansible_psrp_auth": spec.auth,
    }
    if spec.configuration != "Microsoft.PowerShell":
        variables["ansible_psrp_configuration_name"] = spec.configuration
    if spec.auth == "kerberos":
        variables["ansible_host"] = "localhost"  # a ticket is for a name
    certificate = fleet.client_certificate(name)
    if certificate is not None:
        pem, key = directory / f"{name}.pem", directory / f"{name}-key.pem"
        pem.write_bytes(certificate.pem)
        write_private(key, certificate.key_pem)
        del variables["ansible_password"]
        variables |= {"ansible_psrp_certificate_pem": str(pem), "ansible_psrp_certificate_key_pem": str(key)}
    return variables | spec.inventory
