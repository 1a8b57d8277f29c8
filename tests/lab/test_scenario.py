"""Scenarios: what they may say, where a mistake is, how they become a fleet and an inventory."""

from __future__ import annotations

import ssl
import stat
from pathlib import Path

import pytest
import yaml
from psrpcore.types import PSVersion

from runner.lab.fleet import Fleet, write_inventory
from runner.lab.scenario import Scenario, ScenarioError, load_scenario, parse_scenario, scenario_names
from runner.lab.server import Addresses

ADDRESSES = Addresses(port=5985, tls_port=5986, dead_port=1, untrusted_port=2, expired_port=3)


def scenario(text: str) -> Scenario:
    return parse_scenario(f"description: x\n{text}", "test.yml")


@pytest.mark.parametrize("name", scenario_names())
def test_the_packaged_scenarios_load(name: str) -> None:
    loaded = load_scenario(name)
    assert loaded.description
    for host, spec in loaded.expand():
        assert "check" in spec.expect, host
    fleet = Fleet(loaded)
    assert [host.name for host in fleet.hosts] == list(fleet.specs)


def test_a_scenario_has_its_hosts() -> None:
    fleet = Fleet(load_scenario("strong-crypto"))
    outcomes = {name: fleet.expected(name, "check") for name in fleet.specs}
    assert [expected.outcome for expected in outcomes.values() if expected] == [
        "compliant",
        "to change",
        "to change",
        "unreachable",
        "to change",
    ]
    key = fleet.machine("tok-ce-02").registry.find("HKLM\\SOFTWARE\\Microsoft\\.NETFramework\\v4.0.30319")
    assert key is not None
    value = key.value("SchUseStrongCrypto")
    assert value is not None
    assert value.data == 1


def test_a_file_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yml"
    path.write_text("description: 説明\nhosts:\n  東京-01: {os: Server 2016}\n", encoding="utf-8")
    assert list(load_scenario(path).hosts) == ["東京-01"]


def test_unknown_names_and_files(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"there are: .*demo"):
        load_scenario("no-such")
    with pytest.raises(ScenarioError, match=r"none\.yml: cannot be read"):
        load_scenario(tmp_path / "none.yml")


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("hosts:\n  a: {os: Server 1999}\n", "3:7", "hosts.a.os"),
        ("hosts:\n  a:\n    colour: red\n", "4:5", "Extra inputs are not permitted"),
        (
            "hosts:\n  a:\n    faults:\n    - {when: open, what: stall}\n    - {when: noon, what: stall}\n",
            "6:8",
            "when",
        ),
        ("hosts:\n  a:\n    faults:\n    - {when: open, what: unreachable}\n", "5:7", "only happen at connect"),
        ("hosts:\n  a: {registry: {'HKXX\\A': {}}}\n", "3:7", "a registry path begins with"),
        ("hosts: {}\n", "2:1", "at least 1 item"),
        ("hosts:\n  a: {}\n account: {}\n", "4:2", "expected <block end>"),
        ("hosts:\n  a: {expect: {check: {outcome: fine}}}\n", "3:24", "outcome"),
        ("hosts:\n  a: {account: {user: 'a:b'}}\n", "3:17", "account.user"),
    ],
)
def test_a_mistake_is_shown_at_its_place(text: str, place: str, what: str) -> None:
    with pytest.raises(ScenarioError, match=what) as caught:
        scenario(text)
    assert str(caught.value).startswith(f"test.yml:{place}: ")


def test_all_mistakes_at_once() -> None:
    with pytest.raises(ScenarioError) as caught:
        scenario("hosts:\n  a: {os: x, memory_mb: -1}\n  b: {auth: none}\n")
    assert len(str(caught.value).splitlines()) == 3


def test_a_password_is_not_shown_in_an_error() -> None:
    with pytest.raises(ScenarioError) as caught:
        scenario("hosts:\n  a: {account: {password: [canary]}}\n")
    assert "canary" not in f"{caught.value} {caught.value.__cause__}"
    loaded = scenario("hosts:\n  a: {account: {password: canary}}\n")
    assert "canary" not in repr(loaded)
    assert "canary" not in repr(Fleet(loaded).hosts)


# ---- fleets --------------------------------------------------------------------------------------------------

MIXED = "hosts:\n  a: {count: 2}\n  b: {}\n"


@pytest.mark.parametrize(
    ("hosts", "names"),
    [
        (None, ["a-001", "a-002", "b"]),
        (2, ["a-001", "a-002"]),
        (7, ["a-001", "a-002", "b-001", "a-003", "a-004", "b-002", "a-005"]),
    ],
)
def test_a_fleet_of_any_size(hosts: int | None, names: list[str]) -> None:
    assert list(Fleet(scenario(MIXED), hosts).specs) == names


def test_each_host_is_a_machine_of_its_own() -> None:
    fleet = Fleet(scenario(MIXED))
    with fleet.editing("a-001") as machine:
        machine.remove_key("HKLM\\SOFTWARE\\Microsoft\\ServerManager")
    assert fleet.machine("a-001").registry.find("HKLM\\SOFTWARE\\Microsoft\\ServerManager") is None
    assert fleet.machine("a-002").registry.find("HKLM\\SOFTWARE\\Microsoft\\ServerManager") is not None


def test_the_version_table_is_that_of_the_recordings() -> None:
    (host,) = Fleet(scenario("hosts:\n  a: {os: Server 2019, powershell: 5.1.17763.1971}\n")).hosts
    assert host.version_table == {
        "PSVersion": PSVersion("5.1.17763.1971"),
        "PSEdition": "Desktop",
        "PSCompatibleVersions": [PSVersion(text) for text in ("1.0", "2.0", "3.0", "4.0", "5.0", "5.1.17763.1971")],
        "CLRVersion": PSVersion("4.0.30319.42000"),
        "BuildVersion": PSVersion("10.0.17763.1971"),
        "WSManStackVersion": PSVersion("3.0"),
        "PSRemotingProtocolVersion": PSVersion("2.3"),
        "SerializationVersion": PSVersion("1.1.0.1"),
    }


# ---- inventory -----------------------------------------------------------------------------------------------


def inventory(text: str, directory: Path) -> dict[str, dict[str, object]]:
    path = write_inventory(Fleet(scenario(text)), ADDRESSES, directory)
    tree: dict[str, dict[str, dict[str, object]]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return tree["all"]


def test_an_inventory_in_ansibles_words(tmp_path: Path) -> None:
    tree = inventory("hosts:\n  東京 1: {groups: [tokyo], account: {user: svc, password: p, domain: CORP}}\n", tmp_path)
    assert tree["hosts"] == {
        "東京 1": {
            "ansible_port": 5985,
            "ansible_user": "CORP\\svc",
            "ansible_password": "p",
            "ansible_psrp_protocol": "http",
            "ansible_psrp_path": "%E6%9D%B1%E4%BA%AC%201/wsman",
            "ansible_psrp_auth": "ntlm",
        }
    }
    assert tree["vars"]["ansible_connection"] == "psrp"
    assert tree["vars"]["ansible_host"] == "127.0.0.1"
    assert tree["children"] == {"tokyo": {"hosts": {"東京 1": None}}}
    assert stat.S_IMODE((tmp_path / "inventory.yml").stat().st_mode) == 0o600


def test_what_a_scenario_gives_the_controller_lies_in_the_labs_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "packages: {Lab.Module: ['1.0', 2.0.0]}\nhosts: {a: {inventory: {source: '{{ lab_directory }}/packages'}}}\n"
    tree = inventory(text, Path("lab"))
    assert tree["vars"]["lab_directory"] == str(tmp_path / "lab")
    assert tree["vars"]["ansible_psrp_ca_cert"] == str(tmp_path / "lab" / "lab-ca.pem")
    assert tree["hosts"]["a"]["source"] == "{{ lab_directory }}/packages"  # type: ignore[index]
    files = {file.name for file in (tmp_path / "lab" / "packages").iterdir()}
    assert files == {"Lab.Module.1.0.nupkg", "Lab.Module.2.0.0.nupkg"}


@pytest.mark.parametrize("packages", ["{../x: ['1.0']}", "{Lab: [1.0]}", "{Lab: ['newest']}"])
def test_packages_have_names_and_versions(packages: str) -> None:
    with pytest.raises(ScenarioError, match="packages"):
        scenario(f"packages: {packages}\nhosts: {{a: {{}}}}\n")


@pytest.mark.parametrize(
    ("host", "port", "protocol"),
    [
        ("{auth: basic}", 5986, "https"),
        ("{tls: true}", 5986, "https"),
        ("{auth: basic, tls: false, allow_unencrypted: true}", 5985, "http"),
        ("{faults: [{when: connect, what: unreachable}]}", 1, "http"),
        ("{faults: [{when: connect, what: tls_untrusted}]}", 2, "https"),
        ("{faults: [{when: connect, what: tls_expired}]}", 3, "https"),
    ],
)
def test_where_a_host_is_found(host: str, port: int, protocol: str, tmp_path: Path) -> None:
    hosts = inventory(f"hosts:\n  a: {host}\n", tmp_path)["hosts"]
    assert isinstance(hosts["a"], dict)
    assert (hosts["a"]["ansible_port"], hosts["a"]["ansible_psrp_protocol"]) == (port, protocol)


def test_variables_of_the_scenario_come_last(tmp_path: Path) -> None:
    hosts = inventory("hosts:\n  a: {inventory: {ansible_password: wrong, site: 1}}\n", tmp_path)["hosts"]
    assert isinstance(hosts["a"], dict)
    assert (hosts["a"]["ansible_password"], hosts["a"]["site"]) == ("wrong", 1)


def test_certificates_lie_beside_the_inventory(tmp_path: Path) -> None:
    tree = inventory("hosts:\n  a: {auth: certificate}\n", tmp_path)
    host = tree["hosts"]["a"]
    assert isinstance(host, dict)
    assert "ansible_password" not in host
    context = ssl.create_default_context(cafile=str(tree["vars"]["ansible_psrp_ca_cert"]))
    context.load_cert_chain(str(host["ansible_psrp_certificate_pem"]), str(host["ansible_psrp_certificate_key_pem"]))
    assert stat.S_IMODE(Path(str(host["ansible_psrp_certificate_key_pem"])).stat().st_mode) == 0o600
