"""Commands that write to the other streams: errors, warnings, verbose, debug, information, host, progress.

Findings H1, H3 of `groundtruth/pwsh76/README.md`; cases seq.write-error, seq.streams-*, host.write-host-null.
Parameters: `groundtruth/psca-docs`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from psrpcore.types import ErrorCategory, ErrorDetails

from runner.lab.cmdlet import Cmdlet, Event, Report
from runner.lab.cmdlets.objects import ALL_SETS, CORE, UTILITY
from runner.lab.errors import Failure, Terminating, not_simulated
from runner.lab.messages import Debug, Information, Progress, Verbose, Warning
from runner.lab.signature import Traits
from runner.lab.values import OBJECT, ClrList, ClrObject, to_text
from runner.lab.wire import to_wire

_MESSAGE = {"Message": Traits(aliases=("Msg",), pipeline="value", accepts_null=True)}
_CATEGORY = (
    "[-CategoryActivity <String>] [-CategoryReason <String>] [-CategoryTargetName <String>] "
    "[-CategoryTargetType <String>]"
)
_DETAILS = "[-Category <ErrorCategory>] [-ErrorId <String>] [-TargetObject <Object>] [-RecommendedAction <String>]"


class WriteError(Cmdlet):
    """In a function or script the error is attributed to that, as $MyInvocation says (seq.streams-order)."""

    name = "Write-Error"
    module = UTILITY
    type_name = "Microsoft.PowerShell.Commands.WriteErrorCommand"
    syntax: ClassVar = {
        "NoException": f"[-Message] <String> {_DETAILS} {_CATEGORY}",
        "WithException": f"-Exception <Exception> [-Message <String>] {_DETAILS} {_CATEGORY}",
        "ErrorRecord": f"-ErrorRecord <ErrorRecord> [-RecommendedAction <String>] {_CATEGORY}",
    }
    traits: ClassVar = {
        **_MESSAGE,
        "CategoryActivity": Traits(aliases=("Activity",)),
        "CategoryReason": Traits(aliases=("Reason",)),
        "CategoryTargetName": Traits(aliases=("TargetName",)),
        "CategoryTargetType": Traits(aliases=("TargetType",)),
    }
    default_set = "NoException"
    unsimulated = frozenset({"Exception", "ErrorRecord"})

    def process(self) -> Iterator[Event]:
        message = self.arguments.text("Message")
        category = self.arguments.get("Category", ErrorCategory.NotSpecified)
        action = self.arguments.text("RecommendedAction")
        failure = Failure(
            self.arguments.text("ErrorId") or "Microsoft.PowerShell.Commands.WriteErrorException",
            category if isinstance(category, ErrorCategory) else ErrorCategory.NotSpecified,
            "WriteErrorException",
            message,
            self.arguments.get("TargetObject"),
            target_name=self.arguments.text("CategoryTargetName") or None,
            target_type=self.arguments.text("CategoryTargetType") or None,
            activity=self.arguments.text("CategoryActivity") or self.name,
            reason=self.arguments.text("CategoryReason") or None,
            details=ErrorDetails(Message=message, RecommendedAction=action) if action else None,
        )
        callers = self.session.callers
        yield Report(failure, callers[-1] if callers else None)


class _MessageWriter(Cmdlet):
    module = UTILITY
    syntax: ClassVar = {ALL_SETS: "[-Message] <String>"}
    traits: ClassVar = _MESSAGE


class WriteWarning(_MessageWriter):
    name = "Write-Warning"
    type_name = "Microsoft.PowerShell.Commands.WriteWarningCommand"

    def process(self) -> Iterator[Event]:
        yield Warning(self.arguments.text("Message"))


class WriteVerbose(_MessageWriter):
    name = "Write-Verbose"
    type_name = "Microsoft.PowerShell.Commands.WriteVerboseCommand"

    def process(self) -> Iterator[Event]:
        yield Verbose(self.arguments.text("Message"))


class WriteDebug(_MessageWriter):
    name = "Write-Debug"
    type_name = "Microsoft.PowerShell.Commands.WriteDebugCommand"

    def process(self) -> Iterator[Event]:
        yield Debug(self.arguments.text("Message"))


class _Informer(Cmdlet):
    module = UTILITY

    def information(self, value: object, tags: tuple[str, ...]) -> Information:
        """The record of this moment."""
        facts = self.machine.facts
        domain = facts.computer_name if self.session.version < (6, 0) else ""
        user = f"{domain}\\{self.session.user}" if domain else self.session.user
        return Information(to_wire(value), self.name, tags, self.machine.now(), user, facts.dns_host_name)


class WriteInformation(_Informer):
    name = "Write-Information"
    type_name = "Microsoft.PowerShell.Commands.WriteInformationCommand"
    since = (5, 0)
    syntax: ClassVar = {ALL_SETS: "[-MessageData] <Object> [[-Tags] <String[]>]"}
    traits: ClassVar = {"MessageData": Traits(aliases=("Msg", "Message@6.0"), pipeline="value", accepts_null=True)}

    def process(self) -> Iterator[Event]:
        yield self.information(self.arguments.get("MessageData"), tuple(self.arguments.texts("Tags") or ()))


class WriteHost(_Informer):
    """An information record with the tag PSHOST; before PowerShell 5 only the client's host saw it (H1)."""

    name = "Write-Host"
    type_name = "Microsoft.PowerShell.Commands.WriteHostCommand"
    syntax: ClassVar = {
        ALL_SETS: "[[-Object] <Object>] [-NoNewline] [-Separator <Object>] [-ForegroundColor <ConsoleColor>] "
        "[-BackgroundColor <ConsoleColor>]"
    }
    traits: ClassVar = {"Object": Traits(pipeline="value", remaining=True)}
    unsimulated = frozenset({"ForegroundColor", "BackgroundColor"})

    def process(self) -> Iterator[Event]:
        if self.session.version < (5, 0):
            return
        given = self.arguments.get("Object")
        separator = to_text(self.arguments.get("Separator")) if "Separator" in self.arguments else " "
        parts = given.items if isinstance(given, ClrList) else [given]
        text = separator.join(to_text(part) for part in parts)
        properties: dict[str, object] = {
            "Message": text,
            "NoNewLine": self.arguments.flag("NoNewline"),
            "ForegroundColor": None,
            "BackgroundColor": None,
        }
        names = ("System.Management.Automation.HostInformationMessage", OBJECT)
        yield self.information(ClrObject(names, properties, {}, text), ("PSHOST",))


class WriteProgress(Cmdlet):
    name = "Write-Progress"
    module = UTILITY
    type_name = "Microsoft.PowerShell.Commands.WriteProgressCommand"
    syntax: ClassVar = {
        ALL_SETS: "[-Activity] <String> [[-Status] <String>] [[-Id] <Int32>] [-PercentComplete <Int32>] "
        "[-SecondsRemaining <Int32>] [-CurrentOperation <String>] [-ParentId <Int32>] [-Completed] [-SourceId <Int32>]",
    }

    def process(self) -> Iterator[Event]:
        if not self.arguments.text("Activity"):
            raise Terminating(not_simulated("Write-Progress without an activity"))
        numbers = {
            field: number
            for field, parameter in _PROGRESS_NUMBERS.items()
            if (number := self.arguments.number(parameter)) is not None
        }
        yield Progress(
            self.arguments.text("Activity"),
            numbers.pop("activity_id", 0),
            self.arguments.text("Status") or "Processing",
            self.arguments.text("CurrentOperation") or None,
            completed=self.arguments.flag("Completed"),
            **numbers,
        )


_PROGRESS_NUMBERS = {
    "activity_id": "Id",
    "parent_id": "ParentId",
    "percent": "PercentComplete",
    "seconds_remaining": "SecondsRemaining",
}


class OutDefault(Cmdlet):
    """What is for the host vanishes where there is none (H1)."""

    name = "Out-Default"
    module = CORE
    type_name = "Microsoft.PowerShell.Commands.OutDefaultCommand"
    syntax: ClassVar = {ALL_SETS: "[-Transcript@4.0] [-InputObject <PSObject>]"}
    traits: ClassVar = {"InputObject": Traits(pipeline="value")}
    unsimulated = frozenset({"Transcript"})


class OutHost(Cmdlet):
    name = "Out-Host"
    module = CORE
    type_name = "Microsoft.PowerShell.Commands.OutHostCommand"
    aliases = ("oh",)
    syntax: ClassVar = {ALL_SETS: "[-Paging] [-InputObject <PSObject>]"}
    traits: ClassVar = {"InputObject": Traits(pipeline="value")}
    unsimulated = frozenset({"Paging"})


COMMANDS: tuple[type[Cmdlet], ...] = (
    WriteError,
    WriteWarning,
    WriteVerbose,
    WriteDebug,
    WriteInformation,
    WriteHost,
    WriteProgress,
    OutDefault,
    OutHost,
)
