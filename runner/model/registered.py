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
