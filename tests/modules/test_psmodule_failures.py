"""Each way in which an installation fails (domain.md 4.5), planted in a lab machine: the task says cause and fix."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from runner.lab.spec import MachineSpec, build_machine
from runner.model.command import ErrorRecord, Reply, ReplyState
from runner.model.state import Desired, State
from runner.modules.base import StateModule
from runner.modules.loader import load_modules
from runner.modules.psmodule_failures import FAILURES, explained
from runner.modules.reading import Wanted, read_all
from tests.modules.lab_session import LabSession

EXO = {"name": "ExchangeOnlineManagement", "required_version": "3.1.0"}
TLS = {"HKLM\\SOFTWARE\\Microsoft\\.NETFramework\\v4.0.30319": {"SchUseStrongCrypto": 1}}
READY: dict[str, Any] = {"os": "Server 2019", "nuget_provider": True, "registry": TLS}
HOSTS = ("www.powershellgallery.com", "go.microsoft.com", "onegetcdn.azureedge.net")
GALLERY = "https://www.powershellgallery.com/api/v2"

PROXY = "http://proxy.example:8080"
BY_PROXY = {"proxy": {"url": PROXY}, "hosts": {name: {"port": "dropped"} for name in HOSTS}}


def offering(name: str, **package: Any) -> dict[str, Any]:
    return {"gallery": {"sources": {GALLERY: {name: {"1.0.0": package}}}}}


def attempted(module: str, arguments: dict[str, Any], machine: dict[str, Any]) -> tuple[list[str], State]:
    """What the task says about each of its changes up to the first that fails, and what is there afterwards."""
    one = load_modules()[module]
    assert isinstance(one, StateModule)
    session = LabSession(build_machine("case", MachineSpec.model_validate({**READY, **machine})))
    wanted = one.arguments.model_validate(arguments)
    before = read(one, wanted, session)
    assert isinstance(one.desired(wanted, before), Desired)
    said = []
    for statement in one.write(wanted, before):
        (reply,) = session.change(statement, (), one.timeout, lambda ids: None)
        assert isinstance(reply, Reply)
        said.append(one.judge(statement, reply) or "")
        if said[-1]:
            break
    return said, read(one, wanted, session)


def read(module: StateModule[Any], wanted: Any, session: LabSession) -> State:
    (found,) = read_all([Wanted(module, wanted)], lambda asked: session.read(asked, module.timeout))
    assert isinstance(found, State)
    return found


@pytest.mark.parametrize(
    ("machine", "arguments", "error_id"),
    [
        ({"nuget_provider": False}, EXO, "HostException"),
        ({}, {**EXO, "required_version": "3.1.1"}, "NoMatchFoundForCriteria"),
        ({"repositories": []}, EXO, "SourceNotFound"),
        ({}, {**EXO, "accept_license": True}, "NamedParameterNotFound"),
        ({"elevated": False}, EXO, "InstallModuleNeedsCurrentUserScopeParameterForNonAdminUser"),
        (
            {"elevated": False, "modules": {"PowerShellGet": ["2.2.5"], "PackageManagement": ["1.4.8.1"]}},
            EXO,
            "InstallModuleAdminPrivilegeRequiredForAllUsersScope",
        ),
        (offering("Sample", format_version="2.0"), {"name": "Sample"}, "NotSupportedPowerShellGetFormatVersion"),
        (offering("Sample", dependencies={"Other": "1.0.0"}), {"name": "Sample"}, "UnableToFindDependencyPackage"),
        (offering("Sample", broken_manifest=True), {"name": "Sample"}, "InvalidManifestModule"),
        (
            {
                **offering("Sample", functions=["Get-Thing"]),
                "modules": {"Other": [{"version": "1.0.0", "manifest": {"FunctionsToExport": ["Get-Thing"]}}]},
            },
            {"name": "Sample"},
            "CommandAlreadyAvailable",
        ),
        (
            {
                **offering("Sample", licensed=True),
                "modules": {"PowerShellGet": ["2.2.5"], "PackageManagement": ["1.4.8.1"]},
            },
            {"name": "Sample"},
            "ForceAcceptLicense",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_an_installation_that_fails_says_why(machine: dict[str, Any], arguments: dict[str, Any], error_id: str) -> None:
    (said,), after = attempted("win_psmodule", arguments, machine)
    assert error_id in said
    assert FAILURES[error_id].cause in said
    assert FAILURES[error_id].fix in said
    assert after.properties["installed"] is False


@pytest.mark.parametrize(
    "machine",
    [{"registry": {}}, {"network": {"internet": "none"}}, {"network": BY_PROXY}],
    ids=["tls", "none", "proxy"],
)
def test_a_repository_that_cannot_be_reached_is_told_from_a_version_that_it_lacks(machine: dict[str, Any]) -> None:
    """The id is the same; that the host warned of the source tells them apart (K7)."""
    (said,), after = attempted("win_psmodule", EXO, machine)
    failure = FAILURES["NoMatchFoundForCriteria"]
    assert failure.warned is not None
    assert said.startswith(f"cause: {failure.warned.cause}; what to do: {failure.warned.fix}; the host said: ")
    assert failure.cause not in said
    assert after.properties["installed"] is False


@pytest.mark.parametrize("network", [{"internet": "none"}, BY_PROXY])
def test_a_provider_that_cannot_be_downloaded(network: dict[str, Any]) -> None:
    (said,), after = attempted("win_package_provider", {}, {"nuget_provider": False, "network": network})
    assert FAILURES["NoMatchFoundForProvider"].cause in said
    assert not after.exists


def test_what_was_missing_was_said_before() -> None:
    """The plan names what the installation lacks, so that nobody has to wait for its error."""
    one = load_modules()["win_psmodule"]
    assert isinstance(one, StateModule)
    machine = build_machine("case", MachineSpec.model_validate({"os": "Server 2016", "repositories": []}))
    before = read(one, one.arguments.model_validate(EXO), LabSession(machine))
    assert before.properties["lacks"] == (
        "NuGet provider 2.8.5.201 or later (win_package_provider)",
        "repository PSGallery (win_psrepository)",
    )


def test_the_proxy_of_the_task_is_used() -> None:
    (said,), after = attempted("win_psmodule", {**EXO, "proxy": PROXY}, {"network": BY_PROXY})
    assert said == ""
    assert after.properties["installed"] is True


def test_a_module_that_a_running_service_holds() -> None:
    machine = {
        "modules": {"ExchangeOnlineManagement": ["2.0.5"]},
        "services": {"CloudExtender": {"status": "running", "start_mode": "automatic"}},
        "modules_in_use": {"ExchangeOnlineManagement": "CloudExtender"},
    }
    gone = {"name": "ExchangeOnlineManagement", "required_version": "2.0.5", "state": "absent"}
    (said,), after = attempted("win_psmodule", gone, machine)
    assert FAILURES["ModuleIsInUse"].fix in said
    assert after.properties["versions"] == ("2.0.5",)


@pytest.mark.parametrize("version_folder", [True, False])
def test_a_copied_module_that_a_running_service_holds(version_folder: bool) -> None:
    """It stays listed, so that the next plan removes what is left of it."""
    copied = {"version": "2.0.5", "by_hand": True, "version_folder": version_folder}
    machine = {
        "modules": {"ExchangeOnlineManagement": [copied]},
        "services": {"CloudExtender": {"status": "running", "start_mode": "automatic"}},
        "modules_in_use": {"ExchangeOnlineManagement": "CloudExtender"},
    }
    gone = {"name": "ExchangeOnlineManagement", "required_version": "2.0.5", "state": "absent"}
    (said,), after = attempted("win_psmodule", gone, machine)
    failure = FAILURES["RemoveFileSystemItemUnAuthorizedAccess"]
    assert said.startswith(f"cause: {failure.cause}; what to do: {failure.fix}; the host said: ")
    assert after.properties["versions"] == ("2.0.5",)


def test_what_other_modules_need_stays() -> None:
    source = {"Base": {"1.0.0": {}}, "Sample": {"1.0.0": {"dependencies": {"Base": "1.0.0"}}}}
    machine = build_machine("case", MachineSpec.model_validate({**READY, "gallery": {"sources": {GALLERY: source}}}))
    one = load_modules()["win_psmodule"]
    assert isinstance(one, StateModule)
    session = LabSession(machine)
    brought = one.arguments.model_validate({"name": "Sample", "required_version": "1.0.0"})
    for statement in one.write(brought, read(one, brought, session)):
        session.change(statement, (), one.timeout, lambda ids: None)
    gone = one.arguments.model_validate({"name": "Base", "state": "absent"})
    before = read(one, gone, session)
    assert before.properties["versions"] == ("1.0.0",)
    (statement,) = one.write(gone, before)
    (reply,) = session.change(statement, (), one.timeout, lambda ids: None)
    assert FAILURES["UnableToUninstallAsOtherModulesNeedThisModule"].fix in (one.judge(statement, reply) or "")


@pytest.mark.parametrize(
    ("arguments", "machine", "error_id"),
    [
        ({"name": "Internal", "source_location": "C:\\nowhere"}, {}, "PathNotFound"),
        ({"name": "Internal", "source_location": "https://feed.example/api/v2"}, {}, "InvalidWebUri"),
    ],
)
def test_a_repository_that_cannot_be_registered(
    arguments: dict[str, Any], machine: dict[str, Any], error_id: str
) -> None:
    (said,), after = attempted("win_psrepository", arguments, machine)
    assert FAILURES[error_id].cause in said
    assert not after.exists


def test_the_text_of_an_error_decides_nothing() -> None:
    """Japanese Windows words it in Japanese; the id is the same (groundtruth/localised)."""
    error = ErrorRecord(
        message="管理者権限が必要です。",
        id="InstallModuleAdminPrivilegeRequiredForAllUsersScope,Install-Module",
        category="InvalidArgument",
        exception="System.ArgumentException",
    )
    said = explained(Reply(ReplyState.FAILED, errors=(error,))) or ""
    assert said.startswith(f"cause: {FAILURES['InstallModuleAdminPrivilegeRequiredForAllUsersScope'].cause}")
    assert "管理者権限が必要です。" in said


def test_an_unknown_error_is_told_as_the_host_says_it() -> None:
    error = ErrorRecord(message="Something else", id="New,Install-Module", category="", exception="")
    assert explained(Reply(ReplyState.DONE, errors=(error,))) == "Something else (New,Install-Module)"
    assert explained(Reply(ReplyState.DONE)) is None


def test_every_id_of_the_fact_sheet_has_cause_and_fix(groundtruth: Path) -> None:
    """domain.md 4.5: the rows about installing and removing."""
    text = (groundtruth.parent / "domain.md").read_text(encoding="utf-8")
    section = text.partition("### 4.5")[2].partition("\n### ")[0]
    symptoms = [
        line.split("|")[1] for line in section.splitlines() if line.startswith("| ") and "| Connect:" not in line
    ]
    ids = {name for symptom in symptoms for name in re.findall(r"`([A-Z]\w+)`", symptom)}
    assert len(ids) > 8
    assert ids - FAILURES.keys() == set()
