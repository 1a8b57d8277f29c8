"""Holds a host for somebody else: `hold`."""

from __future__ import annotations

from pydantic import Field

from runner.model.attestation import Context
from runner.model.state import Held
from runner.modules.base import Arguments, LocalModule, Said


class HoldArguments(Arguments):
    msg: str = Field(min_length=1, description="What is not as it must be, and what to do about it")
    owner: str = Field(min_length=1, description="Who must act")
    blocks: bool = Field(False, description="Whether nothing may be changed on the host before")


class Hold(LocalModule[HoldArguments]):
    name = "hold"
    summary = "Say that somebody else must act, mostly with a condition (when)"
    notes = ("The host ends as held (exit code 6), not as failed; its other tasks are done, unless it blocks them.",)
    examples = """\
- name: A strong reboot signal is the Windows team's
  hold:
    msg: Windows waits for a restart; restart it, or allow it with ce_reboot_allowed
    owner: Windows team
    blocks: true
  when: ansible_reboot_pending and not ce_reboot_allowed
"""
    arguments = HoldArguments

    def evaluate(self, arguments: HoldArguments, context: Context) -> Said:
        return Said("", held=Held(arguments.msg, arguments.owner, arguments.blocks))
