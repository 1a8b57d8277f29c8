"""One WS-Management shell that holds a runspace pool: the six requests of [MS-WSMV], in the project's errors."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import TypeVar
from xml.etree import ElementTree

from pypsrp.exceptions import WinRMError, WSManFaultError
from pypsrp.shell import SignalCode, WinRS
from pypsrp.wsman import OptionSet, SelectorSet

from runner.model.errors import ProtocolError, Unreachable
from runner.transport.channel import Channel
from runner.transport.faults import OPERATION_TIMED_OUT, Busy, Overloaded, ShellGone, fault_error
from runner.transport.patience import patiently

T = TypeVar("T")
_POWERSHELL = "http://schemas.microsoft.com/powershell"
_PROTOCOL = "2.3"


class Shell:
    """Requests about one shell. `pauses` are the waits (seconds) before a refused request is sent again.

    Every method raises only HostErrors: Unreachable, ConnectionLost, DeadlineExceeded, ProtocolError.
    """

    def __init__(self, channel: Channel, configuration: str, shell_id: str, pauses: tuple[float, ...]) -> None:
        self._channel = channel
        self._pauses = pauses
        self.id = shell_id
        self._resource = f"{_POWERSHELL}/{configuration}"
        self._winrs = WinRS(
            channel.wsman, resource_uri=self._resource, id=shell_id, input_streams="stdin pr", output_streams="stdout"
        )

    def create(self, hello: bytes) -> None:
        """Create the shell with the runspace pool's first messages."""
        content = ElementTree.Element("creationXml", xmlns=_POWERSHELL)
        content.text = base64.b64encode(hello).decode()

        def request() -> None:
            options = OptionSet()
            options.add_option("protocolversion", _PROTOCOL, {"MustComply": "true"})
            self._winrs.open(options, content)

        self._patiently(request, Busy, Overloaded)

    def command(self, command_id: str, data: bytes) -> None:
        """Start a harmless command with the first piece of its pipeline's message."""
        self._patiently(self._command(command_id, data), Busy, Overloaded)

    def command_once(self, command_id: str, data: bytes) -> None:
        """Start a command that must not run twice: sent again only where the host itself said that it did not run."""
        self._patiently(self._command(command_id, data), Busy)

    def _command(self, command_id: str, data: bytes) -> Callable[[], object]:
        argument = base64.b64encode(data).decode()
        return lambda: self._winrs.command("", [argument], command_id=command_id)

    def send(self, command_id: str | None, data: bytes) -> None:
        """A further piece, of a command's pipeline or of the pool's messages."""
        _in_our_errors(lambda: self._winrs.send("stdin", data, command_id=command_id))

    def receive(self, command_id: str | None) -> bytes:
        """What the host has to say; b"" when it has nothing yet."""

        def request() -> bytes:
            try:
                return self._winrs.receive("stdout", command_id=command_id, timeout=self._channel.wait())[2]["stdout"]
            except WSManFaultError as fault:
                if fault.code == OPERATION_TIMED_OUT:
                    return b""
                raise

        return self._patiently(request, Busy, Overloaded)

    def stop(self, command_id: str) -> None:
        """Send the stop signal to a command."""
        _in_our_errors(lambda: self._winrs.signal(SignalCode.PS_CTRL_C, command_id))

    def delete(self) -> bool:
        """Delete the shell. True when the host says that it is deleted or that there is none."""
        selectors = SelectorSet()
        selectors.add_option("ShellId", self.id)
        try:
            _in_our_errors(lambda: self._channel.wsman.delete(self._resource, selector_set=selectors))
        except ShellGone:
            return True
        except ProtocolError:
            return False
        return True

    def _patiently(self, request: Callable[[], T], *repeatable: type[Unreachable]) -> T:
        return patiently(lambda: _in_our_errors(request), self._pauses, self._channel.time_left, repeatable)


def _in_our_errors(request: Callable[[], T]) -> T:
    """Run a request of pypsrp's; its faults and what it makes of a damaged answer become HostErrors."""
    try:
        return request()
    except WSManFaultError as fault:
        raise fault_error(fault.code, fault.reason) from fault
    except (WinRMError, ElementTree.ParseError, binascii.Error, AttributeError, KeyError, ValueError) as error:
        message = f"the host's answer is no valid one ({type(error).__name__})"
        raise ProtocolError(message, "try again; if it stays so, look at what answers at this port") from error
