"""Which task of the change night covers which item of IBM's documents: the table of docs/items.md.

`python -m tests.docs.items` writes it anew; test_items.py compares. The playbook's tags are the source.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from runner.model.playbook import Playbook, Task
from runner.modules.attestation import AttestationModule
from runner.modules.base import ControlModule, LocalModule, Module, StateModule
from runner.modules.cmdlet import Cmdlet
from runner.modules.discover_service import DiscoverService
from runner.modules.loader import load_modules
from runner.modules.minimum_version import MinimumVersion
from runner.modules.win_ping import WinPing
from runner.modules.win_uri import WinUri
from runner.parse import parse_playbook

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "items.md"
PLAYBOOK = ROOT / "playbooks" / "cloud-extender-exchange-online.yml"
TITLES = Path(__file__).with_name("items.yml")
BEGIN, END = "<!-- items -->\n", "<!-- /items -->\n"
ID = re.compile(r"S[02]-\d\d")
NONE = "**nothing**"
_GATES = (LocalModule, MinimumVersion)
_CHECKS = (DiscoverService, WinPing, WinUri)  # state modules that write nothing


@dataclass(frozen=True, slots=True)
class Item:
    """`history` is why nothing is done for it any more, `instead` the item that took its place."""

    asks: str
    history: str = ""
    instead: str = ""


@dataclass(frozen=True, slots=True)
class Cover:
    """A task that covers an item, and as what."""

    task: str
    module: str
    kind: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.task} (`{self.module}`)"


def items() -> dict[str, Item]:
    """All items by id, as items.yml lists them."""
    return {name: Item(**data) for name, data in yaml.safe_load(TITLES.read_text(encoding="utf-8")).items()}


def covers(playbook: Playbook, modules: Mapping[str, Module[Any]]) -> dict[str, list[Cover]]:
    """By tag that looks like an item's id: the tasks that carry it, in the playbook's order, handlers last."""
    found: dict[str, list[Cover]] = {}
    for play in playbook.plays:
        for task in (*play.tasks, *play.handlers):
            cover = Cover(task.name, task.module, _kind(task, modules[task.module], task in play.handlers))
            for tag in filter(ID.fullmatch, task.tags):
                found.setdefault(tag, []).append(cover)
    return found


def lines(asked: Mapping[str, Item], covered: Mapping[str, Sequence[Cover]]) -> list[str]:
    """The rows of the table."""
    return [f"| {name} | {item.asks} | {_told(name, item, covered)} |" for name, item in asked.items()]


def missing(asked: Mapping[str, Item], covered: Mapping[str, Sequence[Cover]]) -> list[str]:
    """The items that nothing covers, nor what took their place."""
    return [name for name, item in asked.items() if not covered.get(name) and not covered.get(item.instead)]


def block(page: str) -> str:
    """What stands between the two marks of the page."""
    return page.partition(BEGIN)[2].partition(END)[0]


def table() -> str:
    """The whole table as it has to be."""
    modules = load_modules()
    rows = lines(items(), covers(parse_playbook(PLAYBOOK, modules), modules))
    return "\n".join(["| item | what it asks | covered by |", "|---|---|---|", *rows]) + "\n"


def _told(name: str, item: Item, covered: Mapping[str, Sequence[Cover]]) -> str:
    told = "<br>".join(map(str, covered.get(name, ())))
    if not item.history:
        return told or NONE
    instead = ", ".join(cover.task for cover in covered.get(item.instead, ())) or NONE
    past = f"history: {item.history}. Instead {item.instead}: {instead}"
    return "<br>".join(filter(None, (told, past)))


def _kind(task: Task, module: Module[Any], is_handler: bool) -> str:
    if is_handler:
        return "handler"
    if isinstance(module, AttestationModule):
        return "attestation"
    if isinstance(module, StateModule) and module.restarts:
        return "restart"
    if isinstance(module, _GATES):
        return "gate"
    if isinstance(module, ControlModule):
        return "handlers run"
    only_reads = isinstance(module, _CHECKS) or (isinstance(module, Cmdlet) and not task.arguments.get("write"))
    return "check" if only_reads else "change"


def main() -> None:
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}{table()}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
