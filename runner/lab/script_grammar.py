"""The grammar of PowerShell's language, tree-sitter-powershell, and where it has to be helped."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

from runner.lab.syntax import ParseError, Unsupported

_QUOTED_OR_LONG = re.compile(r"""'(?:[^']|'')*'|"(?:[^"`]|`.|"")*"|(?<![\w$.:-])(\d+)[lL](?![\w.])""", re.DOTALL)


def parsed(text: str) -> Node | None:
    """The tree of a script; None for an empty one. Raises ParseError, or Unsupported where the grammar fails."""
    if not text.strip():
        return None
    parser = Parser(_language())
    source = text.encode("utf-8", "surrogatepass")
    root = parser.parse(source).root_node
    if root.has_error:
        root = parser.parse(_with_lines_after_parameters(source, root)).root_node
    if root.has_error:
        root = parser.parse(_without_long_suffixes(text).encode("utf-8", "surrogatepass")).root_node
    if root.type == "ERROR":
        raise _syntax_error(text)
    return root


@functools.cache
def _language() -> Language:
    return Language(tree_sitter_powershell.language())


def _without_long_suffixes(text: str) -> str:
    """`5L` as `([long]5)`: the grammar does not know the suffix beside a comma."""
    return _QUOTED_OR_LONG.sub(lambda match: f"([long]{match[1]})" if match[1] else match[0], text)


def _with_lines_after_parameters(source: bytes, root: Node) -> bytes:
    """The grammar does not know that a statement may stand on the line of `param( )`: a line break comes between."""
    for end in sorted(_parameter_ends(root), reverse=True):
        source = source[:end] + b"\n" + source[end:]
    return source


def _parameter_ends(node: Node) -> Iterator[int]:
    for child in node.children:
        if child.type == "param_block":
            yield child.end_byte
        else:
            yield from _parameter_ends(child)


def _syntax_error(text: str) -> Exception:
    """What is wrong with a text that is no script at all (pwsh76 batch.fail2-script-syntax-effects)."""
    match = re.search(r"""[\w)'"]\s*(?P<operator>[-+*/%])\s*$""", text)
    if match is None:
        return Unsupported("script text that it cannot parse")
    message = f"You must provide a value expression following the '{match['operator']}' operator."
    return ParseError("ExpectedValueExpression", message, incomplete=True)
