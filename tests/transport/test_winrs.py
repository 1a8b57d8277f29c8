"""The transport winrs against the lab's machines: the same replies as psrp's, and the list of what differs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace

import pytest

from runner.lab.faults import Fault
from runner.lab.fleet import Fleet
from runner.lab.scenario import HostSpec, Scenario
from runner.lab.server import LOOPBACK, LabThread, path_of
from runner.model.command import Ids, ReplyState, Statement, command
from runner.model.errors import AnswerLost, ConnectionLost, DeadlineExceeded, Reason, Unreachable
from runner.model.inventory import Authentication, Connection, Deadlines, TransportName
from runner.model.secret import Secret
from runner.model.value import Int32, PSObject, UInt32
from runner.transport.base import Session
from runner.transport.choice import ChosenTransport
from runner.transport.psrp import PsrpSession, PsrpTransport
from runner.transport.winrs import WinrsSession, WinrsTransport

KEY = "HKLM:\\SOFTWARE\\CE Runner Test"
CANARY = "kanarie-77"
DEADLINES = Deadlines(connect=5.0, operation=5.0, total=20.0)
NAMED_DIFFERENCES = {
    "no secret": "a statement with a secret fails, unsent",
    "no state": "every batch is a new process: variables and what a process reads once do not last",
    "shorter batches": "a command line has 8191 characters; a longer statement fails, unsent",
    "no stream order": "warnings and errors of a statement are told behind its outputs",
    "no running after a failure": "behind a terminating error nothing of the batch runs (psrp: it runs unseen)",
    "version asked": "no shell tells which PowerShell answers: a process is asked, when it is wanted",
    "no pipeline id": "the host gives the command its id: the journal has one of our own",
}


@dataclass
class Lab:
    fleet: Fleet
    thread: LabThread

    def connection(self, **settings: object) -> Connection:
        account = self.fleet.account("win")
        values: dict[str, object] = {
            "address": LOOPBACK,
            "port": self.thread.addresses.port,
            "user": account.user,
            "password": Secret(account.password.get_secret_value()),
            "tls": False,
            "path": path_of("win"),
            "authentication": Authentication.NTLM,
            "transport": TransportName.WINRS,
            "deadlines": DEADLINES,
        }
        return Connection(**{**values, **settings})  # type: ignore[arg-type]

    def exists(self, key: str) -> bool:
        """Whether the machine has this key, looked up behind every transport's back."""
        return self.fleet.machine("win").registry.find(key.replace("HKLM:", "HKEY_LOCAL_MACHINE")) is not None


Served = Callable[..., AbstractContextManager[Lab]]


@contextmanager
def served(*faults: Fault, **spec: object) -> Iterator[Lab]:
    host = HostSpec.model_validate({"faults": faults, **spec})
    fleet = Fleet(Scenario(description="one machine", hosts={"win": host}))
    with LabThread(fleet, pace=0.001) as thread:
        yield Lab(fleet, thread)
        assert fleet.traffic("win").open_shells == 0


@contextmanager
def opened(lab: Lab, **settings: object) -> Iterator[Session]:
    session = WinrsTransport(pauses=(0.01, 0.01)).open(lab.connection(**settings))
    try:
        yield session
    finally:
        session.close()


@pytest.fixture
def session() -> Iterator[Session]:
    with served() as lab, opened(lab) as session:
        yield session


def silent(ids: Ids) -> None:
    """An announcement that nobody notes."""


def write(value: object) -> Statement:
    return (command("Write-Output", InputObject=value),)  # type: ignore[arg-type]


READS: tuple[Statement, ...] = (
    (command("Get-Item", LiteralPath="HKLM:\\SOFTWARE"), command("Select-Object", Property=("Name",))),
    (command("Get-NoSuchCommand"),),
    (command("Get-Item", LiteralPath=("HKLM:\\SOFTWARE", KEY)), command("Select-Object", Property=("PSChildName",))),
    (command("Get-Service", NoSuch="x"),),
    (command("Write-Warning", Message="はい"),),
    write("日本語 ' \u2019 \n \ufffe \U0001f600"),
    write(None),
    write((Int32(1), "zwei", True)),
    (command("Get-Item", LiteralPath=KEY, ErrorAction="Stop"),),
    (command("Get-ItemProperty", LiteralPath=(KEY,), ErrorAction="SilentlyContinue"),),
)


def test_a_batch_of_reads_gives_the_replies_of_psrp() -> None:
    with served() as lab, opened(lab) as winrs:
        psrp = PsrpTransport().open(lab.connection(transport=TransportName.PSRP))
        expected = psrp.read(READS, 20)
        psrp.close()
        assert winrs.read(READS, 20) == expected
    states = [reply.state.value for reply in expected]
    assert states == ["done", "failed", "done", "failed", "done", "done", "done", "done", "failed", "done"]


def test_a_change_is_one_process_with_its_reads(session: Session) -> None:
    announced: list[Ids] = []
    changed, there = session.change(
        (command("New-Item", Path=KEY), command("Out-Null")),
        [(command("Test-Path", LiteralPath=KEY),)],
        20,
        announced.append,
    )
    assert (changed.state, changed.outputs, there.outputs) == (ReplyState.DONE, (), (True,))
    assert len(announced) == 1
    value = (command("Set-ItemProperty", LiteralPath=KEY, Name="Strong", Value=Int32(-1), Type="DWord"),)
    before = session.requests
    _, read = session.change(
        value,
        [(command("Get-ItemProperty", LiteralPath=(KEY,)), command("Select-Object", Property=("Strong",)))],
        20,
        silent,
    )
    assert session.requests - before == 3  # Command, Receive, Signal
    (found,) = read.outputs
    assert isinstance(found, PSObject)
    assert type(found.get("Strong")) is UInt32
    assert found.get("Strong") == 0xFFFFFFFF


def test_long_batches_are_cut(session: Session) -> None:
    texts = [str(number) * 400 for number in range(10, 40)]
    replies = session.read([write(text) for text in texts], 20)
    assert [reply.outputs for reply in replies] == [(text,) for text in texts]
    changed, *reads = session.change((command("New-Item", Path=KEY),), [write(text) for text in texts], 20, silent)
    assert changed.state is ReplyState.DONE
    assert [reply.outputs for reply in reads] == [(text,) for text in texts]


def test_200_kb_come_back(session: Session) -> None:
    same = tuple("値" * 40 for _ in range(30))
    many = [write(same) for _ in range(60)]
    replies = session.read(many, 60)
    assert sum(len(str(text).encode()) for reply in replies for text in reply.outputs) > 200_000
    assert {reply.outputs for reply in replies} == {same}


def test_a_failing_change_leaves_its_reads_to_the_next_batch(session: Session) -> None:
    changed, read = session.change((command("Set-NoSuch", Value=1),), [write("x")], 20, silent)
    assert (changed.state, changed.errors[-1].id) == (ReplyState.FAILED, "CommandNotFoundException")
    assert read.outputs == ("x",)


# ---- the named differences -------------------------------------------------------------------------------------


def test_no_secret(session: Session) -> None:
    statement = (command("Write-Output", InputObject=Secret(CANARY)),)
    refused, fine = session.read([statement, write("x")], 20)
    assert (refused.state, fine.outputs) == (ReplyState.FAILED, ("x",))
    assert refused.errors[0].id == "NotSentOverWinRS"
    before = session.requests
    changed, *_ = session.change(statement, [], 20, silent)
    assert changed.errors[0].id == "NotSentOverWinRS"
    assert session.requests == before
    assert CANARY not in repr((refused, changed))


def test_no_state(session: Session) -> None:
    session.change((command("Set-Variable", Name="x", Value=5),), [], 20, silent)
    (reply,) = session.read([(command("Get-Variable", Name="x", ValueOnly=True),)], 20)
    assert [error.id for error in reply.errors] == ["VariableNotFound,Microsoft.PowerShell.Commands.GetVariableCommand"]


def test_shorter_batches(session: Session) -> None:
    too_long, fine = session.read([write("x" * 4000), write("y")], 20)
    assert (too_long.state, too_long.errors[0].id) == (ReplyState.FAILED, "NotSentOverWinRS")
    assert "too long" in too_long.errors[0].message
    assert fine.outputs == ("y",)


def test_no_running_after_a_failure() -> None:
    late = (command("New-Item", Path=KEY),)
    with served() as lab, opened(lab) as winrs:
        winrs.change((command("Get-NoSuchCommand"),), [late], 20, silent)
        made_by_the_resent_read = lab.exists(KEY)
    assert made_by_the_resent_read
    with served() as lab:
        psrp = PsrpTransport().open(lab.connection(transport=TransportName.PSRP))
        psrp.change((command("Get-NoSuchCommand"),), [late], 20, silent)
        assert lab.exists(KEY)
        psrp.close()


def test_version_asked() -> None:
    with served() as lab, opened(lab) as winrs:
        psrp = PsrpTransport().open(lab.connection(transport=TransportName.PSRP))
        told = psrp.powershell
        psrp.close()
        before = winrs.requests
        assert winrs.powershell == told
        assert winrs.requests - before == 3  # Command, Receive, Signal
        winrs.renew()
        asked = winrs.requests
        assert winrs.powershell == told
        assert winrs.requests == asked


def test_a_version_that_nobody_tells_breaks_the_read() -> None:
    with served(fault("read", "access_denied", 99)) as lab, opened(lab) as winrs, pytest.raises(Unreachable):
        _ = winrs.powershell


def test_each_difference_is_named() -> None:
    assert all(NAMED_DIFFERENCES.values())
    assert len(NAMED_DIFFERENCES) == 7


# ---- what goes wrong -------------------------------------------------------------------------------------------


def fault(when: str, what: str, times: int = 1) -> Fault:
    return Fault.model_validate({"when": when, "what": what, "times": times})


@pytest.mark.parametrize(
    "what",
    ["drop_before", "drop_during", "drop_after", "half_answer", "truncated_xml", "bad_clixml", "http_400", "http_503",
     "shell_gone"],
)  # fmt: skip
def test_a_read_survives(what: str) -> None:
    with served(fault("read", what)) as lab, opened(lab) as session:
        assert [reply.outputs for reply in session.read([write("a"), write("b")], 20)] == [("a",), ("b",)]


@pytest.mark.parametrize(
    "what", ["drop_before", "drop_during", "drop_after", "half_answer", "truncated_xml", "bad_clixml"]
)
def test_a_change_whose_answer_is_lost_is_unknown_until_read(what: str) -> None:
    with served(fault("write", what)) as lab, opened(lab) as session:
        with pytest.raises(AnswerLost):
            session.change((command("New-Item", Path=KEY),), [], 20, silent)
        assert session.abandon(20)
        (reply,) = session.read([(command("Test-Path", LiteralPath=KEY),)], 20)
        assert reply.outputs == (lab.exists(KEY),)


@pytest.mark.parametrize("what", ["access_denied", "shell_gone"])
def test_a_change_that_was_refused_did_not_happen(what: str) -> None:
    with served(fault("write", what)) as lab, opened(lab) as session:
        with pytest.raises(Unreachable):
            session.change((command("New-Item", Path=KEY),), [], 20, silent)
        assert not lab.exists(KEY)


def test_a_hung_change_is_ended_with_its_shell() -> None:
    with (
        served(fault("write", "hung_cmdlet")) as lab,
        opened(lab, deadlines=replace(DEADLINES, operation=0.3)) as session,
    ):
        with pytest.raises(DeadlineExceeded):
            session.change((command("New-Item", Path=KEY),), [], 1.5, silent)
        assert session.abandon(20)
        assert session.read([write("alive")], 20)[0].outputs == ("alive",)


def test_a_read_that_never_comes_is_given_up() -> None:
    with served(fault("read", "drop_before", 9)) as lab, opened(lab) as session, pytest.raises(ConnectionLost):
        session.read([write("a")], 20)


def test_busy_is_asked_again_and_a_quota_is_told() -> None:
    with served(fault("open", "http_503")) as lab, opened(lab) as session:
        assert session.read([write("a")], 20)[0].outputs == ("a",)
    with served(fault("open", "quota", 9)) as lab, pytest.raises(Unreachable) as caught:
        WinrsTransport(pauses=(0.01,)).open(lab.connection())
    assert caught.value.reason is Reason.QUOTA


def test_a_wrong_password() -> None:
    with served() as lab, pytest.raises(Unreachable) as caught:
        WinrsTransport().open(lab.connection(password=Secret(CANARY)))
    assert caught.value.reason is Reason.AUTHENTICATION
    assert CANARY not in str(caught.value)


# ---- the choice --------------------------------------------------------------------------------------------------


def test_the_inventory_chooses() -> None:
    warnings: list[str] = []
    with served() as lab:
        transport = ChosenTransport(warnings.append)
        psrp = transport.open(lab.connection(transport=TransportName.PSRP))
        winrs = transport.open(lab.connection())
        assert (type(psrp), type(winrs)) == (PsrpSession, WinrsSession)
        psrp.close()
        winrs.close()
    assert warnings == []


NO_PSRP = {"configurations": {"Other": {}}, "configuration": "Other"}


def test_the_fallback_must_be_allowed() -> None:
    with served(**NO_PSRP) as lab, pytest.raises(Unreachable) as caught:
        ChosenTransport(print).open(lab.connection(transport=TransportName.PSRP))
    assert caught.value.reason is Reason.ENDPOINT


def test_the_fallback_is_announced_once_per_host() -> None:
    warnings: list[str] = []
    with served(**NO_PSRP) as lab:
        transport = ChosenTransport(warnings.append)
        allowed = lab.connection(transport=TransportName.PSRP, fallback=TransportName.WINRS)

        def one() -> None:
            session = transport.open(allowed)
            assert session.read([write("x")], 20)[0].outputs == ("x",)
            session.close()

        threads = [threading.Thread(target=one) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(warnings) == 1
    assert "going on over WinRS, as ce_runner_fallback allows" in warnings[0]
