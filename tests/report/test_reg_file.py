"""The registry backup: read back by a parser of its own, that knows nothing of the writer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.model.command import command
from runner.model.errors import InputError
from runner.model.outcome import ActionOutcome, HostOutcome, HostResult, Result
from runner.model.plan import Heading, HostPlan, Plan, PlayPlan, Step, Verdict
from runner.model.source import Origin
from runner.model.state import Desired, State, Unreadable
from runner.model.task import Deferred, Header, TaskId
from runner.modules.acting import action_of
from runner.modules.base import StateModule
from runner.modules.loader import load_modules
from runner.modules.registry import any_key, identity
from runner.report.reg_file import reg_files
from tests.report.reg_parser import BINARY, DWORD, EXPAND, MULTI, QWORD, SZ, Parsed, parsed, utf16

MODULES = load_modules()
KEY = r"HKEY_LOCAL_MACHINE\SOFTWARE\Contoso"


def step(module_name: str, before: State, number: int = 1, **arguments: Any) -> Step:
    """A step as plan makes it, with what the module really sends."""
    module = MODULES[module_name]
    assert isinstance(module, StateModule)
    given = module.arguments.model_validate(arguments)
    desired = module.desired(given, before)
    assert isinstance(desired, Desired)
    head = Header(TaskId(1, "tasks", number), f"task {number}", module_name, Origin("site.yml", number, 1))
    shown = module.shown(given)
    action = action_of(module, given, before, desired)
    assert action is not None
    heading = Heading(shown.kind, shown.name, shown.property)
    return Step(head, Verdict.CHANGE, {}, module.key(given), heading, before, action)


def regedit(before: State, number: int = 1, *, path: str = r"HKLM:\SOFTWARE\Contoso", **more: Any) -> Step:
    return step("win_regedit", before, number, path=path, **more)


def value(kind: str, data: Any) -> State:
    return State(True, {"type": kind, "data": data})


def absent(*missing: str) -> State:
    return State(False, {"missing_keys": missing})


def plan_of(*steps: Step, host: str = "tok-ce-01") -> Plan:
    return Plan("0.1", "2026-11-26T13:00:00+00:00", "site.yml", {}, (play(1, HostPlan(host, 1, steps, {})),))


def play(number: int, *hosts: HostPlan) -> PlayPlan:
    return PlayPlan(number, "play", (tuple(one.host for one in hosts),), hosts)


def backup(*steps: Step) -> Parsed:
    return parsed(reg_files(plan_of(*steps))["tok-ce-01"])


@pytest.mark.parametrize(
    ("before", "wanted"),
    [
        (value("dword", 0xFFFFFFFF), (DWORD, b"\xff\xff\xff\xff")),
        (value("qword", 2**63 + 1), (QWORD, b"\x01" + b"\0" * 6 + b"\x80")),
        (value("string", 'C:\\a "b"'), (SZ, utf16('C:\\a "b"\0'))),
        (value("string", "two\r\nlines"), (SZ, utf16("two\r\nlines\0"))),
        (value("expandstring", "%SystemRoot%\\x"), (EXPAND, utf16("%SystemRoot%\\x\0"))),
        (value("multistring", ("a", "設定")), (MULTI, utf16("a\0設定\0\0"))),
        (value("multistring", ()), (MULTI, b"\0\0")),
        (value("binary", b"\xbe\xef"), (BINARY, b"\xbe\xef")),
        (value("binary", b""), (BINARY, b"")),
        (value("none", b"\x01"), (0, b"\x01")),
        (value("dword", b"\x01\x02\x03"), (DWORD, b"\x01\x02\x03")),  # which no cmdlet can write again
        (absent(), None),
    ],
)
def test_every_kind_of_value(before: State, wanted: tuple[int, bytes] | None) -> None:
    found = backup(regedit(before, name="V", data="new"))
    assert found.keys == {KEY: {"V": wanted}}
    assert found.gone == []


def test_the_unnamed_value_and_one_that_is_removed() -> None:
    removed = regedit(value("string", "x"), 2, name="Old", state="absent")
    found = backup(regedit(absent(), path=r"HKLM:\SOFTWARE\Contoso", data="new"), removed)
    assert found.keys == {KEY: {None: None, "Old": (SZ, utf16("x\0"))}}


def test_a_key_that_did_not_exist_goes_with_all_that_the_plan_puts_there() -> None:
    missing = (r"HKLM:\SOFTWARE\Contoso", r"HKLM:\SOFTWARE\Contoso\CE")
    found = backup(
        regedit(absent(*missing), 1, path=r"HKLM:\SOFTWARE\Contoso\CE", name="A", data="1"),
        regedit(absent(*missing), 2, path=r"HKLM:\SOFTWARE\Contoso\CE", name="B", data="1"),
        regedit(absent(*missing[:1]), 3, path=r"HKLM:\SOFTWARE\contoso"),
    )
    assert found.gone == [KEY]
    assert found.keys == {}


def test_what_a_removed_key_held_is_said_not_to_be_there() -> None:
    found = backup(regedit(State(True, {"values": 3, "subkeys": 1}), state="absent"))
    assert found.keys == {KEY: {}}
    assert any("it held 3 values and 1 subkey, which are not in this file" in remark for remark in found.remarks)


def test_only_the_first_state_of_a_thing_is_that_before_the_run() -> None:
    first = HostPlan("tok-ce-01", 1, (regedit(value("string", "original"), name="V", data="one"),), {})
    second = HostPlan("tok-ce-01", 2, (regedit(value("string", "one"), name="v", data="two"),), {})
    plan = Plan("0.1", "2026-11-26T13:00:00+00:00", "site.yml", {}, (play(1, first), play(2, second)))
    assert parsed(reg_files(plan)["tok-ce-01"]).keys == {KEY: {"V": (SZ, utf16("original\0"))}}


def test_a_key_that_an_earlier_step_removed_is_not_taken_for_one_that_never_was() -> None:
    gone = regedit(State(True, {"values": 0, "subkeys": 0}), state="absent")
    again = regedit(absent(r"HKLM:\SOFTWARE\Contoso"), 2, name="V", data="x")
    found = backup(gone, again)
    assert (found.gone, found.keys) == ([], {KEY: {}})


def test_environment_variables_are_registry_values() -> None:
    changed = step("win_environment", value("expandstring", "%x%"), level="machine", name="TMP", value="y")
    found = backup(changed)
    (key,) = found.keys
    assert key.endswith(r"Session Manager\Environment")
    assert found.keys[key] == {"TMP": (EXPAND, utf16("%x%\0"))}


def test_the_account_of_hkcu_is_named() -> None:
    found = backup(regedit(absent(), path=r"HKCU:\Software\Contoso", name="V", data="x"))
    assert found.keys == {r"HKEY_CURRENT_USER\Software\Contoso": {"V": None}}
    assert any("HKEY_CURRENT_USER is that of the account" in remark for remark in found.remarks)


def deferred(of: Step) -> Step:
    """The step as a plan has it where only a change before it can decide."""
    return replace(of, verdict=Verdict.DEFERRED, before=None, action=None, deferred=Deferred(conditions=("x",)))


def ended(of: Step, result: Result, **more: Any) -> HostOutcome:
    action = ActionOutcome(str(of.header.id), result, **more)
    return HostOutcome("tok-ce-01", 1, HostResult.APPLIED, (action,))


def test_what_is_decided_later_is_said_not_to_be_there() -> None:
    later = deferred(regedit(absent(), 9, name="Late", data="x"))
    for found in (backup(regedit(absent(), name="V", data="x"), later), backup(later)):
        assert any(
            remark.startswith("task 9 is read and decided during the run, and is not") for remark in found.remarks
        )


def test_what_a_run_decided_is_as_the_run_read_it() -> None:
    first, decided = regedit(absent(), name="V", data="x"), regedit(value("dword", 7), 9, name="Late", data="x")
    plan, run = plan_of(first, deferred(decided)), ended(decided, Result.UNKNOWN, action=decided.action)
    found = parsed(reg_files(plan, (run,))["tok-ce-01"])
    assert found.keys == {KEY: {"V": None, "Late": (DWORD, b"\7\0\0\0")}}
    assert not [remark for remark in found.remarks if "not in this file" in remark]


@pytest.mark.parametrize("result", [Result.NOTHING_TO_DO, Result.NOT_TRIGGERED, Result.HELD, Result.NOT_STARTED])
def test_what_a_run_left_alone_has_no_backup(result: Result) -> None:
    later = deferred(regedit(absent(), 9, name="Late", data="x"))
    assert reg_files(plan_of(later), (ended(later, result),)) == {}


def test_a_change_that_no_record_tells_of_is_said_not_to_be_there() -> None:
    later = deferred(regedit(absent(), 9, name="Late", data="x"))
    (file,) = reg_files(plan_of(later), (ended(later, Result.UNKNOWN),)).values()
    assert any(remark.startswith("task 9 is read and decided") for remark in parsed(file).remarks)


def test_a_name_that_would_break_its_line_is_said_not_to_be_there() -> None:
    found = backup(regedit(value("string", "x"), name='a"\r\n[-HKEY_LOCAL_MACHINE]', data="y"))
    assert (found.gone, found.keys) == ([], {KEY: {}})
    assert any("cannot stand in a file of this kind" in remark for remark in found.remarks)


def test_a_plan_that_changes_no_registry_value_has_none() -> None:
    folder = step("win_file", State(False, {}), path=r"C:\Contoso", state="directory")
    compliant = Step(folder.header, Verdict.COMPLIANT, {}, "k", folder.heading, value("dword", 1))
    assert reg_files(plan_of(folder, compliant)) == {}


def at(path: str, before: State) -> Step:
    """A step on a key of any name, as only a plan can have it that was made elsewhere."""
    made = regedit(before, 5, name="V", data="x")
    assert made.action is not None
    write = ((command("Set-ItemProperty", LiteralPath=path, Name="V", Value="x"),),)
    return replace(made, key=identity(any_key(path), "V"), action=replace(made.action, write=write))


evil = st.lists(
    st.sampled_from(["\r", "\n", "\0", "]", "[-HKEY_LOCAL_MACHINE]", "\\", "x", '"V"=-', "; "]), min_size=1
).map("".join)


@given(evil, st.sampled_from(["\r", "\n", "\0"]), evil, st.booleans())
def test_a_key_whose_name_would_break_its_line_is_said_not_to_be_there(
    head: str, breaks: str, tail: str, gone: bool
) -> None:
    path = f"HKLM:\\SOFTWARE\\a{head}{breaks}{tail}z"
    bad = at(path, absent(path) if gone else value("dword", 1))
    (file,) = reg_files(plan_of(regedit(value("string", "x"), name="V", data="y"), bad)).values()
    found = parsed(file)
    assert (found.gone, found.keys) == ([], {KEY: {"V": (SZ, utf16("x\0"))}})
    assert any("cannot stand in a file of this kind, and nothing in it" in remark for remark in found.remarks)
    text = file.decode("utf-16")
    assert not set(text.replace("\r\n", "")) & {"\r", "\n", "\0"}
    assert [line for line in text.splitlines() if line.startswith("[")] == [f"[{KEY}]"]


def test_a_host_with_nothing_else_has_a_file_that_says_so() -> None:
    (file,) = reg_files(plan_of(at("HKLM:\\SOFTWARE\\a\rb", value("dword", 1)))).values()
    found = parsed(file)
    assert (found.gone, found.keys) == ([], {})
    assert any("cannot stand in a file of this kind" in remark for remark in found.remarks)


@pytest.mark.parametrize(
    "before",
    [
        value("dword", -1), value("dword", 2**32), value("dword", True), value("qword", -1), value("qword", 2**64),
        value("multistring", (1, 2)), value("odd", "x"), value("string", None),
    ],
)  # fmt: skip
def test_data_that_no_value_has_is_said_not_to_be_there(before: State) -> None:
    """Of a plan that was changed by hand, its sum too."""
    found = backup(regedit(before, name="V", data="y"))
    assert found.keys == {KEY: {}}
    assert any("V of HKLM" in remark and "cannot stand" in remark for remark in found.remarks)


@pytest.mark.parametrize("missing", ["C:\\x", 5, (1,)])
def test_missing_keys_that_are_none_are_an_error_of_the_plan(missing: Any) -> None:
    edited = replace(regedit(absent(), name="V", data="x"), before=State(False, {"missing_keys": (missing,)}))
    with pytest.raises(InputError, match="what the plan read for the task 'task 1' is damaged: missing_keys"):
        reg_files(plan_of(edited))


def test_a_statement_of_nothing_is_none() -> None:
    made = regedit(value("dword", 1), name="V", data="x")
    assert made.action is not None
    assert reg_files(plan_of(replace(made, action=replace(made.action, write=((),))))) == {}


names = st.text(st.characters(exclude_characters="\r\n\0"), min_size=1, max_size=90).filter(
    lambda name: name.strip() and name.casefold() != "(default)"
)
texts = st.text(st.characters(exclude_characters="\0"), max_size=60)


@given(
    st.one_of(
        st.builds(value, st.just("dword"), st.integers(0, 2**32 - 1)),
        st.builds(value, st.just("qword"), st.integers(0, 2**64 - 1)),
        st.builds(value, st.sampled_from(["string", "expandstring"]), texts),
        st.builds(value, st.just("multistring"), st.lists(texts.filter(bool), max_size=3).map(tuple)),
        st.builds(value, st.sampled_from(["binary", "none", "dword", "qword"]), st.binary(max_size=90)),
    ),
    names,
)
def test_whatever_was_there_is_read_back(before: State, name: str) -> None:
    assert not isinstance(before, Unreadable)
    (found,) = backup(regedit(before, name=name, type="string", data="\x7fanother")).keys.values()
    assert found == {name: expected(before)}


def expected(before: State) -> tuple[int, bytes]:
    kind, data = before.properties["type"], before.properties["data"]
    number = {"none": 0, "string": SZ, "expandstring": EXPAND, "binary": BINARY, "dword": DWORD, "qword": QWORD}
    if isinstance(data, tuple):
        return MULTI, utf16("\0".join((*data, "")) + "\0")
    if isinstance(data, str):
        return number[str(kind)], utf16(data + "\0")
    if isinstance(data, int):
        return number[str(kind)], data.to_bytes(4 if kind == "dword" else 8, "little")
    assert isinstance(data, bytes)
    return number[str(kind)], data
