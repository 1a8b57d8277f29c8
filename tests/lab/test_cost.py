"""What the lab costs, measured in processes of its own (issue 4, done-when 5)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.lab import measure


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_thousand_hosts(report_number: Callable[[str], None]) -> None:
    cost = measure(1000)
    assert cost.memory < 1024
    assert cost.ratio <= 2
    report_number(
        f"lab: 1,000 hosts in {cost.memory:.0f} MiB; processor per session {cost.lab:.1f} ms, "
        f"{cost.ratio:.2f} times the runner's"
    )
