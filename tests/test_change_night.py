r"""The change night of the playbook, on every Windows and with each of its variables: what is planned, done and said.

The playbook's order and values are domain.md's (section 11); what a Windows version lacks, 3.3 and 4.3.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from runner.record.journal import Journal
from tests.night import (
    BEFORE_V3,
    DONE,
    DOT_NET,
    FEED,
    INTERNAL,
    MODULES,
    READY,
    RUNTIMES,
    SERVICE,
    SHELLS,
    UNTOUCHED,
    changes,
    ended,
    night,
    planned,
    put_provider,
    said,
)
from tests.product import Answer, Served

REBOOT_REQUIRED = {r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired": {}}
INSTALLED = ("module PackageManagement", "module PowerShellGet", "module ExchangeOnlineManagement")
EVERYTHING = (
    *(f"registry {key} SchUseStrongCrypto" for key in RUNTIMES),
    *(f"registry {key} SystemDefaultTlsVersions" for key in RUNTIMES),
    "policy LocalMachine",
    "policy LocalMachine, 32-bit PowerShell",
    "provider NuGet 2.8.5.201 or later",
    *INSTALLED,
    "restart LabCloudExtender",
)
V3_ONLY = ("module ExchangeOnlineManagement", "restart LabCloudExtender")
GIVEN_UP = "Windows must be restarted, or its way to Exchange Online opened"


def results(answer: Answer) -> dict[str, str]:
    return {name: host["result"] for name, host in answer.hosts.items()}


def verdicts(answer: Answer, host: str) -> list[tuple[str, str]]:
    return [(step["header"]["name"], step["verdict"]) for step in planned(answer)[host]]


def has_module(fleet: Served, host: str, name: str, version: str) -> bool:
    return fleet.fleet.machine(host).files.find(rf"{MODULES}\{name}\{version}\{name}.psd1") is not None


# ---- every Windows -------------------------------------------------------------------------------------------

WMF_5_1 = {"powershell": "5.1.14409.1005"}
WINDOWS: dict[str, dict[str, Any]] = {
    "2012r2": {"os": "Server 2012 R2", "registry": {DOT_NET: {"Release": 461814}}, **WMF_5_1},
    "2016": {"os": "Server 2016", "registry": {DOT_NET: {"Release": 461814}}},
    "2019": {"os": "Server 2019"},
    "2022": {"os": "Server 2022"},
    "2025": {"os": "Server 2025"},
}


def test_every_windows_in_both_languages_ends_the_same(tmp_path: Path) -> None:
    hosts = {
        f"w{name}-{culture[:2]}": {**UNTOUCHED, **windows, "culture": culture}
        for name, windows in WINDOWS.items()
        for culture in ("en-US", "ja-JP")
    }
    with night(tmp_path, **hosts) as (fleet, playbook):
        before, run, after = fleet.check(playbook), fleet.apply(playbook), fleet.check(playbook)
    assert (before.code, run.code, after.code) == (2, 0, 0)
    assert changes(before) == dict.fromkeys(hosts, EVERYTHING)
    assert changes(run) == dict.fromkeys(hosts, EVERYTHING)
    assert results(after) == dict.fromkeys(hosts, "compliant")
    first = next(iter(hosts))
    for answer in (before, after):
        assert {host: verdicts(answer, host) for host in hosts} == dict.fromkeys(hosts, verdicts(answer, first))
    assert {host: ended(run, host) for host in hosts} == dict.fromkeys(hosts, ended(run, first))
    assert ended(run, first)["Exchange Online answers"] == ("nothing to do", "")


def test_what_a_windows_lacks_is_said_before_any_change(tmp_path: Path) -> None:
    own_powershell = {**UNTOUCHED, "os": "Server 2012 R2", "registry": {DOT_NET: {"Release": 461814}}}
    own_dot_net = {**UNTOUCHED, "os": "Server 2016"}
    with night(tmp_path, powershell4=own_powershell, dot_net=own_dot_net) as (fleet, playbook):
        plan, run = fleet.check(playbook), fleet.apply(playbook)
        assert [fleet.fleet.machine(name).changes for name in fleet.fleet.specs] == [[], []]
    assert results(plan) == results(run) == {"powershell4": "failed", "dot_net": "held"}
    assert said(plan, "powershell4", "failed") == {
        "The NuGet provider": "win_package_provider needs PowerShell 5.1 or later; this host has 4.0",
        "PackageManagement and PowerShellGet": "win_psmodule needs PowerShell 5.1 or later; this host has 4.0",
        "The Exchange Online module": "win_psmodule needs PowerShell 5.1 or later; this host has 4.0",
    }
    (reason,) = said(plan, "dot_net", "blocked").values()
    assert "is 394802, at least 461308 is wanted: install .NET Framework 4.7.2 or later" in reason
    assert "Windows team" in run.hosts["dot_net"]["message"]


# ---- what the variables choose -------------------------------------------------------------------------------


def test_basic_authentication_is_taken_away_where_a_baseline_wants_it_so(tmp_path: Path) -> None:
    disable = {**DONE, "inventory": {"winrm_client_basic": "disable"}}
    with night(tmp_path, leave=DONE, disable=disable) as (fleet, playbook):
        run, after = fleet.apply(playbook), fleet.check(playbook)
        key = fleet.fleet.machine("disable").registry.find(
            r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\WSMAN\Client"
        )
    assert changes(run) == {"leave": (), "disable": (r"winrm client WSMan:\localhost\Client\Auth\Basic",)}
    assert (after.code, results(after)) == (0, {"leave": "compliant", "disable": "compliant"})
    value = key and key.value("auth_basic")
    assert value is not None
    assert value.data == 0


@pytest.mark.parametrize(
    ("choice", "result", "done"),
    [
        ("stop", "held", ()),
        ("restart", "applied", ("reboot Windows", *V3_ONLY)),
        ("ignore", "applied", V3_ONLY),
    ],
)
def test_a_restart_that_windows_waits_for(choice: str, result: str, done: tuple[str, ...], tmp_path: Path) -> None:
    waiting = {**BEFORE_V3, "registry": {**READY, **REBOOT_REQUIRED}, "inventory": {"ce_pending_reboot": choice}}
    with night(tmp_path, a=waiting) as (fleet, playbook):
        plan, run = fleet.check(playbook), fleet.apply(playbook)
        changed = [change.what for change in fleet.fleet.machine("a").changes]
    assert (run.hosts["a"]["result"], changes(run)["a"]) == (result, done)
    assert bool(changed) == bool(done)
    if choice == "stop":
        assert "Windows team" in run.hosts["a"]["message"]
        assert "ce_pending_reboot" in said(plan, "a", "blocked")["Windows does not wait for a restart"]
    if choice == "restart":
        assert next(what for what in changed if what in ("boot", "service LabCloudExtender")) == "boot"


def test_a_proof_that_fails_restarts_windows_only_where_it_may(tmp_path: Path) -> None:
    """A firewall swallows the way to Exchange Online, which no restart opens."""
    shut = {**BEFORE_V3, "network": {"hosts": {"outlook.office365.com": {"port": "dropped"}}}}
    shut["registry"] = {shell: {"ExecutionPolicy": "RemoteSigned"} for shell in SHELLS}
    may = {**shut, "inventory": {"ce_reboot_allowed": True}}
    with night(tmp_path, may=may, may_not=shut) as (fleet, playbook):
        run, after = fleet.apply(playbook), fleet.check(playbook)
    assert results(run) == {"may": "failed", "may_not": "held"}
    cause = "https://outlook.office365.com/powershell was not reached: no connection"
    allowed, forbidden = ended(run, "may"), ended(run, "may_not")
    for one in (allowed, forbidden):
        assert one["Exchange Online answers"][0] == "ignored"
        assert cause in one["Exchange Online answers"][1]
    assert allowed["Restart Windows, since Exchange Online still does not answer"][0] == "applied"
    assert allowed["Exchange Online answers after the restart"][0] == "failed"
    assert GIVEN_UP not in allowed
    assert forbidden[GIVEN_UP][0] == "held"
    assert forbidden[GIVEN_UP][1].startswith("change manager must act first")
    assert said(after, "may_not", "held").keys() == {GIVEN_UP}


def test_behind_a_proxy_everything_needs_its_name(tmp_path: Path) -> None:
    """Providers and gallery are asked first, so that it is there that a missing name is told."""
    direct = (
        "outlook.office365.com",
        "go.microsoft.com",
        "onegetcdn.azureedge.net",
        "www.powershellgallery.com",
    )
    proxy = "http://proxy.example:8080"
    behind = {
        **UNTOUCHED,
        "network": {"proxy": {"url": proxy}, "hosts": {name: {"port": "dropped"} for name in direct}},
    }
    with night(tmp_path, told={**behind, "inventory": {"ce_proxy": proxy}}, untold=behind) as (fleet, playbook):
        run, after = fleet.apply(playbook), fleet.check(playbook)
    assert results(run) == {"told": "applied", "untold": "failed"}
    assert changes(run)["told"] == EVERYTHING
    assert after.hosts["told"]["result"] == "compliant"
    result, message = ended(run, "untold")["The NuGet provider"]
    assert result == "failed"
    assert "it needs a proxy (argument proxy" in message


def test_an_internal_repository_needs_no_way_to_microsoft(tmp_path: Path) -> None:
    put_provider(tmp_path)
    with night(tmp_path, a=INTERNAL) as (fleet, playbook):
        run, after = fleet.apply(playbook), fleet.check(playbook)
        repository = fleet.fleet.machine("a").gallery.repository("Internal")
    assert repository is not None
    assert (repository.location, repository.trusted) == (FEED, True)
    made = changes(run)["a"]
    assert made == (*EVERYTHING[:11], "repository Internal", *EVERYTHING[11:])
    assert (after.code, results(after)) == (0, {"a": "compliant"})


def test_another_release_and_the_end_of_v2(tmp_path: Path) -> None:
    later = {**BEFORE_V3, "inventory": {"exo_pin": "3.9.2"}}
    without = {**DONE, "inventory": {"exo_remove_v2": True}}
    with night(tmp_path, later=later, without=without) as (fleet, playbook):
        plan, run, after = fleet.check(playbook), fleet.apply(playbook), fleet.check(playbook)
        found = {
            (host, version): has_module(fleet, host, "ExchangeOnlineManagement", version)
            for host in ("later", "without")
            for version in ("2.0.5", "3.1.0", "3.9.2")
        }
    assert changes(run) == {"later": V3_ONLY, "without": ("module ExchangeOnlineManagement",)}
    assert {place for place, there in found.items() if there} == {
        ("later", "2.0.5"),
        ("later", "3.9.2"),
        ("without", "3.1.0"),
    }
    assert (after.code, results(after)) == (0, {"later": "compliant", "without": "compliant"})
    (removal,) = [step for step in planned(plan)["without"] if "action" in step]
    assert "would have to be installed anew" in removal["action"]["irreversible"]


def test_one_service_must_be_meant(tmp_path: Path) -> None:
    two = {**DONE, "services": {"LabCloudExtender": SERVICE, "LabCloudExtenderB": SERVICE}}
    named = {**two, "inventory": {"ce_service_name": "LabCloudExtenderB"}}
    with night(tmp_path, none={**DONE, "services": {}}, two=two, named=named) as (fleet, playbook):
        plan = fleet.check(playbook)
    assert results(plan) == {"none": "failed", "two": "failed", "named": "compliant"}
    reasons = {host: said(plan, host, "failed")["The Cloud Extender service"] for host in ("none", "two")}
    assert reasons["none"].startswith("no service matches")
    assert reasons["two"].startswith("several services match: LabCloudExtender (MaaS360 Cloud Extender (lab)), Lab")
    assert all("set ce_service_name" in reason for reason in reasons.values())


def test_servers_of_one_ha_group_are_changed_one_after_the_other(tmp_path: Path) -> None:
    def member(group: str) -> dict[str, Any]:
        return {**BEFORE_V3, "inventory": {"ce_ha_group": group}}

    groups = {"t1": "tokyo", "o1": "osaka", "t2": "tokyo", "o2": "osaka", "t3": "tokyo"}
    with night(tmp_path, **{name: member(group) for name, group in groups.items()}) as (fleet, playbook):
        run = fleet.apply(playbook)
        with Journal(fleet.journal) as journal:
            intents = journal.run(run.document["run"]).intents
    assert results(run) == dict.fromkeys(groups, "applied")
    for group in ("tokyo", "osaka"):
        turns = [intent.host for intent in intents if groups[intent.host] == group]
        assert turns == sorted(turns)
        assert set(turns) == {host for host, own in groups.items() if own == group}


def test_each_item_can_be_picked_by_its_tag(tmp_path: Path) -> None:
    """A task that another one needs is never left out with it."""
    with night(tmp_path, untouched=UNTOUCHED) as (fleet, playbook):
        tasks = yaml.safe_load(playbook.read_text(encoding="utf-8"))[0]["tasks"]
        tags = sorted({tag for task in tasks for tag in task.get("tags", ())})
        for tag in tags:
            plan = fleet.check(playbook, "--tags", tag)
            assert said(plan, "untouched", "failed") == {}, tag


def test_text_from_the_command_line_decides_as_it_reads(tmp_path: Path) -> None:
    """-e gives texts: "false" is no, and a word that the playbook does not know stops everything."""
    unreachable = """{"ce_probe_urls": ["https://nowhere.example"]}"""
    off = ("-e", "exo_remove_v2=false", "-e", "ce_reboot_allowed=false", "-e", unreachable)
    with night(tmp_path, done=DONE) as (fleet, playbook):
        plan = fleet.check(playbook, *off)
        assert (plan.code, changes(plan)["done"]) == (6, ())
        for wrong in ("ce_pending_reboot=reboot", "winrm_client_basic=off", "ce_dotnet_release=4.7.2"):
            plan = fleet.check(playbook, "-e", wrong)
            assert list(said(plan, "done", "failed")) == ["The variables are words that this playbook knows"], wrong
