"""Undo: what the plan of a change night says to take it back does so, the last action first; what cannot be is named.

Each module's own undo is held to the same in tests/modules/test_state_modules.py, over all of its cases.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runner.lab.machine import Machine
from runner.model.document import load_run
from runner.model.outcome import CHANGED
from runner.model.plan import Action, Step
from runner.modules.base import StateModule
from runner.modules.loader import load_modules
from runner.transport.text import render
from tests.modules.lab_session import LabSession
from tests.night import DONE, INTERNAL, NIGHT, UNTOUCHED, confirm, night, put_provider
from tests.picture import picture
from tests.product import Answer, Served, served

MODULES = load_modules()
Actions = dict[str, list[tuple[Step, Action]]]


def made(answer: Answer) -> Actions:
    """The actions that a run has made, planned or decided at their turn, by host, in order."""
    outcome, plan = load_run(answer.document, "run.json")
    done = {(host.host, one.step): one for host in outcome.hosts for one in host.actions if one.result in CHANGED}
    found: Actions = {}
    for host in (host for play in plan.plays for host in play.hosts):
        own = found.setdefault(host.host, [])
        for step in host.steps:
            ended = done.get((host.host, str(step.header.id)))
            action = (step.action or ended.action) if ended else None
            if action:
                own.append((step, action))
    return found


def take_back(machine: Machine, step: Step, action: Action) -> None:
    """Send a planned undo as the change was sent: in a process that knows all that was done before."""
    module = MODULES[step.header.module]
    assert isinstance(module, StateModule)
    session = LabSession(machine)
    for statement in action.undo or ():
        (reply,) = session.change(statement, (), module.timeout, lambda ids: None)
        assert module.judge(statement, reply) is None, render(statement)


def there_and_back(fleet: Served, playbook: Path) -> tuple[Actions, dict[str, set[str]], dict[str, set[str]]]:
    """Apply, then undo: the actions of each host, the paths that they changed, and those that are not as before."""
    machines = {name: fleet.fleet.machine(name) for name in fleet.fleet.specs}
    before = {name: picture(machine) for name, machine in machines.items()}
    actions = made(fleet.apply(playbook))
    changed = {name: unlike(before[name], picture(machine)) for name, machine in machines.items()}
    for name, machine in machines.items():
        for step, action in reversed(actions[name]):
            take_back(machine, step, action)
    return actions, changed, {name: unlike(before[name], picture(machine)) for name, machine in machines.items()}


def unlike(one: dict[str, object], other: dict[str, object]) -> set[str]:
    return {
        path for path in one.keys() | other.keys() if (path in one, one.get(path)) != (path in other, other.get(path))
    }


def irreversible(actions: Actions) -> dict[str, dict[str, str]]:
    """By host, the tasks that cannot be taken back, and why."""
    named = {
        host: {step.header.name: action.irreversible for step, action in own if action.undo is None}
        for host, own in actions.items()
    }
    return {host: reasons for host, reasons in named.items() if reasons}


def test_undoing_the_demo_leaves_only_what_its_plan_calls_irreversible(tmp_path: Path) -> None:
    with served("demo", tmp_path) as fleet:
        confirm(fleet, "check")
        actions, changed, left = there_and_back(fleet, NIGHT)
    assert {name for name, paths in changed.items() if paths} == {"tok-ce-02", "tok-ce-03", "osa-ce-02", "osa-ce-03"}
    assert irreversible(actions) == {
        "tok-ce-02": {"The NuGet provider": "Windows has no command that removes the provider NuGet"},
        "osa-ce-02": {"Finish the restart that Windows waits for": "what was running has ended"},
    }
    provider = r"C:\Program Files\PackageManagement"
    assert {name for name, paths in left.items() if paths} == {"tok-ce-02", "osa-ce-02"}
    assert all(path.startswith(provider) for path in left["tok-ce-02"])
    assert {path.rpartition("\\")[2] for path in left["osa-ce-02"]} == {
        "RebootRequired",
        "Winlogon::AutoLogonChecked",  # Windows writes it at every start
    }


def test_a_night_without_such_actions_is_taken_back_whole(tmp_path: Path) -> None:
    """An internal repository, a provider and modules from the controller, Basic, a service that did not run."""
    idle = {"LabCloudExtender": {"display_name": "MaaS360 Cloud Extender (lab)", "start_mode": "manual"}}
    hosts: dict[str, dict[str, Any]] = {
        "internal": {**INTERNAL, "services": idle},
        "offline": {
            **UNTOUCHED,
            "os": "Server 2019",
            "inventory": {"ce_offline_source": "{{ lab_directory }}/packages"},
        },
        "basic": {**DONE, "inventory": {"winrm_client_basic": "disable"}},
    }
    put_provider(tmp_path)
    with night(tmp_path, **hosts) as (fleet, playbook):
        actions, changed, left = there_and_back(fleet, playbook)
    modules = {host: {step.header.module for step, _ in own} for host, own in actions.items()}
    own = {"win_regedit", "execution_policy", "win_psmodule", "win_service"}
    assert modules == {
        "internal": own | {"win_package_provider", "win_psrepository"},
        "offline": own,
        "basic": {"winrm_client"},
    }
    assert all(changed.values())
    assert irreversible(actions) == {}
    assert left == {host: set() for host in hosts}
