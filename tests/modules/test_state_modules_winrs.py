"""The contract of every state module holds over the transport winrs as well, on machines served over a real socket.

The cases for restricted sessions stay out: WinRS always starts a full PowerShell; so does win_powershell, whose
scripts it does not carry, and what win_uri asks $Error in a second round: over WinRS each round is a new process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from runner.apply.contents import filled
from runner.lab.boot import BootHabits, MachinePower
from runner.lab.certificates import Authority
from runner.lab.engine import Engine
from runner.lab.host import Account, LabHost
from runner.lab.server import LOOPBACK, LabThread, path_of
from runner.model.command import Ids, Reply, Statement
from runner.model.inventory import Authentication, Connection, TransportName
from runner.model.secret import Secret
from runner.parse.contents import FilesHere
from runner.transport.base import Session
from runner.transport.winrs import WinrsTransport
from tests.modules.cases import FOLDER, Case
from tests.modules.test_state_modules import CASES, Bench, check_case, prepared

PASSWORD = "canary-77"
ORDINARY = [entry for entry in CASES if not entry[2].endpoint and entry[0] != "win_powershell"]
ORDINARY = [entry for entry in ORDINARY if entry[0] != "win_uri" or entry[2].batches == 1]


@dataclass
class Counted:
    """A session that counts its reads, as `LabSession` does."""

    inner: Session
    batches: int = 0
    sent: list[Statement] = field(default_factory=list)

    @property
    def requests(self) -> int:
        return self.inner.requests

    @property
    def powershell(self) -> str | None:
        return self.inner.powershell

    def read(self, statements: Sequence[Statement], timeout: float) -> tuple[Reply, ...]:
        self.batches += 1
        return self.inner.read(statements, timeout)

    def change(
        self, statement: Statement, then: Sequence[Statement], timeout: float, announce: Callable[[Ids], None]
    ) -> tuple[Reply, ...]:
        return self.inner.change(filled(statement, FilesHere(FOLDER).bytes_of), then, timeout, announce)


@dataclass
class Machines:
    """Hosts that come and go while the lab runs."""

    hosts: list[LabHost]
    authority: Authority = field(default_factory=Authority)
    lock: threading.RLock = field(default_factory=threading.RLock)


@pytest.mark.parametrize(("module", "case"), [(m, c) for m, _, c in ORDINARY], ids=[f"{m}-{n}" for m, n, _ in ORDINARY])
def test_case(module: str, case: Case) -> None:
    state_module, parts, machine = prepared(module, case, "en-US")
    host = LabHost(
        name="case",
        accounts=(Account("admin", Secret(PASSWORD)),),
        open_runspace=lambda: Engine(machine),
        version_table={},
        computer_name="CASE",
        power=MachinePower(machine, BootHabits()),
    )
    with LabThread(Machines([host]), pace=0.0) as lab:
        connection = Connection(
            LOOPBACK,
            lab.addresses.port,
            user="admin",
            password=Secret(PASSWORD),
            tls=False,
            path=path_of("case"),
            authentication=Authentication.NTLM,
            transport=TransportName.WINRS,
        )
        session = WinrsTransport().open(connection)
        try:
            check_case(Bench(state_module, parts, machine, Counted(session)), case)  # type: ignore[arg-type]
        finally:
            session.close()
    assert host.traffic.open_shells == 0


def test_the_cases_are_many(report_number: Callable[[str], None]) -> None:
    assert len(ORDINARY) > 40
    report_number(f"state modules over winrs: {len(ORDINARY)} cases of {len({entry[0] for entry in ORDINARY})} modules")
