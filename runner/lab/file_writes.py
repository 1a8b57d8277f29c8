"""Making files and folders, and the errors of the FileSystem provider (finding F2, cases provider.newitem-*)."""

from __future__ import annotations

from dataclasses import dataclass

from psrpcore.types import ErrorCategory

from runner.lab.cmdlet import Session
from runner.lab.errors import Failure
from runner.lab.file_paths import FilePath
from runner.lab.files import File, Folder


@dataclass(frozen=True, slots=True)
class NewFile:
    """What New-Item is asked to make."""

    is_folder: bool
    text: str
    forced: bool


def create_item(session: Session, path: FilePath, wanted: NewFile) -> Failure | None:
    """Make a file or folder; returns the error if it cannot be made."""
    machine = session.machine
    existing, above = machine.files.find(path.full), machine.files.find(path.parent)
    if wanted.is_folder:
        if existing is not None and not (wanted.forced and isinstance(existing, Folder)):
            message = session.say("FolderExists", path.full)
            return Failure("DirectoryExist", ErrorCategory.ResourceExists, "IOException", message, path.full)
        if existing is None:
            machine.put_file(path.full, Folder("", machine.now()))
        return None
    if isinstance(existing, Folder) or (existing is not None and not wanted.forced):
        message = session.say("FileExists", path.full)
        return Failure("NewItemIOError", ErrorCategory.WriteError, "IOException", message, path.full)
    if not isinstance(above, Folder) and not wanted.forced:
        return no_such_folder(session, "NewItemIOError", ErrorCategory.WriteError, path)
    machine.put_file(path.full, File("", wanted.text.encode(), machine.now()))
    return None


def no_such_folder(session: Session, error_id: str, category: ErrorCategory, path: FilePath) -> Failure:
    """The error for a file in a folder that is not there."""
    message = session.say("NoSuchFolder", path.full)
    return Failure(error_id, category, "DirectoryNotFoundException", message, path.full)


def not_supported(session: Session) -> Failure:
    """The error of a provider that does not know an operation (provider.setitem-fs)."""
    message = session.say("NotSupported")
    return Failure("NotSupported", ErrorCategory.NotImplemented, "PSNotSupportedException", message)
