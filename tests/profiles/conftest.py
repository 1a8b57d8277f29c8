"""What the profile tests share: the statements, collected once, and the profiles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.profiles.catalogue import Profile, load
from tests.profiles.emitted import Emission, emissions


@pytest.fixture(scope="session")
def emitted() -> tuple[Emission, ...]:
    """Everything that the product can send."""
    return emissions()


@pytest.fixture(scope="session")
def profile(groundtruth: Path) -> Callable[[str], Profile]:
    """A profile by its name."""
    return lambda name: load(groundtruth, name)
