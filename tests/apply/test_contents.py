"""The bytes that stand for slices when a plan is applied."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from runner.apply.contents import check_contents, filled
from runner.model.command import Statement, command
from runner.model.content import NoContents, Slice
from runner.model.errors import InputError, Problem
from runner.model.plan import Action, HostPlan, Step, Verdict
from runner.model.source import Origin
from runner.model.state import Desired, State
from runner.model.task import Deferred, Header, TaskId
from runner.modules.arguments import dump
from runner.modules.base import Arguments
from runner.modules.loader import load_modules
from runner.modules.win_copy import CopyArguments
from runner.modules.win_psmodule import PSModuleArguments
from runner.parse.contents import FilesHere

DATA = b"0123456789"
MODULES = load_modules()


def piece(path: Path, offset: int, length: int) -> Slice:
    return Slice(str(path), "", hashlib.sha256(DATA).hexdigest(), offset, length)


def added(value: Slice) -> Statement:
    return (command("Add-Content", LiteralPath="C:\\a.bin", Value=value, Encoding="Byte"), command("Out-Null"))


def plan(*writes: Statement) -> HostPlan:
    action = Action(State(False), Desired(True), State(True), (), writes, ())
    header = Header(TaskId(0, "tasks", 0), "copied", "win_copy", Origin("site.yml", 1, 1))
    return HostPlan("ce-01", 0, (Step(header, Verdict.CHANGE, {}, action=action),), {})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "a.bin"
    path.write_bytes(DATA)
    return path


def test_a_slice_becomes_its_bytes(source: Path) -> None:
    statement = added(piece(source, 3, 4))
    sent = filled(statement, FilesHere(source.parent).bytes_of)
    assert dict(sent[0].parameters)["Value"] == b"3456"
    assert sent[1] == statement[1]


def test_a_statement_without_a_slice_is_sent_as_it_is() -> None:
    statement = (command("Set-Content", LiteralPath="C:\\a.txt", Value="x"),)
    assert filled(statement, NoContents().bytes_of) is statement


def test_who_has_no_files_sends_none(source: Path) -> None:
    with pytest.raises(InputError):
        filled(added(piece(source, 0, 1)), NoContents().bytes_of)


def test_all_files_of_a_plan_are_looked_at_once(source: Path) -> None:
    seen: list[Slice] = []

    def bytes_of(part: Slice) -> bytes:
        seen.append(part)
        return FilesHere(source.parent).bytes_of(part)

    whole = plan(added(piece(source, 0, 5)), added(piece(source, 5, 5)))
    assert check_contents(whole, bytes_of, MODULES) is None
    assert len(seen) == 1
    source.write_bytes(b"other")
    assert check_contents(whole, bytes_of, MODULES) == f"{source}: has changed since the plan was made"
    assert check_contents(plan(), bytes_of, MODULES) is None


def deferred(module: str, arguments: Arguments, contents: FilesHere) -> HostPlan:
    """A plan in which only apply decides whether the files of a task are sent."""
    known = MODULES[module].with_contents(arguments, contents)
    header = Header(TaskId(0, "tasks", 0), "late", module, Origin("site.yml", 1, 1))
    step = Step(header, Verdict.DEFERRED, dump(known), deferred=Deferred(("Value",)))
    return HostPlan("ce-01", 0, (step,), {})


def test_files_of_a_deferred_copy_are_looked_at_too(source: Path) -> None:
    files = FilesHere(source.parent)
    late = deferred("win_copy", CopyArguments(src=str(source), dest="C:\\a.bin"), files)
    assert check_contents(late, files.bytes_of, MODULES) is None
    source.write_bytes(b"other")
    assert check_contents(late, FilesHere(source.parent).bytes_of, MODULES) == (
        f"{source}: has changed since the plan was made"
    )


def test_files_of_a_deferred_module_are_looked_at_too(tmp_path: Path) -> None:
    script = tmp_path / "M" / "M.psm1"
    script.parent.mkdir()
    script.write_bytes(DATA)
    (script.parent / "M.psd1").write_text("@{\nModuleVersion = '1.0.0'\n}", encoding="utf-8")
    late = deferred("win_psmodule", PSModuleArguments(name="M", source="M"), FilesHere(tmp_path))
    assert check_contents(late, FilesHere(tmp_path).bytes_of, MODULES) is None
    script.unlink()
    complaint = check_contents(late, FilesHere(tmp_path).bytes_of, MODULES)
    assert complaint is not None
    assert str(script) in complaint


def test_a_problem_within_a_message_is_in_one_line() -> None:
    error = InputError(
        Problem("is gone", Origin("a.bin"), "put it back", "src: a.bin"), Problem("cannot be used", hint="see there")
    )
    assert error.in_one_line == "a.bin: is gone; cannot be used"
