"""One task or handler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from runner.model.errors import did_you_mean
from runner.model.playbook import Task
from runner.model.source import ListNode, MapNode, Node, ScalarNode
from runner.modules.arguments import problems
from runner.modules.base import LocalModule, Module, StateModule
from runner.parse import fields, keywords
from runner.parse.sources import Findings, kind, text_of
from runner.template import TemplateError, Templates

_NAMING = ("name", "path")  # arguments that tell in a word what a nameless task is about
_NAME_LENGTH = 60


@dataclass(frozen=True, slots=True)
class TaskReader:
    """Reads tasks. `modules` holds every name and alias a playbook may use; mistakes go into `found`."""

    modules: Mapping[str, Module[Any]]
    templates: Templates
    found: Findings

    def read(self, node: Node, number: int) -> Task | None:
        """The task, or None when it has no module to speak of."""
        if not isinstance(node, MapNode):
            self.found.add(f"a task must be a mapping, not {kind(node)}", node)
            return None
        self._syntax(node)
        task = Task(
            name=fields.text(node.get("name"), "name", self.found) or "",
            module="",
            arguments=MapNode((), node.origin),
            origin=node.origin,
            number=number,
            when=self._conditions(node.get("when")),
            loop=node.get("loop"),
            loop_variable=self._loop_variable(node),
            register=fields.identifier(node.get("register"), "register", self.found),
            notify=fields.texts(node.get("notify"), "notify", self.found),
            tags=fields.tags(node.get("tags"), self.found),
            variables=fields.variables(node.get("vars"), "vars", self.found),
            after=fields.texts(node.get("after"), "after", self.found),
            ignore_errors=fields.boolean(node.get("ignore_errors"), "ignore_errors", False, self.found),
        )
        chosen = self._module(node)
        if chosen is None:
            return None
        module, arguments = chosen
        if task.after and not isinstance(module, StateModule):
            hint = f"{module.name} is decided from what is known: give it a when: on a registered result"
            self.found.add(f"after is for tasks that read a host, and {module.name} is none", node.key("after"), hint)
        if task.loop is not None and module.arguments.any_names:
            self._not_growing(arguments)
        return replace(task, module=module.name, arguments=arguments, name=task.name or _name(module, arguments))

    def _module(self, node: MapNode) -> tuple[Module[Any], MapNode] | None:
        """The module and its arguments. Every key that is no keyword is a module, or a mistake."""
        others = [key for key, _ in node.entries if key.value not in keywords.TASK]
        unsupported = [key for key in others if keywords.unsupported_in_task(str(key.value))]
        for key in unsupported:
            self.found.add(f"{key.value!r} is not supported by ce-runner yet", key, keywords.hint(str(key.value)))
        named = [key for key in others if key not in unsupported]
        known = [key for key in named if key.value in self.modules]
        for key in named:
            if key not in known:
                self._unknown(str(key.value), key, has_module=bool(known))
        if not known:
            if not others:
                self.found.add("the task names no module", node, "its key is the module's name, such as win_service:")
            return None
        for key in known[1:]:
            self.found.add(f"the task names two modules: {known[0].value} and {key.value}", key, "make two tasks of it")
        module = self.modules[str(known[0].value)]
        return module, self._arguments(module, known[0], node)

    def _unknown(self, name: str, key: ScalarNode, has_module: bool) -> None:
        if has_module:
            self.found.add(f"a task has no key {name!r}", key, did_you_mean(name, keywords.TASK))
            return
        hint = did_you_mean(name, (*self.modules, *keywords.TASK)) or "`ce-runner doc` lists the modules"
        self.found.add(f"there is no module {name!r}", key, hint)

    def _arguments(self, module: Module[Any], key: ScalarNode, task: MapNode) -> MapNode:
        node = task.get(str(key.value))
        if isinstance(node, ScalarNode) and node.value is None:
            node = MapNode((), key.origin)
        if isinstance(node, ScalarNode) and module.free_form:
            node = MapNode(((ScalarNode(module.free_form, node.origin, module.free_form), node),), node.origin)
        if not isinstance(node, MapNode):
            hint = f"write them as a mapping below {key.value}:"
            self.found.add(f"the arguments of {key.value} must be a mapping", node or key, hint)
            return MapNode((), key.origin)
        self.found.extend(problems(module, node, self.templates.is_template))
        if module.arguments.any_names:
            self._variables(module, node)
        expressions = module.expressions if isinstance(module, LocalModule) else frozenset()
        for name, value in node:
            if name in module.constant and self.templates.is_template(text_of(value) or ""):
                hint = "hand values over as parameters; in PowerShell's own text, write a blank between two braces"
                self.found.add(f"{name} is taken as it is written: no template in it", value, hint)
            if name in expressions:
                self._expressions(value)
            else:
                self.found.extend(self.templates.problems(value))
        return node

    def _variables(self, module: Module[Any], node: MapNode) -> None:
        """The arguments of a module whose arguments are variables."""
        for key, _ in node.entries:
            fields.identifier(key, f"a name in {module.name}", self.found)
        if not node.entries:
            self.found.add(f"{module.name} names no variable", node, f"{module.name}: {{name: value}}")

    def _not_growing(self, arguments: MapNode) -> None:
        """Items are set side by side, not one after the other: none can see what the item before it has set."""
        for name, value in arguments:
            if isinstance(value, ScalarNode) and isinstance(value.value, str) and name in self._names_in(value):
                hint = "make the list in one expression, with filters"
                self.found.add(f"{name!r} cannot grow in a loop: its items do not see each other", value, hint)

    def _names_in(self, node: ScalarNode) -> frozenset[str]:
        try:
            return self.templates.names(str(node.value))
        except TemplateError:  # told elsewhere, with its place
            return frozenset()

    def _expressions(self, node: Node) -> None:
        for item in fields.items(node):
            if isinstance(item, ScalarNode):
                self.found.extend(self.templates.expression_problems(item))

    def _conditions(self, node: Node | None) -> tuple[ScalarNode, ...]:
        conditions = []
        for item in fields.items(node):
            if not isinstance(item, ScalarNode) or not isinstance(item.value, (bool, str)):
                self.found.add(f"when must be an expression, yes or no, or a list of them, not {kind(item)}", item)
                continue
            self.found.extend(self.templates.expression_problems(item))
            conditions.append(item)
        return tuple(conditions)

    def _loop_variable(self, node: MapNode) -> str:
        loop, control = node.get("loop"), node.get("loop_control")
        if loop is not None and not isinstance(loop, ListNode) and not self.templates.is_template(text_of(loop) or ""):
            self.found.add(f"loop must be a list or a template, not {kind(loop)}", loop)
        if control is None:
            return "item"
        if not isinstance(control, MapNode):
            self.found.add(f"loop_control must be a mapping, not {kind(control)}", control)
            return "item"
        if loop is None:
            self.found.add("loop_control without loop", node.key("loop_control"))
        for key, _ in control.entries:
            if key.value != "loop_var":
                self.found.add(f"{key.value!r} in loop_control is not supported by ce-runner yet", key)
        return fields.identifier(control.get("loop_var"), "loop_var", self.found) or "item"

    def _syntax(self, node: MapNode) -> None:
        """The templates outside the module's arguments."""
        for key in ("name", "loop", "vars"):
            if (value := node.get(key)) is not None:
                self.found.extend(self.templates.problems(value))


def _name(module: Module[Any], arguments: MapNode) -> str:
    told = next((value for key in _NAMING if (value := text_of(arguments.get(key)))), "")
    name = f"{module.name} {told}".strip()
    return name if len(name) <= _NAME_LENGTH else name[: _NAME_LENGTH - 1] + "…"
