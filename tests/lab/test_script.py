"""Script text: what is read, what is refused by name, and what an engine makes of it (findings B12, H4)."""

from __future__ import annotations

import pytest

from runner.lab.engine import Engine
from runner.lab.messages import Output, Request, StopSignal, Wait
from runner.lab.script import parse
from runner.lab.syntax import Argument, Assignment, Call, Items, Literal, ParseError, Pipe, Unsupported
from tests.lab.engine_support import KEY, Told, command, echo, machine, one, run


def script(text: str) -> Told:
    """Run one script on a machine of its own."""
    return one(machine(), command(text, script=True))


def test_a_pipe_of_calls_is_read_with_its_literal_arguments() -> None:
    (statement,) = parse("Get-Item -Path 'it''s' -Force | Select-Object -Property:a,b -First 5")

    assert statement == Pipe(
        (
            Call(
                Literal("Get-Item"),
                (Argument("Path", None), Argument(None, Literal("it's")), Argument("Force", None)),
            ),
            Call(
                Literal("Select-Object"),
                (
                    Argument("Property", Items((Literal("a"), Literal("b")))),
                    Argument("First", None),
                    Argument(None, Literal(5)),
                ),
            ),
        )
    )


def test_an_assignment_is_read() -> None:
    (statement,) = parse("$x = 'a'")

    assert statement == Assignment("x", Pipe((Literal("a"),)))


def test_text_that_ends_in_an_operator_is_a_parse_error() -> None:
    with pytest.raises(ParseError) as caught:
        parse("1 +")

    assert (caught.value.error_id, caught.value.incomplete) == ("ExpectedValueExpression", True)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "if (1) { 2 }",
            "foreach ($x in 1) { 2 }",
            "$x.y = 5",
            "Get-Item x > y",
            "1..3",
            "$a -eq 1",
            "using module X",
        ),
        *("'a\u2019b'", "f @args", ". x.ps1", "-join 1", 'f "a"b', "while (1) { }", "class X { }", "f; 'unclosed"),
    ],
)
def test_what_the_lab_does_not_execute_is_not_read(text: str) -> None:
    with pytest.raises(Unsupported):
        parse(text)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("Write-Output a; 'b'; 1; $null", ["a", "b", 1, None]),
        ("$x = 'v'; \"<$x> $($x) `$x\"", ["<v> v $x"]),
        ("('a' + [char]0x0041 + 'b')", ["aAb"]),
        ("Write-Output (-5) (1, 2)", [-5, [1, 2]]),
        ("@(1, 2) | Select-Object -First 1", [1]),
        ("$t = @{a = 1; b = 'x'}; $t.b", ["x"]),
        ('function F([int]$N = 3) { "n=$N" }; F; F -N 4', ["n=3", "n=4"]),
        ('function F { param([Parameter(ValueFromPipeline)][int]$N) process { "n=$N" } }; 1, 2 | F', ["n=1", "n=2"]),
        ("function F { 'a'; return 'b'; 'c' }; F", ["a", "b"]),
        ("try { throw 'x' } catch { 'caught' } finally { 'done' }", ["caught", "done"]),
        ("$x = 'out'; function F { $x = 'in'; $x }; F; $x", ["in", "out"]),
        ("", []),
    ],
)
def test_a_script_writes_what_its_statements_write(text: str, values: list[object]) -> None:
    told = script(text)

    assert (told.state, told.values) == ("Completed", values)


@pytest.mark.parametrize("statement", ["Get-NoSuchThing", "Get-Item -NoSuch 1", "[int]::Parse('x')", "$null.Foo()"])
def test_b12_a_terminating_error_ends_one_statement_of_a_script(statement: str) -> None:
    told = script(f"'before'; {statement}; 'after'")

    assert (told.state, told.values, len(told.errors)) == ("Completed", ["before", "after"], 1)


def test_b12_throw_ends_everything() -> None:
    told = script("function F { 'in'; throw 'boom' }; F; 'never'")

    assert (told.state, told.values, told.reason) == ("Failed", ["in"], "boom")


def test_error_action_stop_in_a_script_ends_it() -> None:
    told = script(f"$ErrorActionPreference = 'Stop'; 'in'; Get-Item -LiteralPath {KEY}\\none; 'out'")

    assert (told.state, told.values, told.reason) == ("Failed", ["in"], "PathNotFound")


def test_errors_are_merged_into_the_output_where_they_happen() -> None:
    told = script(f"'a'; Get-Item -LiteralPath {KEY}\\none 2>&1; 'b'")

    assert (told.errors, [type(value).__name__ for value in told.values]) == ([], ["str", "ErrorRecord", "str"])


def test_what_is_not_simulated_ends_a_script_whatever_it_catches() -> None:
    told = script("try { Get-WindowsFeature } catch { 'caught' }; 'after'")

    assert (told.state, told.values, told.reason) == ("Failed", [], "LabDoesNotSimulate")


def test_h4_a_stopped_script_still_runs_its_finally_block() -> None:
    stop = StopSignal()
    written: list[object] = []
    statements = ((command("try { 'in'; Start-Sleep 30 } finally { 'finally' }", script=True),), echo("never"))
    for message in Engine(machine()).invoke(Request(statements), stop):
        stop.requested |= isinstance(message, Wait)
        written += [message.value] if isinstance(message, Output) else []

    assert written == ["in", "finally"]


def test_a_function_stays_defined_in_its_session() -> None:
    engine = Engine(machine())
    one(engine, command("function Get-Mine { 'mine' }", script=True))

    assert one(engine, command("Get-Mine")).values == ["mine"]


def test_a_script_of_its_own_scope_leaves_no_variable() -> None:
    engine = Engine(machine())
    scoped = command("$x = 1", script=True)
    run(engine, (type(scoped)(scoped.name, is_script=True, local_scope=True),))

    assert one(engine, command("Get-Variable", Name="x", ValueOnly=True)).errors == ["VariableNotFound"]
