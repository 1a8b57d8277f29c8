"""PSDriveInfo and ProviderInfo objects, as the providers put them on what they write; made once per session.

Shapes: cases reg-gi-*, oth-env, pol-config-file of `groundtruth/pwsh76`. What only PowerShell 6 and later has is left
out before it.
"""

from __future__ import annotations

from dataclasses import dataclass

from psrpcore.types import PSChar, PSInt64

from runner.lab.cmdlet import Session
from runner.lab.registry import HIVES
from runner.lab.values import OBJECT, ClrList, ClrObject

_DISK = PSInt64(128 * 1024**3)
_FREE = PSInt64(64 * 1024**3)
_COLLECTION = (
    "System.Collections.ObjectModel.Collection`1[[System.Management.Automation.PSDriveInfo, "
    "System.Management.Automation]]",
    OBJECT,
)


@dataclass(frozen=True, slots=True)
class _Provider:
    name: str
    drives: tuple[str, ...]
    capabilities: str
    old_capabilities: str
    alternative_separator: int


_PROVIDERS = {
    "Registry": _Provider("Registry", ("HKLM", "HKCU"), "ShouldProcess", "ShouldProcess, Transactions", 92),
    "Environment": _Provider("Environment", ("Env",), "ShouldProcess", "ShouldProcess", 47),
    "FileSystem": _Provider(
        "FileSystem", ("C",), "Filter, ShouldProcess, Credentials", "Filter, ShouldProcess, Credentials", 47
    ),
    "Variable": _Provider("Variable", ("Variable",), "ShouldProcess", "ShouldProcess", 47),
}
_DESCRIPTIONS = {
    "HKLM": "The configuration settings for the local computer",
    "HKCU": "The software settings for the current user",
    "Variable": "Drive that contains a view of those variables stored in a session state",
    "Env": "Drive that contains a view of the environment variables for the process",
}


def drive_object(session: Session, name: str) -> ClrObject:
    """The PSDriveInfo of a drive of this machine."""
    if name not in session.drives:
        provider = next(p for p in _PROVIDERS.values() if name in p.drives)
        _make(session, provider)
    return session.drives[name]


def provider_object(session: Session, name: str) -> ClrObject:
    """The ProviderInfo of a provider."""
    key = f"provider {name}"
    if key not in session.drives:
        _make(session, _PROVIDERS[name])
    return session.drives[key]


def _make(session: Session, provider: _Provider) -> None:
    core = session.version >= (6, 0)
    for name in provider.drives:
        session.drives[name] = _drive(session, provider, name, core=core)
    drives: list[object] = [session.drives[name] for name in provider.drives]
    if provider.name == "FileSystem" and core:
        drives.append("Temp")
    properties: dict[str, object] = {
        "ImplementingType": f"Microsoft.PowerShell.Commands.{provider.name}Provider",
        "HelpFile": "System.Management.Automation.dll-Help.xml",
        "Name": provider.name,
        "PSSnapIn": "Microsoft.PowerShell.Core",
        "ModuleName": "Microsoft.PowerShell.Core",
        "Module": None,
        "Description": "",
        "Capabilities": provider.capabilities if core else provider.old_capabilities,
        "Home": f"C:\\Users\\{session.user}" if provider.name == "FileSystem" else "",
        "Drives": ClrList(drives, _COLLECTION),
    }
    if core:
        separator = PSChar(provider.alternative_separator)
        properties.update({"VolumeSeparatedByColon": True, "ItemSeparator": PSChar(92), "AltItemSeparator": separator})
    names = ("System.Management.Automation.ProviderInfo", OBJECT)
    text = f"Microsoft.PowerShell.Core\\{provider.name}"
    session.drives[f"provider {provider.name}"] = ClrObject(names, properties, {}, text)


def _drive(session: Session, provider: _Provider, name: str, *, core: bool) -> ClrObject:
    type_name = "System.Management.Automation.PSCredential"
    credential = ClrObject((type_name, OBJECT), {"UserName": None, "Password": None}, {}, type_name)
    disk = provider.name == "FileSystem"
    properties: dict[str, object] = {
        "CurrentLocation": f"Users\\{session.user}\\Documents" if disk else "",
        "Name": name,
        "Provider": f"Microsoft.PowerShell.Core\\{provider.name}",
        "Root": f"{name}:\\" if disk else HIVES.get(name, ""),
        "Description": _DESCRIPTIONS.get(name, ""),
        "MaximumSize": None,
        "Credential": credential,
        "DisplayRoot": None,
    }
    if core:
        properties["VolumeSeparatedByColon"] = True
    sizes: dict[str, object] = {"Used": PSInt64(_DISK - _FREE), "Free": _FREE} if disk else {"Used": "", "Free": ""}
    names = ("System.Management.Automation.PSDriveInfo", OBJECT)
    return ClrObject(names, properties, sizes, name, scripted=frozenset(sizes))
