"""The unchanged pypsrp client holds a conversation with the lab, over real sockets."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from psrpcore.types import PSSecureString
from pypsrp.complex_objects import ObjectMeta, PSInvocationState
from pypsrp.exceptions import AuthenticationError
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

from runner.lab.server import LabThread
from tests.lab.lab_support import PASSWORD, HandMade, TinyMachine, client, tiny_host


@pytest.fixture
def machine() -> TinyMachine:
    return TinyMachine()


@pytest.fixture
def lab(machine: TinyMachine) -> Iterator[LabThread]:
    with LabThread(HandMade([tiny_host(machine=machine)])) as thread:
        yield thread


def invoke(wsman: WSMan, *statements: tuple[str, object]) -> PowerShell:
    """Run statements of one command with one argument each as one pipeline."""
    with RunspacePool(wsman) as pool:
        shell = PowerShell(pool)
        for index, (command, argument) in enumerate(statements):
            if index:
                shell.add_statement()
            shell.add_cmdlet(command).add_argument(argument)
        shell.invoke()
        return shell


@pytest.mark.parametrize("auth", ["ntlm", "negotiate"])
def test_several_statements_with_sealing(lab: LabThread, auth: str) -> None:
    with client(lab, auth=auth) as wsman:
        shell = invoke(wsman, ("Write-Output", "日本語 \U0001f600 <&>\n"), ("Write-Output", 2**31 - 1))
        assert wsman.transport.encryption is not None
    assert shell.output == ["日本語 \U0001f600 <&>\n", 2**31 - 1]
    assert shell.state == PSInvocationState.COMPLETED


def test_errors_and_warnings(lab: LabThread) -> None:
    with client(lab) as wsman:
        statements = (("Write-Error", "はい"), ("Write-Warning", "careful"), ("Write-Output", 1), ("No-Such", 2))
        shell = invoke(wsman, *statements)
    assert [str(error) for error in shell.streams.error] == ["はい", "No-Such is not recognized"]
    assert [str(warning) for warning in shell.streams.warning] == ["careful"]
    assert shell.output == [1]
    assert shell.state == PSInvocationState.FAILED


def test_a_value_of_200_kb_both_ways(lab: LabThread) -> None:
    value = "値" * 70_000
    with client(lab) as wsman:
        shell = invoke(wsman, ("Write-Output", value))
    assert shell.output == [value]


def test_top_level_null(lab: LabThread) -> None:
    with client(lab) as wsman:
        shell = invoke(wsman, ("Write-Output", None), ("Write-Output", "after"))
    assert shell.output == ["", "after"]  # pypsrp reads an empty body as an empty text


def test_piped_input(lab: LabThread) -> None:
    with client(lab) as wsman, RunspacePool(wsman) as pool:
        assert PowerShell(pool).add_cmdlet("Write-Output").invoke(["a", "b"]) == ["a", "b"]


def test_a_stop_wakes_the_running_cmdlet(lab: LabThread, machine: TinyMachine) -> None:
    with client(lab) as wsman, RunspacePool(wsman) as pool:
        shell = PowerShell(pool).add_cmdlet("Start-Sleep").add_argument(3600)
        shell.begin_invoke()
        shell.stop()
        assert shell.state == PSInvocationState.STOPPED
        assert not machine.slept.is_set()
        assert PowerShell(pool).add_cmdlet("Write-Output").add_argument("next").invoke() == ["next"]


def test_a_secure_string_after_the_key_exchange(lab: LabThread, machine: TinyMachine) -> None:
    with client(lab) as wsman, RunspacePool(wsman) as pool:
        pool.exchange_keys()
        shell = PowerShell(pool).add_cmdlet("Set-Canary").add_argument(pool.serialize("秘密", ObjectMeta("SS")))
        assert shell.invoke() == ["set"]
    (received,) = machine.canary
    assert isinstance(received, PSSecureString)
    assert received.decrypt() == "秘密"


def test_a_wrong_password_is_an_authentication_error(lab: LabThread) -> None:
    with client(lab, password="wrong") as wsman, pytest.raises(AuthenticationError):
        invoke(wsman, ("Write-Output", 1))


def test_basic_over_tls() -> None:
    served = HandMade([tiny_host(schemes=frozenset({"basic"}))])
    with (
        LabThread(served) as lab,
        client(lab, tls=True, auth="basic", password=PASSWORD.encode(), cert_validation=False) as wsman,
    ):
        assert invoke(wsman, ("Write-Output", "x")).output == ["x"]


def test_two_hundred_hosts_on_one_socket() -> None:
    names = [f"東京-{number:03d}" for number in range(200)]
    machines = {name: TinyMachine() for name in names}
    with LabThread(HandMade([tiny_host(name, machines[name]) for name in names])) as lab:
        barrier = threading.Barrier(20)

        def one(name: str) -> None:
            if name in names[:20]:
                barrier.wait(timeout=30)
            with client(lab, name) as wsman:
                invoke(wsman, ("Set-Canary", name))

        with ThreadPoolExecutor(20) as workers:
            list(workers.map(one, names))
    assert {name: machine.canary for name, machine in machines.items()} == {name: [name] for name in names}
