"""Each way in which the installation of a module goes wrong (domain.md 4.5), by the command line.

What the plan and apply say, that nothing was changed, and that the same playbook converges once the cause is gone.
tests/test_scenarios.py holds the scenario to its numbers; here it is about words, and about the way out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from runner.lab.enums import RegistryValueKind, ServiceControllerStatus
from runner.lab.machine import Machine
from runner.lab.module_folders import ModuleFiles
from runner.lab.network_spec import NetworkSpec, made_network
from runner.lab.packages import write_package
from runner.lab.registry import RegistryValue
from runner.lab.repositories import PSGALLERY_URL, Package
from runner.lab.scenario import load_scenario
from runner.modules.psmodule_failures import FAILURES, Failure
from tests.product import ROOT, Answer, Served, served

PLAYBOOK = ROOT / "playbooks" / "powershell-module.yml"
SCENARIO = load_scenario("module-failures")
DOT_NET = "HKLM\\SOFTWARE\\Microsoft\\.NETFramework\\v4.0.30319"
POLICY = "HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows\\PowerShell"
SAMPLE = "C:\\Program Files\\WindowsPowerShell\\Modules\\Sample"
PROXY = "http://proxy.example:8080"
NO_SCRIPTS = "CouldNotAutoloadMatchingModule"


def tls_1_2(machine: Machine) -> None:
    machine.set_value(DOT_NET, RegistryValue("SchUseStrongCrypto", RegistryValueKind.DWord, 1))


def open_network(machine: Machine) -> None:
    machine.network = made_network(NetworkSpec())


def elevated(machine: Machine) -> None:
    machine.elevated = True


def room_on_the_disk(machine: Machine) -> None:
    machine.disk_full = False


def no_policy(machine: Machine) -> None:
    machine.remove_value(POLICY, "EnableScripts")


def service_stopped(machine: Machine) -> None:
    service = machine.services.find("LabCloudExtender")
    assert service is not None
    machine.services.put(replace(service, status=ServiceControllerStatus.Stopped, process_id=0))


def other_module_gone(machine: Machine) -> None:
    machine.remove_file(SAMPLE)


def dependency_published(machine: Machine) -> None:
    gallery, place = machine.gallery, PSGALLERY_URL.casefold()
    gallery.feeds = {**gallery.feeds, place: (*gallery.feeds[place], Package(name="Other", version="1.0.0"))}


@dataclass(frozen=True)
class Trouble:
    """An error id of FAILURES with words that help at once, what the plan says before, and how it is put right.

    `warned`: the meaning is that of a repository that could not be asked. The way out is in the playbook's variables,
    or on the machine.
    """

    error_id: str
    says: tuple[str, ...]
    lacks: tuple[str, ...] = ()
    warned: bool = False
    variables: Mapping[str, Any] = field(default_factory=dict)
    repair: Callable[[Machine], None] | None = None

    @property
    def failure(self) -> Failure:
        known = FAILURES[self.error_id]
        return known.warned if self.warned and known.warned else known


def unreached(**way_out: Any) -> Trouble:
    says = ("cannot be reached", "TLS 1.2", "proxy", "firewall", "win_uri", "source")
    return Trouble("NoMatchFoundForCriteria", says, warned=True, **way_out)


FROM_HERE = "proxy-wants-an-account"
BRING_POWERSHELLGET = {"bring_powershellget": True}
TROUBLES = {
    "no-nuget-provider": Trouble(
        "HostException",
        ("no NuGet provider", "win_package_provider"),
        ("NuGet provider 2.8.5.201 or later (win_package_provider)",),
        variables={"bring_nuget_provider": True},
    ),
    "no-nuget-provider-to-download": Trouble(
        "NoMatchFoundForProvider",
        ("could not be downloaded", "TLS 1.2", "source"),
        ("NuGet provider 2.8.5.201 or later (win_package_provider)",),
        repair=tls_1_2,
    ),
    "repository-not-registered": Trouble(
        "SourceNotFound",
        ("no repository of that name", "win_psrepository"),
        ("repository PSGallery (win_psrepository)",),
        variables={"bring_repository": True},
    ),
    "powershellget-too-old": Trouble(
        "NotSupportedPowerShellGetFormatVersion",
        ("too old", "PackageManagement 1.4.8.1 and PowerShellGet 2.2.5"),
        variables=BRING_POWERSHELLGET,
    ),
    "powershellget-without-the-argument": Trouble(
        "NamedParameterNotFound",
        ("accept_license", "PowerShellGet 2.2.5"),
        ("PowerShellGet 1.6.0 or later (win_psmodule)",),
        variables=BRING_POWERSHELLGET,
    ),
    "dependency-missing": Trouble(
        "UnableToFindDependencyPackage", ("(Other)", "nothing was installed"), repair=dependency_published
    ),
    "tls-too-old": unreached(repair=tls_1_2),
    "proxy-needed": unreached(variables={"module_proxy": PROXY}),
    FROM_HERE: unreached(),  # the package comes from the controller
    "egress-blocked": unreached(repair=open_network),
    "name-not-resolved": unreached(repair=open_network),
    "gallery-answers-503": unreached(repair=open_network),
    "version-not-in-the-gallery": Trouble(
        "NoMatchFoundForCriteria", ("no such module or version",), variables={"module_version": "3.1.0"}
    ),
    "command-name-taken": Trouble(
        "CommandAlreadyAvailable",
        ("Get-Thing", "allow_clobber: true"),
        variables={"module_allow_clobber": True},
    ),
    "licence": Trouble("ForceAcceptLicense", ("accept_license: true",), variables={"module_accept_license": True}),
    "not-elevated": Trouble(
        "InstallModuleNeedsCurrentUserScopeParameterForNonAdminUser", ("local administrator",), repair=elevated
    ),
    "not-elevated-for-powershellget-2": Trouble(
        "InstallModuleAdminPrivilegeRequiredForAllUsersScope", ("local administrator",), repair=elevated
    ),
    "scripts-not-allowed": Trouble(
        NO_SCRIPTS,
        ("execution policy", "Group Policy"),
        ("an execution policy that lets PowerShellGet run (execution_policy)",),
        variables={"bring_execution_policy": "RemoteSigned"},
    ),
    "module-in-use": Trouble("ModuleIsInUse", ("stop the service", "Cloud Extender"), repair=service_stopped),
    "copied-module-in-use": Trouble(
        "RemoveFileSystemItemUnAuthorizedAccess", ("stop the service", "Cloud Extender"), repair=service_stopped
    ),
    "needed-by-another-module": Trouble(
        "UnableToUninstallAsOtherModulesNeedThisModule", ("'Sample'", "remove those first"), repair=other_module_gone
    ),
    "disk-full": Trouble(
        "AdministratorRightsNeededOrSpecifyCurrentUserScope", ("the disk is full",), repair=room_on_the_disk
    ),
}
HELD = "scripts-not-allowed-by-group-policy"
CUT = ("connection-cut", "connection-cut-and-the-end-not-seen")
WELL = (
    "untrusted-repository",
    "there-in-the-other-scope",
    "copied-by-hand",
    "copied-by-hand-without-a-version-folder",
    "beside-a-copy-without-a-version-folder",
    "new-powershellget-needs-a-new-process",
)


@dataclass(frozen=True)
class Night:
    """What the commands said: the plan, apply, and apply after all causes are gone; and what apply changed."""

    fleet: Served
    planned: Answer
    applied: Answer
    changed: Mapping[str, tuple[str, ...]]
    again: Answer
    last: Answer


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    folder = tmp_path_factory.mktemp("failures")
    (folder / "packages").mkdir()
    with served(SCENARIO, folder) as fleet:
        planned = fleet.check(PLAYBOOK)
        applied = fleet.apply(PLAYBOOK)
        changed = {name: tuple(one.what for one in fleet.fleet.machine(name).changes) for name in SCENARIO.hosts}
        put_right(fleet, write_package(folder / "packages", ModuleFiles("ExchangeOnlineManagement", "3.1.0")))
        yield Night(fleet, planned, applied, changed, fleet.apply(PLAYBOOK), fleet.check(PLAYBOOK))


def put_right(fleet: Served, package: Path) -> None:
    """What each message says is done: variables in the inventory, or somebody does it on the machine."""
    tree = yaml.safe_load(fleet.inventory.read_text(encoding="utf-8"))
    for name, trouble in TROUBLES.items():
        tree["all"]["hosts"][name] |= trouble.variables
        if trouble.repair is not None:
            with fleet.fleet.editing(name) as machine:
                trouble.repair(machine)
    tree["all"]["hosts"][FROM_HERE]["module_source"] = str(package)
    fleet.inventory.write_text(yaml.safe_dump(tree), encoding="utf-8")
    with fleet.fleet.editing(HELD) as machine:
        no_policy(machine)


def said(night: Night, host: str) -> str:
    """The message of the action that failed."""
    (message,) = [action["message"] for action in night.applied.hosts[host]["actions"] if action["result"] == "failed"]
    return str(message)


def lacks(night: Night, host: str) -> list[str]:
    """What the plan says that the module's installation lacks."""
    steps = [step for step in night.planned.hosts[host]["steps"] if "action" in step]
    differences = steps[-1]["action"]["differences"]
    return [text for one in differences if one["property"] == "lacks" for text in one["before"]]


def test_every_host_of_the_scenario_is_looked_at_and_half_of_them_are_japanese() -> None:
    assert SCENARIO.hosts.keys() == {*TROUBLES, HELD, *CUT, *WELL}
    japanese = [name for name, host in SCENARIO.hosts.items() if host.culture == "ja-JP"]
    assert abs(2 * len(japanese) - len(SCENARIO.hosts)) <= 2


@pytest.mark.parametrize("host", TROUBLES)
def test_the_plan_names_what_is_missing(night: Night, host: str) -> None:
    """Before any change; what only the repository knows, no plan can say."""
    found = lacks(night, host)
    assert len(found) == len(TROUBLES[host].lacks)
    assert all(text.startswith(wish) for text, wish in zip(found, TROUBLES[host].lacks, strict=True))


@pytest.mark.parametrize("host", TROUBLES)
def test_apply_names_cause_and_fix_and_changes_nothing(night: Night, host: str) -> None:
    trouble, message = TROUBLES[host], said(night, host)
    assert message.startswith(f"cause: {trouble.failure.cause}; what to do: {trouble.failure.fix}; the host said: ")
    assert f"({trouble.error_id}" in message
    assert [word for word in trouble.says if word not in message] == []
    assert night.changed[host] == ()


@pytest.mark.parametrize("host", [*TROUBLES, HELD])
def test_once_the_cause_is_gone_the_same_playbook_converges(night: Night, host: str) -> None:
    assert night.again.hosts[host]["result"] == "applied", night.again.hosts[host]
    assert night.last.hosts[host]["result"] == "compliant"


def test_what_a_group_policy_forbids_is_held_for_its_owner(night: Night) -> None:
    steps = night.planned.hosts[HELD]["steps"]
    assert {step["owner"] for step in steps if "owner" in step} == {"Group Policy"}
    assert night.planned.hosts[HELD]["result"] == "held"
    assert night.changed[HELD] == ()


@pytest.mark.parametrize("host", WELL)
def test_what_only_looks_like_trouble_goes_well(night: Night, host: str) -> None:
    assert night.applied.hosts[host]["result"] == "applied"


def test_a_repository_that_is_not_trusted_stays_so(night: Night) -> None:
    """-Force is enough; its policy is not changed (domain.md 4.5: otherwise restore it afterwards)."""
    machine = night.fleet.fleet.machine("untrusted-repository")
    assert [repository.trusted for repository in machine.gallery.repositories()] == [False]


def test_a_copy_in_the_other_scope_stays(night: Night) -> None:
    files = night.fleet.fleet.machine("there-in-the-other-scope").files
    below = "WindowsPowerShell\\Modules\\ExchangeOnlineManagement\\3.1.0"
    assert files.find(f"C:\\Program Files\\{below}") is not None
    assert files.find(f"C:\\Users\\Administrator\\Documents\\{below}") is not None


def test_a_new_powershellget_acts_in_the_same_run(night: Night) -> None:
    """The one in the box does not know accept_license: the session was renewed between the two."""
    actions = night.applied.hosts["new-powershellget-needs-a-new-process"]["actions"]
    assert [action["result"] for action in actions] == ["applied"] * 4


def test_an_installation_whose_connection_is_cut_is_read_again(night: Night) -> None:
    """Where nothing can be read afterwards it is unknown, never failed or done; the next run finds out."""
    results = [night.applied.hosts[host]["actions"][0]["result"] for host in CUT]
    assert results == ["settled", "unknown"]
    assert [night.last.hosts[host]["result"] for host in CUT] == ["compliant", "compliant"]
