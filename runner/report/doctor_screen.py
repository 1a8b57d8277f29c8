"""The screen of `doctor`: each check with what was seen and its fix; what a capture says of the lab."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from runner.report.columns import Line, line, pad, widest
from runner.report.words import clean, count

_LOOKS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"ok": ("ok", "green"), "warning": ("!", "yellow"), "failed": ("x", "bold red"), "not checked": ("-", "dim")}
)


def doctor_lines(document: dict[str, Any]) -> Iterator[Line]:
    """The lines for an examination's document; with `capture` in it, also those of the capture."""
    width = widest(finding["check"] for finding in document["findings"])
    for finding in document["findings"]:
        mark, style = _LOOKS[finding["verdict"]]
        seen = clean(finding.get("seen", ""))
        unseen = "not checked: " if finding["verdict"] == "not checked" else ""
        yield line((f"{pad(mark, 2)}  ", style), (pad(finding["check"], width) + "  ", "bold"), f"{unseen}{seen}")
        if finding.get("fix"):
            yield line(f"{' ' * (width + 6)}next: {clean(finding['fix'])}")
    if "capture" in document:
        yield line("")
        yield from _capture(document["capture"])
    yield line("")
    yield line((f"{clean(document['host'])}  {_summary(document)}", "bold"), f"     exit {document['exit_code']}")


def _summary(document: dict[str, Any]) -> str:
    verdicts = [finding["verdict"] for finding in document["findings"]]
    return "  ".join(f"{verdicts.count(word)} {word}" for word in _LOOKS if word in verdicts)


def _capture(capture: dict[str, Any]) -> Iterator[Line]:
    """What was compared, and each difference under the statement that shows it."""
    against = f"the lab's {capture['lab']}" if capture.get("lab") else "no machine of the lab"
    asked = count(len(capture["statements"]), "statement")
    yield line((f"capture  {asked}, {capture['compared']} compared with {against}", "bold"))
    for entry in capture["statements"]:
        found = [one for one in entry.get("differences", []) if one["cause"] == "shape"]
        if found:
            yield line(f"  {clean(entry['module'])}: {clean(entry['statement'])}")
        for one in found:
            yield line(f"      {clean(one['where'])}: host {clean(one['host'])}, lab {clean(one['lab'])}")
    states = sum(one["cause"] == "state" for entry in capture["statements"] for one in entry.get("differences", []))
    if states:
        yield line(f"  {count(states, 'other difference')} may come from what is on the machines: see the file")
    left_out = [*_reasons(capture["statements"]), *((one["module"], one["reason"]) for one in capture["not_sent"])]
    for module, reason in dict.fromkeys(left_out):
        yield line(f"  not compared: {clean(module)}: {clean(reason)}")


def _reasons(statements: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    return ((entry["module"], entry["not_compared"]) for entry in statements if entry.get("not_compared"))
