"""What an audit costs, as ratios to a bare pypsrp program in the same run (design section 8).

For each fleet size: a lab in a process of its own serves that many hosts; first the bare program, then the audit,
visits them all. Requests and bytes are counted by the lab, exactly; processor time and memory are those of the whole
client process. Prints a table and, with --json FILE, writes the numbers.
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


def measure(program: str, hosts: int) -> Cost:
    """Serve a fresh fleet, run one program on it, and ask the lab what went over the wire."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "runner", "lab", "up", "--json", "--scenario", "fleet"]
        lab = subprocess.Popen(
            [*command, "--hosts", str(hosts), "--directory", folder], stdout=subprocess.PIPE, text=True
        )
        assert lab.stdout is not None
        inventory = json.loads(lab.stdout.readline())["inventory"]
        cpu, memory, wall = spent(client(program, inventory))
        lab.send_signal(signal.SIGINT)
        traffic = json.loads(lab.stdout.readline())["traffic"]
        lab.wait()
    return Cost(
        program,
        hosts,
        traffic["requests"] / hosts,
        traffic["received"] / hosts,
        traffic["sent"] / hosts,
        cpu * 1000 / hosts,
        memory,
        wall,
    )


def client(program: str, inventory: str) -> list[str]:
    if program == "bare pypsrp":
        return [sys.executable, str(HERE / "bare_pypsrp.py"), inventory, FORKS]
    return [sys.executable, "-m", "runner", "check", str(HERE / "playbook.yml"), "-i", inventory, "-f", FORKS, "--json"]


def spent(command: list[str]) -> tuple[float, float, float]:
    """Processor seconds, peak MiB and wall seconds of a program; its output is thrown away."""
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, 2):  # 2: changes pending, as it should be on this fleet
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
    costs = [measure(program, hosts) for hosts in options.hosts for program in ("bare pypsrp", "audit")]
    print(
        f"{'program':12} {'hosts':>6} {'requests':>9} {'sent KB':>8} {'recv KB':>8} {'CPU ms':>7} {'MiB':>6} {'s':>6}"
    )
    for cost in costs:
        sent, received = cost.sent / 1000, cost.received / 1000
        wire = f"{cost.requests:9.1f} {sent:8.1f} {received:8.1f}"
        print(f"{cost.program:12} {cost.hosts:6} {wire} {cost.cpu:7.1f} {cost.memory:6.0f} {cost.wall:6.1f}")
    ratios = {audit.hosts: audit.cpu / bare.cpu for bare, audit in zip(costs[::2], costs[1::2], strict=True)}
    for hosts, ratio in ratios.items():
        print(f"CPU per host, audit / bare pypsrp, {hosts} hosts: {ratio:.2f}")
    audits = costs[1::2]
    if len(audits) > 1:
        further = (audits[-1].memory - audits[0].memory) / (audits[-1].hosts - audits[0].hosts)
        print(f"controller memory per further host: {further:.2f} MiB")
    print(f"ce-runner --version: {startup():.0f} ms")
    if options.json:
        options.json.write_text(json.dumps([asdict(cost) for cost in costs], indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
