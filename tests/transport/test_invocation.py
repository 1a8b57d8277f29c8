"""A batch as a command line: what is in it, what is left for the next one, and what is never in it."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.lab.script import parse
from runner.lab.syntax import Call, Literal, Pipe
from runner.model.command import Command, Statement, command
from runner.model.secret import Secret
from runner.model.value import Credential
from runner.transport.batch import Dialect, batch_of
from runner.transport.invocation import Unsendable, command_line, first_token

MARK = "CeRunnerTest"
CANARY = "kanarie-77"


def script(statements: list[Statement]) -> str:
    line = command_line(batch_of(statements, MARK, Dialect.CONSOLE).pipeline(), MARK)
    start, _, encoded = line.rpartition(" ")
    assert start == "powershell.exe -NoLogo -NoProfile -NonInteractive -OutputFormat XML -EncodedCommand"
    return base64.b64decode(encoded).decode("utf-16-le")


def write(text: str) -> Statement:
    return (command("Write-Output", InputObject=text),)


def names(text: str) -> list[str]:
    """The commands of a script, by the real grammar."""
    found = []
    for statement in parse(text):
        assert isinstance(statement, Pipe)
        for element in statement.elements:
            assert isinstance(element, Call)
            assert isinstance(element.name, Literal)
            found.append(str(element.name.value))
    return found


def test_each_separator_is_written_to_both_streams() -> None:
    assert script([(command("Get-Item", LiteralPath="HKLM:\\a b"), command("Out-Null"))]) == (
        f"Write-Output -InputObject:'{MARK}-0'; Write-Warning -Message:'{MARK}-0'; "
        "Get-Item -LiteralPath:'HKLM:\\a b' | Out-Null; "
        f"Write-Output -InputObject:'{MARK}-1'; Write-Warning -Message:'{MARK}-1'"
    )
    assert first_token(batch_of([write("x")], MARK, Dialect.CONSOLE).pipeline()) == f"{MARK}-0"


@given(st.lists(st.text(max_size=400), min_size=1, max_size=40))
def test_a_line_holds_what_fits_and_nothing_else(texts: list[str]) -> None:
    statements = [write(text) for text in texts]
    line = command_line(batch_of(statements, MARK, Dialect.CONSOLE).pipeline(), MARK)
    assert len(line) <= 8000
    sent = names(script(statements))
    pairs = sent.count("Write-Warning") - 1
    assert 1 <= pairs <= len(statements)
    assert sent == ["Write-Output", "Write-Warning"] + ["Write-Output", "Write-Output", "Write-Warning"] * pairs
    if pairs < len(statements):
        next_one = command_line(batch_of([statements[pairs]], MARK, Dialect.CONSOLE).pipeline(), MARK)
        assert len(line) + len(next_one) > 8000


def test_a_command_that_is_too_long_is_refused_or_left_for_the_next_line() -> None:
    long = write("x" * 4000)
    assert names(script([write("a"), long, write("b")])).count("Write-Warning") == 2
    with pytest.raises(Unsendable, match="too long"):
        script([long, write("a")])


@pytest.mark.parametrize(
    "value", [Secret(CANARY), Credential("u", Secret(CANARY)), (Secret(CANARY),), {"k": Secret(CANARY)}]
)
def test_a_secret_is_never_on_a_command_line(value: object) -> None:
    secret = (command("Set-Something", Value=value),)  # type: ignore[arg-type]
    assert "secret" not in script([write("a"), secret])
    with pytest.raises(Unsendable, match="a secret is never put on a command line") as caught:
        script([secret])
    assert CANARY not in repr(caught.value)


def test_a_parameter_that_has_no_text_is_refused() -> None:
    with pytest.raises(Unsendable, match="cannot be written"):
        script([(Command("Get-Item", (("a b", 1),)),)])
