"""What a machine reaches, and Invoke-WebRequest on it (domain.md 3.1; not recorded, see docs/not-grounded.md)."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from runner.lab.engine import Engine
from runner.lab.machine import Machine
from runner.lab.messages import RequestedCommand
from runner.lab.network import Proxy, Reached, Tls, Trouble, Unreached, reach, spoken_tls
from runner.lab.spec import MachineSpec
from tests.lab.engine_support import Told, command, machine, one, run

DOT_NET = "HKLM\\SOFTWARE\\Microsoft\\.NETFramework\\v4.0.30319"
CLIENT = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL\\Protocols\\TLS 1.2\\Client"
OUTLOOK = "https://outlook.office365.com/"
PROXY = "http://proxy.example:8080"
ALL = frozenset(Tls)


def spoken(**registry: dict[str, int]) -> frozenset[Tls]:
    paths = {"dot_net": DOT_NET, "client": CLIENT}
    host = machine(registry={paths[name]: values for name, values in registry.items()})
    return spoken_tls(host.registry, host.facts.powershell_version)


def got(url: str, proxy: Proxy | None = None, /, **network: object) -> Reached | Unreached:
    return reach(machine(network=network).network, ALL, url, proxy)


def ask(target: Machine | Engine, url: str, **more: Any) -> Told:
    return one(target, web_request(url, **more), command("Select-Object", Property=["StatusCode", "StatusDescription"]))


def web_request(url: str, **more: Any) -> RequestedCommand:
    return command("Invoke-WebRequest", Uri=url, UseBasicParsing=True, **more)


def status(told: Told) -> object:
    (answer,) = told.values
    return answer.StatusCode  # type: ignore[attr-defined]


def test_windows_powershell_speaks_tls_1_2_only_when_told_to() -> None:
    assert spoken() == {Tls.V1_0}
    assert spoken(dot_net={"SchUseStrongCrypto": 1}) == ALL
    assert spoken(dot_net={"SystemDefaultTlsVersions": 1}) == ALL
    assert spoken(dot_net={"SchUseStrongCrypto": 0, "SystemDefaultTlsVersions": 0}) == {Tls.V1_0}


def test_schannel_has_the_last_word() -> None:
    system_s, strong = {"SystemDefaultTlsVersions": 1}, {"SchUseStrongCrypto": 1}
    assert Tls.V1_2 not in spoken(dot_net=system_s, client={"Enabled": 0})
    assert Tls.V1_2 not in spoken(dot_net=strong, client={"Enabled": 0})
    assert Tls.V1_2 not in spoken(dot_net=system_s, client={"DisabledByDefault": 1})
    assert Tls.V1_2 in spoken(dot_net=strong, client={"DisabledByDefault": 1})
    assert Tls.V1_2 in spoken(dot_net=system_s, client={"Enabled": 0xFFFFFFFF, "DisabledByDefault": 0})


def test_later_powershell_speaks_what_the_system_speaks() -> None:
    host = machine(powershell="7.6.0")
    assert spoken_tls(host.registry, host.facts.powershell_version) == ALL


def test_a_site_refuses_who_speaks_too_old_a_tls() -> None:
    network = machine().network
    assert reach(network, frozenset({Tls.V1_0}), OUTLOOK) == Unreached(Trouble.TLS)
    assert reach(network, ALL, OUTLOOK) == Reached(200, 0.0)
    assert reach(network, frozenset({Tls.V1_0}), "http://outlook.office365.com/") == Reached(200, 0.0)


def test_a_name_that_nobody_describes_does_not_resolve() -> None:
    assert got("https://nowhere.example/") == Unreached(Trouble.NAME)
    assert got(OUTLOOK, internet="none") == Unreached(Trouble.NAME)
    assert got("http://intranet/", internet="none", hosts={"intranet": {}}) == Reached(200, 0.0)


def test_what_a_scenario_says_of_a_host_leaves_the_rest_as_it_is() -> None:
    network = machine(network={"hosts": {"Outlook.Office365.com": {"status": 403}, "*.example": {"port": "refused"}}})
    assert network.network.site("outlook.office365.com").least_tls is Tls.V1_2
    assert reach(network.network, ALL, OUTLOOK) == Reached(403, 0.0)
    assert reach(network.network, ALL, "http://a.example/") == Unreached(Trouble.CONNECT)


def test_a_proxy_finds_names_that_the_machine_does_not() -> None:
    site: dict[str, object] = {"proxy": {"url": PROXY}, "hosts": {"outlook.office365.com": {"resolves": False}}}
    assert got(OUTLOOK, **site) == Unreached(Trouble.NAME)
    assert got(OUTLOOK, Proxy(PROXY), **site) == Reached(200, 0.0)


def test_another_proxy_than_the_site_s_is_not_there() -> None:
    assert got(OUTLOOK, Proxy("http://other.example:8080"), proxy={"url": PROXY}) == Unreached(Trouble.PROXY_NAME)
    assert got(OUTLOOK, Proxy("http://proxy.example:3128"), proxy={"url": PROXY}) == Unreached(Trouble.CONNECT)
    assert got(OUTLOOK, Proxy(PROXY)) == Unreached(Trouble.PROXY_NAME)


def test_a_proxy_may_want_to_know_who_asks() -> None:
    strict = {"url": PROXY, "authentication": True}
    assert got(OUTLOOK, Proxy(PROXY), proxy=strict) == Reached(407, 0.0, by_proxy=True)
    assert got(OUTLOOK, Proxy(PROXY, authenticated=True), proxy=strict) == Reached(200, 0.0)


def test_a_process_keeps_what_was_set_when_it_began() -> None:
    host = machine()
    old = Engine(host)
    run(old, (command("New-Item", Path="HKLM:\\SOFTWARE\\Microsoft\\.NETFramework\\v4.0.30319", Force=True),))
    run(old, (command("Set-ItemProperty", "HKLM:" + DOT_NET[4:], "SchUseStrongCrypto", 1, Type="DWord"),))

    assert ask(old, OUTLOOK).reason == "WebCmdletWebResponseException"
    assert status(ask(Engine(host), OUTLOOK)) == 200


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (OUTLOOK, "Could not create SSL/TLS secure channel"),
        ("https://nowhere.example/", "'nowhere.example'"),
        ("http://closed.example/", "Unable to connect"),
        ("http://mine.example/", "(401) Unauthorized"),
        ("http://round.example/", "Too many automatic redirections"),
    ],
)
def test_what_is_not_answered_well_is_a_terminating_web_exception(url: str, message: str) -> None:
    sites = {
        "closed.example": {"port": "refused"},
        "mine.example": {"status": 401},
        "round.example": {"status": 301, "redirect": "/again"},
    }
    told = ask(machine(network={"hosts": sites}), url)
    ended = told.messages[-1]

    assert (told.state, told.reason) == ("Failed", "WebCmdletWebResponseException")
    assert message in str(ended.reason.Exception.Message)  # type: ignore[union-attr]
    assert ended.reason.Exception.PSObject.type_names[0] == "System.Net.WebException"  # type: ignore[union-attr]


def test_nothing_is_awaited_longer_than_asked() -> None:
    host = machine(network={"hosts": {"gone.example": {"port": "dropped"}, "slow.example": {"latency": 3}}})
    patient, hasty = ask(host, "http://gone.example/"), ask(host, "http://gone.example/", TimeoutSec=5)

    assert (patient.waited, hasty.waited) == (21.0, 5.0)
    assert status(ask(host, "http://slow.example/", TimeoutSec=3)) == 200
    assert ask(host, "http://slow.example/", TimeoutSec=2).waited == 2.0


def test_a_redirection_that_is_not_followed_is_told_with_an_error() -> None:
    host = machine(network={"hosts": {"old.example": {"status": 302, "redirect": OUTLOOK}}})
    told = ask(host, "http://old.example/", MaximumRedirection=0)

    assert (status(told), told.errors) == (302, ["MaximumRedirectExceeded"])
    assert ask(host, "http://old.example/").reason == "WebCmdletWebResponseException"  # to where TLS 1.2 is wanted


@pytest.mark.parametrize(
    "asked",
    [
        command("Invoke-WebRequest", Uri=OUTLOOK),
        web_request(OUTLOOK, Method="Post"),
        web_request("ftp://outlook.office365.com/"),
        web_request(OUTLOOK, Body="x"),
        web_request("http://outlook.office365.com/"),  # whole: nobody knows what it holds
    ],
)
def test_what_the_lab_does_not_know_it_refuses(asked: RequestedCommand) -> None:
    assert one(machine(), asked).reason == "LabDoesNotSimulate"


@pytest.mark.parametrize(
    "network",
    [{"proxy": {"url": "proxy.example"}}, {"hosts": {"a": {"status": 299}}}, {"hosts": {"a": {"tls": "1.4"}}}],
)
def test_a_network_that_cannot_be_is_an_error(network: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MachineSpec.model_validate({"network": network})


def test_error_holds_what_a_terminating_error_raised() -> None:
    """Outside of a script it is no error record: it has no id (batch.failed-then-error-variable)."""
    host = Engine(machine())
    ask(host, OUTLOOK)
    one(host, command("Get-NoSuchCommand"))
    raised = (command("Get-Variable", Name="Error"), command("Select-Object", ExpandProperty="Value"))
    ids = run(host, (*raised, command("ForEach-Object", MemberName="FullyQualifiedErrorId"))).values
    records = run(host, (*raised, command("Select-Object", ExpandProperty="ErrorRecord")))
    inner = run(host, (*raised, command("Select-Object", ExpandProperty="InnerException"), _status()))

    assert ids == [None, None]
    assert len(records.values) == 2
    assert [one.Status.name for one in inner.values] == ["SecureChannelFailure"]  # type: ignore[attr-defined]


def _status() -> RequestedCommand:
    return command("Select-Object", Property=["Status"])
