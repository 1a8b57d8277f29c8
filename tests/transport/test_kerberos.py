"""Kerberos against a real KDC: our client and an unchanged pypsrp, sealed, and each refusal with its own advice."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from pypsrp.exceptions import AuthenticationError
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

from runner.lab.fleet import Fleet
from runner.lab.host import Account, ChannelBinding, Logons
from runner.lab.scenario import ScenarioError, parse_scenario
from runner.lab.server import path_of
from runner.model.command import command
from runner.model.errors import Reason, Unreachable
from runner.model.inventory import Authentication, Deadlines
from runner.model.secret import Secret
from runner.transport.psrp import PsrpTransport
from tests import product
from tests.transport import kdc

Lab = Callable[..., AbstractContextManager[Any]]
PASSWORD = "Lab-Passw0rd"
ALICE = f"alice@{kdc.REALM}"
HELLO = (command("Write-Output", InputObject="hello"),)
KERBEROS_ONLY = frozenset({"kerberos"})
BOTH = frozenset({"negotiate", "kerberos"})


@pytest.fixture(scope="module")
def domain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kdc.Domain]:
    kdc.require()
    users = dict.fromkeys(("alice", "locked", "expired", "mistyped", "guest"), PASSWORD)
    with kdc.running(tmp_path_factory.mktemp("kdc"), users) as running:
        running.administer("modprinc -allow_tix locked", "modprinc -pwexpire yesterday expired")
        yield running


@pytest.fixture(autouse=True)
def _environment(domain: kdc.Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in domain.environment().items():
        monkeypatch.setenv(name, value)


def hosts(lab: Lab, schemes: frozenset[str] = BOTH, **settings: object) -> AbstractContextManager[Any]:
    accounts = tuple(Account(name, Secret(PASSWORD), domain=kdc.REALM) for name in ("alice", "mistyped"))
    return lab(schemes=schemes, accounts=accounts, **settings)


def open_session(served: Any, kind: Authentication = Authentication.KERBEROS, **settings: object) -> Any:
    wanted = {"address": kdc.HOST, "user": ALICE, "password": Secret(PASSWORD), "authentication": kind, **settings}
    return served.open(**wanted)


def protocol(session: Any) -> str:
    return str(session._runspace._channel._transport.encryption.protocol)


@pytest.mark.parametrize(
    ("schemes", "sealed"),
    [
        (KERBEROS_ONLY, "application/HTTP-Kerberos-session-encrypted"),
        (BOTH, "application/HTTP-SPNEGO-session-encrypted"),
    ],
)
def test_a_sealed_session(lab: Lab, schemes: frozenset[str], sealed: str) -> None:
    with hosts(lab, schemes) as served:
        session = open_session(served)
        assert session.read([HELLO], 10)[0].outputs == ("hello",)
        changed = session.change((command("Set-Canary", Value="x" * 100_000),), [], 10, lambda ids: None)
        assert changed[0].outputs == ("set",)
        assert protocol(session) == sealed
        session.close()
        assert served.host.logons == Logons(accepted=1)


@pytest.mark.parametrize("schemes", [KERBEROS_ONLY, BOTH])
def test_negotiate_takes_kerberos_where_it_can(lab: Lab, domain: kdc.Domain, schemes: frozenset[str]) -> None:
    with hosts(lab, schemes) as served:
        before = len(domain.requests())
        session = open_session(served, Authentication.NEGOTIATE)
        assert session.read([HELLO], 10)[0].outputs == ("hello",)
        assert session._runspace._channel._transport.encryption.context.negotiated_protocol == "kerberos"
        session.close()
        assert len(domain.requests()) > before


@pytest.mark.parametrize("user", [f"{kdc.REALM}\\alice", f"alice@{kdc.REALM}"])
def test_negotiate_falls_back_to_ntlm(lab: Lab, domain: kdc.Domain, user: str) -> None:
    """By address there is no Kerberos; and only name@REALM is tried with it at all."""
    with hosts(lab) as served:
        before = len(domain.requests())
        session = open_session(served, Authentication.NEGOTIATE, address="127.0.0.1", user=user)
        assert session.read([HELLO], 10)[0].outputs == ("hello",)
        assert session._runspace._channel._transport.encryption.context.negotiated_protocol == "ntlm"
        session.close()
        assert (len(domain.requests()) > before) is ("@" in user)


@pytest.mark.parametrize("service", ["host", "HTTP"])
@pytest.mark.parametrize("schemes", [KERBEROS_ONLY, BOTH])
@pytest.mark.parametrize("auth", ["kerberos", "negotiate"])
def test_an_unchanged_pypsrp(lab: Lab, auth: str, schemes: frozenset[str], service: str) -> None:
    with hosts(lab, schemes) as served:
        settings = {"username": ALICE, "password": PASSWORD, "auth": auth, "negotiate_service": service}
        assert hello(client(served, **settings)) == ["hello"]


def client(served: Any, *, tls: bool = False, **settings: Any) -> WSMan:
    """An unchanged pypsrp connection."""
    port = served.thread.addresses.tls_port if tls else served.thread.addresses.port
    return WSMan(
        kdc.HOST, port=port, path=path_of("win-01"), ssl=tls, no_proxy=True, reconnection_retries=0, **settings
    )


def hello(wsman: WSMan) -> list[object]:
    with wsman, RunspacePool(wsman) as pool:
        return list(PowerShell(pool).add_cmdlet("Write-Output").add_argument("hello").invoke())


def refusal(served: Any, kind: Authentication = Authentication.KERBEROS, **settings: object) -> Unreachable:
    with pytest.raises(Unreachable) as caught:
        open_session(served, kind, **settings)
    assert PASSWORD not in str(caught.value) + caught.value.advice
    assert caught.value.advice
    return caught.value


@pytest.mark.parametrize(
    ("settings", "reason", "said"),
    [
        ({"password": Secret("wrong")}, Reason.AUTHENTICATION, "the password is wrong"),
        ({"user": f"nobody@{kdc.REALM}"}, Reason.AUTHENTICATION, "no such user"),
        ({"user": f"locked@{kdc.REALM}"}, Reason.AUTHENTICATION, "locked or disabled"),
        ({"user": f"expired@{kdc.REALM}"}, Reason.AUTHENTICATION, "the password has expired"),
        ({"user": "alice@ELSEWHERE.TEST"}, Reason.NAME, "no KDC is known"),
        ({"address": "127.0.0.1"}, Reason.AUTHENTICATION, "no such host"),
        ({"password": None}, Reason.AUTHENTICATION, "there is no ticket"),
        ({"user": f"guest@{kdc.REALM}"}, Reason.AUTHENTICATION, "is not let in"),  # a ticket, but no account there
    ],
)
def test_each_refusal_is_told_apart(lab: Lab, settings: dict[str, object], reason: Reason, said: str) -> None:
    with hosts(lab) as served:
        error = refusal(served, **settings)
        assert (error.reason, said in error.message) == (reason, True), error.message


def test_a_host_whose_clock_differs_too_much(lab: Lab, domain: kdc.Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    """No time is within less than no seconds of another: the acceptor finds every ticket's clock wrong."""
    monkeypatch.setenv("KRB5_CONFIG", domain.environment(skew=-1)["KRB5_CONFIG"])
    with hosts(lab) as served:
        error = refusal(served)
    assert (error.reason, "the clocks differ" in error.message) == (Reason.AUTHENTICATION, True), error.message


def test_a_kdc_whose_clock_differs_too_much(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with kdc.running(tmp_path, {"alice": PASSWORD}, skew=-1) as early, hosts(lab) as served:
        monkeypatch.setenv("KRB5_CONFIG", early.environment()["KRB5_CONFIG"])
        error = refusal(served)
        assert served.host.logons == Logons()
    assert (error.reason, "the clocks differ" in error.message) == (Reason.AUTHENTICATION, True), error.message


def test_no_kdc_answers(lab: Lab, domain: kdc.Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    with hosts(lab) as served:
        dead = replace(domain, port=served.thread.addresses.dead_port)
        monkeypatch.setenv("KRB5_CONFIG", dead.environment(skew=299)["KRB5_CONFIG"])
        error = refusal(served)
    assert (error.reason, "no KDC of the realm answers" in error.message) == (Reason.REFUSED, True), error.message


def test_a_kdc_that_is_silent_is_not_waited_for(lab: Lab, domain: kdc.Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, hosts(lab) as served:
        mute = replace(domain, port=silent.getsockname()[1])
        monkeypatch.setenv("KRB5_CONFIG", mute.environment(skew=298)["KRB5_CONFIG"])
        begun = monotonic()
        error = refusal(served, deadlines=Deadlines(connect=0.3, operation=1.0, total=5.0))
        assert monotonic() - begun < 5
    assert error.reason is Reason.REFUSED


def bad_passwords(domain: kdc.Domain, user: str) -> int:
    return sum(f"{user}@" in line and "PREAUTH_FAILED" in line for line in domain.requests())


@pytest.mark.parametrize("kind", [Authentication.KERBEROS, Authentication.NEGOTIATE])
def test_a_wrong_password_is_tried_once_for_all_hosts(lab: Lab, domain: kdc.Domain, kind: Authentication) -> None:
    """Not once more over NTLM, and not again for the next host: that is how accounts are locked."""
    user = f"mistyped@{kdc.REALM}"
    with hosts(lab, count=3) as served:
        transport = PsrpTransport()
        before = bad_passwords(domain, "mistyped")
        for host in served.hosts:
            wrong = served.connection(
                host.name, address=kdc.HOST, user=user, password=Secret(f"wrong-{kind}"), authentication=kind
            )
            with pytest.raises(Unreachable, match="password is wrong"):
                transport.open(wrong)
            assert host.logons == Logons()
        assert bad_passwords(domain, "mistyped") - before == 1


SCENARIO = f"""
description: A host of a domain.
hosts:
  member:
    auth: kerberos
    account: {{user: alice, password: {PASSWORD}, domain: {kdc.REALM}}}
    groups: [cloud_extender]
    inventory: {{ce_service_name: LabCloudExtender}}
    services:
      LabCloudExtender: {{display_name: Cloud Extender of the lab, status: running, start_mode: automatic}}
"""


def test_check_and_apply_with_kerberos(tmp_path: Path) -> None:
    with product.served(SCENARIO, tmp_path) as fleet:
        assert "ansible_psrp_auth: kerberos" in fleet.inventory.read_text(encoding="utf-8")
        assert fleet.check(product.STRONG_CRYPTO).hosts["member"]["result"] == "to change"
        assert fleet.apply(product.STRONG_CRYPTO).hosts["member"]["result"] == "applied"
        assert fleet.fleet.logons("member").refused == 0


def test_the_lab_wants_a_keytab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KRB5_KTNAME")
    with pytest.raises(ScenarioError, match=r"member: the lab does not simulate a KDC; .*KRB5_KTNAME"):
        Fleet(parse_scenario(SCENARIO, "scenario.yml"))


@pytest.mark.parametrize("kind", [Authentication.KERBEROS, Authentication.NEGOTIATE])
def test_channel_binding_over_tls(lab: Lab, tmp_path: Path, kind: Authentication) -> None:
    with hosts(lab, channel_binding=ChannelBinding.REQUIRED) as served:
        (tmp_path / "ca").write_bytes(served.authority.pem)
        session = open_session(served, kind, tls=True, ca_file=str(tmp_path / "ca"))
        assert session.read([HELLO], 10)[0].outputs == ("hello",)
        session.close()
        assert served.host.logons == Logons(accepted=1)
        settings = {
            "username": ALICE,
            "password": PASSWORD,
            "auth": kind.value,
            "cert_validation": str(tmp_path / "ca"),
        }
        wsman = client(served, tls=True, **settings)
        assert hello(wsman) == ["hello"]
        with pytest.raises(AuthenticationError):
            hello(client(served, tls=True, negotiate_send_cbt=False, **settings))
        assert served.host.logons == Logons(accepted=2, refused=1)
