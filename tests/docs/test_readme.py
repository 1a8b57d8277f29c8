"""The README names what there is: commands, exit codes, modules, keywords, pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runner.cli.main import COMMANDS
from runner.model.errors import ExitCode
from runner.modules.loader import load_modules
from runner.parse.keywords import PLAY, TASK
from tests.docs.items import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_SPAN = re.compile(r"`([^`]+)`")


def section(title: str) -> str:
    return README.partition(f"## {title}\n")[2].partition("\n## ")[0]


def rows(text: str, head: str) -> list[list[str]]:
    """The cells of the table that begins with this head cell."""
    table = text.partition(f"| {head} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def words(cells: list[str]) -> list[str]:
    return [word for cell in cells for span in _SPAN.findall(cell) for word in re.split(r"[,\s]+", span)]


def test_every_module_is_named_once() -> None:
    named = words([cells[1] for cells in rows(section("Playbooks"), "for")])
    assert sorted(named) == sorted(load_modules())


def test_every_command_is_named() -> None:
    named = [words([cells[0]])[0] for cells in rows(section("Commands"), "command")]
    assert set(named) | {"demo"} == COMMANDS.keys()


def test_every_exit_code_is_named() -> None:
    named = [int(code) for cells in rows(section("Commands"), "exit") for code in cells[0].split("/")]
    assert sorted(named) == sorted(code.value for code in ExitCode)


def test_every_keyword_is_named() -> None:
    text = section("Playbooks")
    plays, tasks = text.partition("; tasks have")[0], text.partition("; tasks have")[2].partition(". ")[0]
    assert set(words([plays])) == set(PLAY)
    assert {*words([tasks.replace("\n", " ")]), "loop_control"} == set(TASK)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_playbooks_and_inventories_of_the_examples_are_there(page: Path) -> None:
    named = re.findall(r"\b(?:playbooks|inventory)/[\w/-]+\.yml", page.read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []
