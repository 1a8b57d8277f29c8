"""Whether a host answers: `win_ping` (ansible.windows, plugins/modules/win_ping.py)."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from runner.model.command import ReplyState, Statement, command
from runner.model.state import Desired, State, Unreadable
from runner.modules.base import Arguments, Round, Shown, StateModule, errors_of


class PingArguments(Arguments):
    data: str = Field("pong", description="What the host is to send back")


class WinPing(StateModule[PingArguments]):
    name = "win_ping"
    aliases = ("ansible.windows.win_ping",)
    summary = "A host runs commands and its answers come back; never changes anything"
    examples = """\
- name: The host answers
  win_ping:
"""
    arguments = PingArguments

    def key(self, arguments: PingArguments) -> str:
        return arguments.data

    def shown(self, arguments: PingArguments) -> Shown:
        return Shown("ping", arguments.data)

    def read(self, wanted: Sequence[PingArguments], rounds: Sequence[Round]) -> tuple[Statement, ...]:
        return () if rounds else tuple((command("Write-Output", InputObject=ping.data),) for ping in wanted)

    def observe(self, wanted: Sequence[PingArguments], rounds: Sequence[Round]) -> tuple[State | Unreadable, ...]:
        found: list[State | Unreadable] = []
        for ping, reply in zip(wanted, rounds[0].replies, strict=True):
            if reply.state is ReplyState.DONE and reply.outputs == (ping.data,):
                found.append(State(True, {"ping": ping.data}))
            else:
                found.append(Unreadable(errors_of(reply) or "the host did not answer"))
        return tuple(found)

    def desired(self, arguments: PingArguments, before: State) -> Desired:
        return Desired(True)

    def write(self, arguments: PingArguments, before: State) -> tuple[Statement, ...]:
        return ()

    def undo(self, arguments: PingArguments, before: State, after: State) -> tuple[Statement, ...]:
        return ()
