"""Steers a run: `meta` (ansible.builtin)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from runner.modules.base import Arguments, ControlModule, Steer, Steering


class MetaArguments(Arguments):
    action: Literal["flush_handlers", "reset_connection"] = Field(
        description="flush_handlers: run what was notified so far; reset_connection: a new shell, a new process"
    )


class Meta(ControlModule[MetaArguments]):
    name = "meta"
    aliases = ("ansible.builtin.meta",)
    summary = "Run notified handlers now, or open a new PowerShell process"
    notes = ("During apply only, and only if something was changed on the host before.",)
    examples = """\
- name: Restarts happen before the probe
  meta: flush_handlers
"""
    arguments = MetaArguments
    free_form = "action"

    def steer(self, arguments: MetaArguments) -> Steer:
        return Steer(Steering(arguments.action))
