"""PowerShell modules, from a repository or from the controller, several versions side by side: `win_psmodule`.

Argument names, choices and defaults are Ansible's (community.windows, plugins/modules/win_psmodule.py), but for
`repository`, which is one by name; `scope`, `proxy`, `source` and `sha256` are ours. What PowerShellGet does and does
not: groundtruth/pwsh76/gallery.md, domain.md 4.3 to 4.6, design section 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import PureWindowsPath
from types import MappingProxyType
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from runner.model.command import Command, Reply, ReplyState, Statement, command
from runner.model.content import Contents
from runner.model.state import Desired, Property, State, Unreadable, Wish, promised
from runner.model.value import Value
from runner.modules.base import Implied, Impossible, Irreversible, Requires, Round, Shown, StateModule
from runner.modules.psmodule_failures import explained, warned
from runner.modules.psmodule_folders import FOUND_FOLDERS, PROGRAM_FILES, Folders, found_folders, remove
from runner.modules.psmodule_reading import (
    AS_FOLDER,
    ELSEWHERE,
    FOLDERS,
    INSTALLED,
    LACKS,
    VERSIONS,
    Asked,
    Road,
    conclude,
    next_round,
)
from runner.modules.psmodule_sources import SourcedArguments, module_in, with_package
from runner.modules.psmodule_versions import canonical, checked, newest_first, numbers
from runner.modules.registry import fold
from runner.modules.sending import complaint

MODULE = "win_psmodule"
_MODULES = f"{PROGRAM_FILES}\\WindowsPowerShell\\Modules"  # of scope AllUsers (domain.md 4.4)


class PSModuleArguments(SourcedArguments):
    unsupported = frozenset({"force", "password", "url", "username"})

    name: str = Field(description="The module's name")
    state: Literal["present", "absent"] = Field("present", description="Whether it is to be there")
    required_version: str | None = Field(
        None, description='Exactly this version, quoted: "3.1.0". With state absent only this one is removed'
    )
    minimum_version: str | None = Field(None, description="At least this version; if none is there, the newest comes")
    maximum_version: str | None = Field(None, description="At most this version")
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
    proxy: str | None = Field(None, description="The proxy through which the repository is reached: http://NAME:PORT")

    @field_validator("state", mode="before")
    @classmethod
    def _is_supported(cls, state: object) -> object:
        if state == "latest":
            message = "latest is not supported: a plan says exactly what it installs; name a required_version"
            raise PydanticCustomError("module_state", message)
        return state

    @field_validator("required_version", "minimum_version", "maximum_version")
    @classmethod
    def _is_version(cls, version: str | None) -> str | None:
        return checked(version)

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
            left = _left(arguments, before)
            return Desired(True, {INSTALLED: False, VERSIONS: left}) if left else Desired(False)
        wishes: dict[str, Wish] = {INSTALLED: True}
        if LACKS in before.properties:
            wishes[LACKS] = ()
        if before.properties.get(INSTALLED) is True:
            return Desired(True, wishes)
        folders = _folders(arguments)
        if folders is not None and folders.target in found_folders(before):
            return Impossible(
                f"{folders.target} exists, but Windows lists no module in it: look what it is and remove it"
            )
        if (exact := _exact(arguments)) is not None:
            wishes[VERSIONS] = newest_first((*_texts(before, VERSIONS), exact))
        return Desired(True, wishes)

    def promise(self, arguments: PSModuleArguments, before: State, desired: Desired) -> State:
        """All that is read afterwards; what was read for the way there is not read any more."""
        if arguments.state == "absent":
            return State(desired.exists, MappingProxyType({INSTALLED: False, VERSIONS: _left(arguments, before)}))
        return promised(State(False), desired)

    def over(
        self, arguments: PSModuleArguments, before: State, earlier: Sequence[tuple[PSModuleArguments, State]]
    ) -> State:
        """Earlier tasks may have brought or taken other versions of the module."""
        for other, after in earlier:
            if _whole(other) == _whole(arguments) and VERSIONS in after.properties:
                before = _over(arguments, before, _texts(after, VERSIONS))
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
            return folders.removal(found_folders(before))
        if version is None:
            return Irreversible("which version comes is not known before: name a required_version to be able to")
        if before.properties.get(ELSEWHERE):
            return Irreversible("the version is in another scope too, and Uninstall-Module cannot be told which it is")
        return ((_uninstall(arguments.name, version),),)


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


def _texts(state: State, name: str) -> tuple[str, ...]:
    found = state.properties.get(name)
    return found if isinstance(found, tuple) else ()


def _left(arguments: PSModuleArguments, before: State) -> tuple[str, ...]:
    """The versions that stay when those that a task removes are gone."""
    asked = _asked(arguments)
    return tuple(version for version in _texts(before, VERSIONS) if not asked.counts(version))


def _over(arguments: PSModuleArguments, before: State, versions: tuple[str, ...]) -> State:
    """What is known of a module with other versions of it there; the first one brings its folders along."""
    folders = _folders(arguments)
    there = found_folders(before)
    made = [path for path in folders.line if path not in there] if folders and versions else []
    found: dict[str, Property] = {
        INSTALLED: any(map(_asked(arguments).counts, versions)),
        VERSIONS: versions,
        FOUND_FOLDERS: (*there, *made),
    }
    seen = {name: value for name, value in found.items() if name in before.properties}
    return State(bool(versions), MappingProxyType({**before.properties, **seen}))


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


def _uninstall(name: str, version: str) -> Command:
    return command("Uninstall-Module", Name=name, RequiredVersion=version)


def _removal(arguments: PSModuleArguments, before: State) -> list[Statement]:
    """What PowerShellGet installed it removes, by the very text of its folder (V1); a copied folder is removed."""
    as_folder = _texts(before, AS_FOLDER)
    return [
        remove(folder) if folder in as_folder else (_uninstall(arguments.name, PureWindowsPath(folder).name),)
        for folder in _texts(before, FOLDERS)
    ]
