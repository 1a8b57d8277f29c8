"""Adding a module touches one file: it is found, documented, validated, checked and applied by being there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.product import ROOT, served

MODULE = '''
"""win_greeting: one value, to show that a module is one file."""

from collections.abc import Sequence
from typing import ClassVar

from runner.model.command import ReplyState, Statement, command
from runner.model.state import Desired, State, Unreadable
from runner.modules.base import Arguments, Round, Shown, StateModule

KEY = "HKLM:\\\\SOFTWARE\\\\Microsoft"


class GreetingArguments(Arguments):
    text: str


class WinGreeting(StateModule[GreetingArguments]):
    name: ClassVar[str] = "win_greeting"
    summary: ClassVar[str] = "A greeting in the registry"
    arguments = GreetingArguments

    def key(self, arguments):
        return "greeting"

    def shown(self, arguments):
        return Shown("greeting", KEY)

    def read(self, wanted, rounds):
        ask = command("Get-ItemProperty", LiteralPath=KEY), command("Select-Object", Property=("Greeting",))
        return () if rounds else (ask,)

    def observe(self, wanted, rounds):
        (reply,) = rounds[0].replies
        if reply.state is not ReplyState.DONE:
            return (Unreadable("no answer"),) * len(wanted)
        text = reply.outputs[0].get("Greeting") if reply.outputs else None
        return (State(text is not None, {} if text is None else {"text": text}),) * len(wanted)

    def desired(self, arguments, before):
        return Desired(True, {"text": arguments.text})

    def write(self, arguments, before):
        return ((command("Set-ItemProperty", LiteralPath=KEY, Name="Greeting", Value=arguments.text, Type="String"),),)

    def undo(self, arguments, before, after):
        return ((command("Remove-ItemProperty", LiteralPath=KEY, Name="Greeting"),),)
'''
PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - win_greeting: {text: おはよう}
"""
FLEET = """
description: One server.
hosts:
  東京-01: {os: Server 2019}
"""


def test_a_new_module_is_one_new_file(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "runner", tmp_path / "runner", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "runner" / "modules" / "win_greeting.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / "site.yml").write_text(PLAYBOOK, encoding="utf-8")

    def copy_of_ce_runner(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(tmp_path), "CE_RUNNER_JOURNAL": str(tmp_path / "journal")}
        program = [sys.executable, "-m", "runner", *map(str, arguments)]
        return subprocess.run(
            program, cwd=tmp_path, env=environment, capture_output=True, text=True, encoding="utf-8", check=False
        )

    assert "A greeting in the registry" in copy_of_ce_runner("doc").stdout
    with served(FLEET, tmp_path) as fleet:
        assert copy_of_ce_runner("check", "site.yml", "-i", fleet.inventory).returncode == 2
        applied = copy_of_ce_runner("apply", "site.yml", "--yes", "-i", fleet.inventory)
        assert applied.returncode == 0, applied.stdout + applied.stderr
        assert "text   absent -> おはよう" in applied.stdout
        again = copy_of_ce_runner("check", "site.yml", "-i", fleet.inventory)
        assert again.returncode == 0, again.stdout
        key = fleet.fleet.machine("東京-01").registry.find(r"HKLM\SOFTWARE\Microsoft")
        assert key is not None
        value = key.value("Greeting")
        assert value is not None
        assert value.data == "おはよう"
