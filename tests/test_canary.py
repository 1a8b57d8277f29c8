"""A canary password is in no output, plan, journal, log, traceback or process list, whatever is done with it."""

from __future__ import annotations

import base64
import json
import logging
import re
import subprocess
import sys
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner.model.secret import MASK
from tests.product import ROOT, STRONG_CRYPTO, Answer, Served, ce_runner, served

CANARY = "Kanarienvogel-カナリア-7c1f"
FLEET = f"""
description: One server that lets in, one whose password is a variable's, one that does not let in, and faulty ones.
account: {{user: Administrator, password: {CANARY}}}
hosts:
  good: &server
    groups: [cloud_extender]
    inventory: &inventory {{ce_service_name: LabCloudExtender}}
    services: {{LabCloudExtender: {{status: running, start_mode: automatic}}}}
    registry: {{'HKLM\\SOFTWARE\\Lab': {{Plain: old}}}}
  vaulted:
    <<: *server
    inventory: {{ce_service_name: LabCloudExtender, vault_pw: {CANARY}, ansible_password: "{{{{ vault_pw }}}}"}}
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
  vars:
    derived: "{{ vault_pw | default(ansible_password) }}"
    deep: {list: ["{{ derived }}"]}
  tasks:
    - name: A value that is changed and backed up
      win_regedit: {path: 'HKLM:\\SOFTWARE\\Lab', name: Plain, data: new}
      register: plain
    - attestation: {id: S0-12, instructions: "Look", evidence: "What was seen"}
    - debug: {msg: "{{ derived }}"}
    - debug: {msg: "{{ deep }}"}
    - set_fact: {kept: "{{ deep.list[0] }}"}
    - debug: {var: kept}
    - name: Late
      debug: {msg: "{{ kept }}"}
      when: plain is changed
"""
REFUSED = """
- hosts: cloud_extender
  gather_facts: false
  tasks:
    - debug: {msg: "mixed: {{ ansible_password }}"}
    - debug: {msg: "{{ {ansible_password: 1} }}"}
    - debug: {var: ansible_password}
    - assert: {that: "ansible_password == 'x'", fail_msg: "{{ ansible_password }}"}
    - win_regedit: {path: 'HKLM:\\SOFTWARE\\Lab', name: Secret, data: "{{ ansible_password }}"}
    - hold: {msg: "{{ ansible_password }}", owner: "{{ ansible_password }}"}
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


def escaped(text: str) -> tuple[str, ...]:
    """A text as the formats of our files and of the wire may spell it."""
    return (
        text,
        json.dumps(text)[1:-1],
        "".join(char if char.isascii() else f"_x{ord(char):04X}_" for char in text),  # CLIXML
        text.encode("ascii", errors="xmlcharrefreplace").decode(),
        "".join(char if char.isascii() else f"&#x{ord(char):x};" for char in text),
        urllib.parse.quote(text),
        ",".join(f"{one:02x}" for one in text.encode("utf-16-le")),  # a .reg file
    )


def packed(data: bytes) -> Iterator[bytes]:
    """Base64 of what holds these bytes, wherever they begin in it."""
    for before in range(3):
        whole = base64.b64encode(bytes(before) + data)
        yield whole[4 if before else 0 : -4]


def spellings(text: str) -> Iterator[bytes]:
    for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
        yield from packed(text.encode(encoding))
        yield from (one.encode(encoding) for one in escaped(text))


SPELLINGS = tuple(one.lower() for one in spellings(CANARY))
CONTINUED = re.compile(rb"\\\0?\r?\0?\n\0?(?: \0?)*")  # a line of a .reg file that goes on


def shows(data: bytes | str) -> bool:
    """Whether somebody could read the canary in these bytes; case matters to no spelling."""
    raw = data.encode() if isinstance(data, str) else data
    lower = (CONTINUED.sub(b"", raw) if b"H\0K\0E\0Y\0" in raw else raw).lower()
    return any(one in lower for one in SPELLINGS)


REG = '\ufeff[HKEY_LOCAL_MACHINE\\Lab]\r\n"A"=hex(2):'


@pytest.mark.parametrize(
    "write",
    [
        lambda text: text.encode(),
        lambda text: text.encode("utf-16-le"),
        lambda text: json.dumps({"a": text}).encode(),
        lambda text: json.dumps({"a": text}).encode("utf-16-be"),
        lambda text: "".join(f"&#x{ord(char):x};" if not char.isascii() else char for char in text).encode(),
        lambda text: urllib.parse.quote(text).encode(),
        lambda text: base64.b64encode(text.encode("utf-16-le")),
        lambda text: base64.b64encode(b"x" + text.encode()),
        lambda text: (REG + ",\\\r\n  ".join(f"{one:02x}" for one in text.encode("utf-16-le"))).encode("utf-16-le"),
    ],
)
def test_the_canary_would_be_seen(write: Callable[[str], bytes]) -> None:
    assert shows(write(f"before {CANARY} after"))
    assert not shows(write("before Kanarienvogel-7c1f after"))


def everything(fleet: Served, source: Path, folder: Path) -> Iterator[Answer]:
    """Every command that knows the inventory, or what came of it, with all that it can write into the folder."""
    plan, run = folder / "plan.json", folder / "run.json"
    ours = ("-i", fleet.inventory, "--journal", fleet.journal)
    yield ce_runner("validate", source)
    yield ce_runner("check", source, *ours, "-vv")
    yield fleet.check(source)
    yield ce_runner("attest", "good", "S0-12", "--evidence", "seen", "--journal", fleet.journal)
    yield fleet.plan(source, plan)
    yield ce_runner("show", plan, "-vv")
    yield ce_runner("backup", plan, "--out", folder / "saved")
    applied = ce_runner("apply", plan, *ours, "--json", "--backup", folder / "backup")
    run.write_text(applied.out, encoding="utf-8")
    yield applied
    yield ce_runner("report", run, "--html", folder / "run.html", "--csv", folder / "run.csv")
    yield ce_runner("report", run, "--json")
    yield ce_runner("runs", "--journal", fleet.journal)
    for entry in ce_runner("runs", "--journal", fleet.journal, "--json").document["runs"]:
        yield ce_runner("runs", entry["run"], "--journal", fleet.journal, "--json")
        yield ce_runner("report", entry["run"], "--journal", fleet.journal)
    for more in ([], ["--json"]):
        yield ce_runner("inventory", "-i", fleet.inventory, *more)
    yield ce_runner("doctor", "vaulted", "-i", fleet.inventory, "--capture", folder / "capture.json")
    for host in ("good", "wrong", "damaged"):
        yield ce_runner("doctor", host, "-i", fleet.inventory, "--json")


@pytest.mark.parametrize("playbook", ["strong-crypto", "telltale", "refused"])
def test_the_canary_is_seen_nowhere(playbook: str, tmp_path: Path, everything_logged: list[str]) -> None:
    """But in the lab's own inventory, which holds the passwords."""
    source = STRONG_CRYPTO if playbook == "strong-crypto" else tmp_path / f"{playbook}.yml"
    if playbook != "strong-crypto":
        source.write_text({"telltale": TELLTALE, "refused": REFUSED}[playbook], encoding="utf-8")
    with served(FLEET, tmp_path) as fleet:
        answers = list(everything(fleet, source, tmp_path))
        own = fleet.inventory.parent
    said = [text for answer in answers for text in (answer.out, answer.err)]
    written = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and own not in path.parents}
    assert {path.name for path in written} >= {
        "plan.json",
        "run.html",
        "run.csv",
        "capture.json",
        "journal.sqlite3",
    }
    assert any(path.suffix == ".reg" for path in written) is (playbook != "refused")
    assert MASK in (tmp_path / "plan.json").read_text(encoding="utf-8") or playbook == "strong-crypto"
    assert [text for text in said if shows(text)] == []
    assert not shows("\n".join(everything_logged))
    assert [path for path, data in written.items() if shows(data)] == []


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
