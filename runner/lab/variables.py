"""The variables of one PowerShell process: the session's own scope, and those of the functions that run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

Scope = dict[str, object]


class Variables:
    """Names are case-insensitive. What is set goes to the innermost scope, what is asked for is found in any."""

    def __init__(self) -> None:
        self._scopes: list[Scope] = [{}]

    def __contains__(self, name: str) -> bool:
        return any(name.casefold() in scope for scope in self._scopes)

    def get(self, name: str) -> object:
        """The value, or None where there is no such variable."""
        folded = name.casefold()
        return next((scope[folded] for scope in reversed(self._scopes) if folded in scope), None)

    def names(self) -> set[str]:
        """The names of all variables, as they were set."""
        return {name for scope in self._scopes for name in scope}

    def set(self, name: str, value: object) -> None:
        """Set a variable of the innermost scope."""
        self._scopes[-1][name.casefold()] = value

    def set_global(self, name: str, value: object) -> None:
        """Set a variable of the session."""
        self._scopes[0][name.casefold()] = value

    def remove(self, name: str) -> None:
        """Remove a variable of the innermost scope that has it."""
        folded = name.casefold()
        for scope in reversed(self._scopes):
            if folded in scope:
                del scope[folded]
                return

    @contextmanager
    def entered(self, scope: Scope) -> Iterator[None]:
        """In this block `scope` is the innermost one: a function runs. What it sets there is kept for its next turn."""
        self._scopes.append(scope)
        try:
            yield
        finally:
            self._scopes.pop()
