"""Why modules cannot be installed, and what to do: the table of docs/module-failures.md.

`python -m tests.docs.module_failures` writes it anew; test_module_failures_page.py compares. What tasks say comes from
the same place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from runner.modules.psmodule_failures import FAILURES, Failure
from tests.docs.items import ROOT

PAGE = ROOT / "docs" / "module-failures.md"
BEGIN, END = "<!-- failures -->\n", "<!-- /failures -->\n"


def lines(failures: Mapping[str, Failure]) -> Iterator[str]:
    """The rows of the table, by error id; one that a warning makes another stands below it."""
    for name in sorted(failures, key=str.casefold):
        failure = failures[name]
        yield _row(f"`{name}`", failure)
        if failure.warned is not None:
            yield _row(f"`{name}`, and a warning", failure.warned)


def table() -> str:
    """The whole table as it has to be."""
    return "\n".join(["| error id | cause | what to do |", "|---|---|---|", *lines(FAILURES)]) + "\n"


def _row(name: str, failure: Failure) -> str:
    return f"| {name} | {failure.cause} | {failure.fix} |"


def main() -> None:
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}{table()}{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
