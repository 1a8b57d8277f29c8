"""What the lab itself costs: memory of a large fleet in one process, processor time per session against the runner's.

The lab and the runner are processes of their own. Processor time of the lab is counted from the moment it serves; that
of the runner is that of its whole process, start included, which favours the lab where fleets are small. Prints the
numbers and, with --json FILE, writes them.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

PLAYBOOK = Path(__file__).parent / "playbook.yml"


@dataclass(frozen=True, slots=True)
class LabCost:
    """The lab's cost of one audit of a whole fleet. `lab` and `runner` are milliseconds of processor per session."""

    hosts: int
    memory: float  # MiB, the lab's peak
    lab: float
    runner: float
    requests: float  # per session

    @property
    def ratio(self) -> float:
        return self.lab / self.runner


def measure(hosts: int) -> LabCost:
    """Serve a fleet of this size and audit all of it once."""
    with tempfile.TemporaryDirectory() as folder:
        serve = [sys.executable, "-m", "runner", "lab", "up", "--json", "--scenario", "fleet", "--hosts", str(hosts)]
        lab = subprocess.Popen([*serve, "--directory", folder], stdout=subprocess.PIPE, text=True)
        assert lab.stdout is not None
        inventory = json.loads(lab.stdout.readline())["inventory"]
        audit = [sys.executable, "-m", "runner", "check", str(PLAYBOOK), "-i", inventory, "-f", "8", "--json"]
        runner = subprocess.Popen(audit, stdout=subprocess.DEVNULL)
        _, status, spent = os.wait4(runner.pid, 0)
        lab.send_signal(signal.SIGINT)
        told = json.loads(lab.stdout.readline())
        _, _, used = os.wait4(lab.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code != 2:  # changes pending, as it should be on this fleet
        raise SystemExit(f"the audit ended with exit {code}")
    return LabCost(
        hosts,
        used.ru_maxrss / 1024,
        told["processor_seconds"] * 1000 / hosts,
        (spent.ru_utime + spent.ru_stime) * 1000 / hosts,
        told["traffic"]["requests"] / hosts,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    costs = [measure(hosts) for hosts in options.hosts]
    for cost in costs:
        print(
            f"{cost.hosts:5} hosts: lab {cost.memory:.0f} MiB; processor per session: lab {cost.lab:.1f} ms, "
            f"runner {cost.runner:.1f} ms, lab / runner {cost.ratio:.2f}"
        )
    if options.json:
        text = json.dumps([{**asdict(cost), "ratio": cost.ratio} for cost in costs], indent=2)
        options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
