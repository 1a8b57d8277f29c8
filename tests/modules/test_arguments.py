"""Arguments: every mistake at once, at its place, in our words; and the way through a plan document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from runner.model.errors import InputError, Problem
from runner.model.secret import Secret
from runner.model.source import MapNode, Origin, plain
from runner.modules.arguments import dump, load, problems, validate
from runner.modules.base import Module
from runner.modules.loader import load_modules
from tests.modules.trees import FILE, tree

MODULES = load_modules()


def is_template(text: str) -> bool:
    return "{{" in text


def found(module: str, text: str) -> list[tuple[str, str]]:
    """Place and message of every problem with a literal text; the hint follows the message."""
    return [place_and_words(problem) for problem in problems(MODULES[module], tree(text), is_template)]


def place_and_words(problem: Problem) -> tuple[str, str]:
    assert problem.origin is not None
    place = f"{problem.origin.line}:{problem.origin.column}"
    return place, problem.message + (f" | {problem.hint}" if problem.hint else "")


def validated(module: str, text: str) -> Any:
    node = tree(text)
    data = plain(node)
    assert isinstance(data, Mapping)
    return validate(MODULES[module], data, node)


@pytest.mark.parametrize(
    ("module", "text", "expected"),
    [
        (
            "win_regedit",
            "path: HKLM:\\SOFTWARE\\X\nnmae: V\nhive: C:\\x.dat\n",
            [
                ("2:1", "win_regedit has no argument 'nmae' | did you mean 'name'?"),
                ("3:1", "argument 'hive' of win_regedit is not supported yet"),
            ],
        ),
        ("win_regedit", "name: V\n", [("1:1", "win_regedit needs the argument 'path'")]),
        (
            "win_regedit",
            "path: HKLM:\\SOFTWARE\\X\nkey: HKLM:\\SOFTWARE\\Y\n",
            [("2:1", "'path' and 'key' are one and the same argument")],
        ),
        (
            "win_regedit",
            "path: SOFTWARE\\X\nstate: presnt\n",
            [
                (
                    "1:7",
                    "path: not a registry path: it begins with one of HKLM:, HKCU:, HKU:, HKCR:, HKCC:",
                ),
                ("2:8", "state must be one of present, absent; not the text \"presnt\" | did you mean 'present'?"),
            ],
        ),
        (
            "win_regedit",
            "path: HKLM:\\SOFTWARE\\X\nname: V\ndata: 3.10\n",
            [("3:7", "data wants text, not the number 3.1 | quote it: \"3.10\" (YAML reads 3.10 as the number 3.1)")],
        ),
        (
            "win_regedit",
            "path: HKLM:\\SOFTWARE\\X\nname: 0755\ndata: x\n",
            [("2:7", 'name wants text, not the number 493 | quote it: "0755" (YAML reads 0755 as the number 493)')],
        ),
        (
            "win_regedit",
            "path: HKLM:\\SOFTWARE\\X\nname: V\ntype: dword\ndata: much\n",
            [("4:7", "data: type dword wants a whole number from 0 to 0xffffffff, decimal or as 0x...")],
        ),
        (
            "win_regedit",
            "path: HKCU:\\Software\\X\nview: 32\n",
            [("2:7", "view: only keys below HKLM:\\SOFTWARE have a 32-bit view")],
        ),
        (
            "win_service",
            "name: yes\nstate: absent\nforce_dependent_services: perhaps\nusername: x\n",
            [
                ("4:1", "argument 'username' of win_service is not supported yet"),
                ("1:7", 'name wants text, not true | quote it: "yes" (YAML reads yes as true)'),
                ("2:8", "state: to remove a service is not supported yet"),
                ("3:27", 'force_dependent_services wants true or false, not the text "perhaps"'),
            ],
        ),
        (
            "win_service",
            "name: Spool*\n",
            [("1:7", "name: the name of one service is wanted, without wildcards or slashes")],
        ),
        ("debug", "msg: a\nvebosity: 1\n", [("2:1", "debug has no argument 'vebosity' | did you mean 'verbosity'?")]),
        ("assert", "fail_msg: a\n", [("1:1", "assert needs the argument 'that'")]),
    ],
)  # fmt: skip
def test_every_mistake_at_its_place(module: str, text: str, expected: list[tuple[str, str]]) -> None:
    assert found(module, text) == expected


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("win_regedit", 'path: "{{ key }}"\nname: V\ntype: "{{ kind }}"\ndata: 1\n'),  # data cannot be judged yet
        ("win_regedit", 'path: "{{ key }}"\nview: both\n'),
        ("win_regedit", "path: HKLM:\\SOFTWARE\\X\nname: V\ntype: multistring\ndata: ['{{ a }}', b]\n"),
        ("win_regedit", "path: HKLM:\\SOFTWARE\\X\nname:\ndata:\n"),  # null is "not given"
        ("assert", "that: x == 1\n"),
        ("assert", "that: [x == 1, y]\n"),
        ("debug", "var: x.y\n"),
    ],
)
def test_what_only_a_host_can_tell_is_not_judged(module: str, text: str) -> None:
    assert found(module, text) == []


def test_null_is_a_value_where_any_value_is_one() -> None:
    assert validated("debug", "msg:\n").msg is None
    assert validated("debug", "verbosity:\n").msg == "Hello world!"
    assert validated("win_regedit", "path: HKLM:\\SOFTWARE\\X\nname: V\ndata:\n").data == ""


def test_rendered_values_are_judged_where_they_stand() -> None:
    node = tree('path: HKLM:\\SOFTWARE\\X\nname: V\ndata: "{{ version }}"\n')
    with pytest.raises(InputError) as error:
        validate(MODULES["win_regedit"], {"path": "HKLM:\\SOFTWARE\\X", "name": "V", "data": 3.1}, node)
    assert [place_and_words(problem) for problem in error.value.problems] == [
        ("3:7", "data wants text, not the number 3.1 | quote it where it is defined")
    ]


def test_a_secret_is_neither_shown_nor_dumped() -> None:
    secret = Secret("canary-4711")
    node = MapNode((), Origin(FILE, 1, 1))
    with pytest.raises(InputError) as error:
        validate(MODULES["win_service"], {"name": secret}, node)
    assert "canary" not in str(error.value)
    assert dump(validate(MODULES["debug"], {"msg": secret}, node))["msg"] == "********"


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("type: dword\ndata: 31", 31),
        ("type: dword\ndata: '0x1F'", 31),
        ("type: dword\ndata: -1", 0xFFFFFFFF),
        ("type: dword", 0),
        ("type: qword\ndata: 18446744073709551615", 2**64 - 1),
        ("type: binary\ndata: hex:be,ef", b"\xbe\xef"),
        ("type: binary\ndata: beef", b"\xbe\xef"),
        ("type: binary\ndata: [0xbe, 0xef]", b"\xbe\xef"),
        ("type: none", b""),
        ("type: multistring\ndata: [a, 'b b']", ("a", "b b")),
        ("type: multistring\ndata: one", ("one",)),
        ("type: multistring", ()),
        ("type: expandstring\ndata: '%TEMP%\\x'", "%TEMP%\\x"),
        ("data: 日本語", "日本語"),
        ("type: string", ""),
    ],
)
def test_registry_data_is_one_value_of_its_kind(text: str, data: object) -> None:
    arguments = validated("win_regedit", f"path: HKLM:\\SOFTWARE\\X\nname: V\n{text}\n")
    assert arguments.data == data
    assert type(arguments.data) is type(data)
    assert load(MODULES["win_regedit"], dump(arguments)) == arguments


def test_a_damaged_plan_document_is_an_input_error() -> None:
    with pytest.raises(InputError, match="name wants text"):
        load(MODULES["win_service"], {"name": 5})


FIXED = [module for module in MODULES.values() if not module.arguments.any_names]


@pytest.mark.parametrize("module", FIXED, ids=lambda module: module.name)
def test_an_unknown_argument_is_a_positioned_error_in_every_module(module: Module[Any]) -> None:
    (first, *_) = problems(module, tree("nonesuch: 1\n"), is_template)
    assert str(first).startswith(f"{FILE}:1:1: {module.name} has no argument 'nonesuch'")


@pytest.mark.parametrize("module", MODULES.values(), ids=lambda module: module.name)
def test_every_module_documents_itself(module: Module[Any]) -> None:
    assert module.summary
    assert module.examples
    for name, field in module.arguments.model_fields.items():
        assert field.description or name in module.arguments.looked_up, f"{module.name}: {name}"
