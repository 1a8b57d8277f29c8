r"""Reads PowerShell modules: all copies in one question, then only what is needed for those that are not as wanted.

Believed is what Get-Module -ListAvailable says, hand copies included (groundtruth/pwsh76/gallery.md, K4, M2); where
something is removed, a copy that Windows hides behind folders of versions is looked for besides. The first command of
PowerShellGet in a session takes 3 to 5 s (T1), so that it is asked for providers and repositories only where something
has to be installed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from runner.model.command import Reply, ReplyState, Statement, command
from runner.model.state import Property, State, Unreadable
from runner.modules.base import Round, why_unread
from runner.modules.psmodule_answers import PROVIDERS, REPOSITORIES, named, provider_version
from runner.modules.psmodule_copies import (
    Copy,
    ask_contents,
    ask_manifest,
    copies_of,
    hidden_copy,
    manifest_among,
    own_files,
    scope_of,
)
from runner.modules.psmodule_folders import FOUND_FOLDERS, Folders, question
from runner.modules.psmodule_versions import canonical, newest_first, numbers, same, within
from runner.modules.registry import fold

NUGET, NUGET_VERSION = "NuGet", "2.8.5.201"  # what PowerShellGet asks for (domain.md 4.5)
POWERSHELLGET = "PowerShellGet"
_NEWER_ARGUMENTS = "1.6.0"  # PowerShellGet with -AcceptLicense and -AllowPrerelease (Ansible's win_psmodule, notes)
_NO_SCRIPTS = "CouldNotAutoloadMatchingModule"  # the execution policy does not let PowerShellGet run

INSTALLED, VERSIONS = "installed", "versions"  # whether what the task names is there; all versions of the scope
LACKS = "lacks"  # what an installation needs and is not there yet
UNVERSIONED = "without_version_folder"  # the versions that Windows hides once a folder of a version lies beside them
FOLDERS = "folders"  # of what is to be removed
AS_FOLDER = "removed_as_folder"  # those of them that Uninstall-Module does not know, or could take for another copy
OWN_FILES = "removed_files"  # those of a copy without a version folder
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


Answers = Mapping[Statement, Reply]


def next_round(asked: Sequence[Asked], rounds: Sequence[Round]) -> tuple[Statement, ...]:
    """Round one asks for the modules, round two for what only those that are not as wanted need, round three for
    copies that Windows hides.
    """
    if not rounds:
        return (_modules(asked),)
    modules = rounds[0].replies[0]
    if modules.state is not ReplyState.DONE or len(rounds) > 2:
        return ()
    answers = _answers(rounds[1:])
    questions = _closer if len(rounds) == 1 else _manifests
    return tuple(dict.fromkeys(one for wanted in asked for one in questions(wanted, modules, answers)))


def conclude(asked: Sequence[Asked], rounds: Sequence[Round]) -> tuple[State | Unreadable, ...]:
    """What the answers say of each module, in the order of `asked`."""
    modules = rounds[0].replies[0]
    if modules.state is not ReplyState.DONE or modules.errors:
        reason = why_unread(modules)
        return tuple(Unreadable(f"module {one.name}: {reason}") for one in asked)
    answers = _answers(rounds[1:])
    return tuple(_state(one, modules, answers) for one in asked)


def _answers(rounds: Sequence[Round]) -> Answers:
    return {question: reply for one in rounds for question, reply in zip(one.statements, one.replies, strict=True)}


def _modules(asked: Sequence[Asked]) -> Statement:
    names = [one.name for one in asked]
    if any(one.newer_arguments for one in asked):
        names.append(POWERSHELLGET)
    return (
        command("Get-Module", ListAvailable=True, Name=tuple({fold(name): name for name in names}.values())),
        command("Select-Object", Property=("Name", "Version", "ModuleBase")),
    )


def _closer(asked: Asked, modules: Reply, answers: Answers) -> tuple[Statement, ...]:
    """What must be known besides, now that the copies of its scope are."""
    copies = _copies(asked, modules)
    counting = [copy for copy in copies if asked.counts(copy.version)]
    if asked.road is Road.REMOVAL:
        marks = (_marks(counting),) if counting else ()
        return (*marks, *map(ask_contents, _module_folders(copies)))
    if counting:
        return ()
    return (PROVIDERS, REPOSITORIES) if asked.folders is None else (question(asked.folders),)


def _module_folders(copies: Sequence[Copy]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(copy.module_folder for copy in copies))


def _manifests(asked: Asked, modules: Reply, answers: Answers) -> tuple[Statement, ...]:
    """The manifests of copies that Windows hides."""
    if asked.road is not Road.REMOVAL:
        return ()
    return tuple(map(ask_manifest, _hidden(asked, _copies(asked, modules), answers).values()))


def _hidden(asked: Asked, copies: Sequence[Copy], answers: Answers) -> dict[str, str]:
    """The manifests that lie beside folders of versions, by their folder, as far as it could be looked into."""
    listed = {copy.folder for copy in copies}
    found: dict[str, str] = {}
    for folder in _module_folders(copies):
        own = own_files(folder, answers[ask_contents(folder)])
        manifest = None if isinstance(own, Unreadable) else manifest_among(own, asked.name)
        if manifest and folder not in listed:
            found[folder] = manifest
    return found


def _marks(copies: Sequence[Copy]) -> Statement:
    """Whether PowerShellGet installed them. Behind each mark its folder, which says that a missing one is missing."""
    return (command("Test-Path", LiteralPath=tuple(path for copy in copies for path in (copy.mark, copy.folder))),)


def _state(asked: Asked, modules: Reply, answers: Answers) -> State | Unreadable:
    if asked.road is Road.REMOVAL:
        return _state_for_removal(asked, modules, answers)
    copies = _copies(asked, modules)
    found = _way_there(asked, modules, answers)
    if isinstance(found, Unreadable):
        return found
    return State(bool(copies), MappingProxyType(_basis(asked, copies) | found))


def _basis(asked: Asked, copies: Sequence[Copy]) -> dict[str, Property]:
    """What is read of every module."""
    found: dict[str, Property] = {INSTALLED: any(asked.counts(copy.version) for copy in copies)}
    if asked.tells_versions:
        found[VERSIONS] = newest_first(copy.version for copy in copies)
        unversioned = newest_first(copy.version for copy in copies if not copy.has_own_folder)
        if unversioned:
            found[UNVERSIONED] = unversioned
    return found


def _way_there(asked: Asked, modules: Reply, answers: Answers) -> dict[str, Property] | Unreadable:
    """What an installation meets; of one that is not needed only that it lacks nothing."""
    if any(asked.counts(copy.version) for copy in _copies(asked, modules)):
        return {LACKS: ()} if asked.folders is None else {}
    if asked.folders is not None:
        there = asked.folders.found(answers[question(asked.folders)])
        return there if isinstance(there, Unreadable) else {FOUND_FOLDERS: there}
    lacks = _lacking(asked, modules, answers[PROVIDERS], answers[REPOSITORIES])
    if isinstance(lacks, Unreadable):
        return lacks
    is_elsewhere = asked.required is not None and canonical(asked.required) in _elsewhere(asked, modules)
    return {LACKS: lacks, **({ELSEWHERE: True} if is_elsewhere else {})}


def _state_for_removal(asked: Asked, modules: Reply, answers: Answers) -> State | Unreadable:
    """With the copies that Windows hides: they are there, and come to light when the others go."""
    copies = _copies(asked, modules)
    listed = [copy for copy in copies if asked.counts(copy.version)]
    by_hand = _by_hand(listed, answers[_marks(listed)]) if listed else ()
    if isinstance(by_hand, Unreadable):
        return by_hand
    own: dict[str, tuple[str, ...]] = {}
    for folder in _module_folders(copies):
        files = own_files(folder, answers[ask_contents(folder)])
        if isinstance(files, Unreadable):
            return files
        own[folder] = files
    for folder, manifest in _hidden(asked, copies, answers).items():
        hidden = hidden_copy(asked.name, folder, answers[ask_manifest(manifest)])
        if isinstance(hidden, Unreadable):
            return hidden
        copies.append(hidden)
    found = _basis(asked, copies) | _to_remove(asked, copies, own, {*by_hand, *_double(listed, asked, modules)})
    return State(bool(copies), MappingProxyType(found))


def _double(copies: Sequence[Copy], asked: Asked, modules: Reply) -> set[str]:
    """The folders of versions that are in the other scope too."""
    elsewhere = _elsewhere(asked, modules)
    return {copy.folder for copy in copies if canonical(copy.version) in elsewhere}


def _to_remove(
    asked: Asked, copies: Sequence[Copy], own: Mapping[str, tuple[str, ...]], copied: set[str]
) -> dict[str, Property]:
    counting = [copy for copy in copies if asked.counts(copy.version)]
    if not counting:
        return {}
    bare = [copy.folder for copy in counting if not copy.has_own_folder]
    found: dict[str, Property] = {
        FOLDERS: tuple(copy.folder for copy in counting),
        AS_FOLDER: tuple(copy.folder for copy in counting if copy.has_own_folder and copy.folder in copied),
    }
    return found | ({OWN_FILES: tuple(path for folder in bare for path in own[folder])} if bare else {})


def _by_hand(copies: Sequence[Copy], reply: Reply) -> tuple[str, ...] | Unreadable:
    answers = reply.outputs
    if reply.state is not ReplyState.DONE or len(answers) != 2 * len(copies):
        return Unreadable(f"how the module came to the host: {why_unread(reply)}")
    for copy, there in zip(copies, answers[1::2], strict=True):
        if there is not True:
            return Unreadable(f"{copy.folder} is listed, but cannot be looked into")
    return tuple(copy.folder for copy, marked in zip(copies, answers[::2], strict=True) if marked is not True)


def _lacking(asked: Asked, modules: Reply, providers: Reply, repositories: Reply) -> tuple[str, ...] | Unreadable:
    """What an installation needs and is not there, each with the task that brings it; an earlier one may do so.

    A list that could not be read says nothing of the kind, but where scripts must not run: an earlier task may change
    that.
    """
    lacks: list[str] = []
    for reply, what, lack in (
        (providers, "package providers", _lack_of_provider(providers)),
        (repositories, "repositories", _lack_of_repository(asked.repository, repositories)),
    ):
        if _stopped_by_policy(reply):
            lacks.append("an execution policy that lets PowerShellGet run (execution_policy)")
        elif reply.state is not ReplyState.DONE or reply.errors:
            return Unreadable(f"{what}: {why_unread(reply)}")
        else:
            lacks.append(lack)
    if asked.newer_arguments:
        lacks.append(_lack_of_arguments(modules))
    return tuple(dict.fromkeys(filter(None, lacks)))


def _stopped_by_policy(reply: Reply) -> bool:
    return any(error.name == _NO_SCRIPTS for error in reply.errors)


def _lack_of_provider(reply: Reply) -> str:
    version = provider_version(reply, NUGET)
    if version is not None and numbers(version) >= numbers(NUGET_VERSION):
        return ""
    return f"NuGet provider {NUGET_VERSION} or later (win_package_provider)"


def _lack_of_repository(name: str, reply: Reply) -> str:
    return "" if named(reply, name) else f"repository {name} (win_psrepository)"


def _lack_of_arguments(modules: Reply) -> str:
    versions = [copy.version for copy in copies_of(modules, POWERSHELLGET)]
    if any(numbers(version) >= numbers(_NEWER_ARGUMENTS) for version in versions):
        return ""
    return f"PowerShellGet {_NEWER_ARGUMENTS} or later (win_psmodule)"


def _copies(asked: Asked, modules: Reply) -> list[Copy]:
    """The copies in the scope; those of Windows itself and of other paths belong to none."""
    return [copy for copy in copies_of(modules, asked.name) if scope_of(copy.folder) == asked.scope]


def _elsewhere(asked: Asked, modules: Reply) -> frozenset[str]:
    """The versions in the other scope of PowerShellGet."""
    copies = copies_of(modules, asked.name)
    return frozenset(canonical(copy.version) for copy in copies if scope_of(copy.folder) not in (asked.scope, None))
