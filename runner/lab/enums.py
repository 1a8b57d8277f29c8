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


@PSType(["Microsoft.PowerShell.Commands.FileSystemCmdletProviderEncoding"], rehydrate=False)
class FileSystemCmdletProviderEncoding(PSEnumBase):
    """Windows PowerShell's -Encoding of the content cmdlets."""

    Unknown = 0
    String = 1
    Unicode = 2
    Byte = 3
    BigEndianUnicode = 4
    UTF8 = 5
    UTF7 = 6
    UTF32 = 7
    Ascii = 8
    Default = 9
    Oem = 10
    BigEndianUTF32 = 11


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


@PSType(["System.Management.Automation.ModuleType"], rehydrate=False)
class ModuleType(PSEnumBase):
    Script = 0
    Binary = 1
    Manifest = 2
    Cim = 3
    Workflow = 4


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


@PSType(["Microsoft.PowerShell.Commands.WebRequestMethod"], rehydrate=False)
class WebRequestMethod(PSEnumBase):
    Default = 0
    Get = 1
    Head = 2
    Post = 3
    Put = 4
    Delete = 5
    Trace = 6
    Options = 7
    Merge = 8
    Patch = 9


@PSType(["System.Net.WebExceptionStatus"], rehydrate=False)
class WebExceptionStatus(PSEnumBase):
    """Those that the lab's network leads to."""

    NameResolutionFailure = 1
    ConnectFailure = 2
    ProtocolError = 7
    SecureChannelFailure = 10
    Timeout = 14
    ProxyNameResolutionFailure = 15


@PSType(["System.Net.HttpStatusCode"], rehydrate=False)
class HttpStatusCode(PSEnumBase):
    """Those that a site of the lab can answer."""

    OK = 200
    Created = 201
    Accepted = 202
    NonAuthoritativeInformation = 203
    NoContent = 204
    ResetContent = 205
    PartialContent = 206
    MultipleChoices = 300
    MovedPermanently = 301
    Found = 302
    SeeOther = 303
    NotModified = 304
    UseProxy = 305
    TemporaryRedirect = 307
    BadRequest = 400
    Unauthorized = 401
    PaymentRequired = 402
    Forbidden = 403
    NotFound = 404
    MethodNotAllowed = 405
    NotAcceptable = 406
    ProxyAuthenticationRequired = 407
    RequestTimeout = 408
    Conflict = 409
    Gone = 410
    LengthRequired = 411
    PreconditionFailed = 412
    RequestEntityTooLarge = 413
    RequestUriTooLong = 414
    UnsupportedMediaType = 415
    RequestedRangeNotSatisfiable = 416
    ExpectationFailed = 417
    UpgradeRequired = 426
    InternalServerError = 500
    NotImplemented = 501
    BadGateway = 502
    ServiceUnavailable = 503
    GatewayTimeout = 504
    HttpVersionNotSupported = 505


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
        FileSystemCmdletProviderEncoding,
        WebRequestMethod,
        CommandTypes,
        ExecutionPolicy,
        ExecutionPolicyScope,
    )
}


def enum_name(value: PSEnumBase | PSFlagBase) -> str:
    """The name in .NET of a member, or of flags that are set together."""
    return "None" if value.name == "none" else str(value.name).replace("|", ", ")
