"""Ansible's connection variables for winrm, and the fallback from psrp."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from runner.model.inventory import Authentication, Connection, Deadlines, TransportName
from runner.model.secret import Secret
from tests.parse.test_connection import good, read


def winrm(**variables: object) -> Connection:
    return good(ansible_connection="winrm", **{f"ansible_{name}": value for name, value in variables.items()})


def test_the_defaults_are_those_of_ansible() -> None:
    """docs.ansible.com, ansible.builtin.winrm: https, 5986, /wsman, and pywinrm's ssl, which is basic over TLS."""
    assert winrm() == Connection(
        address="web01", port=5986, transport=TransportName.WINRS, authentication=Authentication.BASIC
    )


def test_all_settings() -> None:
    assert winrm(
        winrm_host="10.0.0.5",
        winrm_user="CORP\\x",
        winrm_password="secret",
        winrm_scheme="https",
        winrm_port=6000,
        winrm_path="/web01/wsman",
        winrm_transport="certificate",
        winrm_server_cert_validation="ignore",
        winrm_ca_trust_path="/ca.pem",
        winrm_cert_pem="/c.pem",
        winrm_cert_key_pem="/k.pem",
        winrm_operation_timeout_sec=7,
        winrm_message_encryption="never",
        winrm_proxy="http://proxy:8080",
    ) == Connection(
        address="10.0.0.5",
        port=6000,
        user="CORP\\x",
        password=Secret("secret"),
        verify=False,
        ca_file="/ca.pem",
        path="web01/wsman",
        authentication=Authentication.CERTIFICATE,
        encrypt=False,
        certificate_pem="/c.pem",
        certificate_key_pem="/k.pem",
        proxy="http://proxy:8080",
        transport=TransportName.WINRS,
        deadlines=Deadlines(operation=7.0),
    )


@pytest.mark.parametrize(
    ("method", "scheme", "authentication", "encrypt"),
    [
        ("ntlm", "http", Authentication.NTLM, True),
        ("kerberos", "http", Authentication.KERBEROS, True),
        ("basic", "https", Authentication.BASIC, True),
        ("ssl", "https", Authentication.BASIC, True),
        ("plaintext", "http", Authentication.BASIC, False),
    ],
)
def test_the_transports_of_pywinrm(method: str, scheme: str, authentication: Authentication, encrypt: bool) -> None:
    connection = winrm(winrm_transport=method, winrm_scheme=scheme)
    assert (connection.authentication, connection.encrypt) == (authentication, encrypt)


def test_port_5985_means_http() -> None:
    assert winrm(winrm_transport="ntlm", port=5985).tls is False


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"ansible_winrm_transport": "credssp"}, "ansible_winrm_transport 'credssp' is not supported by ce-runner"),
        ({"ansible_winrm_server_cert_validaton": "ignore"}, "there is no connection variable"),
        ({"ansible_winrm_scheme": "http"}, "basic authentication cannot encrypt over http"),
        ({"ansible_winrm_transport": "certificate"}, "authentication by certificate needs a certificate and its key"),
        ({"ansible_winrm_operation_timeout_sec": "soon"}, "ansible_winrm_operation_timeout_sec must be a number"),
        ({"ansible_ssh_pass": "x"}, "ansible_ssh_pass is not read by the connection winrm"),
        ({"ce_runner_fallback": "ssh"}, "ce_runner_fallback 'ssh' is not supported by ce-runner"),
    ],
)
def test_mistakes(variables: Mapping[str, object], message: str) -> None:
    (mistake,) = read({"ansible_connection": "winrm", **variables})[1]
    assert mistake.startswith(message)


def test_settings_without_effect_are_told() -> None:
    _, mistakes, ignored = read(
        {"ansible_connection": "winrm", "ansible_winrm_read_timeout_sec": 30, "ansible_psrp_auth": "ntlm"}
    )
    assert mistakes == []
    assert ignored == [
        "ansible_winrm_read_timeout_sec has no effect in ce-runner",
        "ansible_psrp_auth has no effect in ce-runner",
    ]


def test_the_fallback_is_explicit() -> None:
    assert good().fallback is None
    assert good(ce_runner_fallback="none").fallback is None
    allowed = good(ce_runner_fallback="winrs")
    assert (allowed.transport, allowed.fallback) == (TransportName.PSRP, TransportName.WINRS)
