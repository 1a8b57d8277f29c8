"""Modules are found by themselves."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from runner.modules.loader import load_modules, resolve

NEW_MODULE = """
from runner.modules.base import Arguments, LocalModule, Said

class Nothing(Arguments):
    pass

class {name}(LocalModule[Nothing]):
    name = "{key}"
    aliases = ("contoso.{key}",)
    summary = "says hello"
    arguments = Nothing

    def evaluate(self, arguments, context):
        return Said("hello")
"""


def package(folder: Path, name: str, **files: str) -> object:
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text("")
    for file, text in files.items():
        (folder / name / f"{file}.py").write_text(text)
    return importlib.import_module(name)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return tmp_path


def test_one_new_file_is_one_new_module(folder: Path) -> None:
    found = load_modules(package(folder, "added_modules", greet=NEW_MODULE.format(name="Greet", key="greet")))
    assert list(found) == ["greet"]
    assert found["greet"].evaluate(None, None).message == "hello"
    assert resolve(found, "contoso.greet") is found["greet"]


def test_two_modules_of_one_name_are_refused(folder: Path) -> None:
    first, second = (NEW_MODULE.format(name=name, key="greet") for name in ("First", "Second"))
    with pytest.raises(ValueError, match=r"First and .*Second both claim the module name 'greet'"):
        load_modules(package(folder, "twice_modules", first=first, second=second))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("win_service", "win_service"),
        ("ansible.windows.win_service", "win_service"),
        ("ansible.windows.win_regedit", "win_regedit"),
        ("ansible.windows.win_ping", "win_ping"),
        ("ansible.windows.setup", "setup"),
        ("ansible.builtin.setup", "setup"),
        ("ansible.builtin.debug", "debug"),
        ("ansible.builtin.assert", "assert"),
    ],
)
def test_ansibles_names(name: str, expected: str) -> None:
    module = resolve(load_modules(), name)
    assert module is not None
    assert module.name == expected


def test_an_unknown_name_is_none() -> None:
    assert resolve(load_modules(), "win_nonesuch") is None
