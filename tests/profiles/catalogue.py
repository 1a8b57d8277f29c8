"""The profiles that what we send is held against, and what each is put together from.

The traps of groundtruth/README.md section 1, one by one: 1 and 2 in `reading`; 3 is COMMON; 4: PowerShellGet and
PackageManagement come from their own pages; 5 is DYNAMIC; 6 and 8: the values of enumerations are in `fitting`; 7: the
roles come from docs-winserver; 9: Server 2022 and 2025 are documented, not captured.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from tests.profiles.reading import Commands, read_commands, read_native, read_syntax, with_flags
from tests.profiles.shape import ALL, CommandProfile, ParameterProfile, Place

_ACTION = "System.Management.Automation.ActionPreference"
# about_CommonParameters: name, type, the first PowerShell that has it. -WhatIf and -Confirm are in the profiles.
COMMON: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("Verbose", "System.Management.Automation.SwitchParameter", (3, 0)),
    ("Debug", "System.Management.Automation.SwitchParameter", (3, 0)),
    ("ErrorAction", _ACTION, (3, 0)),
    ("WarningAction", _ACTION, (3, 0)),
    ("InformationAction", _ACTION, (5, 0)),
    ("ProgressAction", _ACTION, (7, 4)),
    ("ErrorVariable", "System.String", (3, 0)),
    ("WarningVariable", "System.String", (3, 0)),
    ("InformationVariable", "System.String", (5, 0)),
    ("OutVariable", "System.String", (3, 0)),
    ("OutBuffer", "System.Int32", (3, 0)),
    ("PipelineVariable", "System.String", (4, 0)),
)


@dataclass(frozen=True, slots=True)
class Dynamic:
    """A parameter that a provider adds: it exists only where the command's path is one of that provider."""

    command: str
    parameter: str
    type: str
    paths: tuple[str, ...]  # how such a path begins, folded
    source: str


_REGISTRY = ("hklm:", "hkcu:", "registry::")
_REGISTRY_PAGE = "docs/ps5.1.about_Registry_Provider.md"
DYNAMIC = (
    Dynamic("Set-ItemProperty", "Type", "Microsoft.Win32.RegistryValueKind", _REGISTRY, _REGISTRY_PAGE),
    Dynamic("Set-Item", "Type", "Microsoft.Win32.RegistryValueKind", _REGISTRY, _REGISTRY_PAGE),
)

_CERTIFICATE = ("CodeSigningCert", "DnsName", "DocumentEncryptionCert", "Eku", "ExpiringInDays")
# What the pages of 5.1 and 7.x list and the captured Server 2019 (5.1) has not, all 27: parameters of providers that
# we send nothing to, and the last two, which are PowerShell 6's. A statement that needs one must be added to DYNAMIC.
NOT_OWN: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Get-ChildItem": (*_CERTIFICATE, "SSLServerAuthentication"),
        "Get-Item": (*_CERTIFICATE, "SSLServerAuthentication"),
        "Remove-Item": ("DeleteKey",),  # Certificate
        "New-Item": (  # WSMan; Alias, Function and Variable have -Options
            *("ApplicationName", "Authentication", "CertificateThumbprint", "ConnectionURI", "OptionSet", "Options"),
            *("Port", "SessionOption", "UseSSL"),
        ),
        "Set-Item": ("Options", "Type"),
        "Set-ItemProperty": ("Type",),
    }
)
NOT_IN_51: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"Get-ChildItem": ("FollowSymlink",), "Format-Table": ("RepeatHeader",)}
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a profile comes from; files are named without folder and ending.

    `core` is the reference of PowerShell itself: the commands of a documented machine, the flags that a captured one
    lost. `beside` are the references of what is no part of PowerShell; of a captured machine they give only modules
    that the capture cannot hold (traps 4 and 7). `syntax` is an engine's own text for more of the lost flags.
    `native` is the capture whose programs count: for a documented Windows the last one that was captured.
    """

    name: str
    powershell: tuple[int, ...]
    core: str
    beside: tuple[str, ...] = ()
    captured: str = ""
    syntax: str = ""
    native: str = ""
    kind: str = "windows"  # or "exchange": an endpoint with commands of its own


def _captured(name: str, build: str, powershell: str, core: str, beside: tuple[str, ...], syntax: str) -> Source:
    machine = f"win-8_x64_{build}.0_{powershell}_x64_4.0.30319.42000_framework"
    version = tuple(int(part) for part in powershell.split(".")[:2])
    return Source(name, version, core, beside, machine, syntax, machine)


_PS51 = "docs-powershell-5.1"
_SYNTAX51 = "desktop-5.1.14393.206-windows"
_2016, _2019 = ("10.0.14393", "5.1.14393.2636"), ("10.0.17763", "5.1.17763.134")
_CAPTURED = (
    _captured("Server 2012", "6.2.9200", "3.0", "docs-powershell-3.0", (), "desktop-3.0-windows"),
    _captured("Server 2012 R2", "6.3.9600", "4.0", "docs-powershell-4.0", (), "desktop-4.0-windows"),
    _captured("Server 2016", *_2016, _PS51, ("docs-winserver2016", "docs-powershellget-1.x"), _SYNTAX51),
    _captured("Server 2019", *_2019, _PS51, ("docs-winserver2019", "docs-powershellget-1.x"), _SYNTAX51),
    _captured(
        "Server 2019, PowerShellGet 2", *_2019, _PS51, ("docs-winserver2019", "docs-powershellget-2.x"), _SYNTAX51
    ),
)
_LAST = _CAPTURED[-1].captured
SOURCES = (
    *_CAPTURED,
    Source("Server 2022", (5, 1), _PS51, ("docs-winserver2022", "docs-powershellget-1.x"), native=_LAST),
    Source("Server 2025", (5, 1), _PS51, ("docs-winserver2025", "docs-powershellget-1.x"), native=_LAST),
    Source("PowerShell 7.6", (7, 6), "docs-powershell-7.6", ("docs-powershellget-2.x",), native=_LAST),
    Source("Exchange", (5, 1), "docs-exchange", kind="exchange"),
)
NAMES = tuple(source.name for source in SOURCES)


@dataclass(frozen=True, slots=True)
class Profile:
    """One machine, or one endpoint, and all its commands."""

    name: str
    powershell: tuple[int, ...]
    kind: str
    commands: Commands
    native: frozenset[str]

    def find(self, name: str) -> CommandProfile | None:
        """A command by its whole name; no alias, which a user may have taken away."""
        return self.commands.get(name.casefold())

    def common(self, name: str) -> ParameterProfile | None:
        """A common parameter (trap 3) of this PowerShell."""
        for own, type_name, since in COMMON:
            if own.casefold() == name.casefold() and self.powershell >= since:
                return ParameterProfile(own, type_name, {ALL: Place()})
        return None


def load(groundtruth: Path, name: str) -> Profile:
    """The profile of one of NAMES."""
    return _load(groundtruth, next(source for source in SOURCES if source.name == name))


@functools.cache
def _load(groundtruth: Path, source: Source) -> Profile:
    core = read_commands(groundtruth / "psca-docs" / f"{source.core}.json.xz")
    beside = [read_commands(groundtruth / "psca-docs" / f"{name}.json.xz") for name in source.beside]
    commands = dict(core)
    if source.captured:
        syntax = read_syntax(groundtruth / "psca" / "engine-settings" / f"{source.syntax}.json.xz")
        captured = read_commands(groundtruth / "psca" / f"{source.captured}.json.xz")
        commands = dict(with_flags(captured, (core, *beside), syntax))
    modules = {command.module for command in commands.values()} if source.captured else set()
    for pages in beside:
        commands |= {name: command for name, command in pages.items() if command.module not in modules}
    native = read_native(groundtruth / "psca" / f"{source.native}.json.xz") if source.native else frozenset()
    own = {name: _without(command, source.powershell) for name, command in commands.items()}
    return Profile(source.name, source.powershell, source.kind, own, native)


def _without(command: CommandProfile, powershell: tuple[int, ...]) -> CommandProfile:
    """The command without what the pages wrongly give it."""
    strangers = (*NOT_OWN.get(command.name, ()), *(NOT_IN_51.get(command.name, ()) if powershell < (6, 0) else ()))
    folded = {name.casefold() for name in strangers}
    parameters = {name: parameter for name, parameter in command.parameters.items() if name not in folded}
    return replace(command, parameters=parameters)


def dynamic(command: str, parameter: str, paths: tuple[str, ...]) -> ParameterProfile | None:
    """A provider's parameter (trap 5), if all of these paths are of that provider and there is one."""
    for one in DYNAMIC:
        if (one.command.casefold(), one.parameter.casefold()) == (command.casefold(), parameter.casefold()):
            if paths and all(path.casefold().startswith(one.paths) for path in paths):
                return ParameterProfile(one.parameter, one.type, {ALL: Place(by_name=True)})
            return None
    return None
