"""What a command accepts: its parameters and parameter sets, read from PowerShell's own syntax notation.

One line per parameter set, as `Get-Command -Syntax` prints it, without the command's name and the common parameters:
`[-Path] <String[]> [[-Name] <String[]>] [-Filter <String>] [-Force]`. A name in brackets is positional, everything in
brackets optional, without a type it is a switch. One addition: `-Depth@5.0` exists from that PowerShell version on and
`-ComputerName@3.0-5.1` also ends at one; so does a parameter set, as `Name@6.0` or `Name@3.0-5.1`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

SWITCH = "System.Management.Automation.SwitchParameter"
Version = tuple[int, ...]

# Types of Exchange, which its reference pages name without a namespace.
EXCHANGE_TEXTS = ("AuthServerIdParameter", "Fqdn", "ServerIdParameter", "VirtualDirectoryIdParameter")
EXCHANGE_LISTS = ("MultiValuedProperty",)
EXCHANGE_TYPES = (
    *(*EXCHANGE_TEXTS, *EXCHANGE_LISTS, "ClientCertAuthTypes", "ExtendedProtectionTokenCheckingMode", "GzipLevel"),
    *("RemoteDocumentsActions", "Unlimited"),
)
_TYPES = {
    "ActionPreference": "System.Management.Automation.ActionPreference",
    **{name: name for name in EXCHANGE_TYPES},
    "CimClass": "Microsoft.Management.Infrastructure.CimClass",
    "CimSession": "Microsoft.Management.Infrastructure.CimSession",
    "DisplayHintType": "Microsoft.PowerShell.Commands.DisplayHintType",
    "Assembly": "System.Reflection.Assembly",
    "ModuleSpecification": "Microsoft.PowerShell.Commands.ModuleSpecification",
    "PSModuleInfo": "System.Management.Automation.PSModuleInfo",
    "PSSession": "System.Management.Automation.Runspaces.PSSession",
    "PSTypeName": "System.Management.Automation.PSTypeName",
    "ScopedItemOptions": "System.Management.Automation.ScopedItemOptions",
    "SessionStateEntryVisibility": "System.Management.Automation.SessionStateEntryVisibility",
    "CimInstance": "Microsoft.Management.Infrastructure.CimInstance",
    "CommandTypes": "System.Management.Automation.CommandTypes",
    "ConsoleColor": "System.ConsoleColor",
    "DateTime": "System.DateTime",
    "Encoding": "System.Text.Encoding",
    "FileSystemCmdletProviderEncoding": "Microsoft.PowerShell.Commands.FileSystemCmdletProviderEncoding",
    "ErrorCategory": "System.Management.Automation.ErrorCategory",
    "ErrorRecord": "System.Management.Automation.ErrorRecord",
    "ExecutionPolicy": "Microsoft.PowerShell.ExecutionPolicy",
    "JsonDateKind": "Microsoft.PowerShell.Commands.JsonDateKind",
    "ExecutionPolicyScope": "Microsoft.PowerShell.ExecutionPolicyScope",
    "IDictionary": "System.Collections.IDictionary",
    "PSCredential": "System.Management.Automation.PSCredential",
    "SecureString": "System.Security.SecureString",
    "UnixDomainSocketEndPoint": "System.Net.Sockets.UnixDomainSocketEndPoint",
    "WebAuthenticationType": "Microsoft.PowerShell.Commands.WebAuthenticationType",
    "WebSslProtocol": "Microsoft.PowerShell.Commands.WebSslProtocol",
    "WebRequestMethod": "Microsoft.PowerShell.Commands.WebRequestMethod",
    "WebRequestSession": "Microsoft.PowerShell.Commands.WebRequestSession",
    "X509Certificate": "System.Security.Cryptography.X509Certificates.X509Certificate",
    "PSObject": "System.Management.Automation.PSObject",
    "RegistryValueKind": "Microsoft.Win32.RegistryValueKind",
    "ScriptBlock": "System.Management.Automation.ScriptBlock",
    "SoftwareIdentity": "Microsoft.PackageManagement.Packaging.SoftwareIdentity",
    "ServiceController": "System.ServiceProcess.ServiceController",
    "ServiceStartMode": "System.ServiceProcess.ServiceStartMode",
    "ServiceStartupType": "Microsoft.PowerShell.Commands.ServiceStartupType",
    "Stream": "System.IO.Stream",
    "TestPathType": "Microsoft.PowerShell.Commands.TestPathType",
}
_CHUNK = re.compile(
    r"\[{0,2}-(?P<name>\w+)(?:@(?P<since>[\d.]+)(?:-(?P<until>[\d.]+))?)?\]?(?: <(?P<type>[^>]+)>)?\]?(?: |$)"
)


@dataclass(frozen=True, slots=True)
class InSet:
    """A parameter's part in one parameter set."""

    mandatory: bool
    position: int | None


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a command."""

    name: str
    type_name: str
    sets: Mapping[str, InSet]
    aliases: tuple[str, ...] = ()
    by_value: bool = False
    by_name: bool = False
    remaining: bool = False
    accepts_null: bool = False
    choices: tuple[str, ...] = ()
    pattern: str = ""
    common: bool = False

    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)


@dataclass(frozen=True, slots=True)
class Traits:
    """What the syntax notation does not say about a parameter.

    An alias or a choice may carry the version that brought it, as "LP@6.0", and the last that has it, as "d@3.0-5.1".
    `pipeline` is "value", "name" or "value name"; `remaining` takes all further positional arguments; `accepts_null`
    lets a mandatory parameter be null or empty; `choices` is a ValidateSet.
    """

    aliases: tuple[str, ...] = ()
    pipeline: str = ""
    remaining: bool = False
    accepts_null: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Signature:
    """All parameters of a command in one PowerShell version, also by (case-folded) name and alias."""

    parameters: tuple[Parameter, ...]
    sets: tuple[str, ...]
    default_set: str | None
    by_name: Mapping[str, Parameter]
    mandatory: Mapping[str, tuple[Parameter, ...]]


_NO_TRAITS = Traits()


def parse_version(text: str) -> Version:
    """A dotted version as numbers."""
    return tuple(int(part) for part in text.split("."))


def read_signature(
    syntax: Mapping[str, str], traits: Mapping[str, Traits], default_set: str | None, version: Version
) -> Signature:
    """The signature that the syntax lines (by parameter set) and traits (by parameter) describe, in one version."""
    found: dict[str, Parameter] = {}
    named: set[str] = set()
    sets: list[str] = []
    for versioned, line in syntax.items():
        set_name, _, span = versioned.partition("@")
        since, _, until = span.partition("-")
        set_exists = _is_within(version, since, until)
        sets += [set_name] if set_exists else []
        position = 0
        for chunk in _chunks(line):
            name, text = chunk["name"], chunk[0]
            named.add(name)
            if set_exists and _exists(chunk, version):
                positional = "] <" in text
                optional = text.startswith("[[") or (text.startswith("[") and not positional)
                here = InSet(mandatory=not optional, position=position if positional else None)
                position += positional
                known = found.get(name) or _parameter(name, chunk["type"], traits.get(name, _NO_TRAITS), version)
                found[name] = replace(known, sets={**known.sets, set_name: here})
    if traits.keys() - named:
        raise ValueError(f"traits for parameters that no syntax names: {sorted(traits.keys() - named)}")
    return make_signature((*found.values(), *common_parameters(version, tuple(sets))), tuple(sets), default_set)


def make_signature(parameters: tuple[Parameter, ...], sets: tuple[str, ...], default_set: str | None) -> Signature:
    """The signature of these parameters."""
    by_name = {name.casefold(): parameter for parameter in parameters for name in parameter.names()}
    mandatory = {s: tuple(p for p in parameters if s in p.sets and p.sets[s].mandatory) for s in sets}
    return Signature(parameters, sets, default_set, by_name, mandatory)


def _chunks(line: str) -> list[re.Match[str]]:
    chunks: list[re.Match[str]] = []
    text = " ".join(line.split())
    position = 0
    while position < len(text):
        match = _CHUNK.match(text, position)
        if match is None:
            raise ValueError(f"not in the syntax notation: {text[position:]}")
        chunks.append(match)
        position = match.end()
    return chunks


def _exists(chunk: re.Match[str], version: Version) -> bool:
    return _is_within(version, chunk["since"], chunk["until"])


def _is_within(version: Version, since: str | None, until: str | None) -> bool:
    if since and version < parse_version(since):
        return False
    return not (until and version[: len(parse_version(until))] > parse_version(until))


def _parameter(name: str, written_type: str | None, traits: Traits, version: Version) -> Parameter:
    return Parameter(
        name,
        _full_type(written_type),
        {},
        tuple(_existing(traits.aliases, version)),
        by_value="value" in traits.pipeline,
        by_name="name" in traits.pipeline,
        remaining=traits.remaining,
        accepts_null=traits.accepts_null,
        choices=tuple(_existing(traits.choices, version)),
    )


def _existing(versioned: tuple[str, ...], version: Version) -> Iterator[str]:
    for one in versioned:
        text, _, span = one.partition("@")
        since, _, until = span.partition("-")
        if _is_within(version, since, until):
            yield text


def _full_type(written: str | None) -> str:
    if written is None:
        return SWITCH
    base = written.removesuffix("[]")
    return _TYPES.get(base, f"System.{base}") + written[len(base) :]


_COMMON: tuple[tuple[str, str | None, tuple[str, ...], Version], ...] = (
    ("Verbose", None, ("vb",), (3, 0)),
    ("Debug", None, ("db",), (3, 0)),
    ("ErrorAction", "ActionPreference", ("ea",), (3, 0)),
    ("WarningAction", "ActionPreference", ("wa",), (3, 0)),
    ("InformationAction", "ActionPreference", ("infa",), (5, 0)),
    ("ProgressAction", "ActionPreference", ("proga",), (7, 4)),
    ("ErrorVariable", "String", ("ev",), (3, 0)),
    ("WarningVariable", "String", ("wv",), (3, 0)),
    ("InformationVariable", "String", ("iv",), (5, 0)),
    ("OutVariable", "String", ("ov",), (3, 0)),
    ("OutBuffer", "Int32", ("ob",), (3, 0)),
    ("PipelineVariable", "String", ("pv",), (4, 0)),
)


def common_parameters(version: Version, sets: tuple[str, ...]) -> tuple[Parameter, ...]:
    """The parameters that every cmdlet and advanced function has."""
    everywhere = {name: InSet(mandatory=False, position=None) for name in sets}
    return tuple(
        Parameter(name, _full_type(written), everywhere, aliases, common=True)
        for name, written, aliases, since in _COMMON
        if version >= since
    )
