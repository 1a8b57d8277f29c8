"""Playbooks: the model of good ones, and every mistake of bad ones in exact words (cases/*.yml, cases/*.txt)."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.model.errors import InputError
from runner.model.playbook import Playbook, Throttle
from runner.model.source import ListNode, MapNode, Origin, ScalarNode, plain
from runner.modules.loader import load_modules
from runner.parse import parse_playbook

CASES = Path(__file__).parent / "cases"
MODULES = load_modules()

GOOD = """\
# a comment
- name: First
  hosts: [web, "db:!old"]
  gather_facts: no
  serial: [1, "30%"]
  throttle: {key: ha_group, at_most: 2}
  vars:
    path: HKLM:\\SOFTWARE\\Firma
    list: [1, "{{ path }}"]
  tasks:
    - name: Values
      ansible.windows.win_regedit:
        path: "{{ path }}"
        name: "{{ item }}"
        data: 1
        type: dword
      loop: [a, b]
      when: [x is defined, "'a' in list", true]
      register: values
      notify: [restart]
      tags: tls, net
      vars: {y: 2}
    - win_service: {name: MaaS360, state: started}
      loop: "{{ list }}"
      loop_control: {loop_var: entry}
      when: yes
      notify: restart
      tags: [a, b]
    - win_ping:
      after: [Values, win_service MaaS360]
      ignore_errors: yes
    - meta: flush_handlers
    - set_fact: {pin: "3.1.0", list: [1], none: null, path: "{{ path }}"}
  handlers:
    - name: restart
      win_service: {name: MaaS360, state: restarted}
- hosts: all
  serial: 3
"""


def parse(folder: Path, text: str | bytes) -> Playbook:
    path = folder / "play.yml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return parse_playbook(path, MODULES)


def test_a_good_playbook(tmp_path: Path) -> None:
    playbook = parse(tmp_path, GOOD)
    assert playbook.file == str(tmp_path / "play.yml")
    assert playbook.digest == hashlib.sha256(GOOD.encode()).hexdigest()
    first, second = playbook.plays
    assert (first.name, first.hosts, first.gather_facts, first.serial) == ("First", "web:db:!old", False, (1, "30%"))
    assert first.origin == Origin(playbook.file, 2, 3)
    assert (first.throttle, second.throttle) == (Throttle("ha_group", 2), None)
    assert {name: plain(node) for name, node in first.variables.items()} == {
        "path": "HKLM:\\SOFTWARE\\Firma",
        "list": [1, "{{ path }}"],
    }
    assert (second.name, second.gather_facts, second.serial, second.tasks) == ("all", True, (3,), ())
    assert [(handler.name, handler.module, handler.number) for handler in first.handlers] == [
        ("restart", "win_service", 1)
    ]


def test_a_full_task(tmp_path: Path) -> None:
    task = parse(tmp_path, GOOD).plays[0].tasks[0]
    assert (task.name, task.module, task.number) == ("Values", "win_regedit", 1)
    assert task.origin.line == 11
    assert plain(task.arguments) == {"path": "{{ path }}", "name": "{{ item }}", "data": 1, "type": "dword"}
    assert [condition.value for condition in task.when] == ["x is defined", "'a' in list", True]
    assert isinstance(task.loop, ListNode)
    assert (task.loop_variable, task.register, task.tags) == ("item", "values", ("tls", "net"))
    assert [(name.value, name.origin.line) for name in task.notify] == [("restart", 20)]
    assert task.variables is not None
    assert plain(task.variables["y"]) == 2


def test_short_forms(tmp_path: Path) -> None:
    _, service, ping, *_ = parse(tmp_path, GOOD).plays[0].tasks
    assert (service.name, service.loop_variable, service.tags) == ("win_service MaaS360", "entry", ("a", "b"))
    assert isinstance(service.loop, ScalarNode)
    assert [condition.value for condition in service.when] == [True]
    assert (ping.name, ping.arguments, ping.number) == ("win_ping", MapNode((), ping.arguments.origin), 3)


def test_what_waits_for_others_and_what_may_fail(tmp_path: Path) -> None:
    values, _, ping, *_ = parse(tmp_path, GOOD).plays[0].tasks
    assert ([name.value for name in ping.after], ping.ignore_errors) == (["Values", "win_service MaaS360"], True)
    assert (values.after, values.ignore_errors) == ((), False)


def test_a_text_stands_for_the_argument_of_a_free_form(tmp_path: Path) -> None:
    *_, meta, _ = parse(tmp_path, GOOD).plays[0].tasks
    written = parse(tmp_path, "- hosts: all\n  tasks:\n    - meta: {action: flush_handlers}\n").plays[0].tasks[0]
    assert plain(meta.arguments) == plain(written.arguments) == {"action": "flush_handlers"}
    assert (meta.name, meta.arguments.origin.line, meta.arguments.origin.column) == ("meta", 32, 13)


def test_every_name_is_an_argument_of_set_fact(tmp_path: Path) -> None:
    *_, fact = parse(tmp_path, GOOD).plays[0].tasks
    assert plain(fact.arguments) == {"pin": "3.1.0", "list": [1], "none": None, "path": "{{ path }}"}


@pytest.mark.parametrize("size", ["'" + "9" * 5000 + "'", "9" * 5000, "0x" + "f" * 5000])
def test_a_serial_without_measure_is_a_mistake(tmp_path: Path, size: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(tmp_path, f"- hosts: all\n  serial: {size}\n")
    assert {(p.origin.line, p.origin.column) for p in caught.value.problems if p.origin} == {(2, 11)}


def test_mistakes_in_arguments_are_among_the_others(tmp_path: Path) -> None:
    text = "- hosts: all\n  hots: 1\n  tasks:\n    - win_service: {nam: x, start_mode: sometimes}\n    - win_service:\n"
    with pytest.raises(InputError) as caught:
        parse(tmp_path, text)
    places = [(p.origin.line, p.line) for p in caught.value.problems if p.origin]
    assert len(places) == len(caught.value.problems)
    lines = text.split("\n")
    assert all(line == lines[number - 1] for number, line in places)
    assert {number for number, _ in places} == {2, 4, 5}
    assert any("'nam'" in p.message for p in caught.value.problems)


@pytest.mark.parametrize("case", sorted(CASES.glob("*.yml")), ids=lambda path: path.stem)
def test_bad_playbooks_are_told_exactly(case: Path) -> None:
    with pytest.raises(InputError) as caught:
        parse_playbook(case, MODULES)
    told = str(caught.value).replace(str(case), case.name) + "\n"
    assert told == case.with_suffix(".txt").read_text()


def test_there_is_an_expectation_for_every_case() -> None:
    assert {path.stem for path in CASES.glob("*.yml")} == {path.stem for path in CASES.glob("*.txt")}


@given(st.text(max_size=80) | st.binary(max_size=80))
@settings(max_examples=100)
def test_no_file_brings_the_parser_down(tmp_path_factory: pytest.TempPathFactory, content: str | bytes) -> None:
    _survives(tmp_path_factory, content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))


@given(st.integers(0, 2**32), st.integers(1, 6))
@settings(max_examples=200)
def test_no_damage_brings_the_parser_down(tmp_path_factory: pytest.TempPathFactory, seed: int, times: int) -> None:
    dice = random.Random(seed)
    text = GOOD
    for _ in range(times):
        text = _damaged(text, dice)
    _survives(tmp_path_factory, text.encode())


def _damaged(text: str, dice: random.Random) -> str:
    lines = text.split("\n")
    at, other = dice.randrange(len(lines)), dice.randrange(len(lines))
    match dice.randrange(6):
        case 0:
            lines[at] = lines[other]
        case 1:
            del lines[at]
        case 2:
            lines[at] = lines[at].replace(": ", dice.choice([":", ": {", ": [", ": '", ": {{ ", ": &a *a ", ": !x "]))
        case 3:
            lines[at] = "  " * dice.randrange(4) + lines[at].lstrip()
        case 4:
            lines[at] = (
                lines[at].split(":")[0] + ": " + dice.choice(["5", "[]", "{}", "~", "[{}]", "{{}: 1}", "''", "x"])
            )
        case _:
            cut = dice.randrange(len(text))
            return text[:cut] + dice.choice(["{{", "}}", "\t", "- ", ": ", "#", "\x00", "'"]) + text[cut:]
    return "\n".join(lines)


def _survives(factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = factory.getbasetemp() / "damaged"
    folder.mkdir(exist_ok=True)
    problems: tuple[object, ...] = ("none",)
    try:
        parse(folder, content)
    except InputError as error:
        problems = error.problems
    assert problems


@pytest.mark.parametrize("name", ["two words", "1st", "inventory_hostname", "日本"])
def test_set_fact_takes_only_names_that_a_template_can_use_and_nobody_else_owns(tmp_path: Path, name: str) -> None:
    file = tmp_path / "site.yml"
    file.write_text(f'- hosts: all\n  tasks:\n    - set_fact: {{"{name}": 1}}\n', encoding="utf-8")
    with pytest.raises(InputError):
        parse_playbook(file, load_modules())


def test_a_throttle_key_is_read_and_not_set(tmp_path: Path) -> None:
    file = tmp_path / "site.yml"
    file.write_text("- hosts: all\n  throttle: {key: inventory_hostname, at_most: 1}\n", encoding="utf-8")
    (play,) = parse_playbook(file, load_modules()).plays
    assert play.throttle == Throttle("inventory_hostname", 1)
