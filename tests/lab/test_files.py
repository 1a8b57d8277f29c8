"""Files and environment variables as items (findings F1 to F5), and what the lab refuses to say of files."""

from __future__ import annotations

import pytest

from runner.lab.machine import Machine
from runner.lab.spec import MachineSpec
from tests.lab.engine_support import Told, command, machine, one, run

A = "C:\\lab\\a.txt"


def files() -> Machine:
    return machine(files={A: "alpha\nbeta\n", "C:\\lab\\sub\\x.txt": "x", "C:\\lab\\empty\\": None})


def named(told: Told) -> list[object]:
    return [value.Name for value in told.values]  # type: ignore[attr-defined]


def test_f1_a_hole_in_a_list_is_one_error_at_its_place() -> None:
    paths = [A, "C:\\lab\\none", "C:\\lab\\sub"]
    told = one(files(), command("Get-Item", LiteralPath=paths), command("Select-Object", Property=["Name"]))

    assert (named(told), told.errors) == (["a.txt", "sub"], ["PathNotFound"])


@pytest.mark.parametrize(
    ("path", "kind", "found"),
    [
        (A, None, True),
        ("c:/LAB/A.TXT", None, True),
        ("\\lab\\sub\\..\\a.txt", None, True),
        ("FileSystem::C:\\lab", None, True),
        ("C:\\lab\\none", None, False),
        (A, "Leaf", True),
        (A, "Container", False),
        ("Env:SystemRoot", None, True),
        ("Env:NoSuchThing", None, False),
    ],
)
def test_f3_test_path_knows_files_folders_and_variables(path: str, kind: str | None, found: bool) -> None:
    arguments = {"PathType": kind} if kind else {}

    assert one(files(), command("Test-Path", LiteralPath=path, **arguments)).values == [found]


def test_new_item_makes_a_folder_with_those_above_it_but_a_file_only_in_a_folder() -> None:
    host = files()
    made = command("New-Item", Path="C:\\lab\\d1\\d2", ItemType="Directory")
    refused = command("New-Item", Path="C:\\lab\\no\\f.txt", ItemType="File")

    assert one(host, made, command("Out-Null")).state == "Completed"
    assert one(host, command("Test-Path", LiteralPath="C:\\lab\\d1\\d2")).values == [True]
    assert one(host, refused).errors == ["NewItemIOError"]
    assert [change.what for change in host.changes] == ["C:\\lab\\d1\\d2"]


def test_f5_a_folder_that_is_not_empty_needs_recurse() -> None:
    host = files()
    remove = command("Remove-Item", LiteralPath="C:\\lab\\sub")

    assert one(host, remove).reason == "HostFunctionNotImplemented"
    assert one(host, command("Remove-Item", LiteralPath="C:\\lab\\sub", Recurse=True)).state == "Completed"
    assert one(host, command("Test-Path", LiteralPath="C:\\lab\\sub")).values == [False]


def test_content_is_written_in_lines_and_read_back() -> None:
    host = files()
    run(
        host,
        (command("Set-Content", LiteralPath=A, Value=["one", None, 2]),),
        (command("Add-Content", LiteralPath=A, Value="three"),),
    )

    assert one(host, command("Get-Content", LiteralPath=A)).values == ["one", "2", "three"]


def test_windows_powershell_refuses_content_whose_code_page_the_lab_does_not_know() -> None:
    told = one(files(), command("Set-Content", LiteralPath=A, Value="日本"))

    assert told.reason == "LabDoesNotSimulate"


@pytest.mark.parametrize(
    "call",
    [
        command("Test-Path", LiteralPath="C:\\Windows\\System32\\cmd.exe"),
        command("Get-ChildItem", LiteralPath="C:\\"),
        command("Get-Item", LiteralPath=A),
    ],
)
def test_what_the_lab_cannot_know_of_files_it_refuses(call: object) -> None:
    assert one(files(), call).reason == "LabDoesNotSimulate"  # type: ignore[arg-type]


def test_environment_variables_belong_to_the_process() -> None:
    host = files()
    set_it = command("Set-Item", LiteralPath="Env:LabX", Value="1")
    told = run(host, (set_it,), (command("Get-Item", LiteralPath="Env:LABX"),))

    assert [(value.Key, value.Value) for value in told.values] == [("LabX", "1")]  # type: ignore[attr-defined]
    assert one(host, command("Test-Path", LiteralPath="Env:LabX")).values == [False]


@pytest.mark.parametrize("path", ["lab\\a.txt", "D:\\x", "C:\\a?b", "C:/x"])
def test_a_spec_names_files_by_full_paths(path: str) -> None:
    with pytest.raises(ValueError, match="a full path on the drive C: is wanted"):
        MachineSpec.model_validate({"files": {path: "x"}})


def test_f2_a_closed_folder_is_told_where_it_is_recorded_and_refused_elsewhere() -> None:
    host = machine(files={"C:\\lab\\closed\\": {"access": "none"}})
    below = "C:\\lab\\closed\\x"

    item = one(host, command("Get-Item", LiteralPath=below))
    there = one(host, command("Test-Path", LiteralPath=["C:\\lab", below]))
    made = one(host, command("New-Item", Path=below, ItemType="File"))

    assert item.errors == ["ItemExistsUnauthorizedAccessError", "PathNotFound"]
    assert (there.values, there.errors) == ([True, False], ["ItemExistsUnauthorizedAccessError"])
    assert made.reason == "LabDoesNotSimulate"
    assert one(host, command("Get-Item", Path="C:\\lab\\closed\\*")).reason == "LabDoesNotSimulate"


def test_what_a_variable_is_besides_its_value_is_told_only_where_it_is_recorded() -> None:
    item = command("Get-Item", LiteralPath="Variable:PSEdition")

    options = one(machine(powershell="7.6.5"), item, command("ForEach-Object", MemberName="Options"))
    assert [str(int(value)) for value in options.values] == ["10"]  # type: ignore[call-overload]
    assert one(machine(), item).reason == "LabDoesNotSimulate"
    assert one(machine(), item, command("ForEach-Object", MemberName="Value")).values == ["Desktop"]


@pytest.mark.parametrize(
    ("powershell", "pattern", "text"),
    [
        ("7.6.5", "[a", "Invalid pattern '[a' at offset 2. Unterminated [] set.."),
        ("5.1.17763.1", "a(", 'parsing "a(" - Not enough )\'s..'),
        ("7.6.5", "*", None),
    ],
)
def test_a_pattern_that_is_none_is_explained_as_dotnet_does_or_refused(
    powershell: str, pattern: str, text: str | None
) -> None:
    told = one(
        machine(powershell=powershell),
        command("Write-Output", InputObject="abc"),
        command("Where-Object", Property="Length", Match=True, Value=pattern),
    )

    if text is None:
        assert told.reason == "LabDoesNotSimulate"
    else:
        assert [str(record).partition("not valid: ")[2] for record in told.records] == [text]


def test_the_version_table_of_powershell_before_7_6_is_refused() -> None:
    asked = command("Get-Variable", Name="PSVersionTable", ValueOnly=True)

    assert one(machine(powershell="7.4.1"), asked).reason == "LabDoesNotSimulate"
    assert one(machine(powershell="7.6.5"), asked).state == "Completed"
