r"""PowerShell modules as files of a machine: `<module path>\Name\Version\Name.psd1`.

Where they lie: domain.md 4.4; which of them count: gallery.md M2 (pwsh76 getmodule.list-*). A copied folder counts as
well as an installed one; PSGetModuleInfo.xml tells them apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from runner.lab.cmdlet import Session
from runner.lab.errors import Terminating, not_simulated
from runner.lab.files import File, FileTree, Folder
from runner.lab.machine import Machine
from runner.lab.module_copy import ModuleCopy
from runner.lab.module_info import INFO_FILE, GalleryItem, gallery_item, read_item
from runner.lab.module_manifest import BrokenManifest, ManifestValue, read_manifest, write_manifest
from runner.lab.module_paths import VARIABLE, Scope, scope_folder
from runner.lab.module_versions import VERSION_FOLDER, version_key
from runner.lab.syntax import Unsupported
from runner.lab.wildcard import compile_pattern

STAND_IN = "# The lab has this module's folder, but not its commands.\r\n"
_FIRST_WITH_VERSION_FOLDERS = (5, 0)


@dataclass(frozen=True, slots=True)
class ModulePlace:
    """One folder of the module path."""

    folder: str
    scope: Scope


@dataclass(frozen=True, slots=True)
class ModuleFiles:
    """What a module consists of before it lies somewhere: the content of a package, or of a folder to copy.

    `fields` are further fields of the manifest; `root_text` is the code of the root module (`Name.psm1`).
    """

    name: str
    version: str
    label: str = ""
    fields: Mapping[str, ManifestValue] = field(default_factory=dict)
    root_text: str = STAND_IN

    def manifest_text(self) -> str:
        """The text of the .psd1."""
        fields: dict[str, ManifestValue] = {"RootModule": f"{self.name}.psm1", "ModuleVersion": self.version}
        fields |= self.fields
        if self.label:
            private = _table(fields.get("PrivateData"))
            fields["PrivateData"] = {**private, "PSData": {**_table(private.get("PSData")), "Prerelease": self.label}}
        return write_manifest(fields)

    def contents(self) -> dict[str, bytes]:
        """The files by name."""
        return {
            f"{self.name}.psd1": self.manifest_text().encode(),
            f"{self.name}.psm1": self.root_text.encode(),
        }


@dataclass(frozen=True, slots=True)
class Origin:
    """The repository that a module was installed from, and when."""

    repository: str
    location: str
    installed: datetime


def _table(value: ManifestValue) -> Mapping[str, ManifestValue]:
    return value if isinstance(value, Mapping) else {}


def module_places(session: Session) -> list[ModulePlace]:
    """The session's module path, in the order in which it is searched (gallery.md M2)."""
    _, value = session.environment.get(VARIABLE.casefold(), (VARIABLE, ""))
    scopes: tuple[Scope, ...] = ("CurrentUser", "AllUsers", "System")
    known = {scope_folder(session.version, scope, session.user).casefold(): scope for scope in scopes}
    folders = [folder.rstrip("\\") for folder in value.split(";") if folder.strip()]
    return [ModulePlace(folder, known.get(folder.casefold(), "AllUsers")) for folder in dict.fromkeys(folders)]


def installed(session: Session, *names: str) -> list[ModuleCopy]:
    """The modules on the module path, or those whose name matches one, in the order of Get-Module -ListAvailable.

    Broken manifests, and those whose version is not that of their folder, are none of them. Raises Terminating where
    only the lab cannot tell.
    """
    return [found for found in _found(session, names) if isinstance(found, ModuleCopy)]


def broken_manifests(session: Session, *names: str) -> list[str]:
    """The paths of the manifests of such modules that are no manifests."""
    return [found for found in _found(session, names) if isinstance(found, str)]


def module_at(session: Session, path: str) -> ModuleCopy | str | None:
    """The module of a manifest by the manifest's full path, whatever the name of its folder.

    The path itself where the manifest is broken, None where it is missing.
    """
    folder, _, name = path.rpartition("\\")
    places = [place for place in module_places(session) if f"{path}\\".casefold().startswith(place.folder.casefold())]
    place = places[0] if places else ModulePlace(folder, "AllUsers")
    return _copy(session.machine.files, name.rpartition(".")[0], folder, place)


def _found(session: Session, names: tuple[str, ...]) -> Iterator[ModuleCopy | str]:
    """The copies, and the paths of broken manifests."""
    patterns = [compile_pattern(name) for name in names or ("*",)]
    for place in module_places(session):
        for folder in _folders(session.machine.files, place.folder):
            if any(pattern.fullmatch(folder.name) for pattern in patterns):
                yield from _copies(session, folder, place)


def _folders(files: FileTree, path: str) -> list[Folder]:
    """The folders in a folder; none where it is missing. Raises Terminating for one without access."""
    closed = files.closed(path)
    if closed is not None:
        raise Terminating(not_simulated(f"modules in a folder without access ({closed})"))
    folder = files.find(path)
    entries = folder.sorted_entries() if isinstance(folder, Folder) else []
    return [entry for entry in entries if isinstance(entry, Folder)]


def _copies(session: Session, folder: Folder, place: ModulePlace) -> Iterator[ModuleCopy | str]:
    """The modules of one name in a folder: versions, newest first, or else the one without version folder (M2)."""
    path = f"{place.folder}\\{folder.name}"
    versions = [one for one in _folders(session.machine.files, path) if VERSION_FOLDER.fullmatch(one.name)]
    if versions and session.version < _FIRST_WITH_VERSION_FOLDERS:
        raise Terminating(not_simulated(f"folders by version before PowerShell 5.0 ({path})"))
    found: list[ModuleCopy | str] = []
    for version in sorted(versions, key=lambda one: version_key(one.name), reverse=True):
        read = _copy(session.machine.files, folder.name, f"{path}\\{version.name}", place)
        if isinstance(read, str) or (read and version_key(read.version) == version_key(version.name)):
            found.append(read)
    if not any(isinstance(one, ModuleCopy) for one in found):
        bare = _copy(session.machine.files, folder.name, path, place)
        found += [] if bare is None else [bare]
    yield from found


def _copy(files: FileTree, name: str, path: str, place: ModulePlace) -> ModuleCopy | str | None:
    """The module whose manifest is in this folder; its path where it is broken, None where there is none.

    Raises Terminating for a module without a manifest and for a manifest that only the lab cannot read.
    """
    _folders(files, path)
    folder = files.find(path)
    manifest = folder.entry(f"{name}.psd1") if isinstance(folder, Folder) else None
    if not isinstance(folder, Folder) or not isinstance(manifest, File):
        if isinstance(folder, Folder) and any(folder.entry(f"{name}.{ending}") for ending in ("psm1", "dll", "cdxml")):
            raise Terminating(not_simulated(f"a module without a manifest ({path})"))
        return None
    try:
        read = read_manifest(manifest.data)
    except BrokenManifest:
        return f"{path}\\{manifest.name}"
    except Unsupported as error:
        raise Terminating(not_simulated(f"{error} ({path}\\{manifest.name})")) from None
    info = folder.entry(INFO_FILE)
    item = read_item(info.data) if isinstance(info, File) else None
    return ModuleCopy(manifest.name.rpartition(".")[0], path, place.scope, read, isinstance(info, File), item)


@dataclass(frozen=True, slots=True)
class GalleryNote:
    """One PSGetModuleInfo.xml on the module path, whether its module is whole or not; `item` is None if damaged."""

    name: str
    folder: str
    scope: Scope
    item: GalleryItem | None


def gallery_notes(session: Session) -> list[GalleryNote]:
    """What PowerShellGet noted of the modules that it installed, in the order of the module path (gallery.md M1)."""
    notes: list[GalleryNote] = []
    files = session.machine.files
    for place in module_places(session):
        for module in _folders(files, place.folder):
            path = f"{place.folder}\\{module.name}"
            for folder in (*(f"{path}\\{one.name}" for one in _folders(files, path)), path):
                info = files.find(f"{folder}\\{INFO_FILE}")
                if isinstance(info, File):
                    notes.append(GalleryNote(module.name, folder, place.scope, read_item(info.data)))
    return notes


def module_nodes(module: ModuleFiles, base: str, origin: Origin | None, now: datetime) -> dict[str, File]:
    """The files of a module below its folder `base`, by full path; with an origin it is one that was installed."""
    contents = module.contents()
    if origin is not None:
        manifest = read_manifest(contents[f"{module.name}.psd1"])
        contents[INFO_FILE] = gallery_item(
            module.name,
            manifest,
            repository=origin.repository,
            location=origin.location,
            installed=origin.installed,
            folder=base,
        ).as_file()
    return {f"{base}\\{name}": File(name, data, now) for name, data in contents.items()}


def module_base(scope_path: str, module: ModuleFiles) -> str:
    """The folder of a version of a module below a folder of the module path."""
    return f"{scope_path}\\{module.name}\\{module.version}"


def put_module(machine: Machine, module: ModuleFiles, base: str, origin: Origin | None) -> None:
    """Put a module into its folder, in the place of what is there."""
    if machine.files.find(base) is not None:
        machine.remove_file(base)
    for path, node in module_nodes(module, base, origin, machine.now()).items():
        machine.put_file(path, node)


def remove_module(machine: Machine, base: str) -> None:
    """Remove the folder of one version of a module, and the folder of its name if that is empty then."""
    machine.remove_file(base)
    above = base.rpartition("\\")[0]
    folder = machine.files.find(above)
    if isinstance(folder, Folder) and not folder.entries:
        machine.remove_file(above)
