"""What an audit costs, as ratios to a bare pypsrp program in the same run (design section 8).

For each fleet size: a lab in a process of its own serves that many hosts; first the bare program, then an audit of
twelve tasks, then that of the change night visits them all. Requests and bytes are counted by the lab, exactly;
processor time and memory are those of the whole client process. Prints a table and, with --json FILE, writes the
numbers.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).parent
FORKS = "8"


@dataclass(frozen=True, slots=True)
class Program:
    """What visits a fleet of a scenario; without a playbook the bare program, for whom all hosts are alike."""

    name: str
    scenario: str
    playbook: Path | None = None

    def command(self, inventory: str) -> list[str]:
        if self.playbook is None:
            return [sys.executable, str(HERE / "bare_pypsrp.py"), inventory, FORKS]
        return [sys.executable, "-m", "runner", "check", str(self.playbook), "-i", inventory, "-f", FORKS, "--json"]


BARE = Program("bare pypsrp", "fleet")
AUDIT = Program("audit", "fleet", HERE / "playbook.yml")
NIGHT = Program(
    "night audit", str(HERE / "fleets" / "night.yml"), HERE.parent / "playbooks" / "cloud-extender-exchange-online.yml"
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one program spent on a fleet. Bytes as the client sees them: `sent` by it, `received` from the hosts."""

    program: str
    hosts: int
    requests: float  # per host
    sent: float  # bytes per host
    received: float  # bytes per host
    cpu: float  # milliseconds per host, interpreter start included
    memory: float  # MiB, peak
    wall: float  # seconds


def measure(program: Program, hosts: int) -> Cost:
    """Serve a fresh fleet, run one program on it, and ask the lab what went over the wire."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "runner", "lab", "up", "--json", "--pace", "0"]
        lab = subprocess.Popen(
            [*command, "--scenario", program.scenario, "--hosts", str(hosts), "--directory", folder],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert lab.stdout is not None
        inventory = json.loads(lab.stdout.readline())["inventory"]
        cpu, memory, wall = spent(program.command(inventory))
        lab.send_signal(signal.SIGINT)
        traffic = json.loads(lab.stdout.readline())["traffic"]
        lab.wait()
    return Cost(
        program.name,
        hosts,
        traffic["requests"] / hosts,
        traffic["received"] / hosts,
        traffic["sent"] / hosts,
        cpu * 1000 / hosts,
        memory,
        wall,
    )


def spent(command: list[str]) -> tuple[float, float, float]:
    """Processor seconds, peak MiB and wall seconds of a program; its output is thrown away."""
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, 2, 6):  # changes are pending and people must attest, as it should be on these fleets
        raise SystemExit(f"{command} ended with exit {code}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, time.monotonic() - started


def startup() -> float:
    """Milliseconds of `ce-runner --version`: the best of ten."""
    times = [spent([sys.executable, "-m", "runner", "--version"])[2] for _ in range(10)]
    return min(times) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, nargs="+", default=[50, 200, 1000])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    costs = {hosts: {one.name: measure(one, hosts) for one in (BARE, AUDIT, NIGHT)} for hosts in options.hosts}
    print(
        f"{'program':12} {'hosts':>6} {'requests':>9} {'sent KB':>8} {'recv KB':>8} {'CPU ms':>7} {'ratio':>6}"
        f" {'MiB':>6} {'s':>6}"
    )
    for programs in costs.values():
        for cost in programs.values():
            ratio = cost.cpu / programs[BARE.name].cpu
            wire = f"{cost.requests:9.1f} {cost.sent / 1000:8.1f} {cost.received / 1000:8.1f}"
            spent_there = f"{cost.cpu:7.1f} {ratio:6.2f} {cost.memory:6.0f} {cost.wall:6.1f}"
            print(f"{cost.program:12} {cost.hosts:6} {wire} {spent_there}")
    if len(costs) > 1:
        for name in (AUDIT.name, NIGHT.name):
            first, last = costs[options.hosts[0]][name], costs[options.hosts[-1]][name]
            further = (last.memory - first.memory) / (last.hosts - first.hosts)
            print(f"{name}: {further:.2f} MiB of controller memory per further host")
    print(f"ce-runner --version: {startup():.0f} ms")
    if options.json:
        every = [asdict(cost) for programs in costs.values() for cost in programs.values()]
        options.json.write_text(json.dumps(every, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
