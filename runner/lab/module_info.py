"""PSGetModuleInfo.xml: what PowerShellGet leaves in the folder of a module that it installed.

It is the PSRepositoryItemInfo that Get-InstalledModule gives (pwsh76 installed.one), as Export-Clixml writes it; a
folder without it was copied by hand (gallery.md M1, domain.md 4.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from xml.etree import ElementTree

from psrpcore.types import PSCryptoProvider, PSDateTime, PSUri, serialize_clixml

from runner.lab.module_manifest import Manifest, as_texts
from runner.lab.values import CUSTOM_OBJECT, HASHTABLE, OBJECT_ARRAY, ClrDict, ClrList, ClrObject, custom_object
from runner.lab.wire import to_wire

INFO_FILE = "PSGetModuleInfo.xml"
ITEM_TYPE = ("Microsoft.PowerShell.Commands.PSRepositoryItemInfo", *CUSTOM_OBJECT)
_NAMESPACE = "{http://schemas.microsoft.com/powershell/2004/04}"
_INCLUDES = ("Workflow", "RoleCapability", "Command", "DscResource", "Function", "Cmdlet")


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryItem:
    """An installed module as PowerShellGet knows it. `version` has its label; `location` is that of the repository."""

    name: str
    version: str
    description: str = ""
    author: str = ""
    owners: str = ""
    copyright: str = ""
    license_uri: str = ""
    project_uri: str = ""
    icon_uri: str = ""
    tags: tuple[str, ...] = ()
    release_notes: str = ""
    repository: str
    location: str
    installed: datetime
    folder: str

    def as_object(self) -> ClrObject:
        """The object that Get-InstalledModule gives, its properties in the recorded order."""
        properties: dict[str, object] = {
            "Name": self.name,
            "Version": self.version,
            "Type": "Module",
            "Description": self.description,
            "Author": self.author,
            "CompanyName": self.owners or self.author,
            "Copyright": self.copyright,
            "PublishedDate": custom_object({}),
            "InstalledDate": PSDateTime.fromtimestamp(self.installed.timestamp(), self.installed.tzinfo),
            "UpdatedDate": None,
            "LicenseUri": _uri(self.license_uri),
            "ProjectUri": _uri(self.project_uri),
            "IconUri": _uri(self.icon_uri),
            "Tags": ClrList([*self.tags, "PSModule"], OBJECT_ARRAY),
            "Includes": ClrDict({name: ClrList([], OBJECT_ARRAY) for name in _INCLUDES}, HASHTABLE),
            "PowerShellGetFormatVersion": None,
            "ReleaseNotes": self.release_notes,
            "Dependencies": ClrList([], OBJECT_ARRAY),
            "RepositorySourceLocation": self.location,
            "Repository": self.repository,
            "PackageManagementProvider": "NuGet",
            "AdditionalMetadata": self._metadata(),
            "InstalledLocation": self.folder,
        }
        return ClrObject(ITEM_TYPE, extended=properties)

    def _metadata(self) -> ClrObject:
        return custom_object(
            {
                "summary": self.description,
                "tags": " ".join((*self.tags, "PSModule")),
                "copyright": self.copyright,
                "SourceName": self.repository,
                "releaseNotes": self.release_notes,
                "installeddate": self.installed.isoformat(),
                "PackageManagementProvider": "NuGet",
                "Type": "Module",
                "description": self.description,
                "InstalledLocation": self.folder,
                "IsPrerelease": "-" in self.version,
            }
        )

    def as_file(self) -> bytes:
        """The content of PSGetModuleInfo.xml."""
        return serialize_clixml(to_wire(self.as_object()), PSCryptoProvider()).encode()


def gallery_item(
    name: str, manifest: Manifest, *, repository: str, location: str, installed: datetime, folder: str
) -> GalleryItem:
    """The item of a module with this manifest, installed from a repository."""
    return GalleryItem(
        name=name,
        version=f"{manifest.version}-{manifest.label}" if manifest.label else manifest.version,
        description=manifest.text("Description"),
        author=manifest.text("Author"),
        copyright=manifest.text("Copyright"),
        license_uri=_data(manifest, "LicenseUri"),
        project_uri=_data(manifest, "ProjectUri"),
        icon_uri=_data(manifest, "IconUri"),
        tags=as_texts(manifest.gallery_data("Tags")) or (),
        release_notes=_data(manifest, "ReleaseNotes"),
        repository=repository,
        location=location,
        installed=installed,
        folder=folder,
    )


def read_item(data: bytes) -> GalleryItem | None:
    """What a PSGetModuleInfo.xml says; None for a damaged one."""
    try:
        root = ElementTree.fromstring(data)
    except ElementTree.ParseError:
        return None
    members = root.find(f"{_NAMESPACE}Obj/{_NAMESPACE}MS")
    if root.tag != f"{_NAMESPACE}Objs" or members is None:
        return None
    found = {member.get("N", ""): member for member in members}

    def text(name: str) -> str:
        member = found.get(name)
        return "" if member is None else member.text or ""

    try:
        installed = datetime.fromisoformat(text("InstalledDate"))
    except ValueError:
        return None
    tags = found.get("Tags")
    return GalleryItem(
        name=text("Name"),
        version=text("Version"),
        description=text("Description"),
        author=text("Author"),
        owners=text("CompanyName"),
        copyright=text("Copyright"),
        license_uri=text("LicenseUri"),
        project_uri=text("ProjectUri"),
        icon_uri=text("IconUri"),
        tags=() if tags is None else _tags(tags),
        release_notes=text("ReleaseNotes"),
        repository=text("Repository"),
        location=text("RepositorySourceLocation"),
        installed=installed,
        folder=text("InstalledLocation"),
    )


def _tags(member: ElementTree.Element) -> tuple[str, ...]:
    return tuple(tag.text or "" for tag in member.iter(f"{_NAMESPACE}S") if tag.text != "PSModule")


def _data(manifest: Manifest, name: str) -> str:
    value = manifest.gallery_data(name)
    return "" if value is None else str(value)


def _uri(text: str) -> PSUri | None:
    return PSUri(text) if text else None
