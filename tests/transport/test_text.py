"""Rendered PowerShell against the literals that a real parser was asked about (quoting.tsv), and against the rules."""

from __future__ import annotations

import csv
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.model.command import Command, command
from runner.model.content import Slice
from runner.model.secret import Secret
from runner.model.value import Credential, Int32, Int64, UInt32, UInt64, Value, Version
from runner.transport.text import render

_VALUES: dict[str, Value] = {
    "true": True,
    "false": False,
    "null": None,
    "UInt64 max": UInt64(2**64 - 1),
    "UInt32": UInt32(2**32 - 1),
    "Int64 with a small value": Int64(5),
    "int64 max": Int64(2**63 - 1),
    "int64 min": -(2**63),
    "double": 1.5,
    "double whole": 2.0,
    "double tiny": 5e-324,
    "double max": 1.7976931348623157e308,
    "double third": 1 / 3,
    "double 1e20": 1e20,
    "double NaN": float("nan"),
    "double -inf": float("-inf"),
    "double negative": -0.25,
    "array": (1, 2),
    "array of strings": ("a", "b'c", "$x"),
    "empty array": (),
    "array of one": ("x",),
    "array of one null": (None,),
    "array with null": (1, None, "x"),
    "nested array": (1, (2, (3,))),
    "array of one array": ((1, 2),),
    "array of one empty array": ((),),
    "negative numbers in an array": (-1, -2),
    "hashtable": {"a": 1, "b c": "x"},
    "hashtable with quotes": {"it's": "$y"},
    "nested hashtable": {"o": {"i": (1, {"d": True})}},
    "empty hashtable": {},
    "array of hashtables": ({"a": 1}, {"a": 2}),
    "byte array of one": b"\x07",
    "byte array empty": b"",
    "date unspecified": datetime(2024, 1, 15, 10, 20, 30),
    "timespan": timedelta(days=1, hours=2, minutes=3, seconds=4, milliseconds=500),
    "version": Version("1.2.3"),
}  # what no row's own text tells


def _rows(groundtruth: Path) -> list[dict[str, str]]:
    with (groundtruth / "pwsh76" / "quoting.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def _value_of(row: dict[str, str]) -> Value:
    """The value of a row: from the table above, or read from the recorder's own notation. KeyError: not ours."""
    if row["what"] in _VALUES:
        return _VALUES[row["what"]]
    if found := re.fullmatch(r'String (".*")', row["value"]):
        return str(json.loads(found[1]))
    if found := re.fullmatch(r"Int(32|64) (-?\d+)", row["value"]):
        return int(found[2])
    raise KeyError(row["what"])


def test_every_literal_we_can_produce_is_one_that_the_parser_read_back(groundtruth: Path) -> None:
    """Compared: our text for a value with the recorded literal that came back as that value in an argument."""
    compared, foreign = 0, []
    for row in _rows(groundtruth):
        if row["what"].startswith("NAIVE") or row["round_trips"] != "yes":
            continue
        try:
            value = _value_of(row)
        except KeyError:
            foreign.append(row["what"])
            continue
        assert render((Command("X", (), (value,)),)) == "X " + json.loads(row["literal"]), row["what"]
        compared += 1
    assert compared > 100
    unused = {"byte", "single", "decimal", "decimal negative", "decimal max", "guid", "uri", "char", "enum"}
    others = {"hashtable with int key", "byte array", "byte array base64", "date utc"}  # other literals, same value
    assert set(foreign) == unused | others


def test_a_bad_literal_of_the_recording_is_never_ours(groundtruth: Path) -> None:
    """The rows marked NAIVE that did not round-trip: for their value we write something else."""
    bad = [row for row in _rows(groundtruth) if row["round_trips"] == "no" and '"' in row["value"]]
    assert bad
    for row in bad:
        if found := re.fullmatch(r'String (".*")', row["value"]):
            assert render((Command("X", (), (json.loads(found[1]),)),)) != "X " + json.loads(row["literal"])


def _read_back(literal: str) -> str:
    """The string that a literal of ours means, by the rules alone: quoted parts and [char] codes."""
    text = literal[1:-1] if literal.startswith("(") else literal
    result, at = "", 0
    part = re.compile("'((?:[^'\u2018-\u201b]|(['\u2018-\u201b])\\2)*)'|\\[char\\]0x([0-9A-F]{4})")
    while at < len(text):
        found = part.match(text, at)
        assert found, (literal, at)
        result += chr(int(found[3], 16)) if found[3] else re.sub("(['\u2018-\u201b])\\1", r"\1", found[1])
        at = found.end()
        at += 3 if text.startswith(" + ", at) else 0
    return result


_ANY = st.text(st.one_of(st.characters(), st.sampled_from("'\u2018\u2019\u201a\u201b\"`$\n\0\ufeff\ud83d_()+")))


@given(_ANY)
def test_any_string_is_read_back_by_the_rules(text: str) -> None:
    rendered = render((Command("X", (), (text,)),)).removeprefix("X ")
    assert _read_back(rendered) == text
    assert not re.search("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ufeff]", rendered)
    assert rendered.startswith(("'", "("))  # never bare: no operator, number or parameter can come of it


@given(st.integers(-(2**63), 2**64 - 1))
def test_any_integer_keeps_its_sign_in_parentheses(number: int) -> None:
    rendered = render((command("X", A=number),)).removeprefix("X -A:")
    assert int(re.sub(r"\[\w+\]|[()]", "", rendered)) == number
    assert rendered.startswith("(") or number >= 0


def test_a_pipe_with_names_switches_and_native_arguments() -> None:
    pipe = (
        command("Get-Item", LiteralPath="HKLM:\\SOFTWARE\\a b", Force=True),
        command("Select-Object", Property=("Name", "Length")),
    )
    assert render(pipe) == (
        "Get-Item -LiteralPath:'HKLM:\\SOFTWARE\\a b' -Force:$true | Select-Object -Property:@('Name', 'Length')"
    )
    native = (Command("shutdown.exe", arguments=("/r", "/t", Int32(5), -5)),)
    assert render(native) == "& 'shutdown.exe' '/r' '/t' 5 (-5)"
    assert render((Command("it's.exe\n"),)) == "& ('it''s.exe' + [char]0x000A)"


def test_a_date_in_utc_keeps_its_zone() -> None:
    rendered = render((command("X", A=datetime(2024, 1, 15, 10, 20, 30, tzinfo=UTC)),))
    assert "Parse('2024-01-15T10:20:30Z', [cultureinfo]::InvariantCulture, 'RoundtripKind')" in rendered


@pytest.mark.parametrize(("member", "name"), [("", "lab.nupkg"), ("en-US/help.txt", "en-US/help.txt")])
def test_bytes_of_a_file_are_told_by_their_number_and_its_name(member: str, name: str) -> None:
    part = Slice("/src/lab.nupkg", member, "ab" * 32, 0, 9812)
    assert render((command("Set-Content", Value=part),)) == f"Set-Content -Value:<9812 bytes of {name}>"


def test_a_secret_is_a_placeholder_wherever_it_stands() -> None:
    hidden = Secret("canary-7c1")
    rendered = render((command("X", A=hidden, B=Credential("u", hidden), C=(1, hidden), D={"k": hidden}),))
    assert "canary" not in rendered
    assert rendered == "X -A:(secret) -B:(secret) -C:@(1, (secret)) -D:@{'k' = (secret)}"


@pytest.mark.parametrize("name", ["a b", "", "x:y", "-x", "a;b"])
def test_a_parameter_name_that_cannot_be_written_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        render((Command("X", ((name, 1),)),))
