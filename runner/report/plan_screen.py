"""The screen of check and plan: which hosts, what differs, what will be done, what needs somebody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from runner.model.outcome import HostResult, worst
from runner.report.columns import Line, line, pad, widest
from runner.report.steps import Commands, step_lines
from runner.report.words import clean, count, duration, listed

STYLES = {
    HostResult.COMPLIANT: "green", HostResult.APPLIED: "green", HostResult.PENDING: "yellow",
    HostResult.REFUSED: "magenta", HostResult.NOT_STARTED: "magenta", HostResult.HELD: "magenta",
}  # fmt: skip


def plan_lines(document: dict[str, Any], commands: Commands | None = None) -> Iterator[Line]:
    """The lines for a plan's document. `commands` turns a statement into PowerShell text, shown under its change."""
    return _lines(document, lambda host: step_lines(host["steps"], commands))


def overview_lines(document: dict[str, Any]) -> Iterator[Line]:
    """The lines for a plan's document without what differs: one for each host, and what to do next there."""
    return _lines(document, lambda host: iter(()))


def _lines(document: dict[str, Any], details: Callable[[dict[str, Any]], Iterator[Line]]) -> Iterator[Line]:
    for play in document["plays"]:
        if len(document["plays"]) > 1:
            yield play_line(play)
        names, titles = columns(play["hosts"])
        for host in play["hosts"]:
            yield _host(host, names, titles)
            if host.get("advice"):
                yield line(f"      next: {clean(host['advice'])}")
            yield from details(host)
    yield line("")
    results = [(host["host"], host["result"]) for play in document["plays"] for host in play["hosts"]]
    requests = [host.get("requests", 0) for play in document["plays"] for host in play["hosts"]]
    yield summary(results, requests, document.get("seconds", 0.0), document["exit_code"])
    if document.get("estimate"):
        assumed = f" (assumed for {listed(document['untimed'])})" if document.get("untimed") else ""
        yield line(f"to apply it: about {duration(document['estimate'])}{assumed}")


def play_line(play: dict[str, Any]) -> Line:
    return line((f"play {play['number']}: {clean(play['name'])}", "bold"))


def columns(hosts: Sequence[dict[str, Any]]) -> tuple[int, int]:
    """The widths of the names and of the titles."""
    return widest(clean(host["host"]) for host in hosts), widest(clean(host.get("title", "")) for host in hosts)


def host_line(host: dict[str, Any], names: int, titles: int, result: HostResult, words: str) -> Line:
    """`tok-ce-02  Server 2016  14 tasks  6 to change`; what could not be read has no title and no tasks."""
    tasks = len({step["header"]["id"].split(".")[2] for step in host["steps"] if ".tasks." in step["header"]["id"]})
    head = f"{pad(clean(host['host']), names)}  "
    if host["steps"] and titles:
        head += f"{pad(clean(host.get('title', '')), titles)}  "
    if host["steps"]:
        head += f"{count(tasks, 'task')}  "
    hint = f" (try: ce-runner doctor {clean(host['host'])})" if result is HostResult.UNREACHABLE else ""
    return line((head, "bold"), (words, STYLES.get(result, "bold red")), hint)


def _host(host: dict[str, Any], names: int, titles: int) -> Line:
    result = HostResult(host["result"])
    verdicts = Counter(step["verdict"] for step in host["steps"])
    found = (
        ("failed", "failed"), ("unreadable", "unreadable"), ("blocked", "blocked"), ("held", "held"),
        ("change", "to change"), ("deferred", "decided later"),
    )  # fmt: skip
    words = ", ".join(f"{verdicts[verdict]} {word}" for verdict, word in found if verdicts[verdict])
    if host.get("error"):
        words = f"{result.value}: {clean(host['error'])}"
    return host_line(host, names, titles, result, words or result.value)


def summary(results: Sequence[tuple[str, str]], requests: Sequence[int], seconds: float, exit_code: int) -> Line:
    """`6 hosts  1 compliant  3 to change     11 requests per host, 1.9 s     exit 4`; a host counts by its worst."""
    hosts: dict[str, list[HostResult]] = {}
    for name, result in results:
        hosts.setdefault(name, []).append(HostResult(result))
    counts = Counter(worst(of_host) for of_host in hosts.values())
    parts = "  ".join(f"{counts[result]:,} {result.value}" for result in reversed(HostResult) if counts[result])
    used = sorted(number for number in requests if number)
    costs = [f"{' to '.join(map(str, dict.fromkeys((used[0], used[-1]))))} requests per host"] if used else []
    costs += [f"{seconds:.1f} s"] if seconds else []
    tail = "".join(f"     {text}" for text in filter(None, (", ".join(costs), f"exit {exit_code}")))
    return line((f"{count(len(hosts), 'host')}  {parts}".rstrip(), "bold"), tail)
