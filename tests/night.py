"""The change night as a user has it: its servers, what people confirm, and what a plan or a run says of each host."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from runner.cli.demo import PLAYBOOKS
from runner.lab.scenario import Phase, Scenario
from runner.model.outcome import CHANGED
from tests.product import Answer, Served, ce_runner, served

NIGHT = PLAYBOOKS / "cloud-extender-exchange-online.yml"
DOT_NET = r"HKLM\SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full"
RUNTIMES = [
    rf"HKLM\SOFTWARE\{view}Microsoft\.NETFramework\{runtime}"
    for runtime in ("v2.0.50727", "v4.0.30319")
    for view in ("", "Wow6432Node\\")
]
SHELLS = [
    rf"HKLM\SOFTWARE\{view}Microsoft\PowerShell\1\ShellIds\Microsoft.PowerShell" for view in ("", "Wow6432Node\\")
]
STRONG = {runtime: {"SchUseStrongCrypto": 1, "SystemDefaultTlsVersions": 1} for runtime in RUNTIMES}
READY = {**STRONG, **{shell: {"ExecutionPolicy": "RemoteSigned"} for shell in SHELLS}}
MODULES = r"C:\Program Files\WindowsPowerShell\Modules"
INSTALLERS = {"PackageManagement": ["1.4.8.1"], "PowerShellGet": ["2.2.5"]}
SERVICE = {"display_name": "MaaS360 Cloud Extender (lab)", "status": "running", "start_mode": "automatic"}
UNTOUCHED: dict[str, Any] = {
    "os": "Server 2022",
    "groups": ["cloud_extender"],
    "services": {"LabCloudExtender": SERVICE},
    "modules": {"ExchangeOnlineManagement": ["2.0.5"]},
    "attested": {"check": ["S2-06", "S0-12", "S0-13", "S0-21", "S0-09"]},  # S0-13 is S0-12 behind a proxy
}
# As after last month's night, but that V3 is missing.
BEFORE_V3: dict[str, Any] = {
    **UNTOUCHED,
    "registry": READY,
    "nuget_provider": True,
    "modules": {**INSTALLERS, "ExchangeOnlineManagement": ["2.0.5"]},
}
DONE: dict[str, Any] = {**BEFORE_V3, "modules": {**INSTALLERS, "ExchangeOnlineManagement": ["2.0.5", "3.1.0"]}}

FEED = "https://feed.example/api/v2"
_ON_FEED = {"PackageManagement": "1.4.8.1", "PowerShellGet": "2.2.5", "ExchangeOnlineManagement": "3.1.0"}
# A site with a feed of its own; its NuGet provider comes from the controller (`put_provider`).
INTERNAL: dict[str, Any] = {
    **UNTOUCHED,
    "network": {"internet": "none", "hosts": {"outlook.office365.com": {"status": 401}, "feed.example": {}}},
    "gallery": {"sources": {FEED: {name: {version: {}} for name, version in _ON_FEED.items()}}},
    "inventory": {
        "ce_repository": "Internal",
        "ce_repository_url": FEED,
        "ce_nuget_source": "{{ lab_directory }}/nuget",
    },
}


def put_provider(folder: Path) -> None:
    """Put the NuGet provider's folder beside the inventory, as INTERNAL names it."""
    file = folder / "lab" / "nuget" / "2.8.5.208" / "Microsoft.PackageManagement.NuGetProvider.dll"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"the provider")


@contextmanager
def night(folder: Path, **hosts: dict[str, Any]) -> Iterator[tuple[Served, Path]]:
    """The hosts, served, with what people confirm beforehand; and the playbook for them."""
    packages = {name: (version,) for name, version in _ON_FEED.items()}
    scenario = Scenario.model_validate({"description": "a night", "packages": packages, "hosts": hosts})
    with served(scenario, folder) as fleet:
        confirm(fleet, "check")
        yield fleet, NIGHT


def confirm(fleet: Served, phase: Phase) -> None:
    """Confirm the manual steps that the scenario says are confirmed before a phase."""
    for host, step in fleet.fleet.attested(phase):
        by = ("--by", "Lab operator", "--evidence", "seen", "--journal", fleet.journal)
        assert ce_runner("attest", host, step, *by).code == 0


def changes(answer: Answer) -> dict[str, tuple[str, ...]]:
    """The planned changes of a plan, or those that a run has made, of each host in order."""
    if "plays" in answer.document:
        return {
            name: tuple(thing(step) for step in host["steps"] if "action" in step)
            for name, host in answer.hosts.items()
        }
    names = {name: {step["header"]["id"]: thing(step) for step in steps} for name, steps in planned(answer).items()}
    return {
        name: tuple(names[name][action["step"]] for action in host.get("actions", []) if action["result"] in CHANGED)
        for name, host in answer.hosts.items()
    }


def planned(answer: Answer) -> dict[str, list[dict[str, Any]]]:
    """The steps of each host in a plan, or in the plan that a run has applied; of several plays, those of all."""
    document = answer.document
    found: dict[str, list[dict[str, Any]]] = {}
    for play in document.get("plan", document)["plays"]:
        for host in play["hosts"]:
            found.setdefault(host["host"], []).extend(host["steps"])
    return found


def thing(step: dict[str, Any]) -> str:
    """What a step is about, as screens head it: kind, name, and property if there is one."""
    heading = step.get("heading", {})
    return " ".join(heading[part] for part in ("kind", "name", "property") if part in heading)


def said(answer: Answer, host: str, verdict: str) -> dict[str, str]:
    """What a plan says of the tasks of a host with this verdict: the message by the task's name."""
    return {
        step["header"]["name"]: step.get("message", "") for step in planned(answer)[host] if step["verdict"] == verdict
    }


def ended(answer: Answer, host: str) -> dict[str, tuple[str, str]]:
    """How each task of a host ended in a run, and its message, by the task's name; of a loop the last."""
    names = {step["header"]["id"]: step["header"]["name"] for step in planned(answer)[host]}
    actions = answer.hosts[host]["actions"]
    return {names[action["step"]]: (action["result"], action.get("message", "")) for action in actions}
