"""Contents on their way to a host: which changes they are, and what proves that they arrived."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from runner.lab.files import File, Folder
from runner.lab.machine import Machine
from runner.lab.spec import MachineSpec, build_machine
from runner.model.command import Reply, ReplyState
from runner.model.content import Content, Member
from runner.modules import sending
from runner.parse.contents import FilesHere
from runner.transport.text import render
from tests.modules.lab_session import LabSession

STAGING = "C:\\Contoso\\Lab.ce-runner"
BIG = b"ab" * sending.PIECE  # two pieces


def machine() -> Machine:
    return build_machine("ce-01", MachineSpec.model_validate({"os": "Server 2016", "files": {"C:\\Contoso\\": None}}))


@pytest.fixture
def content(tmp_path: Path) -> Content:
    for name, data in {"Lab.psd1": b"@{}", "en-US/help.txt": b"", "bin/Lab.dll": BIG}.items():
        path = tmp_path / "Lab" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return FilesHere(tmp_path).folder("Lab")


def replies(on: Machine, content: Content, until: int | None = None) -> list[tuple[str | None, Reply]]:
    """What the host has against each of the statements, and its answers."""
    session, found = LabSession(on), []
    for statement in sending.statements(content, STAGING)[:until]:
        (reply,) = session.change(statement, (), 60, lambda ids: None)
        found.append((sending.complaint(statement, reply), reply))
    return found


def data_of(on: Machine, path: str) -> bytes:
    node = on.files.find(f"{STAGING}\\{path}")
    assert isinstance(node, File)
    return node.data


def test_a_folder_arrives_with_all_that_is_in_it(content: Content) -> None:
    host = machine()
    assert {(complaint, reply.state, reply.errors) for complaint, reply in replies(host, content)} == {
        (None, ReplyState.DONE, ())
    }
    assert data_of(host, "bin\\Lab.dll") == BIG
    assert data_of(host, "en-US\\help.txt") == b""
    assert data_of(host, "Lab.psd1") == b"@{}"


def test_what_an_earlier_attempt_left_is_overwritten(content: Content) -> None:
    host = machine()
    replies(host, content, until=5)  # half of the library
    assert data_of(host, "bin\\Lab.dll") != BIG
    assert [complaint for complaint, _ in replies(host, content) if complaint] == []
    assert data_of(host, "bin\\Lab.dll") == BIG


def test_a_file_that_is_another_on_the_host_is_told(content: Content) -> None:
    host = machine()
    replies(host, content)
    host.put_file(f"{STAGING}\\Lab.psd1", File("", b"@{ }", host.now()))
    host.remove_file(f"{STAGING}\\bin\\Lab.dll")
    (proof,) = sending.proofs([(f"{STAGING}\\{m.path}".replace("/", "\\"), m.sha256) for m in content.members])
    (reply,) = LabSession(host).change(proof, (), 60, lambda ids: None)
    said = sending.complaint(proof, reply) or ""
    assert said.startswith(f"{STAGING}\\Lab.psd1 and 1 more did not arrive whole")


def test_a_folder_in_the_place_of_a_file_is_told(content: Content) -> None:
    host = machine()
    host.put_file(f"{STAGING}\\Lab.psd1", Folder("", host.now()))
    (proof,) = sending.proofs([(f"{STAGING}\\Lab.psd1", content.members[0].sha256)])
    (reply,) = LabSession(host).change(proof, (), 60, lambda ids: None)
    assert (
        sending.complaint(proof, reply)
        == f"{STAGING}\\Lab.psd1 did not arrive whole: its SHA-256 on the host is another"
    )


def test_a_single_file_is_put_at_the_path_itself() -> None:
    member = Member("", 5, hashlib.sha256(b"hello").hexdigest())
    found = [render(one) for one in sending.statements(Content("/src/a.txt", member.sha256, (member,)), "C:\\a.tmp")]
    assert found == [
        "Set-Content -LiteralPath:'C:\\a.tmp' -Value:<5 bytes of a.txt> -Encoding:'Byte'",
        f"Get-FileHash -LiteralPath:@('C:\\a.tmp') -Algorithm:'SHA256' | Where-Object -Property:'Hash' -In:$true "
        f"-Value:@('{member.sha256.upper()}') | Select-Object -Property:@('Path', 'Hash')",
    ]


def test_many_files_are_proven_in_few_questions() -> None:
    hashes = [(f"C:\\f{number}", "ab" * 32) for number in range(120)]
    asked = [dict(statement[0].parameters)["LiteralPath"] for statement in sending.proofs(hashes)]
    assert [len(paths) for paths in asked if isinstance(paths, tuple)] == [50, 50, 20]


@pytest.mark.parametrize(("version", "fits"), [("3.0", False), ("4.0", True), ("5.1.17763.1", True), ("7.4.2", False)])
def test_bytes_are_sent_to_windows_powershell_only(version: str, fits: bool) -> None:
    assert (sending.WINDOWS_POWERSHELL.unmet(version) is None) is fits
