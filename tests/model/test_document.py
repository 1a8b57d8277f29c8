"""Documents: what is written is what is read, and anything else is refused with the place named."""

from __future__ import annotations

import copy
import json
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.model.command import command
from runner.model.document import digest, dump_plan, dump_run, from_text, load_plan, load_run, to_text
from runner.model.errors import InputError
from runner.model.jsonvalue import Damaged, Unwritable, decode, encode, plain
from runner.model.outcome import RunOutcome
from runner.model.plan import Action, Heading, HostPlan, Plan, PlayPlan, Step, Verdict
from runner.model.secret import Secret
from runner.model.source import Origin
from runner.model.state import Desired, Difference, State
from runner.model.task import Header, TaskId
from runner.model.value import Credential, Int32, Int64, UInt32, Value
from tests.model.strategies import plain_data, plans, run_outcomes, values

CANARY = "canary-7f3a"


def types_of(value: object) -> object:
    """The value with the type of every part, because Int32(1) == 1 == True."""
    if isinstance(value, tuple):
        return tuple(types_of(item) for item in value)
    if isinstance(value, dict):
        return {key: types_of(item) for key, item in value.items()}
    return type(value), repr(value)


def step(name: str, *statements: tuple[Any, ...], line: int = 3) -> Step:
    before, wish, after = State(True, {"data": 0}), Desired(True, {"data": 1}), State(True, {"data": 1})
    action = Action(before, wish, after, (Difference("data", 0, 1),), statements, None, "no way back")
    header = Header(TaskId(1, "tasks", line), name, "toy", Origin("site.yml", line, 5), facts=("ansible_domain",))
    return Step(header, Verdict.CHANGE, {"name": "x"}, "x", Heading("toy", "x"), before, action)


def plan(*steps: Step) -> Plan:
    hosts = (HostPlan("tok-ce-01", 1, steps, {"ansible_domain": "corp"}, levels=1, requests=9),)
    play = PlayPlan(1, "Cloud Extender", (("tok-ce-01",),), hosts)
    return Plan("0.1.0", "2026-11-26T13:00:00Z", "site.yml", {"playbook": "ab"}, (play,), 1.5)


def read_back(document: dict[str, Any]) -> Any:
    return from_text(to_text(document).encode().decode(), "plan.json")


@given(values)
def test_a_value_is_read_as_it_was_written_with_its_type(value: Value) -> None:
    assert types_of(decode(json.loads(json.dumps(encode(value))), "value")) == types_of(value)


@given(plans)
@settings(max_examples=150)
def test_a_plan_is_read_as_it_was_written(generated: Plan) -> None:
    document = read_back(dump_plan(generated))
    assert load_plan(document, "plan.json") == generated
    assert document["sha256"] == digest(generated)


@given(run_outcomes, plans)
@settings(max_examples=50)
def test_a_run_is_read_as_it_was_written(outcome: RunOutcome, generated: Plan) -> None:
    assert load_run(read_back(dump_run(outcome, generated)), "run.json") == (outcome, generated)


def test_the_integer_types_stay_apart_in_a_plan() -> None:
    statement = (command("Set-ItemProperty", a=Int32(1), b=UInt32(1), c=Int64(1), d=1, e=True, f=b"\xbe\xef"),)
    loaded = load_plan(read_back(dump_plan(plan(step("s", statement)))), "p")
    action = loaded.plays[0].hosts[0].steps[0].action
    assert action is not None
    assert [type(value) for _, value in action.write[0][0].parameters] == [Int32, UInt32, Int64, int, bool, bytes]


def test_a_read_only_mapping_is_written_like_a_dict() -> None:
    assert encode(MappingProxyType({"a": (1,)})) == {"a": [1]}
    assert plain(MappingProxyType({"a": (Int32(1), b"\xbe")})) == {"a": [1, "be"]}


def test_the_document_reads_as_an_operator_reads_it() -> None:
    document = dump_plan(plan(step("Strong crypto", (command("Set-ItemProperty", Name="x", Value=Int32(1)),))))
    del document["sha256"]
    assert document == {
        "kind": "ce-runner plan", "format": 1, "tool": "0.1.0", "created": "2026-11-26T13:00:00Z",
        "playbook": "site.yml", "digests": {"playbook": "ab"}, "seconds": 1.5, "exit_code": 2,
        "plays": [{
            "number": 1, "name": "Cloud Extender", "batches": [["tok-ce-01"]],
            "hosts": [{
                "host": "tok-ce-01", "play": 1, "facts": {"ansible_domain": "corp"}, "levels": 1, "requests": 9,
                "result": "to change",
                "steps": [{
                    "header": {
                        "id": "1.tasks.3.0.0", "name": "Strong crypto", "module": "toy",
                        "origin": {"file": "site.yml", "line": 3, "column": 5}, "facts": ["ansible_domain"],
                    },
                    "verdict": "change", "arguments": {"name": "x"}, "key": "x",
                    "heading": {"kind": "toy", "name": "x"},
                    "before": {"exists": True, "properties": {"data": 0}},
                    "action": {
                        "before": {"exists": True, "properties": {"data": 0}},
                        "desired": {"exists": True, "properties": {"data": 1}},
                        "after": {"exists": True, "properties": {"data": 1}},
                        "differences": [{"property": "data", "before": 0, "after": 1}],
                        "write": [[{
                            "command": "Set-ItemProperty", "parameters": {"Name": "x", "Value": {"$int32": 1}},
                        }]],
                        "undo": None, "irreversible": "no way back",
                    },
                }],
            }],
        }],
    }  # fmt: skip


@pytest.mark.parametrize("secret", [Secret(CANARY), Credential("u", Secret(CANARY)), (Secret(CANARY),)])
def test_a_secret_is_not_written_and_every_task_that_holds_one_is_named(secret: Value) -> None:
    statements = [(command("Set-Thing", Password=secret),)]
    with pytest.raises(InputError) as caught:
        dump_plan(plan(step("first", *statements, line=3), step("fine", line=5), step("second", *statements, line=9)))
    assert [str(problem.origin) for problem in caught.value.problems] == ["site.yml:3:5", "site.yml:9:5"]
    assert CANARY not in str(caught.value)


def test_a_secret_in_arguments_or_facts_is_not_written() -> None:
    with pytest.raises(Unwritable):
        plain({"password": [Secret(CANARY)]})


def at(document: dict[str, Any], path: list[Any]) -> Any:
    for part in path:
        document = document[part]
    return document


STEP = ["plays", 0, "hosts", 0, "steps", 0]
DAMAGES: list[tuple[list[Any], Any, str]] = [
    ([*STEP, "verdict"], "maybe", "document.plays[0].hosts[0].steps[0].verdict: 'maybe' is none of compliant, change"),
    ([*STEP, "colour"], "red", "document.plays[0].hosts[0].steps[0]: unknown field 'colour'"),
    ([*STEP, "header", "id"], "1.tasks", "'1.tasks' is not the id of a task"),
    ([*STEP, "header", "origin", "line"], "3", "origin.line: an integer is expected, not str"),
    ([*STEP, "before", "exists"], 1, "before.exists: true or false is expected, not int"),
    ([*STEP, "before", "properties", "data"], {"$bytes": "xy"}, "data: not a value of type $bytes"),
    ([*STEP, "before", "properties", "data"], {"$thing": 1}, "data: $thing is no type of value"),
    (["plays", 0, "batches"], None, "batches: a list is expected, not NoneType"),
    (["plays", 0, "hosts"], 5, "document.plays is no list of plays"),
    (["seconds"], "long", "seconds: a number is expected"),
]


@pytest.mark.parametrize(("path", "value", "message"), DAMAGES)
def test_a_document_with_a_wrong_field_is_refused_by_its_place(path: list[Any], value: Any, message: str) -> None:
    document = read_back(dump_plan(plan(step("s"))))
    at(document, path[:-1])[path[-1]] = value
    document["sha256"] = sha256_of(document)
    with pytest.raises(InputError) as caught:
        load_plan(document, "plan.json")
    assert message in str(caught.value)
    assert str(caught.value).startswith("plan.json: ")


def sha256_of(document: dict[str, Any]) -> str:
    """The right sum for a wrong content, as a forger would write it: the checks behind it must hold alone."""
    import hashlib

    body = {key: value for key, value in document.items() if key not in ("kind", "format", "sha256")}
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def test_a_missing_field_is_named() -> None:
    document = read_back(dump_plan(plan(step("s"))))
    del at(document, STEP)["header"]
    document["sha256"] = sha256_of(document)
    with pytest.raises(InputError, match=r"steps\[0\]: the field 'header' is missing"):
        load_plan(document, "plan.json")


def test_a_plan_changed_by_hand_is_refused() -> None:
    document = read_back(dump_plan(plan(step("s"))))
    at(document, STEP)["before"]["properties"]["data"] = 7
    with pytest.raises(InputError, match="changed after it was written"):
        load_plan(document, "plan.json")


def test_a_run_changed_by_hand_is_refused() -> None:
    document = read_back(dump_run(RunOutcome("run-1", (), operator="kiyohime@tok-admin-01"), plan(step("s"))))
    assert load_run(document, "run.json")[0].operator == "kiyohime@tok-admin-01"
    for change in ({"operator": "root@elsewhere"}, {"exit_code": 3}, {"sha256": "0" * 64}):
        with pytest.raises(InputError, match="the run was changed after it was written"):
            load_run({**document, **change}, "run.json")
    del document["sha256"]
    with pytest.raises(InputError, match="the run was changed after it was written"):
        load_run(document, "run.json")


def test_another_format_and_another_kind_are_refused() -> None:
    document = dump_plan(plan())
    with pytest.raises(InputError, match="format 99 is not known; this ce-runner reads format 1"):
        load_plan({**document, "format": 99}, "plan.json")
    for other in ([], None, {}, {"kind": "ce-runner run"}):
        with pytest.raises(InputError, match="not a document of the kind 'ce-runner plan'"):
            load_plan(other, "plan.json")


def test_a_text_that_was_cut_off_is_refused_wherever_it_was_cut() -> None:
    text = to_text(dump_plan(plan(step("Japanese 設定"))))
    for end in range(0, len(text.rstrip()), 37):
        with pytest.raises(InputError, match=r"^plan\.json:\d+:\d+: "):
            from_text(text[:end], "plan.json")


def test_json_nested_too_deeply_is_refused() -> None:
    with pytest.raises(InputError, match="nested too deeply"):
        from_text("[" * 200_000, "plan.json")


@given(st.data())
@settings(max_examples=150)
def test_whatever_stands_in_a_field_loading_ends_in_a_plan_or_an_input_error(data: st.DataObject) -> None:
    document = copy.deepcopy(dump_plan(plan(step("s", (command("Get-Thing", Name="x"),)))))
    place: Any = document
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not place[key] or not isinstance(place[key], (dict, list)) or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(plain_data)
    document["sha256"] = sha256_of(document)
    try:
        ended = load_plan(document, "plan.json").__class__.__name__
    except InputError as error:
        ended = str(error)
    assert ended == "Plan" or ended.startswith("plan.json: ")


def test_decoding_names_the_place() -> None:
    with pytest.raises(Damaged, match=r"^x\[1\]\.a: "):
        decode([1, {"a": {"$bytes": 5}}], "x")
