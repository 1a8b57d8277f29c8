"""Every read of every module, with the arguments of its documented examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from types import MappingProxyType
from typing import Any

from runner.compile.late import render_around
from runner.model.command import Command, Reply, Statement
from runner.model.content import NoContents
from runner.model.errors import HostError, InputError
from runner.model.source import ListNode, MapNode, Node, ScalarNode
from runner.model.value import PSObject, Value
from runner.modules import arguments
from runner.modules.base import Arguments, FactModule, Module, StateModule
from runner.modules.reading import Wanted, read_all
from runner.parse.sources import Findings, Source
from runner.parse.yaml_tree import read_tree
from runner.template import TemplateError, Templates
from runner.transport.base import Session

_FROM_ANSWER = "<from an answer>"


@dataclass(frozen=True, slots=True)
class Asked:
    """One round of a module, as it was sent, and the host's replies.

    `shown` are the statements without what earlier answers gave.
    """

    module: str
    statements: tuple[Statement, ...]
    shown: tuple[Statement, ...]
    replies: tuple[Reply, ...]


@dataclass(frozen=True, slots=True)
class NotSent:
    """What of a module was not sent, and why."""

    module: str
    reason: str


def ask_everything(modules: Mapping[str, Module[Any]], session: Session) -> Iterator[Asked | NotSent]:
    """Send the reads of all modules; nothing is changed. What breaks off one module does not keep the others.

    Modules that never ask a host are left out.
    """
    for module in modules.values():
        if isinstance(module, StateModule | FactModule):
            yield from _ask(module, session)


def _ask(module: StateModule[Any] | FactModule[Any], session: Session) -> Iterator[Asked | NotSent]:
    wanted: list[Wanted] = []
    for found in _examples(module):
        if isinstance(found, NotSent):
            yield found
        elif unmet := module.requires_for(found.arguments).unmet(session.powershell):
            yield NotSent(module.name, unmet)
        else:
            wanted.append(found)
    if wanted:
        record = _Record(module.name, session, module.timeout)
        try:
            read_all(wanted, record.send)
        except HostError as error:
            yield NotSent(module.name, f"it broke off: {error.message}")
        yield from record.asked


class _Record:
    """Sends the rounds of one module and keeps what was asked and answered."""

    def __init__(self, module: str, session: Session, timeout: float) -> None:
        self.asked: list[Asked] = []
        self._module = module
        self._session = session
        self._timeout = timeout
        self._own: set[str] = set()  # the texts of the first round, which come from the arguments
        self._answered: set[str] = set()

    def send(self, statements: tuple[Statement, ...]) -> tuple[Reply, ...]:
        replies = self._session.read(statements, self._timeout)
        if not self.asked:
            self._own = {text for statement in statements for text in _texts_of(statement)}
        foreign = self._answered - self._own
        shown = tuple(tuple(_without(command, foreign) for command in statement) for statement in statements)
        self.asked.append(Asked(self._module, statements, shown, replies))
        for reply in replies:
            self._answered |= {text.casefold() for output in reply.outputs for text in _texts(output)}
        return replies


def _texts_of(statement: Statement) -> Iterator[str]:
    for command in statement:
        values = (*(value for _, value in command.parameters), *command.arguments)
        yield from (text.casefold() for text in chain.from_iterable(map(_texts, values)))


def _texts(value: Value) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        yield from chain.from_iterable(map(_texts, value))
    elif isinstance(value, PSObject | Mapping):
        named = value.properties if isinstance(value, PSObject) else value
        yield from chain.from_iterable(map(_texts, named.values()))


def _without(command: Command, foreign: set[str]) -> Command:
    parameters = tuple((name, _masked(value, foreign)) for name, value in command.parameters)
    return replace(command, parameters=parameters, arguments=tuple(_masked(one, foreign) for one in command.arguments))


def _masked(value: Value, foreign: set[str]) -> Value:
    if isinstance(value, str):
        return _FROM_ANSWER if value.casefold() in foreign else value
    return tuple(_masked(item, foreign) for item in value) if isinstance(value, tuple) else value


def _examples(module: StateModule[Any] | FactModule[Any]) -> Iterator[Wanted | NotSent]:
    """The things that the module's examples are about; a fact module needs no arguments."""
    if isinstance(module, FactModule):
        yield Wanted(module, module.arguments())
        return
    tasks = _tasks(module)
    if not tasks:
        yield NotSent(module.name, "it has no example")
    for name, tree in tasks:
        try:
            given = module.with_contents(_given(module, tree), NoContents())
        except (InputError, TemplateError) as error:
            yield NotSent(module.name, f"the example {name!r}: {_first(error)}")
        else:
            yield from (Wanted(module, part) for part in module.parts(given))


def _given(module: Module[Any], tree: MapNode) -> Arguments:
    """The arguments of an example, which knows no variables. Errors: InputError, TemplateError."""
    templates = Templates()
    data = {
        name: render_around(node, module.late.get(name, frozenset()), templates, MappingProxyType({}))
        for name, node in ((str(key.value), value) for key, value in tree.entries)
    }
    return arguments.validate(module, data, tree)


def _first(error: InputError | TemplateError) -> str:
    return error.problems[0].message if isinstance(error, InputError) else str(error)


def _tasks(module: Module[Any]) -> list[tuple[str, MapNode]]:
    """The examples by their names, with the tree of their arguments."""
    found = Findings()
    tree = read_tree(Source.of(f"examples of {module.name}", module.examples), found)
    tasks = tree.items if isinstance(tree, ListNode) else ()
    named: list[tuple[str, MapNode]] = []
    for task in tasks:
        if isinstance(task, MapNode):
            title = task.get("name")
            for name in (module.name, *module.aliases):
                given = task.get(name)
                if given is not None:
                    named.append((_title(title), given if isinstance(given, MapNode) else MapNode((), given.origin)))
    return named


def _title(node: Node | None) -> str:
    return str(node.value) if isinstance(node, ScalarNode) else ""
