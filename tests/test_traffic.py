"""What the audit of the change night costs on the wire: a ceiling, so that it does not creep up (design section 8).

The lab counts requests and bytes, and a server on which nothing is left to do is always asked the same.
"""

from __future__ import annotations

from pathlib import Path

from tests.product import ROOT, served

NIGHT = ROOT / "playbooks" / "cloud-extender-exchange-online.yml"
SCENARIO = (ROOT / "benchmarks" / "fleets" / "night.yml").read_text(encoding="utf-8")
PIPELINES = 3  # facts and what needs none; what waits for the service's name and the policy; what waits for the module


def test_the_audit_of_the_change_night_costs_no_more_than_it_does(tmp_path: Path) -> None:
    with served(SCENARIO, tmp_path, hosts=1) as fleet:
        answer = fleet.check(NIGHT)
        (host,) = answer.hosts.values()
        traffic = fleet.fleet.traffic(host["host"])
    assert (answer.code, host["levels"]) == (6, PIPELINES)
    assert traffic.requests == 9 + 2 * (PIPELINES - 1)
    assert traffic.received < 49_000  # by the host: what the runner sends
    assert traffic.sent < 54_000
