"""Shows a text or the value of an expression: `debug` (ansible.builtin)."""

from __future__ import annotations

import json
from typing import Any

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from runner.model.attestation import Context
from runner.modules.base import Arguments, Evaluated, LocalModule, Said


class DebugArguments(Arguments):
    msg: Any = Field("Hello world!", description="What to show; a text or any other value")
    var: Evaluated | None = Field(None, description="An expression to show with its value, instead of msg")
    verbosity: int = Field(0, ge=0, description="Shown from this many -v on")

    @field_validator("var", mode="before")
    @classmethod
    def _only_one(cls, var: object) -> object:
        """Expressions come as a list, since `that` takes several."""
        return var[0] if isinstance(var, (list, tuple)) and len(var) == 1 else var

    @model_validator(mode="after")
    def _msg_or_var(self) -> DebugArguments:
        if self.var is not None and "msg" in self.model_fields_set:
            raise PydanticCustomError("msg_or_var", "msg and var exclude each other")
        return self


class Debug(LocalModule[DebugArguments]):
    name = "debug"
    aliases = ("ansible.builtin.debug",)
    summary = "Show a text, or an expression and its value"
    examples = """\
- name: Say which Windows it is
  debug:
    msg: "{{ inventory_hostname }} runs {{ ansible_distribution }}"
"""
    arguments = DebugArguments
    expressions = frozenset({"var"})

    def evaluate(self, arguments: DebugArguments, context: Context) -> Said:
        if arguments.var is None:
            return Said(readable(arguments.msg), verbosity=arguments.verbosity)
        return Said(f"{arguments.var.text}: {readable(arguments.var.value)}", verbosity=arguments.verbosity)


def readable(value: object) -> str:
    """A text as it is, everything else as JSON; a secret shows itself as its mask."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
