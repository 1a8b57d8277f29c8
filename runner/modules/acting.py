"""The one decision about a thing: what has to be done to it, if anything. Used by plan, and by apply at a late turn."""

from __future__ import annotations

from typing import Any

from runner.model.plan import Action
from runner.model.state import Desired, State, differences
from runner.modules.base import Irreversible, StateModule


def action_of(module: StateModule[Any], arguments: Any, before: State, desired: Desired) -> Action | None:
    """The change from `before` to what is desired, with what is sent for it; None when it is as desired already."""
    wrong = differences(before, desired)
    if not wrong:
        return None
    after = module.promise(arguments, before, desired)
    undo = module.undo(arguments, before, after)
    write = module.write(arguments, before)
    if isinstance(undo, Irreversible):
        return Action(before, desired, after, wrong, write, None, undo.reason)
    return Action(before, desired, after, wrong, write, undo)
