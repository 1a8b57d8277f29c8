r"""Package providers, first of all the NuGet provider that PowerShellGet needs: `win_package_provider`.

Ansible has no such module. Facts: groundtruth/pwsh76/gallery.md (P1, P2), domain.md 4.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from types import MappingProxyType
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from runner.model.command import Reply, ReplyState, Statement, command
from runner.model.content import Contents, Slice
from runner.model.state import Desired, Property, State, Unreadable
from runner.model.value import Value
from runner.modules.base import Impossible, Irreversible, Requires, Round, Shown, StateModule, why_unread
from runner.modules.locations import Location
from runner.modules.psmodule_answers import PROVIDERS, provider_version
from runner.modules.psmodule_failures import explained
from runner.modules.psmodule_folders import FOUND_FOLDERS, PROGRAM_FILES, Folders, found_folders, question
from runner.modules.psmodule_reading import NUGET, NUGET_VERSION
from runner.modules.psmodule_sources import SourcedArguments, provider_in, with_package
from runner.modules.psmodule_versions import Version, numbers
from runner.modules.registry import fold
from runner.modules.sending import complaint

_ASSEMBLIES = f"{PROGRAM_FILES}\\PackageManagement\\ProviderAssemblies"  # domain.md 4.5
VERSION = "version"


class PackageProviderArguments(SourcedArguments):
    name: str = Field(NUGET, description="The provider's name")
    minimum_version: Version = Field(NUGET_VERSION, description='At least this version, quoted: "2.8.5.201"')
    source: str | None = Field(
        None, description="Without internet: the provider's folder of a host that has it, on the controller"
    )
    scope: Literal["AllUsers", "CurrentUser"] = Field("AllUsers", description="For whom it is installed")
    proxy: Location | None = Field(None, description="The proxy through which it is downloaded: http://NAME:PORT")

    @model_validator(mode="after")
    def _is_for_all(self) -> Self:
        if self.source is not None and self.scope == "CurrentUser":
            problem = "source is for all users: nobody can say where another account's folders are"
            raise PydanticCustomError("provider_scope", problem)
        return self


class WinPackageProvider(StateModule[PackageProviderArguments]):
    name = "win_package_provider"
    summary = "Package providers, such as the NuGet provider that PowerShellGet needs"
    notes = (
        "A provider that is there in any scope counts, as it does for PowerShellGet.",
        "Providers are downloaded from addresses of Microsoft, over TLS 1.2.",
        "Without internet, source is the provider's folder of a host that has it: "
        "C:\\Program Files\\PackageManagement\\ProviderAssemblies\\nuget, with a folder for each version.",
        "Windows has no command that removes a provider; only one that came from a source can be taken back.",
    )
    examples = """\
- name: The NuGet provider, without which PowerShellGet asks and nobody answers
  win_package_provider:
    name: NuGet
    minimum_version: "2.8.5.201"
"""
    arguments = PackageProviderArguments
    requires = Requires(powershell="5.1", below="6.0")  # providers of PowerShell 7 come with it (nonuget.* on 7.6)
    timeout = 600.0
    usual_seconds = 20.0
    volatile = frozenset({VERSION})  # which one came is told, and not asked for
    fresh_process = True

    def with_contents(self, arguments: PackageProviderArguments, contents: Contents) -> PackageProviderArguments:
        return with_package(arguments, contents, partial(provider_in, minimum=arguments.minimum_version))

    def sends(self, arguments: PackageProviderArguments) -> tuple[Slice, ...]:
        return arguments.sent

    def key(self, arguments: PackageProviderArguments) -> str:
        return fold(arguments.name)

    def shown(self, arguments: PackageProviderArguments) -> Shown:
        return Shown("provider", f"{arguments.name} {arguments.minimum_version} or later")

    def read(self, wanted: Sequence[PackageProviderArguments], rounds: Sequence[Round]) -> tuple[Statement, ...]:
        if rounds:
            return ()
        folders = [found for arguments in wanted if (found := _folders(arguments)) is not None]
        return (PROVIDERS, *dict.fromkeys(map(question, folders)))

    def observe(
        self, wanted: Sequence[PackageProviderArguments], rounds: Sequence[Round]
    ) -> tuple[State | Unreadable, ...]:
        answers = dict(zip(rounds[0].statements, rounds[0].replies, strict=True))
        return tuple(_state(arguments, answers) for arguments in wanted)

    def desired(self, arguments: PackageProviderArguments, before: State) -> Desired | Impossible:
        folders = _folders(arguments)
        if not before.exists and folders is not None and folders.target in found_folders(before):
            return Impossible(f"{folders.target} exists, but holds no provider that Windows knows: remove it")
        return Desired(True)

    def write(self, arguments: PackageProviderArguments, before: State) -> tuple[Statement, ...]:
        folders = _folders(arguments)
        if folders is not None and arguments.package is not None:
            return arguments.package.arrival(folders, found_folders(before))
        proxy: dict[str, Value] = {} if arguments.proxy is None else {"Proxy": arguments.proxy}
        return (
            (
                command(
                    "Install-PackageProvider",
                    Name=arguments.name,
                    MinimumVersion=arguments.minimum_version,
                    Scope=arguments.scope,
                    **proxy,
                    Force=True,
                ),
                command("Select-Object", Property=("Name", "Version")),
            ),
        )

    def judge(self, statement: Statement, reply: Reply) -> str | None:
        if reply.state is ReplyState.UNSEEN:
            return None
        return complaint(statement, reply) or explained(reply) or super().judge(statement, reply)

    def undo(
        self, arguments: PackageProviderArguments, before: State, after: State
    ) -> tuple[Statement, ...] | Irreversible:
        folders = _folders(arguments)
        if folders is None:
            return Irreversible(f"Windows has no command that removes the provider {arguments.name}")
        return folders.removal(found_folders(before))


def _folders(arguments: PackageProviderArguments) -> Folders | None:
    """Where a source goes; None for what is downloaded. A provider's folder is written in lower case."""
    if arguments.package is None:
        return None
    return Folders(f"{_ASSEMBLIES}\\{arguments.name.lower()}\\{arguments.package.version}")


def _state(arguments: PackageProviderArguments, answers: dict[Statement, Reply]) -> State | Unreadable:
    """It exists if it is new enough; an older one is told as the version of what does not exist."""
    reply = answers[PROVIDERS]
    if reply.state is not ReplyState.DONE or reply.errors:
        return Unreadable(f"package providers: {why_unread(reply)}")
    version = provider_version(reply, arguments.name)
    exists = version is not None and numbers(version) >= numbers(arguments.minimum_version)
    properties: dict[str, Property] = {} if version is None else {VERSION: version}
    folders = _folders(arguments)
    if folders is not None and not exists:
        there = folders.found(answers[question(folders)])
        if isinstance(there, Unreadable):
            return there
        properties[FOUND_FOLDERS] = there
    return State(exists, MappingProxyType(properties))
