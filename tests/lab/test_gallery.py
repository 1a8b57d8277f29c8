"""PowerShellGet in Windows PowerShell 5.1: what keeps a module from being installed (domain.md 4.5), state by state.

What PowerShellGet 2.2.5 answers is held against recordings in test_gallery_recordings.py; here it is the version in
the box, and what the machine's state makes of both.
"""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from runner.lab.engine import Engine
from runner.lab.files import Folder
from runner.lab.fleet import Fleet
from runner.lab.machine import Machine
from runner.lab.messages import Progress, RequestedCommand, Warning
from runner.lab.scenario import HostSpec, Scenario
from runner.lab.server import LOOPBACK, LabThread, path_of
from runner.lab.spec import MachineSpec
from runner.model.command import ReplyState
from runner.model.command import command as model_command
from runner.model.inventory import Authentication, Connection
from runner.model.secret import Secret
from runner.transport.psrp import PsrpTransport
from tests.lab.engine_support import Told, command, machine, one, run

EXO = "ExchangeOnlineManagement"
STRONG = {"HKLM\\SOFTWARE\\Microsoft\\.NETFramework\\v4.0.30319": {"SchUseStrongCrypto": 1}}
NO_TLS_1_2 = {
    "HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL\\Protocols\\TLS 1.2\\Client": {"Enabled": 0}
}
ALL_USERS = "C:\\Program Files\\WindowsPowerShell\\Modules"
OWN = "C:\\Users\\Administrator\\Documents\\WindowsPowerShell\\Modules"
GALLERY = "https://www.powershellgallery.com/api/v2"
FEED = "https://feed.example/api/v2"
RECENT = {"PowerShellGet": ["1.0.0.1", "2.2.5"], "PackageManagement": ["1.0.0.1", "1.4.8.1"]}


def ready(**spec: Any) -> Machine:
    """A machine that can install from PSGallery, with PowerShellGet 1.0.0.1 unless the spec says otherwise."""
    return machine(**{"registry": STRONG, "nuget_provider": True, **spec})


def install(name: str = EXO, version: str | None = "3.1.0", **more: Any) -> RequestedCommand:
    wanted = {} if version is None else {"RequiredVersion": version}
    return command("Install-Module", **{"Name": name, **wanted, "Force": True, **more})


def versions(host: Machine, name: str = EXO, folder: str = ALL_USERS) -> list[str]:
    """The version folders of a module."""
    found = host.files.find(f"{folder}\\{name}")
    return [] if found is None else sorted(entry.name for entry in found.entries.values())  # type: ignore[union-attr]


def policy(target: Machine | Engine, name: str = "PSGallery") -> list[object]:
    told = one(target, command("Get-PSRepository", Name=name), command("Select-Object", Property="InstallationPolicy"))
    return [value.InstallationPolicy for value in told.values]  # type: ignore[attr-defined]


def full_id(told: Told) -> str:
    (record,) = told.records
    return str(record.FullyQualifiedErrorId)


def test_a_fresh_windows_has_no_nuget_provider_and_asks_even_with_force() -> None:
    host = machine(registry=STRONG)
    told = one(host, install())

    assert (told.errors, told.state, told.reason) == (["HostException"], "Failed", "CouldNotInstallNuGetProvider")
    assert versions(host) == []


def test_the_nuget_provider_is_installed_once_tls_1_2_is_on() -> None:
    def bootstrap() -> RequestedCommand:
        return command("Install-PackageProvider", Name="NuGet", MinimumVersion="2.8.5.201", Force=True)

    old, new = machine(), machine(registry=STRONG)
    refused = one(old, bootstrap())
    done = one(new, bootstrap(), command("Select-Object", Property=["Name", "Version"]))

    assert (refused.errors, refused.state) == (["NoMatchFoundForProvider"], "Completed")
    assert any("LinkID=627338" in text for text in refused.warnings)
    assert [value.Version for value in done.values] == ["2.8.5.208"]  # type: ignore[attr-defined]
    assert one(new, install()).errors == []
    assert versions(new) == ["3.1.0"]


def test_a_provider_that_was_copied_serves_as_well() -> None:
    path = "C:\\Program Files\\PackageManagement\\ProviderAssemblies\\nuget\\2.8.5.208\\"
    host = machine(registry=STRONG, files={f"{path}Microsoft.PackageManagement.NuGetProvider.dll": ""})

    assert one(host, install()).errors == []
    assert versions(host) == ["3.1.0"]


def test_without_tls_1_2_the_version_in_the_box_finds_nothing_and_2_2_5_forces_it() -> None:
    in_the_box = one(ready(registry={}), install())
    recent = one(ready(registry={}, modules=RECENT), install())
    impossible = one(ready(registry=NO_TLS_1_2, modules=RECENT), install())

    assert in_the_box.warnings == [f"Unable to resolve package source '{GALLERY}'."]
    assert (in_the_box.errors, in_the_box.state) == (["NoMatchFoundForCriteria"], "Completed")
    assert (recent.errors, recent.warnings) == ([], [])
    assert impossible.errors == ["NoMatchFoundForCriteria"]


def test_values_that_are_set_later_act_in_a_new_process() -> None:
    host = ready(registry={})
    engine = Engine(host)
    path = "HKLM:\\SOFTWARE\\Microsoft\\.NETFramework\\v4.0.30319"
    run(
        engine,
        (command("New-Item", Path=path, Force=True),),
        (command("Set-ItemProperty", LiteralPath=path, Name="SchUseStrongCrypto", Value=1, Type="DWord"),),
    )

    assert one(engine, install()).errors == ["NoMatchFoundForCriteria"]
    assert one(Engine(host), install()).errors == []


def test_a_new_powershellget_acts_in_a_new_process_only() -> None:
    host = ready()
    engine = Engine(host)
    upgraded = one(engine, install("PowerShellGet", "2.2.5", AllowClobber=True))
    passthru = install(EXO, "3.1.0", PassThru=True)

    assert (upgraded.errors, versions(host, "PowerShellGet")) == ([], ["1.0.0.1", "2.2.5"])
    assert versions(host, "PackageManagement") == ["1.0.0.1", "1.4.8.1"]
    assert one(engine, passthru).reason == "NamedParameterNotFound"
    assert one(Engine(host), passthru, command("Select-Object", Property="Version")).errors == []


def test_a_version_with_a_label_is_none_for_the_version_in_the_box() -> None:
    told = one(ready(), install(EXO, "3.2.0-preview1"))

    assert (told.state, told.reason) == ("Failed", "LabDoesNotSimulate")


def test_the_version_in_the_box_refuses_a_newer_format() -> None:
    gallery = {"sources": {GALLERY: {EXO: {"3.1.0": {"format_version": "2.0"}}}}}
    in_the_box, recent = ready(gallery=gallery), ready(gallery=gallery, modules=RECENT)

    assert one(in_the_box, install()).errors == ["NotSupportedPowerShellGetFormatVersion"]
    assert one(recent, install()).errors == []
    assert (versions(in_the_box), versions(recent)) == ([], ["3.1.0"])


@pytest.mark.parametrize("modules", [{}, RECENT])
def test_an_untrusted_repository_and_no_force_is_a_warning_and_nothing_else(modules: dict[str, list[str]]) -> None:
    host = ready(modules=modules)
    told = one(host, install(Force=False, ErrorAction="Stop"))

    assert (told.warnings, told.errors, told.state) == ([f"User declined to install module ({EXO})."], [], "Completed")
    assert versions(host) == []


def test_the_policy_of_psgallery_is_changed_only_where_it_can_be_reached() -> None:
    def trust() -> RequestedCommand:
        return command("Set-PSRepository", Name="PSGallery", InstallationPolicy="Trusted")

    online, offline = ready(), ready(network={"internet": "none"})
    told = [one(host, trust()) for host in (online, offline)]

    assert [(one_told.errors, one_told.state) for one_told in told] == [([], "Completed")] * 2
    assert (policy(online), policy(offline)) == (["Trusted"], ["Untrusted"])
    assert [change.what for change in online.changes] == ["repository PSGallery"]


def test_a_repository_that_is_not_registered() -> None:
    host = ready(repositories=[])
    told = one(host, install(Repository="PSGallery"))

    assert full_id(told).startswith("SourceNotFound,Microsoft.PowerShell.PackageManagement.Cmdlets.GetPackageSource")
    run(host, (command("Register-PSRepository", Default=True),))
    assert one(host, install(Repository="PSGallery")).errors == []


def test_a_site_behind_a_proxy_wants_proxy() -> None:
    network = {
        "proxy": {"url": "http://proxy.example:8080"},
        "hosts": {"www.powershellgallery.com": {"port": "dropped"}},
    }
    host = ready(network=network)
    direct = one(host, install())

    assert direct.errors == ["NoMatchFoundForCriteria"]
    assert direct.waited > 20
    assert one(host, install(Proxy="http://proxy.example:8080")).errors == []
    assert versions(host) == ["3.1.0"]


def test_a_service_that_holds_a_module_keeps_its_version_from_being_replaced_or_removed() -> None:
    host = ready(
        modules={EXO: ["2.0.5"]},
        services={"CloudExtender": {"status": "running"}},
        modules_in_use={EXO: "CloudExtender"},
    )
    before = host.files.find(f"{ALL_USERS}\\{EXO}\\2.0.5")
    replaced = one(host, install(EXO, "2.0.5"))
    removed = one(host, command("Uninstall-Module", Name=EXO, RequiredVersion="2.0.5"))

    assert (replaced.errors, replaced.warnings) == ([], [])
    assert host.files.find(f"{ALL_USERS}\\{EXO}\\2.0.5") == before
    assert full_id(removed) == (
        "ModuleIsInUse,Uninstall-Package,Microsoft.PowerShell.PackageManagement.Cmdlets.UninstallPackage"
    )
    assert one(host, install(EXO, "3.1.0")).errors == []
    run(host, (command("Stop-Service", Name="CloudExtender"),))
    assert one(host, command("Uninstall-Module", Name=EXO, RequiredVersion="2.0.5")).errors == []
    assert versions(host) == ["3.1.0"]


@pytest.mark.parametrize("with_folder", [True, False])
def test_files_of_a_copied_module_that_a_service_holds_cannot_be_removed(with_folder: bool) -> None:
    copied = {"version": "2.0.5", "by_hand": True, "version_folder": with_folder}
    host = ready(
        modules={EXO: [copied]},
        services={"CloudExtender": {"status": "running"}},
        modules_in_use={EXO: "CloudExtender"},
    )
    folder = f"{ALL_USERS}\\{EXO}\\2.0.5" if with_folder else f"{ALL_USERS}\\{EXO}"
    remove = command("Remove-Item", LiteralPath=folder, Recurse=True, Force=True)
    moved = one(host, command("Move-Item", LiteralPath=folder, Destination="C:\\elsewhere"))
    removed = one(host, remove)

    assert moved.reason == "LabDoesNotSimulate"
    assert removed.errors == ["RemoveFileSystemItemUnAuthorizedAccess", "DirectoryNotEmpty"]
    left = host.files.find(folder)
    assert isinstance(left, Folder)
    assert [entry.name for entry in left.sorted_entries()] == [f"{EXO}.psm1"]
    run(host, (command("Stop-Service", Name="CloudExtender"),))
    assert one(host, remove).errors == []
    assert host.files.find(folder) is None


def test_files_that_are_no_module_yet_are_not_held() -> None:
    place = f"{ALL_USERS}\\{EXO}"
    host = ready(
        modules={EXO: ["2.0.5"]},
        files={f"{place}\\3.1.0.partial\\{EXO}.psd1": "@{}", f"{place}\\3.1.0.partial\\{EXO}.psm1": ""},
        services={"CloudExtender": {"status": "running"}},
        modules_in_use={EXO: "CloudExtender"},
    )
    moved = one(host, command("Move-Item", LiteralPath=f"{place}\\3.1.0.partial", Destination=f"{place}\\3.1.0"))

    assert moved.errors == []
    assert host.files.find(f"{place}\\3.1.0\\{EXO}.psm1") is not None


@pytest.mark.parametrize(
    ("modules", "scope", "reason"),
    [
        ({}, None, "InstallModuleNeedsCurrentUserScopeParameterForNonAdminUser"),
        ({}, "AllUsers", "InstallModuleNeedsCurrentUserScopeParameterForNonAdminUser"),
        (RECENT, "AllUsers", "InstallModuleAdminPrivilegeRequiredForAllUsersScope"),
        ({}, "CurrentUser", None),
        (RECENT, None, None),
    ],
)
def test_who_is_not_elevated_installs_for_himself_only(
    modules: dict[str, list[str]], scope: str | None, reason: str | None
) -> None:
    host = ready(modules=modules, elevated=False)
    told = one(host, install(**({} if scope is None else {"Scope": scope})))

    assert told.reason == reason
    assert versions(host, folder=OWN) == ([] if reason else ["3.1.0"])
    assert versions(host) == []


@pytest.mark.parametrize("modules", [{}, RECENT])
def test_an_elevated_process_installs_for_all_users_unless_told_otherwise(modules: dict[str, list[str]]) -> None:
    host = ready(modules=modules)
    one(host, install())
    one(host, install(EXO, "3.9.2", Scope="CurrentUser"))

    assert (versions(host), versions(host, folder=OWN)) == (["3.1.0"], ["3.9.2"])


def test_commands_that_another_module_has_need_allow_clobber() -> None:
    gallery = {
        "sources": {
            GALLERY: {
                "First": {"1.0.0": {"functions": ["Get-Thing"]}},
                "Second": {"1.0.0": {"functions": ["Get-Thing"]}},
            }
        }
    }
    host = ready(gallery=gallery)
    one(host, install("First", None))

    assert one(host, install("Second", None)).errors == ["CommandAlreadyAvailable"]
    assert one(host, install("Second", None, AllowClobber=True)).errors == []
    assert versions(host, "Second") == ["1.0.0"]


def test_a_licence_must_be_accepted_by_name() -> None:
    gallery = {"sources": {GALLERY: {"Licensed": {"1.0.0": {"licensed": True}}}}}
    host = ready(gallery=gallery, modules=RECENT, repositories=[{"name": "PSGallery", "trusted": True}])

    assert one(host, install("Licensed", "1.0.0", Force=False)).warnings == ["User declined license acceptance."]
    assert one(host, install("Licensed", "1.0.0")).errors == ["ForceAcceptLicense"]
    assert one(host, install("Licensed", "1.0.0", AcceptLicense=True)).errors == []
    assert versions(host, "Licensed") == ["1.0.0"]


def test_a_wrong_version_has_the_same_id_as_a_missing_module() -> None:
    host = ready()

    assert one(host, install(EXO, "9.9.9")).errors == one(host, install("NoSuchModule")).errors
    assert one(host, install(EXO, "9.9.9", ErrorAction="Stop")).reason == "NoMatchFoundForCriteria"


def test_an_offline_site_installs_from_a_folder_of_packages() -> None:
    host = ready(
        network={"internet": "none"},
        gallery={"sources": {"C:\\packages": {EXO: {"3.1.0": {}}}}},
        modules=RECENT,
    )
    told = run(
        host,
        (command("Register-PSRepository", Name="Local", SourceLocation="C:\\packages", InstallationPolicy="Trusted"),),
        (install(Repository="Local", Scope="AllUsers", Force=False),),
    )

    assert (told.errors, told.state, versions(host)) == ([], "Completed", ["3.1.0"])


def test_a_folder_of_packages_is_one_of_windows() -> None:
    host = ready(
        gallery={"sources": {"C:\\packages": {EXO: {"3.1.0": {}}, "Preview": {"1.0.0-beta1": {}}}}},
        repositories=[{"name": "Local", "location": "C:\\packages", "trusted": True}],
    )

    assert one(host, install(EXO.upper())).errors == []
    assert one(host, install("Preview", None)).reason == "LabDoesNotSimulate"


def test_an_internal_feed_is_asked_where_it_can_be_reached() -> None:
    spec = {
        "gallery": {"sources": {FEED: {"Own": {"1.0.0": {}, "1.1.0": {}}}}},
        "repositories": [{"name": "Internal", "location": FEED, "trusted": True}],
    }
    reached = ready(**spec, network={"hosts": {"feed.example": {}}})
    failing = ready(**spec, network={"hosts": {"feed.example": {"status": 503}}})

    assert one(reached, install("Own", None)).errors == []
    assert versions(reached, "Own") == ["1.1.0"]
    assert one(failing, install("Own", None)).warnings == [f"Unable to resolve package source '{FEED}'."]


def test_a_machine_without_powershellget_has_none_of_its_commands() -> None:
    for host in (ready(modules={"PowerShellGet": None}), machine(os="Server 2012 R2")):
        assert one(host, install()).reason == "CommandNotFoundException"


def test_progress_ends_and_can_be_silenced() -> None:
    host = ready()
    loud = one(host, install())
    silent = run(
        host,
        (command("Set-Variable", Name="ProgressPreference", Value="SilentlyContinue"),),
        (install(EXO, "3.9.2"),),
    )

    assert [m.completed for m in loud.messages if isinstance(m, Progress)][-1:] == [True]
    assert [m for m in silent.messages if isinstance(m, (Progress, Warning))] == []
    assert versions(host) == ["3.1.0", "3.9.2"]


def test_the_first_command_of_a_process_takes_longest() -> None:
    engine = Engine(ready())
    first, second = (one(engine, command("Get-PSRepository", Name="PSGallery")) for _ in range(2))

    assert first.waited > 3
    assert 0 < second.waited < 1


def test_a_selected_repository_and_an_installed_module_can_be_read() -> None:
    host = ready(modules={EXO: ["2.0.5", {"version": "3.1.0", "by_hand": True}]})
    told = one(
        host,
        command("Get-InstalledModule", Name=EXO, AllVersions=True),
        command("Select-Object", Property=["Name", "Version", "Repository"]),
    )

    assert [(value.Version, value.Repository) for value in told.values] == [  # type: ignore[attr-defined]
        ("2.0.5", "PSGallery")
    ]


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ({"gallery": {"sources": {"ftp://x": {}}}}, "an http or https URL"),
        ({"gallery": {"sources": {GALLERY: {EXO: {"three": {}}}}}}, "is no version"),
        ({"repositories": [{"name": "Internal"}]}, "location"),
        ({"modules_in_use": {EXO: "NoSuchService"}}, "NoSuchService"),
    ],
)
def test_a_spec_that_cannot_be_is_refused(spec: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        MachineSpec.model_validate(spec)


def test_its_commands_are_functions_which_get_command_refuses_to_describe() -> None:
    assert one(ready(), command("Get-Command", Name="Install-Module")).reason == "LabDoesNotSimulate"


RESTRICTED = {"PSExecutionPolicyPreference": "Restricted"}


def test_the_powershellget_of_windows_loads_under_every_policy() -> None:
    """Files of Windows itself are trusted before the policy is asked (PowerShell's source, CheckPolicy)."""
    host = ready(environment=RESTRICTED)
    assert not one(host, install()).errors
    assert versions(host) == ["3.1.0"]


@pytest.mark.parametrize("newer", ["PowerShellGet", "PackageManagement"])
def test_a_newer_one_is_a_script_like_any_other(newer: str) -> None:
    """PowerShellGetv2, issue 449: there it is PackageManagement that is not loaded."""
    host = ready(environment=RESTRICTED, modules={newer: RECENT[newer]})
    assert one(host, install()).reason == "CouldNotAutoloadMatchingModule"
    assert versions(host) == []


def test_a_question_about_a_publisher_is_not_simulated() -> None:
    host = ready(environment={"PSExecutionPolicyPreference": "AllSigned"}, modules=RECENT)
    assert one(host, install()).reason == "LabDoesNotSimulate"


def test_a_full_disk_is_taken_for_missing_rights() -> None:
    """Copy-Module has one error for whatever it meets (PSGETSRC; PowerShellGetv2, issue 653)."""
    host = ready(disk_full=True)
    (record,) = one(host, install()).records
    assert str(record.FullyQualifiedErrorId).startswith(
        "AdministratorRightsNeededOrSpecifyCurrentUserScope,Copy-Module"
    )
    assert host.changes == []


def test_the_transport_takes_progress_records_for_what_they_are() -> None:
    spec = HostSpec.model_validate({"registry": STRONG, "nuget_provider": True})
    fleet = Fleet(Scenario(description="one machine", hosts={"win": spec}))
    account = fleet.account("win")
    wanted = model_command(
        "Install-Module", Name=EXO, RequiredVersion="3.1.0", Scope="AllUsers", Repository="PSGallery", Force=True
    )
    listed = (
        model_command("Get-Module", Name=EXO, ListAvailable=True),
        model_command("Select-Object", Property=("Name", "ModuleBase")),
    )
    with LabThread(fleet) as lab:
        session = PsrpTransport().open(
            Connection(
                LOOPBACK,
                lab.addresses.port,
                user=account.user,
                password=Secret(account.password.get_secret_value()),
                tls=False,
                path=path_of("win"),
                authentication=Authentication.NTLM,
            )
        )
        installed, found = session.change((wanted,), [listed], 60, lambda ids: None)
        session.close()

    assert (installed.state, installed.errors, installed.outputs) == (ReplyState.DONE, (), ())
    assert [one.properties["ModuleBase"] for one in found.outputs] == [f"{ALL_USERS}\\{EXO}\\3.1.0"]
