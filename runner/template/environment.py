"""Jinja2 as this program uses it: sandboxed, strict, native values, bounded, and without anything outside the text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from jinja2 import TemplateRuntimeError, TemplateSyntaxError, nodes, pass_context
from jinja2.compiler import Frame
from jinja2.lexer import Lexer
from jinja2.meta import TrackingCodeGenerator
from jinja2.nativetypes import NativeCodeGenerator
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer

from runner.model.errors import did_you_mean
from runner.model.secret import Secret
from runner.template.filters import filters
from runner.template.guards import MAX_STEPS, Missing, as_text, check_operands
from runner.template.places import PlacingLexer
from runner.template.predicates import predicates

_CONCAT = ".concat"  # names that no template can spell
_BOUNDED = ".bounded"
_STEPS = ".steps"
_OUTSIDE = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends, nodes.Block)
_DECIDING: Mapping[type[nodes.Node], str] = MappingProxyType(
    {nodes.Getitem: "arg", nodes.CondExpr: "test", nodes.If: "test", nodes.For: "test"}
)
_GROWING = frozenset(("center", "expandtabs", "format", "format_map", "ljust", "rjust", "zfill", "to_bytes", "encode"))


class _ValueCodeGenerator(NativeCodeGenerator):
    """Yields values as they are; only the literal text between expressions is folded into strings."""

    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: Any) -> Any:
        if not isinstance(node, nodes.TemplateData):
            raise nodes.Impossible()
        return node.as_const(frame.eval_ctx)


class ValueEnvironment(ImmutableSandboxedEnvironment):
    """The environment. `read` and `read_expression` give checked syntax trees, ready to be compiled."""

    code_generator_class = _ValueCodeGenerator
    concat = staticmethod(as_text)
    intercepted_binops = frozenset(("+", "*", "**", "%"))

    def __init__(self) -> None:
        super().__init__(
            undefined=Missing,
            autoescape=False,
            keep_trailing_newline=True,
            cache_size=0,
            optimized=False,  # it would evaluate while compiling, and stumble over what is undefined
        )
        self._placing = PlacingLexer(self)
        self.globals = {"range": self.globals["range"], "dict": dict, "namespace": Namespace}
        self.filters.clear()
        self.filters.update({**filters(), _CONCAT: as_text, _BOUNDED: _bounded})
        self.tests.clear()
        self.tests.update(predicates())

    @property
    def lexer(self) -> Lexer:
        return self._placing

    def read(self, text: str) -> nodes.Template:
        """The syntax tree of a text with templates; TemplateSyntaxError with a Place."""
        return self._checked(Parser(self, text).parse())

    def read_expression(self, text: str) -> nodes.Template:
        """The syntax tree that yields the value of a bare expression."""
        parser = Parser(self, text, state="variable")
        expression = parser.parse_expression()
        if not parser.stream.eos:
            raise TemplateSyntaxError("more text after the end of the expression", parser.stream.current.lineno)
        body = nodes.Template([nodes.Output([expression], lineno=1)], lineno=1)
        body.set_environment(self)
        return self._checked(body)

    def names(self, tree: nodes.Template) -> frozenset[str]:
        """The variables that a syntax tree needs: `jinja2.meta.find_undeclared_variables` without its optimizer."""
        generator = TrackingCodeGenerator(self)
        generator.optimizer = None
        generator.visit(tree)
        return frozenset(generator.undeclared_identifiers)

    def ingredients(self, tree: nodes.Template) -> frozenset[str]:
        """Those of `names` whose values may get into the result; what only decides or selects does not."""
        return self.names(tree) & frozenset(_ingredients(tree))

    def _checked(self, tree: nodes.Template) -> nodes.Template:
        for node in tree.find_all(_OUTSIDE):
            raise TemplateSyntaxError(f"{type(node).__name__.lower()} is not available here", node.lineno)
        for name in tree.find_all(nodes.Name):
            if name.name == "self":
                raise TemplateSyntaxError("self is not available here", name.lineno)
        for used in tree.find_all((nodes.Filter, nodes.Test)):
            if isinstance(used, nodes.Filter):
                _check_name(used.name, used.lineno, "filter", self.filters)
            else:
                _check_name(used.name, used.lineno, "test", self.tests)
        return _Bounding().visit(tree)  # type: ignore[no-any-return]

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, Secret) or (attr in _GROWING and isinstance(obj, (str, bytes, int))):
            return False
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        return None  # str.format is not safe here at all: is_safe_attribute refuses it

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        check_operands(operator, left, right)
        return super().call_binop(context, operator, left, right)


class _Bounding(NodeTransformer):
    """Sends loops and concatenations through the guards."""

    def visit_For(self, node: nodes.For) -> nodes.For:
        self.generic_visit(node)
        node.iter = nodes.Filter(node.iter, _BOUNDED, [], [], None, None, lineno=node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:
        self.generic_visit(node)
        pieces = nodes.List(node.nodes, lineno=node.lineno)
        return nodes.Filter(pieces, _CONCAT, [], [], None, None, lineno=node.lineno)


def _ingredients(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, nodes.Name):
        yield node.name
    elif not isinstance(node, (nodes.Compare, nodes.Test)):
        for child in node.iter_child_nodes(exclude=(_DECIDING.get(type(node), ""),)):
            yield from _ingredients(child)


@pass_context
def _bounded(context: Context, values: Iterable[Any]) -> Iterator[Any]:
    """Counts the steps of all loops of one rendering, nested ones too."""
    for value in values:
        context.vars[_STEPS] = context.vars.get(_STEPS, 0) + 1
        if context.vars[_STEPS] > MAX_STEPS:
            raise TemplateRuntimeError(f"the loops take more than {MAX_STEPS} steps")
        yield value


def _check_name(name: str, line: int, kind: str, known: Iterable[str]) -> None:
    names = set(known)
    if name not in names:
        hint = did_you_mean(name, (other for other in names if other.isidentifier()))
        raise TemplateSyntaxError(f"there is no {kind} {name!r}" + (f" ({hint})" if hint else ""), line)
