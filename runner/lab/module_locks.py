"""Files of modules that a process holds, so that they cannot be removed (domain.md 4.5, ModuleIsInUse).

A process that has a module loaded holds its assemblies. What Windows PowerShell then says of Remove-Item is what people
have posted of it (an assembly that was loaded: RemoveFileSystemItemUnAuthorizedAccess; a folder that keeps files:
DirectoryNotEmpty), its order that of the provider: folders before files, each as far as it goes.
"""

from __future__ import annotations

from collections.abc import Iterator

from psrpcore.types import ErrorCategory

from runner.lab.cmdlet import Report, Session
from runner.lab.enums import ServiceControllerStatus
from runner.lab.errors import Failure
from runner.lab.file_objects import file_object
from runner.lab.file_paths import FileTarget
from runner.lab.files import Folder
from runner.lab.module_folders import module_places
from runner.lab.module_versions import VERSION_FOLDER

_HELD = (".dll", ".psm1")  # the lab's own modules have no assembly: their root module stands for it


def is_in_use(session: Session, name: str) -> bool:
    """Whether a running service holds the files of a module."""
    service = session.machine.gallery.in_use.get(name.casefold())
    found = session.machine.services.find(service) if service else None
    return found is not None and found.status is not ServiceControllerStatus.Stopped


def held_files(session: Session, target: FileTarget) -> frozenset[str]:
    """The paths of the files that a process holds: the one that it is, or those below the folder."""
    if isinstance(target.node, Folder):
        return frozenset().union(*(held_files(session, child) for child in _children(target)))
    return frozenset({target.path.full}) if _is_held(session, target) else frozenset()


def remove_unheld(session: Session, target: FileTarget) -> Iterator[Report]:
    """Remove what no process holds, with an error for each file and folder that stays."""
    yield from _remove(session, target, held_files(session, target))


def _remove(session: Session, target: FileTarget, held: frozenset[str]) -> Iterator[Report]:
    path = target.path.full
    if path in held:
        denied = session.say("FileAccessDenied", path)
        message = session.say("CannotRemoveItem", path, denied)
        error_id, category = "RemoveFileSystemItemUnAuthorizedAccess", ErrorCategory.PermissionDenied
        yield _report(session, target, error_id, category, "UnauthorizedAccessException", message)
    elif not any(one.startswith(f"{path}\\") for one in held):
        session.machine.remove_file(path)
    else:
        for child in _children(target):
            yield from _remove(session, child, held)
        message = session.say("DirectoryNotEmpty", path)
        yield _report(session, target, "DirectoryNotEmpty", ErrorCategory.WriteError, "IOException", message)


def _report(
    session: Session, target: FileTarget, error_id: str, category: ErrorCategory, exception: str, message: str
) -> Report:
    return Report(Failure(error_id, category, exception, message, file_object(session, target)))


def _children(target: FileTarget) -> list[FileTarget]:
    """Folders first."""
    entries = target.node.sorted_entries() if isinstance(target.node, Folder) else []
    return [FileTarget(target.path.child(entry.name), entry) for entry in entries]


def _is_held(session: Session, target: FileTarget) -> bool:
    """Whether it is code of a module in use, in a folder that Windows loads modules from."""
    path = target.path.full.casefold()
    if not session.machine.gallery.in_use or not path.endswith(_HELD):
        return False
    folder = _module_folder(session, path)
    above, _, name = folder.rpartition("\\")
    if VERSION_FOLDER.fullmatch(name):
        above, _, name = above.rpartition("\\")
    places = {place.folder.casefold() for place in module_places(session)}
    return above in places and is_in_use(session, name)


def _module_folder(session: Session, path: str) -> str:
    """The nearest folder above a file with a manifest; "" where there is none."""
    folder = path.rpartition("\\")[0]
    while folder:
        node = session.machine.files.find(folder)
        if isinstance(node, Folder) and any(name.endswith(".psd1") for name in node.entries):
            return folder
        folder = folder.rpartition("\\")[0]
    return ""
