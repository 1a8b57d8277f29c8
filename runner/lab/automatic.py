"""Variables that are more than a value somebody set: preferences, $Error, $PSVersionTable, $env:NAME.

What PowerShell has beyond these is refused by name: the lab never shows a variable as empty that is not.
"""

from __future__ import annotations

from psrpcore.types import PSVersion

from runner.lab.cmdlet import Session
from runner.lab.convert import ConversionError, convert
from runner.lab.enums import ActionPreference
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
        if session.version >= (6, 0):
            raise Terminating(not_simulated("the $PSVersionTable of PowerShell 6 and later"))
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


def variable_info(name: str, value: object) -> ClrObject:
    """The PSVariable object of a variable."""
    properties: dict[str, object] = {"Name": name, "Value": value}
    properties.update({unknown: Unsimulated(unknown) for unknown in _OF_A_VARIABLE})
    return ClrObject(("System.Management.Automation.PSVariable", OBJECT), properties)


_OF_A_VARIABLE = ("Description", "Visibility", "Module", "ModuleName", "Options", "Attributes")


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
    return version_table(session) if folded == "psversiontable" else _CONSTANTS[folded]


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
    if automatic or ":" in name or folded == "lastexitcode":
        raise Terminating(not_simulated(f"setting the variable ${name}"))
    return value


def version_table(session: Session) -> ClrDict:
    """$PSVersionTable of Windows PowerShell (values: APPLICATION_PRIVATE_DATA of the captures `groundtruth/pypsrp`)."""
    facts = session.machine.facts
    known = ("1.0", "2.0", "3.0", "4.0", "5.0")
    compatible = [v for v in known if tuple(int(p) for p in v.split(".")) < session.version[:2]]
    versions: list[object] = [PSVersion(v) for v in (*compatible, facts.powershell)]
    table: dict[object, object] = {"PSVersion": PSVersion(facts.powershell)}
    if session.version >= (5, 1):
        table["PSEdition"] = "Desktop"
    table["PSCompatibleVersions"] = ClrList(versions, ("System.Version[]", "System.Array", OBJECT))
    table["CLRVersion"] = PSVersion(facts.clr)
    update = facts.powershell.removeprefix("5.1.") if session.version >= (5, 1) else facts.build
    table["BuildVersion"] = PSVersion(f"{facts.version.rpartition('.')[0]}.{update}")
    table["WSManStackVersion"] = PSVersion("3.0")
    table["PSRemotingProtocolVersion"] = PSVersion("2.3" if session.version >= (5, 0) else "2.2")
    table["SerializationVersion"] = PSVersion("1.1.0.1")
    return ClrDict(table, HASHTABLE)
