"""Cases of modules as data: `cases/MODULE/CASE.yml`.

about: what it shows
machine: {...}              # runner.lab.spec.MachineSpec; what is left out is Server 2019 as installed
endpoint: {...}             # runner.lab.endpoint_spec.EndpointSpec; what is left out is an ordinary session
arguments: {...}            # of one task
before: [STATE, ...]        # of each part {exists: ..., property: ...}, or "unreadable: PART OF THE REASON"
changes: [LINE, ...]        # of each part: "part property: before -> after"
commands: [TEXT, ...]       # the PowerShell text of what is sent to change it
undo: [TEXT, ...]           # and to take it back; or "irreversible: TEXT"
impossible: TEXT            # instead of changes
held: TEXT                  # instead of changes: part of the reason why somebody else must act first
batches: NUMBER             # how many the first read needs
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

FOLDER = Path(__file__).parent / "cases"


class Case(BaseModel):
    model_config = ConfigDict(extra="forbid")

    about: str
    arguments: dict[str, Any]
    endpoint: dict[str, Any] = {}
    machine: dict[str, Any] = Field(default_factory=lambda: {"os": "Server 2019"})
    before: list[dict[str, Any] | str]
    changes: list[str] = []
    commands: list[str] = []
    undo: list[str] | str = []
    impossible: str = ""
    held: str = ""
    batches: int = 1


def cases() -> Iterator[tuple[str, str, Case]]:
    """Module, name and content of every case file."""
    for path in sorted(FOLDER.glob("*/*.yml")):
        yield path.parent.name, path.stem, Case.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
