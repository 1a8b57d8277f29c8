"""Generated plans: every field that a document can hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta, timezone

from hypothesis import strategies as st

from runner.model.attestation import Attestation
from runner.model.command import Command
from runner.model.content import Slice
from runner.model.errors import ExitCode
from runner.model.outcome import ActionOutcome, Drift, FactDrift, HostOutcome, HostResult, Result, RunOutcome
from runner.model.plan import Action, Heading, HostPlan, Plan, PlayPlan, Step, Verdict
from runner.model.source import Origin
from runner.model.state import Desired, Difference, OtherThan, State
from runner.model.task import Awaited, Deferred, Header, TaskId
from runner.model.value import EnumValue, Int32, Int64, PSObject, UInt32, UInt64, Version


def utf16(characters: str) -> str:
    """The text as Windows would hold it: two surrogates that make a pair are one character."""
    return characters.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


text = st.text(st.characters(), max_size=8).map(utf16)  # lone surrogates included: a registry value may hold one
number = st.integers(-(2**63), 2**64 - 1)
zones = st.sampled_from([None, UTC, timezone(timedelta(hours=9))])
leaves = (
    st.none() | st.booleans() | text | number | st.floats(allow_nan=False) | st.binary(max_size=6)
    | st.builds(Int32, number) | st.builds(UInt32, number) | st.builds(Int64, number) | st.builds(UInt64, number)
    | st.builds(Version, text) | st.datetimes(timezones=zones).map(lambda moment: moment.replace(fold=0))
    | st.timedeltas() | st.builds(EnumValue, text, number, text)
    | st.builds(Slice, text, text, text, st.integers(0, 2**40), st.integers(0, 2**20))
)  # fmt: skip
keys = text | st.sampled_from(["$bytes", "$map", "$int32", "text"])
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(keys, inner, max_size=3)
        | st.builds(
            PSObject, st.lists(text, max_size=2).map(tuple), st.dictionaries(keys, inner, max_size=3), st.none() | text
        )
    ),
    max_leaves=6,
)
plain_data = st.recursive(
    st.none() | st.booleans() | text | number | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=2),
    max_leaves=4,
)
objects = st.dictionaries(text, plain_data, max_size=2)
names = st.lists(text, max_size=2).map(tuple)
properties = st.none() | st.booleans() | number | text | st.binary(max_size=6) | names
wishes = properties | st.builds(OtherThan, properties)
states = st.builds(State, st.booleans(), st.dictionaries(text, properties, max_size=3))
desired = st.builds(Desired, st.booleans(), st.dictionaries(text, wishes, max_size=3))
differences = st.lists(st.builds(Difference, st.none() | text, properties, wishes), max_size=2).map(tuple)
commands = st.builds(
    Command, text, st.dictionaries(text, values, max_size=2).map(lambda d: tuple(d.items())),
    st.lists(values, max_size=1).map(tuple),
)  # fmt: skip
statements = st.lists(commands, min_size=1, max_size=2).map(tuple)
small = st.integers(0, 99)
task_ids = st.builds(TaskId, small, st.sampled_from(["tasks", "handlers"]), small, small, small)
origins = st.builds(Origin, text, small, small)
headers = st.builds(
    Header, task_ids, text, text, origins, text, st.booleans(), names, st.none() | text, names, names, names,
    st.booleans(),
)  # fmt: skip
writes = st.lists(statements, max_size=2).map(tuple)
actions = st.builds(Action, states, desired, states, differences, writes, st.none() | writes, text, names, names)
headings = st.builds(Heading, text, text, text)
awaited = st.builds(Awaited, st.lists(text, min_size=1, max_size=2).map(tuple), st.booleans())
deferred = st.builds(Deferred, names, names, st.dictionaries(text, awaited, max_size=2), names)
steps = st.builds(
    Step, headers, st.sampled_from(Verdict), objects, text, st.none() | headings, st.none() | states,
    st.none() | actions, text, text, st.none() | deferred,
)  # fmt: skip
seconds = st.floats(0, 1e6)
host_plans = st.builds(
    HostPlan, text, small, st.lists(steps, max_size=3).map(tuple), objects, text, text, small, small, text, text, small,
    text,
)  # fmt: skip
plays = st.builds(PlayPlan, small, text, st.just(()), st.lists(host_plans, max_size=2).map(tuple), st.integers(0, 2))


def fitting(plan: Plan) -> Plan:
    """The generated parts, put together as in a plan that was made."""
    return replace(plan, plays=tuple(_fitting_play(play, number) for number, play in enumerate(plan.plays)))


def _fitting_play(play: PlayPlan, number: int) -> PlayPlan:
    hosts = tuple(_fitting_host(host, index, number, play.at_most) for index, host in enumerate(play.hosts))
    return replace(play, number=number, hosts=hosts, batches=tuple((host.host,) for host in hosts))


def _fitting_host(host: HostPlan, index: int, play: int, at_most: int) -> HostPlan:
    made: list[Step] = []
    for number, step in enumerate(host.steps):
        made.append(_fitting_step(step, replace(step.header.id, play=play, task=number), made))
    code = ExitCode.UNREACHABLE if host.error else ExitCode.OK
    return replace(
        host, host=f"{host.host}{index}", play=play, steps=tuple(made), exit_code=int(code),
        lane=host.lane if at_most else "",
    )  # fmt: skip


def _fitting_step(step: Step, task: TaskId, earlier: list[Step]) -> Step:
    step = replace(step, header=replace(step.header, id=task))
    triggers = tuple(str(one.header.id) for one in earlier if one.action or one.deferred)
    if step.action:
        irreversible = "" if step.action.undo is not None else "no way back"
        action = replace(step.action, irreversible=irreversible, because=triggers, triggers=triggers)
        before, heading = step.before or action.before, step.heading or Heading("kind", "name")
        return replace(step, verdict=Verdict.CHANGE, before=before, heading=heading, action=action, deferred=None)
    if step.deferred:
        registers = {
            name: replace(one, known=dict.fromkeys(one.steps, "known")) for name, one in step.deferred.registers.items()
        }
        waits = replace(step.deferred, after=("task", *step.deferred.after), registers=registers, triggers=triggers)
        return replace(step, verdict=Verdict.DEFERRED, deferred=waits)
    return replace(step, verdict=Verdict.TOLD) if step.verdict in (Verdict.CHANGE, Verdict.DEFERRED) else step


plans = st.builds(
    Plan, text, text, text, st.dictionaries(text, text, max_size=2), st.lists(plays, max_size=2).map(tuple), seconds
).map(fitting)
drifts = st.builds(Drift, text, states, st.none() | states, st.none() | states, differences, text)
fact_drifts = st.builds(FactDrift, text, plain_data, plain_data, text)
outcomes = st.builds(
    ActionOutcome,
    text,
    st.sampled_from(Result),
    text,
    st.none() | states,
    differences,
    seconds,
    text,
    text,
    st.none() | actions,
)
host_outcomes = st.builds(
    HostOutcome, text, small, st.sampled_from(HostResult), st.lists(outcomes, max_size=2).map(tuple),
    st.lists(drifts, max_size=1).map(tuple), st.lists(fact_drifts, max_size=1).map(tuple), text, text, small, seconds,
    text,
)  # fmt: skip
moments = st.datetimes(timezones=zones).map(lambda moment: moment.replace(fold=0))
attestations = st.builds(Attestation, text, text, text, moments, text, st.none() | moments, text)
run_outcomes = st.builds(
    RunOutcome, text, st.lists(host_outcomes, max_size=2).map(tuple), st.booleans(), seconds, text, text, text,
    st.lists(attestations, max_size=2).map(tuple),
)  # fmt: skip
