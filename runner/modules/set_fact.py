"""Sets variables for later tasks of the host: `set_fact` (ansible.builtin)."""

from __future__ import annotations

from pydantic import ConfigDict

from runner.model.attestation import Context
from runner.model.secret import Secret
from runner.modules.base import Arguments, LocalModule, Said
from runner.modules.debug import readable


class SetFactArguments(Arguments):
    """Every argument is a variable with its value."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=False)

    any_names = True
    unsupported = frozenset({"cacheable"})


class SetFact(LocalModule[SetFactArguments]):
    name = "set_fact"
    aliases = ("ansible.builtin.set_fact",)
    summary = "Set variables for the tasks after this one, on this host, in this and later plays"
    notes = ("Only tasks after it see the value. Nothing is written on the host, and nothing is kept after the run.",)
    examples = """\
- name: The pin is the certified release
  set_fact:
    exo_pin: "3.1.0"
"""
    arguments = SetFactArguments

    def evaluate(self, arguments: SetFactArguments, context: Context) -> Said:
        values = dict(arguments.model_extra or {})
        told = ", ".join(f"{name} = {readable(value)}" for name, value in values.items() if not _is_secret(value))
        return Said(told, verbosity=1, variables=values)


def _is_secret(value: object) -> bool:
    return isinstance(value, Secret)
