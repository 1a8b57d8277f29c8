"""Each fault of the lab, as an unchanged client sees it, and what it leaves on the machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from pydantic import ValidationError
from pypsrp.complex_objects import PSInvocationState
from pypsrp.exceptions import WinRMTransportError, WSManFaultError
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

from runner.lab.faults import Fault, FaultPlan, What, When, changes_something, parse_fault
from runner.lab.messages import Request, RequestedCommand
from runner.lab.server import LabThread
from tests.lab.lab_support import HandMade, TinyMachine, client, tiny_host

SEPARATOR, WRITE, READ = ("Write-Output", "token"), ("Set-Canary", "dead"), ("Write-Output", "value")


@contextmanager
def lab_with(*faults: Fault, machine: TinyMachine | None = None) -> Iterator[LabThread]:
    with LabThread(HandMade([tiny_host(machine=machine, faults=FaultPlan(faults))])) as lab:
        yield lab


def open_pool(wsman: WSMan) -> RunspacePool:
    pool = RunspacePool(wsman)
    pool.open()
    return pool


def run(pool: RunspacePool, *statements: tuple[str, str]) -> list[object]:
    shell = PowerShell(pool)
    for index, (command, argument) in enumerate(statements):
        if index:
            shell.add_statement()
        shell.add_cmdlet(command).add_argument(argument)
    outputs: list[object] = shell.invoke()
    return outputs


def whole_session(wsman: WSMan) -> None:
    pool = open_pool(wsman)
    run(pool, READ)
    wsman.delete(pool.shell.resource_uri, selector_set=pool.shell._selector_set)


def request(*names: str) -> Request:
    return Request(tuple((RequestedCommand(name),) for name in names))


# ---- when ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "changes"),
    [
        (["Write-Output", "Get-Item", "Write-Output"], False),
        (["Write-Output", "Set-ItemProperty", "Write-Output", "Get-ItemProperty"], True),
        (["set-service"], True),
        (["Get-Item", "Set-ItemProperty"], False),
        (["Write-Output"], False),
        (["Settle"], False),
        (["Get-Command", "Set-Service", "Get-Command"], True),  # the separator of an endpoint without Write-Output
    ],
)
def test_a_write_is_told_by_its_first_real_statement(names: list[str], changes: bool) -> None:
    assert changes_something(request(*names)) is changes


def test_a_write_at_the_end_of_a_pipe() -> None:
    pipe = (RequestedCommand("Get-CimInstance"), RequestedCommand("Invoke-CimMethod"))
    assert changes_something(Request((pipe,)))


def test_skip_and_times() -> None:
    plan = FaultPlan((Fault(when=When.READ, what=What.STALL, skip=1, times=2),))
    read = request("Get-Item")
    assert [plan.in_pipeline(read) for _ in range(5)] == [None, What.STALL, What.STALL, None, None]


def test_always() -> None:
    plan = FaultPlan((Fault(when=When.OPEN, what=What.QUOTA, times="always"),))
    assert [plan.at(When.OPEN) for _ in range(3)] == [What.QUOTA] * 3
    assert plan.at(When.CLOSE) is None


def test_verify_is_a_read_after_a_write() -> None:
    plan = FaultPlan((Fault(when=When.VERIFY, what=What.STALL),))
    steps = [request("Get-Item"), request("Set-Item"), request("Get-Item"), request("Get-Item")]
    assert [plan.in_pipeline(step) for step in steps] == [None, None, What.STALL, None]


def test_what_is_left_of_a_plan() -> None:
    plan = FaultPlan((Fault(when=When.READ, what=What.STALL, skip=1, times=2),))
    plan.add(parse_fault("open:quota:always"))
    assert list(map(str, plan.pending())) == ["read:stall:2:1", "open:quota:always:0"]
    for _ in range(2):
        plan.in_pipeline(request("Get-Item"))
    assert (plan.shown, list(map(str, plan.pending()))) == (1, ["read:stall:1:0", "open:quota:always:0"])
    plan.in_pipeline(request("Get-Item"))
    assert list(map(str, plan.pending())) == ["open:quota:always:0"]
    plan.clear()
    assert list(plan.pending()) == []


@pytest.mark.parametrize("text", ["read", "read:stall:1:2:3", "read:nonsense", "read:stall:often", "read:stall:1:-1"])
def test_a_fault_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"WHEN:WHAT|there is no WHAT|Input should be"):
        parse_fault(text)


@pytest.mark.parametrize(
    ("when", "what"),
    [("open", "unreachable"), ("connect", "quota"), ("open", "drop_during"), ("open", "shell_gone"), ("read", "quota")],
)
def test_impossible_faults_are_refused(when: str, what: str) -> None:
    with pytest.raises(ValidationError):
        Fault.model_validate({"when": when, "what": what})


# ---- drops round a write -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("what", "written"), [("drop_before", False), ("drop_during", True), ("drop_after", True)])
def test_a_connection_dropped_round_a_write(what: str, written: bool) -> None:
    machine = TinyMachine()
    fault = Fault(when=When.WRITE, what=What(what))
    with lab_with(fault, machine=machine) as lab:
        with client(lab) as wsman:
            pool = open_pool(wsman)
            with pytest.raises(requests.ConnectionError):
                run(pool, SEPARATOR, WRITE, READ)
        assert machine.written.wait(timeout=5 if written else 0.2) is written
        with client(lab) as wsman:  # the host is well again
            assert run(open_pool(wsman), SEPARATOR, READ) == ["token", "value"]
    assert machine.canary == (["dead"] if written else [])


def test_during_a_write_means_before_it_is_done() -> None:
    machine = TinyMachine()
    with lab_with(Fault(when=When.WRITE, what=What.DROP_DURING), machine=machine) as lab, client(lab) as wsman:
        shell = PowerShell(open_pool(wsman))
        shell.add_cmdlet("Write-Output").add_argument("token").add_statement()
        shell.add_cmdlet("Set-Canary").add_argument("late")
        shell.begin_invoke()
        assert machine.canary == []
        with pytest.raises(requests.ConnectionError):
            shell.poll_invoke()
        assert machine.written.wait(timeout=5)


@pytest.mark.parametrize(("what", "shells"), [("drop_before", 0), ("drop_after", 1)])
def test_a_connection_dropped_at_open(what: str, shells: int) -> None:
    fault = Fault(when=When.OPEN, what=What(what))
    with LabThread(HandMade([tiny_host(faults=FaultPlan((fault,)), max_shells_per_user=1)])) as lab:
        with client(lab) as wsman, pytest.raises(requests.ConnectionError):
            open_pool(wsman)
        with client(lab) as wsman:
            if shells:
                with pytest.raises(WSManFaultError) as caught:  # the shell that nobody knows uses up the quota
                    open_pool(wsman)
                assert caught.value.code == 2150859173
            else:
                assert run(open_pool(wsman), READ) == ["value"]


# ---- answers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "what", "code"),
    [
        ("open", "quota", 2150859173),
        ("open", "quota_operations", 2150859174),
        ("read", "quota_operations", 2150859174),
        ("close", "quota_operations", 2150859174),
        ("read", "quota_commands", 2150859241),
        ("open", "access_denied", 5),
        ("read", "access_denied", 5),
        ("read", "shell_gone", 2150858843),
        ("close", "shell_gone", 2150858843),
    ],
)
def test_faults_of_ws_management(when: str, what: str, code: int) -> None:
    with lab_with(Fault(when=When(when), what=What(what))) as lab:
        with client(lab) as wsman, pytest.raises(WSManFaultError) as caught:
            whole_session(wsman)
        assert caught.value.code == code
        with client(lab) as wsman:
            assert run(open_pool(wsman), READ) == ["value"]


@pytest.mark.parametrize("when", ["connect", "open", "read"])
@pytest.mark.parametrize("status", [400, 500, 503])
def test_bare_http_statuses(when: str, status: int) -> None:
    with lab_with(Fault(when=When(when), what=What(f"http_{status}"))) as lab:
        with client(lab) as wsman, pytest.raises(WinRMTransportError) as caught:
            run(open_pool(wsman), READ)
        assert caught.value.code == status
        with client(lab) as wsman:
            assert run(open_pool(wsman), READ) == ["value"]


def test_http_401_at_open() -> None:
    with lab_with(Fault(when=When.OPEN, what=What.HTTP_401)) as lab:
        with client(lab) as wsman, pytest.raises(WinRMTransportError) as caught:
            open_pool(wsman)  # pypsrp logs on again by itself, with the body sealed for the context that is gone
        assert caught.value.code == 400


def test_after_http_400_a_new_log_on_heals_the_connection() -> None:
    with lab_with(Fault(when=When.READ, what=What.HTTP_400)) as lab, client(lab) as wsman:
        pool = open_pool(wsman)
        with pytest.raises(WinRMTransportError) as caught:
            run(pool, READ)
        assert caught.value.code == 400
        with pytest.raises(WinRMTransportError):  # the context is gone for good
            run(pool, READ)
        wsman.transport.encryption = None
        assert run(pool, READ) == ["value"]


def test_a_stall_is_never_answered() -> None:
    with lab_with(Fault(when=When.READ, what=What.STALL)) as lab, client(lab, read_timeout=1) as wsman:
        pool = open_pool(wsman)
        with pytest.raises(requests.ReadTimeout):
            run(pool, READ)


def test_half_an_answer() -> None:
    with lab_with(Fault(when=When.READ, what=What.HALF_ANSWER)) as lab, client(lab) as wsman:
        pool = open_pool(wsman)
        with pytest.raises(requests.RequestException):
            run(pool, READ)


@pytest.mark.parametrize("what", ["truncated_xml", "bad_clixml"])
def test_damaged_xml(what: str) -> None:
    machine = TinyMachine()
    with lab_with(Fault(when=When.WRITE, what=What(what)), machine=machine) as lab, client(lab) as wsman:
        pool = open_pool(wsman)
        shell = PowerShell(pool).add_cmdlet("Write-Output").add_argument("token").add_statement()
        shell.add_cmdlet("Set-Canary").add_argument("x")
        if what == "truncated_xml":
            with pytest.raises(Exception, match=r"no element found|unclosed token|not well-formed"):
                shell.invoke()
        else:
            token, damaged = shell.invoke()  # pypsrp gives what it cannot read as text
            assert token == "token"
            assert damaged == "<S>set</S<"
    assert machine.canary == ["x"]


def test_a_hung_cmdlet_ignores_the_stop_and_ends_with_its_shell() -> None:
    machine = TinyMachine()
    with lab_with(Fault(when=When.WRITE, what=What.HUNG_CMDLET), machine=machine) as lab:
        with client(lab, operation_timeout=1) as wsman:
            pool = open_pool(wsman)
            shell = PowerShell(pool).add_cmdlet("Write-Output").add_argument("token").add_statement()
            shell.add_cmdlet("Set-Canary").add_argument("never")
            shell.begin_invoke()
            shell.poll_invoke(timeout=1)
            assert shell.output == ["token"]
            pool.shell.signal("powershell/signal/ctrl_c", str(shell.id).upper())
            shell.poll_invoke(timeout=1)
            assert shell.state == PSInvocationState.RUNNING
            wsman.delete(pool.shell.resource_uri, selector_set=pool.shell._selector_set)
        assert machine.canary == []
        with client(lab) as wsman:
            assert run(open_pool(wsman), READ) == ["value"]


# ---- the machine ---------------------------------------------------------------------------------------------


@dataclass
class Switch:
    """The power of a host; tests turn it off and on."""

    restarts: int = 0
    jumps: list[float] = field(default_factory=list)
    up: bool = True

    def run_clock(self, pace: float) -> None:
        return

    def is_up(self) -> bool:
        return self.up

    def must_restart(self) -> bool:
        return False

    def restarts_next(self) -> bool:
        return False

    def jump_clock(self, seconds: float) -> None:
        self.jumps.append(seconds)

    def restart(self) -> None:
        self.restarts += 1
        self.up = False


@pytest.mark.parametrize(("what", "written"), [("reboot", []), ("reboot_after", ["x"])])
def test_a_reboot_round_a_write(what: str, written: list[str]) -> None:
    machine, power = TinyMachine(), Switch()
    faults = FaultPlan((Fault(when=When.WRITE, what=What(what)),))
    host = tiny_host(machine=machine, power=power, faults=faults)
    with LabThread(HandMade([host])) as lab:
        with client(lab) as bystander, client(lab) as wsman:
            other = open_pool(bystander)
            pool = open_pool(wsman)
            with pytest.raises(requests.ConnectionError):
                run(pool, SEPARATOR, ("Set-Canary", "x"))
            with pytest.raises((requests.ConnectionError, WinRMTransportError)):
                run(other, READ)  # connections of this host are gone, whoever has them
        assert (machine.canary, power.restarts, host.traffic.open_shells) == (written, 1, 0)
        with client(lab) as wsman, pytest.raises(requests.ConnectionError):
            open_pool(wsman)  # it boots
        power.up = True
        with client(lab) as wsman:
            assert run(open_pool(wsman), READ) == ["value"]


@pytest.mark.parametrize("when", ["connect", "open", "read", "close"])
def test_a_reboot_at_any_moment(when: str) -> None:
    power = Switch()
    faults = FaultPlan((Fault(when=When(when), what=What.REBOOT),))
    with LabThread(HandMade([tiny_host(power=power, faults=faults)])) as lab:
        with client(lab) as wsman, pytest.raises(requests.ConnectionError):
            whole_session(wsman)
        assert power.restarts == 1


@pytest.mark.parametrize("when", ["open", "read", "write", "close"])
@pytest.mark.parametrize(("what", "seconds"), [("clock_ahead", 3600.0), ("clock_back", -3600.0)])
def test_a_clock_that_jumps_breaks_nothing_by_itself(when: str, what: str, seconds: float) -> None:
    power = Switch()
    faults = FaultPlan((Fault(when=When(when), what=What(what)),))
    with LabThread(HandMade([tiny_host(power=power, faults=faults)])) as lab, client(lab) as wsman:
        run(open_pool(wsman), SEPARATOR, WRITE)
        whole_session(wsman)
    assert power.jumps == [seconds]


def test_addresses_for_faults_of_the_connection(tmp_path: Path) -> None:
    faults = (
        Fault(when=When.CONNECT, what=What.UNREACHABLE),
        Fault(when=When.CONNECT, what=What.TLS_UNTRUSTED),
        Fault(when=When.CONNECT, what=What.TLS_EXPIRED),
    )
    served = HandMade([tiny_host(faults=FaultPlan(faults))])
    with LabThread(served) as lab:
        with pytest.raises(requests.ConnectionError):
            requests.post(f"http://127.0.0.1:{lab.addresses.dead_port}/", timeout=5)
        (tmp_path / "ca.pem").write_bytes(served.authority.pem)
        for port, reason in (
            (lab.addresses.untrusted_port, "unable to get local issuer certificate"),
            (lab.addresses.expired_port, "certificate has expired"),
        ):
            with pytest.raises(requests.exceptions.SSLError, match=reason):
                requests.post(f"https://127.0.0.1:{port}/", verify=str(tmp_path / "ca.pem"), timeout=5)
