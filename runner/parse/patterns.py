"""Host patterns: `hosts:` of a play and `--limit` (docs.ansible.com, "Patterns: targeting hosts and groups")."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import translate
from pathlib import Path

from runner.model.errors import InputError, Problem, did_you_mean
from runner.model.inventory import Host, Inventory
from runner.model.source import Origin
from runner.parse.sources import Source

_NAMED_ALL = ("all", "*")
_PART = re.compile(r"~[^,]*|(?:\[[^\]]*\]|[^,:\[])+")
_SUBSCRIPT = re.compile(r"(?P<name>.+)\[(?:(?P<index>-?[0-9]{1,9})|(?P<first>[0-9]{0,9})[:-](?P<last>[0-9]{0,9}))\]")


def select(
    inventory: Inventory, pattern: str, limit: str | None = None, origin: Origin | None = None
) -> tuple[Host, ...]:
    """The hosts of a pattern that the limit allows, in the inventory's order; none when it leaves none of them.

    Names, groups, `all`, wildcards, `~regex`, `group[0]`, `group[1:3]`, unions by `,` or `:`, intersections `:&`,
    exclusions `:!`; in a limit also `@FILE` with one pattern per line. Errors: InputError, placed at `origin` or at
    `--limit`, for unknown names, for wildcards that match nothing, and for brackets that do not match.
    """
    chosen = _matching(inventory, _parts(inventory, pattern, origin), origin)
    if limit is not None:
        place = Origin("--limit")
        parts = [part for text in _parts(inventory, limit, place) for part in _from_file(text)]
        chosen &= _matching(inventory, parts, place)
    return tuple(host for name, host in inventory.hosts.items() if name in chosen)


def _parts(inventory: Inventory, pattern: str, origin: Origin | None) -> list[str]:
    """The parts of a pattern. A colon in brackets is a range; a regular expression ends only at a comma."""
    if pattern in inventory.hosts:
        return [pattern]  # an IPv6 address is full of colons
    if "[" in _PART.sub("", pattern):
        raise InputError(Problem(f"the brackets in {pattern!r} do not match", origin))
    parts = (found.group().strip() for found in _PART.finditer(pattern))
    return [part for part in parts if part]


def _from_file(part: str) -> Sequence[str]:
    if not part.startswith("@"):
        return (part,)
    lines = Source.read(Path(part[1:])).lines
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _matching(inventory: Inventory, parts: Sequence[str], origin: Origin | None) -> set[str]:
    """Unions first, then intersections, then exclusions, as Ansible does whatever the order."""
    problems: list[Problem] = []
    unions = [part for part in parts if part[0] not in "&!"]
    chosen: set[str] = set() if unions or not parts else set(inventory.hosts)
    for part in unions:
        chosen |= _names(inventory, part, origin, problems)
    for part in parts:
        if part.startswith("&"):
            chosen &= _names(inventory, part[1:].strip(), origin, problems)
    for part in parts:
        if part.startswith("!"):
            chosen -= _names(inventory, part[1:].strip(), origin, problems)
    if not parts:
        problems.append(Problem("the host pattern is empty", origin))
    if problems:
        raise InputError(*problems)
    return chosen


def _names(inventory: Inventory, part: str, origin: Origin | None, problems: list[Problem]) -> set[str]:
    if part in _NAMED_ALL:
        return set(inventory.hosts)
    if part in inventory.groups or part in inventory.hosts:
        return _named(inventory, part)
    try:
        found = _by_expression(inventory, part)
    except re.error as error:
        problems.append(Problem(f"{part!r} is no regular expression: {error}", origin))
        return set()
    if not found:
        hint = did_you_mean(part, (*inventory.groups, *inventory.hosts))
        problems.append(Problem(f"no host or group matches {part!r}", origin, hint))
    return found


def _by_expression(inventory: Inventory, part: str) -> set[str]:
    if (subscript := _SUBSCRIPT.fullmatch(part)) and subscript["name"] in {*_NAMED_ALL, *inventory.groups}:
        return _subscripted(inventory, subscript)
    if part.startswith("~"):
        expression = re.compile(part[1:])
    elif re.search(r"[*?\[]", part):
        expression = re.compile(translate(part))
    else:
        return set()
    matching = (name for name in (*inventory.groups, *inventory.hosts) if expression.match(name))
    return {host for name in matching for host in _named(inventory, name)}


def _subscripted(inventory: Inventory, subscript: re.Match[str]) -> set[str]:
    hosts = _ordered(inventory, subscript["name"])
    if subscript["index"] is not None:
        index = int(subscript["index"])
        return {hosts[index]} if -len(hosts) <= index < len(hosts) else set()
    last = int(subscript["last"]) + 1 if subscript["last"] else None
    return set(hosts[int(subscript["first"] or 0) : last])


def _named(inventory: Inventory, name: str) -> set[str]:
    return set(inventory.groups.get(name, ())) | ({name} & set(inventory.hosts))


def _ordered(inventory: Inventory, group: str) -> Sequence[str]:
    names: Iterable[str] = inventory.hosts if group in _NAMED_ALL else inventory.groups[group]
    return tuple(names)
