"""The transport against the lab's own machines: the registry and services as the runner will read and change them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runner.lab.fleet import Fleet
from runner.lab.scenario import HostSpec, Scenario
from runner.lab.server import LOOPBACK, LabThread, path_of
from runner.model.command import Ids, ReplyState, Statement, command
from runner.model.inventory import Authentication, Connection
from runner.model.secret import Secret
from runner.model.value import Int32, PSObject
from runner.transport.base import Session
from runner.transport.psrp import PsrpTransport

KEY = "HKLM:\\SOFTWARE\\CE Runner Test"


@pytest.fixture
def session() -> Iterator[Session]:
    fleet = Fleet(Scenario(description="one machine", hosts={"win": HostSpec()}))
    account = fleet.account("win")
    with LabThread(fleet) as lab:
        connection = Connection(
            LOOPBACK,
            lab.addresses.port,
            user=account.user,
            password=Secret(account.password.get_secret_value()),
            tls=False,
            path=path_of("win"),
            authentication=Authentication.NTLM,
        )
        opened = PsrpTransport().open(connection)
        yield opened
        opened.close()
        assert fleet.traffic("win").open_shells == 0


def silent(ids: Ids) -> None:
    """An announcement that nobody notes."""


def read_value(name: str) -> Statement:
    return (
        command("Get-ItemProperty", LiteralPath=(KEY,), ErrorAction="SilentlyContinue"),
        command("Select-Object", Property=("PSPath", name)),
    )


def test_a_registry_value_is_written_read_and_typed(session: Session) -> None:
    (missing,) = session.read([(command("Get-Item", LiteralPath=KEY),)], 20)
    assert missing.state is ReplyState.DONE
    assert missing.errors[0].id == "PathNotFound,Microsoft.PowerShell.Commands.GetItemCommand"
    assert missing.errors[0].category == "ObjectNotFound"
    session.change((command("New-Item", Path=KEY),), [], 20, silent)
    value = (command("Set-ItemProperty", LiteralPath=KEY, Name="Strong", Value=Int32(1), Type="DWord"),)
    changed, read = session.change(value, [read_value("Strong")], 20, silent)
    assert (changed.state, changed.errors) == (ReplyState.DONE, ())
    (found,) = read.outputs
    assert isinstance(found, PSObject)
    assert found.get("Strong") == 1
    assert type(found.get("Strong")) is Int32


def test_a_batch_with_an_unknown_command_and_a_binding_error(session: Session) -> None:
    replies = session.read(
        [
            (command("Get-NoSuchCommand"),),
            (command("Test-Path", LiteralPath=("HKLM:\\SOFTWARE", KEY)),),
            (command("Get-Service", NoSuch="x"),),
            read_value("Strong"),
        ],
        20,
    )
    assert [reply.state.value for reply in replies] == ["failed", "done", "failed", "done"]
    assert [reply.errors[-1].id for reply in replies if reply.errors] == [
        "CommandNotFoundException",
        "NamedParameterNotFound,Microsoft.PowerShell.Commands.GetServiceCommand",
    ]
    assert replies[1].outputs == (True, False)
