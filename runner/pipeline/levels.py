"""The levels of one play on one host.

Facts and registered results decide conditions, so compile and check alternate: each level compiles with what is
known, reads what has become ready, and learns from it, until nothing new becomes ready (design section 2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any

from runner.check import LevelFindings, check_level
from runner.compile import FACTS, Known, Means, compile_host
from runner.model.attestation import Context
from runner.model.errors import Interrupted
from runner.model.events import LevelRead
from runner.model.observation import Finding, HostFindings, Postponed, Told
from runner.model.playbook import Play
from runner.model.registered import registered as registered_of
from runner.model.task import Awaited, Broken, Compiled, Deferred, Header, Pending, Ready, Skipped, TaskId
from runner.modules.arguments import dump
from runner.modules.base import ControlModule, FactModule, Module, Steering
from runner.pipeline.job import Visit
from runner.plan.handlers import header_of
from runner.plan.host import TITLE
from runner.plan.registered import assess_all
from runner.transport.base import Session


class HostCheck:
    """Checks one play on one host; `earlier` are its findings in the plays before."""

    def __init__(
        self, visit: Visit, number: int, play: Play, session: Session, earlier: Sequence[HostFindings]
    ) -> None:
        self._visit = visit
        self._job = visit.job
        self._number = number
        self._play = play
        self._session = session
        self._earlier = [finding for findings in earlier for finding in findings.findings]
        self._context = Context(visit.host.name, datetime.now(UTC), visit.job.attestations.get(visit.host.name, {}))
        self._means = Means(visit.job.modules, visit.job.templates, visit.job.extra, visit.job.contents)
        self._known = Known(variables=_set_by(self._earlier))
        self._done: dict[TaskId, Finding] = {}

    def findings(self) -> HostFindings:
        """Read level after level. Errors: HostError; Interrupted once the visit is to stop."""
        level = 0
        compiled = self._compile()
        while ready := self._ready(compiled):
            if self._visit.stop.is_set():
                raise Interrupted("interrupted")
            found = check_level(self._session, ready, self._job.modules, self._context, self._job.verbosity)
            level += found.batches
            self._done |= {header_of(finding).id: finding for finding in found.findings}
            if any(isinstance(self._job.modules[task.header.module], FactModule) for task in ready):
                self._learn(found)
            self._visit.tell(LevelRead(self._visit.host.name, level, len(ready)))
            compiled = self._compile(compiled)
        findings = tuple(self._settle(one) for one in compiled)
        return HostFindings(self._visit.host.name, findings, self._known.facts or {}, level)

    def _compile(self, compiled: tuple[Compiled, ...] = ()) -> tuple[Compiled, ...]:
        """Compile until skipped, finished and postponed tasks have told all that they can tell without the host."""
        while True:
            compiled = compile_host(self._play, self._number, self._visit.host, self._known, self._means, compiled)
            results = self._assessed(compiled)
            if postponed := self._postponed(compiled, results):
                self._done |= {task.header.id: finding for task, finding in postponed}
                results = self._assessed(compiled)
            registered, undecided = self._registered(compiled, results)
            variables = self._variables(compiled)
            learned = replace(self._known, registered=registered, undecided=undecided, set=variables)
            if (registered.keys(), undecided.keys(), variables.keys()) == (
                self._known.registered.keys(),
                self._known.undecided.keys(),
                self._known.set.keys(),
            ):
                return compiled
            self._known = learned

    def _ready(self, compiled: tuple[Compiled, ...]) -> list[Ready]:
        """What can be read now; with it the facts, if a task needs them and the play gathers them."""
        waiting = self._waiting(compiled)
        ready = [
            one
            for one in compiled
            if isinstance(one, Ready) and one.header.id not in self._done and one.header.id not in waiting
        ]
        name, module = next((n, m) for n, m in self._job.modules.items() if isinstance(m, FactModule))
        unread = self._unread(compiled, module)
        if not unread or not self._play.gather_facts or any(task.header.module == name for task in ready):
            return ready
        arguments = module.gathering(unread)
        header = Header(TaskId(self._number, "facts", 0), "Gathering facts", name, self._play.origin)
        return [Ready(header, arguments, dump(arguments)), *ready]

    def _unread(self, compiled: tuple[Compiled, ...], module: FactModule[Any]) -> frozenset[str]:
        """The facts that tasks wait for, with them the one that tells people which host it is."""
        needs = frozenset[str]().union(*(one.needs for one in compiled if isinstance(one, Pending)))
        wanted = frozenset(module.names) if FACTS in needs else needs & module.names.keys()
        return (
            frozenset()
            if not wanted
            else (wanted | {TITLE}) - (self._known.facts or {}).keys() - self._known.unreadable.keys()
        )

    def _learn(self, found: LevelFindings) -> None:
        facts = {**(self._known.facts or {}), **found.facts}
        unreadable = {name: why for name, why in self._known.unreadable.items() if name not in found.facts}
        self._known = replace(self._known, facts=facts, unreadable={**unreadable, **found.unreadable})

    def _decided(self, compiled: tuple[Compiled, ...]) -> list[Finding]:
        """The findings of the tasks from the first one on that all are decided."""
        return [finding for one in takewhile(self._finding_of, compiled) if (finding := self._finding_of(one))]

    def _assessed(self, compiled: tuple[Compiled, ...]) -> dict[TaskId, dict[str, Any]]:
        """The results of the decided tasks, if a task asks for one; those that only apply can decide have none."""
        asked = (one.header.register or one.header.after for one in compiled)
        return assess_all([*self._earlier, *self._decided(compiled)], self._job.modules) if any(asked) else {}

    def _waiting(self, compiled: tuple[Compiled, ...]) -> set[TaskId]:
        """The tasks with `after` for which it is not known yet what becomes of the tasks that they name."""
        decided = {header_of(finding).id for finding in self._decided(compiled)}
        return {
            one.header.id
            for one in compiled
            if isinstance(one, Ready)
            and one.header.after
            and not all(other.header.id in decided for other in _named(one, compiled))
        }

    def _postponed(
        self, compiled: tuple[Compiled, ...], results: Mapping[TaskId, Mapping[str, Any]]
    ) -> list[tuple[Ready, Finding]]:
        """The tasks that only apply can decide: those with a condition on one, and those after one that changes."""
        if not any(isinstance(one, Ready) and (one.header.after or one.deferred) for one in compiled):
            return []
        decided = {header_of(finding).id for finding in self._decided(compiled)}
        changing_ids = {one for one in decided if one not in results or results[one]["changed"]}
        found: list[tuple[Ready, Finding]] = []
        for one in compiled:
            if not isinstance(one, Ready) or one.header.id in self._done:
                continue
            changing = [other for other in _named(one, compiled) if other.header.id in changing_ids]
            if one.deferred and (reason := _cannot_wait(self._job.modules[one.header.module], one)):
                found.append((one, Broken(one.header, reason)))
            elif one.deferred or changing:
                names = tuple(dict.fromkeys(other.header.name for other in changing))
                found.append((one, Postponed(one, replace(one.deferred or Deferred(), after=names))))
        return found

    def _registered(
        self, compiled: tuple[Compiled, ...], results: Mapping[TaskId, Mapping[str, Any]]
    ) -> tuple[dict[str, object], dict[str, Awaited]]:
        """The results of those tasks with `register` that are decided, as is every task before them.

        And the names of those that only apply can decide, with the ids of their tasks.
        """
        if not any(one.header.register for one in compiled):
            return {}, {}
        postponed = {header_of(finding).id for finding in self._decided(compiled)} - results.keys()
        instances: dict[str, list[Compiled]] = {}
        for one in compiled:
            if one.header.register:
                instances.setdefault(one.header.register, []).append(one)
        registered: dict[str, object] = {}
        undecided: dict[str, Awaited] = {}
        for name, ones in instances.items():
            ids = [one.header.id for one in ones]
            looped = any(one.header.looped for one in ones)
            known = {str(one): results[one] for one in ids if one in results}
            # what may fail and be ignored is known only when it is done
            hoped = any(one.header.ignore_errors and known.get(str(one.header.id), {}).get("changed") for one in ones)
            if len(known) == len(ids) and not hoped:
                registered[name] = registered_of(known, looped)
            elif hoped or any(one in postponed for one in ids):
                undecided[name] = Awaited(tuple(map(str, ids)), looped, known)
        return registered, undecided

    def _variables(self, compiled: tuple[Compiled, ...]) -> dict[int, dict[str, object]]:
        """What tasks set for later ones, by the task's number, once all instances of the task are decided."""
        tasks = {task.number for task in self._play.tasks if self._job.modules[task.module].arguments.any_names}
        found: dict[int, dict[str, object]] = {}
        for number in tasks:
            own = [one for one in compiled if one.header.id.task == number and one.header.id.section == "tasks"]
            findings = [self._finding_of(one) for one in own]
            if all(findings):
                found[number] = _set_by([finding for finding in findings if finding])
        return found

    def _finding_of(self, one: Compiled) -> Finding | None:
        if isinstance(one, (Skipped, Broken)):
            return one
        return self._done.get(one.header.id)

    def _settle(self, one: Compiled) -> Finding:
        found = self._finding_of(one)
        if found is not None:
            return found
        if isinstance(one, Ready):  # it waits for others, which are never decided
            return Broken(one.header, f"it comes after {', '.join(one.header.after)}, which could not be decided")
        assert isinstance(one, Pending)  # the levels end only when nothing is ready any more
        facts = {FACTS}.union(
            *(module.names for module in self._job.modules.values() if isinstance(module, FactModule))
        )
        hint = "; the play says gather_facts: false" if facts & one.needs and not self._play.gather_facts else ""
        return Broken(one.header, f"it needs {', '.join(sorted(one.needs))}, which never became known{hint}")


def _named(one: Ready, compiled: Sequence[Compiled]) -> list[Compiled]:
    """The earlier tasks that a task names in `after`."""
    return [
        other
        for other in compiled
        if other.header.id < one.header.id
        and other.header.id.section == one.header.id.section
        and other.header.name in one.header.after
    ]


def _set_by(findings: Sequence[Finding]) -> dict[str, object]:
    return {
        name: value for finding in findings if isinstance(finding, Told) for name, value in finding.variables.items()
    }


def _cannot_wait(module: Module[Any], task: Ready) -> str:
    """Why a task cannot have a condition that only apply decides; "" if it can."""
    if module.arguments.any_names:
        return "a variable cannot depend on what is known only during apply"
    if isinstance(module, ControlModule) and module.steer(task.arguments).kind is Steering.FLUSH_HANDLERS:
        return "whether handlers are flushed cannot depend on what is known only during apply"
    return ""
