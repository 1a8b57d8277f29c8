r"""Copies of a module on a host: where each lies, for whom, and which files belong to it.

A copy has a folder of its version, or, unzipped by hand, lies in the module's folder itself. Windows lists the latter
only as long as no folder of a version lies beside it (groundtruth/pwsh76/gallery.md, M2): its folder is then the one
that holds all the others, so that it must never be removed as a folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PureWindowsPath

from runner.model.command import Reply, ReplyState, Statement, command
from runner.model.state import Unreadable
from runner.model.value import PSObject
from runner.modules.base import why_unread
from runner.modules.psmodule_folders import remove
from runner.modules.psmodule_versions import is_version, same
from runner.modules.registry import fold

_GALLERY_MARK = "PSGetModuleInfo.xml"  # beside the manifest of what PowerShellGet installed (M1; domain.md 4.4)
_ALL_USERS = "\\program files\\windowspowershell\\modules\\"
_WINDOWS_POWERSHELL = "\\windowspowershell\\modules\\"


@dataclass(frozen=True, slots=True)
class Copy:
    """One version of a module on the host; `folder` holds its manifest, and maybe more than this copy."""

    name: str
    version: str
    folder: str

    @property
    def has_own_folder(self) -> bool:
        return has_own_folder(self.folder, self.version)

    @property
    def module_folder(self) -> str:
        """The folder with the module's name."""
        return str(PureWindowsPath(self.folder).parent) if self.has_own_folder else self.folder

    @property
    def mark(self) -> str:
        return f"{self.folder}\\{_GALLERY_MARK}"


def has_own_folder(folder: str, version: str) -> bool:
    name = PureWindowsPath(folder).name
    return is_version(name) and same(name, version)


def copies_of(modules: Reply, name: str) -> Iterator[Copy]:
    """What Get-Module lists of a module, in its order."""
    for output in modules.outputs:
        if isinstance(output, PSObject) and fold(str(output.get("Name"))) == fold(name):
            version, folder = str(output.get("Version")), str(output.get("ModuleBase"))
            if is_version(version):
                yield Copy(str(output.get("Name")), version, folder)


def scope_of(folder: str) -> str | None:
    r"""The scope of PowerShellGet that a module's folder belongs to; None where it is none of the two.

    AllUsers is Program Files\WindowsPowerShell\Modules of 64-bit programs, CurrentUser the account's
    Documents\WindowsPowerShell\Modules, wherever its Documents are (domain.md 4.4).
    """
    below = str(PureWindowsPath(folder)).casefold()[2:]
    if below.startswith(_ALL_USERS):
        return "AllUsers"
    if below.startswith("\\program files") or _WINDOWS_POWERSHELL not in below:
        return None
    return "CurrentUser"


def ask_contents(folder: str) -> Statement:
    """What lies directly in a module's folder; -Force for hidden files."""
    return (
        command("Get-ChildItem", LiteralPath=folder, Force=True),
        command("Select-Object", Property=("FullName", "PSIsContainer")),
    )


def own_files(folder: str, reply: Reply) -> tuple[str, ...] | Unreadable:
    """The paths in a module's folder that are no folders of versions, by the answer to `ask_contents`.

    Of a folder that a module was found in, an empty list is not believed.
    """
    if reply.state is not ReplyState.DONE or reply.errors or not reply.outputs:
        return Unreadable(f"folder {folder}: {why_unread(reply)}")
    found = [output for output in reply.outputs if isinstance(output, PSObject)]
    return tuple(str(one.get("FullName")) for one in found if not _is_version_folder(one))


def _is_version_folder(found: PSObject) -> bool:
    return found.get("PSIsContainer") is True and is_version(PureWindowsPath(str(found.get("FullName"))).name)


def manifest_among(paths: Iterable[str], name: str) -> str | None:
    """The path of a module's manifest; None where there is none."""
    return next((path for path in paths if fold(PureWindowsPath(path).name) == fold(f"{name}.psd1")), None)


def ask_manifest(path: str) -> Statement:
    """What the manifest says, also of a module that Windows does not list (M8)."""
    return (command("Test-ModuleManifest", Path=path), command("Select-Object", Property=("Name", "Version")))


def hidden_copy(name: str, folder: str, reply: Reply) -> Copy | Unreadable:
    """The copy in a folder, by the answer to `ask_manifest`; whatever else is wrong with it is no matter."""
    versions = [str(output.get("Version")) for output in reply.outputs if isinstance(output, PSObject)]
    if len(versions) != 1 or not is_version(versions[0]):
        return Unreadable(f"the manifest of {name} in {folder}: {why_unread(reply)}")
    return Copy(name, versions[0], folder)


def remove_files(paths: Sequence[str], name: str) -> tuple[Statement, ...]:
    """Takes away a copy without a version folder, its manifest last; what lies beside it by then is left alone.

    As long as a file of it is held by a process, Windows goes on listing what is left.
    """
    manifest = manifest_among(paths, name)
    code = tuple(path for path in paths if path != manifest)
    return tuple(remove(*some) for some in (code, (manifest,) if manifest else ()) if some)


def remove_code(folder: str, name: str) -> Statement:
    """Takes everything out of the folder of a version but the manifest, which goes with the folder afterwards."""
    return (
        command("Get-ChildItem", LiteralPath=folder, Force=True),
        command("Where-Object", Property="Name", NE=True, Value=f"{name}.psd1"),
        command("Remove-Item", Recurse=True, Force=True),
    )
