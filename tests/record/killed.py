"""A run that hangs in its second change, to be killed: `python -m tests.record.killed JOURNAL`."""

from __future__ import annotations

import sys
from pathlib import Path

from runner.apply.run import apply_plan
from runner.apply.tools import Tools
from runner.record.journal import Journal
from tests.apply.test_run import plan_of, play
from tests.apply.toy import MODULES, Things

host = Things()


def hang(name: str) -> None:
    if name == "New-Thing b":
        print("sent", flush=True)
        sys.stdin.read()


plan = plan_of(play({"h1": host}))
host.before_change = hang
apply_plan(plan, lambda name: host, Tools(MODULES, Journal(Path(sys.argv[1]))), "run-1")
