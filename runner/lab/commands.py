"""The table of simulated commands, and the names of those that Windows has and the lab does not simulate.

A command is added by writing its class and naming it here. `tests/lab/test_engine_commands.py` holds the table against
the profiles of real machines in `groundtruth/psca` and `psca-docs`.
"""

from __future__ import annotations

import functools
import re
from importlib import resources

import yaml

from runner.lab.cmdlet import Cmdlet
from runner.lab.cmdlets import (
    cim,
    foreach,
    item_properties,
    item_property_writes,
    item_writes,
    items,
    objects,
    select,
    service_control,
    services,
    session,
    where,
)
from runner.lab.signature import Signature, Version, read_signature

COMMANDS: tuple[type[Cmdlet], ...] = (
    *objects.COMMANDS,
    *select.COMMANDS,
    *where.COMMANDS,
    *foreach.COMMANDS,
    *items.COMMANDS,
    *item_writes.COMMANDS,
    *item_properties.COMMANDS,
    *item_property_writes.COMMANDS,
    *services.COMMANDS,
    *service_control.COMMANDS,
    *cim.COMMANDS,
    *session.COMMANDS,
)

_BY_NAME = {name.casefold(): command for command in COMMANDS for name in (command.name, *command.aliases)}


def find_command(name: str, version: Version) -> type[Cmdlet] | None:
    r"""The simulated command of this name, alias or `Module\Name` in a PowerShell version, or None."""
    module, _, bare = name.rpartition("\\")
    command = _BY_NAME.get(bare.casefold())
    if command is None or version < command.since or module.casefold() not in ("", command.module.casefold()):
        return None
    return command


def signature_of(command: type[Cmdlet], version: Version) -> Signature:
    """What a command accepts in a PowerShell version."""
    return _signature(command.name, version[:2])


@functools.cache
def _signature(name: str, version: Version) -> Signature:
    command = _BY_NAME[name.casefold()]
    return read_signature(command.syntax, command.traits, command.default_set, version)


def is_unsimulated(name: str) -> bool:
    """Whether Windows has, or may have, a command of this name that the lab does not simulate; programs are none."""
    if _PROGRAM.search(name):
        return True
    module, _, bare = name.rpartition("\\")
    home = _UNSIMULATED.get(bare.casefold())
    return home is not None and (not module or module.casefold() == home.casefold())


_PROGRAM = re.compile(r"^(?:[a-z]:|[/\\]|\.{1,2}[/\\])|\.(?:bat|cmd|com|exe|msc|ps1)$", re.IGNORECASE)


def _read_unsimulated() -> dict[str, str]:
    text = (resources.files("runner.lab") / "data" / "unsimulated.yml").read_text(encoding="utf-8")
    modules: dict[str, str] = yaml.safe_load(text)
    return {name.casefold(): module for module, names in modules.items() for name in names.split()}


_UNSIMULATED = _read_unsimulated()
