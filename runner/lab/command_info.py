"""What Get-Command shows of a command."""

from __future__ import annotations

from psrpcore.types import PSVersion

from runner.lab.endpoints import Entry
from runner.lab.enums import CommandTypes
from runner.lab.errors import Terminating, not_simulated
from runner.lab.signature import Version
from runner.lab.values import OBJECT, ClrObject, Unsimulated

_UNKNOWN = (
    "Definition",
    "DefaultParameterSet",
    "ImplementingType",
    "Module",
    "OutputType",
    "Parameters",
    "ParameterSets",
)
_UNKNOWN_OF_ALIASES = (
    *("Description", "DisplayName", "Options", "ReferencedCommand", "ResolvedCommand", "ResolvedCommandName"),
    "Visibility",
)
_AUTOMATION = "System.Management.Automation"


# Versions of the modules: groundtruth/psca (5.1), env.getcommand-unknown (7). Core's differs from build to build.
_OLD = {"CimCmdlets": "1.0.0.0", "Microsoft.PowerShell.Security": "3.0.0.0"}
_SHARED = "Microsoft.PowerShell."


def command_info(entry: Entry | None, name: str, version: Version) -> ClrObject | None:
    """The CommandInfo object of what a name stands for in a session, None where that does not exist."""
    if entry is None:
        return None
    alias = next((one for one in entry.command.aliases if one.casefold() == name.rpartition("\\")[2].casefold()), None)
    if alias is not None:
        if "\\" in name or not entry.command.module.startswith(_SHARED):
            raise Terminating(not_simulated(f"what Get-Command shows of the alias {name}"))
        return _alias_info(alias)
    if version < entry.command.cmdlet_since:
        raise Terminating(not_simulated(f"what Get-Command shows of the function {name}"))
    if entry.command.name == entry.command.type_name:
        raise Terminating(not_simulated(f"what Get-Command shows of the function {entry.command.name}"))
    if not entry.is_function:
        return cmdlet_info(entry.command.name, entry.command.module, version)
    return _info("FunctionInfo", entry.command.name, "")


def cmdlet_info(name: str, module: str, version: Version) -> ClrObject:
    """The CommandInfo object of a cmdlet."""
    info = _info("CmdletInfo", name, module)
    info.adapted["Version"] = _version(module, version)
    info.adapted.update({unknown: Unsimulated(unknown) for unknown in _UNKNOWN})
    return info


def _alias_info(alias: str) -> ClrObject:
    """An alias of PowerShell itself belongs to no module (env.getcommand)."""
    info = _info("AliasInfo", alias, "")
    info.adapted["Version"] = None
    info.adapted.update({unknown: Unsimulated(unknown) for unknown in (*_UNKNOWN, *_UNKNOWN_OF_ALIASES)})
    return info


def _info(kind: str, name: str, module: str) -> ClrObject:
    properties: dict[str, object] = {
        "Name": name,
        "CommandType": CommandTypes[kind.removesuffix("Info")],
        "Source": module,
        "ModuleName": module,
    }
    names = (f"{_AUTOMATION}.{kind}", f"{_AUTOMATION}.CommandInfo", OBJECT)
    return ClrObject(names, properties, {}, name)


def _version(module: str, version: Version) -> object:
    if module == "Microsoft.PowerShell.Core" or (6, 0) <= version < (7, 0):
        return Unsimulated("Version")
    if version >= (7, 0):
        return PSVersion("7.0.0.0") if module.startswith(_SHARED) else Unsimulated("Version")
    shared = "3.1.0.0" if version >= (4, 0) else "3.0.0.0"
    return PSVersion(_OLD.get(module, shared))
