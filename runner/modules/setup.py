"""Facts of a host: `setup`, also known as gather_facts.

Names and meanings are Ansible's (ansible.windows, plugins/modules/setup.ps1) where Ansible has the fact; those of .NET,
the reboot signals, the build and the culture are ours (domain.md 3.3, 6.1). Windows' own properties come from CIM,
which no recording covers (design section 6).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from pydantic import Field

from runner.model.command import Reply, ReplyState, Statement, command
from runner.model.state import Unreadable
from runner.model.value import PSObject, Value, Version
from runner.modules.base import Arguments, FactModule, Facts, Round, errors_of
from runner.modules.reboot_signals import evaluate, signals
from runner.modules.registry import parse_key
from runner.modules.registry_reading import Asked, Finding, FoundValue, Missing, conclude, next_round


def _instance(class_name: str, *properties: str) -> Statement:
    """Select-Object keeps what CIM adds of its own away from the wire."""
    return (
        command("Get-CimInstance", ClassName=class_name, Property=properties),
        command("Select-Object", Property=properties),
    )


_SYSTEM = _instance(
    "Win32_OperatingSystem", "Caption", "Version", "OSArchitecture", "ProductType", "LastBootUpTime", "LocalDateTime"
)
_COMPUTER = _instance("Win32_ComputerSystem", "Name", "DNSHostName", "Domain", "PartOfDomain", "TotalPhysicalMemory")
_POWERSHELL = (
    command("Get-Variable", Name="PSVersionTable", ValueOnly=True),
    command("ForEach-Object", MemberName="PSVersion"),
)
_CULTURE = (command("Get-Culture"), command("Select-Object", Property=("Name",)))
_PRODUCT_TYPES = MappingProxyType({1: "workstation", 2: "domain_controller", 3: "server"})
_DOTNET = (  # domain.md 3.3: lowest Release of each version
    (533320, "4.8.1"),
    (528040, "4.8"),
    (461808, "4.7.2"),
    (461308, "4.7.1"),
    (460798, "4.7"),
    (394802, "4.6.2"),
    (393295, "4.6"),
    (378389, "4.5"),
)
_RELEASE = Asked(parse_key("HKLM:\\SOFTWARE\\Microsoft\\NET Framework Setup\\NDP\\v4\\Full"), "Release", lineage=False)
_INSTALLATION = Asked(
    parse_key("HKLM:\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"),
    "InstallationType",
    expanded=True,
    lineage=False,
)
_FEATURE_RESTART = Asked(
    parse_key("HKLM:\\SOFTWARE\\Microsoft\\ServerManager\\ServicingStorage\\ServerComponentCache"),
    "RestartRequired",
    expanded=True,
    lineage=False,
)


class SetupArguments(Arguments):
    unsupported = frozenset({"fact_path", "filter", "gather_subset", "gather_timeout"})
    looked_up = frozenset({"wanted"})

    wanted: tuple[str, ...] = Field((), description="The facts that are read; without it all are")


class _Unknown(Exception):
    """A fact cannot be told; the text says why."""


@dataclass(frozen=True, slots=True)
class _Answers:
    """The replies of the one round. Every getter raises _Unknown where the answer is not what it must be."""

    replies: Mapping[Statement, Reply]
    registry: Mapping[Asked, Finding]

    def text(self, asked: Statement, name: str) -> str:
        value = _cell(self.replies[asked], name)
        if not isinstance(value, str):
            raise _Unknown(f"{name} did not come")
        return value.strip()

    def number(self, asked: Statement, name: str) -> int:
        value = _cell(self.replies[asked], name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise _Unknown(f"{name} did not come")
        return int(value)

    def flag(self, asked: Statement, name: str) -> bool:
        value = _cell(self.replies[asked], name)
        if not isinstance(value, bool):
            raise _Unknown(f"{name} did not come")
        return value

    def moment(self, name: str) -> datetime:
        value = _cell(self.replies[_SYSTEM], name)
        if not isinstance(value, datetime):
            raise _Unknown(f"{name} did not come")
        return value

    def registered(self, asked: Asked) -> FoundValue | Missing:
        found = self.registry[asked]
        if isinstance(found, Unreadable):
            raise _Unknown(found.reason)
        if not isinstance(found, (FoundValue, Missing)):
            raise _Unknown(f"{asked.key.shown}: no value came")
        return found


def _cell(reply: Reply, name: str) -> Value:
    output = _output(reply)
    return output.get(name) if isinstance(output, PSObject) else None


def _output(reply: Reply) -> Value:
    if reply.state is not ReplyState.DONE or len(reply.outputs) != 1:
        raise _Unknown(errors_of(reply) or "the host did not answer")
    return reply.outputs[0]


def _product_type(answers: _Answers) -> str:
    return _PRODUCT_TYPES.get(answers.number(_SYSTEM, "ProductType"), "unknown")


def _os_version(answers: _Answers) -> str:
    """As .NET's Environment.OSVersion writes it, with a fourth number that is always 0 there."""
    return f"{answers.text(_SYSTEM, 'Version')}.0"


def _fqdn(answers: _Answers) -> str:
    name, domain = answers.text(_COMPUTER, "DNSHostName"), _domain(answers)
    return f"{name}.{domain}" if domain else name


def _domain(answers: _Answers) -> str:
    return answers.text(_COMPUTER, "Domain") if answers.flag(_COMPUTER, "PartOfDomain") else ""


def _powershell(answers: _Answers) -> str:
    """System.Version in Windows PowerShell, a SemanticVersion object in PowerShell 6 and later."""
    value = _output(answers.replies[_POWERSHELL])
    if isinstance(value, Version):
        return str(value)
    if isinstance(value, PSObject) and value.has("Major"):
        return ".".join(
            str(int(part)) for name in ("Major", "Minor", "Patch") if isinstance(part := value.get(name), int)
        )
    raise _Unknown("PSVersion did not come")


def _installation(answers: _Answers) -> str | None:
    found = answers.registered(_INSTALLATION)
    return str(found.data) if isinstance(found, FoundValue) and isinstance(found.data, str) else None


def _dotnet_release(answers: _Answers) -> int:
    found = answers.registered(_RELEASE)
    return found.data if isinstance(found, FoundValue) and isinstance(found.data, int) else 0


def _dotnet_version(answers: _Answers) -> str:
    release = _dotnet_release(answers)
    return next((version for lowest, version in _DOTNET if release >= lowest), "")


def _signals(answers: _Answers) -> dict[str, dict[str, bool]]:
    found = evaluate(answers.registry)
    if isinstance(found, Unreadable):
        raise _Unknown(found.reason)
    return found


def _reboot_pending(answers: _Answers) -> bool:
    """Ansible's meaning, which counts the noisy file renames too."""
    found = _signals(answers)
    restart = answers.registered(_FEATURE_RESTART)
    by_feature = isinstance(restart, FoundValue) and bool(restart.data)
    return found["noisy"]["file_renames"] or found["strong"]["servicing_reboot_pending"] or by_feature


@dataclass(frozen=True, slots=True)
class _Fact:
    """A fact and what is asked for it: whole statements, and values of the registry."""

    name: str
    meaning: str
    asks: tuple[Statement | Asked, ...]
    value: Callable[[_Answers], Any]


_OF_SIGNALS = tuple(asked for signal in signals() for asked in signal.asked)
_FACTS = (
    _Fact(
        "ansible_distribution",
        "Windows as it calls itself, localised",
        (_SYSTEM,),
        lambda a: a.text(_SYSTEM, "Caption"),
    ),
    _Fact("ansible_distribution_version", "Version of Windows, such as 10.0.17763.0", (_SYSTEM,), _os_version),
    _Fact(
        "ansible_distribution_major_version",
        "Its first number, as text",
        (_SYSTEM,),
        lambda a: _os_version(a).split(".")[0],
    ),
    _Fact(
        "ansible_windows_build", "Its third number, the build", (_SYSTEM,), lambda a: int(_os_version(a).split(".")[2])
    ),
    _Fact("ansible_kernel", "The same as ansible_distribution_version", (_SYSTEM,), _os_version),
    _Fact("ansible_os_family", "Always Windows", (_SYSTEM,), lambda a: _os_version(a) and "Windows"),
    _Fact("ansible_os_name", "The same as ansible_distribution", (_SYSTEM,), lambda a: a.text(_SYSTEM, "Caption")),
    _Fact("ansible_os_product_type", "workstation, server or domain_controller", (_SYSTEM,), _product_type),
    _Fact(
        "ansible_os_installation_type",
        "Server, Server Core, Client; null if Windows does not say",
        (_INSTALLATION,),
        _installation,
    ),
    _Fact("ansible_system", "Always Win32NT", (_SYSTEM,), lambda a: _os_version(a) and "Win32NT"),
    _Fact(
        "ansible_architecture",
        "64-bit and the like, localised",
        (_SYSTEM,),
        lambda a: a.text(_SYSTEM, "OSArchitecture"),
    ),
    _Fact("ansible_hostname", "DNS host name without domain", (_COMPUTER,), lambda a: a.text(_COMPUTER, "DNSHostName")),
    _Fact("ansible_fqdn", "DNS host name, with the domain if it is a member of one", (_COMPUTER,), _fqdn),
    _Fact("ansible_nodename", "The same as ansible_fqdn", (_COMPUTER,), _fqdn),
    _Fact("ansible_netbios_name", "NetBIOS name", (_COMPUTER,), lambda a: a.text(_COMPUTER, "Name")),
    _Fact("ansible_domain", "DNS domain of a member, otherwise empty", (_COMPUTER,), _domain),
    _Fact("ansible_windows_domain", "Domain, or workgroup", (_COMPUTER,), lambda a: a.text(_COMPUTER, "Domain")),
    _Fact(
        "ansible_windows_domain_member",
        "Member of a domain or not",
        (_COMPUTER,),
        lambda a: a.flag(_COMPUTER, "PartOfDomain"),
    ),
    _Fact(
        "ansible_memtotal_mb",
        "Physical memory in MiB, rounded up",
        (_COMPUTER,),
        lambda a: math.ceil(a.number(_COMPUTER, "TotalPhysicalMemory") / 2**20),
    ),
    _Fact(
        "ansible_lastboot",
        "Last start of Windows, in the host's own time",
        (_SYSTEM,),
        lambda a: f"{a.moment('LastBootUpTime'):%Y-%m-%d %H:%M:%S}Z",
    ),
    _Fact(
        "ansible_uptime_seconds",
        "Seconds since then, by the host's own clock",
        (_SYSTEM,),
        lambda a: int((a.moment("LocalDateTime") - a.moment("LastBootUpTime")).total_seconds()),
    ),
    _Fact(
        "ansible_powershell_version",
        "Main version of PowerShell",
        (_POWERSHELL,),
        lambda a: int(_powershell(a).split(".")[0]),
    ),
    _Fact("ansible_powershell_full_version", "Whole version of PowerShell, as text", (_POWERSHELL,), _powershell),
    _Fact(
        "ansible_dotnet_release",
        "Release number of .NET Framework 4.5 or later; 0 if older",
        (_RELEASE,),
        _dotnet_release,
    ),
    _Fact(
        "ansible_dotnet_version",
        ".NET Framework 4.5 or later, such as 4.7.2; empty if older",
        (_RELEASE,),
        _dotnet_version,
    ),
    _Fact("ansible_culture", "Culture of our session, such as ja-JP", (_CULTURE,), lambda a: a.text(_CULTURE, "Name")),
    _Fact(
        "ansible_reboot_pending",
        "Ansible's meaning: noisy signals count too",
        (_FEATURE_RESTART, *_OF_SIGNALS),
        _reboot_pending,
    ),
    _Fact(
        "ansible_reboot_signals", "Signals by weight (strong, medium, noisy), each true or false", _OF_SIGNALS, _signals
    ),
)


class Setup(FactModule[SetupArguments]):
    name = "setup"
    aliases = ("ansible.windows.setup", "ansible.builtin.setup")
    summary = "Facts of a host: those that tasks use, or all of them where it is a task of its own"
    notes = ("A fact that cannot be read is never guessed: a task that uses it fails and says why.",)
    examples = """\
- name: Read the facts again
  setup:
"""
    arguments = SetupArguments
    names = MappingProxyType({fact.name: fact.meaning for fact in _FACTS})
    volatile = frozenset({"ansible_uptime_seconds"})

    def gathering(self, names: Collection[str]) -> SetupArguments:
        return SetupArguments(wanted=tuple(sorted(names)))

    def read(self, arguments: SetupArguments, rounds: Sequence[Round]) -> tuple[Statement, ...]:
        statements, values = _asked(arguments)
        registry = next_round(values, _registry_rounds(rounds, statements)) if values else ()
        return registry if rounds else (*statements, *registry)

    def observe(self, arguments: SetupArguments, rounds: Sequence[Round]) -> Facts:
        statements, asked = _asked(arguments)
        found = conclude(asked, _registry_rounds(rounds, statements)) if asked else ()
        replies = dict(zip(statements, rounds[0].replies[: len(statements)], strict=True))
        answers = _Answers(replies, dict(zip(asked, found, strict=True)))
        values: dict[str, Any] = {}
        unreadable: dict[str, str] = {}
        for fact in _facts(arguments):
            try:
                values[fact.name] = fact.value(answers)
            except _Unknown as reason:
                unreadable[fact.name] = str(reason)
        return Facts(values, unreadable)


def _facts(arguments: SetupArguments) -> tuple[_Fact, ...]:
    return tuple(fact for fact in _FACTS if not arguments.wanted or fact.name in arguments.wanted)


@lru_cache(maxsize=64)  # the hosts of a play are asked the same
def _asked(arguments: SetupArguments) -> tuple[tuple[Statement, ...], tuple[Asked, ...]]:
    """The statements, and what is asked of the registry, each once."""
    asks = dict.fromkeys(one for fact in _facts(arguments) for one in fact.asks)
    values = tuple(one for one in asks if isinstance(one, Asked))
    return tuple(one for one in asks if not isinstance(one, Asked)), values


def _registry_rounds(rounds: Sequence[Round], statements: Sequence[Statement]) -> list[Round]:
    """The rounds as the registry reading knows them: without the other questions of the first."""
    others = len(statements)
    return [
        Round(one.statements[others if index == 0 else 0 :], one.replies[others if index == 0 else 0 :])
        for index, one in enumerate(rounds)
    ]
