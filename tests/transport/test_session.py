"""A session's reads and changes against the lab's server: attribution, secrets, counting, sharing."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import pytest
from psrpcore.types import PSCredential, PSSecureString

from runner.model.command import Ids, ReplyState, command
from runner.model.secret import Secret
from runner.model.value import Credential, Int32, Int64, UInt32, UInt64
from runner.transport import message
from runner.transport.psrp import PsrpTransport

Lab = Callable[..., AbstractContextManager[Any]]
DONE, FAILED, UNSEEN = ReplyState.DONE, ReplyState.FAILED, ReplyState.UNSEEN


def write(value: Any) -> Any:
    return (command("Write-Output", InputObject=value),)


def silent(ids: Ids) -> None:
    """An announcement that nobody notes."""


SET = (command("Set-Canary", Value="x"),)
UNKNOWN = (command("Get-Nothing"),)


def test_one_sealed_pipeline_costs_nine_requests_and_every_byte_is_counted(lab: Lab) -> None:
    with lab() as served:
        session = served.open()
        (reply,) = session.read([write("日本語")], 10)
        session.close()
        seen = served.host.traffic
    assert reply.outputs == ("日本語",)
    assert session.requests == 9
    assert (session.traffic.requests, session.traffic.sent, session.traffic.received) == (
        seen.requests,
        seen.received,
        seen.sent,
    )
    assert seen.open_shells == 0


def test_each_further_pipeline_costs_two_requests(lab: Lab) -> None:
    with lab() as served:
        session = served.open()
        before = session.requests
        session.read([write(1)], 10)
        session.change(SET, [write(2)], 10, silent)
        assert session.requests - before == 4
        session.close()


def test_types_survive_both_ways(lab: Lab) -> None:
    values = (Int32(-1), UInt32(2**32 - 1), Int64(5), UInt64(2**64 - 1), b"\x00\xff", "a\ufffe\uffffb\n_x0041_", 1.5)
    with lab() as served:
        session = served.open()
        replies = session.read([write(value) for value in values], 10)
        session.close()
    outputs = [reply.outputs[0] for reply in replies]
    assert outputs == list(values)
    assert [type(value) for value in outputs] == [type(value) for value in values]


def test_a_large_value_and_a_large_request(lab: Lab) -> None:
    value = "値" * 70_000  # more than one envelope of 150 KB
    with lab() as served:
        session = served.open()
        assert session.read([write(value), write("after")], 20)[0].outputs == (value,)
        session.close()


def test_errors_warnings_and_nulls_stay_with_their_statement(lab: Lab) -> None:
    with lab() as served:
        session = served.open()
        error, warning, null, nothing = session.read(
            [
                (command("Write-Error", Message="bad"),),
                (command("Write-Warning", Message="careful"),),
                write(None),
                (command("Get-Canary"),),
            ],
            10,
        )
        session.close()
    assert [(found.id, found.category, found.exception, found.message) for found in error.errors] == [
        ("CanaryError", "ObjectNotFound", "System.Exception", "bad")
    ]
    assert (warning.warnings, null.outputs, nothing.outputs) == (("careful",), (None,), ())
    assert {reply.state for reply in (error, warning, null, nothing)} == {DONE}


def test_what_stands_behind_a_culprit_is_read_again_without_it(lab: Lab) -> None:
    with lab() as served:
        session = served.open()
        replies = session.read([write(1), UNKNOWN, write(2), UNKNOWN, write(3)], 10)
        session.close()
        assert len(served.machine.pipelines) == 3
    assert [reply.state for reply in replies] == [DONE, FAILED, DONE, FAILED, DONE]
    assert [reply.outputs for reply in replies] == [(1,), (), (2,), (), (3,)]
    assert replies[1].errors[-1].id == "CommandNotFoundException"


def test_a_first_statement_that_fails_hides_nothing(lab: Lab) -> None:
    """B1 does not apply: the separator is first."""
    with lab() as served:
        session = served.open()
        replies = session.read([UNKNOWN, write(1), write(2)], 10)
        session.close()
    assert [reply.state for reply in replies] == [FAILED, DONE, DONE]


def test_an_endpoint_without_write_output_gets_one_pipeline_per_read(lab: Lab) -> None:
    with lab() as served:
        served.machine.commands = frozenset({"Get-Canary", "Set-Canary"})
        session = served.open()
        served.machine.canary.append("there")
        replies = session.read([(command("Get-Canary"),), UNKNOWN, (command("Get-Canary"),)], 10)
        changed = session.change(SET, [(command("Get-Canary"),)], 10, silent)
        session.close()
    assert [(reply.state, reply.outputs) for reply in replies] == [(DONE, ("there",)), (FAILED, ()), (DONE, ("there",))]
    assert [reply.outputs for reply in changed] == [("set",), ("there", "x")]


def test_no_statements_cost_nothing(lab: Lab) -> None:
    with lab() as served:
        session = served.open()
        before = session.requests
        assert session.read([], 10) == ()
        assert session.requests == before
        session.close()


def test_a_change_comes_first_and_its_ids_are_announced_before_it_runs(lab: Lab) -> None:
    announced: list[tuple[Ids, list[object]]] = []
    with lab() as served:
        session = served.open()
        replies = session.change(
            SET, [(command("Get-Canary"),)], 10, lambda ids: announced.append((ids, list(served.machine.canary)))
        )
        session.close()
        assert served.machine.pipelines == [
            ["Write-Output"] * 3,  # what the endpoint understands is learned by something harmless
            ["Write-Output", "Set-Canary", "Write-Output", "Get-Canary", "Write-Output"],
        ]
    assert [reply.outputs for reply in replies] == [("set",), ("x",)]
    ((ids, canary),) = announced
    assert canary == []
    assert len({ids.shell, ids.pipeline}) == 2


def test_a_failed_change_is_failed_and_its_reads_are_read(lab: Lab) -> None:
    with lab() as served:
        session = served.open()
        changed, read = session.change((command("Set-Nothing"),), [write("read")], 10, silent)
        session.close()
    assert (changed.state, changed.errors[-1].id) == (FAILED, "CommandNotFoundException")
    assert (read.state, read.outputs) == (DONE, ("read",))


def test_a_failed_read_behind_a_change_does_not_touch_the_change(lab: Lab) -> None:
    with lab() as served:
        session = served.open()
        replies = session.change(SET, [UNKNOWN, write("read")], 10, silent)
        session.close()
        assert served.machine.canary == ["x"]
    assert [reply.state for reply in replies] == [DONE, FAILED, DONE]


def test_a_change_whose_announcement_fails_is_never_sent(lab: Lab) -> None:
    def refuse(ids: Ids) -> None:
        raise OSError("the journal is full")

    with lab() as served:
        session = served.open()
        with pytest.raises(OSError, match="journal"):
            session.change(SET, [], 10, refuse)
        assert session.read([(command("Get-Canary"),)], 10)[0].outputs == ()
        session.close()


def test_secrets_travel_encrypted_and_the_key_is_exchanged_once_and_only_for_them(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    hidden = Secret("canary-秘密")
    with lab() as served:
        session = served.open()
        session.read([write("x")], 10)
        before = session.requests
        session.change((command("Set-Canary", Value=hidden),), [], 10, silent)
        with_exchange = session.requests - before
        session.change((command("Set-Canary", Value=Credential("DOM\\svc", hidden)),), [], 10, silent)
        assert session.requests - before == with_exchange + 2
        session.close()
        secure, credential = served.machine.canary
    assert with_exchange > 2
    assert isinstance(secure, PSSecureString)
    assert secure.decrypt() == hidden.reveal()
    assert isinstance(credential, PSCredential)
    assert (credential.UserName, credential.Password.decrypt()) == ("DOM\\svc", hidden.reveal())
    assert hidden.reveal() not in caplog.text
    assert served.password not in caplog.text


def test_renew_is_a_new_process(lab: Lab) -> None:
    ids: list[Ids] = []
    with lab() as served:
        session = served.open()
        session.change(SET, [], 10, ids.append)
        session.renew()
        session.change(SET, [], 10, ids.append)
        session.close()
        assert served.host.traffic.open_shells == 0
    assert ids[0].shell != ids[1].shell


def test_many_hosts_share_one_serialised_batch(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    serialise = message.serialise
    monkeypatch.setattr("runner.transport.pool.serialise", lambda *args: made.append(1) or serialise(*args))
    transport = PsrpTransport()
    with lab(count=40) as served:
        together = threading.Barrier(8)

        def one(number: int) -> tuple[Any, ...]:
            if number < 8:
                together.wait(timeout=20)
            session = transport.open(served.connection(f"win-{number + 1:02d}"))
            replies = session.read([write("a"), write(1)], 20)
            session.close()
            return tuple(reply.outputs for reply in replies)

        with ThreadPoolExecutor(8) as workers:
            answers = list(workers.map(one, range(40)))
        assert all(host.traffic.open_shells == 0 for host in served.hosts)
    assert answers == [(("a",), (1,))] * 40
    assert len(made) == 1


def test_batches_that_python_calls_equal_are_not_mixed_up(lab: Lab) -> None:
    with lab() as served:
        session = served.open()
        outputs = [session.read([write(value)], 10)[0].outputs[0] for value in (1, True, UInt32(1), Int64(1), 1.0)]
        session.close()
    assert [type(value) for value in outputs] == [Int32, bool, UInt32, Int64, float]
