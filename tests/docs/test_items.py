"""Every item of IBM's documents has a task, or says what took its place; docs/items.md shows which."""

from __future__ import annotations

from runner.model.playbook import Playbook
from runner.modules.loader import load_modules
from runner.parse import parse_playbook
from tests.docs.items import PAGE, PLAYBOOK, Cover, Item, block, covers, items, lines, missing, table

S0 = [f"S0-{number:02}" for number in range(1, 23)]
S2 = [f"S2-{number:02}" for number in range(1, 9)]
COVER = Cover("Values", "win_regedit", "change")


def change_night() -> Playbook:
    return parse_playbook(PLAYBOOK, load_modules())


def test_every_item_is_asked_and_no_other() -> None:
    assert list(items()) == [*S0, *S2]
    assert {item.instead for item in items().values()} <= {"", *S0, *S2}
    assert all(bool(item.history) == bool(item.instead) for item in items().values())


def test_every_item_is_covered_and_every_tag_is_an_item() -> None:
    covered = covers(change_night(), load_modules())
    assert missing(items(), covered) == []
    assert covered.keys() <= items().keys()


def test_the_page_is_up_to_date() -> None:
    assert block(PAGE.read_text(encoding="utf-8")) == table(), "python -m tests.docs.items"


def test_an_item_without_a_tag_is_missing_unless_another_took_its_place() -> None:
    asked = {
        "S0-16": Item("values"),
        "S0-17": Item("restart"),
        "S0-11": Item("proxy", "gone", "S0-16"),
        "S2-02": Item("diagnostic", "gone", "S0-17"),
    }
    covered = {"S0-16": [COVER]}
    assert missing(asked, covered) == ["S0-17", "S2-02"]
    assert lines(asked, covered) == [
        "| S0-16 | values | change: Values (`win_regedit`) |",
        "| S0-17 | restart | **nothing** |",
        "| S0-11 | proxy | history: gone. Instead S0-16: Values |",
        "| S2-02 | diagnostic | history: gone. Instead S0-17: **nothing** |",
    ]


def test_what_a_task_is_to_an_item_comes_from_its_module() -> None:
    kinds = {cover.module: cover.kind for found in covers(change_night(), load_modules()).values() for cover in found}
    assert {name: kinds[name] for name in ("win_regedit", "win_uri", "win_reboot", "attestation", "hold", "meta")} == {
        "win_regedit": "change",
        "win_uri": "check",
        "win_reboot": "restart",
        "attestation": "attestation",
        "hold": "gate",
        "meta": "handlers run",
    }
