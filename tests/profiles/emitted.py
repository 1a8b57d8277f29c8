"""Everything that the product can send, collected: the modules' cases, the facts, the playbooks, the transport's own.

Nothing is listed by hand: each case is read, changed, read again and taken back on its simulated machine, and every
statement is written down with where it came from and what its module requires.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

import pytest

from runner.cli.options import Hosts, read_job
from runner.lab.endpoint_spec import EndpointSpec
from runner.lab.spec import MachineSpec, build_machine
from runner.model.command import Script, Statement, command
from runner.model.state import Desired, State, differences
from runner.modules.base import FactModule, Irreversible, Module, Requires, StateModule
from runner.modules.loader import load_modules
from runner.modules.reading import Wanted, read_all
from runner.pipeline import make_plan
from runner.transport import pool
from runner.transport.batch import Dialect, batch_of
from runner.transport.projection import stripped
from tests.modules.cases import Case, cases
from tests.modules.lab_session import LabSession
from tests.modules.test_state_modules import Bench, bench, wishes
from tests.product import served

_NOTHING = Requires()
ROOT = Path(__file__).resolve().parents[2]


class Purpose(StrEnum):
    READ = "read"
    WRITE = "write"
    UNDO = "undo"
    SEPARATE = "separate"


@dataclass(frozen=True, slots=True)
class Emission:
    """One statement, and who sends it why."""

    source: str
    purpose: Purpose
    statement: Statement
    requires: Requires = _NOTHING
    kind: str = "windows"  # of the endpoint: windows, restricted or exchange


@dataclass(frozen=True, slots=True)
class Performance:
    """A playbook of the repository, and the scenario on which it is checked."""

    playbook: Path
    scenario: str
    kind: str = "windows"


PERFORMANCES = (
    Performance(ROOT / "playbooks" / "strong-crypto.yml", "strong-crypto"),
    Performance(ROOT / "playbooks" / "exchange-modern-authentication.yml", "exchange", "exchange"),
    Performance(ROOT / "playbooks" / "cloud-extender-exchange-online.yml", "demo"),
    Performance(ROOT / "playbooks" / "cloud-extender-audit.yml", "demo"),
    Performance(ROOT / "playbooks" / "powershell-module.yml", "strong-crypto"),
    Performance(ROOT / "tests" / "side_by_side.yml", "strong-crypto"),
    Performance(ROOT / "benchmarks" / "playbook.yml", "strong-crypto"),
)


# Cases whose command is to be found missing.
DELIBERATE = frozenset({("cmdlet", "unknown_command"), ("discover_service", "restricted_session")})


def emissions() -> tuple[Emission, ...]:
    """All of them; one that several sources send stands there for each.

    A script of the user's is none of ours to hold against anything.
    """
    wanted = [(name, stem, case) for name, stem, case in cases() if (name, stem) not in DELIBERATE]
    found = [emission for name, stem, case in wanted for emission in of_case(name, stem, case)]
    found += [emission for os in _WINDOWS for emission in _facts(os)]
    found += _separators()
    found += [emission for performance in PERFORMANCES for emission in of_playbook(performance)]
    return tuple(one for one in found if not any(isinstance(command, Script) for command in one.statement))


_WINDOWS = ("Server 2012 R2", "Server 2016", "Server 2019", "Server 2022", "Server 2025")


def of_case(module: str, stem: str, case: Case) -> Iterator[Emission]:
    """What one case sends from its first read to the read after it was taken back."""
    kind = _KINDS[EndpointSpec.model_validate(case.endpoint).session_type]
    return of_bench(bench(module, case, "en-US"), f"{module}/{stem}", kind)


_KINDS = {"default": "windows", "restricted_remote_server": "restricted", "exchange": "exchange"}


def of_bench(on: Bench, source: str, kind: str = "windows") -> Iterator[Emission]:
    """What the module of a bench sends for its parts, as the transport sends it on such an endpoint."""
    for emission in _of_bench(on, source):
        kept = emission.statement if kind == "windows" else stripped(emission.statement)[0]
        yield replace(emission, statement=kept, kind=kind)


def _of_bench(on: Bench, source: str) -> Iterator[Emission]:
    requires = _required(on)
    sent = _Recorder(on.session)
    found = on.read()
    yield from sent.since(source, Purpose.READ, requires)
    if not all(isinstance(one, State) for one in found):
        return
    actions = [
        (part, before, desired)
        for part, before, desired in wishes(on, found)
        if isinstance(desired, Desired) and differences(before, desired)
    ]
    written = [statement for part, before, _ in actions for statement in on.module.write(part, before)]
    for statement in written:
        on.session.change(statement, (), on.module.timeout, lambda ids: None)
    yield from sent.since(source, Purpose.WRITE, requires)
    for statement in written:
        beside = (*on.module.asked_in_front(statement), *on.module.asked_behind(statement))
        yield from (Emission(source, Purpose.READ, question, requires) for question in beside)
    on.read()
    yield from sent.since(source, Purpose.READ, requires)
    for part, before, desired in reversed(actions):
        undo = on.module.undo(part, before, on.module.promise(part, before, desired))
        if not isinstance(undo, Irreversible):
            yield from (Emission(source, Purpose.UNDO, statement, requires) for statement in undo)


def _required(on: Bench) -> Requires:
    """What the module requires for the parts of a bench, all of which have one answer."""
    (requires,) = {on.module.requires_for(part) for part in on.parts}
    return requires


class _Recorder:
    """The statements that a session has sent since it was asked last."""

    def __init__(self, session: LabSession) -> None:
        self._session = session
        self._seen = 0

    def since(self, source: str, purpose: Purpose, requires: Requires) -> list[Emission]:
        new = self._session.sent[self._seen :]
        self._seen = len(self._session.sent)
        return [Emission(source, purpose, statement, requires) for statement in new]


def _facts(os: str) -> Iterator[Emission]:
    session = LabSession(build_machine("facts", MachineSpec.model_validate({"os": os})))
    for name, module in load_modules().items():
        if isinstance(module, FactModule):
            wanted = [Wanted(module, module.arguments())]
            read_all(wanted, lambda statements, timeout=module.timeout: session.read(statements, timeout))  # type: ignore[misc]
            yield from (Emission(f"{name}/{os}", Purpose.READ, one, module.requires) for one in session.sent)


def _separators() -> list[Emission]:
    """What the transport itself puts between the statements of a batch."""
    question = (command("Get-Culture"),)
    warning = (command("Write-Warning", Message="mark"),)  # over WinRS (runner/transport/invocation.py)
    pipelines = [(warning,), *(batch_of([question], "mark", dialect).pipeline() for dialect in Dialect)]
    return [Emission("transport", Purpose.SEPARATE, one) for sent in pipelines for one in sent if one != question]


def of_playbook(performance: Performance) -> list[Emission]:
    """All that a check of a playbook sends, separators included, and what its plan would send and take back.

    What is sent for which task is not told apart: all of it counts as the most demanding module's.
    """
    sent: list[Statement] = []
    serialise = pool.serialise

    def recording(statements: Sequence[Statement], *more: Any) -> bytes:
        sent.extend(statements)
        return serialise(statements, *more)

    with (
        TemporaryDirectory() as folder,
        pytest.MonkeyPatch.context() as patch,
        served(performance.scenario, Path(folder)) as fleet,
    ):
        patch.setattr(pool, "serialise", recording)
        job = read_job(performance.playbook, Hosts((fleet.inventory,), None, (), False, 5, 5.0), (), (), 0)
        plan = make_plan(job, lambda event: None, Event())
    source = performance.playbook.name
    steps = [step for play in plan.plays for host in play.hosts for step in host.steps]
    assert steps, f"{source} plans nothing on {performance.scenario}"
    actions = [step.action for step in steps if step.action]
    written = [one for action in actions for one in action.write]
    undone = [one for action in actions for one in action.undo or ()]
    tasks = [task for play in job.playbook.plays for task in (*play.tasks, *play.handlers)]
    requires = _most_demanding([job.modules[task.module] for task in tasks])
    of_purpose = ((Purpose.READ, sent), (Purpose.WRITE, written), (Purpose.UNDO, undone))
    return [
        Emission(source, purpose, one, requires, performance.kind)
        for purpose, statements in of_purpose
        for one in statements
    ]


def _most_demanding(used: Sequence[Module[Any]]) -> Requires:
    """What a host must have for every one of the modules."""
    needs = [module.requires for module in used if isinstance(module, StateModule)]
    least = [one.powershell for one in needs if one.powershell]
    below = [one.below for one in needs if one.below]
    return Requires(max(least, key=_numbers, default=None), min(below, key=_numbers, default=None))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
