"""Compile: from one play, one host and what is known to ready, pending, skipped and broken tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.compile import FACTS, Known, Means, compile_host
from runner.model.content import NoContents
from runner.model.inventory import Connection, Host
from runner.model.secret import Secret
from runner.model.source import Node, Origin, node_of
from runner.model.task import Broken, Compiled, Pending, Ready, Skipped
from runner.modules.loader import load_modules
from runner.parse.playbook import parse_playbook
from runner.template import Templates

MODULES = load_modules()
NOWHERE = Origin("test")


def compiled(
    tmp_path: Path, tasks: str, known: Known | None = None, play: str = "", **variables: object
) -> tuple[Compiled, ...]:
    """The tasks (YAML list items) of a play for one host with these inventory variables."""
    indented = "\n".join(f"    {line}" for line in tasks.strip("\n").splitlines())
    file = tmp_path / "site.yml"
    file.write_text(f"- hosts: all\n{play}  tasks:\n{indented}\n", encoding="utf-8")
    (only,) = parse_playbook(file, MODULES).plays
    nodes = {name: node_of(value, NOWHERE) for name, value in variables.items()}
    host = Host("ce-01.example", ("all", "tokyo"), nodes, NOWHERE, Connection("h", 5985, password=Secret("geheim")))
    extra: dict[str, Node] = {"extra": node_of("from -e", NOWHERE)}
    return compile_host(only, 0, host, known or Known(), Means(MODULES, Templates(), extra, NoContents()))


def only(result: tuple[Compiled, ...]) -> Compiled:
    (one,) = result
    return one


def arguments(result: Compiled) -> dict[str, Any]:
    assert isinstance(result, Ready), result
    return dict(result.dumped)


def test_a_task_is_ready_when_everything_is_known(tmp_path: Path) -> None:
    result = only(compiled(tmp_path, "- win_service: {name: '{{ service }}', state: started}", service="W32Time"))
    assert arguments(result)["name"] == "W32Time"
    assert result.header.facts == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ site }}", "tokyo"),
        ("{{ extra }}", "from -e"),
        ("{{ who }}", "task"),
    ],
)
def test_what_a_template_sees(text: str, message: str, tmp_path: Path) -> None:
    task = f'- debug: {{msg: "{text}"}}\n  vars: {{who: task, extra: weaker}}'
    assert (
        arguments(only(compiled(tmp_path, task, play="  vars: {who: play}\n", who="inventory", site="tokyo")))["msg"]
        == message
    )


def test_facts_make_it_pending_and_then_decide(tmp_path: Path) -> None:
    task = "- win_ping:\n  when: ansible_distribution is search('2019') and ansible_facts.os_family == 'Windows'"
    before = only(compiled(tmp_path, task))
    assert isinstance(before, Pending)
    assert before.needs == {FACTS, "ansible_distribution"}
    some = {"ansible_distribution": "Microsoft Windows Server 2019", "ansible_os_family": "Windows"}
    waiting = only(compiled(tmp_path, task, Known(some)))
    assert isinstance(waiting, Pending)
    assert waiting.needs == {FACTS}  # which names any of them
    known = Known({**dict.fromkeys(MODULES["setup"].names, ""), **some})
    after = only(compiled(tmp_path, task, known))
    assert isinstance(after, Ready)
    assert after.header.facts == ("ansible_distribution", "ansible_os_family")


def test_a_fact_behind_a_variable_is_found(tmp_path: Path) -> None:
    task = "- win_ping:\n  when: modern"
    play = '  vars: {modern: "{{ ansible_powershell_version >= 5 }}"}\n'
    assert isinstance(only(compiled(tmp_path, task, play=play)), Pending)
    ready = only(compiled(tmp_path, task, Known({"ansible_powershell_version": 5}), play))
    assert isinstance(ready, Ready)
    assert ready.header.facts == ("ansible_powershell_version",)


@pytest.mark.parametrize(
    "task",
    [
        "- debug: {msg: '{{ ansible_memtotal_mb | default(8192) }}'}",
        "- debug: {msg: '{{ ansible_facts.memtotal_mb }}'}",
        "- win_ping:\n  when: ansible_memtotal_mb is defined",
        "- win_ping:\n  when: ansible_memtotal_mb | default(0) > 5",
        "- win_ping:\n  loop: '{{ [ansible_memtotal_mb] }}'",
        "- win_ping:\n  when: few\n  vars: {few: '{{ ansible_memtotal_mb < 5 }}'}",
    ],
)
def test_a_fact_that_could_not_be_read_is_never_guessed(task: str, tmp_path: Path) -> None:
    others = dict.fromkeys(MODULES["setup"].names.keys() - {"ansible_memtotal_mb"}, "")
    known = Known(others, unreadable={"ansible_memtotal_mb": "access denied"})
    result = only(compiled(tmp_path, task, known))
    assert isinstance(result, Broken), result
    assert "ansible_memtotal_mb could not be read: access denied" in result.message


def test_the_facts_of_a_loop_decide_too(tmp_path: Path) -> None:
    task = "- debug: {msg: '{{ item }}'}\n  loop: '{{ [ansible_domain] }}'"
    assert only(compiled(tmp_path, task, Known({"ansible_domain": "x"}))).header.facts == ("ansible_domain",)


def test_a_name_is_rendered_and_never_in_the_way(tmp_path: Path) -> None:
    task = "- {name: 'for {{ item }}', win_ping: , loop: [a]}\n- {name: '{{ missing }}', win_ping: }"
    assert [one.header.name for one in compiled(tmp_path, task)] == ["for a", "{{ missing }}"]


def test_a_variable_of_a_fact_s_name_is_no_fact(tmp_path: Path) -> None:
    task = "- debug: {msg: '{{ ansible_domain }}'}\n  vars: {ansible_domain: mine}"
    assert arguments(only(compiled(tmp_path, task)))["msg"] == "mine"


def test_registered_results(tmp_path: Path) -> None:
    tasks = "- win_ping:\n  register: pong\n- debug: {msg: yes}\n  when: pong is changed\n"
    _, waiting = compiled(tmp_path, tasks)
    assert isinstance(waiting, Pending)
    assert waiting.needs == {"pong"}
    _, decided = compiled(tmp_path, tasks, Known(registered={"pong": {"changed": False}}))
    assert isinstance(decided, Skipped)
    assert decided.condition == "pong is changed"


def test_the_first_false_condition_ends_it(tmp_path: Path) -> None:
    result = only(compiled(tmp_path, "- win_ping:\n  when: [true, '1 > 2', ansible_domain == 'x']"))
    assert isinstance(result, Skipped)
    assert result.condition == "1 > 2"


def test_loops(tmp_path: Path) -> None:
    task = "- debug: {msg: '{{ item.name }}'}\n  loop: '{{ them }}'\n  when: item.wanted"
    them = [{"name": "a", "wanted": True}, {"name": "b", "wanted": False}]
    first, second = compiled(tmp_path, task, them=them)
    assert arguments(first)["msg"] == "a"
    assert isinstance(second, Skipped)
    assert [first.header.id.item, second.header.id.item] == [0, 1]


@pytest.mark.parametrize(
    ("loop", "said"), [("'{{ word }}'", "loop wants a list"), ("'{{ nothing }}'", "'nothing' is not defined")]
)
def test_a_loop_over_what_is_no_list(loop: str, said: str, tmp_path: Path) -> None:
    result = only(compiled(tmp_path, f"- win_ping:\n  loop: {loop}", word="abc"))
    assert isinstance(result, Broken)
    assert said in result.message


def test_an_empty_loop_is_skipped(tmp_path: Path) -> None:
    assert isinstance(only(compiled(tmp_path, "- win_ping:\n  loop: []")), Skipped)


def test_one_task_with_two_parts(tmp_path: Path) -> None:
    task = r"- win_regedit: {path: 'HKLM:\SOFTWARE\Lab', name: A, type: dword, data: 1, view: both}"
    first, second = compiled(tmp_path, task)
    assert [first.header.id.part, second.header.id.part] == [0, 1]
    assert arguments(first) != arguments(second)


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("- debug: {msg: '{{ missing }}'}", "'missing' is not defined"),
        ("- win_ping:\n  when: missing > 1", "'missing' is not defined"),
        ("- win_service: {name: '{{ number }}'}", "quote"),
        ("- debug: {msg: 'x{{ ansible_password }}'}", "secret"),
    ],
)
def test_what_can_never_run_is_broken_at_its_place(task: str, said: str, tmp_path: Path) -> None:
    result = only(compiled(tmp_path, task, number=5))
    assert isinstance(result, Broken)
    assert said in result.message
    assert "site.yml:" in result.message
    assert "geheim" not in result.message


def test_expressions_reach_a_local_module_evaluated(tmp_path: Path) -> None:
    result = only(compiled(tmp_path, "- assert: {that: [1 < 2, word == 'b']}", word="a"))
    assert [condition["value"] for condition in arguments(result)["that"]] == [True, False]
