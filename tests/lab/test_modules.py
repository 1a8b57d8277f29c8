"""PowerShell modules of a simulated Windows PowerShell 5.1: which copies on disk count, and what a process loads."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from psrpcore.types import PSVersion
from pydantic import ValidationError

from runner.lab.cmdlet import Session
from runner.lab.engine import Engine
from runner.lab.files import File, Folder
from runner.lab.machine import Machine
from runner.lab.messages import RequestedCommand
from runner.lab.module_folders import (
    ModuleFiles,
    Origin,
    gallery_notes,
    installed,
    module_base,
    put_module,
    remove_module,
)
from runner.lab.module_info import GalleryItem, read_item
from runner.lab.module_manifest import BrokenManifest, read_manifest, write_manifest
from runner.lab.module_versions import ModuleSpecification, version_key
from runner.lab.spec import MachineSpec
from tests.lab.engine_support import Told, command, machine, one, run

REFUSED = "LabDoesNotSimulate"
ALL_USERS = "C:\\Program Files\\WindowsPowerShell\\Modules"
CURRENT_USER = "C:\\Users\\Administrator\\Documents\\WindowsPowerShell\\Modules"
EXO = "ExchangeOnlineManagement"
GREETER = ModuleFiles(
    "Greeter",
    "1.2.0",
    fields={"FunctionsToExport": ("Get-Greeting",)},
    root_text="function Get-Greeting { 'hello' }\r\nfunction Get-Secret { 'no' }\r\n",
)

_ITEM = GalleryItem(
    name="Tool",
    version="2.0.0-beta1",
    owners="Lab",
    tags=("One", "Two"),
    repository="Feed",
    location="https://feed.example/api",
    installed=datetime(2026, 1, 2, tzinfo=UTC),
    folder=f"{ALL_USERS}\\Tool\\2.0.0",
)


def session(target: Machine) -> Session:
    return Session(target, lambda name: None)


def available(target: Machine | Engine, *names: str) -> list[tuple[str, str]]:
    """Version and folder of what Get-Module -ListAvailable shows, in its order."""
    told = one(
        target,
        command("Get-Module", Name=list(names), ListAvailable=True),
        command("Select-Object", Property=["Version", "ModuleBase"]),
    )
    assert (told.state, told.errors) == ("Completed", [])
    return [(str(value.Version), value.ModuleBase) for value in told.values]  # type: ignore[attr-defined]


def put(target: Machine, module: ModuleFiles, folder: str = ALL_USERS) -> str:
    base = module_base(folder, module)
    put_module(target, module, base, None)
    return base


def loaded_versions(engine: Engine, name: str) -> list[str]:
    told = one(engine, command("Get-Module", Name=name), command("Select-Object", Property="Version"))
    return [str(value.Version) for value in told.values]  # type: ignore[attr-defined]


def refusal(told: Told) -> bool:
    return told.reason == REFUSED or REFUSED in told.errors


def test_versions_lie_side_by_side_and_the_newest_comes_first() -> None:
    target = machine(modules={EXO: ["2.0.5", "3.10.1", "3.9.2"]})

    assert available(target, EXO) == [
        ("3.10.1", f"{ALL_USERS}\\{EXO}\\3.10.1"),
        ("3.9.2", f"{ALL_USERS}\\{EXO}\\3.9.2"),
        ("2.0.5", f"{ALL_USERS}\\{EXO}\\2.0.5"),
    ]


def test_the_accounts_own_folder_comes_before_that_of_all_users() -> None:
    """So a CurrentUser copy shadows a newer one of the machine (domain.md 4.4)."""
    target = machine(modules={EXO: ["3.9.2", {"version": "3.1.0", "scope": "current_user"}]})

    assert [version for version, _ in available(target, EXO)] == ["3.1.0", "3.9.2"]
    engine = Engine(target)
    one(engine, command("Import-Module", Name=EXO))
    assert loaded_versions(engine, EXO) == ["3.1.0"]


def test_the_copy_of_another_account_is_not_seen() -> None:
    target = machine(modules={EXO: [{"version": "3.1.0", "scope": "current_user", "user": "svc-ce"}]})

    assert available(target, EXO) == []


def test_a_copied_folder_counts_but_the_gallery_knows_nothing_of_it() -> None:
    target = machine(modules={EXO: ["2.0.5", {"version": "3.1.0", "by_hand": True}]})

    assert [version for version, _ in available(target, EXO)] == ["3.1.0", "2.0.5"]
    assert [(note.name, note.item.version) for note in gallery_notes(session(target)) if note.item] == [(EXO, "2.0.5")]
    assert [copy.from_gallery for copy in installed(session(target), EXO)] == [False, True]


def test_a_folder_without_version_counts_only_where_no_version_folder_is() -> None:
    alone = machine(modules={"Tool": [{"version": "1.0", "by_hand": True, "version_folder": False}]})
    beside = machine(modules={"Tool": [{"version": "1.0", "by_hand": True, "version_folder": False}, "0.9"]})

    assert available(alone, "Tool") == [("1.0", f"{ALL_USERS}\\Tool")]
    assert available(beside, "Tool") == [("0.9", f"{ALL_USERS}\\Tool\\0.9")]


def test_a_version_folder_that_differs_from_its_manifest_is_not_listed() -> None:
    target = machine()
    put_module(target, ModuleFiles("Tool", "1.0.0"), f"{ALL_USERS}\\Tool\\1.5.0", None)

    assert available(target, "Tool") == []


def test_files_that_somebody_copies_are_a_module_at_once() -> None:
    target = machine()
    manifest = write_manifest({"ModuleVersion": "4.5.6"}).encode()
    assert available(target, "Dropped") == []

    target.put_file(f"{CURRENT_USER}\\Dropped\\4.5.6\\Dropped.psd1", File("", manifest, target.now()))

    assert available(target, "dropped") == [("4.5.6", f"{CURRENT_USER}\\Dropped\\4.5.6")]


def test_a_folder_of_the_module_path_is_searched_whatever_it_is() -> None:
    target = machine(environment={"PSModulePath": "C:\\tools\\modules"})
    put(target, ModuleFiles("Tool", "1.0"), "C:\\tools\\modules")
    put(target, ModuleFiles("Tool", "2.0"))

    assert available(target, "Tool") == [("1.0", "C:\\tools\\modules\\Tool\\1.0")]


def test_a_missing_module_is_no_error_for_get_module() -> None:
    told = one(machine(), command("Get-Module", Name="NoSuchModule", ListAvailable=True))

    assert (told.values, told.errors, told.state) == ([], [], "Completed")


def test_windows_powershell_5_brings_the_old_powershellget_along() -> None:
    assert available(machine(os="Server 2016"), "PowerShellGet", "PackageManagement") == [
        ("1.0.0.1", f"{ALL_USERS}\\PackageManagement\\1.0.0.1"),
        ("1.0.0.1", f"{ALL_USERS}\\PowerShellGet\\1.0.0.1"),
    ]
    assert available(machine(os="Server 2016", modules={"PowerShellGet": None}), "PowerShellGet") == []
    assert available(machine(os="Server 2012 R2"), "PowerShellGet") == []


def test_a_command_of_a_module_that_is_not_installed_does_not_exist() -> None:
    bare = machine()
    told = one(bare, command("Connect-ExchangeOnline"))
    asked = one(bare, command("Get-Command", Name="Connect-ExchangeOnline"))

    assert told.reason == "CommandNotFoundException"
    assert asked.errors == ["CommandNotFoundException"]


def test_a_command_of_an_installed_module_without_its_code_is_refused_by_name() -> None:
    target = machine(modules={EXO: ["3.1.0"]})

    assert refusal(one(target, command("Connect-ExchangeOnline")))
    assert refusal(one(target, command("Get-Command", Name="Connect-ExchangeOnline")))


@pytest.mark.parametrize(
    ("name", "listed"), [("NetTCPIP", True), ("Microsoft.PowerShell.Utility", False), ("Exchange*", True)]
)
def test_modules_of_windows_are_refused_and_never_said_to_be_missing(name: str, listed: bool) -> None:
    assert refusal(one(machine(), command("Get-Module", Name=name, ListAvailable=listed)))


def test_a_manifest_that_computes_its_values_is_refused() -> None:
    target = machine()
    computed = File("", b"@{ ModuleVersion = $version }", target.now())
    target.put_file(f"{ALL_USERS}\\Odd\\1.0\\Odd.psd1", computed)

    assert refusal(one(target, command("Get-Module", Name="Odd", ListAvailable=True)))


def test_a_module_folder_without_access_is_refused_and_not_taken_for_missing() -> None:
    target = machine(files={f"{ALL_USERS}\\Tool\\": {"access": "none"}})

    assert refusal(one(target, command("Get-Module", Name="Tool", ListAvailable=True)))


def test_a_call_loads_the_module_that_promises_the_function() -> None:
    target = machine()
    put(target, GREETER)
    engine = Engine(target)

    assert loaded_versions(engine, "Greeter") == []
    assert one(engine, command("Get-Greeting")).values == ["hello"]
    assert loaded_versions(engine, "Greeter") == ["1.2.0"]
    assert loaded_versions(Engine(target), "Greeter") == []


def test_only_exported_functions_are_seen() -> None:
    target = machine()
    put(target, GREETER)
    told = run(target, (command("Import-Module", Name="Greeter"),), (command("Get-Secret"),))

    assert told.reason == "CommandNotFoundException"


def test_a_removed_module_takes_its_functions_along() -> None:
    target = machine()
    base = put(target, GREETER)
    engine = Engine(target)
    one(engine, command("Import-Module", Name="Greeter"))
    remove_module(target, base)

    assert one(engine, command("Get-Greeting")).values == ["hello"]
    assert one(engine, command("Remove-Module", Name="Greeter")).errors == []
    assert one(engine, command("Get-Greeting")).reason == "CommandNotFoundException"
    assert target.files.find(f"{ALL_USERS}\\Greeter") is None


def test_a_removed_version_leaves_the_others_on_disk() -> None:
    target = machine()
    old, new = ModuleFiles("Tool", "1.0"), ModuleFiles("Tool", "2.0")
    put(target, old)
    base = put(target, new)
    remove_module(target, base)

    assert available(target, "Tool") == [("1.0", f"{ALL_USERS}\\Tool\\1.0")]


def test_a_module_for_a_newer_powershell_is_listed_but_not_imported() -> None:
    target = machine()
    put(target, ModuleFiles("Newer", "1.0", fields={"PowerShellVersion": "7.2"}))

    assert len(available(target, "Newer")) == 1
    assert run(target, (command("Import-Module", Name="Newer"),)).errors == ["Modules_InsufficientPowerShellVersion"]


def test_a_restrictive_policy_is_no_reason_to_load_all_the_same() -> None:
    target = machine(environment={"PSExecutionPolicyPreference": "Restricted"})
    put(target, GREETER)

    assert refusal(one(target, command("Import-Module", Name="Greeter")))


def test_what_code_the_lab_cannot_run_is_refused_at_the_import() -> None:
    target = machine()
    put(target, ModuleFiles("Code", "1.0", root_text="$script:x = 1\r\n"))

    assert refusal(one(target, command("Import-Module", Name="Code")))


def test_get_module_lists_what_a_required_module_needs_too() -> None:
    target = machine()
    put(target, GREETER)
    put(target, ModuleFiles("Party", "1.0", fields={"RequiredModules": ("Greeter",)}))
    engine = Engine(target)
    one(engine, command("Import-Module", Name="Party"))

    assert loaded_versions(engine, "Greeter") == ["1.2.0"]
    told = one(engine, command("Remove-Module", Name="Greeter"))
    assert told.errors == ["Modules_ModuleIsRequired", "Modules_NoModulesRemoved"]
    assert one(engine, command("Remove-Module", Name="Greeter", Force=True)).errors == []


def test_a_change_of_modules_is_in_the_log_of_changes() -> None:
    target = machine()
    with target.authored("pipeline"):
        put(target, GREETER)

    written = [change.what for change in target.changes if change.by == "pipeline"]
    assert f"{ALL_USERS}\\Greeter\\1.2.0\\Greeter.psd1" in written


def test_what_the_gallery_notes_of_a_module_can_be_read_again() -> None:
    target = machine()
    module = ModuleFiles("Tool", "2.0.0", "beta1", {"Description": "A tool", "Author": "Lab"})
    base = module_base(ALL_USERS, module)
    put_module(target, module, base, Origin("Feed", "https://feed.example/api", datetime(2026, 1, 2, tzinfo=UTC)))
    (copy,) = installed(session(target), "Tool")

    assert (copy.version, copy.label, copy.from_gallery) == ("2.0.0", "beta1", True)
    assert copy.item is not None
    assert (copy.item.version, copy.item.repository, copy.item.location) == (
        "2.0.0-beta1",
        "Feed",
        "https://feed.example/api",
    )
    assert copy.item.installed == datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize("damaged", [b"damaged", b"<Objs/>", _ITEM.as_file()[:-40]])
def test_a_damaged_note_of_the_gallery_is_none(damaged: bytes) -> None:
    assert read_item(damaged) is None


def test_a_note_of_the_gallery_without_its_date_is_damaged() -> None:
    assert read_item(_ITEM.as_file()) == _ITEM
    assert read_item(_ITEM.as_file().replace(b"2026-01-02T", b"")) is None


@pytest.mark.parametrize(
    "text",
    [
        "# made by hand\r\n@{\r\n# the version\r\nModuleVersion = '1.0' # it\r\n}\r\n",
        "@{ ModuleVersion = \"1.0\"; FunctionsToExport = @('a', # one\r\n 'b'); Notes = @'\r\nit's\r\n'@\r\n}",
    ],
)
def test_manifests_are_read_as_people_write_them(text: str) -> None:
    assert read_manifest(text.encode()).version == "1.0"


@pytest.mark.parametrize("text", ["", "@{ ModuleVersion = '1.0'", "@{ Author = 'x' }", "'text'"])
def test_what_is_no_manifest_is_told_apart(text: str) -> None:
    with pytest.raises(BrokenManifest):
        read_manifest(text.encode())


def test_a_manifest_is_written_so_that_it_reads_the_same() -> None:
    fields = {"ModuleVersion": "1.0", "Copyright": "it's", "Tags": ("a", "b"), "PrivateData": {"PSData": {"Key": None}}}
    read = read_manifest(write_manifest(fields).encode())

    assert {name.casefold(): value for name, value in fields.items()} == dict(read.fields)


def test_short_versions_are_not_the_long_ones() -> None:
    """Gallery.md V1."""
    assert version_key("3.1") < version_key("3.1.0") < version_key("3.1.0.0") < version_key("3.10")
    assert not ModuleSpecification("x", required="3.1").admits("3.1.0")
    assert ModuleSpecification("x", minimum="3.1", maximum="3.9").admits("3.1.0")


@pytest.mark.parametrize("given", ["3.1", "3.1.0"])
def test_a_required_version_is_taken_exactly(given: str) -> None:
    told = one(
        machine(modules={EXO: ["3.1.0"]}), command("Import-Module", Name=EXO, RequiredVersion=given, ErrorAction="Stop")
    )

    assert told.reason == (None if given == "3.1.0" else "Modules_ModuleWithVersionNotFound")


def test_a_version_may_come_as_a_version() -> None:
    target = machine(modules={EXO: ["3.1.0"]})
    told = one(target, command("Import-Module", Name=EXO, RequiredVersion=PSVersion("3.1.0")))

    assert (told.errors, told.state) == ([], "Completed")


def test_a_version_that_yaml_took_for_a_number_is_an_error_that_says_so() -> None:
    with pytest.raises(ValidationError, match="quote the version"):
        MachineSpec.model_validate({"modules": {EXO: [3.10]}})


def test_a_machine_keeps_its_modules_apart_from_those_of_its_twin() -> None:
    first, second = machine(), machine()
    put(first, GREETER)

    assert isinstance(first.files.find(f"{ALL_USERS}\\Greeter"), Folder)
    assert second.files.find(f"{ALL_USERS}\\Greeter") is None


def test_a_whole_module_of_windows_powershell_is_refused_and_chosen_properties_are_not() -> None:
    """Only PowerShell 7.6's whole object is recorded."""
    target = machine(modules={EXO: ["3.1.0"]})
    whole: RequestedCommand = command("Get-Module", Name=EXO, ListAvailable=True)

    assert refusal(one(target, whole))
    assert one(target, whole, command("Select-Object", Property=["Name", "Version", "Path"])).state == "Completed"
