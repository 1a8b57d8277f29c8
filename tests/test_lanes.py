"""The throttle key of a play: whom it keeps apart, and what is refused before any host is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.product import Answer, Served, served

SITES = """
description: Two sites, and a server that is no part of one.
hosts:
  tok-1: &server {inventory: {site: tokyo}}
  tok-2: *server
  osa-1: {inventory: {site: osaka}}
  alone: {inventory: {}}
  empty: {inventory: {site: ''}}
"""
PLAY = r"""
- hosts: all
  gather_facts: false
%s
  tasks:
    - win_regedit: {path: 'HKLM:\SOFTWARE\Lab', name: A, type: dword, data: 1}
"""


def checked(fleet: Served, folder: Path, head: str, *more: str) -> Answer:
    playbook = folder / "site.yml"
    playbook.write_text(PLAY % head, encoding="utf-8")
    return fleet.check(playbook, *more)


def lanes(answer: Answer) -> dict[str, str]:
    return {name: host.get("lane", "") for name, host in answer.hosts.items()}


@pytest.mark.parametrize(
    ("head", "more", "found"),
    [
        ("  throttle: {key: site, at_most: 1}", (), ["tokyo", "tokyo", "osaka", "", ""]),
        ("  throttle: {key: site, at_most: 1}", ("--limit", "alone"), [""]),
        ("  throttle: {key: by, at_most: 1}\n  vars: {by: \"{{ site | default('none') }}-1\"}", (),
         ["tokyo-1", "tokyo-1", "osaka-1", "none-1", "-1"]),
        ("  throttle: {key: by, at_most: 1}", ("-e", "by=7"), ["7"] * 5),
        ("  throttle: {key: site, at_most: 1}\n  vars: {site: here}", ("-e", "site=''"), [""] * 5),
    ],
)  # fmt: skip
def test_the_key_is_looked_up_as_a_task_looks_up_a_variable(
    tmp_path: Path, head: str, more: tuple[str, ...], found: list[str]
) -> None:
    with served(SITES, tmp_path) as fleet:
        assert list(lanes(checked(fleet, tmp_path, head, *more)).values()) == found


@pytest.mark.parametrize(
    ("key", "more", "messages", "hint"),
    [
        ("siet", (), ["no host of the play has the throttle key 'siet'"], "did you mean 'site'?"),
        ("by", (), ["no host of the play has the throttle key 'by'"], "if no host has one, say so: by: ''"),
        ("by", ("-e", '{"by": "{{ ansible_hostname }}"}'),
         [f"the throttle key 'by' of {host}: the variable 'ansible_hostname' is not defined"
          for host in ("tok-1", "tok-2", "osa-1", "alone", "empty")],
         "it is needed before hosts are read: no fact and no registered result can be in it"),
        ("by", ("-e", '{"by": "{{ [site, 1] if site == \'osaka\' else 1 }}"}', "--limit", "osa-1", "-e", "site=osaka"),
         [f"the throttle key 'by' of {host}: a text or a number is wanted, not a list"
          for host in ("tok-1", "tok-2", "osa-1", "alone", "empty")], ""),
        ("by", ("-e", '{"by": "{{ 1/0 }}"}', "-e", "site=1"), None, ""),
    ],
)  # fmt: skip
def test_a_key_that_throttles_nothing_or_cannot_be_rendered_is_refused_before_a_host_is_asked(
    tmp_path: Path, key: str, more: tuple[str, ...], messages: list[str] | None, hint: str
) -> None:
    with served(SITES, tmp_path) as fleet:
        answer = checked(fleet, tmp_path, f"  throttle: {{key: {key}, at_most: 1}}", *more)
        assert [fleet.fleet.traffic(host).requests for host in fleet.fleet.specs] == [0] * 5
    assert answer.code == 64
    problems = answer.document["problems"]
    assert {problem["hint"] for problem in problems} == {hint}
    assert all(problem["message"].startswith(("no host", f"the throttle key {key!r} of ")) for problem in problems)
    if messages is not None:
        assert [problem["message"] for problem in problems] == messages
