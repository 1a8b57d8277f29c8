"""Errors of simulated cmdlets, and their ErrorRecords as the engine sends them.

Shapes: the ERROR_RECORD and PIPELINE_STATE messages of `groundtruth/pwsh76` (reg-gip-name-missing, stm-throw-2of4,
seq.unknown-command-first and -last). A record's stack trace, source and target site are not simulated: they are null.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from psrpcore.types import (
    CommandOrigin,
    ErrorCategory,
    ErrorCategoryInfo,
    ErrorDetails,
    ErrorRecord,
    InvocationInfo,
    PSDict,
    PSInt,
    PSList,
)

from runner.lab.values import OBJECT, ClrList, ClrObject, clr_type_of, to_text
from runner.lab.wire import to_wire, to_wire_without_scripts

_SYSTEM = ("System.SystemException", "System.Exception", OBJECT)
_RUNTIME = ("System.Management.Automation.RuntimeException", *_SYSTEM)
_ARGUMENT = ("System.ArgumentException", *_SYSTEM)
_INVALID_OPERATION = ("System.InvalidOperationException", *_SYSTEM)
_SESSION_STATE = ("System.Management.Automation.SessionStateException", *_RUNTIME)
_EXTENDED_TYPE = ("System.Management.Automation.ExtendedTypeSystemException", *_RUNTIME)
_BINDING = ("System.Management.Automation.ParameterBindingException", *_RUNTIME)

EXCEPTIONS: dict[str, tuple[str, ...]] = {
    names[0].rpartition(".")[2]: names
    for names in (
        _ARGUMENT,
        _BINDING,
        _INVALID_OPERATION,
        _RUNTIME,
        ("Microsoft.PowerShell.Commands.ServiceCommandException", *_SYSTEM),
        ("System.IO.IOException", *_SYSTEM),
        ("System.IO.FileNotFoundException", "System.IO.IOException", *_SYSTEM),
        ("System.IO.DirectoryNotFoundException", "System.IO.IOException", *_SYSTEM),
        ("System.IO.FileNotFoundException", "System.IO.IOException", *_SYSTEM),
        ("System.NotSupportedException", *_SYSTEM),
        ("System.Net.WebException", *_INVALID_OPERATION),
        ("System.Management.Automation.CmdletInvocationException", *_RUNTIME),
        ("System.Exception", OBJECT),
        ("System.NotImplementedException", *_SYSTEM),
        ("System.UnauthorizedAccessException", *_SYSTEM),
        ("Microsoft.PowerShell.Commands.WriteErrorException", *_SYSTEM),
        ("System.Management.Automation.ActionPreferenceStopException", *_RUNTIME),
        ("System.Management.Automation.ParseException", *_RUNTIME),
        (
            "System.Management.Automation.IncompleteParseException",
            "System.Management.Automation.ParseException",
            *_RUNTIME,
        ),
        ("System.Management.Automation.ParameterBindingArgumentTransformationException", *_BINDING),
        ("System.Management.Automation.PSNotSupportedException", "System.NotSupportedException", *_SYSTEM),
        ("System.Security.SecurityException", *_SYSTEM),
        ("System.Management.Automation.CommandNotFoundException", *_RUNTIME),
        _SESSION_STATE,
        ("System.Management.Automation.DriveNotFoundException", *_SESSION_STATE),
        ("System.Management.Automation.Host.HostException", *_RUNTIME),
        ("System.Management.Automation.ItemNotFoundException", *_SESSION_STATE),
        ("System.Management.Automation.MethodException", *_EXTENDED_TYPE),
        ("System.Management.Automation.SetValueException", *_EXTENDED_TYPE),
        (
            "System.Management.Automation.MethodInvocationException",
            "System.Management.Automation.MethodException",
            *_EXTENDED_TYPE,
        ),
        ("System.Management.Automation.ParameterBindingValidationException", *_BINDING),
        ("System.Management.Automation.ParentContainsErrorRecordException", *_SYSTEM),
        ("System.Management.Automation.PipelineStoppedException", *_RUNTIME),
        ("System.Management.Automation.RemoteException", *_RUNTIME),
        ("System.Management.Automation.ProviderNotFoundException", *_SESSION_STATE),
        ("System.Management.Automation.PSArgumentException", *_ARGUMENT),
        ("System.ArgumentNullException", *_ARGUMENT),
        (
            "System.Management.Automation.PSArgumentNullException",
            "System.ArgumentNullException",
            *_ARGUMENT,
        ),
        ("Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException", "System.Exception", OBJECT),
        ("System.Management.Automation.ParseException", *_RUNTIME),
        ("System.Management.Automation.PSInvalidCastException", "System.InvalidCastException", *_SYSTEM),
        ("System.Management.Automation.PSInvalidOperationException", *_INVALID_OPERATION),
    )
}

_DEFAULT_HRESULT = -2146233087
_HRESULTS = {
    "ArgumentException": -2147024809,
    "PSArgumentException": -2147024809,
    "IOException": -2146232800,
    "WebException": -2146233079,
}


@dataclass(frozen=True, slots=True)
class Raiser:
    """The command that an error is attributed to; without `type_name` the error's id has no second part."""

    name: str
    type_name: str


@dataclass(frozen=True, slots=True)
class Failure:
    """What goes wrong in a cmdlet: the part of an ErrorRecord that the cmdlet decides.

    `wrapped` marks the errors of the engine itself (unknown command, binding): as an ERROR_RECORD they carry a
    ParentContainsErrorRecordException, as the reason of a failed pipeline the exception itself. `activity` and
    `reason` are set where Write-Error was told them; `details` replaces the message for people; `own` are the
    properties that the exception has beside those of every exception.
    """

    error_id: str
    category: ErrorCategory
    exception: str
    message: str
    target: object = None
    wrapped: bool = False
    target_type: str | None = None
    target_name: str | None = None
    activity: str | None = None
    reason: str | None = None
    details: ErrorDetails | None = None
    own: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))


SCRIPT = Raiser("", "")  # no command, but a place in a script


class Terminating(Exception):
    """A terminating error on its way from a command to the engine.

    Inside a script it ends one statement only. `anonymous`: no command is to be named for it.
    """

    def __init__(self, failure: Failure, raiser: Raiser | None = None, *, anonymous: bool = False) -> None:
        super().__init__(failure.error_id)
        self.failure = failure
        self.raiser = raiser
        self.anonymous = anonymous


class Thrown(Terminating):
    """`throw` was run: it ends the script and all that called it."""


REFUSAL = "LabDoesNotSimulate"


def not_simulated(what: str) -> Failure:
    """The error by which the lab refuses instead of answering wrongly; its id is the lab's own, not PowerShell's."""
    return Failure(
        REFUSAL,
        ErrorCategory.NotImplemented,
        "NotImplementedException",
        f"The lab does not simulate {what}.",
    )


def as_error_record(failure: Failure, raiser: Raiser | None) -> ErrorRecord:
    """The record of an error that is reported in the error stream."""
    shown = replace(failure, exception="ParentContainsErrorRecordException") if failure.wrapped else failure
    return _record(shown, raiser, to_wire(failure.target))


def as_reason(failure: Failure, raiser: Raiser | None) -> ErrorRecord:
    """The record of an error that is the reason of a pipeline's final state."""
    return _record(failure, raiser, to_wire_without_scripts(failure.target))


def as_object(failure: Failure, raiser: Raiser | None) -> ClrObject:
    """The error as a pipeline object, for a command whose errors are merged into its output (finding H5)."""
    record = _record(failure, raiser, to_wire(failure.target))
    properties: dict[str, object] = {
        "Exception": _exception_object(failure),
        "TargetObject": failure.target,
        "FullyQualifiedErrorId": full_id(failure, raiser),
    }
    names = ("System.Management.Automation.ErrorRecord", OBJECT)
    return ClrObject(names, properties, {}, failure.message, source=record)


def as_raised(failure: Failure, raiser: Raiser | None) -> ClrObject:
    """The object that $Error gets for a terminating error outside of a script: no record, but what was raised.

    So recorded (batch.failed-then-error-variable: no error id on it). It is a CmdletInvocationException round the
    cmdlet's own exception (PowerShell's MshCommandRuntime.ThrowTerminatingError), and has the record.
    """
    own = {"ErrorRecord": as_object(failure, raiser)}
    if failure.wrapped:
        return _exception_object(replace(failure, own={**failure.own, **own}))
    inner = _exception_object(failure)
    outer = replace(failure, exception="CmdletInvocationException", own=own)
    return _exception_object(outer, inner)


def full_id(failure: Failure, raiser: Raiser | None) -> str:
    """The FullyQualifiedErrorId: the id and, if a command raised it, that command's type."""
    return f"{failure.error_id},{raiser.type_name}" if raiser and raiser.type_name else failure.error_id


def _record(failure: Failure, raiser: Raiser | None, target: Any) -> ErrorRecord:
    names = EXCEPTIONS[failure.exception]
    reason = names[0].rpartition(".")[2] if failure.reason is None else failure.reason
    activity = (raiser.name if raiser else "") if failure.activity is None else failure.activity
    target_name = _name_of(failure.target) if failure.target_name is None else failure.target_name
    target_type = failure.target_type or clr_type_of(failure.target).rpartition(".")[2]
    category = ErrorCategoryInfo(
        Category=failure.category, Activity=activity, Reason=reason, TargetName=target_name, TargetType=target_type
    )
    category.PSObject.to_string = f"{failure.category.name}: ({target_name}:{target_type}) [{activity}], {reason}"
    record = ErrorRecord(
        Exception=to_wire(_exception_object(failure)),
        CategoryInfo=category,
        TargetObject=target,
        FullyQualifiedErrorId=full_id(failure, raiser),
        InvocationInfo=_invocation(raiser) if raiser else None,
        ErrorDetails=failure.details,
    )
    record.PSObject.to_string = failure.message
    return record


def _name_of(target: object) -> str:
    """A target as CategoryInfo names it: .NET's own text of it, which for a list is its type."""
    return clr_type_of(target) if isinstance(target, (ClrList, bytes)) else to_text(target)


def _exception_object(failure: Failure, inner: ClrObject | None = None) -> ClrObject:
    names = EXCEPTIONS[failure.exception]
    own = dict(failure.own)
    if _RUNTIME[0] in names or names[0].startswith("System.Management.Automation.PS"):
        own.setdefault("ErrorRecord", failure.message)
    properties: dict[str, object] = {
        **own,
        "Message": failure.message,
        "TargetSite": None,
        "InnerException": inner,
        "HelpLink": None,
        "Source": None,
        "HResult": PSInt(_HRESULTS.get(failure.exception, _DEFAULT_HRESULT)),
        "StackTrace": None,
    }
    return ClrObject(names, properties, {}, f"{names[0]}: {failure.message}")


def _invocation(raiser: Raiser) -> InvocationInfo:
    info = InvocationInfo(
        BoundParameters=PSDict(),
        CommandOrigin=CommandOrigin.Internal,
        ExpectingInput=False,
        HistoryId=1,
        InvocationName=raiser.name,
        Line="",
        MyCommand=raiser.name,
        OffsetInLine=0,
        PipelineLength=0,
        PipelinePosition=0,
        PositionMessage="",
        PSScriptRoot="",
        ScriptLineNumber=0,
        ScriptName="",
        UnboundArguments=PSList(),
    )
    info.PSObject.to_string = "System.Management.Automation.InvocationInfo"
    return info
