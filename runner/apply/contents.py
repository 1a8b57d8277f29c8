"""Bytes of the controller's files, put in the place of their slices when they are sent; the plan holds none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from runner.model.command import Command, Statement
from runner.model.content import Slice
from runner.model.errors import InputError
from runner.model.plan import HostPlan, Step
from runner.model.value import Value
from runner.modules.arguments import load
from runner.modules.base import Module

BytesOf = Callable[[Slice], bytes]


def filled(statement: Statement, bytes_of: BytesOf) -> Statement:
    """The statement as it is sent. Errors: those of `bytes_of`."""
    if not any(_slices(statement)):
        return statement
    return tuple(_filled(entry, bytes_of) for entry in statement)


def check_contents(plan: HostPlan, bytes_of: BytesOf, modules: Mapping[str, Module[Any]]) -> str | None:
    """Why a file that the plan sends can no longer be sent (gone, or changed since); None when all are as planned.

    Asked once, before the host's first change. A deferred step counts with all that it may send.
    """
    wanted = {(part.source, part.member, part.sha256): part for step in plan.steps for part in _sent(step, modules)}
    for part in wanted.values():
        try:
            bytes_of(part)
        except InputError as error:
            return error.in_one_line
    return None


def _sent(step: Step, modules: Mapping[str, Module[Any]]) -> Iterator[Slice]:
    if step.action:
        for statement in step.action.write:
            yield from _slices(statement)
    elif step.deferred:
        module = modules[step.header.module]
        yield from module.sends(load(module, step.arguments))


def _slices(statement: Statement) -> Iterator[Slice]:
    for entry in statement:
        yield from (value for _, value in entry.parameters if isinstance(value, Slice))


def _filled(entry: Command, bytes_of: BytesOf) -> Command:
    def sent(value: Value) -> Value:
        return bytes_of(value) if isinstance(value, Slice) else value

    return replace(entry, parameters=tuple((name, sent(value)) for name, value in entry.parameters))
