"""What answers of the registry provider mean, with answers as the recordings show them (groundtruth/pwsh76)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from runner.model.command import ErrorRecord, Reply, ReplyState, Statement
from runner.model.state import Unreadable
from runner.model.value import EnumValue, Int32, PSObject, UInt32, UInt64, Value
from runner.modules.base import Round
from runner.modules.registry import Key, any_key, fold, parse_key
from runner.modules.registry_reading import Asked, Finding, FoundKey, FoundValue, Missing, conclude, next_round

KEY = parse_key("HKLM:\\SOFTWARE\\Lab\\App")
OTHER = parse_key("HKLM:\\SOFTWARE\\Lab\\App2")
DENIED = ErrorRecord(
    "System.Security.SecurityException,Microsoft.PowerShell.Commands.GetItemCommand",
    "PermissionDenied",
    "System.Security.SecurityException",
    "要求されたレジストリ アクセスは許可されていません。",
)

Answer = Callable[[Statement], Reply]


def done(*outputs: Value, errors: tuple[ErrorRecord, ...] = ()) -> Reply:
    return Reply(ReplyState.DONE, outputs, errors)


def selected(key: Key, **properties: Value) -> PSObject:
    return PSObject(
        ("Selected.System.Management.Automation.PSCustomObject",),
        {"PSPath": f"Microsoft.PowerShell.Core\\Registry::{key.full}", **properties},
    )


def cmdlet(statement: Statement) -> str:
    return statement[0].name if len(statement) == 1 else f"{statement[0].name}|{statement[1].name}"


def asked_paths(statement: Statement) -> tuple[Any, ...]:
    paths = dict(statement[0].parameters)["LiteralPath"]
    assert isinstance(paths, tuple)
    return paths


def all_exist(statement: Statement) -> Reply:
    return done(*(True for _ in asked_paths(statement)))


def rounds_of(asked: list[Asked], answers: dict[str, Answer]) -> Iterator[Round]:
    """The rounds of a survey whose statements are answered by the first cmdlets of their pipes."""
    rounds: list[Round] = []
    while statements := next_round(asked, rounds):
        rounds.append(Round(statements, tuple(answers[cmdlet(statement)](statement) for statement in statements)))
        yield rounds[-1]


def findings(asked: list[Asked], **answers: Answer) -> tuple[Finding, ...]:
    names = {
        "exists": "Test-Path",
        "values": "Get-ItemProperty|Select-Object",
        "listing": "Get-Item|Select-Object",
        "method": "Get-Item|ForEach-Object",
    }
    given = {names[name]: answer for name, answer in answers.items()}
    return conclude(asked, list(rounds_of(asked, {"Test-Path": all_exist, **given})))


def reason(finding: Finding) -> str:
    assert isinstance(finding, Unreadable)
    return finding.reason


def test_answers_are_matched_by_path_not_by_order() -> None:
    asked = [Asked(KEY, "A"), Asked(OTHER, "A")]
    found = findings(asked, values=lambda _: done(selected(OTHER, A=Int32(2)), selected(KEY, A=UInt32(2**32 - 1))))
    assert found == (FoundValue("dword", 2**32 - 1), FoundValue("dword", 2))


def test_a_key_that_exists_and_answers_nothing_is_looked_at_closer() -> None:
    found = findings(
        [Asked(KEY, "A")],
        values=lambda _: done(),
        listing=lambda _: done(selected(KEY, Property=(), SubKeyCount=Int32(0))),
    )
    assert found == (Missing(()),)


def test_no_access_names_the_key_and_the_error_id_in_any_language() -> None:
    (found,) = findings([Asked(KEY, "A")], values=lambda _: done(), listing=lambda _: done(errors=(DENIED,)))
    assert reason(found) == f"HKLM\\SOFTWARE\\Lab\\App: {DENIED.message} ({DENIED.id})"


def test_a_listed_value_that_was_not_answered_is_unreadable() -> None:
    (found,) = findings(
        [Asked(KEY, "A")],
        values=lambda _: done(),
        listing=lambda _: done(selected(KEY, Property=("a",), SubKeyCount=Int32(0))),
    )
    assert "has not been answered" in reason(found)


def test_test_path_says_false_to_everything_where_the_registry_is_missing() -> None:
    (found,) = findings(
        [Asked(KEY)],
        exists=lambda statement: done(*(False for _ in asked_paths(statement))),
    )
    assert "the registry cannot be read" in reason(found)


@pytest.mark.parametrize("state", [ReplyState.UNSEEN, ReplyState.FAILED])
def test_what_was_not_seen_to_its_end_is_unreadable(state: ReplyState) -> None:
    (found,) = findings([Asked(KEY, "A")], values=lambda _: Reply(state))
    assert reason(found) == "HKLM\\SOFTWARE\\Lab\\App: the answer was not seen"


def test_the_missing_keys_are_the_missing_ones_of_the_line() -> None:
    deep = parse_key("HKLM:\\SOFTWARE\\Lab\\A\\B")
    there = {"HKLM:\\SOFTWARE", "HKLM:\\SOFTWARE\\Lab"}
    found = findings(
        [Asked(deep, "V")],
        exists=lambda statement: done(*(path in there for path in asked_paths(statement))),
        values=lambda _: done(),
    )
    assert found == (Missing((parse_key("HKLM:\\SOFTWARE\\Lab\\A"), deep)),)


def test_kinds_that_do_not_come_are_unreadable_for_their_value_only() -> None:
    failure = ErrorRecord("MethodInvocationError,Microsoft.PowerShell.Commands.ForEachObjectCommand", "", "", "gone")

    def method(statement: Statement) -> Reply:
        name = dict(statement[1].parameters)["ArgumentList"][0]  # type: ignore[index, call-overload]
        if name == "Bad":
            return done(errors=(failure,))
        wants_kind = dict(statement[1].parameters)["MemberName"] == "GetValueKind"
        return done(EnumValue("Microsoft.Win32.RegistryValueKind", 2, "ExpandString") if wants_kind else "%x%")

    bad, good = findings(
        [Asked(KEY, "Bad"), Asked(KEY, "Good")],
        values=lambda _: done(selected(KEY, Bad="b", Good="g")),
        method=method,
    )
    assert reason(bad).startswith("HKLM\\SOFTWARE\\Lab\\App: Bad: gone")
    assert good == FoundValue("expandstring", "%x%")


def test_one_statement_asks_one_name_in_many_keys() -> None:
    asked = [Asked(parse_key(f"HKLM:\\SOFTWARE\\Lab\\{number}"), "Sz") for number in range(40)]
    answers: dict[str, Answer] = {
        "Test-Path": all_exist,
        "Get-ItemProperty|Select-Object": lambda _: done(*(selected(one.key, Sz="x") for one in asked)),
        "Get-Item|ForEach-Object": lambda statement: done(*("x" for _ in asked_paths(statement))),
    }
    assert [len(one.statements) for one in rounds_of(asked, answers)] == [2, 2]


def test_many_keys_with_many_names_are_split() -> None:
    asked = [Asked(parse_key(f"HKLM:\\SOFTWARE\\Lab\\{n}"), f"V{m}") for n in range(40) for m in range(20)]
    statements = [statement for statement in next_round(asked, []) if statement[0].name == "Get-ItemProperty"]
    cells = [len(asked_paths(s)) * (len(dict(s[1].parameters)["Property"]) - 1) for s in statements]  # type: ignore[arg-type]
    assert sum(cells) == 800
    assert max(cells) <= 256


def test_a_whole_key_with_what_it_holds() -> None:
    listing = selected(KEY, Property=("A", "(default)"), SubKeyCount=Int32(3))
    assert findings([Asked(KEY, contents=True)], listing=lambda _: done(listing)) == (FoundKey(2, 3),)


def test_unsigned_numbers() -> None:
    found = findings(
        [Asked(KEY, "Q"), Asked(KEY, "D")],
        values=lambda _: done(selected(KEY, Q=UInt64(2**64 - 1), D=Int32(-1))),
    )
    assert found == (FoundValue("qword", 2**64 - 1), FoundValue("dword", 2**32 - 1))


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("HKLM:\\SOFTWARE\\X", "HKEY_LOCAL_MACHINE\\SOFTWARE\\X"),
        ("hklm\\SOFTWARE\\X\\", "HKEY_LOCAL_MACHINE\\SOFTWARE\\X"),
        ("HKEY_USERS\\.DEFAULT", "HKEY_USERS\\.DEFAULT"),
        ("Registry::HKCU\\Software", "HKEY_CURRENT_USER\\Software"),
        ("HKLM:\\\\SOFTWARE\\\\X", "HKEY_LOCAL_MACHINE\\SOFTWARE\\X"),
        ("HKCR:\\.txt", "HKEY_CLASSES_ROOT\\.txt"),
    ],
)
def test_paths_as_people_write_them(text: str, full: str) -> None:
    assert parse_key(text).full == full


@pytest.mark.parametrize("text", ["", "C:\\Windows", "SOFTWARE\\X", "HKXX:\\X", "HKLMSOFTWARE", "HKLM:\\A\\..\\B"])
def test_what_is_no_path(text: str) -> None:
    with pytest.raises(ValueError, match="registry path"):
        parse_key(text)


@pytest.mark.parametrize("character", ["\r", "\n", "\0", "\x1b", "\x7f", "\x85"])
def test_a_path_with_a_control_character_is_refused_and_what_a_host_names_is_read(character: str) -> None:
    path = f"HKLM:\\SOFTWARE\\a{character}b"
    with pytest.raises(ValueError, match="a registry path holds no control characters"):
        parse_key(path)
    assert any_key(path).path == f"SOFTWARE\\a{character}b"


def test_the_twin_below_wow6432node() -> None:
    twin = parse_key("HKLM:\\software\\X").twin()
    assert twin is not None
    assert twin.shown == "HKLM\\software\\Wow6432Node\\X"
    assert twin.twin() == twin
    assert parse_key("HKLM:\\SYSTEM\\X").twin() is None
    assert fold("Straße") == "STRAßE"
