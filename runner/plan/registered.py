"""What `register` keeps of a task, known before anything is changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.model.jsonvalue import plain
from runner.model.observation import Finding, Gathered, Observed, Told
from runner.model.state import State, Unreadable, differences
from runner.model.task import Broken, Skipped
from runner.modules.base import Impossible, Module, StateModule


def assess(finding: Finding, modules: Mapping[str, Module[Any]]) -> dict[str, Any]:
    """The registered result as plain data: always `changed`, `failed`, `skipped` and `msg`.

    A state task also has `before` and `after`: its properties and `exists`; `after` is what the plan promises, and
    equals `before` when nothing changes. A task that could not be read, or never can be applied, is `failed`.
    """
    match finding:
        case Observed():
            module = modules[finding.task.header.module]
            if not isinstance(module, StateModule):
                raise TypeError(f"{module.name} is no module with a state")
            return _observed(module, finding)
        case Told():
            return _result(failed=finding.failed, msg=finding.message)
        case Gathered():
            return _result()
        case Skipped():
            return _result(skipped=True, msg=finding.condition)
        case Broken():
            return _result(failed=True, msg=finding.message)


def _observed(module: StateModule[Any], finding: Observed) -> dict[str, Any]:
    found, arguments = finding.found, finding.task.arguments
    if isinstance(found, Unreadable):
        return _result(failed=True, msg=found.reason)
    desired = module.desired(arguments, found)
    if isinstance(desired, Impossible):
        return _result(failed=True, msg=desired.reason, before=_state(found))
    changed = bool(differences(found, desired))
    after = module.promise(arguments, found, desired) if changed else found
    return _result(changed=changed, before=_state(found), after=_state(after))


def _state(state: State) -> dict[str, Any]:
    return {**plain(state.properties), "exists": state.exists}


def _result(**known: Any) -> dict[str, Any]:
    return {"changed": False, "failed": False, "skipped": False, "msg": "", **known}
