"""The .NET enumerations that the lab's cmdlets take and return.

Numbers: `groundtruth/pwsh76/windows.md` (registry kinds, service states and start types, execution policies) and the
README's P5; `none` is psrpcore's spelling of a member called None. Negative members come last, as .NET lists them.
"""

from __future__ import annotations

from psrpcore.types import ErrorCategory, PSEnumBase, PSFlagBase, PSType


@PSType(["Microsoft.Win32.RegistryValueKind"], rehydrate=False)
class RegistryValueKind(PSEnumBase):
    """The kind of a registry value as .NET numbers it; Unknown is accepted for writing and means: by its type."""

    Unknown = 0
    String = 1
    ExpandString = 2
    Binary = 3
    DWord = 4
    MultiString = 7
    QWord = 11
    none = -1


@PSType(["Microsoft.Win32.RegistryValueOptions"], rehydrate=False)
class RegistryValueOptions(PSEnumBase):
    none = 0
    DoNotExpandEnvironmentNames = 1


@PSType(["Microsoft.Win32.RegistryView"], rehydrate=False)
class RegistryView(PSEnumBase):
    Default = 0
    Registry64 = 256
    Registry32 = 512


@PSType(["System.ServiceProcess.ServiceControllerStatus"], rehydrate=False)
class ServiceControllerStatus(PSEnumBase):
    Stopped = 1
    StartPending = 2
    StopPending = 3
    Running = 4
    ContinuePending = 5
    PausePending = 6
    Paused = 7


@PSType(["System.ServiceProcess.ServiceStartMode"], rehydrate=False)
class ServiceStartMode(PSEnumBase):
    Boot = 0
    System = 1
    Automatic = 2
    Manual = 3
    Disabled = 4


@PSType(["Microsoft.PowerShell.Commands.ServiceStartupType"], rehydrate=False)
class ServiceStartupType(PSEnumBase):
    """PowerShell 6 and later; Windows PowerShell has ServiceStartMode here."""

    Automatic = 2
    Manual = 3
    Disabled = 4
    AutomaticDelayedStart = 10
    InvalidValue = -1


@PSType(["System.ServiceProcess.ServiceType"], rehydrate=False)
class ServiceType(PSEnumBase):
    Win32OwnProcess = 16
    Win32ShareProcess = 32


@PSType(["System.Management.Automation.ActionPreference"], rehydrate=False)
class ActionPreference(PSEnumBase):
    SilentlyContinue = 0
    Stop = 1
    Continue = 2
    Inquire = 3
    Ignore = 4
    Suspend = 5
    Break = 6


@PSType(["Microsoft.PowerShell.Commands.TestPathType"], rehydrate=False)
class TestPathType(PSEnumBase):
    Any = 0
    Container = 1
    Leaf = 2


@PSType(["System.Management.Automation.CommandTypes"], rehydrate=False)
class CommandTypes(PSEnumBase):
    Alias = 1
    Function = 2
    Filter = 4
    Cmdlet = 8
    ExternalScript = 16
    Application = 32
    Script = 64
    Configuration = 256
    All = 383


@PSType(["System.Management.Automation.ScopedItemOptions"], rehydrate=False)
class ScopedItemOptions(PSFlagBase):
    none = 0
    ReadOnly = 1
    Constant = 2
    Private = 4
    AllScope = 8


@PSType(["System.Management.Automation.SessionStateEntryVisibility"], rehydrate=False)
class SessionStateEntryVisibility(PSEnumBase):
    Public = 0
    Private = 1


@PSType(["Microsoft.PowerShell.ExecutionPolicy"], rehydrate=False)
class ExecutionPolicy(PSEnumBase):
    Unrestricted = 0
    RemoteSigned = 1
    AllSigned = 2
    Restricted = 3
    Default = 3
    Bypass = 4
    Undefined = 5


@PSType(["Microsoft.PowerShell.ExecutionPolicyScope"], rehydrate=False)
class ExecutionPolicyScope(PSEnumBase):
    Process = 0
    CurrentUser = 1
    LocalMachine = 2
    UserPolicy = 3
    MachinePolicy = 4


ENUMS: dict[str, type[PSEnumBase]] = {
    enum_type.PSObject.type_names[0]: enum_type
    for enum_type in (
        RegistryValueKind,
        RegistryValueOptions,
        RegistryView,
        ServiceControllerStatus,
        ServiceStartMode,
        ServiceStartupType,
        ServiceType,
        ActionPreference,
        ErrorCategory,
        TestPathType,
        CommandTypes,
        ExecutionPolicy,
        ExecutionPolicyScope,
    )
}


def enum_name(value: PSEnumBase | PSFlagBase) -> str:
    """The name in .NET of a member, or of flags that are set together."""
    return "None" if value.name == "none" else str(value.name).replace("|", ", ")
