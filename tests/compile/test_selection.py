"""--tags and --skip-tags by Ansible's rules; a tag that no task has, and nothing left, are mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.compile.selection import selected_plays
from runner.model.errors import InputError
from runner.modules.loader import load_modules
from runner.parse.playbook import parse_playbook

PLAYBOOK = """
- hosts: all
  tasks:
    - {name: plain, win_ping: }
    - {name: a, win_ping: , tags: a}
    - {name: b, win_ping: , tags: [b, c]}
    - {name: never, win_ping: , tags: [never, rare]}
    - {name: always, win_ping: , tags: always}
"""


def selected(tmp_path: Path, tags: str, skip: str = "", playbook: str = PLAYBOOK) -> list[str]:
    file = tmp_path / "site.yml"
    file.write_text(playbook, encoding="utf-8")
    plays = selected_plays(parse_playbook(file, load_modules()), frozenset(tags.split()), frozenset(skip.split()))
    return [task.name for play in plays for task in play.tasks]


@pytest.mark.parametrize(
    ("tags", "skip", "names"),
    [
        ("", "", ["plain", "a", "b", "always"]),
        ("all", "", ["plain", "a", "b", "always"]),
        ("a", "", ["a", "always"]),
        ("a c", "", ["a", "b", "always"]),
        ("rare", "", ["never", "always"]),
        ("tagged", "", ["a", "b", "always"]),
        ("untagged", "", ["plain", "always"]),
        ("", "a always", ["plain", "b"]),
        ("", "tagged", ["plain"]),
        ("", "untagged", ["a", "b", "always"]),
        ("c", "b", ["always"]),
    ],
)
def test_what_is_left(tags: str, skip: str, names: list[str], tmp_path: Path) -> None:
    assert selected(tmp_path, tags, skip) == names


@pytest.mark.parametrize(("tags", "skip"), [("rar", ""), ("", "rar"), ("a rar", "")])
def test_a_tag_that_no_task_has(tags: str, skip: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no task has the tag 'rar'\n.*did you mean 'rare'"):
        selected(tmp_path, tags, skip)


@pytest.mark.parametrize("tags", ["", "all"])
def test_nothing_left_to_look_at(tags: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no task is left"):
        selected(tmp_path, tags, playbook="- hosts: all\n  tasks: []\n")
