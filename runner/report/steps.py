"""The steps of one host in a plan's document, as lines of a screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from runner.model.source import Origin
from runner.report.columns import Line, line, pad, table
from runner.report.words import clean, listed, state, value

Commands = Callable[[Any], str]  # a statement of the document as PowerShell text
KIND = 9  # cells for the kind of a thing; a longer one pushes its own line only

_STYLES = {"+": "green", "-": "red", "~": "yellow", "!": "magenta", "?": "cyan", "x": "bold red", "=": "cyan"}


def step_lines(steps: Sequence[dict[str, Any]], commands: Commands | None) -> Iterator[Line]:
    """Everything that is not simply compliant, or has nothing to say. `commands` shows what each change will send."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for step in steps:
        silent = step["verdict"] == "told" and not step.get("message")
        if step["verdict"] in _SHOWN and not silent:
            groups.setdefault(_group(step), []).append(step)
    for group in groups.values():
        if group[0]["verdict"] == "change":
            yield from _changes(group, commands)
        elif group[0]["verdict"] == "deferred":
            yield from _deferred(group[0])
        else:
            yield from _message(group[0])


_SHOWN = ("change", "deferred", "blocked", "held", "failed", "ignored", "unreadable", "told")


def _group(step: dict[str, Any]) -> tuple[str, ...]:
    """Changes of several properties of one thing stand under one head; every other step stands alone."""
    heading = step.get("heading")
    if step["verdict"] == "change" and heading and heading.get("property") and not step["action"].get("because"):
        return (heading["kind"], heading["name"])
    return (step["header"]["id"],)


def heading(step: dict[str, Any], mark: str, rest: str = "") -> Line:
    """`~ registry  HKLM\\SOFTWARE\\...`, or the module and the task's name for a step without a thing."""
    named = step.get("heading") or {"kind": step["header"]["module"], "name": step["header"]["name"]}
    return line("  ", (mark, _STYLES[mark]), f" {pad(clean(named['kind']), KIND)} {clean(named['name'])}", rest)


def _changes(group: list[dict[str, Any]], commands: Commands | None) -> Iterator[Line]:
    because = group[0]["action"].get("because", [])
    yield heading(group[0], _mark(group), f"     {_because(because)}" if because else "")
    rows = [row for step in group for row in _rows(step)]
    yield from (line(text) for text in table(rows, 6))
    for reason in dict.fromkeys(step["action"].get("irreversible", "") for step in group):
        if reason and not because:
            yield line(f"      cannot be taken back: {clean(reason)}")
    if commands:
        for statement in (statement for step in group for statement in step["action"]["write"]):
            yield line("      ", (f"PS> {clean(commands(statement))}", "dim"))


def _because(names: list[str]) -> str:
    quoted = [f'"{name}"' for name in names]
    return f"because {listed(quoted)} {'changes' if len(names) == 1 else 'change'}"


def _mark(group: list[dict[str, Any]]) -> str:
    """`!` is something that happens, once: a handler, a restart; the others say what becomes of a thing."""
    action = group[0]["action"]
    if action.get("because") or any(_is_other_than(one["after"]) for one in action["differences"]):
        return "!"
    if group[0]["heading"].get("property"):
        return "~"
    before, after = action["before"]["exists"], action["after"]["exists"]
    return "~" if before == after else "+" if after else "-"


def _rows(step: dict[str, Any]) -> list[tuple[str, ...]]:
    """Name, before, after. A thing whose heading names a property is that property: it is shown whole."""
    action, name = step["action"], step["heading"].get("property")
    if name:
        return [(clean(name) + "   ", state(action["before"]), " -> ", state(action["after"]))]
    return [
        (clean(one["property"]) + "   ", _before(action, one), " -> ", value(one["after"]))
        for one in action["differences"]
        if one["property"] is not None and not _is_other_than(one["after"])
    ]


def _before(action: dict[str, Any], difference: dict[str, Any]) -> str:
    """A thing that is absent may have properties all the same: what an installation lacks."""
    known = difference["property"] in action["before"].get("properties", {})
    return value(difference["before"]) if known else "absent"


def _is_other_than(wish: Any) -> bool:
    return isinstance(wish, dict) and "$other_than" in wish


def _deferred(step: dict[str, Any]) -> Iterator[Line]:
    """`? reboot    only if: probe is failed`, and what it waits for."""
    deferred = step.get("deferred", {})
    reasons = [f"only if: {clean(condition)}" for condition in deferred.get("conditions", [])]
    if deferred.get("after"):
        quoted = [f'"{clean(name)}"' for name in deferred["after"]]
        reasons.append(f"read and decided after {listed(quoted)}")
    yield heading(step, "?", f"     {clean(step['header']['name'])}" if step.get("heading") else "")
    yield from (line(f"      {reason}") for reason in reasons)


def _message(step: dict[str, Any]) -> Iterator[Line]:
    name = (step.get("heading") or {}).get("property", "")
    what = f" {clean(name)}" if name else ""
    first, *rest = [clean(text) for text in step.get("message", "").split("\n")]
    if step["verdict"] == "told":
        yield heading(step, "=")
        rest = [first, *rest]
    elif step["verdict"] in ("held", "blocked"):
        before = ", and nothing is done here before" if step["verdict"] == "blocked" else ""
        yield heading(step, "x", f"{what}     held: {clean(step.get('owner', ''))} must act first{before}")
        rest = [first, *rest]
    elif step["verdict"] == "ignored":
        yield heading(step, "=", f"{what}     failed, which the playbook allows")
        rest = [first, *rest]
    else:
        reason = f"could not be read: {first}" if step["verdict"] == "unreadable" else first
        yield heading(step, "x", what)
        rest = [reason, *rest, _task(step)]
    yield from (line(f"      {text}") for text in rest)


def _task(step: dict[str, Any]) -> str:
    """Where the task stands, with its name if the heading has another one."""
    origin = Origin(**step["header"]["origin"])
    return clean(f"task {step['header']['name']!r}, {origin}" if step.get("heading") else f"{origin}")
