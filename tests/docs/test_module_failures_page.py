"""docs/module-failures.md says what tasks say."""

from __future__ import annotations

from runner.modules.psmodule_failures import Failure
from tests.docs.module_failures import BEGIN, END, PAGE, lines, table


def test_the_page_is_up_to_date() -> None:
    block = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    assert block == table(), "python -m tests.docs.module_failures"


def test_what_a_warning_changes_has_a_row_of_its_own() -> None:
    failures = {"B": Failure("two", "do two"), "A": Failure("one", "do one", warned=Failure("other", "do other"))}
    assert list(lines(failures)) == [
        "| `A` | one | do one |",
        "| `A`, and a warning | other | do other |",
        "| `B` | two | do two |",
    ]
