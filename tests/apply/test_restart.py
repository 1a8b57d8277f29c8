"""Restarts and other things that only happen, against the lab over the real protocol: proof, lost answers, deadlines.

A machine's seconds pass quickly, and the runner's clock with them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from runner.apply.host import apply_host
from runner.apply.tools import Tools
from runner.lab.faults import parse_fault
from runner.lab.fleet import Fleet, write_inventory
from runner.lab.machine import Machine
from runner.lab.scenario import parse_scenario
from runner.lab.server import LabThread
from runner.model.inventory import Connection
from runner.model.observation import HostFindings, Observed
from runner.model.outcome import HostOutcome, HostResult, Result
from runner.model.plan import HostPlan, Verdict
from runner.model.source import MapNode, Origin
from runner.model.state import State, Unreadable
from runner.model.task import Header, Ready, TaskId
from runner.modules.arguments import dump, validate
from runner.modules.base import RestartModule, StateModule
from runner.modules.loader import load_modules
from runner.modules.reading import Wanted, read_all
from runner.parse.inventory import parse_inventory
from runner.plan.host import plan_host
from runner.transport.psrp import PsrpTransport
from runner.transport.winrs import WinrsTransport

MODULES = load_modules()
PACE = 0.001  # real seconds per second of a machine
KEY = r"HKLM\SOFTWARE\Lab"
SCENARIO = """
description: one
hosts:
  a:
    boot: {{seconds: {seconds}}}
    account: {{lockout_after: 1}}
"""
REBOOT: tuple[str, dict[str, object]] = ("win_reboot", {"reboot_timeout": 600})
AFTERWARDS: tuple[str, dict[str, object]] = (
    "win_regedit",
    {"path": r"HKLM:\SOFTWARE\Lab", "name": "After", "data": 1, "type": "dword"},
)


@dataclass
class Bench:
    """One served machine, and the tasks that are planned and applied there."""

    fleet: Fleet
    connection: Connection
    transport: PsrpTransport | WinrsTransport
    pause: Callable[[float], None] = lambda seconds: time.sleep(seconds * PACE)
    slept: list[float] = field(default_factory=list)

    def plan(self, *tasks: tuple[str, dict[str, object]]) -> HostPlan:
        ready = [_ready(number, *task) for number, task in enumerate(tasks)]
        session = self.transport.open(self.connection)
        try:
            wanted = [Wanted(_module(one.header.module), one.arguments) for one in ready]
            found = read_all(wanted, lambda statements: session.read(statements, 30.0))
        finally:
            session.close()
        observed = [
            Observed(task, one) for task, one in zip(ready, found, strict=True) if isinstance(one, State | Unreadable)
        ]
        return plan_host(HostFindings("a", tuple(observed), {}, 1), 1, MODULES)

    def apply(self, *tasks: tuple[str, dict[str, object]], fault: str = "") -> HostOutcome:
        plan = self.plan(*tasks)
        if fault:
            self.fleet.faults("a").add(parse_fault(fault))
        tools = Tools(MODULES, lambda event: None, settle=5.0 / PACE, clock=self._clock, sleep=self._sleep)
        return apply_host(plan, lambda name: self.transport.open(self.connection), tools, lambda: False)

    def _clock(self) -> float:
        return time.monotonic() / PACE

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.pause(seconds)

    @contextmanager
    def machine(self) -> Iterator[Machine]:
        with self.fleet.editing("a") as machine:
            yield machine


def _ready(number: int, name: str, arguments: dict[str, object]) -> Ready:
    place = Origin("site.yml", number + 1, 1)
    typed = validate(_module(name), arguments, MapNode((), place))
    return Ready(Header(TaskId(1, "tasks", number), f"task {number}", name, place), typed, dump(typed))


def _module(name: str) -> StateModule[Any]:
    module = MODULES[name]
    assert isinstance(module, StateModule)
    return module


@pytest.fixture
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A machine that boots in so many seconds of its own; with a pace of 0 its clock stands while it is worked on.

    Then it restarts once the answer is there, and is up again at once.
    """
    seconds, pace, transport = getattr(request, "param", (200, 0.0, PsrpTransport))
    fleet = Fleet(parse_scenario(SCENARIO.format(seconds=seconds), "one.yml"))
    with LabThread(fleet, pace=pace) as lab:
        inventory = parse_inventory([write_inventory(fleet, lab.addresses, tmp_path_factory.mktemp("lab"))])
        yield Bench(fleet, inventory.hosts["a"].connection, transport(pauses=(0.01, 0.02)))


def results(outcome: HostOutcome) -> list[Result]:
    return [action.result for action in outcome.actions]


def boots(bench: Bench) -> int:
    with bench.machine() as machine:
        return sum(change.what == "boot" for change in machine.changes)


# ---- restart -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bench", [(200, 0.0, PsrpTransport), (200, 0.0, WinrsTransport)], indirect=True, ids=["psrp", "winrs"]
)
def test_a_restart_is_proven_and_the_host_goes_on(bench: Bench) -> None:
    outcome = bench.apply(("win_reboot", {"post_reboot_delay": 33}), AFTERWARDS)
    assert [(action.result, action.message) for action in outcome.actions][1:] == [(Result.APPLIED, "")]
    assert outcome.actions[0].result is Result.APPLIED
    assert outcome.actions[0].message.startswith("restarted, and back after ")
    assert 33 in bench.slept
    assert boots(bench) == 1
    with bench.machine() as machine:
        key = machine.registry.find(f"HKEY_LOCAL_MACHINE{KEY[4:]}")
        assert key is not None
        assert key.value("After") is not None


def test_a_restart_may_cut_off_its_own_answer(bench: Bench) -> None:
    outcome = bench.apply(REBOOT, AFTERWARDS, fault="write:reboot_after")
    assert results(outcome) == [Result.SETTLED, Result.APPLIED]
    assert outcome.actions[0].message.startswith("its answer was lost (")
    assert boots(bench) == 1


@pytest.mark.parametrize("bench", [(200, PACE, PsrpTransport)], indirect=True)
def test_a_corrected_clock_is_no_restart(bench: Bench) -> None:
    """Somebody takes the shutdown back, and the clock is put an hour ahead: the boot time moves, the uptime goes on."""

    def corrects(seconds: float) -> None:
        time.sleep(seconds * PACE)
        with bench.machine() as machine:
            if machine.shutdown_at is not None:
                machine.schedule_shutdown(None)
                bench.fleet.faults("a").add(parse_fault("verify:clock_ahead"))

    bench.pause = corrects
    outcome = bench.apply(("win_reboot", {"pre_reboot_delay": 1500, "reboot_timeout": 60}), AFTERWARDS)
    assert results(outcome) == [Result.UNKNOWN, Result.NOT_STARTED]
    assert outcome.result is HostResult.UNKNOWN
    assert outcome.actions[0].message == ("no restart was proven within 1560 s: it answers, but was not started anew")
    assert boots(bench) == 0
    with bench.machine() as machine:
        assert [change.what for change in machine.changes if change.what == "clock"] == ["clock"]


@pytest.mark.parametrize(
    "bench", [(200, PACE, PsrpTransport), (200, PACE, WinrsTransport)], indirect=True, ids=["psrp", "winrs"]
)
def test_a_host_that_is_away_for_a_while_is_waited_for(bench: Bench) -> None:
    """Two of its seconds are so short here that the answer may be lost."""
    outcome = bench.apply(REBOOT, AFTERWARDS)
    assert outcome.result is HostResult.APPLIED
    assert outcome.actions[0].result in (Result.APPLIED, Result.SETTLED)
    assert boots(bench) == 1


@pytest.mark.parametrize("bench", [(1_000_000, PACE, PsrpTransport)], indirect=True)
def test_a_host_that_does_not_come_back(bench: Bench) -> None:
    outcome = bench.apply(REBOOT, AFTERWARDS)
    assert results(outcome) == [Result.UNKNOWN, Result.NOT_STARTED]
    assert bench.slept[:2] == [1, 2]
    assert "no restart was proven within 602 s: it does not answer (" in outcome.actions[0].message
    assert boots(bench) == 1


@pytest.mark.parametrize("bench", [(200, PACE, PsrpTransport)], indirect=True)
def test_a_shutdown_of_somebody_else_is_left_alone(bench: Bench) -> None:
    with bench.machine() as machine:
        machine.schedule_shutdown(machine.now() + 10 * (machine.now() - machine.booted))
    outcome = bench.apply(REBOOT, AFTERWARDS)
    assert results(outcome) == [Result.FAILED, Result.NOT_STARTED]
    assert outcome.actions[0].message.startswith("shutdown.exe ended with 1190: a shutdown is already scheduled there")
    assert boots(bench) == 0


def test_a_host_that_turns_the_account_away_is_not_asked_for_ever(bench: Bench) -> None:
    """Each try with a password that is not taken counts for the account's lockout."""

    def turns_away(seconds: float) -> None:
        if len(bench.slept) == 1:
            host.logons.refuse(host.accounts[0], bad_password=True)  # somebody else's: it locks the account

    (host,) = bench.fleet.hosts
    bench.pause = turns_away
    outcome = bench.apply(REBOOT, AFTERWARDS)
    assert results(outcome) == [Result.UNKNOWN, Result.NOT_STARTED]
    assert outcome.actions[0].message.startswith("it turns the account away: 401 from ")
    assert len(bench.slept) == 3
    assert host.logons.refused == 1 + 4  # the farewell to the shell that the restart has ended is a try as well


def test_a_boot_between_plan_and_apply_is_no_drift(bench: Bench) -> None:
    plan = bench.plan(REBOOT)
    assert bench.apply(REBOOT).result is HostResult.APPLIED
    tools = Tools(MODULES, lambda event: None, clock=bench._clock, sleep=bench._sleep)
    again = apply_host(plan, lambda name: bench.transport.open(bench.connection), tools, lambda: False)
    assert again.result is HostResult.APPLIED
    assert boots(bench) == 2


BOOT = State(True, {"boot_time": "2026-11-26T22:00:00+00:00", "uptime": 3600})


@pytest.mark.parametrize(
    ("boot_time", "uptime", "elapsed", "proven"),
    [
        ("2026-11-26T23:01:00+00:00", 30, 90, True),
        ("2026-11-27T00:00:00+09:00", 3660, 60, False),  # a time zone is no boot, nor is an uptime that goes on
        ("2026-11-26T23:00:00+00:00", 3660, 60, False),  # the clock was put ahead
        ("2026-11-26T21:00:00+00:00", 3660, 60, False),  # the clock was put back
        ("2026-11-26T22:00:00+00:00", 60, 60, False),  # the same, where Windows kept the boot time
        ("2026-11-26T22:00:03+00:00", 3660, 60, False),
    ],
)
def test_what_proves_a_restart(boot_time: str, uptime: int, elapsed: float, proven: bool) -> None:
    module = MODULES["win_reboot"]
    assert isinstance(module, RestartModule)
    now = State(True, {"boot_time": boot_time, "uptime": uptime})
    assert module.has_restarted(BOOT, now, elapsed) is proven


def test_a_host_that_was_just_started_is_proven_by_the_time_since_the_request() -> None:
    module = MODULES["win_reboot"]
    assert isinstance(module, RestartModule)
    before = State(True, {"boot_time": "2026-11-26T22:00:00+00:00", "uptime": 20})
    now = State(True, {"boot_time": "2026-11-26T22:01:00+00:00", "uptime": 25})
    assert module.has_restarted(before, now, 65)
    assert not module.has_restarted(before, now, 5)


SERVICE = """
description: one
hosts:
  a:
    services: {Agent: {status: running, start_mode: %s, start_seconds: 500}}
"""


@pytest.fixture
def with_service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    fleet = Fleet(parse_scenario(SERVICE % request.param, "one.yml"))
    with LabThread(fleet, pace=PACE) as lab:
        inventory = parse_inventory([write_inventory(fleet, lab.addresses, tmp_path / "lab")])
        yield Bench(fleet, inventory.hosts["a"].connection, PsrpTransport(pauses=(0.01, 0.02)))


WITH_AGENT: tuple[str, dict[str, object]] = ("win_reboot", {"services": ["agent"], "reboot_timeout": 2000})


@pytest.mark.parametrize("with_service", ["automatic"], indirect=True)
def test_services_that_start_late_are_waited_for(with_service: Bench) -> None:
    outcome = with_service.apply(WITH_AGENT, AFTERWARDS)
    assert outcome.result is HostResult.APPLIED
    now = outcome.actions[0].now
    assert now is not None
    assert now.properties["stopped_services"] == ()


@pytest.mark.parametrize("with_service", ["manual"], indirect=True)
def test_a_service_that_does_not_run_again_ends_the_host(with_service: Bench) -> None:
    outcome = with_service.apply(WITH_AGENT, AFTERWARDS)
    assert results(outcome) == [Result.NOT_CONVERGED, Result.NOT_STARTED]
    assert outcome.actions[0].message.endswith("these services do not run: agent")


# ---- what only its answer proves -----------------------------------------------------------------------------


def test_a_program_is_judged_by_its_exit_code(bench: Bench) -> None:
    argv = ["cmd.exe", "/c", "echo out&echo err 1>&2&exit 5"]
    outcome = bench.apply(("win_command", {"argv": argv, "success_exit_codes": [5]}), ("win_command", {"argv": argv}))
    assert [(action.result, action.message) for action in outcome.actions] == [
        (Result.APPLIED, "exit code 5: out | err"),
        (Result.FAILED, "exit code 5: out | err"),
    ]


@pytest.mark.parametrize(
    "bench", [(200, 0.0, PsrpTransport), (200, 0.0, WinrsTransport)], indirect=True, ids=["psrp", "winrs"]
)
def test_a_program_with_windows_is_waited_for(bench: Bench) -> None:
    """The code of the program before it is not taken for its own (ERROR_INSTALL_PACKAGE_OPEN_FAILED)."""
    before = ("win_command", {"argv": ["cmd.exe", "/c", "exit 0"]})
    outcome = bench.apply(before, ("win_command", {"argv": ["msiexec.exe", "/i", "C:\\no.msi", "/qn"]}))
    assert [(action.result, action.message) for action in outcome.actions] == [
        (Result.APPLIED, "exit code 0"),
        (Result.FAILED, "exit code 1619"),
    ]


@pytest.mark.parametrize("fault", ["write:drop_before", "write:drop_after", "write:drop_during"])
def test_a_program_whose_answer_is_lost_is_unknown(bench: Bench, fault: str) -> None:
    outcome = bench.apply(("win_command", {"argv": ["whoami.exe"]}), AFTERWARDS, fault=fault)
    assert results(outcome) == [Result.UNKNOWN, Result.NOT_STARTED]
    assert "whether it was done, and how it ended, is not known" in outcome.actions[0].message


def test_a_program_that_does_not_exist(bench: Bench) -> None:
    outcome = bench.apply(("win_command", {"argv": [r"C:\none.exe"]}))
    assert results(outcome) == [Result.FAILED]


SCRIPT = "param($Path)\nNew-Item -Path $Path | Out-Null\n'made'"
MADE = "param($Path)\nTest-Path -LiteralPath $Path"


def test_a_script_is_proven_by_its_check(bench: Bench) -> None:
    made = {"Path": r"HKLM:\SOFTWARE\Made"}
    task: tuple[str, dict[str, object]] = ("win_powershell", {"script": SCRIPT, "check": MADE, "parameters": made})
    assert results(bench.apply(task)) == [Result.APPLIED]
    assert bench.apply(task).result is HostResult.COMPLIANT
    with bench.machine() as machine:
        assert machine.registry.find(r"HKEY_LOCAL_MACHINE\SOFTWARE\Made") is not None


def test_a_script_without_a_check_says_what_it_wrote(bench: Bench) -> None:
    parameters = {"Path": r"HKLM:\SOFTWARE\Made"}
    task: tuple[str, dict[str, object]] = ("win_powershell", {"script": SCRIPT, "parameters": parameters})
    outcome = bench.apply(task, task)
    assert [(action.result, action.message) for action in outcome.actions[:1]] == [(Result.APPLIED, "made")]
    assert outcome.actions[1].result is Result.FAILED  # the key is there: an error, although the script went on
    assert outcome.actions[1].message.endswith("(System.IO.IOException,Microsoft.PowerShell.Commands.NewItemCommand)")


def test_a_script_that_exits_with_a_number_has_failed(bench: Bench) -> None:
    """The engine takes it for no error, and keeps it in no variable (script.exit-lastexitcode)."""
    good, bad = ({"script": f"'said'; exit {number}"} for number in (0, 3))
    outcome = bench.apply(("win_powershell", good), ("win_powershell", bad), AFTERWARDS)
    assert [(action.result, action.message) for action in outcome.actions] == [
        (Result.APPLIED, "said"),
        (Result.FAILED, "it ended by exit 3: said"),
        (Result.NOT_STARTED, ""),
    ]


def test_a_script_is_not_sent_over_winrs(bench: Bench) -> None:
    bench.transport = WinrsTransport(pauses=(0.01,))
    (step,) = bench.plan(("win_powershell", {"script": SCRIPT})).steps
    assert step.verdict is Verdict.UNREADABLE
    assert "WinRS cannot do this, the transport psrp can" in step.message
