"""What a PowerShell process writes to stdout and stderr becomes the replies of the statements it ran.

The streams are those that were recorded of a real engine (groundtruth/pwsh76/encodedcommand.jsonl); the separators that
our own scripts would have written are put round them.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.model.command import Reply, ReplyState, command
from runner.model.errors import ProtocolError
from runner.model.value import PSObject
from runner.transport.batch import Dialect, Event, attribute, batch_of
from runner.transport.streams import ended, output, read_streams

MARK = "CeRunnerTest"
FIRST, LAST = f"{MARK}-0", f"{MARK}-1"
STATEMENT = (command("Get-Something"),)
ROOT = '<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">'


@pytest.fixture(scope="session")
def recorded(groundtruth: Path) -> dict[str, tuple[str, str, int]]:
    """stdout, stderr and exit code by the case's name."""
    lines = (groundtruth / "pwsh76" / "encodedcommand.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [json.loads(line) for line in lines]
    return {case["id"].removeprefix("encoded."): (case["stdout"], case["stderr"], case["exit_code"]) for case in cases}


def marked(text: str, element: str, ended: bool) -> bytes:
    """A recorded stream with the first separator in it, and the last one if the script came to its end."""
    document = text or f"#< CLIXML\n{ROOT}</Objs>"
    document = document.replace(ROOT, ROOT + element.format(FIRST), 1)
    if ended:
        document = document.removesuffix("</Objs>") + element.format(LAST) + "</Objs>"
    return document.encode()


def reply(stdout: bytes, stderr: bytes, exit_code: int | None) -> Reply:
    events: list[Event] = []
    read_streams(stdout, stderr, exit_code, MARK, events)
    (only,) = attribute(batch_of([STATEMENT], MARK, Dialect.CONSOLE), events)
    return only


def replayed(case: tuple[str, str, int]) -> Reply:
    stdout, stderr, code = case
    ended = code == 0
    output, warning = '<S S="Output">{}</S>', '<S S="warning">{}</S>'
    return reply(marked(stdout, output, ended), marked(stderr, warning, ended), code)


def test_outputs_keep_their_types(recorded: dict[str, tuple[str, str, int]]) -> None:
    found = replayed(recorded["outputs"])
    assert found.state is ReplyState.DONE
    assert found.outputs[:3] == ("a", 1, None)
    selected = found.outputs[3]
    assert isinstance(selected, PSObject)
    assert (selected.type_names[0], selected.get("Name"), selected.get("Length")) == (
        "Selected.System.IO.FileInfo",
        "a.txt",
        11,
    )


def test_a_non_terminating_error_is_a_record_of_its_statement(recorded: dict[str, tuple[str, str, int]]) -> None:
    found = replayed(recorded["nonterminating-error"])
    assert (found.state, found.outputs) == (ReplyState.DONE, ("before", "after"))
    (error,) = found.errors
    assert (error.id, error.category) == ("PathNotFound,Microsoft.PowerShell.Commands.GetItemCommand", "ObjectNotFound")
    assert error.exception == "System.Management.Automation.ItemNotFoundException"
    assert error.message == "Cannot find path '/nope1' because it does not exist."


@pytest.mark.parametrize(
    ("name", "error_id"),
    [
        ("throw", "boom"),
        ("unknown-command", "CommandNotFoundException"),
        ("prompt", "InvalidOperation,Microsoft.PowerShell.Commands.ReadHostCommand"),
    ],
)
def test_a_terminating_error_ends_the_script(
    recorded: dict[str, tuple[str, str, int]], name: str, error_id: str
) -> None:
    found = replayed(recorded[name])
    assert (found.state, found.outputs) == (ReplyState.FAILED, ("before",))
    assert [error.id for error in found.errors] == [error_id]


def test_warnings_are_kept_and_the_other_streams_left_out(recorded: dict[str, tuple[str, str, int]]) -> None:
    stdout, stderr, _ = recorded["streams-exit"]
    found = replayed((stdout, stderr, 0))
    assert found.warnings == ("w",)
    assert found.errors == ()
    assert found.outputs[-1] == "out"


def test_native_stderr_is_an_error_record(recorded: dict[str, tuple[str, str, int]]) -> None:
    found = replayed(recorded["native"])
    assert found.outputs == ("o1", "last=3")
    assert [error.id for error in found.errors] == ["NativeCommandError"]


@pytest.mark.parametrize("name", ["text-mode", "text-mode-throw"])
def test_a_rendered_error_is_still_an_error(recorded: dict[str, tuple[str, str, int]], name: str) -> None:
    found = replayed(("", *recorded[name][1:]))
    assert len(found.errors) == 1
    assert found.errors[0].id == ""


def test_a_script_that_did_not_parse_ran_nothing(recorded: dict[str, tuple[str, str, int]]) -> None:
    stdout, stderr, code = recorded["parse-error"]
    assert (stdout, code) == ("", 0)
    with pytest.raises(ProtocolError, match="did not run there: ExpectedValueExpression"):
        reply(stdout.encode(), stderr.encode(), code)


def test_what_is_no_powershell_is_told() -> None:
    words = "'powershell.exe' is not recognized as an internal or external command"
    with pytest.raises(ProtocolError, match=r"did not run there: 'powershell\.exe' is not recognized"):
        reply(b"", words.encode(), 1)
    with pytest.raises(ProtocolError, match="did not run there: exit code 5"):
        reply(b"", b"", 5)


def document(*elements: str, end: str = "</Objs>") -> bytes:
    return f"#< CLIXML\r\n{ROOT}{''.join(elements)}{end}".encode()


def out(text: str) -> str:
    return f'<S S="Output">{text}</S>'


ECHOES = document(*(f'<S S="warning">{MARK}-{number}</S>' for number in range(4)))


def test_of_a_process_that_was_cut_off_the_whole_elements_count() -> None:
    events: list[Event] = []
    stdout = document(out(FIRST), out("one"), out(LAST), out("two"), out("thr"), end="")[:-7]
    read_streams(stdout, ECHOES, None, MARK, events)
    replies = attribute(batch_of([STATEMENT] * 3, MARK, Dialect.CONSOLE), events)
    assert [reply.state for reply in replies] == [ReplyState.DONE, ReplyState.UNSEEN, ReplyState.UNSEEN]
    assert replies[0].outputs == ("one",)


def test_a_damaged_answer_is_an_error_and_what_came_before_is_kept() -> None:
    events: list[Event] = []
    stdout = document(out(FIRST), out("one"), out(LAST), out("a<b"), out(f"{MARK}-2"))
    with pytest.raises(ProtocolError, match="damaged"):
        read_streams(stdout, ECHOES, 0, MARK, events)
    replies = attribute(batch_of([STATEMENT] * 2, MARK, Dialect.CONSOLE), events)
    assert [reply.state for reply in replies] == [ReplyState.DONE, ReplyState.UNSEEN]


def test_a_statement_is_seen_only_when_both_streams_say_so() -> None:
    events: list[Event] = []
    stdout = document(out(FIRST), out("one"), out(LAST))
    read_streams(stdout, document(f'<S S="warning">{FIRST}</S>'), 0, MARK, events)
    (found,) = attribute(batch_of([STATEMENT], MARK, Dialect.CONSOLE), events)
    assert found.state is ReplyState.UNSEEN


def test_an_error_stays_with_the_statement_between_whose_separators_it_stands() -> None:
    events: list[Event] = []
    stdout = document(out(FIRST), out("one"), out(LAST), out(f"{MARK}-2"), out("three"), out(f"{MARK}-3"))
    echoes = [f'<S S="warning">{MARK}-{number}</S>' for number in range(4)]
    echoes.insert(2, '<S S="Error">second</S>')
    read_streams(stdout, document(*echoes), 0, MARK, events)
    replies = attribute(batch_of([STATEMENT] * 3, MARK, Dialect.CONSOLE), events)
    assert [reply.outputs for reply in replies] == [("one",), (), ("three",)]
    assert [[error.message for error in reply.errors] for reply in replies] == [[], ["second"], []]


def test_several_documents_and_characters_that_no_xml_holds() -> None:
    stdout = document(out(FIRST)) + document(out("a&#xFFFE;b"), out(LAST))
    found = reply(stdout, ECHOES, 0)
    assert found.outputs == ("a\ufffeb",)


def test_an_object_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(ProtocolError, match="cannot be read"):
        reply(document(out(FIRST), '<I32 S="Output">x</I32>', out(LAST)), ECHOES, 0)


def test_separators_that_are_alike_are_counted() -> None:
    """Of a pipeline that completed without one of them nobody can tell which answers are whose."""
    batch = batch_of([STATEMENT] * 2, MARK)
    whole = [output(MARK), output("one"), output(MARK), output("two"), output(MARK), ended(failed=False)]
    assert [reply.outputs for reply in attribute(batch, whole)] == [("one",), ("two",)]
    lacking = [event for place, event in enumerate(whole) if place != 2]
    assert {reply.state for reply in attribute(batch, lacking)} == {ReplyState.UNSEEN}
    broken_off = whole[:-2]
    assert [reply.state for reply in attribute(batch, broken_off)] == [ReplyState.DONE, ReplyState.UNSEEN]
