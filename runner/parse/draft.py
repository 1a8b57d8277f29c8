"""An inventory while it is being read: groups, hosts and their own variables, from any number of files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from runner.model.source import Node, Origin, ScalarNode, node_of
from runner.parse.ranges import expand, split_port
from runner.parse.sources import Findings

ALL = "all"
UNGROUPED = "ungrouped"
_PRIORITY = "ansible_group_priority"
_NUMBER = re.compile(r"-?[0-9]{1,9}")
_NOT_IN_NAMES = frozenset("{}\"'`|,;&!*?~/\\ \t")


@dataclass(slots=True)
class GroupDraft:
    name: str
    origin: Origin
    variables: dict[str, Node] = field(default_factory=dict)
    hosts: dict[str, None] = field(default_factory=dict)
    parents: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class HostDraft:
    name: str
    origin: Origin
    variables: dict[str, Node] = field(default_factory=dict)
    groups: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class Draft:
    """What the readers of inventory files fill. `all` and `ungrouped` always exist."""

    found: Findings
    groups: dict[str, GroupDraft] = field(default_factory=dict)
    hosts: dict[str, HostDraft] = field(default_factory=dict)

    def group(self, name: str, origin: Origin) -> GroupDraft:
        return self.groups.setdefault(name, GroupDraft(name, origin))

    def add_child(self, parent: str, child: str, origin: Origin) -> None:
        if child == ALL:
            self.found.add("the group 'all' holds every other group and cannot be in one", origin)
        elif parent != ALL:
            self.group(child, origin).parents[parent] = None

    def add_hosts(self, pattern: str, group: str, origin: Origin) -> tuple[HostDraft, ...]:
        """The hosts that a pattern names, put into the group; a port in it becomes `ansible_port`."""
        name, port = split_port(pattern)
        try:
            names = (name,) if ":" in name and "[" not in name else expand(name)
        except ValueError as error:
            self.found.add(str(error), origin)
            return ()
        if not names[0] or _NOT_IN_NAMES & set(name):
            self.found.add(f"{pattern!r} is no host name", origin)
            return ()
        drafts = tuple(self._host(name, group, origin) for name in names)
        if port is not None:
            for draft in drafts:
                draft.variables["ansible_port"] = node_of(port, origin)
        return drafts

    def _host(self, name: str, group: str, origin: Origin) -> HostDraft:
        host = self.hosts.setdefault(name, HostDraft(name, origin))
        self.group(group, origin).hosts[name] = None
        if group not in (ALL, UNGROUPED):
            host.groups[group] = None
        return host


class Lineage:
    """Which groups are above which, and their order of precedence: `all`, then by depth, priority and name.

    (docs.ansible.com, "How variables are merged".) A circle of groups is a problem; its links are ignored then.
    """

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._above: dict[str, frozenset[str]] = {}
        self._depths: dict[str, int] = {ALL: 0}
        for name in draft.groups:
            self._follow(name, ())
        self._orders = {name: (self._depths[name], _priority(draft, name), name) for name in (ALL, *draft.groups)}

    def groups_of(self, host: HostDraft) -> tuple[str, ...]:
        """The groups that a host is in, `all` left out, the weakest first."""
        direct = host.groups or {UNGROUPED: None}
        return self._sorted({name for group in direct for name in (group, *self._above.get(group, ()))})

    def _sorted(self, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(names, key=lambda name: self._orders.get(name, (1, 1, name))))

    def _follow(self, name: str, path: tuple[str, ...]) -> None:
        if name in self._above or name == ALL:
            return
        above: set[str] = set()
        depth = 1
        for parent in self._draft.groups[name].parents:
            if parent == name or parent in path:
                circle = " -> ".join((*path[path.index(parent) if parent in path else len(path) :], name, parent))
                self._draft.found.add(
                    f"groups hold each other in a circle: {circle}", self._draft.groups[parent].origin
                )
                continue
            self._follow(parent, (*path, name))
            above |= {parent, *self._above[parent]}
            depth = max(depth, self._depths[parent] + 1)
        self._above[name] = frozenset(above)
        self._depths[name] = depth


def _priority(draft: Draft, name: str) -> int:
    node = draft.groups[name].variables.get(_PRIORITY) if name in draft.groups else None
    if node is None:
        return 1
    value = node.value if isinstance(node, ScalarNode) else None
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    draft.found.add(f"{_PRIORITY} must be a number", node)
    return 1


def members(draft: Draft, lineage: Lineage) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every group with its hosts in file order, those of its children included."""
    hosts: dict[str, list[str]] = {name: [] for name in (ALL, UNGROUPED, *draft.groups)}
    for host in draft.hosts.values():
        for group in (ALL, *lineage.groups_of(host)):
            hosts[group].append(host.name)
    return ((name, tuple(names)) for name, names in hosts.items())
