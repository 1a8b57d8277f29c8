r"""Reads settings of the WinRM client in one round: what acts, what the machine itself has, and what a policy says.

What acts is asked of the WSMan: drive, the rest is read in the registry (domain.md 3.4). The policy of trusted hosts is
two values: a switch and the list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from runner.model.command import Reply, ReplyState, Statement, command
from runner.model.state import Property, State, Unreadable
from runner.model.value import PSObject
from runner.modules import registry_reading
from runner.modules.base import Round, why_unread
from runner.modules.registry import fold, parse_key
from runner.modules.registry_reading import Asked, Finding, FoundValue

VALUE, LOCAL, SOURCE, POLICY = "value", "local", "source", "policy"
BY_GROUP_POLICY = "GPO"
STORE = parse_key("HKLM:\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WSMAN\\Client")
POLICY_KEY = parse_key("HKLM:\\SOFTWARE\\Policies\\Microsoft\\Windows\\WinRM\\Client")
_CLIENT = "WSMan:\\localhost\\Client"
_SWITCHES = MappingProxyType({"true": True, "false": False})


class Kind(StrEnum):
    SWITCH = "switch"
    NUMBER = "number"
    HOSTS = "hosts"


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting: its path on the WSMan: drive, its value in the store, and the values of its policy (may be none)."""

    path: str
    stored: str
    kind: Kind
    policies: tuple[str, ...]

    def parsed(self, text: str) -> bool | int | str | None:
        """The value that WS-Management writes as this text; None for text that cannot be one."""
        if self.kind is Kind.SWITCH:
            return _SWITCHES.get(text.casefold())
        if self.kind is Kind.NUMBER:
            return int(text) if text.isascii() and text.isdecimal() else None
        return text

    def is_same(self, left: Property, right: Property) -> bool:
        """Hosts in another order, or in other case, are the same hosts."""
        if self.kind is Kind.HOSTS and isinstance(left, str) and isinstance(right, str):
            return set(map(fold, hosts(left))) == set(map(fold, hosts(right)))
        return left == right


def _switch(place: str, stored: str, *policies: str) -> Setting:
    return Setting(f"{_CLIENT}\\{place}", stored, Kind.SWITCH, policies)


SETTINGS: Mapping[str, Setting] = MappingProxyType(  # by the name of the argument
    {
        "basic": _switch("Auth\\Basic", "auth_basic", "AllowBasic"),
        "digest": _switch("Auth\\Digest", "auth_digest", "AllowDigest"),
        "kerberos": _switch("Auth\\Kerberos", "auth_kerberos", "AllowKerberos"),
        "negotiate": _switch("Auth\\Negotiate", "auth_negotiate", "AllowNegotiate"),
        "certificate": _switch("Auth\\Certificate", "auth_certificate"),
        "credssp": _switch("Auth\\CredSSP", "auth_credssp", "AllowCredSSP"),
        "allow_unencrypted": _switch("AllowUnencrypted", "allow_unencrypted", "AllowUnencryptedTraffic"),
        "trusted_hosts": Setting(
            f"{_CLIENT}\\TrustedHosts", "trusted_hosts", Kind.HOSTS, ("TrustedHosts", "TrustedHostsList")
        ),
        "network_delay_ms": Setting(f"{_CLIENT}\\NetworkDelayms", "network_delay", Kind.NUMBER, ()),
    }
)


def hosts(text: str) -> list[str]:
    """The names in a list of trusted hosts."""
    return [name for part in text.split(",") if (name := part.strip())]


def next_round(settings: Sequence[Setting], rounds: Sequence[Round]) -> tuple[Statement, ...]:
    """The statements of the next round; () when enough is known."""
    asked = _registry_questions(settings)
    if rounds:
        return registry_reading.next_round(asked, _registry_rounds(rounds))
    drive = (
        command("Get-Item", LiteralPath=tuple(setting.path for setting in _unique(settings))),
        command("Select-Object", Property=("PSPath", "Value", "SourceOfValue")),
    )
    return (drive, *registry_reading.next_round(asked, ()))


def conclude(settings: Sequence[Setting], rounds: Sequence[Round]) -> tuple[State | Unreadable, ...]:
    """What the answers say of each setting."""
    shown = _shown(rounds[0].replies[0])
    asked = _registry_questions(settings)
    found = dict(zip(asked, registry_reading.conclude(asked, _registry_rounds(rounds)), strict=True))
    return tuple(_state(setting, shown, found) for setting in settings)


def _unique(settings: Sequence[Setting]) -> tuple[Setting, ...]:
    return tuple(dict.fromkeys(settings))


def _local(setting: Setting) -> Asked:
    return Asked(STORE, setting.stored, contents=True, expanded=True, lineage=False)


def _policies(setting: Setting) -> tuple[Asked, ...]:
    return tuple(Asked(POLICY_KEY, name, contents=True, expanded=True, lineage=False) for name in setting.policies)


def _registry_questions(settings: Sequence[Setting]) -> tuple[Asked, ...]:
    return tuple(asked for setting in _unique(settings) for asked in (_local(setting), *_policies(setting)))


def _registry_rounds(rounds: Sequence[Round]) -> list[Round]:
    """The rounds without the statement that asks the drive, the first of all."""
    first, *rest = rounds
    return [Round(first.statements[1:], first.replies[1:]), *rest]


def _shown(reply: Reply) -> dict[str, PSObject] | Unreadable:
    """What the drive shows, by the folded path of each setting from the host on."""
    found = {}
    for output in reply.outputs:
        if isinstance(output, PSObject) and isinstance(path := output.get("PSPath"), str):
            found[fold(path.partition("::")[2])] = output
    if reply.state is not ReplyState.DONE or (reply.errors and not found):
        return Unreadable(f"the WinRM client: {why_unread(reply)}")
    return found


def _state(
    setting: Setting, shown: dict[str, PSObject] | Unreadable, found: Mapping[Asked, Finding]
) -> State | Unreadable:
    if isinstance(shown, Unreadable):
        return shown
    item = shown.get(fold(setting.path.partition("\\")[2]))
    text = item.get("Value") if item else None
    value = setting.parsed(text) if isinstance(text, str) else None
    if item is None or value is None:
        return Unreadable(f"{setting.path}: the host shows no value that can be understood")
    local = found[_local(setting)]
    policies = {asked.name: found[asked] for asked in _policies(setting)}
    troubled = next((one for one in (local, *policies.values()) if isinstance(one, Unreadable)), None)
    if troubled is not None:
        return troubled
    source = item.get("SourceOfValue")
    properties: dict[str, Property] = {
        VALUE: value,
        LOCAL: _local_value(setting, local),
        SOURCE: source if isinstance(source, str) and source else None,
        POLICY: ", ".join(f"{name} = {one.data!s}" for name, one in policies.items() if isinstance(one, FoundValue))
        or None,
    }
    return State(True, MappingProxyType(properties))


def _local_value(setting: Setting, finding: Finding) -> Property:
    if not isinstance(finding, FoundValue):
        return None
    is_switch = setting.kind is Kind.SWITCH and isinstance(finding.data, int)
    return bool(finding.data) if is_switch else finding.data
