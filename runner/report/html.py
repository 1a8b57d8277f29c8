"""The evidence of a run or an audit as one HTML page to be forwarded: no script, nothing fetched, good on paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined

from runner.report.evidence import evidence
from runner.report.evidence_model import HostEvidence, Row

_GOOD = frozenset({"applied", "settled", "compliant", "nothing to do", "attested", "holds"})
_IDLE = frozenset({"skipped", "told", "not triggered", "ignored"})
_WAITS = frozenset({"held", "refused", "not started", "to change", "decided later"})


def run_html(document: Mapping[str, Any], later: Sequence[Mapping[str, Any]] = ()) -> str:
    """The page for the document of a run or of a plan, with what was confirmed `later` (`evidence`).

    What hosts and people said is text: escaped, controls too.
    """
    text = (resources.files("runner.report") / "run.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["moment"] = _moment
    environment.filters["look"] = _look
    environment.filters["grouped"] = _grouped
    found = evidence(document, later)
    return environment.from_string(text).render(run=found, several_plays=len({host.play for host in found.hosts}) > 1)


def _moment(text: str) -> str:
    """`2026-11-26 13:00:05 UTC` of ISO 8601; what is none stays as it is."""
    try:
        return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M:%S %Z}"
    except ValueError:
        return text


def _look(result: str) -> str:
    """The style of a result; what is not known to be good looks bad."""
    styles = (("good", _GOOD), ("idle", _IDLE), ("waits", _WAITS))
    return next((style for style, results in styles if result in results), "bad")


def _grouped(host: HostEvidence) -> list[tuple[str, list[Row]]]:
    """The rows under each of their item ids, in the order in which these come first; without any, under their task."""
    groups: dict[str, list[Row]] = {}
    for row in host.rows:
        for name in row.items or (row.task or row.thing,):
            groups.setdefault(name, []).append(row)
    return list(groups.items())
