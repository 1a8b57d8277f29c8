"""Reads functions and script blocks: their parameters with attributes, and their blocks."""

from __future__ import annotations

from collections.abc import Callable

from tree_sitter import Node

from runner.lab.script_nodes import bare, refuse, text_of
from runner.lab.syntax import (
    Expression,
    Function,
    FunctionBody,
    FunctionParameter,
    Literal,
    Refused,
    Statement,
    Unsupported,
    Validation,
)

ReadStatements = Callable[[Node], tuple[Statement, ...]]
ReadExpression = Callable[[Node], Expression]


def read_function(node: Node, statements: ReadStatements, expression: ReadExpression) -> Function:
    """A function definition."""
    word, name = (text_of(child) for child in node.children[:2])
    if word.lower() != "function" or ":" in name:
        raise refuse(node, f"`{word}`")
    return Function(name, read_block(node, statements, expression))


def read_block(node: Node, statements: ReadStatements, expression: ReadExpression) -> FunctionBody | Refused:
    """The parameters and blocks of a function or script block; what the lab does not execute is refused when called."""
    try:
        return _body(node, statements, expression)
    except Unsupported as reason:
        return _refused(node, expression, str(reason))


def read_script(root: Node, statements: ReadStatements, expression: ReadExpression) -> FunctionBody | Refused:
    """The same of a whole script, whose statements stand beside its param()."""
    try:
        parameters, attributes = _parameters(root, expression)
        body = tuple(one for child in root.children if child.type == "statement_list" for one in statements(child))
    except Unsupported as reason:
        return _refused(root, expression, str(reason))
    return FunctionBody(parameters, attributes, (), None, body)


def _refused(node: Node, expression: ReadExpression, reason: str) -> Refused:
    """What can still be said of a function: its parameters, so that a call which does not bind fails as it should."""
    try:
        parameters, attributes = _parameters(node, expression)
    except Unsupported:
        return Refused(None, (), reason)
    return Refused(parameters, attributes, reason)


def _body(node: Node, statements: ReadStatements, expression: ReadExpression) -> FunctionBody:
    parameters, attributes = _parameters(node, expression)
    blocks: dict[str, tuple[Statement, ...]] = {}
    for body in _descendants(node, "script_block_body"):
        for child in body.children:
            if child.type == "named_block_list":
                for block in child.children:
                    blocks[text_of(block.children[0]).lower()] = statements(block.children[-1])
            else:
                blocks["end"] = statements(body)
    if blocks.keys() - {"begin", "process", "end"}:
        raise refuse(node, "this block")
    return FunctionBody(parameters, attributes, blocks.get("begin", ()), blocks.get("process"), blocks.get("end", ()))


def _descendants(node: Node, kind: str) -> list[Node]:
    """The nodes of a kind below a function, not looking into the functions and blocks inside it."""
    found: list[Node] = []
    for child in node.children:
        if child.type == kind:
            found.append(child)
        elif child.type == "script_block":
            found += _descendants(child, kind)
    return found


def _parameters(node: Node, expression: ReadExpression) -> tuple[tuple[FunctionParameter, ...], tuple[Validation, ...]]:
    if any(child.type == "ERROR" for child in node.children):
        raise Unsupported("script text that it cannot parse")
    attributes: list[Validation] = []
    parameters: list[FunctionParameter] = []
    for block in _descendants(node, "param_block") + _descendants(node, "function_parameter_declaration"):
        for child in block.children:
            if child.type == "attribute_list":
                attributes += [_attribute(attribute, expression) for attribute in child.children]
            elif child.type == "parameter_list":
                parameters += [_parameter(p, expression) for p in child.children if p.type == "script_parameter"]
    return tuple(parameters), tuple(attributes)


def _parameter(node: Node, expression: ReadExpression) -> FunctionParameter:
    type_name = ""
    attributes: list[Validation] = []
    default: Expression | None = None
    name = ""
    for child in node.children:
        if child.type == "attribute_list":
            for attribute in child.children:
                if attribute.children[0].type == "type_literal":
                    type_name = text_of(attribute)[1:-1]
                else:
                    attributes.append(_attribute(attribute, expression))
        elif child.type == "variable":
            name = text_of(child)[1:]
        elif child.type == "script_parameter_default":
            default = expression(bare(child.children[1]))
    return FunctionParameter(name, type_name, tuple(attributes), default)


def _attribute(node: Node, expression: ReadExpression) -> Validation:
    name = next(text_of(child) for child in node.children if child.type == "attribute_name")
    positional: list[Expression] = []
    named: list[tuple[str, Expression]] = []
    for arguments in (child for child in node.children if child.type == "attribute_arguments"):
        for argument in (child for child in arguments.children if child.type == "attribute_argument"):
            first = argument.children[0]
            if first.type != "simple_name":
                positional.append(expression(bare(first)))
            elif argument.child_count == 1:
                named.append((text_of(first), Literal(True)))
            else:
                named.append((text_of(first), expression(bare(argument.children[2]))))
    return Validation(name, tuple(positional), tuple(named))
