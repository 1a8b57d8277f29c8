r"""The NuGet provider as files of a machine: `ProviderAssemblies\nuget\<version>`, with its library.

Where it lies: domain.md 4.5 and Microsoft's page "Bootstrap the NuGet provider": below Program Files for all users,
below the account's LocalAppData for itself. A folder that was copied there counts as well as an installed one.
PowerShell 6 and later brings one along (pwsh76 pkgprov.name).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from runner.lab.cmdlet import Session
from runner.lab.files import File, FileTree, Folder
from runner.lab.repositories import parse_version
from runner.lab.signature import Version

LIBRARY: Final = "Microsoft.PackageManagement.NuGetProvider.dll"
SHIPPED: Final = "3.0.0.1"
NEWEST: Final = "2.8.5.208"  # what the bootstrapping site offers: domain.md 4.5 (>= 2.8.5.201), PSGET
LEAST: Final = "2.8.5.201"
ALL_USERS: Final = "C:\\Program Files\\PackageManagement\\ProviderAssemblies"
_SHIPPED_FOLDER = "C:\\Program Files\\PowerShell\\7\\Modules\\PackageManagement\\coreclr\\netstandard2.0"


@dataclass(frozen=True, slots=True)
class NuGetProvider:
    version: str
    path: str


def of_user(user: str) -> str:
    """Where the providers of an account lie."""
    return f"C:\\Users\\{user}\\AppData\\Local\\PackageManagement\\ProviderAssemblies"


def provider_path(folder: str, version: str) -> str:
    return f"{folder}\\nuget\\{version}\\{LIBRARY}"


def shipped_path(powershell: Version) -> str | None:
    """Where the provider that comes with PowerShell lies; None where none comes."""
    return f"{_SHIPPED_FOLDER}\\{LIBRARY}" if powershell >= (6, 0) else None


def nuget_providers(session: Session) -> list[NuGetProvider]:
    """The NuGet providers that a process can use, the newest first."""
    files = session.machine.files
    shipped = shipped_path(session.version)
    found = [NuGetProvider(SHIPPED, shipped)] if shipped and isinstance(files.find(shipped), File) else []
    for folder in (ALL_USERS, of_user(session.user)):
        found += _in_folder(files, folder)
    return sorted(found, key=lambda provider: _rank(provider.version), reverse=True)


def has_nuget(session: Session) -> bool:
    """Whether a NuGet provider is there that PowerShellGet takes: 2.8.5.201 or later."""
    return any(_rank(provider.version) >= _rank(LEAST) for provider in nuget_providers(session))


def _in_folder(files: FileTree, folder: str) -> list[NuGetProvider]:
    versions = files.find(f"{folder}\\nuget")
    return [
        NuGetProvider(entry.name, f"{folder}\\nuget\\{entry.name}\\{LIBRARY}")
        for entry in (versions.entries.values() if isinstance(versions, Folder) else ())
        if isinstance(entry, Folder) and isinstance(entry.entry(LIBRARY), File) and parse_version(entry.name)
    ]


def _rank(version: str) -> tuple[int, ...]:
    parsed = parse_version(version)
    return parsed.numbers if parsed else ()
