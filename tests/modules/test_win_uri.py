"""What is special about web requests: their reasons come from $Error, over a real socket too."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from psrpcore.types import PSVersion
from pydantic import ValidationError

from runner.lab.boot import BootHabits, MachinePower
from runner.lab.certificates import Authority
from runner.lab.engine import Engine
from runner.lab.host import Account, LabHost
from runner.lab.server import LOOPBACK, LabThread, path_of
from runner.lab.spec import MachineSpec, build_machine
from runner.model.inventory import Authentication, Connection, TransportName
from runner.model.secret import Secret
from runner.model.state import State, Unreadable
from runner.modules.base import StateModule
from runner.modules.loader import load_modules
from runner.modules.reading import Wanted, read_all
from runner.transport.base import Session
from runner.transport.psrp import PsrpTransport
from runner.transport.winrs import WinrsTransport
from tests.modules.lab_session import LabSession

SITES = {"mine.example": {"status": 401}, "busy.example": {"status": 503}, "open.example": {}}
OUTLOOK = "https://outlook.office365.com"
DOT_NET = "HKLM\\SOFTWARE\\Microsoft\\.NETFramework\\v4.0.30319"


def module() -> StateModule[Any]:
    found = load_modules()["win_uri"]
    assert isinstance(found, StateModule)
    return found


def arguments(url: str, **data: Any) -> Any:
    return module().arguments.model_validate({"url": url, **data})


def read(on: Any, *wanted: Any) -> tuple[Any, ...]:
    return read_all([Wanted(module(), one) for one in wanted], lambda statements: on.read(statements, 60.0))


def spec(**more: Any) -> MachineSpec:
    return MachineSpec.model_validate({"network": {"hosts": SITES}, **more})


@dataclass
class Machines:
    hosts: list[LabHost]
    authority: Authority = field(default_factory=Authority)
    lock: threading.RLock = field(default_factory=threading.RLock)


@contextmanager
def session(transport: TransportName) -> Iterator[Session]:
    """A session over a socket with a machine that has not been touched."""
    machine = build_machine("lab", spec())
    account = Account("admin", Secret("canary-77"))
    power = MachinePower(machine, BootHabits())
    host = LabHost(
        name="lab",
        accounts=(account,),
        open_runspace=lambda: Engine(machine),
        version_table={"PSVersion": PSVersion("5.1.17763.1971"), "PSRemotingProtocolVersion": PSVersion("2.3")},
        computer_name="LAB",
        power=power,
    )
    with LabThread(Machines([host]), pace=0.0) as lab:
        connection = Connection(
            LOOPBACK,
            lab.addresses.port,
            user=account.user,
            password=account.password,
            tls=False,
            path=path_of("lab"),
            authentication=Authentication.NTLM,
            transport=transport,
        )
        opened = (PsrpTransport() if transport is TransportName.PSRP else WinrsTransport()).open(connection)
        try:
            yield opened
        finally:
            opened.close()


def test_each_of_several_failures_has_its_own_reason() -> None:
    """Each of them ends its pipeline; what stands behind it is asked again (design section 3)."""
    wanted = [arguments(url) for url in ("http://mine.example", OUTLOOK, "http://open.example/", "http://no.example/")]
    with session(TransportName.PSRP) as on:
        mine, outlook, opened, unknown = read(on, *wanted)

    assert mine == State(True, {"reachable": True, "status": 401})
    assert outlook == State(True, {"reachable": False, "reason": "no common TLS version"})
    assert opened == State(True, {"reachable": True, "status": 200})
    assert unknown == State(True, {"reachable": False, "reason": "name not resolved"})


def test_over_winrs_the_reason_is_not_known() -> None:
    with session(TransportName.WINRS) as on:
        opened, outlook = read(on, arguments("http://open.example/"), arguments(OUTLOOK))

    assert opened == State(True, {"reachable": True, "status": 200})
    assert isinstance(outlook, Unreadable)
    assert "SSL/TLS" in outlook.reason


def test_of_earlier_failures_in_the_same_process_only_the_newest_counts() -> None:
    machine = build_machine("lab", spec())
    on = LabSession(machine)
    (before,) = read(on, arguments("http://mine.example/"))
    machine.network = build_machine("lab", spec(network={"internet": "none"})).network
    (after,) = read(on, arguments("http://mine.example/"))

    assert before == State(True, {"reachable": True, "status": 401})
    assert after == State(True, {"reachable": False, "reason": "name not resolved"})


def test_two_requests_that_look_alike_in_error_are_not_told_apart() -> None:
    on = LabSession(build_machine("lab", spec()))
    direct = arguments("http://mine.example/")
    by_proxy = arguments("http://MINE.example:80", proxy_url="http://proxy.example:8080")

    assert all(isinstance(found, Unreadable) for found in read(on, direct, by_proxy))
    assert read(on, direct) == (State(True, {"reachable": True, "status": 401}),)


def test_a_method_of_its_own_is_a_request_of_its_own() -> None:
    on = LabSession(build_machine("lab", spec()))
    get, head = (arguments("http://busy.example/", url_method=method) for method in ("GET", "HEAD"))

    assert read(on, get, head) == (State(True, {"reachable": True, "status": 503}),) * 2


def test_spellings_of_one_url_are_one_thing() -> None:
    one, other = arguments("HTTPS://Outlook.Office365.com:443"), arguments(f"{OUTLOOK}/")
    assert module().key(one) == module().key(other)
    assert module().key(one) != module().key(arguments(f"{OUTLOOK}/owa"))


def test_a_later_powershell_is_told_from_windows_powershell() -> None:
    assert module().requires_for(arguments(OUTLOOK)).unmet("5.1.17763.1") is None
    assert module().requires_for(arguments(OUTLOOK)).unmet("7.6.0") is not None


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "outlook.office365.com"},
        {"url": "ftp://outlook.office365.com/"},
        {"url": "https://user:canary-77@outlook.office365.com/"},
        {"status_code": []},
        {"status_code": "200,ok"},
        {"url_method": "POST"},
        {"url_timeout": 0},
    ],
)
def test_arguments_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        module().arguments.model_validate({"url": OUTLOOK, **wrong})


def test_statuses_are_written_as_in_ansible() -> None:
    assert arguments(OUTLOOK).status_code == (200,)
    assert arguments(OUTLOOK, status_code=401).status_code == (401,)
    assert arguments(OUTLOOK, status_code="200, 401").status_code == (200, 401)
