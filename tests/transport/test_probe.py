"""The first HTTP answer of a host, without a log-on: what real HTTP.sys sends and the lab does not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from runner.model.errors import HostError, Reason, Unreachable
from runner.model.inventory import Authentication, Connection
from runner.transport import probe
from runner.transport.offers import is_offered


@contextmanager
def answering(status: int, date: str) -> Iterator[Connection]:
    """A server that answers everything alike; how to reach it."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response_only(status)
            self.send_header("WWW-Authenticate", "Negotiate")
            self.send_header("WWW-Authenticate", 'Basic realm="WSMAN"')
            if date:
                self.send_header("Date", date)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield Connection("127.0.0.1", server.server_port, tls=False)
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("date", "moment"),
    [
        ("Thu, 26 Nov 2026 16:00:00 GMT", datetime(2026, 11, 26, 16, tzinfo=UTC)),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_greeting(date: str, moment: datetime | None) -> None:
    with answering(401, date) as connection:
        found = probe.greeting(connection)
    assert found.schemes == ("Negotiate", "Basic")
    assert found.date == moment
    assert moment is None or (found.date is not None and found.date.utcoffset() == timedelta())
    assert is_offered(Authentication.BASIC, found.schemes)
    assert is_offered(Authentication.CERTIFICATE, found.schemes)


@pytest.mark.parametrize(("status", "reason"), [(404, Reason.ENDPOINT), (403, Reason.RIGHTS), (200, Reason.ENDPOINT)])
def test_what_is_no_winrm(status: int, reason: Reason) -> None:
    with answering(status, "") as connection, pytest.raises(HostError) as raised:
        probe.greeting(connection)
    assert isinstance(raised.value, Unreachable)
    assert raised.value.reason is reason


@pytest.mark.parametrize("address", ["no-such-host.invalid", "a..b", "x" * 70])
def test_a_name_that_does_not_resolve(address: str) -> None:
    with pytest.raises(Unreachable) as raised:
        probe.addresses(Connection(address, 5986))
    assert raised.value.reason is Reason.NAME


def test_addresses_of_ip_version_6_stand_in_brackets() -> None:
    assert probe.endpoint_of(Connection("fe80::1", 5986)) == "https://[fe80::1]:5986/wsman"
