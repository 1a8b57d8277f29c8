"""Paths of the providers beside the registry: files (`file_paths.py`) and environment variables (`Env:NAME`).

Of Windows' own folders the lab keeps next to nothing, so a path that leads there and is not found is refused by name.
What others have put into the folders for programs, it knows.
"""

from __future__ import annotations

from dataclasses import dataclass

from psrpcore.types import ErrorCategory

from runner.lab.cmdlet import Session
from runner.lab.drives import drive_object, provider_object
from runner.lab.errors import Failure, Terminating, not_simulated
from runner.lab.file_paths import FilePath, FileTarget, file_path, home_folder, matching_files
from runner.lab.values import OBJECT, ClrObject
from runner.lab.wildcard import compile_pattern, has_wildcards, unescape

_UNKNOWN = tuple(f"c:\\{name}" for name in ("windows", "program files", "program files (x86)", "programdata", "users"))
_FOR_PROGRAMS = tuple(f"c:\\{name}" for name in ("program files", "program files (x86)", "programdata"))
_OF_WINDOWS = ("common files", "microsoft", "packagemanagement", "windowspowershell")  # in the folders for programs
# Of package providers and modules a machine has what its spec says, as Get-PackageProvider and Get-Module tell it; but
# the folder of the modules is there on every Windows, with modules or without.
_PROVIDERS = "c:\\program files\\packagemanagement"
_MODULES = "c:\\program files\\windowspowershell\\modules"
_ENVIRONMENT = ("environment", "microsoft.powershell.core\\environment")


@dataclass(frozen=True, slots=True)
class EnvironmentPath:
    """A path of the Environment provider; `name` is "" for the drive itself."""

    given: str
    name: str


@dataclass(frozen=True, slots=True)
class EnvironmentTarget:
    """An environment variable of the process: its name as given, as stored, and its value."""

    given: str
    name: str
    value: str


Location = FilePath | EnvironmentPath


class Closed(Terminating):
    """A path leads to or through what is closed; who does not know what the command says then lets it pass."""

    def __init__(self, path: FilePath, closed: str) -> None:
        super().__init__(not_simulated(f"a file or folder without access ({closed})"))
        self.path = path
        self.is_below = path.full.casefold() != closed.casefold()

    def report(self, session: Session) -> Failure:
        """The error for a path below the folder (F2). Raises itself for the folder, of which nothing is recorded."""
        if not self.is_below:
            raise self
        return self._denied(session, "ItemExistsUnauthorizedAccessError")

    def report_of_list(self, session: Session) -> Failure:
        """The error for a list of the folder (F2). Raises itself for a path below it, of which nothing is recorded."""
        if self.is_below:
            raise self
        return self._denied(session, "DirUnauthorizedAccessError")

    def _denied(self, session: Session, error_id: str) -> Failure:
        full, category = self.path.full, ErrorCategory.PermissionDenied
        return Failure(error_id, category, "UnauthorizedAccessException", session.say("FileAccessDenied", full), full)


def locate(session: Session, given: str) -> Location | None:
    """The file or variable that a path means; None for paths of other providers, and where those are not visible.

    Raises Closed.
    """
    drive, colon, rest = given.partition(":")
    provider, separator, inner = given.partition("::")
    if separator and provider.casefold() in _ENVIRONMENT:
        return EnvironmentPath(given, inner.strip("\\/")) if session.shows("environment") else None
    if colon and not separator and drive.casefold() == "env":
        return EnvironmentPath(given, rest.strip("\\/")) if session.shows("environment") else None
    path = file_path(session, given) if session.shows("filesystem") else None
    closed = None if path is None else session.machine.files.closed(path.full)
    if path is not None and closed is not None:
        raise Closed(path, closed)
    return path


def find_exactly(session: Session, location: Location) -> FileTarget | EnvironmentTarget | None:
    """What is at a literal path. Raises Terminating where the lab cannot know."""
    if isinstance(location, EnvironmentPath):
        return _variable(session, location.name)
    node = session.machine.files.find(location.full)
    if node is None:
        _check_known(session, location.full)
    return None if node is None else FileTarget(location, node)


def find_matching(session: Session, location: Location) -> list[FileTarget | EnvironmentTarget]:
    """What a path with wildcards means. Raises Terminating where the lab cannot know."""
    if isinstance(location, FilePath):
        found = matching_files(session, location)
        if not found or has_wildcards(location.full):
            _check_known(session, location.full)
        return list(found)
    if not has_wildcards(location.name):
        variable = _variable(session, unescape(location.name))
        return [] if variable is None else [variable]
    pattern = compile_pattern(location.name)
    known = sorted(session.environment.values(), key=lambda pair: pair[0].casefold())
    return [EnvironmentTarget(name, name, value) for name, value in known if pattern.fullmatch(name)]


def shown_missing(location: Location) -> str:
    """How -Path names what it did not find: a file by its full path (F1)."""
    return location.full if isinstance(location, FilePath) else location.given


def check_listing(session: Session, full: str) -> None:
    """Raises Terminating if the lab does not know all that is in a folder."""
    if session.machine.files.closed(full) is not None:
        raise Terminating(not_simulated("a list of a folder without access"))
    if full.rstrip("\\").casefold() == "c:":
        raise Terminating(not_simulated("a list of all that is on the drive C:"))
    _check_known(session, full)


def variable_object(session: Session, target: EnvironmentTarget) -> ClrObject:
    """The DictionaryEntry of an environment variable (oth-env)."""
    notes: dict[str, object] = {
        "PSPath": f"Microsoft.PowerShell.Core\\Environment::{target.given}",
        "PSDrive": drive_object(session, "Env"),
        "PSProvider": provider_object(session, "Environment"),
        "PSIsContainer": False,
        "Name": target.name,
    }
    names = ("System.Collections.DictionaryEntry", "System.ValueType", OBJECT)
    core = session.version >= (6, 0)
    text = f"[{target.name}, {target.value}]" if core else names[0]
    return ClrObject(names, {"Key": target.name, "Value": target.value}, notes, text)


def _variable(session: Session, name: str) -> EnvironmentTarget | None:
    if not name:
        raise Terminating(not_simulated("the drive Env: as an item"))
    known = session.environment.get(name.casefold())
    return None if known is None else EnvironmentTarget(name, *known)


def _check_known(session: Session, full: str) -> None:
    folded = full.casefold()
    if _is_in(folded, home_folder(session).casefold()) or _is_in(folded, _PROVIDERS) or _is_below(folded, _MODULES):
        return
    for folder in _UNKNOWN:
        if _is_in(folded, folder) and not _is_of_others(session, folder, folded):
            raise Terminating(not_simulated(f"the files in {full}"))


def _is_in(folded: str, folder: str) -> bool:
    return folded == folder or _is_below(folded, folder)


def _is_below(folded: str, folder: str) -> bool:
    return folded.startswith(f"{folder}\\")


def _is_of_others(session: Session, folder: str, folded: str) -> bool:
    """Whether a path leads into a folder that somebody has made below one for programs."""
    name = folded.removeprefix(folder).strip("\\").partition("\\")[0]
    made = bool(name) and session.machine.files.find(f"{folder}\\{name}") is not None
    return made and folder in _FOR_PROGRAMS and name not in _OF_WINDOWS
