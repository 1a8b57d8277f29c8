"""What is in files, folders and packages of the controller, with real ones; and what is refused of them."""

from __future__ import annotations

import hashlib
import random
import stat
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from runner.model.content import Content, Contents, Member, Slice
from runner.model.errors import InputError
from runner.parse.contents import FilesHere

Package = Callable[[Mapping[str, bytes]], Path]
MODULE = {
    "Lab.psd1": b"@{ ModuleVersion = '1.0' }",
    "en-US/about_Lab.help.txt": b"about",
    "_rels/.rels": b"<xml/>",
    "package/services/metadata/core-properties/x.psmdcp": b"<xml/>",
    "[Content_Types].xml": b"<xml/>",
    "Lab.nuspec": b"<package/>",
}


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def put(path: Path, data: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.fixture
def package(tmp_path: Path) -> Package:
    def make(members: Mapping[str, bytes]) -> Path:
        path = tmp_path / "lab.1.0.0.nupkg"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        return path

    return make


def refusal(look: Callable[[], object]) -> str:
    with pytest.raises(InputError) as caught:
        look()
    (problem,) = caught.value.problems
    assert problem.hint, "it says what to do"
    assert problem.origin is not None
    return f"{problem.origin}: {problem.message}"


def whole(contents: Contents, content: Content, member: Member, size: int = 5) -> bytes:
    """All of a member, piece by piece."""
    starts = range(0, member.size, size)
    return b"".join(
        contents.bytes_of(Slice(content.source, member.path, member.sha256, start, size)) for start in starts
    )


def test_a_file_beside_the_playbook(tmp_path: Path) -> None:
    put(tmp_path / "files" / "ce.cfg", b"port = 443\n")
    contents = FilesHere(tmp_path)
    found = contents.file("files/ce.cfg")
    assert found == Content(
        str(tmp_path / "files" / "ce.cfg"), sha(b"port = 443\n"), (Member("", 11, sha(b"port = 443\n")),)
    )
    assert whole(contents, found, found.members[0]) == b"port = 443\n"
    assert whole(FilesHere(Path("/")), found, found.members[0]) == b"port = 443\n", "the source is a full path"


def test_a_folder_is_sorted_and_its_hash_is_that_of_its_listing(tmp_path: Path) -> None:
    for name in ("b.txt", "a/z.txt", "a/B.txt", "empty.txt"):
        put(tmp_path / "folder" / name, b"" if name == "empty.txt" else name.encode())
    contents = FilesHere(tmp_path)
    found = contents.folder("folder")
    assert [member.path for member in found.members] == ["a/B.txt", "a/z.txt", "b.txt", "empty.txt"]
    assert [whole(contents, found, member) for member in found.members] == [b"a/B.txt", b"a/z.txt", b"b.txt", b""]
    put(tmp_path / "folder" / "b.txt", b"other")
    assert contents.folder("folder") == found, "a source is looked at once, for all hosts"
    assert FilesHere(tmp_path).folder("folder").sha256 != found.sha256


def test_a_package_without_what_only_nuget_needs(package: Package) -> None:
    path = package(MODULE)
    contents = FilesHere(path.parent)
    found = contents.package(path.name)
    assert [member.path for member in found.members] == ["Lab.psd1", "en-US/about_Lab.help.txt"]
    assert found.sha256 == sha(path.read_bytes())
    assert whole(contents, found, found.members[0]) == MODULE["Lab.psd1"]


def test_what_changed_since_is_never_sent(tmp_path: Path, package: Package) -> None:
    path = put(tmp_path / "a.txt", b"planned")
    part = Slice(str(path), "", sha(b"planned"), 0, 7)
    put(path, b"changed")
    assert "has changed since the plan was made" in refusal(lambda: FilesHere(tmp_path).bytes_of(part))
    path.unlink()
    assert "does not exist" in refusal(lambda: FilesHere(tmp_path).bytes_of(part))
    source = package(MODULE)
    other = Slice(str(source), "Lab.psd1", sha(MODULE["Lab.psd1"]), 0, 3)
    assert FilesHere(tmp_path).bytes_of(other) == b"@{ "
    package({"Lab.psd1": b"@{ ModuleVersion = '1.1' }"})
    assert "lab.1.0.0.nupkg: Lab.psd1: has changed" in refusal(lambda: FilesHere(tmp_path).bytes_of(other))
    package({"Lab.psm1": b""})
    assert "no longer holds 'Lab.psd1'" in refusal(lambda: FilesHere(tmp_path).bytes_of(other))


def test_a_file_is_read_once_for_all_its_pieces(tmp_path: Path) -> None:
    path = put(tmp_path / "a.txt", b"planned")
    contents = FilesHere(tmp_path)
    assert contents.bytes_of(Slice(str(path), "", sha(b"planned"), 0, 4)) == b"plan"
    path.unlink()
    assert contents.bytes_of(Slice(str(path), "", sha(b"planned"), 4, 4)) == b"ned"


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        (["../evil.psm1"], "no path of a file on Windows"),
        (["a/../../evil.psm1"], "no path of a file on Windows"),
        (["/evil.psm1"], "no path of a file on Windows"),
        (["C:/evil.psm1"], "no path of a file on Windows"),
        (["a\\evil.psm1"], "no path of a file on Windows"),
        (["a/nul.txt"], "no path of a file on Windows"),
        (["CONOUT$"], "no path of a file on Windows"),
        (["a./b.txt"], "no path of a file on Windows"),
        (["Lab.psd1", "lab.PSD1"], "holds both 'Lab.psd1' and 'lab.PSD1'"),
        (["A/x.txt", "a/y.txt"], "holds both 'A' and 'a'"),
        (["Lab", "Lab/x.txt"], "as a file and as a folder"),
        (["_rels/.rels", "Lab.nuspec"], "no files of a module"),
    ],
)
def test_names_that_no_package_has(members: list[str], reason: str, package: Package) -> None:
    path = package(dict.fromkeys(members, b"x"))
    said = refusal(lambda: FilesHere(path.parent).package(path.name))
    assert reason in said
    assert said.startswith(str(path))


def test_a_member_twice(tmp_path: Path) -> None:
    path = tmp_path / "twice.nupkg"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.psd1", b"good")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.psd1", b"evil")
    assert "holds 'a.psd1' twice" in refusal(lambda: FilesHere(tmp_path).package("twice.nupkg"))


def test_a_member_that_is_a_link(tmp_path: Path) -> None:
    path = tmp_path / "link.nupkg"
    link = zipfile.ZipInfo("a.psd1")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, b"/etc/passwd")
    assert "holds 'a.psd1', which is a link" in refusal(lambda: FilesHere(tmp_path).package("link.nupkg"))


def altered(path: Path, at: int, number: int, size: int) -> None:
    """Overwrites a field of the package's only entry in its directory (APPNOTE.TXT 4.3.12)."""
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\x01\x02")
    data[entry + at : entry + at + size] = number.to_bytes(size, "little")
    path.write_bytes(data)


def test_a_member_that_is_encrypted(package: Package) -> None:
    path = package({"a.psd1": b"x"})
    altered(path, 8, 1, 2)  # general purpose bit flag
    assert "'a.psd1', which is encrypted" in refusal(lambda: FilesHere(path.parent).package(path.name))


def test_more_bytes_than_a_module_has(package: Package) -> None:
    path = package({"a.psd1": b"x"})
    altered(path, 24, 2**31, 4)  # uncompressed size
    assert "declares more files or bytes" in refusal(lambda: FilesHere(path.parent).package(path.name))


def test_a_damaged_package(package: Package) -> None:
    path = package({"a.psd1": b"x" * 1000})
    path.write_bytes(path.read_bytes()[:-30])
    assert "is no package that can be read" in refusal(lambda: FilesHere(path.parent).package(path.name))
    path = package({"a.psd1": b"x" * 1000})
    altered(path, 16, 1, 4)  # CRC-32
    assert "is no package that can be read" in refusal(lambda: FilesHere(path.parent).package(path.name))


def test_a_member_whose_name_is_not_what_its_flag_says(package: Package) -> None:
    path = package({"a\u00e9.psd1": b"x"})
    path.write_bytes(path.read_bytes().replace("\u00e9".encode(), b"\xff\xff"))
    assert "is no package that can be read" in refusal(lambda: FilesHere(path.parent).package(path.name))


def test_whatever_bytes_are_damaged_a_package_is_read_or_refused(package: Package) -> None:
    path = package({"a.psd1": b"@{ ModuleVersion = '1.0' }", "b/\u00e9.dll": b"x" * 300})
    good, chance, refused = path.read_bytes(), random.Random(8), 0
    for _ in range(600):
        data = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(data)
        try:
            assert FilesHere(path.parent).package(path.name).members
        except InputError:
            refused += 1
    assert refused > 100


def test_links_and_empty_folders_of_a_folder(tmp_path: Path) -> None:
    put(tmp_path / "outside.txt")
    folder = tmp_path / "folder"
    put(folder / "a.txt", b"a")

    def names() -> list[str]:
        return [member.path for member in FilesHere(tmp_path).folder("folder").members]

    (folder / "alias.txt").symlink_to(folder / "a.txt")
    assert names() == ["a.txt", "alias.txt"]
    (folder / "out.txt").symlink_to(tmp_path / "outside.txt")
    assert "is a link that leaves" in refusal(names)
    (folder / "out.txt").unlink()
    (folder / "sub").symlink_to(folder, target_is_directory=True)
    assert "is a link to a folder" in refusal(names)
    (folder / "sub").unlink()
    (folder / "sub").mkdir()
    said = refusal(names)
    assert said == f"{folder / 'sub'}: is empty, and an empty folder is not sent"


def test_what_is_not_what_it_should_be(tmp_path: Path) -> None:
    put(tmp_path / "a.txt")
    contents = FilesHere(tmp_path)
    assert "none.txt: does not exist" in refusal(lambda: contents.file("none.txt"))
    assert "is no file" in refusal(lambda: contents.file("."))
    assert "a.txt: is no folder" in refusal(lambda: contents.folder("a.txt"))
    assert "a.txt: is no package" in refusal(lambda: contents.package("a.txt"))
