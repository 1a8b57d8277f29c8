"""A Session on a simulated machine without a socket: real CLIXML both ways, one pipeline for each statement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from xml.etree import ElementTree

from psrpcore._crypto import PSRemotingCrypto
from psrpcore.types import ErrorRecord as WireError
from psrpcore.types import deserialize, serialize

from runner.apply.contents import filled
from runner.lab.boot import BootHabits, MachinePower
from runner.lab.endpoints import FULL, Endpoint
from runner.lab.engine import Engine
from runner.lab.machine import Machine
from runner.lab.messages import (
    Ended,
    Error,
    Message,
    Output,
    Request,
    RequestedCommand,
    ShouldExit,
    StopSignal,
    Warning,
)
from runner.model.command import Command, ErrorRecord, Ids, Reply, ReplyState, Script, Statement
from runner.model.value import Value
from runner.parse.contents import FilesHere
from runner.transport.projection import projected, stripped
from runner.transport.values import to_error, to_model, to_wire
from tests.modules.cases import FOLDER


class LabSession:
    """Implements runner.transport.base.Session; `sent` keeps every statement, `batches` counts calls of read.

    A restart that a change has asked for comes with the next read.
    """

    def __init__(self, machine: Machine, endpoint: Endpoint = FULL) -> None:
        self._machine = machine
        self._endpoint = endpoint
        self._runspace = Engine(machine, endpoint)
        self._projects = endpoint.session_type != "default"
        self._files = FilesHere(FOLDER)
        self.sent: list[Statement] = []
        self.batches = 0

    @property
    def requests(self) -> int:
        return self.batches

    @property
    def powershell(self) -> str | None:
        return self._machine.facts.powershell

    def read(self, statements: Sequence[Statement], timeout: float) -> tuple[Reply, ...]:
        self.batches += 1
        if self._machine.shutdown_at is not None:
            MachinePower(self._machine, BootHabits()).restart()
            self._runspace = Engine(self._machine, self._endpoint)
        return tuple(self._run(statement) for statement in statements)

    def change(
        self, statement: Statement, then: Sequence[Statement], timeout: float, announce: Callable[[Ids], None]
    ) -> tuple[Reply, ...]:
        announce(Ids("shell", "pipeline"))
        statement = filled(statement, self._files.bytes_of)
        return (self._run(statement), *(self._run(one) for one in then))

    def abandon(self, timeout: float) -> bool:
        return True

    def renew(self) -> None:
        pass

    def close(self) -> None:
        pass

    def _run(self, statement: Statement) -> Reply:
        self.sent.append(statement)
        kept, projections = stripped(statement) if self._projects else (statement, ())
        request = Request((tuple(_requested(command) for command in kept),))
        return projected(_reply(list(self._runspace.invoke(request, StopSignal()))), projections)


def _requested(command: Command) -> RequestedCommand:
    named = ((name, _travelled(value)) for name, value in command.parameters)
    parameters = (*named, *((None, _travelled(value)) for value in command.arguments))
    is_script = isinstance(command, Script)
    return RequestedCommand(command.name, parameters, is_script=is_script, local_scope=is_script)


def _travelled(value: Value) -> Any:
    return _through_clixml(to_wire(value))


def _through_clixml(value: Any) -> Any:
    if value is None:
        return None
    no_secrets = PSRemotingCrypto()
    return deserialize(ElementTree.fromstring(ElementTree.tostring(serialize(value, no_secrets))), no_secrets)


def _reply(messages: Sequence[Message]) -> Reply:
    outputs = tuple(to_model(_through_clixml(message.value)) for message in messages if isinstance(message, Output))
    errors = [_error(message.record) for message in messages if isinstance(message, Error)]
    warnings = tuple(message.text for message in messages if isinstance(message, Warning))
    ended = next(message for message in messages if isinstance(message, Ended))
    if ended.reason is not None:
        errors.append(_error(ended.reason))
    state = ReplyState.DONE if ended.state == "Completed" else ReplyState.FAILED
    exit_code = next((message.code for message in messages if isinstance(message, ShouldExit)), None)
    return Reply(state, outputs, tuple(errors), warnings, exit_code)


def _error(record: WireError) -> ErrorRecord:
    return to_error(_through_clixml(record))
