"""A module with a thing of our own invention, and the far end that has such things: for the tests of the stages.

`Things` is a host in memory behind the Session protocol; everything between the stages and it is the real code.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from runner.model.command import Command, ErrorRecord, Ids, Reply, ReplyState, Statement, command
from runner.model.errors import AnswerLost, HostError
from runner.model.observation import HostFindings, Observed
from runner.model.source import Origin
from runner.model.state import Desired, OtherThan, State, Unreadable, Wish
from runner.model.task import Header, Ready, TaskId
from runner.model.value import PSObject
from runner.modules.base import (
    Arguments,
    FactModule,
    Facts,
    Impossible,
    Irreversible,
    Module,
    Round,
    Shown,
    StateModule,
)


class ThingArguments(Arguments):
    name: str
    value: int | None = None
    colour: str | None = None
    exists: bool = True
    restarted: bool = False


class Thing(StateModule[ThingArguments]):
    """A thing with a value, a colour, and a process that changes when it is restarted."""

    name: ClassVar[str] = "thing"
    summary: ClassVar[str] = "a thing"
    arguments: ClassVar[type[Arguments]] = ThingArguments
    volatile: ClassVar[frozenset[str]] = frozenset({"pid", "status"})
    timeout: ClassVar[float] = 30.0

    def key(self, arguments: ThingArguments) -> str:
        return arguments.name.casefold()

    def shown(self, arguments: ThingArguments) -> Shown:
        return Shown("restart" if arguments.restarted else "thing", arguments.name)

    def read(self, wanted: Sequence[ThingArguments], rounds: Sequence[Round]) -> tuple[Statement, ...]:
        return () if rounds else tuple((command("Get-Thing", Name=one.name),) for one in wanted)

    def observe(self, wanted: Sequence[ThingArguments], rounds: Sequence[Round]) -> tuple[State | Unreadable, ...]:
        return tuple(_state(reply) for reply in rounds[0].replies[: len(wanted)])

    def desired(self, arguments: ThingArguments, before: State) -> Desired | Impossible:
        if arguments.value == 666:
            return Impossible("no thing can have the value 666")
        wishes: dict[str, Wish] = {}
        if arguments.value is not None:
            wishes["value"] = arguments.value
        if arguments.colour is not None:
            wishes["colour"] = arguments.colour
        if arguments.restarted:
            wishes["pid"] = OtherThan(before.properties.get("pid"))
        return Desired(arguments.exists, wishes)

    def write(self, arguments: ThingArguments, before: State) -> tuple[Statement, ...]:
        name = arguments.name
        if not arguments.exists:
            return ((command("Remove-Thing", Name=name),),)
        changes = [] if before.exists else [command("New-Thing", Name=name)]
        if arguments.value is not None:
            changes.append(command("Set-Thing", Name=name, value=arguments.value))
        if arguments.colour is not None:
            changes.append(command("Set-Thing", Name=name, colour=arguments.colour))
        if arguments.restarted:
            changes.append(command("Restart-Thing", Name=name))
        return tuple((change,) for change in changes)

    def undo(self, arguments: ThingArguments, before: State, after: State) -> tuple[Statement, ...] | Irreversible:
        if arguments.restarted:
            return Irreversible("a restart cannot be taken back")
        return ((command("Set-Thing", Name=arguments.name, value=before.properties.get("value")),),)

    def settled(self, state: State, desired: Desired) -> bool:
        return state.properties.get("status", "ready") == "ready"


def _state(reply: Reply) -> State | Unreadable:
    if reply.state is not ReplyState.DONE or reply.errors:
        return Unreadable(reply.errors[0].message if reply.errors else "no answer")
    if not reply.outputs:
        return State(False)
    (found,) = reply.outputs
    assert isinstance(found, PSObject)
    return State(True, dict(found.properties))  # type: ignore[arg-type]


class Fresh(Thing):
    """A thing that only a process shows right which began after the last change."""

    name: ClassVar[str] = "fresh"
    fresh_process: ClassVar[bool] = True


class WorldArguments(Arguments):
    pass


class World(FactModule[WorldArguments]):
    name: ClassVar[str] = "setup"
    summary: ClassVar[str] = "facts"
    arguments: ClassVar[type[Arguments]] = WorldArguments
    names: ClassVar[Mapping[str, str]] = {"domain": "its domain", "uptime": "seconds since it started"}
    volatile: ClassVar[frozenset[str]] = frozenset({"uptime"})

    def gathering(self, names: Collection[str]) -> WorldArguments:
        return WorldArguments()

    def read(self, arguments: WorldArguments, rounds: Sequence[Round]) -> tuple[Statement, ...]:
        return () if rounds else ((command("Get-World"),),)

    def observe(self, arguments: WorldArguments, rounds: Sequence[Round]) -> Facts:
        (reply,) = rounds[0].replies
        if not reply.outputs:
            return Facts({}, {"domain": "access is denied"})
        (found,) = reply.outputs
        assert isinstance(found, PSObject)
        return Facts(dict(found.properties))


MODULES: Mapping[str, Module[Any]] = {"thing": Thing(), "fresh": Fresh(), "setup": World()}


@dataclass
class Things:
    """A host with things. `faults` says what goes wrong with a command on a thing, such as `Set-Thing a`:

    lost before / lost after: AnswerLost, without or with its effect; refused: a terminating error; complains: an error,
    though it was done; idle: no effect, no error; unseen: done, its end not reported; or a HostError to be raised.
    """

    things: dict[str, dict[str, Any]] = field(default_factory=dict)
    facts: dict[str, Any] | None = field(default_factory=lambda: {"domain": "corp", "uptime": 5})
    faults: dict[str, str | HostError] = field(default_factory=dict)
    locked: set[str] = field(default_factory=set)
    starting: int = 0  # how many reads a thing is "starting" after a restart
    gone: bool = True  # the answer to `abandon`
    log: list[str] = field(default_factory=list)
    before_change: Callable[[str], None] = lambda _: None  # called when a change arrives
    after_read: Callable[[], None] = lambda: None  # called after each pipeline of reads
    requests: int = 0
    _pid: int = 100

    def read(self, statements: Sequence[Statement], timeout: float) -> tuple[Reply, ...]:
        self.requests += 2
        self._fail("read")
        self.log.append("read")
        replies = tuple(self._answer(statement[0]) for statement in statements)
        self.after_read()
        return replies

    def change(
        self, statement: Statement, then: Sequence[Statement], timeout: float, announce: Callable[[Ids], None]
    ) -> tuple[Reply, ...]:
        self.requests += 2
        (sent,) = statement
        name = f"{sent.name} {dict(sent.parameters)['Name']}"
        announce(Ids("shell-1", f"pipeline-{self.requests}"))
        self.before_change(name)
        self._fail(name)
        fault = self.faults.pop(name, "")
        self.log.append(name)
        if fault not in ("lost before", "refused", "idle"):
            self._perform(sent)
        if fault in ("lost before", "lost after"):
            raise AnswerLost("the connection was reset")
        reply = {
            "refused": Reply(ReplyState.FAILED, errors=(_error("access is denied"),)),
            "complains": Reply(ReplyState.DONE, errors=(_error("a policy overrides this"),)),
            "unseen": Reply(ReplyState.UNSEEN),
        }.get(str(fault), Reply(ReplyState.DONE))
        if reply.state is not ReplyState.DONE:
            return (reply, *(Reply(ReplyState.UNSEEN) for _ in then))
        return (reply, *(self._answer(question[0]) for question in then))

    def _fail(self, name: str) -> None:
        if isinstance(self.faults.get(name), HostError):
            raise self.faults.pop(name)  # type: ignore[misc]

    def _perform(self, sent: Command) -> None:
        values = dict(sent.parameters)
        name = str(values.pop("Name"))
        if sent.name == "Remove-Thing":
            del self.things[name]
        elif sent.name == "Restart-Thing":
            self._pid += 1
            self.things[name] |= {"pid": self._pid, "status": "starting" if self.starting else "ready"}
        else:
            self.things.setdefault(name, {}).update(values)

    def _answer(self, question: Command) -> Reply:
        if question.name == "Get-World":
            return Reply(ReplyState.DONE, (PSObject((), self.facts),) if self.facts is not None else ())
        name = str(dict(question.parameters)["Name"])
        if name in self.locked:
            return Reply(ReplyState.DONE, errors=(_error("access is denied"),))
        found = self.things.get(name)
        if found and found.get("status") == "starting":
            self.starting -= 1
            if self.starting < 0:
                found["status"] = "ready"
        return Reply(ReplyState.DONE, (PSObject(("Thing",), dict(found)),) if found is not None else ())

    def abandon(self, timeout: float) -> bool:
        self._fail("abandon")
        self.log.append("abandon")
        return self.gone

    def renew(self) -> None:
        self._fail("renew")
        self.log.append("renew")

    def close(self) -> None:
        self.log.append("close")


def _error(message: str) -> ErrorRecord:
    return ErrorRecord("Denied,Set-Thing", "PermissionDenied", "System.Exception", message)


def ready(
    number: int,
    task: str,
    notify: tuple[str, ...] = (),
    section: str = "tasks",
    *,
    module: str = "thing",
    ignore_errors: bool = False,
    facts: tuple[str, ...] = (),
    **arguments: Any,
) -> Ready:
    """A task of the module `thing` or `fresh`, at line `number` of site.yml; `task` is its name."""
    header = Header(
        TaskId(1, section, number),
        task,
        module,
        Origin("site.yml", number, 3),
        notify=notify,
        facts=facts,
        ignore_errors=ignore_errors,
    )
    typed = ThingArguments(**arguments)
    return Ready(header, typed, typed.model_dump())


def observe(host: Things, tasks: Sequence[Ready], name: str = "host-1") -> HostFindings:
    """What a check finds on the host, read by the module itself."""
    module = Thing()
    findings = []
    for task in tasks:
        questions = module.read([task.arguments], [])
        (found,) = module.observe([task.arguments], [Round(questions, host.read(questions, 1.0))])
        findings.append(Observed(task, found))
    return HostFindings(name, tuple(findings), dict(host.facts or {}), levels=1)
