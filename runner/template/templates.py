"""Rendering: from what the user wrote, and variables, to values.

A variable whose value is a Node was written by the user: it is rendered when it is used. Every other value is data - a
host's facts, registered results, what another template gave - and is never looked at for templates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from jinja2 import Template, TemplateSyntaxError, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import new_context
from jinja2.utils import missing

from runner.model.errors import Problem, did_you_mean
from runner.model.source import ListNode, MapNode, Node, Origin, ScalarNode
from runner.template.environment import ValueEnvironment
from runner.template.errors import TemplateError, UndefinedName
from runner.template.guards import Missing, UndefinedUse, as_text, settled
from runner.template.places import after_dot, origin_at

MAX_CHAIN = 40  # variables that use one another
_OPENERS = ("{{", "{%", "{#")
_LOOKUPS = ("lookup", "query", "q")
_NOWHERE = Origin("template")


@dataclass(frozen=True, slots=True)
class _Compiled:
    template: Template
    alone: bool  # one expression and nothing else: gives the value itself
    names: frozenset[str]
    ingredients: frozenset[str]  # of these names


class Templates:
    """Compiles, caches and renders templates. Give one to everything in a run that renders; it keeps no variables."""

    def __init__(self) -> None:
        self._environment = ValueEnvironment()
        self._texts: dict[str, _Compiled] = {}
        self._expressions: dict[str, _Compiled] = {}

    def is_template(self, text: str) -> bool:
        return any(opener in text for opener in _OPENERS)

    def names(self, text: str) -> frozenset[str]:
        """The variables that a text needs; raises TemplateError if its syntax is wrong."""
        return self._text(_bare(text)).names if self.is_template(text) else frozenset()

    def expression_names(self, text: str) -> frozenset[str]:
        """The variables that a bare expression (`when`, `that`) needs; raises TemplateError."""
        return self._expression(_bare(text)).names

    def ingredients(self, node: Node, variables: Mapping[str, object]) -> frozenset[str]:
        """The variables whose values may be in the node's own: those that its templates take them from, and theirs.

        A variable that only decides or selects (`secrets[site]`, `x if site == 'a' else y`) is none. TemplateError if
        the syntax of a template is wrong.
        """
        seen: set[str] = set()
        waiting: list[object] = [node]
        while waiting:
            match waiting.pop():
                case ScalarNode() as scalar if isinstance(scalar.value, str) and self.is_template(scalar.value):
                    new = (self._text(scalar).ingredients & variables.keys()) - seen
                    seen |= new
                    waiting += [variables[name] for name in new]
                case ListNode(items=items):
                    waiting += items
                case MapNode(entries=entries):
                    waiting += [value for _, value in entries]
        return frozenset(seen)

    def render(self, node: Node, variables: Mapping[str, object]) -> object:
        """The node's value with all templates in it rendered; raises TemplateError with the place of the mistake.

        A lone `{{ expression }}` gives the value itself, unchanged; mixed text is a string; keys stay as they are.
        """
        return self._render(node, _Scope(self, variables))

    def evaluate(self, expression: str | ScalarNode, variables: Mapping[str, object]) -> object:
        """The value of a bare expression; a scalar that is no string is its own value. Raises TemplateError."""
        node = expression if isinstance(expression, ScalarNode) else _bare(expression)
        if not isinstance(node.value, str):
            return node.value
        return self._run(self._expression(node), node, _Scope(self, variables))

    def problems(self, node: Node) -> tuple[Problem, ...]:
        """What is wrong with the syntax of the templates in a tree, keys included: those are never rendered."""
        return tuple(self._problems(node))

    def expression_problems(self, node: ScalarNode) -> tuple[Problem, ...]:
        """What is wrong with the syntax of a bare expression."""
        try:
            if isinstance(node.value, str):
                self._expression(node)
        except TemplateError as error:
            return (error.problem,)
        return ()

    def _problems(self, node: Node) -> Iterator[Problem]:
        if isinstance(node, ScalarNode):
            try:
                if isinstance(node.value, str) and self.is_template(node.value):
                    self._text(node)
            except TemplateError as error:
                yield error.problem
        elif isinstance(node, ListNode):
            for item in node.items:
                yield from self._problems(item)
        else:
            for key, value in node.entries:
                if self.is_template(str(key.value)):
                    yield Problem("templates in keys are never rendered", key.origin)
                yield from self._problems(value)

    def _render(self, node: Node, scope: _Scope) -> object:
        if isinstance(node, MapNode):
            return {key: self._render(value, scope) for key, value in node}
        if isinstance(node, ListNode):
            return [self._render(item, scope) for item in node.items]
        if not isinstance(node.value, str) or not self.is_template(node.value):
            return node.value
        return self._run(self._text(node), node, scope)

    def _text(self, node: ScalarNode) -> _Compiled:
        text = str(node.value)
        if text not in self._texts:
            self._texts[text] = self._compile(node, self._environment.read)
        return self._texts[text]

    def _expression(self, node: ScalarNode) -> _Compiled:
        text = str(node.value)
        if text not in self._expressions:
            if self.is_template(text):
                raise TemplateError("an expression is written without {{ }}", _known(node.origin))
            self._expressions[text] = self._compile(node, self._environment.read_expression)
        return self._expressions[text]

    def _compile(self, node: ScalarNode, read: Any) -> _Compiled:
        try:
            tree = read(str(node.value))
            names, ingredients = self._environment.names(tree), self._environment.ingredients(tree)
            template = Template.from_code(self._environment, self._environment.compile(tree), {})
        except TemplateSyntaxError as error:
            origin = origin_at(node, error.lineno)
            raise TemplateError(f"template syntax: {error.message}", _known(origin)) from None
        except (RecursionError, MemoryError, ValueError, SyntaxError, OverflowError) as error:
            raise TemplateError(f"the template cannot be compiled: {_said(error)}", _known(node.origin)) from None
        return _Compiled(template, _alone(tree), names, ingredients)

    def _run(self, compiled: _Compiled, node: ScalarNode, scope: _Scope) -> object:
        # Jinja2 wants a dict here, but reads it only by `in` and `[]`; a real one would render every variable.
        context = new_context(self._environment, None, {}, cast("dict[str, Any]", scope), shared=True)
        try:
            pieces = compiled.template.root_render_func(context)
            return settled(next(iter(pieces))) if compiled.alone else as_text(pieces)
        except TemplateError:
            raise
        except UndefinedUse as error:
            raise self._undefined(error, node, scope) from None
        except SecurityError as error:
            raise TemplateError(f"not allowed in a template: {error}", _known(node.origin)) from None
        except RecursionError:
            raise TemplateError("the template, or what it uses, is nested too deeply", _known(node.origin)) from None
        except Exception as error:  # an expression may fail with anything that an operation on its values raises
            raise TemplateError(f"the template fails: {_said(error)}", _known(node.origin)) from None

    def _undefined(self, use: UndefinedUse, node: ScalarNode, scope: _Scope) -> UndefinedName:
        name = str(use.name)
        if use.of is missing:
            message = f"the variable {name!r} is not defined"
            hint = "lookups work only in connection variables" if name in _LOOKUPS else did_you_mean(name, scope)
        else:
            message = f"{_kind(use.of)} has no {name!r}"
            hint = did_you_mean(name, map(str, use.of)) if isinstance(use.of, Mapping) else ""
        return UndefinedName(message, _known(self._place(node, name, use.of is missing)), hint)

    def _place(self, node: ScalarNode, name: str, variable: bool) -> Origin:
        """Where a name stands in a text or an expression; the text compiled before, so that it can be read again."""
        text = str(node.value)
        tree = self._environment.read(text) if self.is_template(text) else self._environment.read_expression(text)
        variables = [found.lineno for found in tree.find_all(nodes.Name) if found.name == name]
        attributes = [after_dot(found.lineno) for found in tree.find_all(nodes.Getattr) if found.attr == name]
        places = variables if variable else attributes
        return origin_at(node, places[0]) if places else node.origin


class _Scope(Mapping[str, object]):
    """The variables of one rendering: a Node behind a name is rendered when it is first used, and kept."""

    def __init__(self, templates: Templates, variables: Mapping[str, object]) -> None:
        self._templates = templates
        self._variables = variables
        self._rendered: dict[str, object] = {}
        self._open: dict[str, None] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._variables or name in self._templates._environment.globals

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)

    def __getitem__(self, name: str) -> object:
        if name not in self._variables:
            return self._templates._environment.globals[name]
        value = self._variables[name]
        if not isinstance(value, (ScalarNode, ListNode, MapNode)):
            return value
        if name not in self._rendered:
            self._rendered[name] = self._value(name, value)
        return self._rendered[name]

    def _value(self, name: str, node: Node) -> object:
        """The rendered value. What goes wrong waits in a Missing: a template may name a variable and not use it."""
        if name in self._open:
            chain = " -> ".join([*list(self._open)[list(self._open).index(name) :], name])
            return Missing(name=name, error=TemplateError(f"the variable {name!r} uses itself: {chain}", node.origin))
        if len(self._open) >= MAX_CHAIN:
            return Missing(name=name, error=TemplateError("variables use each other in too long a chain", node.origin))
        self._open[name] = None
        try:
            return self._templates._render(node, self)
        except TemplateError as error:
            return Missing(name=name, error=error)
        finally:
            del self._open[name]


def _bare(text: str) -> ScalarNode:
    return ScalarNode(text, _NOWHERE, text)


def _known(origin: Origin) -> Origin | None:
    return None if origin is _NOWHERE else origin


def _alone(tree: nodes.Template) -> bool:
    if len(tree.body) != 1 or not isinstance(tree.body[0], nodes.Output):
        return False
    pieces = tree.body[0].nodes
    return len(pieces) == 1 and not isinstance(pieces[0], nodes.TemplateData)


def _kind(value: object) -> str:
    return "the mapping" if isinstance(value, Mapping) else f"a value of type {type(value).__name__}"


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
