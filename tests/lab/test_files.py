"""Files and environment variables as items (findings F1 to F5), and what the lab refuses to say of files."""

from __future__ import annotations

import hashlib

import pytest

from runner.lab.cmdlet import Session
from runner.lab.machine import Machine
from runner.lab.messages import Ended
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


def test_a_closed_file_is_listed_and_never_read() -> None:
    closed = "C:\\lab\\closed.txt"
    files = {closed: {"binary": "6e 0a", "access": "none"}}
    listed = command("Get-ChildItem", LiteralPath="C:\\lab"), command("ForEach-Object", MemberName="Length")

    assert one(machine(files=files), *listed).values == [2]
    for host in (machine(files=files), machine(files=files, powershell="7.6.5")):
        for reading in (command("Get-Content", LiteralPath=closed), command("Get-Content", Path="C:\\lab\\*")):
            assert one(host, reading).reason == "LabDoesNotSimulate"
    hashed = command("Get-FileHash", Path="C:\\lab\\*")
    assert one(machine(files=files, powershell="7.6.5"), hashed).errors == ["UnauthorizedAccessError"]
    assert one(machine(files=files), hashed).reason == "LabDoesNotSimulate"


def test_lists_of_files_or_folders_only() -> None:
    host = machine(files={"C:\\lab\\a.txt": "a", "C:\\lab\\in\\b.txt": "b"})
    names = command("ForEach-Object", MemberName="Name")

    def listed(path: str, **more: object) -> list[object]:
        return one(host, command("Get-ChildItem", LiteralPath=path, **more), names).values

    assert listed("C:\\lab", File=True) == ["a.txt"]
    assert listed("C:\\lab", File=True, Recurse=True) == ["a.txt", "b.txt"]
    assert listed("C:\\lab", Directory=True) == ["in"]
    assert listed("C:\\lab\\a.txt", Directory=True) == []
    both = command("Get-ChildItem", LiteralPath="C:\\lab", File=True, Directory=True)
    assert one(host, both).reason == "LabDoesNotSimulate"
    assert one(host, command("Get-ChildItem", Path="HKLM:\\SOFTWARE", File=True)).reason == "NamedParameterNotFound"


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


def test_bytes_are_written_and_added_and_hashed() -> None:
    host = machine(os="Server 2016", files={"C:\\lab\\": None})
    path = "C:\\lab\\b.bin"
    for name, data in (("Set-Content", b"old and long"), ("Set-Content", b"\x00\xff"), ("Add-Content", b"\r\n")):
        told = one(host, command(name, LiteralPath=path, Value=data, Encoding="Byte"))
        assert (told.state, told.errors) == ("Completed", [])
    (found,) = one(host, command("Get-FileHash", LiteralPath=path)).values

    assert found.Hash == hashlib.sha256(b"\x00\xff\r\n").hexdigest().upper()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "arguments",
    [{"Value": "text", "Encoding": "Byte"}, {"Value": b"x", "Encoding": "UTF8"}, {"Value": [1, 2], "Encoding": 3}],
)
def test_other_encodings_are_refused_by_name(arguments: dict[str, object]) -> None:
    told = one(machine(files={A: "x"}), command("Set-Content", LiteralPath=A, **arguments))

    assert told.reason == "LabDoesNotSimulate"


def test_up_to_5_1_get_file_hash_passes_folders_over_and_says_what_is_missing_as_resolve_path() -> None:
    paths = ["C:\\lab\\sub", "C:\\lab\\none", A]
    told = one(files(), command("Get-FileHash", LiteralPath=paths), command("Select-Object", Property=["Path"]))

    assert [value.Path for value in told.values] == [A]  # type: ignore[attr-defined]
    (record,) = told.records
    assert record.FullyQualifiedErrorId == "PathNotFound,Microsoft.PowerShell.Commands.ResolvePathCommand"


def test_a_file_is_moved_over_another_only_by_force() -> None:
    host, target = files(), "C:\\lab\\sub\\x.txt"
    assert one(host, command("Move-Item", LiteralPath=A, Destination=target)).errors == ["MoveFileInfoItemIOError"]
    assert one(host, command("Move-Item", LiteralPath=A, Destination=target, Force=True)).errors == []
    assert one(host, command("Test-Path", LiteralPath=[A, target])).values == [False, True]
    assert one(host, command("Move-Item", LiteralPath=A, Destination=target)).errors == ["InvalidOperation"]
    assert [change.what for change in host.changes] == [target, A]


def test_what_is_moved_to_a_folder_goes_into_it() -> None:
    host = files()
    one(host, command("Move-Item", LiteralPath="C:\\lab\\sub", Destination="C:\\lab\\empty"))

    assert one(host, command("Test-Path", LiteralPath="C:\\lab\\empty\\sub\\x.txt")).values == [True]


@pytest.mark.parametrize("target", ["C:\\none\\a.txt", "C:\\lab\\[a].txt", "HKLM:\\SOFTWARE\\a"])
def test_where_a_file_cannot_go_is_refused_by_name(target: str) -> None:
    assert one(files(), command("Move-Item", LiteralPath=A, Destination=target)).reason == "LabDoesNotSimulate"


def test_what_others_have_put_beside_windows_own_folders_is_known() -> None:
    host = machine(files={"C:\\ProgramData\\Contoso\\a.txt": "x"})
    known = ["C:\\ProgramData\\Contoso\\b.txt", "C:\\ProgramData\\Contoso\\a.txt"]

    assert one(host, command("Test-Path", LiteralPath=known)).values == [False, True]
    assert one(host, command("Test-Path", LiteralPath="C:\\ProgramData\\Other")).reason == "LabDoesNotSimulate"


def test_a_new_process_reads_the_environment_from_the_registry() -> None:
    key = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Environment"
    host = machine(
        environment={"Path": "C:\\Windows"},
        registry={
            key: {"SITE": "tokyo", "HOME_OF": {"expand_sz": "%SystemRoot%\\%SITE%"}, "NUMBER": 1},
            "HKCU\\Environment": {"Site": "osaka", "Path": "C:\\mine"},
        },
    )
    running = Session(host, lambda name: None)
    host.remove_value("HKEY_CURRENT_USER\\Environment", "Site")
    begun_later = Session(host, lambda name: None)

    assert running.environment["site"] == ("Site", "osaka")
    assert begun_later.environment["site"] == ("SITE", "tokyo")
    assert begun_later.environment["home_of"][1] == "C:\\Windows\\tokyo"
    assert begun_later.environment["path"][1] == "C:\\Windows;C:\\mine"
    assert "number" not in begun_later.environment


def test_get_file_hash_is_a_function_up_to_5_1() -> None:
    told = one(files(), command("Get-FileHash", LiteralPath=A, Algorithm="CRC"))
    (ended,) = [message for message in told.messages if isinstance(message, Ended)]

    assert ended.reason is not None
    assert ended.reason.FullyQualifiedErrorId == "ParameterArgumentValidationError,Get-FileHash"
    assert one(files(), command("Get-Command", Name="Get-FileHash")).reason == "LabDoesNotSimulate"
