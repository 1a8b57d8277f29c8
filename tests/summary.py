"""Pytest plugin: the numbers of the test run, printed at its end ("ce-runner numbers"), also under pytest-xdist.

A test says one with the fixture `report_number`: `report_number("recordings: 180 agree, 12 refused, 0 wrong")`. Each
line is printed once, however many workers said it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

LINES = pytest.StashKey[list[str]]()
SENT = "ce-runner numbers"  # the key of a worker's output


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LINES] = []


@pytest.fixture(scope="session")
def report_number(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Takes a line that is printed at the end of the whole run."""
    return request.config.stash[LINES].append


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist sends its lines to the controller, which prints them."""
    workeroutput: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if workeroutput is not None:
        workeroutput[SENT] = session.config.stash[LINES]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """pytest-xdist's controller: a worker has ended; one that crashed sent nothing."""
    node.config.stash[LINES].extend(getattr(node, "workeroutput", {}).get(SENT, []))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    lines = sorted(set(config.stash[LINES]))
    if lines:
        terminalreporter.section("ce-runner numbers")
        for line in lines:
            terminalreporter.write_line(line)
