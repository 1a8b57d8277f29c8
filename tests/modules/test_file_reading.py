"""What the answers about files mean: errors that are no absence, and answers that do not explain each other."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from runner.model.command import ErrorRecord, Reply, ReplyState, Statement
from runner.model.state import Unreadable
from runner.model.value import PSObject, Value
from runner.modules.base import Round
from runner.modules.file_reading import Asked, Finding, FoundFile, FoundFolder, Missing, conclude, next_round
from runner.modules.host_files import parse_place
from runner.transport.text import render

A, B = parse_place("C:\\lab\\a.txt"), parse_place("C:\\lab\\b.txt")
FOLDER = parse_place("C:\\lab")
SHA = "AB" * 32
NOT_FOUND = ErrorRecord("PathNotFound,Microsoft.PowerShell.Commands.GetItemCommand", "ObjectNotFound", "X", "no")
DENIED = ErrorRecord("ItemExistsUnauthorizedAccessError,X", "PermissionDenied", "Y", "denied")
LOCKED = ErrorRecord("FileReadError,Get-FileHash", "ReadError", "Z", "in use")


def done(*outputs: Value, errors: Sequence[ErrorRecord] = ()) -> Reply:
    return Reply(ReplyState.DONE, outputs, tuple(errors))


def item(path: str, is_folder: bool = False) -> PSObject:
    return PSObject(("Selected",), {"FullName": path, "PSIsContainer": is_folder})


def summed(path: str) -> PSObject:
    return PSObject(("Selected",), {"Path": path, "Hash": SHA})


def asked_twice(asked: list[Asked], first: list[Reply], second: list[Reply]) -> tuple[list[str], tuple[Finding, ...]]:
    """The statements of the second round, and what is concluded from all answers."""
    rounds = [Round(next_round(asked, []), tuple(first))]
    again = next_round(asked, rounds)
    if again:
        rounds.append(Round(again, tuple(second)))
        assert next_round(asked, rounds) == ()
    return [render(statement) for statement in again], conclude(asked, rounds)


def test_all_files_are_asked_for_together() -> None:
    statements: tuple[Statement, ...] = next_round([Asked(A, hashed=True), Asked(B, hashed=True), Asked(FOLDER)], [])
    assert [render(statement) for statement in statements] == [
        "Test-Path -LiteralPath:@('C:\\', 'C:\\lab', 'C:\\lab\\a.txt', 'C:\\lab\\b.txt')",
        "Get-Item -LiteralPath:@('C:\\lab\\a.txt', 'C:\\lab\\b.txt', 'C:\\lab') -Force:$true "
        "-ErrorAction:'SilentlyContinue' | Select-Object -Property:@('FullName', 'PSIsContainer')",
        "Get-FileHash -LiteralPath:@('C:\\lab\\a.txt', 'C:\\lab\\b.txt') -Algorithm:'SHA256' "
        "-ErrorAction:'SilentlyContinue' | Select-Object -Property:@('Path', 'Hash')",
    ]


def test_what_is_found_in_one_round() -> None:
    asked = [Asked(A, hashed=True), Asked(B, hashed=True), Asked(FOLDER)]
    first = [done(True, True, True, False), done(item("C:\\LAB\\A.txt"), item("C:\\lab", True)), done(summed(A.full))]
    again, found = asked_twice(asked, first, [])
    assert again == []
    assert found == (FoundFile(SHA.lower()), Missing(()), FoundFolder())


def test_the_first_file_without_a_hash_hides_those_behind_it() -> None:
    """Windows PowerShell's Get-FileHash ends at the first file that it cannot open."""
    asked = [Asked(A, hashed=True), Asked(B, hashed=True)]
    first = [done(True, True, True, True), done(item(A.full), item(B.full)), done()]
    again, found = asked_twice(asked, first, [done(errors=[LOCKED]), done(summed(B.full))])
    assert [text.partition(" -Algorithm")[0] for text in again] == [
        "Get-FileHash -LiteralPath:@('C:\\lab\\a.txt')",
        "Get-FileHash -LiteralPath:@('C:\\lab\\b.txt')",
    ]
    assert found == (Unreadable("C:\\lab\\a.txt: in use (FileReadError,Get-FileHash)"), FoundFile(SHA.lower()))


@pytest.mark.parametrize(
    ("errors", "found"),
    [
        ([DENIED, NOT_FOUND], Unreadable(f"{A.full}: denied ({DENIED.id}); no ({NOT_FOUND.id})")),
        ([NOT_FOUND], Missing(())),
    ],
)
def test_an_error_beside_a_false_may_be_about_it(errors: list[ErrorRecord], found: Finding) -> None:
    """Test-Path says False of what may not be looked at, beside an error that says of none which it is about (F3)."""
    first = [done(True, True, False, errors=[DENIED]), done()]
    again, concluded = asked_twice([Asked(A)], first, [done(errors=errors)])
    assert again == [f"Get-Item -LiteralPath:@('{A.full}') -Force:$true | Select-Object "
                     "-Property:@('FullName', 'PSIsContainer')"]  # fmt: skip
    assert concluded == (found,)


def test_what_exists_and_is_not_shown_is_no_absence() -> None:
    _, found = asked_twice([Asked(A)], [done(True, True, True), done()], [done()])
    assert found == (Unreadable(f"{A.full}: it exists, but the host did not answer for it"),)


def test_a_missing_drive_is_no_absence() -> None:
    _, found = asked_twice([Asked(A)], [done(False, False, False), done()], [])
    assert found == (Unreadable(f"{A.full}: there is no drive C:\\, or the session shows no files"),)


def test_an_unseen_answer_is_no_absence() -> None:
    unseen = Reply(ReplyState.UNSEEN)
    _, found = asked_twice([Asked(A)], [unseen, unseen], [])
    assert found == (Unreadable("C:\\: the answer was not seen"),)


def test_a_folder_that_cannot_be_listed_is_not_empty() -> None:
    asked = [Asked(FOLDER, counted=True)]
    first = [done(True, True), done(item("C:\\lab", True))]
    zero = PSObject(("Measure",), {"Count": 0})
    again, found = asked_twice(asked, first, [done(zero, errors=[DENIED])])
    assert again == ["Get-ChildItem -LiteralPath:'C:\\lab' -Force:$true | Measure-Object"]
    assert found == (Unreadable(f"C:\\lab: denied ({DENIED.id})"),)
    assert asked_twice(asked, first, [done(zero)])[1] == (FoundFolder(0),)


def test_missing_folders_are_told_the_topmost_first() -> None:
    deep = parse_place("C:\\lab\\x\\y\\z.txt")
    _, found = asked_twice([Asked(deep)], [done(True, True, False, False, False), done()], [])
    assert found == (Missing((parse_place("C:\\lab\\x"), parse_place("C:\\lab\\x\\y"))),)
