"""What a host said, in names, messages and errors: no password in a plan, no control character on a terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.product import ce_runner, served

PASSWORD = "Lab-Pw-\u30ab-7"
FLEET = rf"""
description: A server on which somebody left the password, and one whose registry would steer a terminal.
account: {{user: Administrator, password: {PASSWORD}}}
hosts:
  good:
    registry: {{'HKLM\SOFTWARE\Lab': {{P: {PASSWORD}, E: "a\e]0;owned\ab"}}}}
"""
REPEATED = r"""
- hosts: all
  gather_facts: false
  tasks:
    - name: Read it
      win_regedit: {path: 'HKLM:\SOFTWARE\Lab', name: P, data: new}
      register: p
    - debug: {msg: "{{ p.before.data }}"}
    - {name: "Named after {{ p.before.data }}", debug: {msg: "x"}}
    - {debug: {msg: "{{ item }}"}, loop: ["{{ p.before.data }}"]}
    - assert: {that: "1 == 1", fail_msg: "{{ p.before.data }}", success_msg: "{{ p.before.data }}"}
    - set_fact: {left: "x {{ p.before.data }}", deep: {"a": ["{{ p.before.data }}"]}}
    - hold: {msg: "see {{ p.before.data }}", owner: "{{ p.before.data }}"}
    - name: Second
      win_regedit: {path: 'HKLM:\SOFTWARE\Lab', name: Second, data: "1"}
      after: Read it
      register: second
    - name: Held late
      hold: {msg: "see {{ p.before.data }}", owner: "{{ p.before.data }}"}
      when: second is changed
"""
CONTRADICTION = r"""
- hosts: all
  gather_facts: false
  tasks:
    - name: Read it
      win_regedit: {path: 'HKLM:\SOFTWARE\Lab', name: VALUE, data: new}
      register: p
    - win_regedit: {path: 'HKLM:\SOFTWARE\Lab', name: "{{ p.before.data }}", data: one}
    - win_regedit: {path: 'HKLM:\SOFTWARE\Lab', name: "{{ p.before.data }}", data: two}
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "site.yml"
    file.write_text(text, encoding="utf-8")
    return file


def test_what_a_template_made_of_what_a_host_said_shows_no_password(tmp_path: Path) -> None:
    """The state of the value itself is shown: it is what the playbook manages."""
    source = written(tmp_path, REPEATED)
    with served(FLEET, tmp_path) as fleet:
        plan, run = fleet.check(source), fleet.apply(source)
    steps = plan.hosts["good"]["steps"]
    assert PASSWORD in json.dumps(steps[0], ensure_ascii=False)
    assert len(steps) == 9
    assert PASSWORD not in json.dumps(steps[1:], ensure_ascii=False)
    owners = [step["owner"] for step in steps if step["verdict"] == "held"]
    assert owners == ["********"]
    late = run.hosts["good"]["actions"][-1]
    assert (late["result"], late["owner"]) == ("held", "********")
    assert PASSWORD not in json.dumps(run.hosts["good"]["actions"][1:], ensure_ascii=False)


@pytest.mark.parametrize(("value", "shown"), [("P", "********"), ("E", r"a\x1b]0;owned\x07b")])
def test_a_contradiction_names_what_a_host_said_without_harm(value: str, shown: str, tmp_path: Path) -> None:
    source = written(tmp_path, CONTRADICTION.replace("VALUE", value))
    with served(FLEET, tmp_path) as fleet:
        said = ce_runner("check", source, "-i", fleet.inventory)
        document = fleet.check(source)
    assert said.code == document.code == 64
    assert shown in said.err
    assert not {"\x1b", "\x07"} & set(said.err)
    assert PASSWORD not in said.err + json.dumps(document.document, ensure_ascii=False)


def test_the_line_of_a_mistake_shows_no_account(tmp_path: Path) -> None:
    source = written(
        tmp_path, '- hosts: all\n  tasks:\n    - win_psmodule: {name: A, proxy: "http://u:PW-7@proxy:80"}\n'
    )
    for more in ([], ["--json"]):
        said = ce_runner("validate", source, *more)
        assert said.code == 64
        assert "http://********@proxy:80" in said.out + said.err
        assert "PW-7" not in said.out + said.err
