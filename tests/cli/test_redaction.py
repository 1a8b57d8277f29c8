"""What is taken out of a capture, and what is kept: names of every kind, and what every Windows has."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runner.model.inventory import Connection, Host
from runner.model.secret import Secret
from runner.model.source import Origin
from runner.pipeline.doctor.redaction import Redactor


@pytest.fixture
def hide() -> Callable[[str], str]:
    connection = Connection("10.1.2.3", 5986, user="KONTOR\\nacht", password=Secret("pass-wort"))
    host = Host("srv1", (), {}, Origin("inventory.yml"), connection)
    return Redactor.of(host, {"ansible_fqdn": "srv1.kontor.example", "ansible_domain": "kontor.example"}).text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("SRV1.kontor.example at 10.1.2.3 by Kontor\\Nacht: pass-wort", "<host> at <host> by <user>: ********"),
        ("SRV1$ srv1_x x_SRV1 srv10", "<host>$ <host>_x x_<host> srv10"),
        ("dc01.Kontor.example, dc01.kontor.example, kontor.example", "<host-1>, <host-1>, <domain>"),
        ("S-1-5-21-1-2-3-500, s-1-5-21-1-2-3-501, S-1-5-32-544", "<sid-1>, <sid-2>, S-1-5-32-544"),
        ("{0F3C1B2A-0000-4000-8000-0123456789AB}", "{<id-1>}"),
        ("jdoe@kontor.example, jdoe@nacht, nacht", "<user-1>, <user-2>, <user>"),
        ("FABRIKAM\\svc-ce and FABRIKAM\\SVC-CE, kontor\\jdoe", "<account-1> and <account-1>, <account-2>"),
        ("user:FABRIKAM\\svc-ce$", "user:<account-1>"),
        ("C:\\Users\\Jane Doe\\x, c:/users/jdoe/y", "C:\\Users\\<profile-1>\\x, c:/users/<profile-2>/y"),
        ("\\\\files01\\jdoe$\\x and \\\\?\\UNC\\files01\\y", "<share-1>\\x and <share-2>"),
        ("http://u:p@proxy.corp.local:8080/x", "http://<server-1>/x"),
        ("8.8.8.8, 192.168.0.7:5985 and 1.4.8.1.", "<address-1>, <address-2>:5985 and <address-3>."),
        ("fe80::1ff:fe23:4567:890a%12 [2001:db8::5]:80", "<ipv6-1> [<ipv6-2>]:80"),
        ("::ffff:10.9.8.7 and ::1, 1:2:3:4:5:6:7:8", "<ipv6-1> and <ipv6-2>, <ipv6-3>"),
        ("00:11:22:aa:BB:cc 00-11-22-AA-BB-CC", "<mac-1> <mac-2>"),
        ("CN=jdoe,OU=x, DC=fabrikam,DC=com", "<entry-1>"),
    ],
)
def test_redaction(text: str, shown: str, hide: Callable[[str], str]) -> None:
    assert hide(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "5.1.17763.1971, 10.0.17763.0 and 4.7.2",
        "12:30:45 and Registry::HKEY_LOCAL_MACHINE\\SOFTWARE",
        "Microsoft.PowerShell.Core\\Registry::HKEY_LOCAL_MACHINE, Microsoft.WSMan.Management\\WSMan",
        "Get-Item -LiteralPath:'HKLM:\\SOFTWARE\\Lab' | Select-Object -Property:'Name'",
        "C:\\Windows\\System32, WSMan:\\localhost\\Shell\\MaxShellsPerUser, \\\\.\\pipe\\x",
        "BUILTIN\\Administrators, NT AUTHORITY\\SYSTEM, NT SERVICE\\WinRM",
        "PathNotFound,Microsoft.PowerShell.Commands.GetItemCommand",
    ],
)
def test_what_every_windows_has_is_kept(text: str, hide: Callable[[str], str]) -> None:
    assert hide(text) == text


def test_a_version_is_no_address() -> None:
    redactor = Redactor({"srv1": "host"}, frozenset())
    assert [redactor.word(word) for word in ("2.8.5.201", "Running", "srv1")] == ["2.8.5.201", "Running", "<host>"]
