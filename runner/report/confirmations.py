"""What people confirmed, in a document's form, as lines of the evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from runner.report.words import clean, lines


def by_id(given: Sequence[Mapping[str, Any]], host: str) -> dict[str, Mapping[str, Any]]:
    """Those of one host, by the id of their step."""
    return {one["id"]: one for one in given if one["host"] == host}


def confirmation(given: Mapping[str, Any]) -> tuple[str, ...]:
    """Who confirmed it and who entered that, the evidence, and until when it holds."""
    until = (f"holds until {clean(given['expires'])}",) if given.get("expires") else ()
    entered = f", entered by {clean(given['entered'])}" if given.get("entered") else ""
    return (f"confirmed by {clean(given['by'])}{entered}", *lines(given.get("evidence", "")), *until)


def confirmed_later(given: Mapping[str, Any], arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """A confirmation that a run could not know, with when it was given; `arguments` are those of its step.

    Without the evidence that the step asks for no check will take it, as the module `attestation` has it.
    """
    lacks = arguments.get("evidence") and not given.get("evidence", "").strip()
    without = ("without the evidence that is asked for, so that it does not count",) if lacks else ()
    who, *more = confirmation(given)
    when = f"{datetime.fromisoformat(given['at']):%Y-%m-%d %H:%M:%S %Z}"
    return (f"{who}, on {when}, after the run had started", *more, *without)
