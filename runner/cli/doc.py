"""`ce-runner doc`: documentation of the modules, generated from their classes: the schema is the documentation."""

from __future__ import annotations

from typing import Any

import click

from runner.cli.options import json_option
from runner.model.errors import InputError, Problem, did_you_mean

_EXPRESSION = "Evaluated"  # what the schema calls an argument that is an expression (modules.base)


@click.command()
@click.argument("module", required=False)
@json_option
def doc(module: str | None, as_json: bool) -> None:
    """List the modules, or show one with its arguments, notes and examples."""
    from runner.cli.output import print_json
    from runner.modules.loader import load_modules, resolve

    modules = load_modules()
    if module is None:
        if as_json:
            print_json({"kind": "ce-runner modules", "modules": {name: m.summary for name, m in modules.items()}})
        else:
            width = max(map(len, modules))
            click.echo("\n".join(f"{name:{width}}  {found.summary}" for name, found in modules.items()))
        return
    found = resolve(modules, module)
    if found is None:
        raise InputError(Problem(f"there is no module {module!r}", None, did_you_mean(module, modules)))
    document = describe(found)
    if as_json:
        print_json(document)
    else:
        click.echo(as_text(document))


def describe(module: Any) -> dict[str, Any]:
    """One module as a document: what it is called, what it takes, what it provides."""
    schema = module.arguments.model_json_schema()
    required = schema.get("required", [])
    aliases: dict[str, list[str]] = {}
    for other, name in module.arguments.aliases.items():
        aliases.setdefault(name, []).append(other)
    arguments = {
        name: {
            "type": _type(field, schema.get("$defs", {})),
            "required": name in required,
            **({"default": field["default"]} if field.get("default") is not None else {}),
            **({"aliases": aliases[name]} if name in aliases else {}),
            "description": field.get("description", ""),
        }
        for name, field in schema.get("properties", {}).items()
        if name not in module.arguments.looked_up
    }
    return {
        "kind": "ce-runner module",
        "name": module.name,
        "aliases": list(module.aliases),
        "summary": module.summary,
        "arguments": arguments,
        "free_form": module.free_form,
        "other_names": schema["description"] if module.arguments.any_names else "",
        "unsupported": sorted(module.arguments.unsupported),
        "notes": list(module.notes),
        "facts": dict(getattr(module, "names", {})),
        "examples": module.examples.strip("\n"),
    }


def as_text(document: dict[str, Any]) -> str:
    """The document for people."""
    lines = [document["name"], f"  {document['summary']}", "", "Arguments", *_arguments(document)]
    if document["unsupported"]:
        lines += ["", f"Not supported yet: {', '.join(document['unsupported'])}"]
    for title in ("notes", "facts"):
        if document[title]:
            entries = document[title]
            texts = [f"{name}: {text}" for name, text in entries.items()] if isinstance(entries, dict) else entries
            lines += ["", title.capitalize(), *(f"  {text}" for text in texts)]
    if document["examples"]:
        lines += ["", "Examples", *(f"  {line}".rstrip() for line in document["examples"].splitlines())]
    return "\n".join(lines)


def _arguments(document: dict[str, Any]) -> list[str]:
    from runner.modules.debug import readable

    lines = []
    for name, argument in document["arguments"].items():
        marks = [argument["type"], *(["required"] if argument["required"] else [])]
        if argument.get("default") not in (None, "", [], {}):
            marks.append(f"default {readable(argument['default'])}")
        if "aliases" in argument:
            marks.append(f"also {', '.join(argument['aliases'])}")
        if name == document["free_form"]:
            marks.append(f"may stand alone, as {document['name']}: {name.upper()}")
        lines.append(f"  {name}  ({'; '.join(marks)})")
        if argument["description"]:
            lines.append(f"      {argument['description']}")
    if document["other_names"]:
        lines += ["  any name  (any value)", f"      {document['other_names']}"]
    return lines or ["  none"]


def _type(field: dict[str, Any], definitions: dict[str, Any]) -> str:
    """The type of an argument in words, from its JSON schema."""
    if "$ref" in field:
        name = field["$ref"].rsplit("/", 1)[-1]
        return "expression" if name == _EXPRESSION else _type(definitions[name], definitions)
    if "enum" in field:
        return " | ".join(map(str, field["enum"]))
    if "const" in field:
        return str(field["const"])
    if "anyOf" in field:
        parts = [_type(part, definitions) for part in field["anyOf"]]
        return " | ".join(dict.fromkeys(part for part in parts if part != "null"))
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}), definitions)}"
    kind = str(field.get("type", "any value"))
    return "mapping" if kind == "object" else kind
