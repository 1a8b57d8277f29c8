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
    content,
    exchange,
    execution_policy,
    file_hash,
    foreach,
    gallery,
    gallery_find,
    gallery_installed,
    item_properties,
    item_property_writes,
    item_writes,
    items,
    json_objects,
    module_manifest,
    modules,
    moves,
    new_item,
    objects,
    package_provider,
    repository,
    select,
    service_control,
    services,
    session,
    streams,
    web,
    where,
)
from runner.lab.signature import Signature, Version, read_signature

COMMANDS: tuple[type[Cmdlet], ...] = (
    *objects.COMMANDS,
    *select.COMMANDS,
    *where.COMMANDS,
    *foreach.COMMANDS,
    *items.COMMANDS,
    *new_item.COMMANDS,
    *item_writes.COMMANDS,
    *item_properties.COMMANDS,
    *item_property_writes.COMMANDS,
    *services.COMMANDS,
    *service_control.COMMANDS,
    *cim.COMMANDS,
    *session.COMMANDS,
    *content.COMMANDS,
    *file_hash.COMMANDS,
    *modules.COMMANDS,
    *module_manifest.COMMANDS,
    *moves.COMMANDS,
    *execution_policy.COMMANDS,
    *streams.COMMANDS,
    *json_objects.COMMANDS,
    *web.COMMANDS,
    *gallery_find.COMMANDS,
    *gallery.COMMANDS,
    *gallery_installed.COMMANDS,
    *repository.COMMANDS,
    *package_provider.COMMANDS,
)

EXCHANGE_COMMANDS = exchange.COMMANDS
_EXCHANGE = {command.name.casefold(): command for command in EXCHANGE_COMMANDS}
_BY_NAME = {name.casefold(): command for command in COMMANDS for name in (command.name, *command.aliases)}


def find_command(name: str, version: Version) -> type[Cmdlet] | None:
    r"""The simulated command of this name, alias or `Module\Name` in a PowerShell version, or None."""
    module, _, bare = name.rpartition("\\")
    command = _BY_NAME.get(bare.casefold())
    if command is None or version < command.since or module.casefold() not in ("", command.module.casefold()):
        return None
    return command


def find_exchange_command(name: str) -> type[Cmdlet] | None:
    """The simulated command of the Exchange endpoint of this name, or None."""
    return _EXCHANGE.get(name.casefold())


def signature_of(command: type[Cmdlet], version: Version) -> Signature:
    """What a command accepts in a PowerShell version."""
    return _signature(command.name, version[:2])


@functools.cache
def _signature(name: str, version: Version) -> Signature:
    command = (_BY_NAME | _EXCHANGE)[name.casefold()]
    return read_signature(command.syntax, command.traits, command.default_set, version)


def described_cmdlet(name: str, version: Version) -> tuple[str, str] | None:
    """Name and module of a cmdlet that this Windows has and the lab does not simulate, where that is known for sure.

    That is so from Windows PowerShell 5.1 on for the modules that are part of PowerShell.
    """
    spelled, module = _UNSIMULATED.get(name.casefold(), ("", ""))
    shipped = module.startswith("Microsoft.PowerShell.") and version >= (5, 1)
    if not shipped or name.casefold() in _FUNCTIONS or is_gone(name, version):
        return None
    return spelled, module


def gallery_module_of(name: str) -> str:
    """The module of a command that is only there where the module is installed; "" for every other command."""
    bare = name.rpartition("\\")[2].casefold()
    command = _BY_NAME.get(bare)
    home = command.module if command else _UNSIMULATED.get(bare, ("", ""))[1]
    return home if home in _GALLERY_MODULES else ""


def is_gone(name: str, version: Version) -> bool:
    """Whether a command of Windows PowerShell is not there any more in this version of PowerShell."""
    return version >= (6, 0) and name.casefold() in _GONE


def is_unsimulated(name: str) -> bool:
    """Whether Windows has, or may have, a command of this name that the lab does not simulate; programs are none."""
    if _PROGRAM.search(name):
        return True
    module, _, bare = name.rpartition("\\")
    _, home = _UNSIMULATED.get(bare.casefold(), ("", ""))
    return bool(home) and (not module or module.casefold() == home.casefold())


_PROGRAM = re.compile(r"^(?:[a-z]:|[/\\]|\.{1,2}[/\\])|\.(?:bat|cmd|com|exe|msc|ps1)$", re.IGNORECASE)


def _read_names(file: str) -> dict[str, tuple[str, ...]]:
    text = (resources.files("runner.lab") / "data" / file).read_text(encoding="utf-8")
    return {title: tuple(names.split()) for title, names in yaml.safe_load(text).items()}


_UNSIMULATED = {
    name.casefold(): (name, module) for module, names in _read_names("unsimulated.yml").items() for name in names
}
_TRAITS = _read_names("unsimulated_traits.yml")
_GALLERY_MODULES = frozenset(_TRAITS["modules that are installed"])
_GONE = frozenset(name.casefold() for name in _TRAITS["not in PowerShell 6 and later"])
_FUNCTIONS = frozenset(name.casefold() for name in _TRAITS["functions, not cmdlets"])
