"""A fleet in which each host shows one fault, and what must hold of it whatever happens.

The playbook is made of tasks, each with the question whether a machine really is as the task wants it: the machine is
asked, not the runner. Deadlines are below a second.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from runner.apply.tools import Tools
from runner.lab.enums import RegistryValueKind, ServiceControllerStatus, ServiceStartMode
from runner.lab.faults import AT_ADDRESS, Fault, What, When, impossible
from runner.lab.fleet import Fleet, write_inventory
from runner.lab.machine import Machine
from runner.lab.registry import RegistryData
from runner.lab.scenario import parse_scenario
from runner.lab.server import LabThread
from runner.model.events import Event as Told
from runner.model.events import HostEnded, HostStarted
from runner.model.inventory import Deadlines, Inventory
from runner.model.outcome import RunOutcome
from runner.model.plan import Plan
from runner.modules.loader import load_modules
from runner.parse.inventory import parse_inventory
from runner.parse.playbook import parse_playbook
from runner.pipeline import Job, apply_saved, make_plan
from runner.record.journal import Journal
from runner.template import Templates
from runner.transport.psrp import PsrpTransport

SERVICE, OTHER = "LabAgent", "LabSpooler"
KEY = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Lab\\Matrix"
DEADLINES = Deadlines(connect=0.8, operation=0.3, total=0.9)
SETTLE, POLL = 0.9, 0.05
FORKS = 4
PACE = 0.001  # real seconds per second of a machine: a boot of 200 s is over after 0.2 s
SLACK = 3.0  # seconds for the processor: all hosts, the lab and the runner share two of them here


@dataclass(frozen=True)
class Matter:
    """One task: its YAML, and whether a machine is as it wants. Its name is the task's."""

    name: str
    task: str
    holds: Callable[[Machine], bool]


def _value(name: str, kind: RegistryValueKind, data: RegistryData) -> Callable[[Machine], bool]:
    def holds(machine: Machine) -> bool:
        key = machine.registry.find(KEY)
        value = key.value(name) if key else None
        return value is not None and (value.kind, value.data) == (kind, data)

    return holds


def _runs_by_itself(machine: Machine) -> bool:
    service = machine.services.get(SERVICE)
    return service.status is ServiceControllerStatus.Running and service.start_mode is ServiceStartMode.Automatic


def _is_off(machine: Machine) -> bool:
    service = machine.services.get(OTHER)
    return service.status is ServiceControllerStatus.Stopped and service.start_mode is ServiceStartMode.Disabled


MATTERS = (
    Matter(
        "number",
        "win_regedit: {path: 'HKLM:\\SOFTWARE\\Lab\\Matrix', name: Number, type: dword, data: 7}",
        _value("Number", RegistryValueKind.DWord, 7),
    ),
    Matter(
        "folder",  # a text that exists is read in two rounds: apply verifies it in a pipeline of its own
        "win_regedit: {path: 'HKLM:\\SOFTWARE\\Lab\\Matrix', name: Folder, type: expandstring, data: '%TEMP%\\x'}",
        _value("Folder", RegistryValueKind.ExpandString, "%TEMP%\\x"),
    ),
    Matter("agent", f"win_service: {{name: {SERVICE}, start_mode: auto, state: started}}", _runs_by_itself),
    Matter("spooler", f"win_service: {{name: {OTHER}, start_mode: disabled, state: stopped}}", _is_off),
)
CMDLET = Matter(
    "title",
    f"cmdlet: {{read: {{Get-Service: {{Name: {SERVICE}}}}}, expect: {{DisplayName: Agent of the lab}}, "
    f"write: {{Set-Service: {{Name: {SERVICE}, DisplayName: Agent of the lab}}}}}}",
    lambda machine: machine.services.get(SERVICE).display_name == "Agent of the lab",
)


def matters() -> tuple[Matter, ...]:
    """The tasks of the playbook: registry, service, and `cmdlet`."""
    return (*MATTERS, CMDLET) if "cmdlet" in load_modules() else MATTERS


WRONG = f"""
    registry: {{'HKLM\\SOFTWARE\\Lab\\Matrix': {{Folder: somewhere}}}}
    services:
      {SERVICE}: {{display_name: agent, status: stopped, start_mode: manual, start_seconds: 2}}
      {OTHER}: {{display_name: spooler, status: running, start_mode: automatic, stop_seconds: 2}}
"""
RIGHT = f"""
    registry: {{'HKLM\\SOFTWARE\\Lab\\Matrix': {{Number: 7, Folder: {{expand_sz: '%TEMP%\\x'}}}}}}
    services:
      {SERVICE}: {{display_name: Agent of the lab, status: running, start_mode: automatic}}
      {OTHER}: {{display_name: spooler, status: stopped, start_mode: disabled}}
"""


OWNED = """    policy: {registry: {'HKLM\\SOFTWARE\\Lab\\Matrix': {Folder: somewhere}}}
"""


@dataclass(frozen=True)
class Case:
    """One host: what state it is in at first, which fault it shows, and in which command.

    Its state is "right" or "wrong", or wrong and more than that: "owned" by a policy that puts one of the values back
    as soon as it is set, with a service that gets "stuck" in its stop, or one "failing" to start.
    """

    command: str  # "check" or "apply"
    fault: Fault | None
    state: str = "wrong"

    def __str__(self) -> str:
        return f"{self.command} {self.fault or 'no fault'} on a machine that is {self.state}"


def all_cases() -> list[Case]:
    """Every fault at every moment: once and for ever, when checked and when applied."""
    cases: list[Case] = []
    for what in (what for what in What if what not in AT_ADDRESS):
        for when in (when for when in When if not impossible(when, what)):
            for times in (1, "always"):
                fault = Fault.model_validate({"when": when, "what": what, "times": times})
                cases.append(Case("apply", fault))
                if when in (When.WRITE, When.VERIFY):
                    cases.append(Case("apply", fault.model_copy(update={"skip": 2 if when is When.WRITE else 1})))
                    cases.append(Case("apply", fault.model_copy(update={"skip": int(when is When.WRITE)}), "owned"))
                else:
                    cases += [Case("check", fault), Case("check", fault, "right")]
    cases += [Case("check", Fault(when=When.CONNECT, what=what)) for what in sorted(AT_ADDRESS)]
    return cases


STATES = {
    "wrong": WRONG,
    "right": RIGHT,
    "owned": WRONG + OWNED,
    "stuck": WRONG.replace("stop_seconds: 2", "stuck_stop: true"),
    "failing": WRONG.replace("start_seconds: 2", "start_error: 1053"),
}


@dataclass
class Timer:
    """A listener that measures each host, from its start to its end."""

    seconds: dict[tuple[str, str], float] = field(default_factory=dict)
    _began: dict[tuple[str, str], float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, event: Told) -> None:
        with self._lock:
            if isinstance(event, HostStarted):
                self._began[event.host, event.phase] = time.monotonic()
            elif isinstance(event, HostEnded):
                place = (event.outcome.host, event.phase)
                self.seconds[place] = time.monotonic() - self._began[place]


@dataclass(frozen=True)
class Rehearsal:
    """A served fleet of cases with the playbook and the journal."""

    cases: Mapping[str, Case]
    fleet: Fleet
    inventory: Inventory
    playbook: Path
    journal: Path
    timer: Timer
    matters: tuple[Matter, ...]
    reported: dict[str, set[str]]  # the pipelines that had changed a host when it was reported on

    def plan(self) -> Plan:
        modules, templates = load_modules(), Templates()
        job = Job(
            playbook=parse_playbook(self.playbook, modules, templates),
            inventory=self.inventory,
            modules=modules,
            transport=PsrpTransport(pauses=(0.02, 0.05)),
            templates=templates,
            forks=FORKS,
        )
        return make_plan(job, self.timer, threading.Event())

    def begin_faults(self) -> None:
        """From now on the cases of apply show their faults."""
        for name, case in self.cases.items():
            if case.command == "apply" and case.fault:
                self.fleet.faults(name).add(case.fault)

    def apply(
        self, plan: Plan, stop: threading.Event | None = None, tell: Callable[[Told], None] | None = None
    ) -> RunOutcome:
        with Journal(self.journal) as journal:

            def told(event: Told) -> None:
                journal(event)
                self.timer(event)
                if isinstance(event, HostEnded):
                    self.reported[event.outcome.host] = self.changing_pipelines(event.outcome.host)
                if tell:
                    tell(event)

            tools = Tools(load_modules(), told, settle=SETTLE, poll=POLL)
            transport = PsrpTransport(pauses=(0.02, 0.05))
            return apply_saved(plan, self.inventory, transport, tools, "run", FORKS, stop or threading.Event())

    @contextmanager
    def looking(self, host: str) -> Iterator[Machine]:
        with self.fleet.editing(host) as machine:
            yield machine

    def holds(self, host: str) -> dict[str, bool]:
        """Which tasks really hold on the machine."""
        with self.looking(host) as machine:
            return {matter.name: matter.holds(machine) for matter in self.matters}

    def changing_pipelines(self, host: str) -> set[str]:
        """The ids of the pipelines that changed something on the machine."""
        with self.looking(host) as machine:
            return {change.by for change in machine.changes if change.by not in ("", "policy", "boot", "outside")}

    def shown(self) -> set[tuple[What, When]]:
        """The faults that really happened; one in an address happens whenever the host is called."""
        return {
            (case.fault.what, case.fault.when)
            for host, case in self.cases.items()
            if case.fault and (case.fault.what in AT_ADDRESS or self.fleet.faults(host).shown)
        }

    def intended(self) -> set[tuple[str, str]]:
        """Host and pipeline of every change that the journal announces."""
        with Journal(self.journal) as journal:
            return {(intent.host, intent.ids.pipeline) for intent in journal.run("run").intents}


@contextmanager
def rehearsal(cases: Sequence[Case], folder: Path) -> Iterator[Rehearsal]:
    """Serve one host per case, with slow machines whose time passes quickly."""
    named = {f"host-{number:03d}": case for number, case in enumerate(cases)}
    fleet = Fleet(parse_scenario(_scenario(named), "matrix.yml"))
    tasks = matters()
    playbook = folder / "matrix.yml"
    lines = [f"    - name: {matter.name}\n      {matter.task}\n" for matter in tasks]
    playbook.write_text(
        f"- name: Matrix\n  hosts: all\n  gather_facts: false\n  tasks:\n{''.join(lines)}", encoding="utf-8"
    )
    with LabThread(fleet, pace=PACE) as lab:
        inventory = parse_inventory([write_inventory(fleet, lab.addresses, folder / "lab")])
        hosts = {
            name: replace(host, connection=replace(host.connection, deadlines=DEADLINES))
            for name, host in inventory.hosts.items()
        }
        yield Rehearsal(
            named, fleet, replace(inventory, hosts=hosts), playbook, folder / "journal.sqlite3", Timer(), tasks, {}
        )


def _scenario(cases: Mapping[str, Case]) -> str:
    hosts = []
    for number, (name, case) in enumerate(cases.items()):
        shown = case.fault if case.command == "check" else None
        faults = f"    faults: [{shown.model_dump_json()}]\n" if shown else ""
        system = ("Server 2012 R2", "Server 2016", "Server 2019", "Server 2022", "Server 2025")[number % 5]
        culture = ("en-US", "ja-JP")[number % 2]
        windows = f"    os: {system}\n    culture: {culture}\n    boot: {{seconds: 200}}"
        hosts.append(f"  {name}:\n{windows}{STATES[case.state]}{faults}")
    return "description: one fault each\nhosts:\n" + "\n".join(hosts)


def longest(phase: str, changes: int) -> float:
    """How many seconds a phase of one host may take by its deadlines, if every single one of them is used up."""
    opening = DEADLINES.connect + 3 * DEADLINES.operation
    farewell = 2 * DEADLINES.connect  # the stop signal, the deletion
    reading = 3 * (DEADLINES.total + farewell) + 2 * opening  # a pipeline is tried three times
    if phase == "check":
        return opening + 2 * reading + farewell + SLACK
    settling = farewell + SETTLE + 2 * reading
    return opening + reading + changes * DEADLINES.total + settling + 2 * farewell + SLACK
