"""Who is let in, who is not, and that a log-on is tried once: counted by the lab. Kerberos: test_kerberos.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from pypsrp.exceptions import AuthenticationError
from pypsrp.negotiate import HTTPNegotiateAuth
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

from runner.lab.faults import Fault, What, When
from runner.lab.fleet import Fleet
from runner.lab.host import Account, ChannelBinding, Logons
from runner.lab.scenario import ScenarioError, load_scenario, parse_scenario
from runner.lab.server import LOOPBACK, path_of
from runner.model.command import command
from runner.model.errors import AnswerLost, Reason, Unreachable
from runner.model.inventory import Authentication
from runner.model.secret import Secret
from runner.transport import kerberos
from tests.product import STRONG_CRYPTO, served

Lab = Callable[..., AbstractContextManager[Any]]
PASSWORD = "canary-Pässwort: 日本語"
WRONG = Secret("wrong-canary")
HELLO = (command("Write-Output", InputObject="hello"),)
SET = (command("Set-Canary", Value="x"),)
ALL = frozenset({"negotiate", "basic"})
SCHEMES = [
    {"authentication": Authentication.NTLM},
    {"authentication": Authentication.NEGOTIATE},
    {"authentication": Authentication.NTLM, "tls": True, "verify": False},
    {"authentication": Authentication.BASIC, "tls": True, "verify": False},
]


def account(**settings: Any) -> dict[str, Any]:
    return {"accounts": (Account("admin", Secret(PASSWORD), **settings),), "schemes": ALL}


def refusal(served: Any, **settings: Any) -> Unreachable:
    with pytest.raises(Unreachable) as caught:
        served.open(**settings)
    assert caught.value.advice
    return caught.value


def says_hello(session: Any) -> bool:
    said: bool = session.read([HELLO], 10)[0].outputs == ("hello",)
    session.close()
    return said


# ---- accounts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    ("of_account", "settings"),
    [
        ({}, {"password": WRONG}),
        ({}, {"user": "nobody"}),
        ({"locked": True}, {}),
        ({"locked": True}, {"password": WRONG}),
        ({"password_expired": True}, {}),
    ],
)
def test_an_account_that_is_refused_is_tried_once(
    lab: Lab, scheme: dict[str, Any], of_account: dict[str, Any], settings: dict[str, Any]
) -> None:
    """And all of them get the same answer: Windows does not say what is wrong."""
    with lab(**account(**of_account)) as served:
        error = refusal(served, **scheme, **settings)
        assert error.reason is Reason.AUTHENTICATION
        assert "is not let in" in error.message
        assert "locked" in error.advice
        assert (served.host.logons.accepted, served.host.logons.refused) == (0, 1)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_bad_passwords_lock_an_account(lab: Lab, scheme: dict[str, Any]) -> None:
    with lab(**account(lockout_after=2)) as served:
        refusal(served, **scheme, password=WRONG)
        assert says_hello(served.open(**scheme))  # which starts the count anew
        for _ in range(2):
            refusal(served, **scheme, password=WRONG)
        accepted = served.host.logons.accepted
        assert "is not let in" in refusal(served, **scheme).message
        assert (served.host.logons.accepted, served.host.logons.refused) == (accepted, 4)


def test_a_session_outlives_the_lock_of_its_account(lab: Lab) -> None:
    with lab(**account(lockout_after=1)) as served:
        session = served.open()
        refusal(served, password=WRONG)
        assert says_hello(session)


def test_a_password_that_became_wrong_is_tried_once(lab: Lab) -> None:
    """A change was cut off and the account locked meanwhile: waiting for the host must not ask again and again."""
    with lab(Fault(when=When.WRITE, what=What.DROP_AFTER), **account(lockout_after=1)) as served:
        session = served.open()
        with pytest.raises(AnswerLost):
            session.change(SET, [], 10, lambda ids: None)
        refusal(served, password=WRONG)
        before = served.host.logons.refused
        with pytest.raises(Unreachable) as caught:
            session.abandon(10)
        assert caught.value.reason is Reason.AUTHENTICATION
        assert served.host.logons.refused - before == 1
        session.close()


def test_check_and_apply_try_a_wrong_password_once_each(tmp_path: Path) -> None:
    with served(load_scenario("authentication"), tmp_path) as fleet:
        for run, phase in enumerate((fleet.check, fleet.apply), start=1):
            answer = phase(STRONG_CRYPTO, "--limit", "wrong-password-locks")
            assert answer.code == 4
            assert fleet.fleet.logons("wrong-password-locks").refused == run


# ---- what is said --------------------------------------------------------------------------------------------

SAID = {
    "plain-forbidden": "refuses messages in clear",
    "wrong-password": "is not let in",
    "wrong-password-locks": "is not let in",
    "unknown-user": "nobody is not let in",
    "locked-account": "is not let in",
    "expired-password": "is not let in",
    "basic-not-offered": "does not accept basic",
    "untrusted-certificate": "issuer is not known",
    "expired-certificate": "has expired",
    "certificate-of-another-host": "for another",
}


def test_each_refusal_has_its_message(tmp_path: Path) -> None:
    with served(load_scenario("authentication"), tmp_path) as fleet:
        hosts = fleet.check(STRONG_CRYPTO).hosts
    refused = {name: host for name, host in hosts.items() if host["result"] == "unreachable"}
    assert refused.keys() == SAID.keys()
    assert [name for name, host in refused.items() if SAID[name] not in host["error"] or not host["advice"]] == []
    assert "not-the-password" not in json.dumps(hosts)


@pytest.mark.parametrize(
    ("schemes", "kind"),
    [
        (frozenset({"negotiate"}), Authentication.BASIC),
        (frozenset({"basic"}), Authentication.NTLM),
        (frozenset({"basic"}), Authentication.NEGOTIATE),
        (frozenset({"kerberos"}), Authentication.NTLM),
    ],
)
def test_a_scheme_that_the_host_does_not_accept(lab: Lab, schemes: frozenset[str], kind: Authentication) -> None:
    with lab(schemes=schemes) as served:
        error = refusal(served, authentication=kind, tls=True, verify=False)
        assert error.reason is Reason.AUTHENTICATION
        assert f"does not accept {kind}" in error.message
        assert next(iter(schemes)) in error.advice.lower()
        assert served.host.logons == Logons()


def test_a_certificate_that_leads_to_no_account(lab: Lab, tmp_path: Path) -> None:
    with lab(schemes=frozenset({"certificate"})) as served:
        stranger = served.authority.client("admin")
        (tmp_path / "cert").write_bytes(stranger.pem)
        (tmp_path / "key").write_bytes(stranger.key_pem)
        error = refusal(
            served,
            tls=True,
            verify=False,
            authentication=Authentication.CERTIFICATE,
            certificate_pem=str(tmp_path / "cert"),
            certificate_key_pem=str(tmp_path / "key"),
            password=None,
        )
        assert (error.reason, served.host.logons.refused) == (Reason.AUTHENTICATION, 1)
    assert "leads to no account" in error.message


def test_kerberos_without_the_extra_says_what_to_install(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kerberos, "find_spec", lambda name: None)
    with lab() as served:
        error = refusal(served, authentication=Authentication.KERBEROS)
        assert served.host.logons == Logons()
    assert error.reason is Reason.AUTHENTICATION
    assert "pip install 'ce-runner[kerberos]'" in error.advice
    assert "libkrb5-dev" in error.advice


@pytest.mark.parametrize(
    ("domain", "needs"), [("", "a domain for its account"), ("LAB.TEST", r"pip install 'ce-runner\[kerberos\]'")]
)
def test_the_lab_says_what_kerberos_needs(monkeypatch: pytest.MonkeyPatch, domain: str, needs: str) -> None:
    monkeypatch.setattr("runner.lab.auth.find_spec", lambda name: None)
    text = f"description: x\nhosts:\n  one: {{auth: kerberos, account: {{user: alice, domain: '{domain}'}}}}\n"
    with pytest.raises(ScenarioError, match=f"one: the lab does not simulate a KDC; auth: kerberos needs .*{needs}"):
        Fleet(parse_scenario(text, "scenario.yml"))


# ---- channel binding -----------------------------------------------------------------------------------------


def unchanged(served: Any, **settings: Any) -> WSMan:
    """pypsrp as it is."""
    port = served.thread.addresses.tls_port
    return WSMan(
        LOOPBACK, port=port, path=path_of("win-01"), username="admin", password=PASSWORD, no_proxy=True,
        cert_validation=False, reconnection_retries=0, **settings,
    )  # fmt: skip


@pytest.fixture(params=["ntlm", "negotiate"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("level", ChannelBinding)
def test_our_client_binds_its_channel(lab: Lab, level: ChannelBinding, kind: str) -> None:
    with lab(channel_binding=level) as served:
        assert says_hello(served.open(tls=True, verify=False, authentication=Authentication(kind)))


@pytest.mark.parametrize(
    ("level", "bound", "let_in"),
    [
        (ChannelBinding.NONE, "not", True),
        (ChannelBinding.NONE, "elsewhere", True),
        (ChannelBinding.RELAXED, "not", True),
        (ChannelBinding.RELAXED, "elsewhere", False),
        (ChannelBinding.REQUIRED, "not", False),
        (ChannelBinding.REQUIRED, "elsewhere", False),
    ],
)
def test_a_client_without_the_right_binding(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, level: ChannelBinding, bound: str, let_in: bool, kind: str
) -> None:
    """`elsewhere`: a machine in the middle, which shows a certificate of its own."""
    if bound == "elsewhere":
        monkeypatch.setattr(HTTPNegotiateAuth, "_get_cbt_data", lambda response: b"tls-server-end-point:" + bytes(32))
    with lab(channel_binding=level, accounts=(Account("admin", Secret(PASSWORD), lockout_after=1),)) as served:
        with unchanged(served, auth=kind, negotiate_send_cbt=bound != "not") as wsman:
            if let_in:
                with RunspacePool(wsman) as pool:
                    assert PowerShell(pool).add_cmdlet("Write-Output").add_argument("hello").invoke() == ["hello"]
            else:
                with pytest.raises(AuthenticationError):
                    RunspacePool(wsman).open()
        assert served.host.logons.refused == (not let_in)
        assert not served.host.logons.is_locked(served.host.accounts[0])  # it was no bad password
