"""What is special about versions: how they compare, and registry and files in one question."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from runner.lab.spec import MachineSpec, build_machine
from runner.model.state import Desired, Held, State
from runner.modules.base import StateModule
from runner.modules.loader import load_modules
from runner.modules.reading import Wanted, read_all
from tests.modules.lab_session import LabSession

KEY = "HKLM:\\SOFTWARE\\Lab"


def module() -> StateModule[Any]:
    found = load_modules()["minimum_version"]
    assert isinstance(found, StateModule)
    return found


def arguments(**data: Any) -> Any:
    place = {} if "file" in data else {"path": KEY, "name": "Version"}
    return module().arguments.model_validate({"at_least": "3.000.100", "owner": "IT", **place, **data})


def is_enough(version: str, at_least: object) -> bool:
    found = module().desired(arguments(at_least=at_least), State(True, {"version": version}))
    assert isinstance(found, Desired | Held)
    return isinstance(found, Desired)


@pytest.mark.parametrize(
    ("version", "at_least", "enough"),
    [
        ("3.000.100", "3.0.100", True),
        ("3.0.100", "3.000.100.0", True),
        ("3.000.99", "3.000.100", False),
        ("3.10", "3.9", True),
        ("2.999.999", "3", False),
        ("10.0", "9.9.9.9", True),
        ("461308", 461308, True),
        ("461307", 461308, False),
        ("4000000000", 3999999999, True),
    ],
)
def test_versions_are_compared_number_by_number(version: str, at_least: object, enough: bool) -> None:
    assert is_enough(version, at_least) is enough


def test_who_must_act_is_named() -> None:
    held = module().desired(arguments(owner="the product's team", fix="update it"), State(False))
    assert isinstance(held, Held)
    assert held.owner == "the product's team"
    assert held.reason.endswith("is not there, at least 3.000.100 is wanted: update it")


def test_values_and_files_are_asked_together_and_in_any_order() -> None:
    machine = build_machine(
        "lab",
        MachineSpec.model_validate(
            {
                "registry": {"HKLM\\SOFTWARE\\Lab": {"Version": "3.1", "Other": "2.0"}},
                "files": {"C:\\lab\\a.exe": {"version": "3.0.101.0"}, "C:\\lab\\b.dll": {"version": "1.2.3.4"}},
            }
        ),
    )
    on = LabSession(machine)
    wanted = [
        arguments(file="C:\\lab\\b.dll"),
        arguments(),
        arguments(file="C:\\lab\\no.exe"),
        arguments(name="Other"),
        arguments(name="Missing"),
        arguments(file="C:\\lab\\a.exe"),
    ]
    found = read_all([Wanted(module(), one) for one in wanted], lambda statements: on.read(statements, 60.0))
    versions = [one.properties.get("version") for one in found if isinstance(one, State)]

    assert versions == ["1.2.3.4", "3.1", None, "2.0", None, "3.0.101.0"]
    assert on.batches == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"at_least": 3.1},
        {"at_least": "3.x"},
        {"at_least": True},
        {"file": "C:\\a.exe", "name": "Version"},
        {"name": None},
        {"path": "SOFTWARE\\Lab"},
        {"file": "a.exe"},
        {"owner": ""},
    ],
)
def test_arguments_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        arguments(**wrong)
