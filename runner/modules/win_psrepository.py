r"""The repositories of PowerShellGet and whether they are trusted: `win_psrepository`.

Argument names, choices and defaults are Ansible's (community.windows, plugins/modules/win_psrepository.py). Facts:
groundtruth/pwsh76/gallery.md (P3 to P5).
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from runner.model.command import Command, Reply, ReplyState, Statement, command
from runner.model.secret import has_account, without_accounts
from runner.model.state import Desired, State, Unreadable, Wish
from runner.model.value import Value
from runner.modules.base import Arguments, Impossible, Irreversible, Requires, Round, Shown, StateModule, why_unread
from runner.modules.locations import Location
from runner.modules.psmodule_answers import REPOSITORIES, named
from runner.modules.psmodule_failures import explained
from runner.modules.registry import fold

# Its location is fixed: Register-PSRepository -Default (repo.register-psgallery-name, repo.get-all).
PSGALLERY, PSGALLERY_LOCATION = "PSGallery", "https://www.powershellgallery.com/api/v2"
LOCATION, POLICY = "source_location", "installation_policy"
_POLICIES = MappingProxyType({"trusted": "Trusted", "untrusted": "Untrusted"})


class PSRepositoryArguments(Arguments):
    aliases = MappingProxyType({"source": "source_location"})
    unsupported = frozenset({"force", "publish_location", "script_publish_location", "script_source_location"})

    name: str = Field(description="The repository's name")
    source_location: Location | None = Field(
        None, description="Its feed (https://...) or folder (\\\\SERVER\\SHARE); needed to register a new one"
    )
    installation_policy: Literal["trusted", "untrusted"] | None = Field(
        None, description="Whether its modules are installed without a question; a new one is trusted if not said"
    )
    state: Literal["present", "absent"] = Field("present", description="Whether it is to be registered")
    proxy: Location | None = Field(
        None, description="The proxy through which the location is looked at: http://NAME:PORT"
    )

    @field_validator("name")
    @classmethod
    def _is_name(cls, name: str) -> str:
        """Get-PSRepository takes wildcards, Register- and Unregister-PSRepository refuse them."""
        if not name or set(name) & set("*?[]"):
            raise PydanticCustomError("repository_name", "the name of one repository is wanted, without wildcards")
        return name

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.source_location is not None and fold(self.name) == fold(PSGALLERY):
            message = "the location of PSGallery is fixed: leave source_location out, or give another name"
            raise PydanticCustomError("repository_location", message)
        return self


class WinPSRepository(StateModule[PSRepositoryArguments]):
    name = "win_psrepository"
    aliases = ("community.windows.win_psrepository",)
    summary = "Repositories that PowerShell modules are installed from"
    notes = (
        "Repositories belong to the account that connects, not to the computer.",
        "PSGallery itself is registered again with its own location.",
        "To trust a repository is not needed for win_psmodule, which installs from untrusted ones too.",
        "A location is given without user and password: a plan would show them. An account that stands in the location "
        "of a repository is shown as a mask, and cannot be brought back.",
        "PSGallery can be neither registered nor trusted while it cannot be reached: Windows raises no error then, and "
        "the task ends as not converged.",
    )
    examples = """\
- name: The feed inside the house
  win_psrepository:
    name: Internal
    source_location: https://feed.example.com/nuget/powershell
    installation_policy: trusted
"""
    arguments = PSRepositoryArguments
    requires = Requires(powershell="5.1")
    timeout = 300.0
    fresh_process = True

    def key(self, arguments: PSRepositoryArguments) -> str:
        return fold(arguments.name)

    def shown(self, arguments: PSRepositoryArguments) -> Shown:
        return Shown("repository", arguments.name)

    def read(self, wanted: Sequence[PSRepositoryArguments], rounds: Sequence[Round]) -> tuple[Statement, ...]:
        return () if rounds else (REPOSITORIES,)

    def observe(
        self, wanted: Sequence[PSRepositoryArguments], rounds: Sequence[Round]
    ) -> tuple[State | Unreadable, ...]:
        (reply,) = rounds[0].replies
        return tuple(_state(arguments, reply) for arguments in wanted)

    def desired(self, arguments: PSRepositoryArguments, before: State) -> Desired | Impossible:
        if arguments.state == "absent":
            return Desired(False)
        wishes: dict[str, Wish] = {
            name: value
            for name, value in ((LOCATION, arguments.source_location), (POLICY, arguments.installation_policy))
            if value is not None
        }
        if before.exists:
            return Desired(True, wishes)
        if _is_psgallery(arguments):
            wishes[LOCATION] = PSGALLERY_LOCATION
        if LOCATION not in wishes:
            return Impossible(f"repository {arguments.name} is not registered, and without source_location cannot be")
        return Desired(True, {POLICY: "trusted", **wishes})

    def write(self, arguments: PSRepositoryArguments, before: State) -> tuple[Statement, ...]:
        wanted = self.desired(arguments, before)
        if isinstance(wanted, Impossible):
            return ()
        if not wanted.exists:
            return (_unregister(arguments),)
        wishes = {name: str(wish) for name, wish in wanted.properties.items() if wish != before.properties.get(name)}
        return (_set(arguments, wishes) if before.exists else _register(arguments, wishes),)

    def judge(self, statement: Statement, reply: Reply) -> str | None:
        if reply.state is ReplyState.UNSEEN:
            return None
        return explained(reply) or super().judge(statement, reply)

    def undo(
        self, arguments: PSRepositoryArguments, before: State, after: State
    ) -> tuple[Statement, ...] | Irreversible:
        if not before.exists:
            return (_unregister(arguments),)
        earlier = {name: str(value) for name, value in before.properties.items()}
        changed = {name: value for name, value in earlier.items() if value != after.properties.get(name)}
        if has_account(changed.get(LOCATION, "")):
            return Irreversible("the location that it has holds an account, which is not kept: register it by hand")
        return (_set(arguments, changed) if after.exists else _register(arguments, earlier),)


def _is_psgallery(arguments: PSRepositoryArguments) -> bool:
    return fold(arguments.name) == fold(PSGALLERY)


def _state(arguments: PSRepositoryArguments, reply: Reply) -> State | Unreadable:
    if reply.state is not ReplyState.DONE or reply.errors:
        return Unreadable(f"repositories: {why_unread(reply)}")
    found = named(reply, arguments.name)
    if found is None:
        return State(False)
    location, policy = found.get("SourceLocation"), found.get("InstallationPolicy")
    if not isinstance(location, str) or str(policy).lower() not in _POLICIES:
        return Unreadable(f"repository {arguments.name}: its location or policy did not come")
    wanted = arguments.source_location
    shown = wanted if wanted is not None and _bare(wanted) == _bare(location) else without_accounts(location)
    return State(True, MappingProxyType({LOCATION: shown, POLICY: str(policy).lower()}))


def _bare(location: str) -> str:
    """A location without what makes no other place of it."""
    return location.rstrip("/\\").casefold()


def _register(arguments: PSRepositoryArguments, values: dict[str, str]) -> Statement:
    if _is_psgallery(arguments):
        return (_with(arguments, "Register-PSRepository", {"Default": True}, {POLICY: values[POLICY]}),)
    return (_with(arguments, "Register-PSRepository", {"Name": arguments.name}, values),)


def _set(arguments: PSRepositoryArguments, values: dict[str, str]) -> Statement:
    return (_with(arguments, "Set-PSRepository", {"Name": arguments.name}, values),)


def _with(arguments: PSRepositoryArguments, name: str, head: dict[str, Value], values: dict[str, str]) -> Command:
    location: dict[str, Value] = {"SourceLocation": values[LOCATION]} if LOCATION in values else {}
    policy: dict[str, Value] = {"InstallationPolicy": _POLICIES[values[POLICY]]} if POLICY in values else {}
    proxy: dict[str, Value] = {} if arguments.proxy is None else {"Proxy": arguments.proxy}
    return command(name, **head, **location, **policy, **proxy)


def _unregister(arguments: PSRepositoryArguments) -> Statement:
    return (command("Unregister-PSRepository", Name=arguments.name),)
