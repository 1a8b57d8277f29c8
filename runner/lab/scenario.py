"""Scenarios: YAML that describes a fleet, its faults, and what a run must find on it.

Passwords in a scenario are of use in the lab only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from runner.lab.endpoint_spec import EndpointSpec
from runner.lab.faults import AT_ADDRESS, Fault
from runner.lab.host import ChannelBinding
from runner.lab.module_spec import VersionText
from runner.lab.spec import MachineSpec
from runner.model.outcome import HostResult

Phase = Literal["check", "apply", "recheck"]
PackageName = Annotated[str, Field(pattern=r"^\w[\w.-]*$")]  # a file is named after it


class ScenarioError(Exception):
    """A scenario that cannot be used; each line of the text is `file:line:column: what is wrong`."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AccountSpec(_Strict):
    """The account of a host. With a domain, only `DOMAIN\\user` logs on; without one it is local."""

    user: str = Field(default="Administrator", pattern=r"^[^:\\@]+$")
    password: SecretStr = SecretStr("Lab-Passw0rd")
    domain: str = ""
    locked: bool = False
    password_expired: bool = False
    lockout_after: int = Field(default=0, ge=0)  # so many bad passwords lock it; 0: never


class Expectation(_Strict):
    """What a phase must find on a host; `changes` is their number, or what they are about in order, if it matters."""

    outcome: HostResult
    changes: int | tuple[str, ...] | None = None


class HostSpec(MachineSpec):
    """One host, or with `count` a template of NAME-001, NAME-002, ...: a machine, its WinRM service, its faults."""

    count: int | None = Field(default=None, ge=1)
    account: AccountSpec | None = None  # that of the scenario unless given
    rights: Literal["administrator", "none"] = "administrator"
    auth: Literal["ntlm", "negotiate", "kerberos", "basic", "certificate"] = "ntlm"
    channel_binding: ChannelBinding = ChannelBinding.RELAXED
    tls: bool | None = None  # by default with basic and certificate only
    allow_unencrypted: bool = False
    max_shells_per_user: int = Field(default=30, ge=1)
    max_envelope_kb: int = Field(default=500, ge=32)
    configurations: dict[str, EndpointSpec] = Field(default_factory=lambda: {"Microsoft.PowerShell": EndpointSpec()})
    configuration: str = "Microsoft.PowerShell"  # the one that the inventory leads to
    groups: tuple[str, ...] = ()
    inventory: dict[str, str | int | bool] = Field(default_factory=dict)  # variables that win over the right ones
    faults: tuple[Fault, ...] = ()
    attested: dict[Phase, tuple[str, ...]] = Field(default_factory=dict)  # what a person confirms before a phase
    expect: dict[Phase, Expectation] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_its_configuration(self) -> HostSpec:
        if self.configuration not in self.configurations:
            raise ValueError(f"there is no configuration {self.configuration} among {', '.join(self.configurations)}")
        return self

    @property
    def uses_tls(self) -> bool:
        """Whether the inventory names the TLS port."""
        return self.auth in ("basic", "certificate") if self.tls is None else self.tls

    @property
    def address_fault(self) -> Fault | None:
        """The fault that lies in the address that the inventory names."""
        return next((fault for fault in self.faults if fault.what in AT_ADDRESS), None)


class Scenario(_Strict):
    """A fleet and what is expected of runs on it. `exit_codes` are those of the command of each phase.

    `packages` are modules by name and version that the controller has as files; a host's `inventory` names their
    folder as `{{ lab_directory }}/packages`.
    """

    description: str
    playbook: str = "strong-crypto"  # the playbook that it is written for, by its name in playbooks/
    account: AccountSpec = AccountSpec()
    packages: dict[PackageName, tuple[VersionText, ...]] = Field(default_factory=dict)
    hosts: dict[str, HostSpec] = Field(min_length=1)
    exit_codes: dict[Phase, int] = Field(default_factory=dict)

    def expand(self, hosts: int | None = None) -> Iterator[tuple[str, HostSpec]]:
        """The single hosts by name.

        Without `hosts`, each entry as often as its `count` says. With it, that many hosts: the entries are gone
        through again and again, in the proportion of their counts, and numbered NAME-001, NAME-002, ...
        """
        if hosts is None:
            for name, spec in self.hosts.items():
                if spec.count is None:
                    yield name, spec
                else:
                    yield from ((f"{name}-{number:03d}", spec) for number in range(1, spec.count + 1))
            return
        pattern = [item for item in self.hosts.items() for _ in range(item[1].count or 1)]
        numbers = dict.fromkeys(self.hosts, 0)
        for index in range(hosts):
            name, spec = pattern[index % len(pattern)]
            numbers[name] += 1
            yield f"{name}-{numbers[name]:03d}", spec


def scenario_names() -> list[str]:
    """The names of the scenarios that come with the lab."""
    return sorted(Path(file.name).stem for file in _packaged().iterdir() if file.name.endswith(".yml"))


def load_scenario(path_or_name: str | Path) -> Scenario:
    """Load a scenario: a file, or the name of one that comes with the lab.

    Raises ScenarioError with every mistake of the file at its place.
    """
    path = Path(path_or_name)
    if path.suffix in (".yml", ".yaml") or len(path.parts) > 1:
        try:
            return parse_scenario(path.read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise ScenarioError(f"{path}: cannot be read: {error}") from error
    if str(path_or_name) not in scenario_names():
        raise ScenarioError(f"no scenario is called {path_or_name}; there are: {', '.join(scenario_names())}")
    return parse_scenario((_packaged() / f"{path}.yml").read_text(encoding="utf-8"), f"{path}.yml")


def parse_scenario(text: str, file: str) -> Scenario:
    """The scenario in this YAML text; `file` names it in errors. Raises ScenarioError."""
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        data = None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = "" if mark is None else f":{mark.line + 1}:{mark.column + 1}"
        raise ScenarioError(f"{file}{place}: {error.problem}") from error
    finally:
        loader.dispose()
    try:
        return Scenario.model_validate(data)
    except ValidationError as error:
        lines = [f"{file}{_place(node, item['loc'])}: {_field(item['loc'])}{item['msg']}" for item in error.errors()]
        raise ScenarioError("\n".join(lines)) from None  # the cause would show the input, passwords included


def _packaged() -> Traversable:
    return resources.files("runner.lab") / "scenarios"


def _field(location: Sequence[str | int]) -> str:
    return f"{'.'.join(map(str, location))}: " if location else ""


def _place(node: yaml.Node | None, location: Sequence[str | int]) -> str:
    """Line and column of the deepest part of a location that is in the file."""
    mark = None if node is None else node.start_mark
    for step in location:
        child: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(step):
                    mark, child = key.start_mark, value
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            child = node.value[step]
            mark = child.start_mark
        if child is None:
            break
        node = child
    return "" if mark is None else f":{mark.line + 1}:{mark.column + 1}"
