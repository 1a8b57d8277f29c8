"""What `register` keeps of a task, as plain data: Ansible's names, with what was before and what is after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner.model.jsonvalue import plain
from runner.model.state import State


def result(
    *,
    changed: bool = False,
    failed: bool = False,
    skipped: bool = False,
    held: bool = False,
    message: str = "",
    before: State | None = None,
    after: State | None = None,
) -> dict[str, Any]:
    """The registered result of one task instance; `before` and `after` hold the properties and `exists`."""
    states = {name: _state(state) for name, state in (("before", before), ("after", after)) if state is not None}
    return {"changed": changed, "failed": failed, "skipped": skipped, "held": held, "msg": message, **states}


def registered(results: Mapping[str, Mapping[str, Any]], looped: bool) -> dict[str, Any]:
    """What `register` keeps of the step results of one task, by the steps' ids (PLAY.SECTION.TASK.ITEM.PART)."""
    items: dict[str, list[Mapping[str, Any]]] = {}
    for step, one in results.items():
        items.setdefault(step.rpartition(".")[0], []).append(one)
    merged = [_merged(parts) for parts in items.values()]
    return joined(merged) if looped else merged[0]


def _merged(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One result of the resources that one task names (two registry views); what it is like is the first one's."""
    whole = joined(parts)
    message = next((part["msg"] for part in parts if part["msg"]), "")
    return {**parts[0], **{name: whole[name] for name in ("changed", "failed", "skipped", "held")}, "msg": message}


def joined(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The registered result of a loop: `results`, and what holds of all of them."""
    return {
        "results": list(results),
        "changed": any(result["changed"] for result in results),
        "failed": any(result["failed"] for result in results),
        "skipped": all(result["skipped"] for result in results),
        "held": any(result["held"] for result in results),
        "msg": "",
    }


def _state(state: State) -> dict[str, Any]:
    return {**plain(state.properties), "exists": state.exists}
