"""What we send and no recording covers: the list of docs/not-grounded.md.

`python -m tests.profiles.not_grounded` writes it anew; test_not_grounded.py compares.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.conftest import GROUNDTRUTH
from tests.profiles.emitted import ROOT, Emission, emissions
from tests.profiles.recorded import Coverage, coverage

PAGE = ROOT / "docs" / "not-grounded.md"
BEGIN, END = "<!-- not grounded -->\n", "<!-- /not grounded -->\n"


def not_grounded(sent: Iterable[Emission], covered: Coverage) -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    """By command: its parameters that were never recorded (all, if the command never was), and who sends them."""
    missing: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
    for emission in sent:
        for command in emission.statement:
            recorded = covered.get(command.name.casefold())
            names = {name for name, _ in command.parameters if recorded is None or name.casefold() not in recorded}
            if names or recorded is None:
                parameters, sources = missing.get(command.name, (frozenset(), frozenset()))
                missing[command.name] = (parameters | names, sources | {emission.source.partition("/")[0]})
    return missing


def lines(sent: Iterable[Emission], covered: Coverage) -> list[str]:
    """The list as Markdown items, sorted."""
    return [
        f"- `{' '.join([name, *(f'-{parameter}' for parameter in sorted(parameters))])}`: "
        f"{'never recorded' if name.casefold() not in covered else 'not with this'}; sent by {', '.join(sorted(who))}"
        for name, (parameters, who) in sorted(not_grounded(sent, covered).items())
    ]


def block(page: str) -> str:
    """What stands between the two marks of the page."""
    return page.partition(BEGIN)[2].partition(END)[0]


def main() -> None:
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    items = "".join(f"{line}\n" for line in lines(emissions(), coverage(Path(GROUNDTRUTH))))
    PAGE.write_text(f"{before}{BEGIN}{items}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
