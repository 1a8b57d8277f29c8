"""An inventory in INI form (docs.ansible.com, inventory plugin `ini`).

Values are Python literals where they look like one, on host lines and in `:vars` sections alike, else texts: that is
what Ansible's plugin does. Two things in which Ansible takes a text to pieces without a word are mistakes here: a
backslash outside quotes (`CORP\\admin` becomes `CORPadmin`) and a `#` in the middle of a word (the rest is a comment).
"""

from __future__ import annotations

import ast
import re
import shlex
import warnings
from dataclasses import dataclass, field

from runner.model.errors import did_you_mean
from runner.model.source import Node, Origin, ScalarNode, node_of
from runner.parse.draft import UNGROUPED, Draft
from runner.parse.fields import IDENTIFIER, unreserved
from runner.parse.sources import Source

_SECTION = re.compile(r"\[([^:\]\s]+)(?::([^\]\s]*))?\]\s*(?:#.*)?")
_KINDS = ("hosts", "children", "vars")


def read_ini(source: Source, draft: Draft) -> None:
    """Adds what the file says to the draft."""
    _IniReader(source, draft).read()


@dataclass(slots=True)
class _IniReader:
    source: Source
    draft: Draft
    group: str = UNGROUPED
    section: str = "hosts"
    declared: set[str] = field(default_factory=lambda: {"all", UNGROUPED})
    mentioned: dict[str, Origin] = field(default_factory=dict)  # by [x:vars] or as a child: to be declared somewhere

    def read(self) -> None:
        for number, line in enumerate(self.source.lines, 1):
            content = line.strip()
            if content and content[0] not in ";#":
                self._line(content, Origin(self.source.file, number, line.index(content) + 1))
        for name, origin in self.mentioned.items():
            if name not in self.declared:
                self.draft.found.add(f"there is no group {name!r}", origin, did_you_mean(name, self.declared))

    def _line(self, content: str, origin: Origin) -> None:
        if content.startswith("[") and (header := _SECTION.fullmatch(content)):
            self._header(header[1], header[2], origin)
        elif content.startswith("[") and content.endswith("]"):
            self.draft.found.add(f"{content} is no section", origin, "[group], [group:vars] or [group:children]")
        elif content == "---":
            self.draft.found.add("this looks like YAML", origin, "name the file .yml")
        elif self.section == "hosts":
            self._host(content, origin)
        elif self.section == "vars":
            self._variable(content, origin)
        elif self.section == "children":
            self._child(content, origin)

    def _header(self, group: str, section: str | None, origin: Origin) -> None:
        self.group, self.section = group, section or "hosts"
        if self.section not in _KINDS:
            hint = did_you_mean(self.section, _KINDS) or f"one of {', '.join(_KINDS)}"
            self.draft.found.add(f"a section [{group}:{section}] means nothing", origin, hint)
        elif self.section == "vars":
            self.mentioned.setdefault(group, origin)
        else:
            self.declared.add(group)
        self.draft.group(group, origin)

    def _child(self, content: str, origin: Origin) -> None:
        name = content.split("#")[0].strip()
        if not name or re.search(r"[:\]\s]", name):
            self.draft.found.add(f"{name!r} is no group name", origin)
            return
        self.mentioned.setdefault(name, origin)
        self.draft.add_child(self.group, name, origin)

    def _variable(self, content: str, origin: Origin) -> None:
        name, equals, value = content.partition("=")
        if not equals:
            self.draft.found.add("a line of this section must be name=value", origin)
            return
        column = origin.column + len(name) + 1 + len(value) - len(value.lstrip())
        self._set(self.draft.group(self.group, origin).variables, name.strip(), value.strip(), origin, column)

    def _host(self, content: str, origin: Origin) -> None:
        if (problem := _taken_apart(content)) is not None:
            index, message = problem
            at = Origin(origin.file, origin.line, origin.column + index)
            self.draft.found.add(message, at, "put the value in quotes")
            return
        try:
            words = shlex.split(content, comments=True)
        except ValueError as error:
            self.draft.found.add(f"the quotes in this line do not match ({error})", origin)
            return
        hosts = self.draft.add_hosts(words[0], self.group, origin)
        position = len(words[0])
        for word in words[1:]:
            name, equals, value = word.partition("=")
            position = max(content.find(name + equals, position), position)
            at = Origin(origin.file, origin.line, origin.column + position)
            if not equals:
                self.draft.found.add(f"after the host come name=value pairs, not {word!r}", at)
                continue
            column = at.column + len(name) + 1
            for host in hosts:
                self._set(host.variables, name, value, at, column)

    def _set(self, variables: dict[str, Node], name: str, value: str, at: Origin, column: int) -> None:
        if IDENTIFIER.fullmatch(name):
            unreserved(name, at, self.draft.found)
            variables[name] = _literal(value, Origin(at.file, at.line, column))
        else:
            self.draft.found.add(f"{name!r} is no variable name", at, "letters, digits and underscores, no digit first")


def _taken_apart(line: str) -> tuple[int, str] | None:
    """Where a host line holds a backslash outside quotes or a `#` in the middle of a word, and what that does."""
    quote = ""
    for index, character in enumerate(line):
        if quote:
            if character == quote and not (quote == '"' and line[index - 1] == "\\"):
                quote = ""
        elif character in "\"'":
            quote = character
        elif character == "\\":
            return index, "a backslash outside quotes would be lost"
        elif character == "#":
            return (
                None if line[index - 1].isspace() else (index, "a # in a word begins a comment; the rest would be lost")
            )
    return None


def _literal(text: str, origin: Origin) -> Node:
    """The value as a Python literal if it is one made of texts, numbers, truth values, None, lists and mappings."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = ast.literal_eval(text)
        node = node_of(sorted(value, key=repr) if isinstance(value, set) else value, origin)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return ScalarNode(text, origin, text)
    return ScalarNode(node.value, origin, text) if isinstance(node, ScalarNode) else node
