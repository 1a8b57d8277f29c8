"""The attribution, fed the recorded message streams of a real engine (categories seq, batch, stop, merge, stm).

What is compared against what: the recordings hold no separators of ours, but many hold `Write-Output` statements of
a text. Those serve as separators here: the statements between two of them are one region, which stands for one
statement of a batch. A region's expected outputs, errors and warnings are read from the recording's *summary*, the
recorder's own readable account, while the attribution reads the *messages* through psrpcore. Statements before the
first such text belong to no region: our batches begin with a separator, and without one nothing may be claimed. What
stands behind the last text ends without a separator, so at best it is unseen. A case of a single statement and no
such text is attributed as a lone statement. Cases of neither kind are counted and named.
"""

from __future__ import annotations

import json
import lzma
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from psrpcore._payload import create_fragment, create_message
from psrpcore.types import PSRPMessageType

from runner.model.command import Reply, ReplyState, command
from runner.transport.batch import Batch, Dialect, Event, attribute
from runner.transport.pool import Pool

DONE, FAILED, UNSEEN = ReplyState.DONE, ReplyState.FAILED, ReplyState.UNSEEN
_TYPES = {
    "PIPELINE_OUTPUT": PSRPMessageType.PipelineOutput,
    "ERROR_RECORD": PSRPMessageType.ErrorRecord,
    "WARNING_RECORD": PSRPMessageType.WarningRecord,
    "PIPELINE_STATE": PSRPMessageType.PipelineState,
    "PROGRESS_RECORD": PSRPMessageType.ProgressRecord,
    "INFORMATION_RECORD": PSRPMessageType.InformationRecord,
    "VERBOSE_RECORD": PSRPMessageType.VerboseRecord,
    "DEBUG_RECORD": PSRPMessageType.DebugRecord,
    "PIPELINE_HOST_CALL": PSRPMessageType.PipelineHostCall,
}
_STAND_IN = (command("a-region"),)


@dataclass(frozen=True)
class Case:
    id: str
    batch: Batch
    received: list[dict[str, Any]]
    summary: list[str]


def _text_of(statement: list[dict[str, Any]]) -> str | None:
    """The text that a plain `Write-Output -InputObject 'text'` writes; None for any other statement."""
    only = statement[0]
    if len(statement) > 1 or only["command"] != "Write-Output" or only.get("merge") or len(only["parameters"]) != 1:
        return None
    name, value = only["parameters"][0]
    return value if name == "InputObject" and isinstance(value, str) else None


def _batch(statements: list[list[dict[str, Any]]]) -> Batch | None:
    """The regions between texts as a batch; None if the case has no text and several statements."""
    texts = [(index, text) for index, statement in enumerate(statements) if (text := _text_of(statement)) is not None]
    tokens = [text for _, text in texts]
    if not tokens:
        return Batch((_STAND_IN,)) if len(statements) == 1 else None
    assert len(set(tokens)) == len(tokens)
    if texts[-1][0] < len(statements) - 1:
        tokens.append("a separator that was never sent")
    return Batch((_STAND_IN,) * (len(tokens) - 1), tuple(tokens), Dialect.CONSOLE)  # whose last token may be missing


def _cases(groundtruth: Path) -> Iterator[tuple[str, Case | None]]:
    for file in ("cases.jsonl.xz", "windows_cases.jsonl.xz"):
        with lzma.open(groundtruth / "pwsh76" / file, "rt", encoding="utf-8") as lines:
            for line in lines:
                case = json.loads(line)
                category = case["id"].partition(".")[0]
                if category not in ("seq", "batch", "stop", "merge") and not case["id"].startswith("stm-"):
                    continue
                batch = _batch(case["statements"])
                yield case["id"], batch and Case(case["id"], batch, case["received"], case["summary"])


def _events(received: list[dict[str, Any]]) -> list[Event]:
    """The recorded messages as psrpcore reads them from the wire."""
    pool, pipeline = Pool(), uuid.uuid4()
    pool.start(pipeline, b"<S />")
    events: list[Event] = []
    for number, message in enumerate(received):
        if message["type"].startswith("SENT") or message.get("pool"):
            continue
        body = message["clixml"].encode("utf-8", "surrogatepass")
        raw = create_message(False, _TYPES[message["type"]], body, pool.runspace_pool_id, pipeline)
        events += pool.events(create_fragment(number + 1, 0, raw), pipeline)
    return events


def _expected(case: Case) -> list[tuple[ReplyState, int, list[str], list[str]]]:
    """State, number of outputs, error ids and warnings of every region, from the summary."""
    tokens = list(case.batch.tokens)
    regions: list[list[str]] = [[]] if not tokens else []
    for line in case.summary:
        if len(regions) < len(tokens) and line == f"OUT String '{tokens[len(regions)]}'":
            regions.append([])
        elif regions:
            regions[-1].append(line)
    ended = len(regions) - 1 if tokens else int("COMPLETED" in regions[0])
    expected = []
    for index in range(len(case.batch.statements)):
        lines = regions[index] if index < len(regions) else []
        failed = index == len(regions) - 1 and any(line.startswith("FAILED ") for line in lines)
        state = DONE if index < ended else FAILED if failed else UNSEEN
        ids = [found[1] for line in lines if (found := re.match(r"(?:ERR|FAILED) (.*?) target=", line))]
        outputs = sum(line.startswith("OUT ") for line in lines)
        warnings = [line[len("WARNING '") : -1] for line in lines if line.startswith("WARNING ")]
        expected.append((state, outputs, ids, warnings))
    return expected


def _shape(reply: Reply) -> tuple[ReplyState, int, list[str], list[str]]:
    return reply.state, len(reply.outputs), [error.id for error in reply.errors], list(reply.warnings)


def test_every_output_error_and_warning_goes_to_its_statement(groundtruth: Path) -> None:
    compared, without = 0, []
    for name, case in _cases(groundtruth):
        if case is None:
            without.append(name)
            continue
        replies = attribute(case.batch, _events(case.received))
        assert [_shape(reply) for reply in replies] == _expected(case), name
        compared += len(replies)
    assert compared > 90
    assert len(without) < 25, without


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("seq.sentinels", [DONE, DONE, FAILED]),
        ("seq.null-output", [DONE]),
        ("seq.nonterminating-middle", [DONE]),
        ("seq.nonterminating-last", [UNSEEN]),  # it did end, but no separator says so
        ("seq.unknown-command-middle", [FAILED]),
        ("seq.unknown-command-only", [FAILED]),
        ("batch.fail1-of5-outputs", [UNSEEN] * 3),  # B1: statements 3 to 5 ran, and the recording shows nothing of it
        ("batch.fail1-and-3-of4", [UNSEEN]),
        ("batch.fail2-slow", [FAILED, UNSEEN]),  # B2, B3
        ("batch.where-variables-go", [FAILED]),
        ("batch.late-nonterminating-after-fail1", []),
        ("stop.sleep", [UNSEEN]),  # B5
        ("stm-bind-2of4", [FAILED, UNSEEN]),
        ("stm-bind-4of4", [DONE, DONE, FAILED]),
        ("stm-nonterm-stop-1of4", [UNSEEN, UNSEEN]),
        ("stm-nonterm-stop-2of4", [FAILED, UNSEEN]),
    ],
)
def test_what_the_findings_say(groundtruth: Path, name: str, states: list[ReplyState]) -> None:
    """The rules of pwsh76/README.md, case by case and written by hand."""
    case = next(case for found, case in _cases(groundtruth) if found == name)
    assert case is not None
    assert [reply.state for reply in attribute(case.batch, _events(case.received))] == states


def test_a_null_at_top_level_is_an_output(groundtruth: Path) -> None:
    case = next(case for name, case in _cases(groundtruth) if name == "seq.null-output")
    assert case is not None
    assert attribute(case.batch, _events(case.received))[0].outputs == (None,)


def test_a_stream_that_breaks_off_is_unseen_from_there_on(groundtruth: Path) -> None:
    """The stream of seq.sentinels cut after each message: nothing but a full region is ever called done."""
    case = next(case for name, case in _cases(groundtruth) if name == "seq.sentinels")
    assert case is not None
    states = [
        [reply.state for reply in attribute(case.batch, _events(case.received[:length]))]
        for length in range(len(case.received) + 1)
    ]
    assert states == [
        [UNSEEN, UNSEEN, UNSEEN],
        [UNSEEN, UNSEEN, UNSEEN],
        [UNSEEN, UNSEEN, UNSEEN],
        [DONE, UNSEEN, UNSEEN],
        [DONE, UNSEEN, UNSEEN],
        [DONE, DONE, UNSEEN],
        [DONE, DONE, FAILED],
    ]
