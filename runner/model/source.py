"""Where a value comes from, and the position-preserving tree that YAML is read into."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """A place in a file; line and column count from 1. Line 0 means the value was not read from a text."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """A YAML scalar. `text` is the spelling in the file: `3.10` is the float 3.1, and only `text` still tells."""

    value: Scalar
    origin: Origin
    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class ListNode:
    items: tuple[Node, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class MapNode:
    """A YAML mapping in file order; the keys keep their own origins."""

    entries: tuple[tuple[ScalarNode, Node], ...]
    origin: Origin

    def get(self, key: str) -> Node | None:
        return next((node for name, node in self.entries if name.value == key), None)

    def key(self, key: str) -> ScalarNode | None:
        return next((name for name, _ in self.entries if name.value == key), None)

    def __iter__(self) -> Iterator[tuple[str, Node]]:
        return ((str(name.value), node) for name, node in self.entries)


Node = ScalarNode | ListNode | MapNode


def plain(node: Node) -> object:
    """The ordinary Python value (dict, list, scalar) of a node."""
    if isinstance(node, ScalarNode):
        return node.value
    if isinstance(node, ListNode):
        return [plain(item) for item in node.items]
    return {str(name.value): plain(value) for name, value in node.entries}


def node_of(value: object, origin: Origin) -> Node:
    """A tree for a value that was not read from a file (an INI variable, `-e` on the command line)."""
    if isinstance(value, dict):
        return MapNode(
            tuple((ScalarNode(str(k), origin, str(k)), node_of(v, origin)) for k, v in value.items()), origin
        )
    if isinstance(value, (list, tuple)):
        return ListNode(tuple(node_of(item, origin) for item in value), origin)
    if value is None or isinstance(value, (str, int, float, bool)):
        return ScalarNode(value, origin, str(value))
    raise TypeError(f"a {type(value).__name__} cannot stand in a playbook tree")
