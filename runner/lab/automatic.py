"""Variables that are more than a value somebody set: preferences, $Error, $PSVersionTable, $env:NAME.

What PowerShell has beyond these is refused by name: the lab never shows a variable as empty that is not.
"""

from __future__ import annotations

from collections.abc import Iterable

from psrpcore.types import PSInt, PSVersion

from runner.lab.cmdlet import Session
from runner.lab.convert import ConversionError, convert
from runner.lab.drives import drive_object, provider_object
from runner.lab.enums import ActionPreference, ScopedItemOptions, SessionStateEntryVisibility
from runner.lab.errors import Terminating, not_simulated
from runner.lab.values import ARRAY_LIST, HASHTABLE, OBJECT, ClrDict, ClrList, ClrObject, Unsimulated
from runner.lab.wildcard import compile_pattern

_PREFERENCES = frozenset(
    f"{stream}preference" for stream in ("erroraction", "warning", "verbose", "debug", "information", "progress")
)
_ON = frozenset({"erroractionpreference", "warningpreference", "progresspreference"})
_AUTOMATIC = frozenset(
    name.casefold()
    for name in (
        *("_", "args", "ConfirmPreference", "EnabledExperimentalFeatures", "Event", "ExecutionContext"),
        *("foreach", "FormatEnumerationLimit", "HOME", "Host", "input", "IsCoreCLR", "IsLinux", "IsMacOS", "IsWindows"),
        *("Matches", "MaximumAliasCount", "MaximumDriveCount", "MaximumErrorCount", "MaximumFunctionCount"),
        *("MaximumHistoryCount", "MaximumVariableCount", "MyInvocation", "NestedPromptLevel", "OutputEncoding", "PID"),
        *("PROFILE", "PSBoundParameters", "PSCmdlet", "PSCommandPath", "PSCulture", "PSDefaultParameterValues"),
        *("PSEmailServer", "PSHOME", "PSItem", "PSModuleAutoLoadingPreference", "PSNativeCommandArgumentPassing"),
        *("PSNativeCommandUseErrorActionPreference", "PSScriptRoot", "PSSenderInfo", "PSSessionApplicationName"),
        *("PSSessionConfigurationName", "PSSessionOption", "PSStyle", "PSUICulture", "PWD", "Sender", "ShellId"),
        *("StackTrace", "switch", "this", "WhatIfPreference"),
    )
)
_CONSTANTS = {"true": True, "false": False, "null": None, "$": None, "^": None}
_INSIDE = frozenset({"_", "args", "event", "foreach", "input", "psitem", "sender", "switch", "this"})
_SHOWN = ("?", "^", "$", "Error", "ErrorActionPreference", "false", "null", "PSEdition", "PSVersionTable", "true")


def is_known_variable(session: Session, name: str) -> bool:
    """Whether there is a variable of this name that the lab can show. Raises Terminating for one that it cannot."""
    folded = name.casefold()
    if folded in session.variables or folded in _PREFERENCES or folded in _CONSTANTS or folded in ("error", "?"):
        return True
    if folded == "psedition":
        return session.version >= (5, 1)
    if folded == "psversiontable":
        if (6, 0) <= session.version < (7, 6):
            raise Terminating(not_simulated("the $PSVersionTable of PowerShell 6.0 to 7.5"))
        return True
    if folded in _AUTOMATIC:
        raise Terminating(not_simulated(f"the variable ${name}"))
    return False


def matching_variables(session: Session, pattern: str) -> list[str]:
    """The variables that a pattern means. Raises Terminating if one of them is none that the lab can show."""
    compiled = compile_pattern(pattern)
    names = {name.casefold(): name for name in (*_AUTOMATIC, *_PREFERENCES, *_SHOWN, *session.variables.names())}
    found = [name for folded, name in names.items() if compiled.fullmatch(name) and folded not in _INSIDE]
    return [name for name in sorted(found, key=_place) if is_known_variable(session, name)]


def variable_info(session: Session, name: str, value: object) -> ClrObject:
    """The PSVariable object of a variable, with the notes of the provider once that has shown it."""
    type_name = "System.Management.Automation.PSVariable"
    properties: dict[str, object] = {"Name": name, **_traits(session, name, value)}
    shown = session.variables_as_items.get(name.casefold())
    notes: dict[str, object] = {}
    if shown is not None:
        notes = {
            "PSPath": f"Microsoft.PowerShell.Core\\Variable::{shown}",
            "PSDrive": drive_object(session, "Variable"),
            "PSProvider": provider_object(session, "Variable"),
            "PSIsContainer": False,
        }
    return ClrObject((type_name, OBJECT), properties, notes, type_name)


def _traits(session: Session, name: str, value: object) -> dict[str, object]:
    """The properties of a variable beside its name, as far as they are recorded (provider.variable-get)."""
    if name.casefold() != "psedition" or session.version < (7, 6):
        return {"Value": value, **{unknown: Unsimulated(unknown) for unknown in _OF_A_VARIABLE}}
    return {
        "Description": "Edition information for the current PowerShell session",
        "Value": value,
        "Visibility": SessionStateEntryVisibility.Public,
        "Module": None,
        "ModuleName": "",
        "Options": ScopedItemOptions.Constant | ScopedItemOptions.AllScope,
        "Attributes": ClrList([], _ATTRIBUTES),
    }


_OF_A_VARIABLE = ("Description", "Visibility", "Module", "ModuleName", "Options", "Attributes")
_ATTRIBUTES = (
    "System.Management.Automation.PSVariableAttributeCollection",
    "System.Collections.ObjectModel.Collection`1[[System.Attribute, System.Private.CoreLib, Version=10.0.0.0, "
    "Culture=neutral, PublicKeyToken=7cec85d7bea7798e]]",
    OBJECT,
)


def _place(name: str) -> tuple[int, str]:
    """Symbols come first (seq.error-then-success-variable)."""
    return ("?^$".find(name) if name in ("?", "^", "$") else len("?^$"), name.casefold())


def read_variable(session: Session, name: str) -> object:
    """The value of a variable; null where there is none. Raises Terminating for one that only the lab lacks."""
    drive, colon, bare = name.partition(":")
    if colon:
        if drive.casefold() == "env":
            return session.environment.get(bare.casefold(), ("", None))[1]
        if drive.casefold() not in ("global", "local", "script", "variable"):
            raise Terminating(not_simulated(f"the variable ${name}"))
        name = bare
    return _value(session, name) if is_known_variable(session, name) else None


def _value(session: Session, name: str) -> object:
    folded = name.casefold()
    if folded in session.variables:
        return session.variables.get(folded)
    if folded in _PREFERENCES:
        on = folded in _ON
        return ActionPreference.Continue if on else ActionPreference.SilentlyContinue
    if folded == "?":
        return session.succeeded
    if folded == "error":
        return ClrList(list(session.errors), ARRAY_LIST)
    if folded == "psedition":
        return "Core" if session.version >= (6, 0) else "Desktop"
    if folded == "psversiontable":
        return core_version_table(session) if session.version >= (6, 0) else version_table(session)
    return _CONSTANTS[folded]


def assign_variable(session: Session, name: str, value: object) -> None:
    """Set a variable of the innermost scope. Raises Terminating for one that the lab cannot set."""
    session.variables.set(name, checked_value(session, name, value))


def checked_value(session: Session, name: str, value: object) -> object:
    """The value as the variable keeps it: a preference has a type of its own. Raises Terminating."""
    folded = name.casefold()
    if folded in _PREFERENCES:
        try:
            return convert(value, ActionPreference.PSObject.type_names[0])
        except ConversionError as error:
            raise Terminating(not_simulated(f"this error: {error}")) from None
    automatic = folded in _AUTOMATIC or folded in _CONSTANTS or folded in ("error", "psedition", "psversiontable")
    if automatic or ":" in name:
        raise Terminating(not_simulated(f"setting the variable ${name}"))
    return value


def version_table(session: Session) -> ClrDict:
    """$PSVersionTable of Windows PowerShell (values: APPLICATION_PRIVATE_DATA of the captures `groundtruth/pypsrp`)."""
    facts = session.machine.facts
    known = ("1.0", "2.0", "3.0", "4.0", "5.0")
    compatible = [v for v in known if tuple(int(p) for p in v.split(".")) < session.version[:2]]
    table: dict[object, object] = {"PSVersion": PSVersion(facts.powershell)}
    if session.version >= (5, 1):
        table["PSEdition"] = "Desktop"
    table["PSCompatibleVersions"] = _versions((*compatible, facts.powershell))
    table["CLRVersion"] = PSVersion(facts.clr)
    update = facts.powershell.removeprefix("5.1.") if session.version >= (5, 1) else facts.build
    table["BuildVersion"] = PSVersion(f"{facts.version.rpartition('.')[0]}.{update}")
    table["WSManStackVersion"] = PSVersion("3.0")
    table["PSRemotingProtocolVersion"] = PSVersion("2.3" if session.version >= (5, 0) else "2.2")
    table["SerializationVersion"] = PSVersion("1.1.0.1")
    return ClrDict(table, HASHTABLE)


def core_version_table(session: Session) -> ClrDict:
    """$PSVersionTable of PowerShell 7.6, the only one after 5.1 that is recorded (oth-psversiontable)."""
    facts = session.machine.facts
    known = ("1.0", "2.0", "3.0", "4.0", "5.0", "5.1", "6.0", "7.0")
    table: dict[object, object] = {
        "PSVersion": _semantic_version(session.version),
        "PSEdition": "Core",
        "GitCommitId": facts.powershell,
        "OS": f"Microsoft Windows {facts.version}",
        "Platform": "Win32NT",
        "PSCompatibleVersions": _versions(known),
        "PSRemotingProtocolVersion": PSVersion("2.4"),
        "SerializationVersion": PSVersion("1.1.0.1"),
        "WSManStackVersion": PSVersion("3.0"),
    }
    return ClrDict(table, ("System.Management.Automation.PSVersionHashTable", *HASHTABLE))


def _semantic_version(version: tuple[int, ...]) -> ClrObject:
    parts = (*version, 0, 0)[:3]
    numbers: dict[str, object] = {
        name: PSInt(part) for name, part in zip(("Major", "Minor", "Patch"), parts, strict=True)
    }
    properties = {**numbers, "PreReleaseLabel": None, "BuildLabel": None}
    text = ".".join(str(part) for part in parts)
    return ClrObject(("System.Management.Automation.SemanticVersion", OBJECT), properties, {}, text)


def _versions(versions: Iterable[str]) -> ClrList:
    return ClrList([PSVersion(version) for version in versions], ("System.Version[]", "System.Array", OBJECT))
