"""What goes wrong: no session, lost reads, lost changes, deadlines; every error is one of the model's."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import requests
import urllib3
from urllib3.exceptions import MaxRetryError

from runner.lab.faults import Fault, What, When
from runner.model.command import Ids, ReplyState, command
from runner.model.errors import AnswerLost, ConnectionLost, DeadlineExceeded, HostError, Reason, Unreachable
from runner.model.inventory import Authentication, Deadlines
from runner.model.secret import Secret
from runner.transport.faults import connect_error, fault_error
from runner.transport.psrp import PsrpTransport

Lab = Callable[..., AbstractContextManager[Any]]
SET = (command("Set-Canary", Value="x"),)
GET = (command("Get-Canary"),)
HELLO = (command("Write-Output", InputObject="hello"),)
SHORT = Deadlines(connect=1.0, operation=1.0, total=5.0)


def silent(ids: Ids) -> None:
    """An announcement that nobody notes."""


@pytest.fixture(autouse=True)
def _nothing_on_stderr(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever fails, no library below writes a warning: without a handler Python would print it."""
    yield
    below = ("pypsrp", "psrpcore", "urllib3", "requests", "spnego")
    loud = [entry for entry in caplog.get_records("call") if entry.levelno >= logging.WARNING]
    assert [entry.getMessage() for entry in loud if entry.name.startswith(below)] == []


@pytest.mark.parametrize("kind", [Authentication.NTLM, Authentication.NEGOTIATE])
def test_sealed_logons(lab: Lab, kind: Authentication) -> None:
    with lab() as served:
        session = served.open(authentication=kind)
        assert session.read([HELLO], 10)[0].outputs == ("hello",)
        session.close()


@pytest.mark.parametrize("kind", [Authentication.NTLM, Authentication.BASIC])
def test_logons_over_tls(lab: Lab, kind: Authentication, tmp_path: Path) -> None:
    with lab(schemes=frozenset({"negotiate", "basic"})) as served:
        authority = tmp_path / "ca.pem"
        authority.write_bytes(served.authority.pem)
        session = served.open(tls=True, ca_file=str(authority), authentication=kind)
        assert session.read([HELLO], 10)[0].outputs == ("hello",)
        session.close()


def test_a_logon_by_certificate(lab: Lab, tmp_path: Path) -> None:
    with lab(schemes=frozenset({"certificate"})) as served:
        certificate = served.authority.client("admin")
        served.host.client_certificates[certificate.fingerprint] = "admin"
        files = {"ca": served.authority.pem, "cert": certificate.pem, "key": certificate.key_pem}
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        session = served.open(
            tls=True,
            ca_file=str(tmp_path / "ca"),
            authentication=Authentication.CERTIFICATE,
            certificate_pem=str(tmp_path / "cert"),
            certificate_key_pem=str(tmp_path / "key"),
            user=None,
            password=None,
        )
        assert session.read([HELLO], 10)[0].outputs == ("hello",)
        session.close()


def test_plain_messages_only_when_the_user_says_so(lab: Lab) -> None:
    with lab(allow_unencrypted=True, schemes=frozenset({"negotiate", "basic"})) as served:
        for kind in (Authentication.NTLM, Authentication.BASIC):
            session = served.open(encrypt=False, authentication=kind)
            assert session.read([HELLO], 10)[0].outputs == ("hello",)
            session.close()
        before = served.host.traffic.requests
        with pytest.raises(Unreachable, match="in clear"):
            served.open(authentication=Authentication.BASIC)
        assert served.host.traffic.requests == before


def refusal(served: Any, **settings: Any) -> Unreachable:
    """The error of a session that cannot be opened; it has an advice, and the password is nowhere in it."""
    with pytest.raises(Unreachable) as caught:
        served.open(**settings)
    shown = "".join(traceback.format_exception(caught.value)) + caught.value.advice
    assert served.password not in shown
    assert "wrong-canary" not in shown
    assert caught.value.advice
    return caught.value


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"password": Secret("wrong-canary")}, Reason.AUTHENTICATION),
        ({"password": Secret("wrong-canary"), "authentication": Authentication.NEGOTIATE}, Reason.AUTHENTICATION),
        ({"password": Secret("wrong-canary"), "tls": True, "verify": False}, Reason.AUTHENTICATION),
        (
            {"password": Secret("wrong-canary"), "tls": True, "verify": False, "authentication": Authentication.BASIC},
            Reason.AUTHENTICATION,
        ),
        ({"user": "nobody"}, Reason.AUTHENTICATION),
        ({"path": "win-01/elsewhere"}, Reason.ENDPOINT),
        ({"path": "no-such-host/wsman"}, Reason.ENDPOINT),
        ({"configuration": "No.Such"}, Reason.ENDPOINT),
        ({"encrypt": False}, Reason.ENDPOINT),
        ({"tls": True}, Reason.TLS),
        ({"address": "no-such-host.invalid"}, Reason.NAME),
        ({"tls": True, "ca_file": "/no/such/file.pem"}, Reason.TLS),
        ({"authentication": Authentication.CERTIFICATE}, Reason.TLS),
    ],
)
def test_why_there_is_no_session(lab: Lab, settings: dict[str, Any], reason: Reason) -> None:
    with lab(schemes=frozenset({"negotiate", "basic"})) as served:
        assert refusal(served, **settings).reason is reason


def test_tls_where_there_is_none(lab: Lab) -> None:
    with lab() as served:
        assert refusal(served, tls=True, port=served.thread.addresses.port).reason is Reason.TLS


@pytest.mark.parametrize(
    ("what", "port", "said"),
    [(What.TLS_EXPIRED, "expired_port", "expired"), (What.TLS_UNTRUSTED, "untrusted_port", "issuer is not known")],
)
def test_bad_certificates(lab: Lab, tmp_path: Path, what: What, port: str, said: str) -> None:
    with lab(Fault(when=When.CONNECT, what=what)) as served:
        (tmp_path / "ca").write_bytes(served.authority.pem)
        error = refusal(served, tls=True, ca_file=str(tmp_path / "ca"), port=getattr(served.thread.addresses, port))
    assert error.reason is Reason.TLS
    assert said in error.message


def test_nobody_listens(lab: Lab) -> None:
    with lab() as served:
        assert refusal(served, port=served.thread.addresses.dead_port).reason is Reason.REFUSED


@pytest.mark.parametrize(
    ("when", "what", "reason"),
    [
        (When.OPEN, What.ACCESS_DENIED, Reason.RIGHTS),
        (When.OPEN, What.QUOTA, Reason.QUOTA),
        (When.OPEN, What.HTTP_503, Reason.QUOTA),
        (When.OPEN, What.HTTP_500, Reason.ENDPOINT),
        (When.OPEN, What.HTTP_401, Reason.BROKEN),
        (When.OPEN, What.DROP_BEFORE, Reason.BROKEN),
        (When.OPEN, What.TRUNCATED_XML, Reason.BROKEN),
        (When.OPEN, What.HALF_ANSWER, Reason.BROKEN),
        (When.CONNECT, What.HTTP_500, Reason.ENDPOINT),
        (When.CONNECT, What.DROP_BEFORE, Reason.BROKEN),
    ],
)
def test_a_host_that_never_lets_us_in(lab: Lab, when: When, what: What, reason: Reason) -> None:
    with lab(Fault(when=when, what=what, times="always")) as served:
        assert refusal(served).reason is reason
        assert served.host.traffic.open_shells == 0


@pytest.mark.parametrize(
    ("when", "what"),
    [
        (When.OPEN, What.QUOTA),
        (When.OPEN, What.HTTP_503),
        (When.OPEN, What.HTTP_400),
        (When.CONNECT, What.HTTP_503),
    ],
)
def test_a_host_that_lets_us_in_at_the_second_try(lab: Lab, when: When, what: What) -> None:
    with lab(Fault(when=when, what=what)) as served:
        session = served.open()
        assert session.read([HELLO], 10)[0].outputs == ("hello",)
        session.close()


@pytest.mark.parametrize("when", [When.CONNECT, When.OPEN])
def test_a_host_that_is_silent(lab: Lab, when: When) -> None:
    with lab(Fault(when=when, what=What.STALL, times="always")) as served:
        begun = monotonic()
        error = refusal(served, deadlines=SHORT)
        assert error.reason is Reason.TIMEOUT
        assert monotonic() - begun < 10


LOST = [
    What.DROP_BEFORE,
    What.DROP_DURING,
    What.DROP_AFTER,
    What.HALF_ANSWER,
    What.TRUNCATED_XML,
    What.BAD_CLIXML,
    What.SHELL_GONE,
    What.HTTP_400,
    What.HTTP_503,
]


@pytest.mark.parametrize("what", LOST)
def test_a_read_that_is_lost_is_repeated(lab: Lab, what: What) -> None:
    with lab(Fault(when=When.READ, what=what)) as served:
        session = served.open()
        assert [reply.outputs for reply in session.read([HELLO, GET], 10)] == [("hello",), ()]
        session.close()
        assert served.host.traffic.open_shells == 0


@pytest.mark.parametrize("what", LOST)
def test_a_read_that_is_always_lost_ends_in_an_error_of_the_model(lab: Lab, what: What) -> None:
    with lab(Fault(when=When.READ, what=what, times="always")) as served:
        session = served.open()
        with pytest.raises(HostError):
            session.read([HELLO, GET], 10)
        session.close()
        assert served.host.traffic.open_shells == 0


@pytest.mark.parametrize(
    ("what", "executed"),
    [
        (What.DROP_BEFORE, 0),
        (What.DROP_DURING, 1),
        (What.DROP_AFTER, 1),
        (What.HALF_ANSWER, 1),
        (What.TRUNCATED_XML, 1),
        (What.HTTP_503, 0),
        (What.HTTP_500, 0),
    ],
)
def test_a_lost_change_is_unknown_and_never_sent_again(lab: Lab, what: What, executed: int) -> None:
    with lab(Fault(when=When.WRITE, what=what)) as served:
        session = served.open()
        with pytest.raises(AnswerLost):
            session.change(SET, [GET], 10, silent)
        assert session.abandon(10) is True
        assert session.read([GET], 10)[0].outputs == ("x",) * executed
        session.close()
        assert served.host.traffic.open_shells == 0


def test_a_damaged_answer_after_a_change_is_unknown(lab: Lab) -> None:
    with lab(Fault(when=When.WRITE, what=What.BAD_CLIXML)) as served:
        session = served.open()
        with pytest.raises(AnswerLost):
            session.change(SET, [GET], 10, silent)
        session.close()


def test_a_change_nobody_could_read_is_sent_again_and_executed_once(lab: Lab) -> None:
    """HTTP 400: the sealed request was decrypted by nobody."""
    with lab(Fault(when=When.WRITE, what=What.HTTP_400)) as served:
        session = served.open()
        changed, read = session.change(SET, [GET], 10, silent)
        session.close()
        assert served.machine.canary == ["x"]
    assert (changed.state, read.outputs) == (ReplyState.DONE, ("x",))


def test_a_connection_that_ended_while_idle_is_made_anew_before_a_change_goes_out(lab: Lab) -> None:
    with lab() as served:
        session = served.open()
        session.read([GET], 10)
        session._runspace._channel._transport.close()  # what the server's or a firewall's idle timeout does
        before = session.requests
        session.change(SET, [], 10, silent)
        assert session.requests - before == 3 + 2
        session.close()
        assert served.machine.canary == ["x"]


@pytest.mark.parametrize("what", [What.SHELL_GONE, What.ACCESS_DENIED])
def test_a_change_that_the_host_refused_was_not_started(lab: Lab, what: What) -> None:
    with lab(Fault(when=When.WRITE, what=what)) as served:
        session = served.open()
        with pytest.raises(Unreachable):
            session.change(SET, [], 10, silent)
        assert session.change(SET, [], 10, silent)[0].outputs == ("set",)
        session.close()
        assert served.machine.canary == ["x"]


def test_the_reads_behind_a_change_are_lost_and_the_change_is_known(lab: Lab) -> None:
    """The pipeline that reads again what was unseen is dropped for good: the change's reply stands."""
    with lab(Fault(when=When.VERIFY, what=What.DROP_BEFORE, times="always")) as served:
        session = served.open()
        replies = session.change(SET, [(command("Get-Nothing"),), GET], 10, silent)
        session.close()
    assert [reply.state for reply in replies] == [ReplyState.DONE, ReplyState.FAILED, ReplyState.UNSEEN]


@pytest.mark.parametrize("what", [What.STALL, What.HUNG_CMDLET])
def test_a_deadline_ends_a_read_and_the_session_goes_on(lab: Lab, what: What) -> None:
    with lab(Fault(when=When.READ, what=what)) as served:
        session = served.open(deadlines=SHORT)
        begun = monotonic()
        with pytest.raises(DeadlineExceeded) as caught:
            session.read([HELLO], 1.5)
        assert monotonic() - begun < 6
        assert caught.value.advice
        assert session.read([HELLO], 5)[0].outputs == ("hello",)
        session.close()


@pytest.mark.parametrize("what", [What.STALL, What.HUNG_CMDLET])
def test_a_deadline_ends_a_change_whose_effect_is_then_unknown(lab: Lab, what: What) -> None:
    with lab(Fault(when=When.WRITE, what=what)) as served:
        session = served.open(deadlines=SHORT)
        with pytest.raises(DeadlineExceeded):
            session.change(SET, [], 1.5, silent)
        assert session.abandon(10) is True
        assert session.read([HELLO], 5)[0].outputs == ("hello",)
        session.close()


def test_a_long_command_outlasts_the_operation_deadline(lab: Lab) -> None:
    with lab() as served:
        session = served.open(deadlines=SHORT)
        before = session.requests
        (reply,) = session.read([(command("Start-Sleep", Seconds=1.3),)], 10)
        session.close()
    assert reply.state is ReplyState.DONE
    assert session.requests - before > 3  # Receive was asked again


def test_a_host_that_does_not_come_back(lab: Lab) -> None:
    with lab(Fault(when=When.WRITE, what=What.DROP_AFTER)) as served:
        session = served.open(deadlines=SHORT)
        with pytest.raises(AnswerLost):
            session.change(SET, [], 5, silent)
        away = replace(served.connection(), port=served.thread.addresses.dead_port, deadlines=SHORT)
        session._lost._connection = away
        begun = monotonic()
        with pytest.raises(Unreachable) as caught:
            session.abandon(1.0)
        assert caught.value.reason is Reason.REFUSED
        assert monotonic() - begun < 3


def test_close_never_raises(lab: Lab) -> None:
    with lab() as served:
        session = served.open(deadlines=SHORT)
    session.close()
    session.close()


def test_a_fault_is_judged_by_its_code_and_not_by_its_text() -> None:
    assert isinstance(fault_error(2150858843, None), ConnectionLost)
    for code, reason in [
        (5, Reason.RIGHTS),
        ("w:AccessDenied", Reason.RIGHTS),
        (2147942405, Reason.RIGHTS),
        (2150858811, Reason.ENDPOINT),
        (2150859173, Reason.QUOTA),
        ("w:QuotaLimit", Reason.QUOTA),
    ]:
        error = fault_error(code, "ファイルが見つかりません")
        assert isinstance(error, Unreachable)
        assert error.reason is reason


@pytest.mark.parametrize(
    ("code", "said"), [(9, "not valid yet"), (10, "expired"), (18, "self-signed"), (62, "another name")]
)
def test_what_is_wrong_with_a_certificate_is_told(code: int, said: str) -> None:
    """OpenSSL's code, wrapped as urllib3 and requests wrap it."""
    refused = ssl.SSLCertVerificationError(1, "certificate verify failed")
    refused.verify_code, refused.verify_message = code, "as OpenSSL says it"
    pool: Any = None
    wrapped = MaxRetryError(pool, "/wsman", urllib3.exceptions.SSLError(refused))
    error = connect_error(requests.exceptions.SSLError(wrapped), "https://host:5986/wsman")
    assert error.reason is Reason.TLS
    assert said in error.message
    assert error.advice


def test_an_answer_in_clear_on_a_sealed_connection_is_refused(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The far end answers what pypsrp alone would take: anybody between could have written it."""
    monkeypatch.setattr("runner.lab.sealing.Sealing.seal", lambda sealing, soap: soap)
    monkeypatch.setattr("runner.lab.sealing.Sealing.content_type", "application/soap+xml;charset=UTF-8")
    with lab() as served:
        error = refusal(served)
    assert error.reason is Reason.BROKEN
    assert "in clear" in error.message


def test_a_trickle_of_bytes_does_not_outlast_the_deadline(lab: Lab) -> None:
    """A far end that sends a byte now and then, for ever, never makes a socket's own timeout expire."""
    over = threading.Event()

    def trickle(server: socket.socket) -> None:
        client = server.accept()[0]
        with client, suppress(OSError):
            client.recv(65536)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not over.wait(0.05):
                client.sendall(b"x")

    with lab() as served, socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=trickle, args=(server,))
        thread.start()
        begun = monotonic()
        error = refusal(served, port=server.getsockname()[1], deadlines=Deadlines(connect=0.4, operation=0.2))
        over.set()
        thread.join()
    assert error.reason is Reason.TIMEOUT
    assert monotonic() - begun < 4


def test_two_sessions_of_one_transport_do_not_disturb_each_other(lab: Lab) -> None:
    transport = PsrpTransport()
    with lab(count=2) as served:
        first, second = (transport.open(served.connection(name)) for name in ("win-01", "win-02"))
        first.change(SET, [], 10, silent)
        assert second.read([GET], 10)[0].outputs == ()
        assert first.read([GET], 10)[0].outputs == ("x",)
        first.close()
        second.close()
