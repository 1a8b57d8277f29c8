"""The objects that PowerShellGet writes: what it found, what it installed, and repositories.

Shapes: `groundtruth/pwsh76` find.latest and install.typical-passthru (from a folder), feed.find-required and
feed.install (over HTTP), repo.get-all. What a package's data does not say stays unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from psrpcore.types import PSDateTime, PSUri, PSVersion

from runner.lab.gallery import Offer
from runner.lab.machine import Machine
from runner.lab.module_info import ITEM_TYPE
from runner.lab.repositories import Dependency, Package, Repository
from runner.lab.values import (
    CUSTOM_OBJECT,
    HASHTABLE,
    OBJECT,
    OBJECT_ARRAY,
    ClrDict,
    ClrList,
    ClrObject,
    Unsimulated,
    custom_object,
)

_ORDERED = ("System.Collections.Specialized.OrderedDictionary", OBJECT)
_REPOSITORY_TYPE = ("Microsoft.PowerShell.Commands.PSRepository", *CUSTOM_OBJECT)
_NOTHING_IN = ("DscResource", "Cmdlet", "Workflow", "RoleCapability")


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a package was put, and when; `updated`: an older version of it was there."""

    folder: str
    moment: datetime
    updated: bool = False


def repository_object(repository: Repository) -> ClrObject:
    """What Get-PSRepository shows."""
    policy = "Trusted" if repository.trusted else "Untrusted"
    scripts = repository.location if repository.script_location is None else repository.script_location
    publish = repository.publish_location or repository.location
    properties: dict[str, object] = {
        "Name": repository.name,
        "SourceLocation": repository.location,
        "Trusted": repository.trusted,
        "Registered": True,
        "InstallationPolicy": policy,
        "PackageManagementProvider": "NuGet",
        "PublishLocation": publish,
        "ScriptSourceLocation": scripts,
        "ScriptPublishLocation": publish,
        "ProviderOptions": ClrDict({}, HASHTABLE),
    }
    return ClrObject(_REPOSITORY_TYPE, extended=properties)


def item_object(machine: Machine, offer: Offer, offered: Sequence[Package], placed: Placed | None) -> ClrObject:
    """The PSRepositoryItemInfo of a package that was found or, where it says so, installed."""
    package, repository = offer.package, offer.repository
    web = repository.is_web
    installed = None if placed is None else _date(machine, placed.moment)
    properties: dict[str, object] = {
        "Name": package.name,
        "Version": package.version,
        "Type": "Module",
        "Description": _known(package.description, "Description"),
        "Author": _known(package.author, "Author"),
        "CompanyName": custom_object({}) if web else _known(package.author, "CompanyName"),
        "Copyright": _known(package.copyright, "Copyright"),
        "PublishedDate": _published(machine, package) if web or placed is None else custom_object({}),
        "InstalledDate": installed,
        "UpdatedDate": installed if placed is not None and placed.updated else None,
        "LicenseUri": _uri(package.license_uri),
        "ProjectUri": _uri(package.project_uri) if package.project_uri else Unsimulated("ProjectUri"),
        "IconUri": None,
        "Tags": ClrList([*package.tags, "PSModule"], OBJECT_ARRAY),
        "Includes": _includes(package),
        "PowerShellGetFormatVersion": PSVersion(package.format_version) if package.format_version else None,
        "ReleaseNotes": _known(package.release_notes, "ReleaseNotes"),
        "Dependencies": ClrList([_dependency(one, repository) for one in package.dependencies], OBJECT_ARRAY),
        "RepositorySourceLocation": repository.location,
        "Repository": repository.name,
        "PackageManagementProvider": "NuGet",
        "AdditionalMetadata": _metadata(machine, offer, offered, placed),
    }
    if placed is not None:
        properties["InstalledLocation"] = placed.folder
    return ClrObject(ITEM_TYPE, extended=properties)


def _known(value: str | None, name: str) -> object:
    return Unsimulated(name) if value is None else value


def _uri(text: str | None) -> PSUri | None:
    return PSUri(text) if text else None


def _local(machine: Machine, moment: datetime) -> datetime:
    return moment.astimezone(timezone(timedelta(minutes=-machine.facts.time_zone_bias)))


def _date(machine: Machine, moment: datetime) -> PSDateTime:
    at = _local(machine, moment)
    return PSDateTime(at.year, at.month, at.day, at.hour, at.minute, at.second, at.microsecond, at.tzinfo)


def _published(machine: Machine, package: Package) -> object:
    return Unsimulated("PublishedDate") if package.published is None else _date(machine, package.published)


def _includes(package: Package) -> ClrDict:
    included: dict[object, object] = {name: ClrList([], OBJECT_ARRAY) for name in _NOTHING_IN}
    included |= {name: ClrList(list(package.functions), OBJECT_ARRAY) for name in ("Function", "Command")}
    return ClrDict(included, HASHTABLE)


def _dependency(dependency: Dependency, repository: Repository) -> ClrDict:
    version = f"[{dependency.exact}]" if dependency.exact else dependency.minimum or ""
    bound = "RequiredVersion" if dependency.exact else "MinimumVersion"
    canonical = f"powershellget:{dependency.name}/{version}#{repository.location}"
    bounds: dict[object, object] = {bound: dependency.exact or dependency.minimum} if version else {}
    return ClrDict({"Name": dependency.name, **bounds, "CanonicalId": canonical}, _ORDERED)


def _metadata(machine: Machine, offer: Offer, offered: Sequence[Package], placed: Placed | None) -> object:
    """AdditionalMetadata: what the NuGet package says of itself. Unknown as a whole where a part of it is."""
    package, repository = offer.package, offer.repository
    web = repository.is_web
    if None in (package.description, package.copyright, package.release_notes, package.author, package.published):
        return Unsimulated("AdditionalMetadata")
    values: dict[str, object] = {
        "summary": package.description,
        "description": package.description,
        "releaseNotes": package.release_notes,
        "copyright": package.copyright,
        "tags": _tag_text(package),
        "SourceName": repository.name,
        "PackageManagementProvider": "NuGet",
        "developmentDependency": "False",
        "requireLicenseAcceptance": str(package.licensed),
        **_latest(package, offered, web=web, placed=placed is not None),
    }
    if web or placed is None:
        values["published"] = _american(machine, package)
    if web:
        if None in (package.size, package.downloads, package.version_downloads, package.company):
            return Unsimulated("AdditionalMetadata")
        values |= _feed_metadata(machine, package)
    if placed is not None:
        values["InstalledLocation"] = placed.folder
        moment = _local(machine, placed.moment).isoformat()
        values |= {"installeddate": moment, **({"updateddate": moment} if placed.updated else {})}
    label = bool(package.parsed.label)
    values["IsPrerelease"] = str(label).lower() if web else label
    return custom_object(dict(sorted(values.items())))


def _feed_metadata(machine: Machine, package: Package) -> Mapping[str, object]:
    moment = _american(machine, package)
    updated = package.published.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if package.published else ""
    return {
        "title": package.name,
        "ItemType": "Module",
        "Authors": package.author,
        "CompanyName": package.company,
        "NormalizedVersion": package.version,
        "downloadCount": str(package.downloads),
        "versionDownloadCount": str(package.version_downloads),
        "packageSize": str(package.size),
        "created": moment,
        "lastUpdated": moment,
        "updated": updated,
    }


def _latest(package: Package, offered: Sequence[Package], *, web: bool, placed: bool) -> dict[str, object]:
    """Whether the source calls it the newest: a folder says so of all that is found, and of nothing installed."""
    if not web:
        return dict.fromkeys(("isLatestVersion", "isAbsoluteLatestVersion"), str(not placed))
    same = [one.parsed.rank for one in offered if one.name == package.name]
    released = [one.parsed.rank for one in offered if one.name == package.name and not one.parsed.label]
    return {
        "isLatestVersion": str(package.parsed.rank == max(released, default=None)),
        "isAbsoluteLatestVersion": str(package.parsed.rank == max(same, default=None)),
    }


def _tag_text(package: Package) -> str:
    commands = package.functions
    listed = (*(f"PSFunction_{name}" for name in commands), *(f"PSCommand_{name}" for name in commands))
    included = ("PSIncludes_Function", *listed) if commands else ()
    wanted = (f"PowerShellGetFormatVersion_{package.format_version}",) if package.format_version else ()
    return " ".join((*package.tags, "PSModule", *included, *wanted))


def _american(machine: Machine, package: Package) -> str:
    """A moment as .NET writes a DateTimeOffset in American English: 1/15/2025 1:00:00 PM +01:00."""
    if package.published is None:
        return ""
    local = _local(machine, package.published)
    minutes = -machine.facts.time_zone_bias
    sign, offset = "-" if minutes < 0 else "+", f"{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    clock = f"{local.hour % 12 or 12}:{local:%M:%S}"
    space = "\u202f" if machine.facts.powershell_version >= (6, 0) else " "  # .NET Framework knows no such space
    return f"{local.month}/{local.day}/{local.year} {clock}{space}{local:%p} {sign}{offset}"
