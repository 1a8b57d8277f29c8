"""Everything that we send exists on every Windows that we say it is for: command, parameters, types, parameter sets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runner.model.command import Command, Statement
from runner.modules.base import StateModule
from runner.modules.loader import load_modules
from runner.transport.text import render
from tests.profiles.catalogue import NAMES, Profile
from tests.profiles.emitted import PERFORMANCES, ROOT, Emission, Purpose
from tests.profiles.judging import problems


def is_for(emission: Emission, profile: Profile) -> bool:
    """Whether this machine has to know the statement: the endpoint's kind fits, and `requires` is met."""
    version = ".".join(map(str, profile.powershell))
    kind = "windows" if emission.kind == "restricted" else emission.kind
    return kind == profile.kind and emission.requires.unmet(version) is None


@pytest.mark.parametrize("name", NAMES)
def test_every_statement_fits(name: str, emitted: tuple[Emission, ...], profile: Callable[[str], Profile]) -> None:
    machine = profile(name)
    wrong = {
        f"{emission.source} ({emission.purpose}): {render(emission.statement)}": found
        for emission in emitted
        if is_for(emission, machine) and (found := problems(emission.statement, machine))
    }
    assert wrong == {}


def test_numbers(
    emitted: tuple[Emission, ...], profile: Callable[[str], Profile], report_number: Callable[[str], None]
) -> None:
    checked = {name: [one for one in emitted if is_for(one, profile(name))] for name in NAMES}
    commands = {command.name for one in emitted for command in one.statement}
    shapes = {
        (command.name, tuple(name for name, _ in command.parameters)) for one in emitted for command in one.statement
    }
    assert len(commands) > 15
    for name in ("Server 2012 R2", "Server 2016", "Server 2019", "Server 2022", "Server 2025"):
        assert len(checked[name]) > 300
    report_number(
        f"commands checked: {len(commands)} with {len(shapes)} sets of parameters, in {len(emitted)} statements, "
        f"against {sum(bool(ones) for ones in checked.values())} profiles"
    )


_READ_ONLY = frozenset({"discover_service", "minimum_version", "win_ping", "win_uri"})


_MAY_SEND_NONE = {
    Purpose.READ: frozenset(),
    Purpose.WRITE: _READ_ONLY | {"win_powershell"},  # what it sends is the user's
    Purpose.UNDO: _READ_ONLY | {"win_command", "win_powershell", "win_reboot"},
}


def test_every_module_s_writes_and_undos_are_among_them(emitted: tuple[Emission, ...]) -> None:
    modules = load_modules()
    states = {name for name, module in modules.items() if isinstance(module, StateModule)}
    for purpose in (Purpose.READ, Purpose.WRITE, Purpose.UNDO):
        seen = {one.source.partition("/")[0] for one in emitted if one.purpose is purpose}
        assert states - seen <= _MAY_SEND_NONE[purpose]
    assert any(one.source.startswith("setup/") for one in emitted)
    assert [render(one.statement) for one in emitted if one.purpose is Purpose.SEPARATE] != []


def test_every_playbook_of_the_repository_is_among_them() -> None:
    folders = (ROOT / "playbooks", ROOT / "benchmarks", ROOT / "tests")
    assert {path for folder in folders for path in folder.glob("*.yml")} == {one.playbook for one in PERFORMANCES}


def test_no_registry_key_is_ever_made_by_force(emitted: tuple[Emission, ...]) -> None:
    """New-Item -Force on a key that exists recreates it empty (reg-ni-exists-force; design section 7)."""
    assert [render(one.statement) for one in emitted if makes_by_force(one.statement)] == []


def test_a_change_is_alone_in_its_pipeline(emitted: tuple[Emission, ...]) -> None:
    """Design section 3: one change per pipeline; a statement is a pipe, and only its last command changes anything."""
    changes = [one for one in emitted if one.purpose in (Purpose.WRITE, Purpose.UNDO)]
    proofs = [one for one in changes if one.statement[0].name == "Get-FileHash"]  # before what was sent is moved
    assert [render(one.statement) for one in changes if changing(one.statement) != (one not in proofs)] == []
    provers = {one.source.partition("/")[0] for one in proofs if not one.source.endswith(".yml")}
    assert provers <= {"win_copy", "win_package_provider", "win_psmodule"}
    reads = [one for one in emitted if one.purpose is Purpose.READ]
    assert [render(one.statement) for one in reads if changing(one.statement)] == []


def test_what_goes_to_a_restricted_session_is_visible_there(emitted: tuple[Emission, ...]) -> None:
    restricted = [one for one in emitted if one.kind == "restricted"]
    assert len(restricted) > 0
    assert [render(one.statement) for one in restricted if projections(one.statement)] == []


def makes_by_force(statement: Statement) -> bool:
    """Of a folder -Force spares what is there (provider.newitem-directory), and of a file it is meant."""
    made = [dict(one.parameters) for one in statement if one.name.casefold() == "new-item"]
    return any(one.get("Force") and one.get("ItemType") not in ("directory", "file") for one in made)


_HARMLESS = frozenset({"get", "test", "select", "where", "foreach", "sort", "measure", "write", "resolve"})


def changing(statement: Statement) -> int:
    """How many commands of a statement change something, by their verbs."""
    return sum(not _is_harmless(one) for one in statement)


def _is_harmless(one: Command) -> bool:
    """By its verb; a web request, by its method. A module and a variable of our own process end with it."""
    name = one.name.casefold()
    if name == "invoke-webrequest":
        return str(dict(one.parameters).get("Method", "GET")) in ("GET", "HEAD")
    return name in ("import-module", "set-variable") or name.partition("-")[0] in _HARMLESS


# All that Select-Object takes in a RestrictedRemoteServer session (endpoint.visible-select-unlisted).
_COLUMNS = frozenset(
    {
        *("modulename", "namespace", "outputtype", "count", "helpuri", "name", "commandtype", "resolvedcommandname"),
        *("defaultparameterset", "cmdletbinding", "parameters"),
    }
)
_SELECT_PARAMETERS = frozenset({"property", "inputobject"})


def projections(statement: Statement) -> list[str]:
    """What of a statement the Select-Object of a restricted session would refuse; nor are its neighbours there."""
    refused: list[str] = []
    for one in statement:
        if one.name.casefold() in ("foreach-object", "where-object", "sort-object", "write-output"):
            refused.append(one.name)
        if one.name.casefold() == "select-object":
            given = {name.casefold(): value for name, value in one.parameters}
            columns = given.get("property", ())
            texts = columns if isinstance(columns, tuple) else (columns,)
            refused += [f"-{name}" for name in given if name not in _SELECT_PARAMETERS]
            refused += [str(text) for text in texts if str(text).casefold() not in _COLUMNS]
    return refused
