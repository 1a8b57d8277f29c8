"""Conditions that must hold before anything is changed: `assert` (ansible.builtin)."""

from __future__ import annotations

from types import MappingProxyType

from pydantic import Field, field_validator

from runner.model.attestation import Context
from runner.modules.arguments import describe
from runner.modules.base import Arguments, Evaluated, LocalModule, Said


class AssertArguments(Arguments):
    aliases = MappingProxyType({"msg": "fail_msg"})

    that: list[Evaluated] = Field(min_length=1, description="Expressions, all of which must be true")
    fail_msg: str | None = Field(None, description="Said when one of them is false")
    success_msg: str | None = Field(None, description="Said when all of them are true")
    quiet: bool = Field(False, description="Say nothing when all of them are true")

    @field_validator("fail_msg", "success_msg", mode="before")
    @classmethod
    def _joined(cls, text: object) -> object:
        """Ansible takes a list of texts too."""
        if isinstance(text, list) and all(isinstance(line, str) for line in text):
            return "\n".join(text)
        return text


class Assert(LocalModule[AssertArguments]):
    name = "assert"
    aliases = ("ansible.builtin.assert",)
    summary = "Stop a host, before anything is changed, unless conditions hold"
    notes = ("A condition has to be true or false: a text or a number is neither, and fails.",)
    examples = """\
- name: Only Windows Server 2016 or later
  assert:
    that: ansible_distribution_version is version('10.0.14393', '>=')
    fail_msg: This playbook is for Windows Server 2016 and later
"""
    arguments = AssertArguments
    expressions = frozenset({"that"})

    def evaluate(self, arguments: AssertArguments, context: Context) -> Said:
        for condition in arguments.that:
            if condition.value is not True:
                return Said(arguments.fail_msg or _complaint(condition), failed=True)
        if arguments.quiet:
            return Said("")
        return Said(arguments.success_msg) if arguments.success_msg else Said("All assertions passed", verbosity=1)


def _complaint(condition: Evaluated) -> str:
    if condition.value is False:
        return f"assertion is false: {condition.text}"
    return f"assertion is neither true nor false, but {describe(condition.value)}: {condition.text}"
