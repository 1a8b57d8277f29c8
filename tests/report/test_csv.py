"""The table of a run, read as a spreadsheet reads it."""

from __future__ import annotations

import csv
import io

import pytest

from runner.model.document import dump_plan, dump_run
from runner.model.outcome import HostResult, RunOutcome
from runner.model.plan import HostPlan
from runner.report.csv import COLUMNS, run_csv
from tests.report.evidence_run import CONFIRMED_LATER, CRYPTO, FINE, FORMULA, HARM, NAMES, PLAN, document, tagged
from tests.report.fleet import HOSTS, RUN, RUN_HOSTS, outcome, plan


def rows(file: bytes) -> list[dict[str, str]]:
    assert file.startswith(b"\xef\xbb\xbf")
    text = file.decode("utf-8-sig")
    assert text.count("\n") == text.count("\r\n")
    head, *lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert tuple(head) == COLUMNS
    assert {len(line) for line in lines} == {len(COLUMNS)}
    return [dict(zip(head, line, strict=True)) for line in lines]


TABLE = rows(run_csv(document()))


def test_one_row_for_each_host_item_and_thing() -> None:
    first = [row for row in TABLE if row["host"] == NAMES[0]]
    assert [(row["item"], row["task"], row["result"]) for row in first] == [
        ("S0-08", "task 4", "held"),
        ("S0-12", "task 3", "attested"),
        ("S0-13", "task 12 ({'id': 'S0-13', 'instructions': 'look at...)", "held"),
        ("S0-16", "task 7", "holds"),
        ("S0-16", "Strong", "applied"),
        ("S0-17", "It runs", "compliant"),
        ("S0-18", "It runs", "compliant"),
        ("", "task 5", "nothing to do"),
        ("", "task 6", "held"),
        ("", "task 13", "skipped"),
        ("", "task 14", "applied"),
        ("", "Restart", "applied"),
    ]


def test_what_a_row_says() -> None:
    row = next(row for row in TABLE if row["task"] == "Strong" and row["host"] == NAMES[0])
    assert row["operator"] == "管理者@controller"
    assert row["thing"] == "registry HKLM\\SOFTWARE\\設定 SchUseStrongCrypto"
    assert (row["before"], row["planned"], row["after"]) == ("absent", "dword 1", "dword 1")
    assert (row["verified_utc"], row["ended_utc"]) == ("2026-11-26T13:00:07+00:00",) * 2
    assert (row["run_started_utc"], row["host_result"]) == ("2026-11-26T13:00:00+00:00", "held")
    held = next(row for row in TABLE if row["item"] == "S0-08")
    assert held["held_by"] == "Group Policy"
    assert next(row for row in TABLE if row["result"] == "skipped")["note"] == "not the case: reboot_allowed"


def test_no_cell_is_a_formula_and_none_holds_a_control_character() -> None:
    cells = [cell for row in TABLE for cell in row.values()]
    assert f"'{FORMULA}" in cells
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r", "\n")]
    assert not [cell for cell in cells if HARM in cell or not cell.isprintable()]


@pytest.mark.parametrize(
    ("message", "cell"),
    [
        ("a;=1+1", "a;'=1+1"),
        ("a; =1+1;b", "a;' =1+1;b"),
        ('a;"@SUM(A1)', "a;'\"@SUM(A1)"),
        ("=1;-2", "'=1;'-2"),
        ("a;b", "a;b"),
        ("a -1; b", "a -1; b"),
    ],
)
def test_a_semicolon_does_not_make_a_formula(message: str, cell: str) -> None:
    """Where it parts the cells, what stands behind it is a cell of its own."""
    lost = HOSTS[3]
    run = RunOutcome("r", (outcome(lost.host, HostResult.UNREACHABLE, message=message),))
    (row,) = rows(run_csv(dump_run(run, plan(lost))))
    assert row["host_message"] == cell


def test_the_lines_of_a_cell_stay_apart() -> None:
    held = next(row for row in TABLE if row["item"] == "S0-13")
    assert "; " not in held["note"]
    attested = next(row for row in TABLE if row["item"] == "S0-12" and row["host"] == NAMES[0])
    assert attested["note"].startswith(f"confirmed by {FORMULA}, entered by kiyohime@tok-admin-01 | ")


def test_what_was_confirmed_later_stands_beside_what_is_held() -> None:
    found = rows(run_csv(document(), CONFIRMED_LATER))
    told = {(row["host"], row["item"]): row["confirmed_later"] for row in found if row["confirmed_later"]}
    assert told == {
        (
            NAMES[0],
            "S0-13",
        ): "confirmed by 佐藤, entered by kiyohime@tok-admin-01, on 2026-11-26 15:30:00 UTC, after the "
        "run had started | ticket 4712 | holds until 2027-11-26T15:30:00+00:00"
    }
    held = next(row for row in found if row["confirmed_later"])
    assert (held["result"], held["verified_utc"], held["held_by"]) == ("held", "", "both")


def test_item_ids_are_in_the_order_of_their_numbers() -> None:
    steps = (tagged(CRYPTO, "S1-1", "S0-12"), tagged(FINE, "S0-2"))
    run = RunOutcome("r", (outcome("h", HostResult.COMPLIANT),))
    found = rows(run_csv(dump_run(run, plan(HostPlan("h", 1, steps, {})))))
    assert [row["item"] for row in found] == ["S0-2", "S0-12", "S1-1"]


def test_an_audit_has_the_rows_of_its_plan() -> None:
    found = rows(run_csv(dump_plan(PLAN)))
    first = {row["task"]: row for row in found if row["host"] == NAMES[0]}
    strong = first["Strong"]
    assert (strong["run"], strong["operator"], strong["run_started_utc"]) == ("", "", "")
    assert (strong["before"], strong["planned"], strong["after"]) == ("absent", "dword 1", "")
    assert (strong["result"], strong["host_result"]) == ("to change", "held")
    assert (strong["read_utc"], strong["verified_utc"]) == (PLAN.created, "")
    assert (first["It runs"]["result"], first["It runs"]["verified_utc"]) == ("compliant", PLAN.created)
    assert (first["task 4"]["result"], first["task 4"]["held_by"]) == ("held", "Group Policy")
    assert (first["task 5"]["result"], first["Restart"]["result"]) == ("decided later", "to change")


def test_a_host_without_a_step_has_a_row() -> None:
    lost = HOSTS[3]
    run = RunOutcome("r", (outcome(lost.host, HostResult.UNREACHABLE, message="refused"),))
    (row,) = rows(run_csv(dump_run(run, plan(lost))))
    assert (row["host"], row["host_result"], row["host_message"]) == (lost.host, "unreachable", "refused")


def test_every_kind_of_result_can_be_written() -> None:
    found = {row["result"] for row in rows(run_csv(dump_run(RUN, plan(*RUN_HOSTS))))}
    assert {"applied", "settled", "refused", "failed", "not converged", "unknown", "not started"} <= found
