"""The variables of `-e` on the command line."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from runner.model.errors import InputError
from runner.model.source import Node, Origin, ScalarNode
from runner.parse import fields
from runner.parse.sources import Findings, Source
from runner.parse.variable_files import read_variables
from runner.parse.yaml_tree import read_tree


def parse_extra_vars(texts: Sequence[str]) -> Mapping[str, Node]:
    """`name=value ...` (values are texts), `@FILE`, or a mapping in YAML or JSON; later ones win.

    Errors: InputError with every Problem.
    """
    found = Findings()
    variables: dict[str, Node] = {}
    for text in texts:
        if text.startswith("@"):
            variables.update(read_variables(Path(text[1:]), found))
        elif text.lstrip().startswith("{"):
            variables.update(_mapping(text, found))
        else:
            variables.update(_pairs(text, found))
    found.raise_if_any()
    return variables


def _mapping(text: str, found: Findings) -> Mapping[str, Node]:
    try:
        tree = read_tree(Source.of("-e", text), found)
    except InputError as error:
        found.extend(error.problems)
        return {}
    return fields.variables(tree, "-e", found)


def _pairs(text: str, found: Findings) -> Mapping[str, Node]:
    origin = Origin("-e")
    try:
        words = _words(text)
    except ValueError as error:
        found.add(f"the quotes do not match ({error})", origin)
        return {}
    pairs: dict[str, Node] = {}
    for number, word in enumerate(words, 1):
        name, equals, value = word.partition("=")
        if not equals or not fields.IDENTIFIER.fullmatch(name):
            # Not the word itself: after a forgotten quote it is a piece of a value, which may be a password.
            hint = f"word {number} of {len(words)} is no name=value; a value with blanks needs quotes of its own"
            found.add("-e wants name=value, @FILE or a mapping", origin, hint)
        else:
            fields.unreserved(name, origin, found)
            pairs[name] = ScalarNode(value, origin, value)
    return pairs


def _words(text: str) -> list[str]:
    """The words as a shell cuts them, but a backslash is one: HKLM:\\SOFTWARE is a value like others."""
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = lexer.escape = ""
    return list(lexer)
