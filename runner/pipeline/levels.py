"""The levels of one play on one host.

Facts and registered results decide conditions, so compile and check alternate: each level compiles with what is
known, reads what has become ready, and learns from it, until nothing new becomes ready (design section 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from runner.check import check_level
from runner.compile import FACTS, Known, compile_host
from runner.model.errors import Interrupted
from runner.model.events import LevelRead
from runner.model.observation import Finding, HostFindings
from runner.model.playbook import Play
from runner.model.task import Broken, Compiled, Header, Pending, Ready, Skipped, TaskId
from runner.modules.arguments import dump
from runner.modules.base import FactModule
from runner.pipeline.job import Visit
from runner.plan.handlers import header_of
from runner.plan.registered import assess_all, joined
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
        self._known = Known()
        self._done: dict[TaskId, Finding] = {}

    def findings(self) -> HostFindings:
        """Read level after level. Errors: HostError; Interrupted once the visit is to stop."""
        level = 0
        compiled = self._compile()
        while ready := self._ready(compiled):
            if self._visit.stop.is_set():
                raise Interrupted("interrupted")
            found = check_level(self._session, ready, self._job.modules, self._job.verbosity)
            level += found.batches
            self._done |= {header_of(finding).id: finding for finding in found.findings}
            if any(isinstance(self._job.modules[task.header.module], FactModule) for task in ready):
                self._known = replace(self._known, facts=found.facts, unreadable=found.unreadable)
            self._visit.tell(LevelRead(self._visit.host.name, level, len(ready)))
            if any(isinstance(one, Pending) for one in compiled):
                compiled = self._compile()
        findings = tuple(self._settle(one) for one in compiled)
        return HostFindings(self._visit.host.name, findings, self._known.facts or {}, level)

    def _compile(self) -> tuple[Compiled, ...]:
        """Compile until skipped and finished tasks have told all that they can tell without the host."""
        while True:
            compiled = compile_host(
                self._play,
                self._number,
                self._visit.host,
                self._known,
                self._job.modules,
                self._job.templates,
                self._job.extra,
            )
            registered = self._registered(compiled)
            if registered.keys() == self._known.registered.keys():
                return compiled
            self._known = replace(self._known, registered=registered)

    def _ready(self, compiled: tuple[Compiled, ...]) -> list[Ready]:
        """What can be read now; with it the facts, if a task needs them and the play gathers them."""
        ready = [one for one in compiled if isinstance(one, Ready) and one.header.id not in self._done]
        needed = any(isinstance(one, Pending) and FACTS in one.needs for one in compiled)
        if not needed or self._known.facts is not None or not self._play.gather_facts:
            return ready
        name, module = next((n, m) for n, m in self._job.modules.items() if isinstance(m, FactModule))
        if any(task.header.module == name for task in ready):
            return ready
        arguments = module.arguments()
        header = Header(TaskId(self._number, "facts", 0), "Gathering facts", name, self._play.origin)
        return [Ready(header, arguments, dump(arguments)), *ready]

    def _registered(self, compiled: tuple[Compiled, ...]) -> dict[str, object]:
        """The results of those tasks with `register` that are decided, as is every task before them."""
        if not any(one.header.register for one in compiled):
            return {}
        findings = [finding for one in takewhile(self._finding_of, compiled) if (finding := self._finding_of(one))]
        results = assess_all([*self._earlier, *findings], self._job.modules)
        instances: dict[str, list[Compiled]] = {}
        for one in compiled:
            if one.header.register:
                instances.setdefault(one.header.register, []).append(one)
        registered: dict[str, object] = {}
        for name, ones in instances.items():
            if all(one.header.id in results for one in ones):
                own = [results[one.header.id] for one in ones]
                looped = len(ones) > 1 or bool(ones[0].header.item)
                registered[name] = joined(own) if looped else own[0]
        return registered

    def _finding_of(self, one: Compiled) -> Finding | None:
        if isinstance(one, (Skipped, Broken)):
            return one
        return self._done.get(one.header.id)

    def _settle(self, one: Compiled) -> Finding:
        found = self._finding_of(one)
        if found is not None:
            return found
        assert isinstance(one, Pending)  # the levels end only when nothing is ready any more
        hint = "; the play says gather_facts: false" if FACTS in one.needs and not self._play.gather_facts else ""
        return Broken(one.header, f"it needs {', '.join(sorted(one.needs))}, which never became known{hint}")
