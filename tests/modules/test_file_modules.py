"""Tasks on files: what their arguments may be, and how they see each other on one host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.model.errors import InputError
from runner.model.secret import Secret
from runner.model.source import MapNode, Origin, ScalarNode
from runner.model.state import Desired, State
from runner.modules.arguments import dump, load, validate
from runner.modules.base import StateModule
from runner.modules.host_files import absent, parse_place
from runner.modules.loader import load_modules
from runner.parse.contents import FilesHere

NOWHERE = MapNode((), Origin("site.yml", 1, 1))


def module(name: str) -> StateModule[Any]:
    found = load_modules()[name]
    assert isinstance(found, StateModule)
    return found


def task(name: str, /, **data: Any) -> Any:
    return validate(module(name), data, NOWHERE)


def mistakes(name: str, /, **data: Any) -> str:
    with pytest.raises(InputError) as caught:
        task(name, **data)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("win_file", {"path": "logs", "state": "directory"}, "path: a full path on a drive is wanted"),
        ("win_file", {"path": "\\\\server\\share\\x", "state": "absent"}, "path: a full path on a drive is wanted"),
        ("win_file", {"path": "C:\\a\\..\\b", "state": "absent"}, "'..' is no name of a file on Windows"),
        ("win_file", {"path": "C:\\a*", "state": "absent"}, "'a*' is no name of a file on Windows"),
        ("win_file", {"path": "C:\\con", "state": "directory"}, "'con' is no name of a file on Windows"),
        ("win_copy", {"content": "a", "dest": "C:\\Temp\\NUL"}, "'NUL' is no name of a file on Windows"),
        ("win_file", {"path": "C:\\", "state": "absent"}, "a drive itself is not managed"),
        ("win_file", {"path": "C:\\a", "state": "touch"}, "state must be one of directory, file, absent"),
        ("win_copy", {"dest": "C:\\a"}, "win_copy wants one of src and content"),
        ("win_copy", {"src": "a", "content": "b", "dest": "C:\\a"}, "win_copy wants one of src and content"),
        ("win_copy", {"content": "b", "dest": "C:\\a\\"}, "dest: is a folder: with content the name"),
        ("win_copy", {"content": "b", "dest": "C:\\[a]"}, "Move-Item takes a pattern there"),
        ("win_copy", {"content": Secret("b"), "dest": "C:\\a"}, "content: may not hold a secret: a plan holds none"),
        ("win_environment", {"level": "process", "name": "A", "value": "b"}, "level: process ends with the session"),
        ("win_environment", {"level": "user"}, "wants one of name and variables"),
        ("win_environment", {"level": "user", "name": "A", "value": ""}, "a text that is not empty is wanted"),
        ("win_environment", {"level": "user", "name": "A=B", "value": "c"}, "holds no ="),
        (
            "win_environment",
            {"level": "user", "variables": {"A": "b"}, "state": "absent"},
            "with variables each value says",
        ),
    ],
)
def test_arguments_that_are_refused(name: str, data: dict[str, Any], reason: str) -> None:
    assert reason in mistakes(name, **data)


def test_a_user_cannot_say_what_only_a_look_into_the_file_tells() -> None:
    origin = Origin("site.yml", 2, 5)
    tree = MapNode(((ScalarNode("found", origin, "found"), ScalarNode("x", origin, "x")),), origin)
    with pytest.raises(InputError, match="win_copy has no argument 'found'"):
        validate(module("win_copy"), {"src": "a", "dest": "C:\\a", "found": "x"}, tree)


def test_a_folder_becomes_a_part_for_each_file_and_survives_the_plan_document(tmp_path: Path) -> None:
    for name in ("a.txt", "sub/b.txt"):
        path = tmp_path / "settings" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    copy = module("win_copy")
    for src, folder in (("settings", "C:\\Contoso\\settings"), ("settings/", "C:\\Contoso")):
        found = copy.with_contents(task("win_copy", src=src, dest="C:\\Contoso"), FilesHere(tmp_path))
        parts = [load(copy, dump(part)) for part in copy.parts(found)]
        assert [copy.shown(part).name for part in parts] == [f"{folder}\\a.txt", f"{folder}\\sub\\b.txt"]
        assert parts == list(copy.parts(found))


def test_a_source_that_windows_cannot_hold_as_a_target_is_refused(tmp_path: Path) -> None:
    (tmp_path / "settings").mkdir()
    (tmp_path / "settings" / "[1].txt").write_text("x")
    with pytest.raises(InputError, match=r"\[1\]\.txt: \[, \] and ` are no part of a file's name here"):
        module("win_copy").with_contents(task("win_copy", src="settings", dest="C:\\Contoso"), FilesHere(tmp_path))
    with pytest.raises(InputError, match="does not exist"):
        module("win_copy").with_contents(task("win_copy", src="none.txt", dest="C:\\Contoso"), FilesHere(tmp_path))


def test_a_folder_that_an_earlier_task_makes_is_not_made_again() -> None:
    file = module("win_file")
    first = task("win_file", path="C:\\Contoso\\A", state="directory")
    made = file.promise(first, absent(("C:\\Contoso",)), Desired(True, {"kind": "directory"}))
    below = task("win_file", path="C:\\Contoso\\A\\B\\C", state="directory")
    missing = absent(("C:\\Contoso", "C:\\Contoso\\A", "C:\\Contoso\\A\\B"))
    assert file.over(below, missing, [(first, made)]) == absent(("C:\\Contoso\\A\\B",))
    above = task("win_file", path="C:\\Contoso", state="directory")
    assert file.over(above, absent(), [(first, made)]) == State(True, {"kind": "directory"})


def test_what_an_earlier_task_removes_is_gone_with_all_below_it() -> None:
    file = module("win_file")
    removal = task("win_file", path="C:\\Contoso", state="absent")
    gone = file.promise(removal, State(True, {"kind": "directory", "entries": 2}), Desired(False))
    below = task("win_file", path="C:\\Contoso\\A\\a.txt", state="absent")
    there = State(True, {"kind": "file"})
    assert file.over(below, there, [(removal, gone)]) == absent(("C:\\Contoso", "C:\\Contoso\\A"))
    beside = task("win_file", path="C:\\Contoso2\\a.txt", state="absent")
    assert file.over(beside, there, [(removal, gone)]) == there


def test_what_is_there_needs_the_folders_above_it() -> None:
    copy = task("win_copy", content="x", dest="C:\\Contoso\\A\\a.txt")
    implied = module("win_copy").implied(copy, Desired(True))
    assert [(one.module, one.key, dict(one.desired.properties)) for one in implied] == [
        ("win_file", parse_place("C:\\Contoso\\A\\a.txt").identity, {"kind": "file"}),
        ("win_file", parse_place("C:\\Contoso").identity, {"kind": "directory"}),
        ("win_file", parse_place("C:\\Contoso\\A").identity, {"kind": "directory"}),
    ]


def test_a_variable_is_the_registry_value_that_win_regedit_knows() -> None:
    """So that two tasks which want different things of it are found."""
    variable = task("win_environment", level="machine", name="Site", value="tokyo")
    value = task(
        "win_regedit",
        path="HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Environment",
        name="SITE",
        data="osaka",
    )
    (own, *_) = module("win_environment").implied(variable, Desired(True, {"type": "string", "data": "tokyo"}))
    assert (own.module, own.key) == ("win_regedit", module("win_regedit").key(value))
