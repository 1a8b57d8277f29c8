"""One task on one host: its condition, its loop, its arguments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from runner.compile.known import FACTS, Known, Means
from runner.compile.late import late_names, render_around
from runner.compile.variables import Scope, Tracked, node_names, scope_of
from runner.model.content import Contents
from runner.model.errors import InputError
from runner.model.inventory import Host
from runner.model.playbook import Play, Task
from runner.model.secret import Secret
from runner.model.source import ListNode, Node, ScalarNode
from runner.model.task import Broken, Compiled, Deferred, Header, Pending, Ready, Skipped, TaskId
from runner.modules.arguments import dump, validate
from runner.modules.base import FactModule, LocalModule, Module, StateModule
from runner.template import TemplateError, Templates


def compile_host(
    play: Play,
    number: int,
    host: Host,
    known: Known,
    means: Means,
    before: Sequence[Compiled] = (),
) -> tuple[Compiled, ...]:
    """Every task instance of a play on a host, handlers last, as far as it can be decided from what is known.

    `before` is what was compiled when less was known: what was decided then stays as it is.
    """
    decided = _decided(before)
    fact_names = frozenset(
        name for module in means.modules.values() if isinstance(module, FactModule) for name in module.names
    )
    compiled: list[Compiled] = []
    for section, tasks in (("tasks", play.tasks), ("handlers", play.handlers)):
        for task in tasks:
            if (section, task.number) in decided:
                compiled += decided[section, task.number]
                continue
            scope = scope_of(play, task, host, known, means, fact_names)
            compiler = _TaskCompiler(
                task, means.modules[task.module], means.templates, means.contents, _header(number, section, task)
            )
            compiled += compiler.instances(scope)
    return tuple(compiled)


def _decided(compiled: Sequence[Compiled]) -> dict[tuple[str, int], list[Compiled]]:
    """The instances of those tasks of which none is pending, by section and number."""
    tasks: dict[tuple[str, int], list[Compiled]] = {}
    for one in compiled:
        tasks.setdefault((one.header.id.section, one.header.id.task), []).append(one)
    return {task: ones for task, ones in tasks.items() if not any(isinstance(one, Pending) for one in ones)}


def _header(play: int, section: str, task: Task) -> Header:
    return Header(
        id=TaskId(play, section, task.number),
        name=task.name,
        module=task.module,
        origin=task.origin,
        notify=tuple(str(name.value) for name in task.notify),
        register=task.register,
        tags=task.tags,
        looped=task.loop is not None,
        after=tuple(str(name.value) for name in task.after),
        ignore_errors=task.ignore_errors,
    )


@dataclass(frozen=True, slots=True)
class _TaskCompiler:
    task: Task
    module: Module[Any]
    templates: Templates
    contents: Contents
    header: Header

    def instances(self, scope: Scope) -> list[Compiled]:
        """An entry for each loop item and part; a single one when the task is undecided or broken as a whole."""
        if self.task.loop is None:
            return list(self._one(scope, self.header))
        names = node_names(self.task.loop, self.templates)
        if needs := self._needs(scope, names):
            return [self._stuck(scope, self.header, names) or Pending(self.header, needs)]
        try:
            items = self.templates.render(self.task.loop, scope.variables)
        except TemplateError as error:
            return [Broken(self.header, str(error))]
        if not isinstance(items, (list, tuple)):
            return [Broken(self.header, f"loop wants a list, not {type(items).__name__}")]
        if not items:
            decided = self._decided_by(self.header, scope, names, scope.variables.get(FACTS))
            return [Skipped(decided, "the loop has no items")]
        found: list[Compiled] = []
        for index, item in enumerate(items):
            inner = scope.with_variables({self.task.loop_variable: item})
            header = replace(self.header, id=replace(self.header.id, item=index), item=_label(item))
            found += self._one(inner, header)
        return found

    def _one(self, scope: Scope, header: Header) -> Iterator[Compiled]:
        header = replace(header, name=self._title(scope))
        tracked = scope.variables.get(FACTS)
        try:
            names = self._names(scope)
            for condition in self.task.when:
                if self._undecided(scope, condition):
                    continue
                if needs := self._needs(scope, self._condition_names(condition)):
                    yield Pending(header, needs)
                    return
                if not self._holds(condition, scope):
                    yield Skipped(self._decided_by(header, scope, names, tracked), str(condition.value))
                    return
            if needs := self._needs(scope, names):
                yield self._stuck(scope, header, names) or Pending(header, needs)
                return
            yield from self._ready(scope, header, names, tracked)
        except TemplateError as error:
            yield Broken(header, str(error))
        except InputError as error:
            yield Broken(header, "\n".join(str(problem) for problem in error.problems))

    def _ready(self, scope: Scope, header: Header, names: frozenset[str], tracked: object) -> Iterator[Compiled]:
        data = {key: self._argument(key, node, scope) for key, node in self.task.arguments}
        arguments = self.module.with_contents(validate(self.module, data, self.task.arguments), self.contents)
        header = self._decided_by(header, scope, names, tracked)
        deferred = self._deferred(scope)
        parts = self.module.parts(arguments) if isinstance(self.module, StateModule) else (arguments,)
        for index, part in enumerate(parts):
            yield Ready(replace(header, id=replace(header.id, part=index)), part, dump(part), deferred)

    def _undecided(self, scope: Scope, condition: ScalarNode) -> bool:
        """Whether only apply can decide a condition. Errors: TemplateError if it asks for other things as well."""
        names = scope.closure(self._condition_names(condition), self.templates)
        if not names & scope.undecided.keys():
            return False
        written = self._condition_names(condition)
        if wrapped := sorted((names & scope.undecided.keys()) - written):
            raise TemplateError(
                f"{_quoted(wrapped)} is known only during apply: name it in the condition itself", condition.origin
            )
        if others := sorted(names - scope.undecided.keys()):
            raise TemplateError(
                f"{_quoted(names & scope.undecided.keys())} is known only during apply, and {_quoted(others)} before: "
                "make two conditions of it",
                condition.origin,
            )
        return True

    def _deferred(self, scope: Scope) -> Deferred | None:
        conditions = [condition for condition in self.task.when if self._undecided(scope, condition)]
        names = {name for condition in conditions for name in self._condition_names(condition)}
        if not conditions:
            return None
        registers = {name: scope.undecided[name] for name in sorted(names & scope.undecided.keys())}
        return Deferred(conditions=tuple(str(condition.value) for condition in conditions), registers=registers)

    def _stuck(self, scope: Scope, header: Header, names: frozenset[str]) -> Broken | None:
        """A task whose arguments wait for what only apply can tell will never be ready."""
        late = scope.closure(names, self.templates) & scope.undecided.keys()
        if not late:
            return None
        return Broken(header, f"{_quoted(late)} is known only during apply: only a condition (when) can use it")

    def _title(self, scope: Scope) -> str:
        """The task's name, rendered if that can be done: a name must never keep a task from being done."""
        text = self.task.name
        try:
            if not self.templates.is_template(text) or self._needs(scope, self.templates.names(text)):
                return text
            return str(self.templates.render(ScalarNode(text, self.task.origin, text), scope.variables))
        except TemplateError:
            return text

    def _argument(self, key: str, node: Node, scope: Scope) -> object:
        expressions = self.module.expressions if isinstance(self.module, LocalModule) else frozenset()
        if late := late_names(self.module, self.task, key):
            return render_around(node, late, self.templates, scope.variables)
        if key not in expressions:
            return self.templates.render(node, scope.variables)
        nodes = node.items if isinstance(node, ListNode) else (node,)
        return [self._evaluated(item, scope) for item in nodes]

    def _evaluated(self, node: Node, scope: Scope) -> dict[str, object]:
        if not isinstance(node, ScalarNode):
            return {"text": "", "value": self.templates.render(node, scope.variables)}
        return {"text": node.text, "value": self.templates.evaluate(node, scope.variables)}

    def _holds(self, condition: ScalarNode, scope: Scope) -> bool:
        value = self.templates.evaluate(condition, scope.variables)
        if isinstance(value, Secret):
            raise TemplateError("when: a secret decides nothing", condition.origin)
        if isinstance(value, str):  # "false" would be true: a variable from -e or an INI file is a text
            raise TemplateError(
                f"when: {value!r} is a text, neither true nor false: add | bool, or | length > 0", condition.origin
            )
        return bool(value)

    def _condition_names(self, condition: ScalarNode) -> frozenset[str]:
        return self.templates.expression_names(condition.value) if isinstance(condition.value, str) else frozenset()

    def _names(self, scope: Scope) -> frozenset[str]:
        """Every variable that the loop, the condition and the arguments name, and that must be known before apply."""
        names = node_names(self.task.loop, self.templates) if self.task.loop is not None else frozenset()
        for key, node in self.task.arguments:
            names |= node_names(node, self.templates) - late_names(self.module, self.task, key)
        for condition in self.task.when:
            if not self._undecided(scope, condition):
                names |= self._condition_names(condition)
        if isinstance(self.module, LocalModule):
            for key in self.module.expressions:
                names |= self._expression_names(self.task.arguments.get(key))
        return names

    def _expression_names(self, node: Node | None) -> frozenset[str]:
        if isinstance(node, ScalarNode):
            return self.templates.expression_names(node.value) if isinstance(node.value, str) else frozenset()
        if isinstance(node, ListNode):
            return frozenset(name for item in node.items for name in self._expression_names(item))
        return frozenset()

    def _needs(self, scope: Scope, names: frozenset[str]) -> frozenset[str]:
        """What must be learned first."""
        return scope.closure(names, self.templates) & scope.pending

    def _decided_by(self, header: Header, scope: Scope, names: frozenset[str], tracked: object) -> Header:
        used = (scope.closure(names, self.templates) & scope.fact_names) - scope.pending  # only what was read decides
        if isinstance(tracked, Tracked):
            used |= tracked.used & scope.fact_names
        return replace(header, facts=tuple(sorted(used)))


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in sorted(names))


def _label(item: object) -> str:
    try:
        return str(item)
    except ValueError:  # a number of thousands of digits
        return f"a {type(item).__name__}"
