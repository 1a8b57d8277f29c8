"""Records of the other streams: as pipeline objects where a stream is merged into the output (H5), and as messages.

Shapes: `groundtruth/pwsh76` merge.all-output, seq.streams-all-on.
"""

from __future__ import annotations

from typing import Any

from psrpcore.types import (
    InformationRecordMsg,
    ProgressRecordMsg,
    ProgressRecordType,
    PSDateTime,
    PSInt,
    PSList,
    PSUInt,
)

from runner.lab.messages import Information, Informational, Progress
from runner.lab.values import OBJECT, ClrList, ClrObject, to_text
from runner.lab.wire import from_wire

_AUTOMATION = "System.Management.Automation"
TAGS = (
    "System.Collections.Generic.List`1[[System.String, mscorlib, Version=4.0.0.0, Culture=neutral, "
    "PublicKeyToken=b77a5c561934e089]]",
    OBJECT,
)
PROCESS_ID = 4242  # of the simulated PowerShell process: any number serves


def record_object(record: Informational) -> ClrObject:
    """The record as an object of the output."""
    if isinstance(record, Information):
        properties = _information(record)
        return ClrObject(
            (f"{_AUTOMATION}.InformationRecord", OBJECT), properties, {}, to_text(properties["MessageData"])
        )
    names = (f"{_AUTOMATION}.{type(record).__name__}Record", f"{_AUTOMATION}.InformationalRecord", OBJECT)
    notes: dict[str, object] = {
        "InformationalRecord_Message": record.text,
        "InformationalRecord_SerializeInvocationInfo": False,
    }
    return ClrObject(names, {}, notes, record.text)


def _information(record: Information) -> dict[str, object]:
    return {
        "MessageData": from_wire(record.value),
        "Source": record.source,
        "TimeGenerated": _moment(record),
        "Tags": ClrList(list(record.tags), TAGS),
        "User": record.user,
        "Computer": record.computer,
        "ProcessId": PSUInt(PROCESS_ID),
        "NativeThreadId": PSUInt(PROCESS_ID),
        "ManagedThreadId": PSUInt(1),
    }


def _moment(record: Information) -> PSDateTime:
    time = record.time
    return PSDateTime(
        time.year, time.month, time.day, time.hour, time.minute, time.second, time.microsecond, time.tzinfo
    )


def information_record(record: Information) -> Any:
    """The record as psrpcore sends it."""
    tags = PSList(record.tags)
    tags.PSObject.type_names = list(TAGS)
    return InformationRecordMsg(
        MessageData=record.value,
        Source=record.source,
        TimeGenerated=_moment(record),
        Tags=tags,
        User=record.user,
        Computer=record.computer,
        ProcessId=PSUInt(PROCESS_ID),
        NativeThreadId=PSUInt(PROCESS_ID),
        ManagedThreadId=PSUInt(1),
    )


def progress_record(record: Progress) -> Any:
    """The record as psrpcore sends it."""
    return ProgressRecordMsg(
        Activity=record.activity,
        ActivityId=PSInt(record.activity_id),
        StatusDescription=record.status,
        CurrentOperation=record.operation,
        ParentActivityId=PSInt(record.parent_id),
        PercentComplete=PSInt(record.percent),
        Type=ProgressRecordType.Completed if record.completed else ProgressRecordType.Processing,
        SecondsRemaining=PSInt(record.seconds_remaining),
    )
