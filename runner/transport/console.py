"""One WinRS shell: pywinrm's Protocol makes and reads the envelopes, our channel carries them, in the project's errors.

pywinrm's own HTTP layer is not used: it has no deadline for a whole answer, and takes proxies, certificates and a
.netrc from the environment.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from xml.etree import ElementTree

from pypsrp.exceptions import WinRMTransportError as Refusal
from winrm.exceptions import WinRMError, WinRMOperationTimeoutError, WinRMTransportError, WSManFaultError
from winrm.protocol import Protocol

from runner.model.errors import HostError, ProtocolError, Unreachable
from runner.transport.channel import Channel
from runner.transport.faults import Busy, Overloaded, ShellGone, fault_error
from runner.transport.patience import patiently

T = TypeVar("T")
_UTF8 = 65001  # the code page of the shell's programs


@dataclass(frozen=True, slots=True)
class Received:
    """What one Receive brought; `exit_code` is None while the program runs."""

    stdout: bytes = b""
    stderr: bytes = b""
    exit_code: int | None = None


class Console:
    """Requests about one shell. `pauses` are the waits (seconds) before a refused request is sent again.

    Every method raises only HostErrors: Unreachable, ConnectionLost, DeadlineExceeded, ProtocolError.
    """

    def __init__(self, channel: Channel, pauses: tuple[float, ...], shell_id: str = "") -> None:
        self._channel = channel
        self._pauses = pauses
        self._protocol = _Envelopes(channel)
        self.id = shell_id

    def create(self) -> None:
        """Create the shell; the host gives it its id."""
        self.id = self._patiently(lambda: self._protocol.open_shell(codepage=_UTF8), Busy, Overloaded)

    def run(self, line: str) -> str:
        """Start a harmless program; its command id."""
        return self._patiently(lambda: self._protocol.run_command(self.id, line), Busy, Overloaded)

    def run_once(self, line: str) -> str:
        """Start what must not run twice: sent again only where the host itself said that it did not run."""
        return self._patiently(lambda: self._protocol.run_command(self.id, line), Busy)

    def receive(self, command_id: str) -> Received:
        """What the program has written since; nothing when there is nothing yet."""

        def request() -> Received:
            self._protocol.operation_timeout_sec = self._channel.wait()
            try:
                stdout, stderr, code, done = self._protocol.get_command_output_raw(self.id, command_id)
            except WinRMOperationTimeoutError:
                return Received()
            return Received(stdout, stderr, code if done else None)

        return self._patiently(request, Busy, Overloaded)

    def terminate(self, command_id: str) -> None:
        """End the program, or forget one that has ended."""
        _in_our_errors(lambda: self._protocol.cleanup_command(self.id, command_id))

    def delete(self) -> bool:
        """Delete the shell. True when the host says that it is deleted or that there is none."""
        try:
            _in_our_errors(lambda: self._protocol.close_shell(self.id, close_session=False))
        except ShellGone:
            return True
        except ProtocolError:
            return False
        return True

    def _patiently(self, request: Callable[[], T], *repeatable: type[Unreachable]) -> T:
        return patiently(lambda: _in_our_errors(request), self._pauses, self._channel.time_left, repeatable)


class _Carrier:
    """Stands where Protocol has its transport: `send_message` is all that is used of one."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def send_message(self, message: str) -> bytes:
        try:
            return self._channel.send(message.encode())
        except Refusal as refusal:
            raise WinRMTransportError(refusal.protocol, refusal.code, refusal.response_text) from refusal


class _Envelopes(Protocol):
    """pywinrm's Protocol without its constructor, which only prepares the HTTP layer that is not used."""

    def __init__(self, channel: Channel) -> None:
        self.transport = _Carrier(channel)  # type: ignore[assignment]
        self.operation_timeout_sec = Protocol.DEFAULT_OPERATION_TIMEOUT_SEC


def _in_our_errors(request: Callable[[], T]) -> T:
    """Run a request of pywinrm's; its faults and what it makes of a damaged answer become HostErrors."""
    try:
        return request()
    except HostError:
        raise
    except WSManFaultError as fault:
        raise fault_error(fault.wsman_fault_code or fault.fault_subcode, fault.reason) from fault
    except (WinRMError, WinRMTransportError, WinRMOperationTimeoutError, ElementTree.ParseError, binascii.Error,
            StopIteration, AttributeError, AssertionError, KeyError, ValueError) as error:  # fmt: skip
        message = f"the host's answer is no valid one ({type(error).__name__})"
        raise ProtocolError(message, "try again; if it stays so, look at what answers at this port") from error
