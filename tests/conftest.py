"""Fixtures for all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# The first example of a property pays for imports and compiled templates, on a loaded machine more than Hypothesis
# allows; what must be fast is measured by benchmarks/.
settings.register_profile("ce-runner", deadline=None)
settings.load_profile("ce-runner")

pytest_plugins = ["tests.summary"]

GROUNDTRUTH = Path(__file__).resolve().parents[2] / "shared" / "groundtruth"


@pytest.fixture(scope="session", autouse=True)
def no_usual_journal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the journal of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CE_RUNNER_JOURNAL", str(tmp_path_factory.mktemp("usual") / "journal.sqlite3"))
        yield


@pytest.fixture(scope="session")
def groundtruth() -> Path:
    """The folder with recordings of real Windows; absent on a user's machine, required in CI."""
    if not GROUNDTRUTH.is_dir():
        reason = "the ground truth (../shared/groundtruth) is not on this machine"
        if os.environ.get("CE_RUNNER_REQUIRE_GROUNDTRUTH") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return GROUNDTRUTH
