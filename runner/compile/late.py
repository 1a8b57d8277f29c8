"""Arguments with templates that the module itself fills in later (`Module.late`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.compile.variables import node_names
from runner.model.playbook import Task
from runner.model.source import ListNode, MapNode, Node, ScalarNode
from runner.modules.base import Late, Module
from runner.template import Templates


def late_names(module: Module[Any], task: Task, argument: str) -> frozenset[str]:
    """The names that compile leaves alone in an argument; a loop's variable of such a name is the loop's."""
    names = module.late.get(argument, frozenset())
    return names - {task.loop_variable} if task.loop is not None else names


def render_around(node: Node, late: frozenset[str], templates: Templates, variables: Mapping[str, object]) -> object:
    """The node's value, with a Late in the place of each template that names one of `late`."""
    if isinstance(node, MapNode):
        return {key: render_around(value, late, templates, variables) for key, value in node}
    if isinstance(node, ListNode):
        return [render_around(item, late, templates, variables) for item in node.items]
    if isinstance(node, ScalarNode) and node_names(node, templates) & late:
        return Late(str(node.value))
    return templates.render(node, variables)
