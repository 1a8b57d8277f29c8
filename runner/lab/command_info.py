"""What Get-Command shows of a command."""

from __future__ import annotations

from psrpcore.types import PSVersion

from runner.lab.endpoints import Entry
from runner.lab.enums import CommandTypes
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
_AUTOMATION = "System.Management.Automation"


# Versions of the modules: groundtruth/psca (5.1), env.getcommand-unknown (7). Core's differs from build to build.
_OLD = {"CimCmdlets": "1.0.0.0", "Microsoft.PowerShell.Security": "3.0.0.0"}
_SHARED = "Microsoft.PowerShell."


def command_info(entry: Entry | None, version: Version) -> ClrObject | None:
    """The CommandInfo object of a command as a session shows it, None for one that does not exist."""
    if entry is None:
        return None
    if not entry.is_function:
        return cmdlet_info(entry.command.name, entry.command.module, version)
    return _info("FunctionInfo", entry.command.name, "")


def cmdlet_info(name: str, module: str, version: Version) -> ClrObject:
    """The CommandInfo object of a cmdlet."""
    info = _info("CmdletInfo", name, module)
    info.adapted["Version"] = _version(module, version)
    info.adapted.update({unknown: Unsimulated(unknown) for unknown in _UNKNOWN})
    return info


def _info(kind: str, name: str, module: str) -> ClrObject:
    properties: dict[str, object] = {
        "Name": name,
        "CommandType": CommandTypes.Function if kind == "FunctionInfo" else CommandTypes.Cmdlet,
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
