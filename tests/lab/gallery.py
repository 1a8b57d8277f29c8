"""Runs the pipelines about modules that are recorded in `groundtruth/pwsh76/gallery_cases.jsonl.xz` on the lab.

The recording is of PowerShell 7.6.5 on Linux with PowerShellGet 2.2.5: its folders stand for those of the same
PowerShell on Windows.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import yaml

from runner.lab.engine import Engine
from runner.lab.files import File, FileTree, Folder
from runner.lab.machine import Machine
from runner.lab.messages import Request, RequestedCommand, StopSignal
from runner.lab.module_folders import ModuleFiles, Origin, module_base, put_module
from runner.lab.module_info import INFO_FILE
from runner.lab.module_paths import scope_folder
from runner.lab.spec import MachineSpec, build_machine
from tests.lab.gallery_nodes import simplified
from tests.lab.gallery_repositories import note_release, put_repositories
from tests.lab.recordings import HERE, Verdict, compared, told_by

POWERSHELL = (7, 6, 5)
USER = "Administrator"
_FOLDERS = {
    "/usr/local/share/powershell/Modules": scope_folder(POWERSHELL, "AllUsers", USER),
    "/home/labadmin/.local/share/powershell/Modules": scope_folder(POWERSHELL, "CurrentUser", USER),
    "/home/labuser/.local/share/powershell/Modules": scope_folder(POWERSHELL, "CurrentUser", USER),
    "/opt/microsoft/powershell/7/Modules": scope_folder(POWERSHELL, "System", USER),
    "/srv/lab": "C:\\srv\\lab",
}
_PATH = re.compile(f"(?P<folder>{'|'.join(map(re.escape, _FOLDERS))})(?P<rest>(?:/[^\"'<>|/;,: ]*)*)")
_LAB_GALLERY = Origin("LabGallery", "C:\\srv\\lab\\gallery", datetime(2026, 1, 15, tzinfo=UTC))
_LOADED_SECONDS = 2.0  # before, a stop signal comes while PowerShellGet itself is loaded (install.stop)
_OPTIONS = frozenset(
    {
        *("repositories", "user", "installed_for_all_users", "installed_for_current_user", "copied_by_hand"),
        *("files_removed", "nuget_provider", "clobber_check", "module_info_damaged", "stop_after"),
        *("user_module_folder_read_only", "gallery"),
    }
)


def with_folders_of_windows(case: dict[str, Any]) -> dict[str, Any]:
    """A case whose paths on Linux are those that stand for them on Windows."""
    moved: dict[str, Any] = json.loads(_PATH.sub(_moved, json.dumps(case, ensure_ascii=False)))
    return moved


def _moved(match: re.Match[str]) -> str:
    return (_FOLDERS[match["folder"]] + match["rest"].replace("/", "\\")).replace("\\", "\\\\")


def judge(case: dict[str, Any]) -> Verdict:
    """Run one case on a fresh machine and compare what the client is told, and the folders afterwards."""
    unknown = case["options"].keys() - _OPTIONS
    if unknown:
        return Verdict(case["id"], "refused", f"its option {min(unknown)} is not simulated")
    if case["options"].get("stop_after", _LOADED_SECONDS) < _LOADED_SECONDS:
        return Verdict(case["id"], "refused", "its option stop_after is not simulated")
    machine = prepared_machine(case)
    engine = Engine(machine)
    for pipeline in case.get("earlier_pipelines", ()):
        for _ in engine.invoke(_request(pipeline["statements"]), StopSignal()):
            pass
    verdict = compared(case, told_by(engine, case), simplified)
    folders = sorted(module_folders(machine.files))
    if verdict.outcome == "agree" and folders != sorted(case["folders_after"]):
        return Verdict(case["id"], "wrong", f"folders {case['folders_after']} but in the lab {folders}")
    return verdict


def prepared_machine(case: dict[str, Any]) -> Machine:
    """The machine on which a case begins."""
    spec = {
        "os": "Server 2019",
        "powershell": ".".join(map(str, POWERSHELL)),
        "files": {"C:\\srv\\lab\\a.txt": "alpha\nbeta\n"},
        "time_zone_bias": -60,
        "environment": {"PSExecutionPolicyPreference": "Bypass"},
    }
    machine = build_machine("LAB-WIN01", MachineSpec.model_validate(spec))
    options = case["options"]
    put_repositories(machine, options, _all_modules())
    for option, scope in (("installed_for_all_users", "AllUsers"), ("installed_for_current_user", "CurrentUser")):
        for name, version in options.get(option, ()):
            module = recorded_module(name, version)
            base = module_base(scope_folder(POWERSHELL, scope, USER), module)
            put_module(machine, module, base, _LAB_GALLERY)
            note_release(machine, f"{base}\\{INFO_FILE}", f"Release {version} of {name}")
    for name, version, folder in options.get("copied_by_hand", ()):
        _copy_by_hand(machine, name, version, folder)
    for name in options.get("files_removed", ()):
        for path in [path for path in _files(machine.files, "C:") if path.endswith(f"\\{name}")]:
            machine.remove_file(path)
    if "module_info_damaged" in options:
        for path in [path for path in _files(machine.files, "C:") if path.endswith(INFO_FILE)]:
            machine.put_file(path, File("", b"<damaged/>", machine.now()))
    if "user_module_folder_read_only" in options:
        own = scope_folder(POWERSHELL, "CurrentUser", USER)
        machine.put_file(own, Folder("", machine.now(), closed=True))
    return machine


@functools.cache
def _all_modules() -> dict[tuple[str, str], ModuleFiles]:
    """The modules whose manifests are known, by name and version."""
    return {
        (name, version): recorded_module(name, version)
        for name, module in _recorded_modules()["modules"].items()
        for version in module["versions"]
    }


def _copy_by_hand(machine: Machine, name: str, version: str, folder: bool | str) -> None:
    """`folder`: whether there is a folder by version, or what it is called."""
    above = f"{scope_folder(POWERSHELL, 'AllUsers', USER)}\\{name}"
    base = above if folder is False else f"{above}\\{version if folder is True else folder}"
    broken = _recorded_modules()["broken"].get(name)
    if broken is None:
        put_module(machine, recorded_module(name, version), base, None)
        return
    put_module(machine, ModuleFiles(name, version), base, None)
    machine.put_file(f"{base}\\{name}.psd1", File("", broken[version].encode(), machine.now()))


@functools.cache
def _recorded_modules() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((HERE / "gallery_modules.yml").read_text(encoding="utf-8"))
    return read


def recorded_module(name: str, version: str) -> ModuleFiles:
    """A module of the recording: its functions write their name, module and version."""
    module = _recorded_modules()["modules"][name]
    details = module["versions"][version]
    number, _, label = version.partition("-")
    data = {
        "Tags": ("Lab",),
        "ProjectUri": f"https://lab.example/{name}",
        "ReleaseNotes": f"Release {number} of {name}",
    }
    fields = {
        **_recorded_modules()["every"],
        "GUID": module["guid"],
        "Description": f"Module {name} of the lab",
        "FunctionsToExport": tuple(details["functions"]),
        "CmdletsToExport": (),
        "VariablesToExport": (),
        "AliasesToExport": (),
        "PrivateData": {"PSData": data},
        **details.get("manifest", {}),
    }
    code = "".join(
        f"function {function} {{ [CmdletBinding()] param() '{function} of {name} {version}' }}\r\n"
        for function in details["functions"]
    )
    return ModuleFiles(name, number, label, fields, code)


def module_folders(files: FileTree) -> list[str]:
    """The folders of modules that are no part of PowerShell, with their files, as the recordings write them."""
    system = scope_folder(POWERSHELL, "System", USER)
    found: dict[str, list[str]] = {}
    for path in _files(files, "C:"):
        folder, _, name = path.rpartition("\\")
        if not folder.startswith(system):
            found.setdefault(folder, []).append(name)
    return [
        f"{folder}: {', '.join(sorted(names, key=str.casefold))}"
        for folder, names in found.items()
        if any(name.endswith((".psd1", ".psm1")) or name == "PSGetModuleInfo.xml" for name in names)
    ]


def _files(files: FileTree, path: str) -> Iterator[str]:
    folder = files.find(path)
    for entry in folder.sorted_entries() if isinstance(folder, Folder) else ():
        inner = f"{path}\\{entry.name}"
        if isinstance(entry, Folder):
            yield from _files(files, inner)
        else:
            yield inner


def _request(statements: list[list[dict[str, Any]]]) -> Request:
    return Request(
        tuple(
            tuple(
                RequestedCommand(command["command"], tuple((name, value) for name, value in command["parameters"]))
                for command in statement
            )
            for statement in statements
        )
    )
