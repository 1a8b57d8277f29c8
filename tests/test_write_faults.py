"""A change whose answer is lost, late or damaged: never a false "applied", a whole journal, and the others go on."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from runner.lab.faults import What
from runner.record.journal import Journal
from tests.product import ROOT, UNTOUCHED, served

SIDE_BY_SIDE = ROOT / "tests" / "side_by_side.yml"  # without serial: no host waits for another
FAULTS = [
    What.DROP_BEFORE,
    What.DROP_DURING,
    What.DROP_AFTER,
    What.HALF_ANSWER,
    What.TRUNCATED_XML,
    What.BAD_CLIXML,
    What.STALL,
    What.HUNG_CMDLET,
    What.ACCESS_DENIED,
    What.SHELL_GONE,
    What.HTTP_400,
    What.HTTP_401,
    What.HTTP_500,
    What.HTTP_503,
]
TIMEOUT = 4  # seconds for a pipeline: with one, hosts without a fault were not read in time on a busy machine
DEADLINE = 40  # for the whole run


def with_fault(what: What) -> str:
    return UNTOUCHED.replace("  b: *server", f"  b: {{<<: *server, faults: [{{when: write, what: {what.value}}}]}}")


@pytest.mark.parametrize("what", FAULTS)
def test_a_fault_in_a_write(what: What, tmp_path: Path) -> None:
    with served(with_fault(what), tmp_path) as fleet:
        started = time.monotonic()
        answer = fleet.apply(SIDE_BY_SIDE, "--timeout", str(TIMEOUT))
        assert time.monotonic() - started < DEADLINE
        truth = fleet.check(SIDE_BY_SIDE)
        changes = len(fleet.fleet.machine("b").changes)
    results = {name: host["result"] for name, host in answer.hosts.items()}
    assert (results["a"], results["c"]) == ("applied", "applied")
    assert (results["b"] == "applied") == (truth.hosts["b"]["result"] == "compliant"), results
    assert (answer.code == 0) == (results["b"] == "applied")
    with Journal(fleet.journal) as recorded:
        (entry,) = recorded.runs()
        assert recorded.unfinished(entry.id) == ()
        intents = [intent for intent in recorded.run(entry.id).intents if intent.host == "b"]
    assert changes <= len(intents) + 1  # a restart is one change that stops and starts
