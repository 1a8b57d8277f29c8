"""Checks one level of a host: everything that is ready, in the order of the tasks, with the fewest pipelines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runner.model.attestation import Context
from runner.model.command import Reply, Statement
from runner.model.observation import Gathered, Observed, Steered, Told
from runner.model.task import Broken, Ready, TaskId
from runner.modules.base import ControlModule, FactModule, Facts, LocalModule, Module, Requires, StateModule
from runner.modules.reading import Wanted, read_all
from runner.transport.base import Session


@dataclass(frozen=True, slots=True)
class LevelFindings:
    """One finding for each ready task, in their order; the facts that were read; how many batches were sent."""

    findings: tuple[Observed | Told | Gathered | Steered | Broken, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    batches: int = 0


def check_level(
    session: Session, ready: Sequence[Ready], modules: Mapping[str, Module[Any]], context: Context, verbosity: int = 0
) -> LevelFindings:
    """Read what the ready tasks are about, and let the local ones speak (as far as `verbosity`, the number of -v).

    `context` is what local tasks may know of the host beside their arguments.

    A task whose module needs a newer host is broken there, and its module asks nothing. Nothing is sent when no task
    needs the host. Errors: those of Session.read, none of which is swallowed.
    """
    unmet = _unmet(session, ready, modules)
    remote = [
        task
        for task in ready
        if task.header.id not in unmet and isinstance(modules[task.header.module], (StateModule, FactModule))
    ]
    reader = _Reader(session, max((modules[task.header.module].timeout for task in remote), default=0.0))
    wanted = [_wanted(task, modules[task.header.module]) for task in remote]
    found = dict(zip((task.header.id for task in remote), read_all(wanted, reader.send), strict=True))
    findings: list[Observed | Told | Gathered | Steered | Broken] = []
    facts = Facts()
    for task in ready:
        module = modules[task.header.module]
        if task.header.id in unmet:
            findings.append(Broken(task.header, unmet[task.header.id]))
        elif isinstance(module, LocalModule):
            findings.append(_told(task, module, context, verbosity))
        elif isinstance(module, ControlModule):
            findings.append(Steered(task))
        elif isinstance(result := found[task.header.id], Facts):
            facts = Facts({**facts.values, **result.values}, {**facts.unreadable, **result.unreadable})
            findings.append(Gathered(task, result.unreadable))
        else:
            findings.append(Observed(task, result))
    return LevelFindings(tuple(findings), facts.values, facts.unreadable, reader.batches)


def _unmet(session: Session, ready: Sequence[Ready], modules: Mapping[str, Module[Any]]) -> dict[TaskId, str]:
    """Why a task cannot be done on this host, by its id."""
    checked = ((task, modules[task.header.module].requires_for(task.arguments)) for task in ready)
    demanding = ((task, requires) for task, requires in checked if requires != Requires())
    reasons = ((task, requires.unmet(session.powershell)) for task, requires in demanding)
    return {task.header.id: f"{task.header.module} {reason}" for task, reason in reasons if reason}


@dataclass(slots=True)
class _Reader:
    session: Session
    timeout: float  # the longest that any of the modules allows
    batches: int = 0

    def send(self, statements: tuple[Statement, ...]) -> tuple[Reply, ...]:
        self.batches += 1
        return self.session.read(statements, self.timeout)


def _wanted(task: Ready, module: Module[Any]) -> Wanted:
    if not isinstance(module, (StateModule, FactModule)):
        raise TypeError(f"{module.name} is neither a state nor a fact module: it cannot be read")
    return Wanted(module, task.arguments)


def _told(task: Ready, module: LocalModule[Any], context: Context, verbosity: int) -> Told:
    said = module.evaluate(task.arguments, context)
    silent = said.verbosity > verbosity and not said.failed
    return Told(task, "" if silent else said.message, said.failed, said.held, said.variables)
