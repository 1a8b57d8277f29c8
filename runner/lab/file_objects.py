"""FileInfo and DirectoryInfo objects as the FileSystem provider writes them.

They have more properties than the lab keeps of a file; asking for one of those is refused by name, and so is sending
the whole object. Names: provider.getitem-*, object.select-fileinfo of `groundtruth/pwsh76`.
"""

from __future__ import annotations

from psrpcore.types import PSInt, PSInt64

from runner.lab.clock import local_time, universal_time
from runner.lab.cmdlet import Session
from runner.lab.drives import drive_object, provider_object
from runner.lab.file_paths import PROVIDER, FilePath, FileTarget
from runner.lab.files import File
from runner.lab.values import OBJECT, ClrObject, Unsimulated

_BASES = ("System.IO.FileSystemInfo", "System.MarshalByRefObject", OBJECT)
_UNKNOWN = (
    *("CreationTime", "CreationTimeUtc", "LastAccessTime", "LastAccessTimeUtc", "Attributes", "Mode"),
    *("ModeWithoutHardLink", "LinkType", "LinkTarget", "Target", "ResolvedTarget", "UnixFileMode", "Directory"),
    *("Parent", "Root", "IsReadOnly"),
)

_VERSION_PARTS = ("FileMajorPart", "FileMinorPart", "FileBuildPart", "FilePrivatePart")
_UNKNOWN_OF_A_VERSION = {
    name: Unsimulated(name)
    for name in (
        *("Comments", "CompanyName", "FileDescription", "InternalName", "IsDebug", "IsPatched", "IsPreRelease"),
        *("IsPrivateBuild", "IsSpecialBuild", "Language", "LegalCopyright", "LegalTrademarks", "OriginalFilename"),
        *("PrivateBuild", "ProductName", "ProductVersion", "SpecialBuild"),
    )
}


def file_object(session: Session, target: FileTarget) -> ClrObject:
    """The object of a file or folder."""
    path, node = target.path, target.node
    modified = local_time(session.machine, node.modified)
    is_file = isinstance(node, File)
    name = node.name if path.leaf else path.full
    adapted: dict[str, object] = {"Name": name}
    if isinstance(node, File):
        adapted["Length"] = PSInt64(len(node.data))
        adapted["DirectoryName"] = path.parent
    adapted.update(
        {
            "Exists": True,
            "FullName": path.shown,
            "Extension": _extension(name),
            "LastWriteTime": modified,
            "LastWriteTimeUtc": universal_time(node.modified),
        }
    )
    adapted.update({name: Unsimulated(name) for name in _UNKNOWN})
    extended: dict[str, object] = {
        **path_notes(path),
        "PSDrive": drive_object(session, "C") if path.through_drive else None,
        "PSProvider": provider_object(session, "FileSystem"),
        "PSIsContainer": not is_file,
    }
    if isinstance(node, File):
        extended["VersionInfo"] = _version_info(path, node)
    extended["BaseName"] = name.removesuffix(_extension(name)) if is_file else name
    names = ("System.IO.FileInfo" if is_file else "System.IO.DirectoryInfo", *_BASES)
    return ClrObject(names, adapted, extended, path.full)


def _version_info(path: FilePath, file: File) -> ClrObject:
    """What Windows reads of a program's version; of a file without one, no text and four zeros.

    Properties of System.Diagnostics.FileVersionInfo, of which the lab knows the version's numbers and text.
    """
    names = ("System.Diagnostics.FileVersionInfo", OBJECT)
    numbers = [PSInt(part) for part in (file.version or "0.0.0.0").split(".")]
    known: dict[str, object] = {"FileName": path.shown, "FileVersion": file.version or None}
    return ClrObject(names, {**known, **dict(zip(_VERSION_PARTS, numbers, strict=True)), **_UNKNOWN_OF_A_VERSION})


def path_notes(path: FilePath) -> dict[str, object]:
    """The notes that the provider puts on what it writes."""
    return {
        "PSPath": f"{PROVIDER}::{path.shown}",
        "PSParentPath": f"{PROVIDER}::{path.parent}" if path.parent else "",
        "PSChildName": path.leaf or path.full,
    }


def _extension(name: str) -> str:
    head, dot, tail = name.rpartition(".")
    return f".{tail}" if dot and tail and (head or dot) else ""
