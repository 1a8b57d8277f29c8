"""What `doctor` asks exists on every Windows, as what the modules send does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runner.pipeline.doctor.inside import statements
from runner.transport.text import render
from tests.profiles.catalogue import NAMES, Profile
from tests.profiles.judging import problems


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("Server ")])
def test_every_question_fits(name: str, profile: Callable[[str], Profile]) -> None:
    machine = profile(name)
    wrong = {render(one): found for one in statements() if (found := problems(one, machine))}
    assert wrong == {}
