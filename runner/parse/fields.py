"""Fields of plays and tasks: each function reads one kind of value and reports what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from runner.model.playbook import Throttle
from runner.model.source import ListNode, MapNode, Node, Origin, ScalarNode
from runner.parse.sources import Findings, kind, text_of

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What every host has of itself; nobody else can set it (docs.ansible.com, "Special variables", "Magic variables").
RESERVED = ("inventory_hostname", "inventory_hostname_short", "group_names")
_SIZE = re.compile(r"[0-9]{1,9}")


def text(node: Node | None, what: str, found: Findings) -> str | None:
    """A text; a number or boolean is taken as it is spelled."""
    if node is None:
        return None
    if isinstance(node, ScalarNode) and node.value is not None:
        return node.value if isinstance(node.value, str) else node.text
    found.add(f"{what} must be a text, not {kind(node)}", node)
    return None


def texts(node: Node | None, what: str, found: Findings) -> tuple[ScalarNode, ...]:
    """A text, or a list of texts."""
    good = []
    for item in items(node):
        if text_of(item) and isinstance(item, ScalarNode):
            good.append(item)
        else:
            found.add(f"{what} must be a text or a list of texts, not {kind(item)}", item)
    return tuple(good)


def tags(node: Node | None, found: Findings) -> tuple[str, ...]:
    """Tags, as a list or separated by commas."""
    names = (part.strip() for item in texts(node, "tags", found) for part in str(item.value).split(","))
    return tuple(dict.fromkeys(name for name in names if name))


def boolean(node: Node | None, what: str, default: bool, found: Findings) -> bool:
    if node is None:
        return default
    if isinstance(node, ScalarNode) and isinstance(node.value, bool):
        return node.value
    found.add(f"{what} must be yes or no, not {_shown(node)}", node)
    return default


def identifier(node: Node | None, what: str, found: Findings) -> str | None:
    """A name that a template can use, and that may be given a value."""
    name = variable_name(node, what, found)
    if node is not None and name is not None:
        unreserved(name, node.origin, found)
    return name


def variable_name(node: Node | None, what: str, found: Findings) -> str | None:
    """A name that a template can use."""
    if node is None:
        return None
    name = text_of(node)
    if name is not None and IDENTIFIER.fullmatch(name):
        return name
    hint = "letters, digits and underscores, no digit first"
    found.add(f"{what} must be a variable name, not {_shown(node)}", node, hint)
    return None


def unreserved(name: str, origin: Origin, found: Findings) -> None:
    """Reports a name that only the inventory itself may give a value."""
    if name in RESERVED:
        found.add(f"{name} is what the inventory says of a host and cannot be set", origin)


def variables(node: Node | None, what: str, found: Findings) -> Mapping[str, Node]:
    """A mapping of variable names to values that may hold templates."""
    if node is None or (isinstance(node, ScalarNode) and node.value is None):
        return {}
    if not isinstance(node, MapNode):
        found.add(f"{what} must be a mapping of names to values, not {kind(node)}", node)
        return {}
    for key, _ in node.entries:
        identifier(key, f"a name in {what}", found)
    return dict(node)


def serial(node: Node | None, found: Findings) -> tuple[int | str, ...]:
    """Batch sizes: numbers from 1, or percentages."""
    sizes: list[int | str] = []
    for item in items(node):
        value: Any = item.value if isinstance(item, ScalarNode) else None
        if isinstance(value, str) and _SIZE.fullmatch(value):
            value = int(value)
        if _is_size(value):
            sizes.append(value)
        else:
            found.add(f"serial must be a number from 1 or a percentage, not {_shown(item)}", item)
    return tuple(sizes)


def throttle(node: Node | None, found: Findings) -> Throttle | None:
    """`{key: VARIABLE, at_most: NUMBER}`: hosts for which the variable is the same wait for each other."""
    if node is None:
        return None
    if not isinstance(node, MapNode):
        found.add("throttle must be a mapping", node, "throttle: {key: ce_ha_group, at_most: 1}")
        return None
    for name, _ in node.entries:
        if name.value not in ("key", "at_most"):
            found.add(f"throttle has no {name.value!r}", name, "it has: at_most, key")
    key = variable_name(node.get("key"), "key", found)
    at_most = node.get("at_most")
    value: Any = at_most.value if isinstance(at_most, ScalarNode) else None
    if isinstance(value, str) and _SIZE.fullmatch(value):
        value = int(value)
    if key is None and node.get("key") is None:
        found.add("throttle needs a key", node, "the name of a variable that the inventory gives to hosts")
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        given = f", not {_shown(at_most)}" if at_most else ""
        found.add(f"at_most must be a number from 1{given}", at_most or node)
        return None
    return Throttle(key, value) if key else None


def _is_size(value: object) -> bool:
    if isinstance(value, str):
        return re.fullmatch(r"[0-9]{1,3}%", value) is not None and 1 <= int(value[:-1]) <= 100
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def items(node: Node | None) -> Iterator[Node]:
    """The items of a list; of anything else the node itself."""
    if isinstance(node, ListNode):
        yield from node.items
    elif node is not None:
        yield node


def _shown(node: Node) -> str:
    return repr(node.text) if isinstance(node, ScalarNode) and node.value is not None else kind(node)
