"""Stops a host: `fail` (ansible.builtin)."""

from __future__ import annotations

from pydantic import Field

from runner.model.attestation import Context
from runner.modules.base import Arguments, LocalModule, Said


class FailArguments(Arguments):
    msg: str = Field("Failed as requested from task", description="Why")


class Fail(LocalModule[FailArguments]):
    name = "fail"
    aliases = ("ansible.builtin.fail",)
    summary = "Stop a host, mostly with a condition (when)"
    notes = ("Before anything is changed there; with a condition on a deferred task's result, at its turn.",)
    examples = """\
- name: Only where the operator allows it
  fail:
    msg: This server must not be restarted in office hours
  when: not ce_restart_allowed
"""
    arguments = FailArguments

    def evaluate(self, arguments: FailArguments, context: Context) -> Said:
        return Said(arguments.msg, failed=True)
