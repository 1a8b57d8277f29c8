"""The runner on endpoints without script and without Select-Object: the same modules, the same playbooks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.lab.exchange import Kind
from runner.lab.fleet import Fleet
from runner.model.command import ReplyState, Statement, command
from runner.model.document import load_plan
from runner.model.inventory import Authentication, Connection, Endpoint
from runner.model.secret import Secret
from runner.model.state import EMPTY
from runner.transport.psrp import PsrpTransport
from tests.product import ROOT, Served, served

EXCHANGE = ROOT / "playbooks" / "exchange-modern-authentication.yml"
JEA = """
description: A host with a restricted endpoint that shows the service cmdlets.
hosts:
  jea-01:
    configurations:
      CE.Remediation:
        session_type: restricted_remote_server
        language: no_language
        visible_cmdlets:
          Get-Service: {}
          Set-Service:
            Name: {validate_set: [LabSvc]}
            DisplayName: {}
            StartupType: {validate_set: [Manual, Disabled]}
          Start-Service: {Name: {validate_pattern: Lab.*}}
          Stop-Service: {Name: {validate_pattern: Lab.*}}
          Restart-Service: {Name: {validate_pattern: Lab.*}}
    configuration: CE.Remediation
    services:
      LabSvc: {display_name: Old, status: stopped, start_mode: disabled}
      LabOther: {display_name: Other, status: running, start_mode: manual}
"""
SERVICES = """
- hosts: all
  tasks:
    - name: The service runs
      win_service: {name: LabSvc, start_mode: manual, state: started}
    - name: It is called
      win_service: {name: LabSvc, display_name: New}
    - name: The other one is off
      win_service: {name: LabOther, state: stopped}
"""
REGISTRY = """
- hosts: all
  tasks:
    - name: A value
      win_regedit: {path: 'HKLM:\\SOFTWARE\\Lab', name: Value, type: dword, data: 1}
"""


@pytest.fixture
def jea(tmp_path: Path) -> Iterator[Served]:
    with served(JEA, tmp_path) as fleet:
        yield fleet


def test_services_on_a_restricted_endpoint(jea: Served, tmp_path: Path) -> None:
    playbook = tmp_path / "services.yml"
    playbook.write_text(SERVICES, encoding="utf-8")
    found = jea.check(playbook)
    assert found.hosts["jea-01"]["result"] == "to change"
    assert jea.apply(playbook).hosts["jea-01"]["result"] == "applied"
    machine = jea.fleet.machine("jea-01")
    service, other = machine.services.find("LabSvc"), machine.services.find("LabOther")
    assert service is not None
    assert other is not None
    assert (service.status.name, service.start_mode.name, service.display_name) == ("Running", "Manual", "New")
    assert other.status.name == "Stopped"
    assert jea.check(playbook).hosts["jea-01"]["result"] == "compliant"


def test_a_registry_that_the_endpoint_does_not_show_is_unreadable(jea: Served, tmp_path: Path) -> None:
    playbook = tmp_path / "registry.yml"
    playbook.write_text(REGISTRY, encoding="utf-8")
    found = jea.check(playbook)
    (step,) = found.hosts["jea-01"]["steps"]
    assert step["verdict"] == "unreadable"
    assert "CommandNotFoundException" in step["message"]
    assert found.code == 3


def connection(served: Served, host: str, path: str, configuration: str, endpoint: Endpoint) -> Connection:
    account = served.fleet.account(host)
    return Connection(
        address="127.0.0.1",
        port=_port(served),
        user=account.user,
        password=Secret(account.password.get_secret_value()),
        tls=False,
        path=f"{host}/{path}",
        authentication=Authentication.NTLM,
        configuration=configuration,
        endpoint=endpoint,
    )


def _port(served: Served) -> int:
    line = next(one for one in served.inventory.read_text(encoding="utf-8").splitlines() if "ansible_port" in one)
    return int(line.rpartition(":")[2])


def test_a_session_may_begin_with_a_change(jea: Served) -> None:
    """What the endpoint understands is learned before it, so that the answer is not lost."""
    session = PsrpTransport().open(connection(jea, "jea-01", "wsman", "CE.Remediation", Endpoint.FULL))
    rename = (command("Set-Service", Name="LabSvc", DisplayName="First"),)
    changed, read = session.change(rename, READS[:1], 10, lambda ids: None)
    session.close()
    assert (changed.state, changed.errors) == (ReplyState.DONE, ())
    assert [getattr(one, "properties", EMPTY)["Name"] for one in read.outputs] == ["LabSvc"]
    service = jea.fleet.machine("jea-01").services.find("LabSvc")
    assert service is not None
    assert service.display_name == "First"


SOMETHING = """
- hosts: all
  gather_facts: false
  tasks:
    - name: Something
      {}
"""


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        ("win_powershell: {script: '1'}", "this endpoint takes no scripts"),
        ("win_command: {argv: [whoami.exe]}", "its exit code could not be told from an older one"),
    ],
)
def test_what_is_not_taken_is_known_before_any_change(jea: Served, tmp_path: Path, task: str, reason: str) -> None:
    playbook = tmp_path / "something.yml"
    playbook.write_text(SOMETHING.format(task), encoding="utf-8")
    found = jea.check(playbook)
    (step,) = found.hosts["jea-01"]["steps"]
    assert (step["verdict"], found.code) == ("unreadable", 3)
    assert step["message"].startswith(reason)


READS: tuple[Statement, ...] = (
    (command("Get-Service", Name="LabSvc"), command("Select-Object", Property=("Name", "Status"))),
    (command("Get-NoSuchCommand"),),
    (command("Get-Service", Name=("NoSuch", "LabOther")), command("Select-Object", Property="DisplayName")),
)


@pytest.mark.parametrize("endpoint", [Endpoint.JEA, Endpoint.FULL])
def test_a_batch_on_a_restricted_endpoint(jea: Served, endpoint: Endpoint) -> None:
    """Two pipelines, for one statement is a culprit; one more where the endpoint's kind has to be found out."""
    session = PsrpTransport().open(connection(jea, "jea-01", "wsman", "CE.Remediation", endpoint))
    opening = session.requests
    first, unknown, last = session.read(READS, 10)
    found_out = endpoint is Endpoint.FULL
    assert session.requests - opening == 2 * (2 + found_out)
    session.read(READS[:1], 10)
    assert session.requests - opening == 2 * (3 + found_out)
    session.close()
    assert [dict(getattr(one, "properties", EMPTY)) for one in first.outputs] == [
        {"Name": "LabSvc", "Status": "Stopped"}
    ]
    assert unknown.errors[-1].id == "CommandNotFoundException"
    assert [error.id.partition(",")[0] for error in last.errors] == ["NoServiceFoundForGivenName"]
    assert [dict(getattr(one, "properties", EMPTY)) for one in last.outputs] == [{"DisplayName": "Other"}]


def test_modern_authentication_is_planned_applied_and_taken_back(tmp_path: Path) -> None:
    host = "ex-one-of-ten"
    with served("exchange", tmp_path) as fleet:
        before = organisation(fleet.fleet, host)
        plan_file = tmp_path / "plan.json"
        fleet.plan(EXCHANGE, plan_file, "--limit", host)
        plan = load_plan(json.loads(plan_file.read_text(encoding="utf-8")), str(plan_file))
        actions = [step.action for step in plan.plays[0].hosts[0].steps if step.action]
        assert [difference for action in actions for difference in map(shown, action.differences)] == [
            "EX02\\mapi (Default Web Site)  IISAuthenticationMethods: ('Ntlm',) -> ('Ntlm', 'OAuth', 'Negotiate')",
            "IsDefaultAuthorizationEndpoint: False -> True",
            "OAuth2ClientProfileEnabled: False -> True",
        ]
        assert fleet.apply(plan_file).hosts[host]["result"] == "applied"
        assert organisation(fleet.fleet, host) != before
        assert fleet.check(EXCHANGE, "--limit", host).hosts[host]["result"] == "compliant"
        session = PsrpTransport().open(connection(fleet, host, "PowerShell", "Microsoft.Exchange", Endpoint.EXCHANGE))
        for action in reversed(actions):
            for statement in action.undo or ():
                (reply, *_) = session.change(statement, (), 10, lambda ids: None)
                assert reply.errors == ()
        session.close()
        assert organisation(fleet.fleet, host) == before


def organisation(fleet: Fleet, host: str) -> list[Any]:
    return [fleet.machine(host).exchange.all(kind) for kind in Kind]


def shown(difference: Any) -> str:
    return f"{difference.property}: {difference.before} -> {difference.after}"


def test_exchange_answers_at_its_own_path_only(tmp_path: Path) -> None:
    with served("exchange", tmp_path) as fleet:
        found = fleet.check(EXCHANGE, "--limit", "ex-fine", "-e", "ansible_psrp_path=ex-fine/wsman")
    assert found.hosts["ex-fine"]["result"] == "unreachable"
    assert "Microsoft.Exchange" in found.hosts["ex-fine"]["error"]
