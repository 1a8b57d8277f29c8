"""YAML text as a tree with places, for tests of arguments."""

from __future__ import annotations

import yaml

from runner.model.source import ListNode, MapNode, Node, Origin, ScalarNode

FILE = "playbook.yml"


def tree(text: str) -> MapNode:
    """The mapping that a YAML text holds, with line, column, spelling and quoting of every scalar."""
    loader = yaml.SafeLoader(text)
    root = loader.get_single_node()
    assert root is not None
    node = _node(root, loader)
    assert isinstance(node, MapNode)
    return node


def _node(node: yaml.Node, loader: yaml.SafeLoader) -> Node:
    origin = Origin(FILE, node.start_mark.line + 1, node.start_mark.column + 1)
    if isinstance(node, yaml.MappingNode):
        pairs = []
        for key, value in node.value:
            name = _node(key, loader)
            assert isinstance(name, ScalarNode)
            pairs.append((name, _node(value, loader)))
        return MapNode(tuple(pairs), origin)
    if isinstance(node, yaml.SequenceNode):
        return ListNode(tuple(_node(item, loader) for item in node.value), origin)
    return ScalarNode(loader.construct_object(node), origin, node.value, node.style in ("'", '"'))  # type: ignore[no-untyped-call]
