"""Modules and providers from files of the controller: what is taken of a source, and how it arrives on a host."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from runner.apply.contents import filled
from runner.lab.files import Folder
from runner.lab.machine import Machine
from runner.lab.spec import MachineSpec, build_machine
from runner.model.command import Reply, ReplyState, Statement
from runner.model.errors import InputError
from runner.model.state import Desired, State, Unreadable, differences, drift
from runner.modules.arguments import dump, load
from runner.modules.base import Impossible, Irreversible, StateModule
from runner.modules.loader import load_modules
from runner.modules.reading import Wanted, read_all
from runner.modules.sending import PIECE
from runner.parse.contents import FilesHere
from runner.transport.text import render
from tests.modules.lab_session import LabSession

NAME = "ExchangeOnlineManagement"
MODULES = "C:\\Program Files\\WindowsPowerShell\\Modules"
ASSEMBLIES = "C:\\Program Files\\PackageManagement\\ProviderAssemblies"
LARGE = bytes(range(256)) * (PIECE // 256 + 1)  # more than one piece
PSD1 = "@{{\r\n# ModuleVersion = '9.9.9'\r\nRootModule = '{name}.psm1'\r\n  ModuleVersion = '{version}'\r\n}}\r\n"


def module(name: str = "win_psmodule") -> StateModule[Any]:
    one = load_modules()[name]
    assert isinstance(one, StateModule)
    return one


def put(folder: Path, version: str, name: str = NAME, encoding: str = "utf-8") -> Path:
    """A module's folder with some files, one of them larger than a piece."""
    (folder / "netFramework").mkdir(parents=True)
    (folder / f"{name}.psd1").write_bytes(PSD1.format(name=name, version=version).encode(encoding))
    (folder / f"{name}.psm1").write_bytes(b"# nothing\r\n")
    (folder / "netFramework" / "Ärger [1].dll").write_bytes(LARGE)
    return folder


def nupkg(folder: Path, file: Path) -> Path:
    with zipfile.ZipFile(file, "w") as package:
        for path in sorted(folder.rglob("*")):
            package.write(path, path.relative_to(folder).as_posix())
        package.writestr("_rels/.rels", "x")
        package.writestr("[Content_Types].xml", "x")
        package.writestr(f"{NAME}.nuspec", "x")
    return file


def wanted(base: Path, source: Path, of: str = "win_psmodule", **more: Any) -> Any:
    """The arguments as apply loads them from a plan: looked up, dumped, loaded."""
    given = {"name": NAME} if of == "win_psmodule" else {}
    arguments = module(of).arguments.model_validate({**given, "source": str(source), **more})
    found = module(of).with_contents(arguments, FilesHere(base))
    again = load(module(of), dump(found))
    assert again == found
    return again


def refused(base: Path, source: Path, of: str = "win_psmodule", **more: Any) -> str:
    with pytest.raises(InputError) as raised:
        wanted(base, source, of, **more)
    return str(raised.value.problems[0])


class Bench:
    """A machine on which a source arrives."""

    def __init__(self, base: Path, arguments: Any, of: str = "win_psmodule", **machine: Any) -> None:
        self.machine: Machine = build_machine("case", MachineSpec.model_validate({"os": "Server 2019", **machine}))
        self.module = module(of)
        self.arguments = arguments
        self._session = LabSession(self.machine)
        self._contents = FilesHere(base)

    def read(self) -> State:
        found = self.look()
        assert isinstance(found, State), found
        return found

    def look(self) -> State | Unreadable:
        (found,) = read_all([Wanted(self.module, self.arguments)], lambda asked: self._session.read(asked, 60.0))
        assert isinstance(found, (State, Unreadable))
        return found

    def send(self, statement: Statement) -> str | None:
        whole = filled(statement, self._contents.bytes_of)
        (reply,) = self._session.change(whole, (), 60.0, lambda ids: None)
        assert reply.state is not ReplyState.UNSEEN
        return self.module.judge(statement, reply)

    def folder(self, path: str) -> Folder | None:
        node = self.machine.files.find(path)
        assert node is None or isinstance(node, Folder)
        return node


def plan(on: Bench) -> tuple[State, Desired, tuple[Statement, ...]]:
    before = on.read()
    desired = on.module.desired(on.arguments, before)
    assert isinstance(desired, Desired)
    return before, desired, on.module.write(on.arguments, before)


def arrives_and_goes(on: Bench) -> None:
    """As promised after the write, nothing to do then, and the files as before after the undo."""
    files = on.machine.files.copy()
    before, desired, write = plan(on)
    assert [on.send(statement) for statement in write] == [None] * len(write)
    now = on.read()
    promise = on.module.promise(on.arguments, before, desired)
    assert drift(promise, now, on.module.volatile) == ()
    assert differences(now, desired) == ()
    undo = on.module.undo(on.arguments, before, promise)
    assert not isinstance(undo, Irreversible)
    assert [on.send(statement) for statement in undo] == [None] * len(undo)
    assert drift(before, on.read(), on.module.volatile) == ()
    for path in (MODULES, "C:\\Program Files\\PackageManagement"):
        assert names(on.machine.files.find(path)) == names(files.find(path))


def names(node: object) -> object:
    return {name: names(entry) for name, entry in node.entries.items()} if isinstance(node, Folder) else node is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_package_arrives_whole(tmp_path: Path, encoding: str) -> None:
    source = nupkg(put(tmp_path / "x", "3.1.0", encoding=encoding), tmp_path / "exo.3.1.0.nupkg")
    on = Bench(tmp_path, wanted(tmp_path, source), modules={NAME: ["2.0.5"]})
    before, desired, write = plan(on)
    assert before == State(
        True, {"installed": False, "versions": ("2.0.5",), "existing_folders": before.properties["existing_folders"]}
    )
    assert desired == Desired(True, {"versions": ("3.1.0", "2.0.5")})
    assert [on.send(statement) for statement in write] == [None] * len(write)
    there = on.folder(f"{MODULES}\\{NAME}\\3.1.0")
    assert there is not None
    assert sorted(there.entries) == ["exchangeonlinemanagement.psd1", "exchangeonlinemanagement.psm1", "netframework"]
    sent = on.machine.files.find(f"{MODULES}\\{NAME}\\3.1.0\\netFramework\\Ärger [1].dll")
    assert getattr(sent, "data", None) == LARGE
    assert on.folder(f"{MODULES}\\{NAME}\\3.1.0.partial") is None


def test_it_goes_again(tmp_path: Path) -> None:
    source = put(tmp_path / "x", "3.1.0")
    arrives_and_goes(Bench(tmp_path, wanted(tmp_path, source), modules={NAME: ["2.0.5"]}))
    arrives_and_goes(Bench(tmp_path, wanted(tmp_path, source)))


def test_a_folder_is_called_as_its_manifest_says(tmp_path: Path) -> None:
    """A version folder that differs from the manifest is not listed (M2), although 3.1 and 3.1.0 are one version."""
    on = Bench(tmp_path, wanted(tmp_path, put(tmp_path / "x", "3.1"), required_version="3.1.0"))
    assert f"{MODULES}\\{NAME}\\3.1'" in render(plan(on)[2][-1])
    arrives_and_goes(on)


def test_of_a_folder_with_several_modules_only_one_is_sent(tmp_path: Path) -> None:
    """As Save-Module makes it, with what the module depends on beside it."""
    saved = tmp_path / "saved"
    put(saved / NAME / "3.1.0", "3.1.0")
    put(saved / "PackageManagement" / "1.4.8.1", "1.4.8.1", "PackageManagement")
    arguments = wanted(tmp_path, saved)
    assert arguments.package.root == f"{NAME}/3.1.0"
    assert {one.path.partition("/")[0] for one in arguments.package.files} == {NAME}
    on = Bench(tmp_path, arguments)
    write = plan(on)[2]
    assert render(write[-1]) == (
        f"Remove-Item -LiteralPath:'{MODULES}\\{NAME}\\3.1.0.partial' -Recurse:$true -Force:$true"
    )
    arrives_and_goes(on)


def test_of_several_versions_one_must_be_named(tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    for version in ("2.0.5", "3.10.0", "3.9.2"):
        put(saved / NAME / version, version)
    assert f"{NAME} 2.0.5, 3.9.2, 3.10.0, which are several" in refused(tmp_path, saved)
    assert "not 3.1.0" in refused(tmp_path, saved, required_version="3.1.0")
    assert wanted(tmp_path, saved, required_version="3.9.2.0").package.version == "3.9.2"


def test_a_source_that_is_not_this_module(tmp_path: Path) -> None:
    source = put(tmp_path / "x", "3.1.0", "SomethingElse")
    assert f"no {NAME}.psd1" in refused(tmp_path, source)
    (source / f"{NAME}.psd1").write_text("@{ ModuleVersion = $version }")
    assert "no ModuleVersion in plain text" in refused(tmp_path, source)


def test_the_hash_is_of_the_whole_source(tmp_path: Path) -> None:
    source = nupkg(put(tmp_path / "x", "3.1.0"), tmp_path / "exo.nupkg")
    sha256 = FilesHere(tmp_path).package(str(source)).sha256
    assert wanted(tmp_path, source, sha256=sha256.upper()).package.sha256 == sha256
    said = refused(tmp_path, source, sha256="0" * 64)
    assert sha256 in said
    assert "0" * 64 in said


def test_what_an_attempt_left_does_not_come_along(tmp_path: Path) -> None:
    on = Bench(
        tmp_path,
        wanted(tmp_path, put(tmp_path / "x", "3.1.0")),
        files={f"{MODULES}\\{NAME}\\3.1.0.partial\\left.dll": "x"},
    )
    write = plan(on)[2]
    assert [on.send(statement) for statement in write] == [None] * len(write)
    there = on.folder(f"{MODULES}\\{NAME}\\3.1.0")
    assert there is not None
    assert "left.dll" not in there.entries


def test_a_folder_in_the_way_is_not_touched(tmp_path: Path) -> None:
    on = Bench(
        tmp_path,
        wanted(tmp_path, put(tmp_path / "x", "3.1.0")),
        files={f"{MODULES}\\{NAME}\\3.1.0\\notes.txt": "x"},
    )
    impossible = on.module.desired(on.arguments, on.read())
    assert isinstance(impossible, Impossible)
    assert f"{MODULES}\\{NAME}\\3.1.0 exists" in impossible.reason


def test_a_file_that_did_not_arrive_whole_is_not_moved(tmp_path: Path) -> None:
    """The proof fails before Move-Item, which is therefore never sent."""
    on = Bench(tmp_path, wanted(tmp_path, put(tmp_path / "x", "3.1.0")))
    write = plan(on)[2]
    proof = next(place for place, statement in enumerate(write) if statement[0].name == "Get-FileHash")
    cut = [statement for statement in write[:proof] if statement[0].name != "Add-Content"]
    assert len(cut) < proof
    assert [on.send(statement) for statement in cut] == [None] * len(cut)
    said = on.send(write[proof])
    assert said is not None
    assert "Ärger [1].dll" in said
    assert "Move-Item" not in {statement[0].name for statement in write[: proof + 1]}


def provider(folder: Path, *versions: str) -> Path:
    for version in versions:
        (folder / version).mkdir(parents=True)
        (folder / version / "Microsoft.PackageManagement.NuGetProvider.dll").write_bytes(version.encode())
    return folder


def test_a_provider_arrives_in_its_newest_version(tmp_path: Path) -> None:
    source = provider(tmp_path / "nuget", "2.8.5.201", "2.8.5.208")
    arguments = wanted(tmp_path, source, "win_package_provider")
    on = Bench(tmp_path, arguments, "win_package_provider")
    assert on.read().exists is False
    arrives_and_goes(on)
    assert arguments.package.version == "2.8.5.208"
    assert [one.path for one in arguments.package.files] == ["2.8.5.208/Microsoft.PackageManagement.NuGetProvider.dll"]
    assert f"{ASSEMBLIES}\\nuget\\2.8.5.208'" in " ".join(map(render, plan(on)[2]))


def test_a_source_without_a_provider_that_is_new_enough(tmp_path: Path) -> None:
    source = provider(tmp_path / "nuget", "2.8.5.130")
    said = refused(tmp_path, source, "win_package_provider")
    assert "2.8.5.201 or later" in said
    assert "2.8.5.130" in said


def test_folders_that_cannot_be_seen_are_not_missing(tmp_path: Path) -> None:
    """Test-Path answers False where it cannot look, too."""
    arguments = wanted(tmp_path, put(tmp_path / "x", "3.1.0"))
    (found,) = read_all([Wanted(module(), arguments)], lambda asked: tuple(map(blind, asked)))
    assert isinstance(found, Unreadable)
    assert "C:\\Program Files cannot be seen" in found.reason


def blind(statement: Statement) -> Reply:
    """The answer of a host that lists no module and shows no folder."""
    paths = dict(statement[0].parameters).get("LiteralPath", ())
    assert isinstance(paths, tuple)
    return Reply(ReplyState.DONE, (False,) * len(paths))
