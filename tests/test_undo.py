"""Undo: what the plan of a whole change night says to take it back does so, on every machine, in reverse order.

Each module's own undo is held to the same in tests/modules/test_state_modules.py, over all of its cases.
"""

from __future__ import annotations

from pathlib import Path

from runner.cli.demo import lay_out
from runner.lab.machine import Machine
from runner.lab.scenario import load_scenario
from runner.model.document import load_run
from runner.model.outcome import CHANGED
from runner.model.plan import Action, Step
from runner.modules.base import StateModule
from runner.modules.loader import load_modules
from runner.transport.text import render
from tests.modules.lab_session import LabSession
from tests.modules.test_state_modules import picture
from tests.night import confirm
from tests.product import Answer, served

MODULES = load_modules()


def made(answer: Answer) -> dict[str, list[tuple[Step, Action]]]:
    """The planned actions that a run has made, by host, in order."""
    outcome, plan = load_run(answer.document, "run.json")
    done = {(host.host, one.step) for host in outcome.hosts for one in host.actions if one.result in CHANGED}
    return {
        host.host: [
            (step, step.action) for step in host.steps if step.action and (host.host, str(step.header.id)) in done
        ]
        for play in plan.plays
        for host in play.hosts
    }


def take_back(machine: Machine, step: Step, action: Action) -> None:
    """Send a planned undo as apply would send it: in a process that knows all that was done before."""
    module = MODULES[step.header.module]
    assert isinstance(module, StateModule)
    session = LabSession(machine)
    for statement in action.undo or ():
        (reply,) = session.change(statement, (), module.timeout, lambda ids: None)
        assert module.judge(statement, reply) is None, render(statement)


def test_the_plan_of_a_night_takes_it_back_or_names_why_not(tmp_path: Path) -> None:
    playbook = lay_out(load_scenario("demo").playbook, tmp_path)
    with served("demo", tmp_path) as fleet:
        machines = {name: fleet.fleet.machine(name) for name in fleet.fleet.specs}
        before = {name: picture(machine) for name, machine in machines.items()}
        confirm(fleet, "check")
        run = fleet.apply(playbook)
    actions = made(run)
    changed = {name for name, machine in machines.items() if picture(machine) != before[name]}
    assert changed == {"tok-ce-02", "tok-ce-03", "osa-ce-02", "osa-ce-03"}
    for name, machine in machines.items():
        for step, action in reversed(actions[name]):
            take_back(machine, step, action)
    print({n: [(s.header.name, a.irreversible) for s, a in x if a.irreversible] for n, x in actions.items()})
    for name, machine in machines.items():
        a, b = picture(machine), before[name]
        for i, (x, y) in enumerate(zip(a, b)):
            if x != y: print(name, i); diff(x, y)
    assert 0

def diff(x, y, path=""):
    if isinstance(x, dict) and isinstance(y, dict):
        for k in sorted(set(x) | set(y), key=str):
            if x.get(k) != y.get(k): diff(x.get(k), y.get(k), f"{path}/{k}")
    elif isinstance(x, list) and isinstance(y, list):
        for i, (a, b) in enumerate(zip(x, y)):
            if a != b: print(path, i, str(a)[:200], str(b)[:200])
            if a!=b and hasattr(a, "subkeys"): keydiff(a, b, path)
    else: print(path, repr(x)[:200], repr(y)[:200])
def keydiff(a, b, path):
    for v in set(a.values) ^ set(b.values) if not isinstance(a.values, dict) else [k for k in {**a.values, **b.values} if a.values.get(k)!=b.values.get(k)]:
        print("  value", path, v)
    for k in {**a.subkeys, **b.subkeys}:
        x, y = a.subkeys.get(k), b.subkeys.get(k)
        if x != y:
            if x is None or y is None: print("  key", path, k, x is None, y is None)
            else: keydiff(x, y, path+"\\"+k)
