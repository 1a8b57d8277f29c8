"""An inventory in YAML (docs.ansible.com, inventory plugin `yaml`)."""

from __future__ import annotations

from runner.model.errors import did_you_mean
from runner.model.source import MapNode, Node, Origin, ScalarNode
from runner.parse import fields
from runner.parse.draft import Draft
from runner.parse.sources import Source, kind
from runner.parse.yaml_tree import read_tree

_SECTIONS = ("hosts", "vars", "children")


def read_yaml(source: Source, draft: Draft) -> None:
    """Adds what the file says to the draft; InputError only for a syntax error."""
    tree = read_tree(source, draft.found)
    if tree is None:
        draft.found.add("the inventory is empty", Origin(source.file, 1, 1), "begin with all: and below it hosts:")
    elif not isinstance(tree, MapNode):
        draft.found.add(f"an inventory must be a mapping of groups, not {kind(tree)}", tree)
    else:
        for key, node in tree.entries:
            _group(str(key.value), key, node, draft)


def _group(name: str, key: ScalarNode, node: Node, draft: Draft) -> None:
    group = draft.group(name, key.origin)
    for section, (title, content) in _sections(node, f"the group {name!r}", draft).items():
        if section == "vars":
            group.variables.update(fields.variables(content, "vars", draft.found))
        elif section == "children":
            for child, below in _named(content, "children", draft):
                draft.add_child(name, str(child.value), child.origin)
                _group(str(child.value), child, below, draft)
        elif section == "hosts":
            for host, variables in _named(content, "hosts", draft):
                _host(host, variables, name, draft)
        else:
            hint = did_you_mean(section, _SECTIONS) or "groups inside a group stand below children:"
            draft.found.add(f"a group has no key {section!r}", title, hint)


def _host(key: ScalarNode, node: Node, group: str, draft: Draft) -> None:
    variables = fields.variables(node, f"the variables of {key.value}", draft.found)
    for host in draft.add_hosts(str(key.value), group, key.origin):
        host.variables.update(variables)


def _sections(node: Node, what: str, draft: Draft) -> dict[str, tuple[ScalarNode, Node]]:
    if isinstance(node, ScalarNode) and node.value is None:
        return {}
    if not isinstance(node, MapNode):
        draft.found.add(f"{what} must be a mapping with {', '.join(_SECTIONS)}; it is {kind(node)}", node)
        return {}
    return {str(key.value): (key, content) for key, content in node.entries}


def _named(node: Node, what: str, draft: Draft) -> tuple[tuple[ScalarNode, Node], ...]:
    if isinstance(node, ScalarNode) and node.value is None:
        return ()
    if isinstance(node, MapNode):
        return node.entries
    if isinstance(node, ScalarNode):
        return ((node, ScalarNode(None, node.origin, "")),)
    draft.found.add(f"{what} must be a mapping, not {kind(node)}", node, "write each name with a colon: web01:")
    return ()
