"""A plan that does not fit together is refused, even when its sum is right."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from runner.model.command import command
from runner.model.document import dump_plan, load_plan
from runner.model.errors import InputError
from runner.model.plan import Action, Heading, HostPlan, Plan, PlayPlan, Step, Verdict
from runner.model.source import Origin
from runner.model.state import Desired, Difference, State
from runner.model.task import Awaited, Deferred, Header, TaskId
from tests.model.strategies import plans

Document = dict[str, Any]
BEFORE, WISH, AFTER = State(True, {"data": 0}), Desired(True, {"data": 1}), State(True, {"data": 1})
WRITE = ((command("Set-Thing", Name="x"),),)
ACTION = Action(BEFORE, WISH, AFTER, (Difference("data", 0, 1),), WRITE, None, "no way back")
CHANGED = "0.tasks.1.0.0"


def step(task: int, verdict: Verdict, action: Action | None = None, deferred: Deferred | None = None) -> Step:
    header = Header(TaskId(0, "tasks", task), f"task {task}", "toy", Origin("site.yml", task, 5), register="r")
    return Step(header, verdict, {}, "x", Heading("toy", "x"), BEFORE, action, deferred=deferred)


STEPS = (
    step(1, Verdict.CHANGE, ACTION),
    step(2, Verdict.COMPLIANT),
    step(3, Verdict.DEFERRED, deferred=Deferred(("task 1",), ("r is changed",), {"r": Awaited((CHANGED,))})),
    step(4, Verdict.CHANGE, replace(ACTION, because=("task 1",), triggers=(CHANGED,))),
    step(5, Verdict.DEFERRED, deferred=Deferred(("task 1",), triggers=(CHANGED, "0.tasks.3.0.0"))),
)
HOST = HostPlan("a", 0, STEPS, {}, lane="tokyo")
LOST = HostPlan("b", 0, (), {}, error="no answer", exit_code=4)
PLAN = Plan(
    "0", "2026", "site.yml", {}, (PlayPlan(0, "p", (("a",), ("b",)), (HOST, LOST), 1), PlayPlan(1, "q", (), ()))
)


def loaded(document: Document) -> Plan:
    """Load it with the sum that fits, as a forger would write it."""
    body = {key: value for key, value in document.items() if key not in ("kind", "format", "sha256")}
    document["sha256"] = hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    return load_plan(document, "plan.json")


def steps(document: Document) -> list[Document]:
    found: list[Document] = document["plays"][0]["hosts"][0]["steps"]
    return found


def play(**fields: object) -> Callable[[Document], object]:
    return lambda document: document["plays"][0].update(fields)


def host(number: int, **fields: object) -> Callable[[Document], object]:
    return lambda document: document["plays"][0]["hosts"][number].update(fields)


def changed(number: int, part: str | None = None, **fields: object) -> Callable[[Document], object]:
    return lambda document: (steps(document)[number][part] if part else steps(document)[number]).update(fields)


def without(number: int, name: str) -> Callable[[Document], object]:
    return lambda document: steps(document)[number].pop(name)


def awaiting(*ids: str) -> Callable[[Document], object]:
    return lambda document: steps(document)[2]["deferred"]["registers"]["r"].update(steps=list(ids))


def again(number: int) -> Callable[[Document], object]:
    return lambda document: steps(document).append(steps(document)[number])


WRONG: list[tuple[Callable[[Document], object], str]] = [
    (play(at_most=-1), "play 0: at_most is -1"),
    (play(at_most=0), "play 0: a: it has a lane, but the play has no throttle"),
    (play(batches=[["a"], ["b"], ["c"]]), "play 0: a batch names c, which is no host of it"),
    (play(batches=[["a", "b"], ["a"]]), "play 0: the host a is in the batches twice"),
    (play(batches=[["a"]]), "play 0: the host b is in no batch"),
    (play(number=1), "two plays have the number 1"),
    (lambda document: document["plays"][0]["hosts"].append(document["plays"][0]["hosts"][1]),
     "play 0: the host b is there twice"),
    (host(0, play=1), "play 0: a: it is of the play 1"),
    (host(0, exit_code=4), "play 0: a: its error does not have the exit code 4"),
    (host(1, exit_code=0), "play 0: b: its error does not have the exit code 0"),
    (again(1), "two steps have the id 0.tasks.2.0.0"),
    (changed(1, "header", id="7.tasks.2.0.0"), "the step 7.tasks.2.0.0: it is of another play"),
    (changed(0, verdict="compliant"), "its verdict is compliant, and it has an action"),
    (without(0, "action"), "its verdict is change, and it has no action"),
    (changed(2, verdict="told"), "its verdict is told, and it waits for something"),
    (without(2, "deferred"), "its verdict is deferred, and it does not wait for something"),
    (without(0, "before"), "it changes a thing without saying which, or what it was like"),
    (without(0, "heading"), "it changes a thing without saying which, or what it was like"),
    (changed(0, "action", irreversible=""), "it must say how it is undone, or why it cannot be"),
    (changed(0, "action", write=[[]]), "one of its pipelines is empty"),
    (changed(3, "action", because=[]), "what triggers it is told in one way only"),
    (changed(3, "action", triggers=["0.tasks.2.0.0"]), "it is triggered by 0.tasks.2.0.0, which has no turn before it"),
    (changed(4, "deferred", triggers=["0.tasks.9.0.0"]), "it is triggered by 0.tasks.9.0.0, which has no turn before"),
    (changed(4, deferred={}), "it waits for nothing"),
    (awaiting(), "the step 0.tasks.3.0.0: the result r is that of no step"),
    (awaiting(CHANGED, "0.tasks.3.0.0"), "the result r is that of 0.tasks.3.0.0, which has no turn before it"),
]  # fmt: skip


def test_the_plan_itself_fits_together() -> None:
    assert loaded(dump_plan(PLAN)) == PLAN


@pytest.mark.parametrize(("change", "message"), WRONG, ids=[message for _, message in WRONG])
def test_what_does_not_fit_together_is_refused_and_told(change: Callable[[Document], object], message: str) -> None:
    document = copy.deepcopy(dump_plan(PLAN))
    change(document)
    with pytest.raises(InputError) as caught:
        loaded(document)
    assert message in str(caught.value)
    assert all(str(problem.origin) == "plan.json" for problem in caught.value.problems)


def mutated(document: Document, data: st.DataObject) -> None:
    """One change that makes a plan which fits together one that does not."""
    play = data.draw(st.sampled_from(document["plays"]))
    assume(play["hosts"])
    hosts, batches = play["hosts"], play["batches"]
    host, batch = data.draw(st.sampled_from(hosts)), data.draw(st.sampled_from(batches))
    own: list[Document] = host["steps"]
    changes: dict[str, Callable[[], object]] = {
        "a strange host in a batch": lambda: batch.append("nobody"),
        "a host in the batches twice": lambda: batch.append(host["host"]),
        "a host in no batch": batch.clear,
        "no such host": lambda: hosts.remove(host),
        "a host twice": lambda: hosts.append(host),
        "at_most": lambda: play.update(at_most=data.draw(st.integers(max_value=-1))),
        "the play": lambda: host.update(play=host["play"] + 1),
        "the exit code": lambda: host.update(exit_code=0 if host.get("error") else 3),
        "the throttle": lambda: play.update(at_most=0, hosts=[{**host, "lane": "x"} for host in hosts]),
    }
    if own:
        step = data.draw(st.sampled_from(own))
        changes |= {
            "a step twice": lambda: own.append(step),
            "a step of another play": lambda: step["header"].update(id=f"98{step['header']['id']}"),
            "the verdict": lambda: step.update(verdict="skipped" if {"action", "deferred"} & step.keys() else "change"),
        }
    changes[data.draw(st.sampled_from(sorted(changes)))]()


@given(plans, st.data())
@settings(max_examples=150)
def test_any_single_change_of_the_structure_is_refused(generated: Plan, data: st.DataObject) -> None:
    assume(generated.plays)
    document = copy.deepcopy(dump_plan(generated))
    mutated(document, data)
    with pytest.raises(InputError, match="does not fit together"):
        loaded(document)
