"""A playbook file -> the model, with every mistake in it told at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.model.errors import did_you_mean
from runner.model.playbook import Play, Playbook, Task
from runner.model.source import ListNode, MapNode, Node, Origin, ScalarNode
from runner.modules.base import Module, StateModule
from runner.parse import fields, keywords
from runner.parse.sources import Findings, kind
from runner.parse.tasks import TaskReader
from runner.parse.yaml_tree import read_tree
from runner.template import Templates


def parse_playbook(path: Path, modules: Mapping[str, Module[Any]], templates: Templates | None = None) -> Playbook:
    """Reads a playbook. `modules` by name; their aliases are found in them.

    Errors: InputError, of a file with a syntax error with that error alone, of any other with every mistake in it.
    """
    found = Findings()
    source = found.read(path)
    tree = read_tree(source, found)
    names = {name: module for module in modules.values() for name in (module.name, *module.aliases)}
    reader = TaskReader({**names, **modules}, templates or Templates(), found)
    plays = _PlayReader(reader, found).plays(tree, source.file)
    found.raise_if_any()
    return Playbook(source.file, source.digest, plays)


@dataclass(frozen=True, slots=True)
class _PlayReader:
    tasks: TaskReader
    found: Findings

    def plays(self, tree: Node | None, file: str) -> tuple[Play, ...]:
        if tree is None or (isinstance(tree, ListNode) and not tree.items):
            self.found.add("the playbook is empty", tree or Origin(file, 1, 1), "it is a list of plays: - hosts: all")
            return ()
        if not isinstance(tree, ListNode):
            self.found.add(
                f"a playbook must be a list of plays, not {kind(tree)}", tree, "begin each play with - hosts:"
            )
            return ()
        return tuple(play for node in tree.items if (play := self._play(node)) is not None)

    def _play(self, node: Node) -> Play | None:
        if not isinstance(node, MapNode):
            self.found.add(f"a play must be a mapping, not {kind(node)}", node)
            return None
        self._keys(node)
        hosts = self._hosts(node)
        variables = fields.variables(node.get("vars"), "vars", self.found)
        for value in variables.values():
            self.found.extend(self.tasks.templates.problems(value))
        tasks = self._section(node, "tasks")
        handlers = self._section(node, "handlers")
        self._notified((*tasks, *handlers), self._handler_names(node))
        self._after(tasks, handlers)
        self._registered((*tasks, *handlers))
        return Play(
            name=fields.text(node.get("name"), "name", self.found) or hosts,
            hosts=hosts,
            origin=node.origin,
            variables=variables,
            tasks=tasks,
            handlers=handlers,
            gather_facts=fields.boolean(node.get("gather_facts"), "gather_facts", True, self.found),
            serial=fields.serial(node.get("serial"), self.found),
            throttle=fields.throttle(node.get("throttle"), self.found),
        )

    def _keys(self, node: MapNode) -> None:
        for key, _ in node.entries:
            name = str(key.value)
            if keywords.unsupported_in_play(name):
                self.found.add(f"{name!r} is not supported by ce-runner yet", key, keywords.hint(name))
            elif name in self.tasks.modules:
                self.found.add(f"the module {name} stands in a play", key, "tasks go into the list below tasks:")
            elif name not in keywords.PLAY:
                self.found.add(f"a play has no key {name!r}", key, did_you_mean(name, keywords.PLAY))

    def _hosts(self, node: MapNode) -> str:
        if node.get("hosts") is None:
            if node.get("import_playbook") is None:
                self.found.add("the play has no hosts", node, "hosts: all, or a group, a host or a pattern")
            return ""
        patterns = fields.texts(node.get("hosts"), "hosts", self.found)
        for pattern in patterns:
            if self.tasks.templates.is_template(str(pattern.value)):
                self.found.add("a template in hosts is not supported by ce-runner yet", pattern, "use --limit")
        return ":".join(str(pattern.value) for pattern in patterns)

    def _section(self, node: MapNode, section: str) -> tuple[Task, ...]:
        tasks = node.get(section)
        if tasks is None or (isinstance(tasks, ScalarNode) and tasks.value is None):
            return ()
        if not isinstance(tasks, ListNode):
            self.found.add(f"{section} must be a list, not {kind(tasks)}", tasks)
            return ()
        read = (self.tasks.read(task, number) for number, task in enumerate(tasks.items, 1))
        return tuple(task for task in read if task is not None)

    def _handler_names(self, play: MapNode) -> list[str]:
        """The names under which tasks may notify: each a fixed text, each given once."""
        seen: dict[str, Node] = {}
        for handler in fields.items(play.get("handlers")):
            name = handler.get("name") if isinstance(handler, MapNode) else None
            text = fields.text(name, "name", self.found)
            if name is None:
                self.found.add("a handler needs a name", handler, "tasks notify it by its name")
            elif text in seen:
                hint = f"the first is in line {seen[text].origin.line}"
                self.found.add(f"two handlers are named {text!r}", name, hint)
            elif text is not None:
                seen[text] = name
                if self.tasks.templates.is_template(text):
                    self.found.add("a handler's name must be a fixed text", name)
        return list(seen)

    def _notified(self, tasks: Iterable[Task], names: Sequence[str]) -> None:
        for task in tasks:
            for name in task.notify:
                if self.tasks.templates.is_template(str(name.value)):
                    hint = "write the handler's name; what decides goes into its when:"
                    self.found.add("handlers are named, not computed: no template in notify", name, hint)
                elif name.value not in names:
                    hint = did_you_mean(str(name.value), names) or "handlers stand below handlers: in the same play"
                    self.found.add(f"the play has no handler {str(name.value)!r}", name, hint)

    def _registered(self, tasks: Iterable[Task]) -> None:
        """A name holds one result: a second task that registers it would hide the first, even when it is skipped."""
        seen: dict[str, Task] = {}
        for task in tasks:
            first = seen.setdefault(task.register, task) if task.register else task
            if first is not task:
                hint = f"the task in line {first.origin.line} has it; give each its own name"
                self.found.add(f"two tasks register {task.register!r}", task.origin, hint)

    def _after(self, tasks: Sequence[Task], handlers: Sequence[Task]) -> None:
        earlier: list[str] = []
        for task in tasks:
            for name in task.after:
                if self.tasks.templates.is_template(str(name.value)):
                    self.found.add("tasks are named, not computed: no template in after", name)
                elif name.value not in earlier:
                    hint = did_you_mean(str(name.value), earlier) or "after names tasks that stand before this one"
                    self.found.add(f"no earlier task is named {str(name.value)!r}", name, hint)
            earlier.append(task.name)
        for task in handlers:
            for name in task.after:
                self.found.add("a handler has no after", name, "it runs after the tasks that notify it")
            if task.register:
                hint = "whether it runs is known only when it is done: let what depends on it be notified as well"
                self.found.add("a handler has no register", task.origin, hint)
            if not isinstance(self.tasks.modules[task.module], StateModule):
                hint = "make it a task with a condition on what it depends on"
                self.found.add(f"{task.module} does nothing on a host: it cannot be a handler", task.origin, hint)
