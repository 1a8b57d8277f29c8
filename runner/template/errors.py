"""What can be wrong with a template."""

from __future__ import annotations

from runner.model.errors import Problem, RunnerError
from runner.model.source import Origin


class TemplateError(RunnerError):
    """A template that cannot be compiled or rendered. `problem` is the same for a list of problems."""

    def __init__(self, message: str, origin: Origin | None = None, hint: str = "") -> None:
        self.problem = Problem(message, origin, hint)
        super().__init__(str(self.problem))

    @property
    def message(self) -> str:
        return self.problem.message

    @property
    def origin(self) -> Origin | None:
        return self.problem.origin


class UndefinedName(TemplateError):
    """A variable, or a part of one, that does not exist; the filter `default` and the test `defined` forgive it."""
