"""Commands about the session itself: variables, commands, culture, date, execution policy, sleeping."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from psrpcore.types import ErrorCategory, PSInt

from runner.lab.automatic import (
    assign_variable,
    checked_value,
    is_known_variable,
    matching_variables,
    read_variable,
    variable_info,
)
from runner.lab.clock import local_time
from runner.lab.cmdlet import Cmdlet, Emit, Event, Report
from runner.lab.cmdlets.objects import ALL_SETS, CORE, UTILITY
from runner.lab.cmdlets.provider import CONFIRM_TRAITS
from runner.lab.errors import Failure, Terminating, not_simulated
from runner.lab.messages import Wait
from runner.lab.signature import Traits
from runner.lab.values import OBJECT, ClrObject, Unsimulated
from runner.lab.wildcard import has_wildcards


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
                for known in matching_variables(self.session, name):
                    yield self._shown(known, read_variable(self.session, known))
            elif is_known_variable(self.session, name):
                yield self._shown(name, read_variable(self.session, name))
            else:
                message = self.session.say("VariableNotFound", name)
                category = ErrorCategory.ObjectNotFound
                yield Report(Failure("VariableNotFound", category, "ItemNotFoundException", message, name))

    def _shown(self, name: str, value: object) -> Emit:
        """$? is always true here: that Get-Variable runs sets it (seq.error-then-success-variable)."""
        value = True if name == "?" else value
        if self.arguments.flag("ValueOnly"):
            return Emit(value)
        return Emit(variable_info(self.session, name, value))


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
        scope = self.arguments.text("Scope")
        if scope and scope.casefold() not in ("global", "local", "0"):
            raise Terminating(not_simulated(f"the scope {scope} of Set-Variable"))
        for name in self.arguments.texts("Name") or ():
            value = checked_value(self.session, name, self.arguments.get("Value"))
            if scope.casefold() == "global":
                self.session.variables.set_global(name, value)
            else:
                self.session.variables.set(name, value)
        return iter(())


class NewVariable(Cmdlet):
    name = "New-Variable"
    module = UTILITY
    type_name = "Microsoft.PowerShell.Commands.NewVariableCommand"
    aliases = ("nv",)
    syntax: ClassVar = {
        ALL_SETS: "[-Name] <String> [[-Value] <Object>] [-Description <String>] [-Option <ScopedItemOptions>] "
        "[-Visibility <SessionStateEntryVisibility>] [-Force] [-PassThru] [-Scope <String>] [-WhatIf] [-Confirm]"
    }
    traits: ClassVar = {"Name": Traits(pipeline="name"), "Value": Traits(pipeline="value name"), **CONFIRM_TRAITS}
    unsimulated = frozenset({"Description", "Option", "Visibility", "PassThru", "Scope"})

    def process(self) -> Iterator[Event]:
        name = self.arguments.text("Name")
        if is_known_variable(self.session, name) and not self.arguments.flag("Force"):
            message = self.session.say("VariableAlreadyExists", name)
            category = ErrorCategory.ResourceExists
            yield Report(Failure("VariableAlreadyExists", category, "SessionStateException", message, name))
        elif self.should_process():
            assign_variable(self.session, name, self.arguments.get("Value"))


class RemoveVariable(Cmdlet):
    name = "Remove-Variable"
    module = UTILITY
    type_name = "Microsoft.PowerShell.Commands.RemoveVariableCommand"
    aliases = ("rv",)
    syntax: ClassVar = {
        ALL_SETS: "[-Name] <String[]> [-Include <String[]>] [-Exclude <String[]>] [-Force] [-Scope <String>] [-WhatIf] "
        "[-Confirm]"
    }
    traits: ClassVar = {"Name": Traits(pipeline="name"), **CONFIRM_TRAITS}
    unsimulated = frozenset({"Include", "Exclude", "Scope"})

    def process(self) -> Iterator[Event]:
        for name in self.arguments.texts("Name") or ():
            if has_wildcards(name) or (name not in self.session.variables and is_known_variable(self.session, name)):
                raise Terminating(not_simulated(f"removing the variable {name}"))
            if name not in self.session.variables:
                message = self.session.say("VariableNotFound", name)
                category = ErrorCategory.ObjectNotFound
                yield Report(Failure("VariableNotFound", category, "ItemNotFoundException", message, name))
            elif self.should_process():
                self.session.variables.remove(name)


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
        """What is serialized of a culture, in the recorded order (env.culture)."""
        number, display, letters, windows, language = {
            "en-US": (1033, "English (United States)", "eng", "ENU", "en"),
            "ja-JP": (1041, Unsimulated("DisplayName"), "jpn", "JPN", "ja"),
        }[self.machine.facts.culture]
        name = self.machine.facts.culture
        properties: dict[str, object] = {
            "LCID": PSInt(number),
            "Name": name,
            "DisplayName": display,
            "IetfLanguageTag": name,
            "ThreeLetterISOLanguageName": letters,
            "ThreeLetterWindowsLanguageName": windows,
            "TwoLetterISOLanguageName": language,
        }
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
        "[-TotalCount <Int32>] [-ListImported] [-FullyQualifiedModule@5.0 <ModuleSpecification[]>] "
        "[-ShowCommandInfo@5.0] [-ParameterName <String[]>] [-ParameterType <PSTypeName[]>] "
        "[[-ArgumentList] <Object[]>] "
        "[-ExcludeModule@7.5 <String[]>] [-UseFuzzyMatching@7.0] [-FuzzyMinimumDistance@7.0 <UInt32>] "
        "[-UseAbbreviationExpansion@7.0]",
        "CmdletSet": "[-Verb <String[]>] [-Noun <String[]>] [-Module <String[]>] [-All] [-Syntax] "
        "[-TotalCount <Int32>] [-ListImported] [-FullyQualifiedModule@5.0 <ModuleSpecification[]>] "
        "[-ShowCommandInfo@5.0] [-ParameterName <String[]>] [-ParameterType <PSTypeName[]>] "
        "[[-ArgumentList] <Object[]>] "
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
        """Errors come first, as with Get-Service (env.getcommand-unknown)."""
        shown: list[ClrObject] = []
        for name in self.arguments.texts("Name") or ["*"]:
            if has_wildcards(name):
                raise Terminating(not_simulated("a list of all commands"))
            found = self.session.find_command(name)
            if found is None:
                message = self.session.say("CommandNotFoundException", name)
                category = ErrorCategory.ObjectNotFound
                yield Report(Failure("CommandNotFoundException", category, "CommandNotFoundException", message, name))
            else:
                shown.append(found)
        yield from (Emit(info) for info in shown)


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
    NewVariable,
    RemoveVariable,
    GetCulture,
    GetDate,
    GetCommand,
    StartSleep,
)
