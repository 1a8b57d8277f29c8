r"""Reads PowerShell modules: all copies in one question, then only what is needed for those that are not as wanted.

Believed is what Get-Module -ListAvailable says, hand copies included (groundtruth/pwsh76/gallery.md, K4, M2). The first
command of PowerShellGet in a session takes 3 to 5 s (T1), so that it is asked for providers and repositories only where
something has to be installed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PureWindowsPath
from types import MappingProxyType

from runner.model.command import Reply, ReplyState, Statement, command
from runner.model.state import Property, State, Unreadable
from runner.model.value import PSObject
from runner.modules.base import Round, errors_of
from runner.modules.psmodule_answers import PROVIDERS, REPOSITORIES, named, provider_version
from runner.modules.psmodule_folders import FOUND_FOLDERS, Folders, question
from runner.modules.psmodule_versions import canonical, is_version, newest_first, numbers, same, within
from runner.modules.registry import fold

NUGET, NUGET_VERSION = "NuGet", "2.8.5.201"  # what PowerShellGet asks for (domain.md 4.5)
POWERSHELLGET = "PowerShellGet"
_NEWER_ARGUMENTS = "1.6.0"  # PowerShellGet with -AcceptLicense and -AllowPrerelease (Ansible's win_psmodule, notes)
_GALLERY_MARK = "PSGetModuleInfo.xml"  # beside the manifest of what PowerShellGet installed (M1; domain.md 4.4)
_ALL_USERS = "\\program files\\windowspowershell\\modules\\"
_WINDOWS_POWERSHELL = "\\windowspowershell\\modules\\"

INSTALLED, VERSIONS = "installed", "versions"  # whether what the task names is there; all versions of the scope
LACKS = "lacks"  # what an installation needs and is not there yet
FOLDERS = "folders"  # of what is to be removed
AS_FOLDER = "removed_as_folder"  # those of them that Uninstall-Module does not know, or could take for another copy
ELSEWHERE = "in_another_scope"  # a copy of the version, which Uninstall-Module could take for the one of this scope


class Road(StrEnum):
    """How a task brings its module to the host, or that it takes it away."""

    GALLERY = "gallery"
    SOURCE = "source"
    REMOVAL = "removal"


@dataclass(frozen=True, slots=True)
class Asked:
    """A module in a scope, and which versions of it count: one exactly, a range, or all."""

    name: str
    scope: str
    road: Road
    required: str | None = None
    minimum: str | None = None
    maximum: str | None = None
    repository: str = ""
    newer_arguments: bool = False  # the task has arguments that the PowerShellGet of Windows does not know
    folders: Folders | None = None  # where a source is to be put

    @property
    def tells_versions(self) -> bool:
        """Where the newest one comes, nobody knows which that is, and so not what will be there afterwards."""
        return self.required is not None or self.road is Road.REMOVAL

    def counts(self, version: str) -> bool:
        if self.required is not None:
            return same(version, self.required)
        return within(version, self.minimum, self.maximum)


@dataclass(frozen=True, slots=True)
class Copy:
    """One version of a module on the host, in its folder."""

    version: str
    folder: str

    @property
    def mark(self) -> str:
        return f"{self.folder}\\{_GALLERY_MARK}"


def next_round(asked: Sequence[Asked], rounds: Sequence[Round]) -> tuple[Statement, ...]:
    """Round one asks for the modules; round two for what only those that are not as wanted need."""
    if not rounds:
        return (_modules(asked),)
    if len(rounds) == 1 and rounds[0].replies[0].state is ReplyState.DONE:
        return _closer(asked, rounds[0].replies[0])
    return ()


def conclude(asked: Sequence[Asked], rounds: Sequence[Round]) -> tuple[State | Unreadable, ...]:
    """What the answers say of each module, in the order of `asked`."""
    modules = rounds[0].replies[0]
    if modules.state is not ReplyState.DONE or modules.errors:
        reason = errors_of(modules) or "the answer was not seen"
        return tuple(Unreadable(f"module {one.name}: {reason}") for one in asked)
    later = dict(zip(rounds[1].statements, rounds[1].replies, strict=True)) if len(rounds) > 1 else {}
    return tuple(_state(one, modules, later) for one in asked)


def _modules(asked: Sequence[Asked]) -> Statement:
    names = [one.name for one in asked]
    if any(one.newer_arguments for one in asked):
        names.append(POWERSHELLGET)
    return (
        command("Get-Module", ListAvailable=True, Name=tuple({fold(name): name for name in names}.values())),
        command("Select-Object", Property=("Name", "Version", "ModuleBase")),
    )


def _closer(asked: Sequence[Asked], modules: Reply) -> tuple[Statement, ...]:
    statements: dict[Statement, None] = {}
    for one in asked:
        statements.update(dict.fromkeys(_questions(one, _copies(one, modules))))
    return tuple(statements)


def _questions(asked: Asked, copies: Sequence[Copy]) -> tuple[Statement, ...]:
    """What must be known besides, now that the copies of its scope are."""
    counting = [copy for copy in copies if asked.counts(copy.version)]
    if asked.road is Road.REMOVAL:
        return (_marks(counting),) if counting else ()
    if counting:
        return ()
    return (PROVIDERS, REPOSITORIES) if asked.folders is None else (question(asked.folders),)


def _marks(copies: Sequence[Copy]) -> Statement:
    """Whether PowerShellGet installed them. Behind each mark its folder, which says that a missing one is missing."""
    return (command("Test-Path", LiteralPath=tuple(path for copy in copies for path in (copy.mark, copy.folder))),)


def _state(asked: Asked, modules: Reply, later: dict[Statement, Reply]) -> State | Unreadable:
    copies = _copies(asked, modules)
    counting = [copy for copy in copies if asked.counts(copy.version)]
    found: dict[str, Property] = {INSTALLED: bool(counting)}
    if asked.tells_versions:
        found[VERSIONS] = newest_first(copy.version for copy in copies)
    elsewhere = _elsewhere(asked, modules)
    replies = [later[statement] for statement in _questions(asked, copies)]
    match asked.road:
        case Road.REMOVAL if counting:
            by_hand = _by_hand(counting, replies[0])
            if isinstance(by_hand, Unreadable):
                return by_hand
            double = [copy.folder for copy in counting if canonical(copy.version) in elsewhere]
            folders = tuple(copy.folder for copy in counting)
            found |= {FOLDERS: folders, AS_FOLDER: tuple(one for one in folders if one in (*by_hand, *double))}
        case Road.SOURCE if not counting and asked.folders is not None:
            there = asked.folders.found(replies[0])
            if isinstance(there, Unreadable):
                return there
            found[FOUND_FOLDERS] = there
        case Road.GALLERY:
            found[LACKS] = _lacking(asked, modules, *replies) if not counting else ()
            if not counting and asked.required is not None and canonical(asked.required) in elsewhere:
                found[ELSEWHERE] = True
    return State(bool(copies), MappingProxyType(found))


def _by_hand(copies: Sequence[Copy], reply: Reply) -> tuple[str, ...] | Unreadable:
    answers = reply.outputs
    if reply.state is not ReplyState.DONE or len(answers) != 2 * len(copies):
        return Unreadable(f"how the module came to the host: {errors_of(reply) or 'the answer was not seen'}")
    for copy, there in zip(copies, answers[1::2], strict=True):
        if there is not True:
            return Unreadable(f"{copy.folder} is listed, but cannot be looked into")
    return tuple(copy.folder for copy, marked in zip(copies, answers[::2], strict=True) if marked is not True)


def _lacking(asked: Asked, modules: Reply, providers: Reply, repositories: Reply) -> tuple[str, ...]:
    """What an installation needs and is not there, each with the task that brings it; an earlier one may do so."""
    lacks = [
        _lack_of_provider(providers),
        _lack_of_repository(asked.repository, repositories),
        _lack_of_arguments(modules) if asked.newer_arguments else "",
    ]
    return tuple(filter(None, lacks))


def _lack_of_provider(reply: Reply) -> str:
    if reply.state is not ReplyState.DONE or reply.errors:
        return f"package providers could not be read: {errors_of(reply) or 'the answer was not seen'}"
    version = provider_version(reply, NUGET)
    if version is not None and numbers(version) >= numbers(NUGET_VERSION):
        return ""
    return f"NuGet provider {NUGET_VERSION} or later (win_package_provider)"


def _lack_of_repository(name: str, reply: Reply) -> str:
    if reply.state is not ReplyState.DONE or reply.errors:
        return f"repositories could not be read: {errors_of(reply) or 'the answer was not seen'}"
    return "" if named(reply, name) else f"repository {name} (win_psrepository)"


def _lack_of_arguments(modules: Reply) -> str:
    versions = [copy.version for _, copy in _all_copies(modules, POWERSHELLGET)]
    if any(numbers(version) >= numbers(_NEWER_ARGUMENTS) for version in versions):
        return ""
    return f"PowerShellGet {_NEWER_ARGUMENTS} or later (win_psmodule)"


def _copies(asked: Asked, modules: Reply) -> list[Copy]:
    """The copies in the scope; those of Windows itself and of other paths belong to none."""
    return [copy for scope, copy in _all_copies(modules, asked.name) if scope == asked.scope]


def _elsewhere(asked: Asked, modules: Reply) -> frozenset[str]:
    """The versions in the other scope of PowerShellGet."""
    copies = _all_copies(modules, asked.name)
    return frozenset(canonical(copy.version) for scope, copy in copies if scope not in (asked.scope, None))


def _all_copies(modules: Reply, name: str) -> Iterable[tuple[str | None, Copy]]:
    for output in modules.outputs:
        if isinstance(output, PSObject) and fold(str(output.get("Name"))) == fold(name):
            version, folder = str(output.get("Version")), str(output.get("ModuleBase"))
            if is_version(version):
                yield scope_of(folder), Copy(version, folder)


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
