"""Reads script text: `parse` gives the statements of `syntax.py`.

The text is parsed by a real grammar, tree-sitter-powershell. Where that grammar is narrower than PowerShell (a
decimal's `d`, commas between bare words, a statement on the line of `param()`), this module reads what it makes of
them; text with any other error is refused. An engine runs text for a command of a request with `is_script`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from tree_sitter import Node

from runner.lab.script_functions import read_block, read_function, read_script
from runner.lab.script_grammar import parsed
from runner.lab.script_nodes import bare, refuse, text_of
from runner.lab.syntax import (
    Added,
    Argument,
    ArrayOf,
    Assignment,
    Block,
    Break,
    Call,
    Cast,
    Exit,
    Expression,
    FunctionBody,
    Items,
    Literal,
    Member,
    Negated,
    Pipe,
    Refused,
    ResultOf,
    Return,
    Statement,
    Table,
    Text,
    Throw,
    Try,
    TypeName,
    Unsupported,
    Variable,
)
from runner.lab.tokens import DOUBLE_QUOTES, has_quotes, read_double_quoted, read_number, read_single_quoted

_CONSTANTS = {"true": True, "false": False, "null": None}
_RESERVED = frozenset(
    {"class", "configuration", "data", "define", "dynamicparam", "enum", "filter", "from", "using", "var", "workflow"}
)
_HERE_STRING_ENDS = re.compile(r"\A@'[ \t]*\r?\n|\r?\n'@\Z")
_SILENT = frozenset({"empty_statement", "comment", "{", "}", ";", "(", ")", "@(", "$("})


def parse(text: str) -> tuple[Statement, ...]:
    """The statements of a script. Raises ParseError or Unsupported."""
    root = parsed(text)
    return () if root is None else _statements(root)


def parse_block(text: str) -> FunctionBody | Refused:
    """A script with its param(), as the block that a call of it runs. Raises ParseError or Unsupported."""
    root = parsed(text)
    return FunctionBody((), (), (), None, ()) if root is None else read_script(root, _statements, _expression)


def _statements(parent: Node) -> tuple[Statement, ...]:
    """The statements below a node, whether it is a list of them or holds one."""
    found: list[Statement] = []
    for child in parent.children:
        if child.type == "statement_list":
            found += _statements(child)
        elif child.type not in _SILENT:
            found.append(_statement(bare(child)))
    return tuple(found)


def _statement(node: Node) -> Statement:
    if node.type == "function_statement":
        return read_function(node, _statements, _expression)
    if node.type == "ERROR":
        raise Unsupported("script text that it cannot parse")
    if node.type == "assignment_expression":
        return _assignment(node)
    if node.type == "flow_control_statement":
        return _flow(node)
    if node.type == "try_statement":
        return _try(node)
    if node.type.endswith(("_statement", "_block")):
        raise refuse(node, f"`{text_of(node.children[0])}`")
    return _pipe(node)


def _assignment(node: Node) -> Assignment:
    target, operator, value = node.children
    variable = bare(target.children[0])
    if variable.type != "variable" or text_of(operator) != "=":
        raise refuse(node, "this assignment")
    return Assignment(_variable_name(variable), _pipe(bare(value)))


def _flow(node: Node) -> Statement:
    word = node.children[0].type
    value = _pipe(bare(node.children[1])) if node.child_count > 1 else None
    if word == "throw":
        return Throw(value)
    if word == "exit":
        return Exit(value)
    if word == "return":
        return Return(value)
    if word == "break" and value is None:
        return Break()
    raise refuse(node, f"`{word}`")


def _try(node: Node) -> Try:
    body: tuple[Statement, ...] = ()
    catch: tuple[Statement, ...] | None = None
    finally_: tuple[Statement, ...] = ()
    for child in node.children:
        if child.type == "statement_block":
            body = _statements(child)
        elif child.type == "finally_clause":
            finally_ = _statements(child.children[-1])
        elif child.type == "catch_clauses":
            clause = child.children[0]
            if child.child_count > 1 or clause.child_count != 2:
                raise refuse(child, "a typed catch")
            catch = _statements(clause.children[1])
    return Try(body, catch, finally_)


def _pipe(node: Node) -> Pipe:
    if node.type != "pipeline_chain":
        return Pipe((_element(node),))
    return Pipe(tuple(_element(bare(child)) for child in node.children if child.type != "|"))


def _element(node: Node) -> Call | Expression:
    if node.type != "command":
        return _expression(node)
    first = node.children[0]
    if first.type == "command_invokation_operator":
        if text_of(first) != "&":
            raise refuse(node, "dot-sourcing")
        name = _expression(bare(node.children[1].children[0]))
        return _call(name, node.children[2:])
    word = text_of(first)
    number = read_number(word)
    if number is not None and node.child_count == 1:
        return Literal(number)
    if word[0].isdigit() or has_quotes(word) or "$" in word or word.casefold() in _RESERVED:
        raise refuse(node, "this command")
    return _call(Literal(word), node.children[1:])


def _call(name: Expression, parts: list[Node]) -> Call:
    elements = [element for part in parts if part.type == "command_elements" for element in part.children]
    arguments: list[Argument] = []
    merges_errors = False
    for element, separator in _separated(elements):
        if element.type == "redirection":
            if text_of(element) != "2>&1":
                raise refuse(element, "this redirection")
            merges_errors = True
        elif element.type == "command_parameter":
            arguments.append(Argument(text_of(element)[1:], None))
        elif separator.strip() == ":":
            arguments[-1] = Argument(arguments[-1].name, _argument(element))
        elif separator == "" and arguments and arguments[-1].value is not None:
            arguments[-1] = Argument(arguments[-1].name, _continued(arguments[-1].value, element))
        else:
            arguments.append(Argument(None, _argument(element)))
    return Call(name, tuple(arguments), merges_errors)


def _separated(elements: list[Node]) -> Iterator[tuple[Node, str]]:
    """The elements of a command, each with the text between it and the one before."""
    separator = ""
    for element in elements:
        if element.type == "command_argument_sep":
            separator += text_of(element)
        else:
            yield element, separator
            separator = ""


def _argument(node: Node) -> Expression:
    return _bare_word(node, text_of(node)) if node.type == "generic_token" else _expression(bare(node))


def _bare_word(node: Node, word: str) -> Expression:
    number = read_number(word)
    if number is not None and word[0] not in "+-":
        return Literal(number)
    if not word or has_quotes(word) or re.search(r"[$`,;(){}@#&|<>]", word):
        raise refuse(node, "this bare word")
    return Literal(word)


def _continued(first: Expression, node: Node) -> Expression:
    """`a,b` as an argument: the grammar takes ",b" for a word of its own."""
    word = text_of(node)
    if node.type != "generic_token" or not word.startswith(","):
        raise refuse(node, "this argument")
    rest = tuple(_bare_word(node, part) for part in word[1:].split(","))
    before = first.items if isinstance(first, Items) else (first,)
    return Items((*before, *rest))


def _expression(node: Node) -> Expression:
    reader = _EXPRESSIONS.get(node.type)
    if reader is None:
        raise refuse(node, "this expression")
    return reader(node)


def _constant(node: Node) -> Expression:
    number = read_number(text_of(node))
    if number is None:
        raise refuse(node, "this number")
    return Literal(number)


def _string(node: Node) -> Expression:
    inner = node.children[0]
    token = text_of(inner)
    if inner.type == "verbatim_string_characters":
        text = read_single_quoted(token)
        if text is not None:
            return Literal(text)
    elif inner.type == "verbatim_here_string_characters":
        return Literal(_HERE_STRING_ENDS.sub("", token))
    elif inner.type == "expandable_string_literal" and token[-1] in DOUBLE_QUOTES:
        return _expandable(inner)
    raise refuse(node, "this text")


def _expandable(node: Node) -> Expression:
    source = node.text or b""
    parts: list[Expression] = []
    position = 1
    for child in (c for c in node.children if c.type in ("variable", "sub_expression")):
        start = child.start_byte - node.start_byte
        parts += _piece(node, source[position:start])
        parts.append(_expression(child))
        position = child.end_byte - node.start_byte
    parts += _piece(node, source[position:-1])
    if all(isinstance(part, Literal) for part in parts):
        return Literal("".join(str(part.value) for part in parts if isinstance(part, Literal)))
    return Text(tuple(parts))


def _piece(node: Node, source: bytes) -> list[Expression]:
    text = read_double_quoted(source.decode("utf-8", "surrogatepass"))
    if text is None:
        raise refuse(node, "this text")
    return [Literal(text)] if text else []


def _variable(node: Node) -> Expression:
    name = _variable_name(node)
    folded = name.casefold()
    return Literal(_CONSTANTS[folded]) if folded in _CONSTANTS else Variable(name)


def _variable_name(node: Node) -> str:
    text = text_of(node)
    if not text.startswith("$"):
        raise refuse(node, "splatting")
    return text[2:-1] if text.startswith("${") else text[1:]


def _items(node: Node) -> Expression:
    return Items(tuple(_expression(bare(child)) for child in node.children if child.type not in (",", "comment")))


def _parenthesized(node: Node) -> Expression:
    inner = [child for child in node.children if child.type not in ("(", ")")]
    if len(inner) == 2 and inner[1].type == "ERROR":
        return _decimal(bare(inner[0]), inner[1])
    if len(inner) != 1 or inner[0].type == "ERROR":
        raise Unsupported("script text that it cannot parse")
    return _as_value(_pipe(bare(inner[0])))


def _decimal(node: Node, suffix: Node) -> Expression:
    """`-1.5d`: the grammar does not know the suffix of a real number."""
    text = f"{text_of(node)}{text_of(suffix)}".replace(" ", "")
    number = read_number(text)
    if number is None or node.end_byte != suffix.start_byte:
        raise Unsupported("script text that it cannot parse")
    return Literal(number)


def _table(node: Node) -> Expression:
    pairs: list[tuple[Expression, Expression]] = []
    for body in (child for child in node.children if child.type == "hash_literal_body"):
        for entry in (child for child in body.children if child.type == "hash_entry"):
            key, value = entry.children[0], entry.children[2]
            word = key.children[0]
            read_key = Literal(text_of(word)) if word.type == "simple_name" else _expression(bare(word))
            pairs.append((read_key, _as_value(_pipe(bare(value)))))
    return Table(tuple(pairs))


def _as_value(pipe: Pipe) -> Expression:
    first = pipe.elements[0]
    return ResultOf((pipe,)) if len(pipe.elements) > 1 or isinstance(first, Call) else first


def _unary(node: Node) -> Expression:
    operator = node.children[0]
    if operator.type == "cast_expression":
        return _cast(operator)
    operand = bare(node.children[-1])
    if operator.type == ",":
        return Items((_expression(operand),))
    if operator.type == "-" and node.child_count == 2:
        number = read_number("-" + text_of(operand))
        return Negated(_expression(operand)) if number is None else Literal(number)
    raise refuse(node, "this operator")


def _cast(node: Node) -> Expression:
    type_literal, operand = node.children
    return Cast(_type_name(type_literal), _expression(bare(operand)))


def _type_name(node: Node) -> str:
    """The name between the brackets; an array type ends with []."""
    if any(child.type == "ERROR" for child in node.children) or "," in text_of(node):
        raise refuse(node, "this type")
    return text_of(node)[1:-1].replace(" ", "")


def _added(node: Node) -> Expression:
    left, operator, right = node.children
    if operator.type != "+":
        raise refuse(node, "this operator")
    return Added(_expression(bare(left)), _expression(bare(right)))


def _member(node: Node) -> Expression:
    target, separator, name = node.children[:3]
    arguments: tuple[Expression, ...] | None = None
    if len(node.children) > 3:
        given = [child for part in node.children[3].children for child in part.children]
        arguments = tuple(_expression(bare(child)) for child in given if child.type != ",")
    read = TypeName(_type_name(target)) if target.type == "type_literal" else _expression(bare(target))
    if name.type != "member_name" or name.children[0].type != "simple_name":
        raise refuse(node, "this member")
    return Member(read, text_of(name), separator.type == "::", arguments)


def _array(node: Node) -> Expression:
    return ArrayOf(_statements(node))


def _sub_expression(node: Node) -> Expression:
    return ResultOf(_statements(node))


def _script_block(node: Node) -> Expression:
    return Block(read_block(node, _statements, _expression))


_EXPRESSIONS: dict[str, Callable[[Node], Expression]] = {
    "additive_argument_expression": _added,
    "additive_expression": _added,
    "array_expression": _array,
    "array_literal_expression": _items,
    "cast_expression": _cast,
    "expression_with_unary_operator": _unary,
    "hash_literal_expression": _table,
    "integer_literal": _constant,
    "invokation_expression": _member,
    "member_access": _member,
    "parenthesized_expression": _parenthesized,
    "real_literal": _constant,
    "script_block_expression": _script_block,
    "string_literal": _string,
    "sub_expression": _sub_expression,
    "type_literal": lambda node: TypeName(_type_name(node)),
    "variable": _variable,
}
