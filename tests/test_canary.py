"""A canary password is in no output, plan, journal, log, traceback or process list, whatever is done with it."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.product import ROOT, STRONG_CRYPTO, ce_runner, served

CANARY = "Kanarienvogel-カナリア-7c1f"
FLEET = f"""
description: One server that lets in, one that does not, one whose answers are damaged, one that drops a write.
account: {{user: Administrator, password: {CANARY}}}
hosts:
  good: &server
    groups: [cloud_extender]
    inventory: &inventory {{ce_service_name: LabCloudExtender}}
    services: {{LabCloudExtender: {{status: running, start_mode: automatic}}}}
  wrong:
    <<: *server
    inventory: {{ce_service_name: LabCloudExtender, ansible_password: {CANARY}-not}}
  damaged:
    <<: *server
    faults: [{{when: read, what: bad_clixml, times: always}}]
  drops:
    <<: *server
    faults: [{{when: write, what: drop_during}}]
"""
TELLTALE = """
- hosts: cloud_extender
  gather_facts: false
  tasks:
    - debug: {msg: "mixed: {{ ansible_password }}"}
    - debug: {var: ansible_password}
    - assert: {that: "ansible_password == 'x'"}
    - win_regedit: {path: 'HKLM:\\SOFTWARE\\Lab', name: Secret, data: "{{ ansible_password }}"}
"""


@pytest.fixture
def everything_logged() -> Iterator[list[str]]:
    """What any library logs, at the lowest level."""
    texts: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            texts.append(self.format(record))

    root, collector = logging.getLogger(), Collector(level=0)
    level = root.level
    root.addHandler(collector)
    root.setLevel(0)
    yield texts
    root.removeHandler(collector)
    root.setLevel(level)


@pytest.mark.parametrize("playbook", ["strong-crypto", "telltale"])
def test_the_canary_is_seen_nowhere(playbook: str, tmp_path: Path, everything_logged: list[str]) -> None:
    source = STRONG_CRYPTO if playbook == "strong-crypto" else tmp_path / "telltale.yml"
    if playbook == "telltale":
        source.write_text(TELLTALE, encoding="utf-8")
    plan = tmp_path / "plan.json"
    with served(FLEET, tmp_path) as fleet:
        answers = [
            ce_runner("check", source, "-i", fleet.inventory, "-vv"),
            fleet.check(source),
            fleet.plan(source, plan),
            fleet.apply(source),
            ce_runner("inventory", "-i", fleet.inventory),
            ce_runner("inventory", "-i", fleet.inventory, "--json"),
            ce_runner("runs", "--journal", fleet.journal, "--json"),
        ]
    said = [text for answer in answers for text in (answer.out, answer.err)]
    written = [file.read_bytes() for file in tmp_path.iterdir() if file.is_file()]
    assert any("tok" in text or "good" in text for text in said)
    assert not [text for text in [*said, *everything_logged] if CANARY in text]
    assert not [data for data in written if CANARY.encode() in data or CANARY.encode("utf-16-le") in data]


def test_a_password_is_not_in_the_process_list(tmp_path: Path) -> None:
    with served(FLEET, tmp_path) as fleet:
        inventory = fleet.inventory.read_text(encoding="utf-8")
        lines = [line for line in inventory.splitlines() if line.strip() != f"ansible_password: {CANARY}"]
        fleet.inventory.write_text("\n".join(lines), encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, "-m", "runner", "check", STRONG_CRYPTO, "-i", fleet.inventory, "--limit", "good"],
            cwd=ROOT,
            env={"CE_RUNNER_PASSWORD": CANARY, "PATH": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        command_line = Path(f"/proc/{process.pid}/cmdline")
        if not command_line.exists():
            process.kill()
            pytest.skip("there is no /proc here to see the process list in")
        listed = command_line.read_bytes()
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 2, output
    assert CANARY.encode() not in listed + output


def test_a_traceback_does_not_show_it(tmp_path: Path) -> None:
    """An internal error under CE_RUNNER_DEBUG, where the traceback is wanted."""
    program = (
        "import sys, runner.transport.psrp as psrp\n"
        "def fail(self, connection): raise ZeroDivisionError(repr(connection))\n"
        "psrp.PsrpTransport.open = fail\n"
        "from runner.cli.main import run\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    with served(FLEET, tmp_path) as fleet:
        for debug, marks in (({"CE_RUNNER_DEBUG": "1"}, b"Traceback"), ({}, b"internal error: ZeroDivisionError")):
            result = subprocess.run(
                [sys.executable, "-c", program, "check", STRONG_CRYPTO, "-i", fleet.inventory],
                cwd=ROOT,
                env={"PATH": "", **debug},
                capture_output=True,
                check=False,
            )
            assert marks in result.stderr
            assert CANARY.encode() not in result.stderr + result.stdout
