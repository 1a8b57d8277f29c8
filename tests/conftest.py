"""Fixtures for all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The first example of a property pays for imports and compiled templates, on a loaded machine more than Hypothesis
# allows; what must be fast is measured by benchmarks/.
settings.register_profile("ce-runner", deadline=None)
settings.load_profile("ce-runner")

pytest_plugins = ["tests.summary"]

GROUNDTRUTH = Path(__file__).resolve().parents[2] / "shared" / "groundtruth"


@pytest.fixture(scope="session")
def groundtruth() -> Path:
    """The folder with recordings of real Windows; absent on a user's machine, required in CI."""
    if not GROUNDTRUTH.is_dir():
        reason = "the ground truth (../shared/groundtruth) is not on this machine"
        if os.environ.get("CE_RUNNER_REQUIRE_GROUNDTRUTH") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return GROUNDTRUTH
