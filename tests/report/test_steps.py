"""The marks of changes on a screen."""

from __future__ import annotations

from typing import Any

from runner.report.steps import step_lines


def change(before: object, after: object, because: tuple[str, ...] = ()) -> dict[str, Any]:
    action = {
        "before": {"exists": True, "properties": {"process_id": 4}},
        "after": {"exists": True, "properties": {}},
        "differences": [{"property": "process_id", "before": before, "after": after}],
        "because": list(because),
    }
    heading = {"kind": "restart", "name": "Spooler"}
    return {"verdict": "change", "header": {"id": "1"}, "heading": heading, "action": action}


def mark(step: dict[str, Any]) -> str:
    first = next(step_lines([step], None))
    return str(first.plain).split()[0]


def test_a_thing_that_is_absent_may_have_properties_all_the_same() -> None:
    step = change(["NuGet"], [])
    step["action"]["before"] = {"exists": False, "properties": {"process_id": ["NuGet"]}}
    step["action"]["differences"].append({"property": "versions", "before": None, "after": ["3.1.0"]})
    _, *rows = [" ".join(str(line.plain).split()) for line in step_lines([step], None)]
    assert rows == ["process_id [NuGet] -> []", "versions absent -> [3.1.0]"]


def test_a_restart_is_marked_alike_as_a_task_and_as_a_handler() -> None:
    assert mark(change(4, {"$other_than": 4})) == "!"
    assert mark(change(4, {"$other_than": 4}, ("A task",))) == "!"
    assert mark(change(4, 5)) == "~"
