"""Log-on to the lab: schemes, account names, sealing, what is answered to those who may not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from pypsrp.exceptions import AuthenticationError, WinRMTransportError, WSManFaultError
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

from runner.lab.certificates import Authority
from runner.lab.host import Account
from runner.lab.server import LabThread
from runner.model.secret import Secret
from tests.lab.lab_support import PASSWORD, HandMade, client, tiny_host

SOAP = {"Content-Type": "application/soap+xml;charset=UTF-8"}
SEALED = {"Content-Type": 'multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";boundary="x"'}
AUTHORITY = Authority()
CERTIFICATE = AUTHORITY.client("admin")
KNOWN_CERTIFICATES = {CERTIFICATE.fingerprint: "admin"}


@pytest.fixture(scope="module")
def served() -> HandMade:
    return HandMade(
        [
            tiny_host(),
            tiny_host("win-02", accounts=(Account("admin", Secret("pass:word:2")),)),
            tiny_host("member-01", accounts=(Account("svc", Secret("s3cret"), domain="CORP"),)),
            tiny_host("basic-01", schemes=frozenset({"basic", "negotiate"})),
            tiny_host("plain-01", schemes=frozenset({"basic"}), allow_unencrypted=True),
            tiny_host("guest-01", accounts=(Account("admin", Secret(PASSWORD), administrator=False),)),
            tiny_host("cert-01", schemes=frozenset({"certificate"}), client_certificates=KNOWN_CERTIFICATES),
        ],
        AUTHORITY,
    )


@pytest.fixture(scope="module")
def lab(served: HandMade) -> Iterator[LabThread]:
    with LabThread(served) as thread:
        yield thread


@pytest.fixture
def authority_file(tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    path.write_bytes(AUTHORITY.pem)
    return str(path)


def says_hello(wsman: WSMan) -> bool:
    with wsman, RunspacePool(wsman) as pool:
        return PowerShell(pool).add_cmdlet("Write-Output").add_argument("hello").invoke() == ["hello"]


@pytest.mark.parametrize("auth", ["ntlm", "negotiate"])
@pytest.mark.parametrize("user", ["admin", "ADMIN", ".\\admin", "win-01\\admin", "WIN-01\\Admin"])
def test_a_local_account_by_any_of_its_names(lab: LabThread, auth: str, user: str) -> None:
    assert says_hello(client(lab, username=user, auth=auth))


@pytest.mark.parametrize("user", ["CORP\\svc", "corp\\SVC", "svc@CORP"])
def test_a_domain_account(lab: LabThread, user: str) -> None:
    assert says_hello(client(lab, "member-01", username=user, password="s3cret"))


@pytest.mark.parametrize("user", ["svc", "OTHER\\svc"])
def test_a_domain_account_needs_its_domain(lab: LabThread, user: str) -> None:
    with pytest.raises(AuthenticationError):
        says_hello(client(lab, "member-01", username=user, password="s3cret"))


def test_one_name_with_another_password_on_each_host(lab: LabThread) -> None:
    assert says_hello(client(lab, "win-01"))
    assert says_hello(client(lab, "win-02", password="pass:word:2"))
    with pytest.raises(AuthenticationError):
        says_hello(client(lab, "win-02"))


@pytest.mark.parametrize("auth", ["ntlm", "negotiate"])
@pytest.mark.parametrize("options", [{"password": "wrong"}, {"username": "nobody"}])
def test_wrong_accounts_are_answered_401(lab: LabThread, auth: str, options: dict[str, str]) -> None:
    with pytest.raises(AuthenticationError):
        says_hello(client(lab, auth=auth, **options))


def test_the_environment_is_left_as_it_was(lab: LabThread, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NTLM_USER_FILE", "/nowhere")
    assert says_hello(client(lab))
    assert os.environ["NTLM_USER_FILE"] == "/nowhere"


def test_ntlm_over_tls_is_not_sealed(lab: LabThread, authority_file: str) -> None:
    wsman = client(lab, tls=True, cert_validation=authority_file)
    assert says_hello(wsman)
    assert wsman.transport.encryption is None


def test_basic_over_tls(lab: LabThread, authority_file: str) -> None:
    options = {"tls": True, "auth": "basic", "cert_validation": authority_file}
    assert says_hello(client(lab, "basic-01", password=PASSWORD.encode(), **options))
    with pytest.raises(AuthenticationError):
        says_hello(client(lab, "basic-01", password="wrong", **options))


def test_basic_without_tls_only_where_plain_is_allowed(lab: LabThread) -> None:
    options = {"auth": "basic", "password": PASSWORD.encode(), "encryption": "never"}
    assert says_hello(client(lab, "plain-01", **options))
    with pytest.raises(AuthenticationError):
        says_hello(client(lab, "basic-01", **options))


def test_a_client_certificate(lab: LabThread, authority_file: str, tmp_path: Path) -> None:
    pem, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    pem.write_bytes(CERTIFICATE.pem)
    key.write_bytes(CERTIFICATE.key_pem)
    options = {"tls": True, "auth": "certificate", "cert_validation": authority_file, "username": None}
    assert says_hello(
        client(lab, "cert-01", certificate_pem=str(pem), certificate_key_pem=str(key), password=None, **options)
    )
    stranger = AUTHORITY.client("admin")
    pem.write_bytes(stranger.pem)
    key.write_bytes(stranger.key_pem)
    with pytest.raises(AuthenticationError):
        says_hello(
            client(lab, "cert-01", certificate_pem=str(pem), certificate_key_pem=str(key), password=None, **options)
        )


def test_an_unknown_authority_is_refused_by_the_client(lab: LabThread) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        says_hello(client(lab, "basic-01", tls=True, auth="basic", password="x", cert_validation=True))


def test_an_account_without_rights_gets_fault_5(lab: LabThread) -> None:
    with pytest.raises(WSManFaultError) as caught:
        says_hello(client(lab, "guest-01"))
    assert caught.value.code == 5


def test_plain_soap_after_ntlm_without_sealing_is_refused(lab: LabThread) -> None:
    with pytest.raises(WinRMTransportError) as caught:
        says_hello(client(lab, encryption="never"))
    assert (caught.value.code, caught.value.response_text) == (500, "")


def test_another_content_type_is_refused(lab: LabThread, authority_file: str) -> None:
    reply = requests.post(
        lab.addresses.url("basic-01", tls=True),
        data=b"<x/>",
        headers={"Content-Type": "text/xml"},
        auth=("admin", PASSWORD.encode()),  # type: ignore[arg-type]
        verify=authority_file,
        timeout=10,
    )
    assert reply.status_code == 415


@pytest.mark.parametrize(
    ("host", "method", "headers", "status", "offers"),
    [
        ("win-01", "POST", SOAP, 401, "Negotiate"),
        ("basic-01", "POST", SOAP, 401, "Negotiate"),
        ("plain-01", "POST", SOAP, 401, 'Basic realm="WSMAN"'),
        ("win-01", "POST", SEALED, 400, ""),
        ("win-01", "GET", {}, 405, ""),
        ("nobody", "POST", SOAP, 404, ""),
    ],
)
def test_who_does_not_log_on(
    lab: LabThread, host: str, method: str, headers: dict[str, str], status: int, offers: str
) -> None:
    reply = requests.request(method, lab.addresses.url(host), data=b"<x/>", headers=headers, timeout=10)
    assert reply.status_code == status
    assert reply.headers.get("WWW-Authenticate", "") == offers
    assert reply.content == b""


@pytest.mark.parametrize(
    "token", ["Negotiate", "Negotiate !!!", "Negotiate AAAA", "NTLM TlRMTVNTUAABAAAA", "Basic %%%"]
)
def test_damaged_tokens_are_answered_401(lab: LabThread, token: str) -> None:
    reply = requests.post(lab.addresses.url("win-01"), headers={"Authorization": token}, timeout=10)
    assert reply.status_code == 401


def test_a_connection_of_one_host_is_a_stranger_to_another(lab: LabThread) -> None:
    with client(lab) as wsman:
        RunspacePool(wsman).open()
        session = wsman.transport.session
        assert session is not None
        session.auth = None
        reply = session.post(lab.addresses.url("win-02"), data=b"<x/>", headers=SOAP, timeout=10)
    assert reply.status_code == 401
