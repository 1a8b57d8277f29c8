"""Waits between changes: `pause` (ansible.builtin)."""

from __future__ import annotations

from pydantic import Field

from runner.modules.base import Arguments, ControlModule, Steer, Steering


class PauseArguments(Arguments):
    unsupported = frozenset({"prompt", "echo"})

    seconds: float = Field(0, ge=0, description="How long to wait, in seconds")
    minutes: float = Field(0, ge=0, description="How long to wait, in minutes; both together are added")


class Pause(ControlModule[PauseArguments]):
    name = "pause"
    aliases = ("ansible.builtin.pause",)
    summary = "Wait for a time after changes, so that a server can settle"
    notes = (
        "It waits only during apply, and only if something was changed on the host before: an audit waits for nothing.",
        "It does not ask: hosts are worked on side by side. What a person must confirm is an `attestation`.",
    )
    examples = """\
- name: Cloud Extender has a minute to come up
  pause:
    minutes: 1
"""
    arguments = PauseArguments

    def waits(self, arguments: PauseArguments) -> float:
        return arguments.seconds + 60 * arguments.minutes

    def steer(self, arguments: PauseArguments) -> Steer:
        return Steer(Steering.PAUSE, self.waits(arguments))
