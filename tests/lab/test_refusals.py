"""What the lab does not simulate is refused by name where a wrong answer would be easy."""

from __future__ import annotations

import pytest

from runner.lab.engine import Engine
from runner.lab.messages import Error, Request, StopSignal
from runner.lab.spec import MachineSpec
from tests.lab.engine_support import command, echo, machine


def _first_error(statement: tuple, **spec: object) -> str:
    messages = Engine(machine(**spec)).invoke(Request((statement, echo("after"))), StopSignal())
    return next(str(message.record) for message in messages if isinstance(message, Error))


def _values(*statement: object) -> list[object]:
    messages = Engine(machine()).invoke(Request((statement,)), StopSignal())  # type: ignore[arg-type]
    return [message.value for message in messages if hasattr(message, "value")]


@pytest.mark.parametrize("parameter", ["Attr", "-readonly", "Hid"])
def test_a_parameter_of_a_provider_is_refused(parameter: str) -> None:
    called = (command("Get-ChildItem", **{"LiteralPath": "C:\\Windows", parameter: True}),)
    assert "The lab does not simulate the parameter -" in _first_error(called)


def test_a_parameter_that_no_provider_has_is_unknown() -> None:
    called = (command("Get-ChildItem", LiteralPath="C:\\Windows", Fleet=True),)
    assert "matches parameter name 'Fleet'" in _first_error(called)


@pytest.mark.parametrize(
    "called", [command("get-ours"), command("Our\\Get-Ours"), command("Get-Command", Name="Get-Ours")]
)
def test_a_command_of_the_machines_own_modules_is_refused(called: object) -> None:
    said = _first_error((called,), unsimulated_commands=["Get-Ours"])
    assert "The lab does not simulate the command" in said
    assert "does not simulate" not in _first_error((called,))


def test_get_command_shows_an_alias_as_such() -> None:
    chosen = command("Select-Object", Property=["Name", "Source", "ModuleName", "Version"])
    (shown,) = _values(command("Get-Command", Name="GI"), chosen)
    assert str(shown) == "PSObject(Name='gi', Source='', ModuleName='', Version=None)"


@pytest.mark.parametrize("name", ["prompt", "ps", "CD"])
def test_functions_and_aliases_of_every_session_are_refused(name: str) -> None:
    for called in (command(name), command("Get-Command", Name=name)):
        assert f"The lab does not simulate the command {name}." in _first_error((called,))


@pytest.mark.parametrize("name", ["gcim", "Microsoft.PowerShell.Management\\gi"])
def test_an_alias_of_which_too_little_is_known_is_refused(name: str) -> None:
    assert "the alias" in _first_error((command("Get-Command", Name=name),))


def test_services_that_wait_for_each_other_are_no_machine() -> None:
    services = {"A": {"depends_on": ["B"]}, "B": {"depends_on": ["a"]}}
    with pytest.raises(ValueError, match="A would depend on itself"):
        MachineSpec.model_validate({"services": services})


def test_a_culture_has_its_serialized_properties() -> None:
    (shown,) = _values(command("Get-Culture"))
    properties = {name: getattr(shown, name) for name in ("LCID", "DisplayName", "ThreeLetterWindowsLanguageName")}
    assert list(properties.values()) == [1033, "English (United States)", "ENU"]
    assert "does not simulate" in _first_error((command("Get-Culture"),), culture="ja-JP")  # its name is not recorded
