"""PowerShell modules, from a repository or from the controller, several versions side by side: `win_psmodule`.

Argument names, choices and defaults are Ansible's (community.windows, plugins/modules/win_psmodule.py), but for
`repository`, which is one by name; `scope`, `proxy`, `source` and `sha256` are ours. What PowerShellGet does and does
not: groundtruth/pwsh76/gallery.md, domain.md 4.3 to 4.6, design section 7.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import PureWindowsPath
from types import MappingProxyType
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from runner.model.command import Command, Reply, ReplyState, Statement, command
from runner.model.content import Contents, Slice
from runner.model.state import Desired, State, Unreadable, Wish, promised
from runner.model.value import Value
from runner.modules.base import Implied, Impossible, Irreversible, Requires, Round, Shown, StateModule
from runner.modules.locations import Location
from runner.modules.psmodule_copies import remove_code, remove_files
from runner.modules.psmodule_effects import left, listed_beside, over, texts
from runner.modules.psmodule_failures import explained, warned
from runner.modules.psmodule_folders import PROGRAM_FILES, Folders, found_folders, remove
from runner.modules.psmodule_reading import (
    AS_FOLDER,
    ELSEWHERE,
    FOLDERS,
    INSTALLED,
    LACKS,
    OWN_FILES,
    VERSIONS,
    Asked,
    Road,
    conclude,
    next_round,
)
from runner.modules.psmodule_sources import SourcedArguments, module_in, with_package
from runner.modules.psmodule_versions import Version, canonical, is_version, newest_first, numbers, spellings
from runner.modules.registry import fold
from runner.modules.sending import complaint

MODULE = "win_psmodule"
_MODULES = f"{PROGRAM_FILES}\\WindowsPowerShell\\Modules"  # of scope AllUsers (domain.md 4.4)


class PSModuleArguments(SourcedArguments):
    unsupported = frozenset({"force", "password", "url", "username"})

    name: str = Field(description="The module's name")
    state: Literal["present", "absent"] = Field("present", description="Whether it is to be there")
    required_version: Version | None = Field(
        None, description='Exactly this version, quoted: "3.1.0". With state absent only this one is removed'
    )
    minimum_version: Version | None = Field(
        None, description="At least this version; if none is there, the newest comes"
    )
    maximum_version: Version | None = Field(None, description="At most this version")
    repository: str = Field(
        "PSGallery", description="The one repository that it is installed from; Ansible looks into all that there are"
    )
    scope: Literal["AllUsers", "CurrentUser"] = Field(
        "AllUsers", description="CurrentUser is the account that connects: accounts of services do not see it"
    )
    accept_license: bool = Field(False, description="Accept the module's licence; needs PowerShellGet 1.6.0")
    allow_clobber: bool = Field(False, description="Its commands may have names that other modules' commands have")
    allow_prerelease: bool = Field(
        False, description="The newest version may be a prerelease; needs PowerShellGet 1.6.0"
    )
    skip_publisher_check: bool = Field(False, description="It may be signed by another publisher than the one there")
    proxy: Location | None = Field(
        None, description="The proxy through which the repository is reached: http://NAME:PORT"
    )

    @field_validator("state", mode="before")
    @classmethod
    def _is_supported(cls, state: object) -> object:
        if state == "latest":
            message = "latest is not supported: a plan says exactly what it installs; name a required_version"
            raise PydanticCustomError("module_state", message)
        return state

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        """What PowerShellGet refuses (K2), and what Ansible does."""
        has_range = self.minimum_version is not None or self.maximum_version is not None
        problem = ""
        if self.required_version is not None and has_range:
            problem = "required_version goes with neither minimum_version nor maximum_version"
        elif (
            self.minimum_version is not None
            and self.maximum_version is not None
            and numbers(self.minimum_version) > numbers(self.maximum_version)
        ):
            problem = "minimum_version is above maximum_version: no version is both"
        elif self.allow_prerelease and (has_range or self.state == "absent"):
            problem = "allow_prerelease goes with neither a range of versions nor state absent"
        elif self.source is not None and has_range:
            problem = "source holds one version: name it by required_version, or not at all"
        elif self.source is not None and self.state == "absent":
            problem = "source with state absent: nothing is installed"
        elif self.source is not None and self.scope == "CurrentUser":
            problem = "source is for all users: nobody can say where another account's Documents are"
        if problem:
            raise PydanticCustomError("module_arguments", problem)
        return self


class WinPSModule(StateModule[PSModuleArguments]):
    name = MODULE
    aliases = ("community.windows.win_psmodule",)
    summary = "PowerShell modules in exact versions, from a repository or from the controller"
    notes = (
        "Other versions stay where they are: a new one comes beside them, and the newest is loaded by default.",
        "What an installation needs and is not there yet (NuGet provider, repository, a newer PowerShellGet) is named "
        "in the plan as lacks; tasks before this one may bring it.",
        "PowerShellGet and PackageManagement are installed like any module; what comes after them gets a new process, "
        "since a loaded one cannot be replaced.",
        "From a repository, modules that it depends on come along; taking the task back leaves them.",
        "A source is copied as it is, without what it depends on. Its folder may hold several modules and versions.",
        "Uninstall-Module takes no scope: a version that is in both scopes is removed as a folder.",
        "A copy in the module's folder itself, without a folder of its version, is hidden by Windows once there is "
        "such a folder. With state absent it is looked for all the same, and nothing but its own files is removed.",
        "The manifest of a copied module goes last, so that Windows lists the module while a process holds a file.",
        "Modules are looked for where 64-bit Windows PowerShell of the connecting account looks: not in the profiles "
        "of other accounts, in Program Files (x86), where 32-bit programs look, or in the folders of PowerShell 7.",
        "What was removed cannot be brought back by the runner, for its files are not kept.",
    )
    examples = """\
- name: The module that Cloud Extender was verified with
  win_psmodule:
    name: ExchangeOnlineManagement
    required_version: "3.1.0"

- name: The same where there is no internet
  win_psmodule:
    name: ExchangeOnlineManagement
    required_version: "3.1.0"
    source: files/exchangeonlinemanagement.3.1.0.nupkg

- name: The retired one goes
  win_psmodule:
    name: ExchangeOnlineManagement
    required_version: "2.0.5"
    state: absent
"""
    arguments = PSModuleArguments
    requires = Requires(powershell="5.1", below="6.0")  # the module paths are Windows PowerShell's
    timeout = 600.0
    usual_seconds = 20.0
    volatile = frozenset({LACKS})  # somebody may bring it meanwhile
    fresh_process = True

    def with_contents(self, arguments: PSModuleArguments, contents: Contents) -> PSModuleArguments:
        look = partial(module_in, contents=contents, name=arguments.name, required=arguments.required_version)
        return with_package(arguments, contents, look)

    def sends(self, arguments: PSModuleArguments) -> tuple[Slice, ...]:
        return arguments.sent

    def key(self, arguments: PSModuleArguments) -> str:
        """Tasks of one module that name different versions are about different things."""
        if (exact := _exact(arguments)) is not None:
            return f"{_whole(arguments)}::{canonical(exact)}"
        bounds = [canonical(one) if one else "" for one in (arguments.minimum_version, arguments.maximum_version)]
        return f"{_whole(arguments)}::{' to '.join(bounds) if any(bounds) else ''}"

    def shown(self, arguments: PSModuleArguments) -> Shown:
        own = "" if arguments.scope == "AllUsers" else " of the connecting account"
        return Shown("module", f"{arguments.name}{own}")

    def read(self, wanted: Sequence[PSModuleArguments], rounds: Sequence[Round]) -> tuple[Statement, ...]:
        return next_round([_asked(arguments) for arguments in wanted], rounds)

    def observe(self, wanted: Sequence[PSModuleArguments], rounds: Sequence[Round]) -> tuple[State | Unreadable, ...]:
        return conclude([_asked(arguments) for arguments in wanted], rounds)

    def desired(self, arguments: PSModuleArguments, before: State) -> Desired | Impossible:
        if arguments.state == "absent":
            return _without(arguments, before)
        wishes: dict[str, Wish] = {LACKS: ()} if LACKS in before.properties else {}
        if before.properties.get(INSTALLED) is True:
            return Desired(True, {INSTALLED: True, **wishes})
        folders = _folders(arguments)
        if folders is not None and folders.target in found_folders(before):
            return Impossible(
                f"{folders.target} exists, but Windows lists no module in it: look what it is and remove it"
            )
        exact = _exact(arguments)
        if exact is None or VERSIONS not in before.properties:
            return Desired(True, {INSTALLED: True, **wishes})
        return Desired(True, {VERSIONS: newest_first((*listed_beside(before), exact)), **wishes})

    def promise(self, arguments: PSModuleArguments, before: State, desired: Desired) -> State:
        """All that is read afterwards; what was read for the way there is not read any more."""
        if arguments.state == "absent":
            return State(desired.exists, MappingProxyType({INSTALLED: False, **left(_asked(arguments), before)}))
        return State(True, MappingProxyType({INSTALLED: True, **promised(State(False), desired).properties}))

    def over(
        self, arguments: PSModuleArguments, before: State, earlier: Sequence[tuple[PSModuleArguments, State]]
    ) -> State:
        """Earlier tasks may have brought or taken other versions of the module."""
        for other, after in earlier:
            if _whole(other) == _whole(arguments):
                before = over(_asked(arguments), before, _asked(other), after)
        return before

    def implied(self, arguments: PSModuleArguments, desired: Desired) -> tuple[Implied, ...]:
        """A version that is to be there contradicts a task that removes them all."""
        return (Implied(MODULE, f"{_whole(arguments)}::", Desired(True)),) if arguments.state == "present" else ()

    def write(self, arguments: PSModuleArguments, before: State) -> tuple[Statement, ...]:
        if arguments.state == "absent":
            return tuple(_removal(arguments, before))
        if arguments.package is not None and (folders := _folders(arguments)) is not None:
            return arguments.package.arrival(folders, found_folders(before))
        return ((_install(arguments),),)

    def judge(self, statement: Statement, reply: Reply) -> str | None:
        """What installs nothing may say so in a warning only (K3): the state decides what it was worth."""
        if reply.state is ReplyState.UNSEEN:
            return None
        failure = complaint(statement, reply) or explained(reply) or super().judge(statement, reply)
        if failure is None and statement[0].name == "Install-Module" and reply.warnings:
            return f"{warned(reply)}; if it is not there, its licence may have to be accepted (accept_license)"
        return failure

    def undo(self, arguments: PSModuleArguments, before: State, after: State) -> tuple[Statement, ...] | Irreversible:
        if arguments.state == "absent":
            return Irreversible(f"the files of {arguments.name} are not kept: it would have to be installed anew")
        folders, version = _folders(arguments), _exact(arguments)
        if folders is not None:
            return (remove_code(folders.target, arguments.name), *folders.removal(found_folders(before)))
        if version is None:
            return Irreversible("which version comes is not known before: name a required_version to be able to")
        if before.properties.get(ELSEWHERE):
            return Irreversible("the version is in another scope too, and Uninstall-Module cannot be told which it is")
        return (_uninstall_as_listed(arguments.name, version),)


def _asked(arguments: PSModuleArguments) -> Asked:
    folders = _folders(arguments)
    road = Road.SOURCE if folders else Road.GALLERY
    return Asked(
        arguments.name,
        arguments.scope,
        Road.REMOVAL if arguments.state == "absent" else road,
        _exact(arguments),
        arguments.minimum_version,
        arguments.maximum_version,
        arguments.repository,
        arguments.accept_license or arguments.allow_prerelease,
        folders,
    )


def _whole(arguments: PSModuleArguments) -> str:
    """The module in its scope, whatever the version."""
    return f"{fold(arguments.name)}::{arguments.scope}"


def _exact(arguments: PSModuleArguments) -> str | None:
    """The one version that a task is about, as it is sent."""
    if arguments.package is not None:
        return arguments.package.version
    return arguments.required_version


def _folders(arguments: PSModuleArguments) -> Folders | None:
    """Where a source goes; None for what comes from a repository."""
    if arguments.package is None:
        return None
    return Folders(f"{_MODULES}\\{arguments.name}\\{arguments.package.version}")


def _without(arguments: PSModuleArguments, before: State) -> Desired:
    """What is wanted where a module is to go. Which versions stay cannot be said once an unknown one has come."""
    if VERSIONS not in before.properties:
        return Desired(True, {INSTALLED: False})
    versions = left(_asked(arguments), before)[VERSIONS]
    return Desired(True, {VERSIONS: versions}) if versions else Desired(False)


def _install(arguments: PSModuleArguments) -> Command:
    """One module, with everything named that would be asked for or guessed otherwise (design section 7)."""
    named: dict[str, Value] = {
        "RequiredVersion": arguments.required_version,
        "MinimumVersion": arguments.minimum_version,
        "MaximumVersion": arguments.maximum_version,
        "Scope": arguments.scope,
        "Repository": arguments.repository,
        "Proxy": arguments.proxy,
    }
    switches = {
        "AcceptLicense": arguments.accept_license,
        "AllowClobber": arguments.allow_clobber,
        "AllowPrerelease": arguments.allow_prerelease,
        "SkipPublisherCheck": arguments.skip_publisher_check,
    }
    given = {name: value for name, value in named.items() if value is not None}
    on = {name: True for name, value in switches.items() if value}
    return command("Install-Module", Name=arguments.name, **given, **on, Force=True, ErrorAction="Stop")


def _uninstall_as_listed(name: str, version: str) -> Statement:
    """By the very text that PowerShellGet has of a version: it takes no other (V1), and only the host knows it."""
    return (
        command("Get-InstalledModule", Name=name, AllVersions=True),
        command("Where-Object", Property="Version", In=True, Value=spellings(version)),
        command("Uninstall-Module"),
    )


def _removal(arguments: PSModuleArguments, before: State) -> Iterator[Statement]:
    """What PowerShellGet installed it removes, by the very text of its folder (V1); what was copied goes as files."""
    as_folder = texts(before, AS_FOLDER)
    for folder in texts(before, FOLDERS):
        text = PureWindowsPath(folder).name
        if not is_version(text):
            yield from remove_files(texts(before, OWN_FILES), arguments.name)
        elif folder in as_folder:
            yield from (remove_code(folder, arguments.name), remove(folder))
        else:
            yield (command("Uninstall-Module", Name=arguments.name, RequiredVersion=text),)
