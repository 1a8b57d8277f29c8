"""Commands about the session itself: variables, commands, culture, date, execution policy, sleeping."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from psrpcore.types import ErrorCategory, PSInt, PSVersion

from runner.lab.clock import local_time
from runner.lab.cmdlet import Cmdlet, Emit, Event, Report, Session
from runner.lab.cmdlets.objects import ALL_SETS, CORE, UTILITY
from runner.lab.cmdlets.provider import CONFIRM_TRAITS
from runner.lab.convert import ConversionError, convert
from runner.lab.enums import ActionPreference, ExecutionPolicy, ExecutionPolicyScope
from runner.lab.errors import Failure, Terminating, not_simulated
from runner.lab.messages import Wait
from runner.lab.signature import Traits
from runner.lab.values import HASHTABLE, OBJECT, ClrDict, ClrList, ClrObject, custom_object, to_text
from runner.lab.wildcard import has_wildcards

SECURITY = "Microsoft.PowerShell.Security"


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


class GetVariable(Cmdlet):
    """The variables that the lab knows: those set in this session, $PSVersionTable and the preferences."""

    name = "Get-Variable"
    module = UTILITY
    type_name = "Microsoft.PowerShell.Commands.GetVariableCommand"
    aliases = ("gv",)
    syntax: ClassVar = {
        ALL_SETS: "[[-Name] <String[]>] [-ValueOnly] [-Include <String[]>] [-Exclude <String[]>] [-Scope <String>]"
    }
    traits: ClassVar = {"Name": Traits(pipeline="value name")}
    unsimulated = frozenset({"Include", "Exclude"})

    def process(self) -> Iterator[Event]:
        for name in self.arguments.texts("Name") or ["*"]:
            if has_wildcards(name):
                raise Terminating(not_simulated("a list of all variables"))
            folded = name.casefold()
            if folded in self.session.variables:
                yield self._shown(name, self.session.variables[folded])
            elif folded == "psversiontable":
                if self.session.version >= (6, 0):
                    raise Terminating(not_simulated("the $PSVersionTable of PowerShell 6 and later"))
                yield self._shown("PSVersionTable", version_table(self.session))
            elif folded == "erroractionpreference":
                yield self._shown("ErrorActionPreference", self.session.error_preference())
            elif folded in _AUTOMATIC:
                raise Terminating(not_simulated(f"the variable ${name}"))
            else:
                message = self.session.say("VariableNotFound", name)
                category = ErrorCategory.ObjectNotFound
                yield Report(Failure("VariableNotFound", category, "ItemNotFoundException", message, name))

    def _shown(self, name: str, value: object) -> Emit:
        if self.arguments.flag("ValueOnly"):
            return Emit(value)
        properties: dict[str, object] = {"Name": name, "Value": value}
        return Emit(ClrObject(("System.Management.Automation.PSVariable", OBJECT), properties))


_AUTOMATIC = frozenset(
    name.casefold()
    for name in (
        *("?", "args", "ConfirmPreference", "DebugPreference", "Error", "ExecutionContext", "false", "HOME", "Host"),
        *(
            "InformationPreference",
            "LASTEXITCODE",
            "MaximumHistoryCount",
            "NestedPromptLevel",
            "null",
            "OutputEncoding",
        ),
        *("PID", "PROFILE", "ProgressPreference", "PSBoundParameters", "PSCommandPath", "PSCulture", "PSEmailServer"),
        *("PSDefaultParameterValues", "PSHOME", "PSScriptRoot", "PSSessionApplicationName", "PSSessionOption"),
        *("PSSessionConfigurationName", "PSSenderInfo", "PSUICulture", "PWD", "ShellId", "StackTrace", "true"),
        *("VerbosePreference", "WarningPreference", "WhatIfPreference"),
    )
)


class SetVariable(Cmdlet):
    name = "Set-Variable"
    module = UTILITY
    type_name = "Microsoft.PowerShell.Commands.SetVariableCommand"
    aliases = ("sv", "set")
    syntax: ClassVar = {
        ALL_SETS: "[-Name] <String[]> [[-Value] <Object>] [-Include <String[]>] [-Exclude <String[]>] "
        "[-Description <String>] [-Option <ScopedItemOptions>] [-Force] "
        "[-Visibility <SessionStateEntryVisibility>] [-PassThru] [-Scope <String>] [-WhatIf] [-Confirm]"
    }
    traits: ClassVar = {"Name": Traits(pipeline="name"), "Value": Traits(pipeline="value name"), **CONFIRM_TRAITS}
    unsimulated = frozenset({"Include", "Exclude", "PassThru", "Description", "Option", "Visibility"})

    def process(self) -> Iterator[Event]:
        if not self.should_process():
            return iter(())
        value = self.arguments.get("Value")
        for name in self.arguments.texts("Name") or ():
            if name.casefold() == "erroractionpreference":
                value = self._preference(value)
            elif name.casefold() in _AUTOMATIC:
                raise Terminating(not_simulated(f"setting the variable ${name}"))
            self.session.variables[name.casefold()] = value
        return iter(())

    def _preference(self, value: object) -> object:
        try:
            return convert(value, ActionPreference.PSObject.type_names[0])
        except ConversionError as error:
            raise Terminating(not_simulated(f"this error: {error}")) from None


class GetCulture(Cmdlet):
    name = "Get-Culture"
    module = UTILITY
    type_name = "Microsoft.PowerShell.Commands.GetCultureCommand"
    syntax: ClassVar = {
        "CurrentCulture": "[-NoUserOverrides@6.0]",
        "Name@6.0": "[-Name <String[]>] [-NoUserOverrides]",
        "ListAvailable@6.0": "[-ListAvailable]",
    }
    traits: ClassVar = {"Name": Traits(pipeline="value")}
    default_set = "CurrentCulture"
    unsimulated = frozenset({"Name", "NoUserOverrides", "ListAvailable"})

    def process(self) -> Iterator[Event]:
        number, english = {"en-US": (1033, "English (United States)"), "ja-JP": (1041, "Japanese (Japan)")}[
            self.machine.facts.culture
        ]
        name = self.machine.facts.culture
        properties: dict[str, object] = {"LCID": PSInt(number), "Name": name, "EnglishName": english}
        yield Emit(ClrObject(("System.Globalization.CultureInfo", OBJECT), properties, {}, name))


class GetDate(Cmdlet):
    name = "Get-Date"
    module = UTILITY
    type_name = "Microsoft.PowerShell.Commands.GetDateCommand"
    syntax: ClassVar = {
        "net": "[[-Date] <DateTime>] [-Year <Int32>] [-Month <Int32>] [-Day <Int32>] [-Hour <Int32>] "
        "[-Minute <Int32>] [-Second <Int32>] [-Millisecond <Int32>] [-DisplayHint <DisplayHintType>] "
        "[-Format <String>] [-AsUTC@7.1] [-UnixTimeSeconds@7.1 <Int64>]",
        "UFormat": "[[-Date] <DateTime>] [-Year <Int32>] [-Month <Int32>] [-Day <Int32>] [-Hour <Int32>] "
        "[-Minute <Int32>] [-Second <Int32>] [-Millisecond <Int32>] [-UFormat <String>]",
    }
    traits: ClassVar = {
        "Date": Traits(aliases=("LastWriteTime",), pipeline="value name"),
        "UnixTimeSeconds": Traits(aliases=("UnixTime",)),
    }
    default_set = "net"
    unsimulated = frozenset(
        {"Date", "Year", "Month", "Day", "Hour", "Minute", "Second", "Millisecond", "Format", "UFormat"}
        | {"AsUTC", "DisplayHint", "UnixTimeSeconds"}
    )

    def process(self) -> Iterator[Event]:
        yield Emit(local_time(self.machine, self.machine.now()))


class GetCommand(Cmdlet):
    """Whether a command exists: simulated ones are shown, ones that Windows has and the lab does not are refused."""

    name = "Get-Command"
    module = CORE
    type_name = "Microsoft.PowerShell.Commands.GetCommandCommand"
    aliases = ("gcm",)
    syntax: ClassVar = {
        "AllCommandSet": "[[-Name] <String[]>] [-CommandType <CommandTypes>] [-Module <String[]>] [-All] [-Syntax] "
        "[-TotalCount <Int32>] [-ListImported] [-FullyQualifiedModule <ModuleSpecification[]>] [-ShowCommandInfo] "
        "[-ParameterName <String[]>] [-ParameterType <PSTypeName[]>] [[-ArgumentList] <Object[]>] "
        "[-ExcludeModule@7.5 <String[]>] [-UseFuzzyMatching@7.0] [-FuzzyMinimumDistance@7.0 <UInt32>] "
        "[-UseAbbreviationExpansion@7.0]",
        "CmdletSet": "[-Verb <String[]>] [-Noun <String[]>] [-Module <String[]>] [-All] [-Syntax] "
        "[-TotalCount <Int32>] [-ListImported] [-FullyQualifiedModule <ModuleSpecification[]>] [-ShowCommandInfo] "
        "[-ParameterName <String[]>] [-ParameterType <PSTypeName[]>] [[-ArgumentList] <Object[]>] "
        "[-ExcludeModule@7.5 <String[]>] [-UseFuzzyMatching@7.0] [-FuzzyMinimumDistance@7.0 <UInt32>] "
        "[-UseAbbreviationExpansion@7.0]",
    }
    unsimulated = frozenset(
        {"CommandType", "Module", "All", "Syntax", "TotalCount", "ListImported", "Verb", "Noun", "ArgumentList"}
        | {"FullyQualifiedModule", "ShowCommandInfo", "ParameterName", "ParameterType", "ExcludeModule"}
        | {"UseFuzzyMatching", "FuzzyMinimumDistance", "UseAbbreviationExpansion"}
    )
    traits: ClassVar = {
        **dict.fromkeys(("All", "FullyQualifiedModule", "ListImported", "Noun", "Syntax"), Traits(pipeline="name")),
        **dict.fromkeys(("TotalCount", "UseAbbreviationExpansion", "Verb"), Traits(pipeline="name")),
        "ExcludeModule": Traits(pipeline="value"),
        "Module": Traits(aliases=("PSSnapin",), pipeline="name"),
        "ArgumentList": Traits(aliases=("Args",), remaining=True),
        "Name": Traits(pipeline="value name"),
        "CommandType": Traits(aliases=("Type",), pipeline="name"),
    }
    default_set = "CmdletSet"

    def process(self) -> Iterator[Event]:
        for name in self.arguments.texts("Name") or ["*"]:
            if has_wildcards(name):
                raise Terminating(not_simulated("a list of all commands"))
            found = self.session.find_command(name)
            if found is None:
                message = self.session.say("CommandNotFoundException", name)
                category = ErrorCategory.ObjectNotFound
                yield Report(Failure("CommandNotFoundException", category, "CommandNotFoundException", message, name))
            else:
                yield Emit(found)


class GetExecutionPolicy(Cmdlet):
    """Scopes and stores: domain.md 5 and the execution policy table of `windows.md`. Group policy is read once."""

    name = "Get-ExecutionPolicy"
    module = SECURITY
    type_name = "Microsoft.PowerShell.Commands.GetExecutionPolicyCommand"
    syntax: ClassVar = {"All": "[[-Scope] <ExecutionPolicyScope>] [-List]"}
    traits: ClassVar = {"Scope": Traits(pipeline="name")}

    def process(self) -> Iterator[Event]:
        scopes = execution_policies(self.session)
        scope = self.arguments.get("Scope")
        if self.arguments.flag("List"):
            for name, policy in scopes.items():
                yield Emit(custom_object({"Scope": name, "ExecutionPolicy": policy}))
        elif isinstance(scope, ExecutionPolicyScope):
            yield Emit(scopes[scope])
        else:
            yield Emit(next((p for p in scopes.values() if p is not ExecutionPolicy.Undefined), _DEFAULT_POLICY))


_DEFAULT_POLICY = ExecutionPolicy.RemoteSigned
_SHELL_ID = "SOFTWARE\\Microsoft\\PowerShell\\1\\ShellIds\\Microsoft.PowerShell"


def execution_policies(session: Session) -> dict[ExecutionPolicyScope, ExecutionPolicy]:
    """The policy of every scope, the most decisive scope first."""
    windows = session.version < (6, 0)
    place = "Windows\\PowerShell" if windows else "PowerShellCore"
    scope = ExecutionPolicyScope
    policies: dict[ExecutionPolicyScope, ExecutionPolicy] = {}
    for name, hive in ((scope.MachinePolicy, "HKLM"), (scope.UserPolicy, "HKCU")):
        variable = f"lab:policy:{hive}"
        if variable not in session.variables:
            session.variables[variable] = _group_policy(session, f"{hive}\\SOFTWARE\\Policies\\Microsoft\\{place}")
        cached = session.variables[variable]
        policies[name] = cached if isinstance(cached, ExecutionPolicy) else ExecutionPolicy.Undefined
    policies[scope.Process] = ExecutionPolicy.Undefined
    for name, hive in ((scope.CurrentUser, "HKCU"), (scope.LocalMachine, "HKLM")):
        policies[name] = _stored(session, f"{hive}\\{_SHELL_ID}") if windows else ExecutionPolicy.Undefined
    return policies


def _group_policy(session: Session, path: str) -> ExecutionPolicy:
    key = session.machine.registry.find(path)
    enabled = key.value("EnableScripts") if key else None
    if enabled is None:
        return ExecutionPolicy.Undefined
    return ExecutionPolicy.Restricted if enabled.data != 1 else _stored(session, path, ExecutionPolicy.Restricted)


def _stored(session: Session, path: str, otherwise: ExecutionPolicy = ExecutionPolicy.Undefined) -> ExecutionPolicy:
    key = session.machine.registry.find(path)
    value = key.value("ExecutionPolicy") if key else None
    word = to_text(value.data).casefold() if value and isinstance(value.data, str) else ""
    return next((policy for policy in ExecutionPolicy if policy.name.casefold() == word), otherwise)


class StartSleep(Cmdlet):
    name = "Start-Sleep"
    module = UTILITY
    type_name = "Microsoft.PowerShell.Commands.StartSleepCommand"
    aliases = ("sleep",)
    syntax: ClassVar = {
        "Seconds": "[-Seconds@3.0-5.1] <Int32> [-Seconds@6.0] <Double>",
        "Milliseconds": "-Milliseconds <Int32>",
        "FromTimeSpan@7.3": "-Duration <TimeSpan>",
    }
    unsimulated = frozenset({"Duration"})
    traits: ClassVar = {
        "Duration": Traits(pipeline="value name", aliases=("ts",)),
        "Seconds": Traits(pipeline="value name"),
        "Milliseconds": Traits(aliases=("ms@6.0",), pipeline="name"),
    }
    default_set = "Seconds"

    def process(self) -> Iterator[Event]:
        seconds = self.arguments.get("Seconds")
        milliseconds = self.arguments.number("Milliseconds") or 0
        yield Wait(float(seconds) if isinstance(seconds, (int, float)) else milliseconds / 1000)


COMMANDS: tuple[type[Cmdlet], ...] = (
    GetVariable,
    SetVariable,
    GetCulture,
    GetDate,
    GetCommand,
    GetExecutionPolicy,
    StartSleep,
)
