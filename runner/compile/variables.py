"""The variables that one task sees on one host, by Ansible's precedence, and what a template needs of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from runner.compile.known import FACTS, Known, Means
from runner.model.inventory import Host
from runner.model.playbook import Play, Task
from runner.model.source import ListNode, MapNode, Node, ScalarNode
from runner.model.task import Awaited
from runner.template import Templates, unusable

PREFIX = "ansible_"


class Tracked(dict[str, object]):
    """`ansible_facts`, which remembers what a template took from it: only those facts decide something."""

    def __init__(self, facts: Mapping[str, object]) -> None:
        super().__init__({name.removeprefix(PREFIX): value for name, value in facts.items()})
        self.used: set[str] = set()

    def __getitem__(self, name: str) -> object:
        self.used.add(PREFIX + name)
        return super().__getitem__(name)

    def get(self, name: str, default: object = None) -> object:
        try:
            return self[name]
        except KeyError:
            return default


@dataclass(frozen=True, slots=True)
class Scope:
    """Everything that a task may name on this host. Nodes are rendered when used; all other values are data."""

    variables: Mapping[str, object]
    pending: frozenset[str]  # names whose values only the host can tell: not read yet
    fact_names: frozenset[str]
    undecided: Mapping[str, Awaited] = field(default_factory=dict)  # see Known

    def closure(self, names: Iterable[str], templates: Templates) -> frozenset[str]:
        """The names themselves and all that the variables behind them name in turn."""
        seen: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            value = self.variables.get(name)
            if isinstance(value, (ScalarNode, ListNode, MapNode)):
                waiting.extend(node_names(value, templates))
        return frozenset(seen)

    def with_variables(self, more: Mapping[str, object]) -> Scope:
        undecided = {name: ids for name, ids in self.undecided.items() if name not in more}
        return Scope({**self.variables, **more}, self.pending - set(more), self.fact_names, undecided)


def node_names(node: Node, templates: Templates) -> frozenset[str]:
    """The variables that the templates in a tree name."""
    if isinstance(node, ScalarNode):
        return templates.names(node.value) if isinstance(node.value, str) else frozenset()
    children = node.items if isinstance(node, ListNode) else [child for pair in node.entries for child in pair]
    return frozenset(name for child in children for name in node_names(child, templates))


def scope_of(play: Play, task: Task, host: Host, known: Known, means: Means, fact_names: frozenset[str]) -> Scope:
    """Ansible's order: inventory, facts, play vars, task vars, registered results and set_fact, extra vars.

    The strongest come last. What a task sets is seen by the tasks after it.
    """
    extra = means.extra
    registers = {t.register for t in (*play.tasks, *play.handlers) if t.register}
    setting = [t for t in play.tasks if means.modules[t.module].arguments.any_names and _before(t, task, play)]
    decided = [known.set[t.number] for t in setting if t.number in known.set]
    password = host.connection.password
    facts = {**known.facts, **_unreadable(known)} if known.facts is not None else {}
    variables: dict[str, object] = {
        **host.variables,
        **({"ansible_password": password} if password is not None else {}),
        **facts,
        **({FACTS: Tracked(facts)} if known.facts is not None else {}),
        **play.variables,
        **(task.variables or {}),
        **known.registered,
        **known.variables,
        **{name: value for values in decided for name, value in values.items()},
        **extra,
    }
    unknown = registers - set(known.registered)
    unknown |= {name for t in setting if t.number not in known.set for name, _ in t.arguments}
    unread = fact_names - facts.keys()
    if unread:  # who names all facts waits for all of them
        unread |= {FACTS}
    unread -= set(play.variables) | set(task.variables or {})
    undecided = {name: awaited for name, awaited in known.undecided.items() if name not in extra}
    return Scope(variables, frozenset((unknown | unread) - set(extra)), fact_names, undecided)


def _before(one: Task, other: Task, play: Play) -> bool:
    return one.number < other.number or other in play.handlers


def _unreadable(known: Known) -> dict[str, object]:
    """Facts that could not be read are neither absent nor a default: whatever uses one fails."""
    return {name: unusable(name, f"could not be read: {reason}") for name, reason in known.unreadable.items()}
