"""Arguments of a task against their schema: every mistake at once, in our own words, at its place in the file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from runner.model.errors import InputError, Problem, did_you_mean
from runner.model.secret import MASK, Secret
from runner.model.source import ListNode, MapNode, Node, Origin, ScalarNode, plain
from runner.modules.base import Arguments, LocalModule, Module

Location = tuple[int | str, ...]


def problems(module: Module[Any], tree: MapNode, is_template: Callable[[str], bool]) -> tuple[Problem, ...]:
    """What is wrong with the arguments as they stand in the file, before anything is rendered.

    Values that hold templates and expression arguments (`that`, `var`) are known only later and are not judged.
    """
    schema = module.arguments
    found = _names(module, tree)
    expressions = module.expressions if isinstance(module, LocalModule) else frozenset()
    open_names = {
        schema.aliases.get(key, key) for key, node in tree if _has_template(node, is_template) or key in expressions
    }
    data = {key: plain(node) for key, node in tree if schema.aliases.get(key, key) not in open_names}
    try:
        schema.model_validate(_canonical(schema, data))
    except ValidationError as error:
        found += [_problem(module, details, tree) for details in _judged(schema, error, open_names)]
    return tuple(found)


def validate(module: Module[Any], data: Mapping[str, object], tree: MapNode) -> Arguments:
    """The typed arguments for the rendered `data`; `tree` is what it was rendered from and gives the places.

    Errors: InputError with every Problem.
    """
    found = _names(module, tree)
    try:
        arguments = module.arguments.model_validate(_canonical(module.arguments, data))
    except ValidationError as error:
        raise InputError(*found, *(_problem(module, details, tree) for details in error.errors())) from None
    if found:
        raise InputError(*found)
    return arguments


def load(module: Module[Any], dumped: Mapping[str, object]) -> Arguments:
    """The arguments that `dump` wrote, from a plan document. Errors: InputError."""
    try:
        return module.arguments.model_validate(dumped)
    except ValidationError as error:
        origin = Origin("plan document")
        nowhere = MapNode((), origin)
        raise InputError(*(_problem(module, details, nowhere) for details in error.errors())) from None


def dump(arguments: Arguments) -> dict[str, Any]:
    """The arguments as plain JSON data that `load` reads back. A Secret is written as its mask."""
    return cast(dict[str, Any], _plain(arguments.model_dump()))


def _plain(value: object) -> object:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return MASK if isinstance(value, Secret) else str(value)


def _canonical(schema: type[Arguments], data: Mapping[str, object]) -> dict[str, object]:
    """Aliases resolved; names that are wrong are reported by `_names`.

    null means "not given", as in Ansible, but where any value is taken it is one.
    """
    known = {schema.aliases.get(name, name): value for name, value in data.items()}
    fields = schema.model_fields
    return {
        name: value
        for name, value in known.items()
        if (schema.any_names and name not in fields)
        or (name in fields and name not in schema.looked_up and (value is not None or _takes_null(fields[name])))
    }


def _takes_null(field: FieldInfo) -> bool:
    """`debug: {msg: null}` shows null in Ansible: its action plugin takes the default only for a missing `msg`."""
    return field.annotation is Any and field.default is not None


def _names(module: Module[Any], tree: MapNode) -> list[Problem]:
    """Problems with the names: unknown ones, unsupported ones, and two names of one argument."""
    schema = module.arguments
    fields = schema.model_fields.keys() - schema.looked_up
    valid = [*fields, *schema.aliases]
    found: list[Problem] = []
    seen: dict[str, str] = {}
    for key, _ in tree.entries:
        name = str(key.value)
        canonical = schema.aliases.get(name, name)
        if name in schema.unsupported:
            found.append(Problem(f"argument {name!r} of {module.name} is not supported yet", key.origin))
        elif canonical not in fields and not schema.any_names:
            found.append(Problem(f"{module.name} has no argument {name!r}", key.origin, _hint(name, valid)))
        elif canonical in seen:
            found.append(Problem(f"{seen[canonical]!r} and {name!r} are one and the same argument", key.origin))
        seen.setdefault(canonical, name)
    return found


def _hint(name: str, valid: Iterable[str]) -> str:
    choices = sorted(valid)
    otherwise = f"it has: {', '.join(choices)}" if choices else "it takes no arguments"
    return did_you_mean(name, choices) or otherwise


def _judged(schema: type[Arguments], error: ValidationError, open_names: set[str]) -> list[ErrorDetails]:
    """The errors that stand whatever the templates will turn out to be."""
    judged = []
    for details in error.errors():
        name = str(details["loc"][0]) if details["loc"] else ""
        depends_on_open = open_names & schema.decided_by.get(name, frozenset()) if name else open_names
        if name not in open_names and not depends_on_open:
            judged.append(details)
    return judged


def _has_template(node: Node, is_template: Callable[[str], bool]) -> bool:
    if isinstance(node, ScalarNode):
        return isinstance(node.value, str) and is_template(node.value)
    children = node.items if isinstance(node, ListNode) else [child for pair in node.entries for child in pair]
    return any(_has_template(child, is_template) for child in children)


def _problem(module: Module[Any], details: ErrorDetails, tree: MapNode) -> Problem:
    location = details["loc"]
    node, name = _node_at(module.arguments, tree, location)
    message, hint = _words(name, details, node)
    if details["type"] == "missing":
        message = f"{module.name} needs the argument {name!r}"
    return Problem(message, node.origin, hint)


def _node_at(schema: type[Arguments], tree: MapNode, location: Location) -> tuple[Node, str]:
    """The deepest node of the file that a location leads to, and how people call the place (`that[1]`)."""
    if not location:
        return tree, ""
    name = str(location[0])
    spelled = [name, *(alias for alias, canonical in schema.aliases.items() if canonical == name)]
    node: Node = next((found for spelling in spelled if (found := tree.get(spelling)) is not None), tree)
    for step in location[1:]:
        if isinstance(step, int):
            name += f"[{step}]"
            if isinstance(node, ListNode) and step < len(node.items):
                node = node.items[step]
    return node, name


def _words(name: str, details: ErrorDetails, node: Node) -> tuple[str, str]:
    """Message and hint for one of pydantic's errors."""
    kind, value = details["type"], details["input"]
    if kind in _WANTED:
        return _wrong_type(name, _WANTED[kind], value, node)
    if kind == "literal_error":
        return _wrong_choice(name, str(details["ctx"]["expected"]), value)
    return (f"{name}: {details['msg']}" if name else details["msg"]), ""


_WANTED: Mapping[str, str] = MappingProxyType(  # pydantic's type of error -> what was wanted
    {
        "string_type": "text",
        "int_type": "a whole number",
        "int_parsing": "a whole number",
        "int_from_float": "a whole number",
        "bool_type": "true or false",
        "bool_parsing": "true or false",
        "list_type": "a list",
        "model_type": "a mapping",
    }
)


def _wrong_type(name: str, wanted: str, value: object, node: Node) -> tuple[str, str]:
    message = f"{name} wants {wanted}, not {describe(value)}"
    if wanted != "text" or not isinstance(value, (bool, int, float)):
        return message, ""
    return message, _quote_hint(value, node)


def _quote_hint(value: object, node: Node) -> str:
    """What to do where text is wanted and YAML made something else of it: 3.10 is 3.1, 22:00 is 1320, yes is true."""
    if isinstance(node, ScalarNode) and not node.quoted and not isinstance(node.value, str):
        reads = "" if str(value) == node.text else f" (YAML reads {node.text} as {describe(value)})"
        return f'quote it: "{node.text}"{reads}'
    return "quote it where it is defined"


def _wrong_choice(name: str, expected: str, value: object) -> tuple[str, str]:
    choices = [choice.strip("'") for choice in expected.replace(" or ", ", ").split(", ")]
    hint = did_you_mean(value, choices) if isinstance(value, str) else ""
    return f"{name} must be one of {', '.join(choices)}; not {describe(value)}", hint


def describe(value: object) -> str:
    """A value for a message; containers only by their kind, a secret never."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text {json.dumps(value if len(value) <= 60 else value[:57] + '...', ensure_ascii=False)}"
    if isinstance(value, Secret):
        return "a secret"
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, Sequence) else f"a {type(value).__name__}"
