"""The evidence of a run or an audit as CSV: a row for each host, item and thing, for a spreadsheet or a program.

RFC 4180 with a header line; UTF-8 with a byte order mark, without which Excel takes Japanese names for another code
page. Column names are stable. A cell that a spreadsheet would take for a formula begins with an apostrophe; so does
what would become one where a semicolon parts cells, as in Excel of many countries.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runner.report.evidence import evidence
from runner.report.evidence_model import Evidence, HostEvidence, Row

COLUMNS = (
    "run", "operator", "run_started_utc", "run_ended_utc", "playbook", "plan_sha256", "play", "host", "host_result",
    "host_message", "read_utc", "item", "task", "thing", "before", "planned", "after", "result", "verified_utc",
    "ended_utc", "held_by", "irreversible", "note", "confirmed_later",
)  # fmt: skip
_SEPARATOR = " | "  # between the lines of a cell
# ASVS 1.2.10 names the first five; the wide ones in case a spreadsheet for Japanese takes them for the same
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_BEHIND = re.compile(rf";(?=[\s\"']*[{re.escape(''.join(_FORMULA))}])")


def run_csv(document: Mapping[str, Any], later: Sequence[Mapping[str, Any]] = ()) -> bytes:
    """The file for the document of a run or of a plan, with what was confirmed `later` (`evidence`).

    A step with several item ids has a row for each. The rows of a host are in the order of these ids, those without one
    behind them in that of the plan. A host without any step has one row, too, so that no host is missing.
    """
    found, text = evidence(document, later), io.StringIO()
    writer = csv.writer(text)  # its default dialect is RFC 4180's: commas, CRLF, quotes doubled
    writer.writerow(COLUMNS)
    for host in found.hosts:
        for cells in _host_rows(found, host):
            writer.writerow([_inert(cell) for cell in cells])
    return text.getvalue().encode("utf-8-sig", "backslashreplace")


def _host_rows(found: Evidence, host: HostEvidence) -> Iterator[tuple[str, ...]]:
    head = (found.run, found.operator, found.started, found.ended, found.playbook, found.digest)
    place = (str(host.play), host.host, host.result, host.message, host.read)
    if not host.rows:
        yield (*head, *place, *[""] * (len(COLUMNS) - len(head) - len(place)))
    items = ((item, row) for row in host.rows for item in row.items or ("",))
    for item, row in sorted(items, key=lambda one: _rank(one[0])):
        yield (*head, *place, item, *_cells(row))


def _rank(item: str) -> tuple[bool, list[int]]:
    """S0-2 comes before S0-12; what has no item id comes last."""
    return not item, [int(digits) for digits in re.findall(r"\d+", item)]


def _cells(row: Row) -> tuple[str, ...]:
    states = (_SEPARATOR.join(lines) for lines in (row.before, row.planned, row.after))
    when = (row.verified, row.ended)
    said = (_SEPARATOR.join(lines) for lines in (row.notes, row.later))
    return (row.task, row.thing, *states, row.result, *when, row.owner, row.irreversible, *said)


def _inert(cell: str) -> str:
    cell = _BEHIND.sub(";'", cell)
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
