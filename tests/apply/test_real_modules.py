"""Plan and apply with the real modules on a simulated machine: the plan goes through its file in between."""

from __future__ import annotations

from typing import Any

from runner.apply.host import apply_host
from runner.apply.tools import Tools
from runner.lab.machine import Machine
from runner.lab.spec import MachineSpec, build_machine
from runner.model.document import dump_plan, from_text, load_plan, to_text
from runner.model.observation import HostFindings, Observed
from runner.model.outcome import HostOutcome, HostResult, Result, host_result
from runner.model.plan import HostPlan, PlayPlan
from runner.model.source import MapNode, Origin
from runner.model.state import State, Unreadable
from runner.model.task import Header, Ready, TaskId
from runner.modules.arguments import dump, validate
from runner.modules.base import StateModule
from runner.modules.loader import load_modules
from runner.modules.reading import Wanted, read_all
from runner.plan.build import build_plan
from runner.plan.host import plan_host
from tests.modules.lab_session import LabSession

MODULES = load_modules()
FRAMEWORK = r"HKLM:\SOFTWARE\Microsoft\.NETFramework\v4.0.30319"
RESTART = "restart the service"
TASKS: tuple[tuple[str, dict[str, object]], ...] = (
    ("win_regedit", {"path": FRAMEWORK, "name": "SchUseStrongCrypto", "data": 1, "type": "dword", "view": "both"}),
    ("win_regedit", {"path": FRAMEWORK, "name": "Big", "data": 0xFFFFFFFF, "type": "dword"}),
    ("win_regedit", {"path": r"HKLM:\SOFTWARE\設定\a\b", "name": "名", "data": ["x", "y"], "type": "multistring"}),
    ("win_regedit", {"path": r"HKLM:\SOFTWARE\設定\a", "name": "raw", "data": "hex:be,ef", "type": "binary"}),
    ("win_service", {"name": "Agent", "start_mode": "auto", "state": "started"}),
    ("win_service", {"name": "Agent", "description": "watches"}),
)
HANDLER: tuple[str, dict[str, object]] = ("win_service", {"name": "Agent", "state": "restarted"})


def machine() -> Machine:
    spec = {"registry": {}, "services": {"Agent": {"start_mode": "manual", "status": "stopped"}}}
    return build_machine("case", MachineSpec.model_validate(spec))


def ready(number: int, section: str, module_name: str, arguments: dict[str, object]) -> list[Ready]:
    module = MODULES[module_name]
    assert isinstance(module, StateModule)
    typed = validate(module, arguments, MapNode((), Origin("site.yml", number, 1)))
    parts = tuple(enumerate(module.parts(typed)))
    notify = (RESTART,) if module_name == "win_regedit" else ()
    name = RESTART if section == "handlers" else f"task {number}"
    place = Origin("site.yml", number, 1)
    headers = (
        Header(TaskId(1, section, number, 0, part), name, module_name, place, notify=notify) for part, _ in parts
    )
    return [Ready(header, one, dump(one)) for header, (_, one) in zip(headers, parts, strict=True)]


def plan(session: LabSession) -> HostPlan:
    tasks = [one for number, task in enumerate(TASKS) for one in ready(number, "tasks", *task)]
    tasks += ready(0, "handlers", *HANDLER)
    wanted = [Wanted(_module(task), task.arguments) for task in tasks]
    found = read_all(wanted, lambda statements: session.read(statements, 1.0))
    observed = [
        Observed(task, one) for task, one in zip(tasks, found, strict=True) if isinstance(one, State | Unreadable)
    ]
    made = plan_host(HostFindings("host-1", tuple(observed), {}, 1), 1, MODULES)
    play = PlayPlan(1, "play", (("host-1",),), (made,))
    whole = build_plan(tool="0", created="now", playbook="p", digests={}, plays=[play], seconds=0.0)
    loaded = load_plan(from_text(to_text(dump_plan(whole)), "plan.json"), "plan.json")
    assert loaded == whole
    return loaded.plays[0].hosts[0]


def _module(task: Ready) -> StateModule[Any]:
    module = MODULES[task.header.module]
    assert isinstance(module, StateModule)
    return module


def apply(made: HostPlan, session: LabSession) -> HostOutcome:
    tools = Tools(MODULES, lambda event: None, sleep=lambda seconds: None)
    return apply_host(made, lambda name: session, tools, lambda: False)


def test_everything_is_applied_as_promised_and_a_second_plan_is_compliant() -> None:
    session = LabSession(machine())
    outcome = apply(plan(session), session)
    assert [(action.result, action.message) for action in outcome.actions] == [(Result.APPLIED, "")] * 8
    assert outcome.result is HostResult.APPLIED
    again = plan(session)
    assert host_result(again) is HostResult.COMPLIANT
    assert apply(again, session).result is HostResult.COMPLIANT


def test_a_value_that_somebody_set_in_between_refuses_the_host_and_leaves_it_as_it_is() -> None:
    one = machine()
    session = LabSession(one)
    made = plan(session)
    first = made.steps[0].action
    assert first is not None
    for statement in first.write:
        session.change(statement, (), 1.0, lambda ids: None)
    sent = len(session.sent)
    outcome = apply(made, session)
    assert outcome.result is HostResult.REFUSED
    assert outcome.drifts[0].planned == State(False, made.steps[0].before.properties if made.steps[0].before else {})
    assert outcome.drifts[0].now == State(True, {"type": "dword", "data": 1})
    assert not any(statement[0].name.startswith(("Set-", "New-", "Restart-")) for statement in session.sent[sent:])
