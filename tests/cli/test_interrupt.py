"""Ctrl-C in the middle of an apply: what is under way is finished, nothing else is begun, the journal is whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from runner.lab.fleet import Fleet, write_inventory
from runner.lab.scenario import parse_scenario
from runner.lab.server import LabThread
from runner.record.journal import Journal
from tests.product import ROOT, until

FLEET = """
description: Twelve servers without the values; their service takes a while to stop.
hosts:
  ce:
    count: 12
    groups: [cloud_extender]
    inventory: {ce_service_name: LabCloudExtender}
    services: {LabCloudExtender: {status: running, start_mode: automatic, stop_seconds: 1, start_seconds: 1}}
"""


PLAYBOOK = ROOT / "tests" / "side_by_side.yml"


def started(*arguments: object) -> subprocess.Popen[str]:
    """The command line in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "runner", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_an_interrupted_apply(tmp_path: Path) -> None:
    fleet = Fleet(parse_scenario(FLEET, "scenario.yml"))
    with LabThread(fleet) as lab:
        inventory = write_inventory(fleet, lab.addresses, tmp_path)
        journal = tmp_path / "journal.sqlite3"
        process = started("apply", PLAYBOOK, "--yes", "--json", "-f", 3, "-i", inventory, "--journal", journal)
        machines = [fleet.machine(name) for name in fleet.specs]
        until(lambda: any(machine.changes for machine in machines))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    document = json.loads(out)
    results = [host["result"] for host in document["hosts"]]
    assert "not started" in results
    assert not any(fleet.traffic(name).open_shells for name in fleet.specs)
    with Journal(journal) as recorded:
        (entry,) = recorded.runs()
        assert entry.exit_code == 130
        assert recorded.unfinished(entry.id) == ()
        intents = recorded.run(entry.id).intents
    intended = {host: sum(intent.host == host for intent in intents) for host in fleet.specs}
    for name, machine in zip(fleet.specs, machines, strict=True):
        assert len(machine.changes) <= 2 * intended[name], name  # a restart changes a machine twice: stop and start
        assert bool(machine.changes) == bool(intended[name]), name


def test_an_interrupted_check(tmp_path: Path) -> None:
    fleet = Fleet(parse_scenario(FLEET.replace("count: 12", "count: 60"), "scenario.yml"))
    with LabThread(fleet) as lab:
        inventory = write_inventory(fleet, lab.addresses, tmp_path)
        process = started("check", PLAYBOOK, "-f", 2, "-i", inventory)
        until(lambda: any(fleet.traffic(name).requests for name in fleet.specs))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert not any(fleet.traffic(name).open_shells for name in fleet.specs)
    assert process.returncode == 130, err
    assert err.splitlines() == ["stopping: sessions are being closed; Ctrl-C once more leaves at once", "interrupted"]
    assert out == ""


def test_a_second_ctrl_c_does_not_wait_for_a_host_that_hangs(tmp_path: Path) -> None:
    hanging = FLEET.replace("    count: 12\n", "    faults: [{when: read, what: hung_cmdlet}]\n")
    fleet = Fleet(parse_scenario(hanging, "scenario.yml"))
    with LabThread(fleet) as lab:
        inventory = write_inventory(fleet, lab.addresses, tmp_path)
        process = started("check", PLAYBOOK, "-i", inventory)
        assert process.stderr is not None
        until(lambda: fleet.traffic("ce").open_shells == 1)
        process.send_signal(signal.SIGINT)
        assert process.stderr.readline().startswith("stopping")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130
