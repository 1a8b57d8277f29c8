"""What the readers of script text share: looking at the nodes of the grammar's tree."""

from __future__ import annotations

from tree_sitter import Node

from runner.lab.syntax import Unsupported

# Nodes that only say how tightly an operator binds: with one child they are that child.
_WRAPPERS = frozenset(
    {"pipeline", "pipeline_chain", "unary_expression", "argument_expression"}
    | {
        f"{kind}_{place}"
        for kind in (
            *("logical", "bitwise", "comparison", "additive", "multiplicative", "format", "range", "array_literal"),
        )
        for place in ("expression", "argument_expression")
    }
)


def text_of(node: Node) -> str:
    """The text that a node covers."""
    return (node.text or b"").decode("utf-8", "surrogatepass")


def bare(node: Node) -> Node:
    """The node without the wrappers around it."""
    while node.type in _WRAPPERS and node.child_count == 1:
        node = node.children[0]
    return node


def refuse(node: Node, what: str) -> Unsupported:
    """The refusal of a part of the language."""
    return Unsupported(f"{what} in a script ({text_of(node)[:60]})")
