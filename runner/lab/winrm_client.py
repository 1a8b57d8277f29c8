r"""The settings of a machine's WinRM client: defaults, the local store in the registry, and Group Policy, which wins.

Names, defaults and stores: domain.md 3.4. The policy for trusted hosts is two values (`TrustedHosts` 1 and
`TrustedHostsList`), as the ADMX template writes them. A setting can be changed while a policy owns another one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from runner.lab.enums import RegistryValueKind
from runner.lab.errors import Terminating, not_simulated
from runner.lab.machine import Machine
from runner.lab.registry import AccessDenied, RegistryData, RegistryValue

STORE = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WSMAN\\Client"
POLICY = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\Microsoft\\Windows\\WinRM\\Client"
GROUP_POLICY = "GPO"
_SWITCHES = {0: "false", 1: "true"}
_HIGHEST = 0xFFFFFFFF


class SettingKind(StrEnum):
    SWITCH = "switch"
    NUMBER = "number"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class ClientSetting:
    """One setting: its place below `Client`, its value's name in the store, and in the policy if it has one."""

    path: tuple[str, ...]
    stored: str
    kind: SettingKind
    default: str
    policy: str = ""

    @property
    def name(self) -> str:
        return self.path[-1]


@dataclass(frozen=True, slots=True)
class Effective:
    """A value as WS-Management shows it, always as text; `by_policy` if Group Policy gives it."""

    text: str
    by_policy: bool


def _switch(path: tuple[str, ...], stored: str, default: str, policy: str) -> ClientSetting:
    return ClientSetting(path, stored, SettingKind.SWITCH, default, policy)


CLIENT_SETTINGS = (  # in the order of winrm/config/client
    ClientSetting(("NetworkDelayms",), "network_delay", SettingKind.NUMBER, "5000"),
    ClientSetting(("URLPrefix",), "url_prefix", SettingKind.TEXT, "wsman"),
    _switch(("AllowUnencrypted",), "allow_unencrypted", "false", "AllowUnencryptedTraffic"),
    _switch(("Auth", "Basic"), "auth_basic", "true", "AllowBasic"),
    _switch(("Auth", "Digest"), "auth_digest", "true", "AllowDigest"),
    _switch(("Auth", "Kerberos"), "auth_kerberos", "true", "AllowKerberos"),
    _switch(("Auth", "Negotiate"), "auth_negotiate", "true", "AllowNegotiate"),
    _switch(("Auth", "Certificate"), "auth_certificate", "true", ""),
    _switch(("Auth", "CredSSP"), "auth_credssp", "false", "AllowCredSSP"),
    ClientSetting(("DefaultPorts", "HTTP"), "defaultports_http", SettingKind.NUMBER, "5985"),
    ClientSetting(("DefaultPorts", "HTTPS"), "defaultports_https", SettingKind.NUMBER, "5986"),
    ClientSetting(("TrustedHosts",), "trusted_hosts", SettingKind.TEXT, "", "TrustedHosts"),
)


def effective(machine: Machine, setting: ClientSetting) -> Effective:
    """What holds for a setting. Raises Terminating for values that Windows is not known to understand."""
    owned = _value(machine, POLICY, setting.policy) if setting.policy else None
    if owned is not None:
        if setting.kind is SettingKind.TEXT:
            listed = _value(machine, POLICY, f"{setting.policy}List")
            if owned != 1 or not isinstance(listed, str):
                raise Terminating(not_simulated(f"a policy {setting.policy} without its list"))
            return Effective(listed, by_policy=True)
        return Effective(_shown(setting, owned), by_policy=True)
    stored = _value(machine, STORE, setting.stored)
    return Effective(setting.default if stored is None else _shown(setting, stored), by_policy=False)


def store(machine: Machine, setting: ClientSetting, text: str) -> None:
    """Keep a value in the local store. Raises Terminating for one of which it is not known what Windows makes of it."""
    try:
        machine.registry.check_write(STORE)
    except AccessDenied:
        raise Terminating(not_simulated("a change of the WinRM client whose registry key is closed")) from None
    machine.set_value(STORE, _stored(setting, text))


def _stored(setting: ClientSetting, text: str) -> RegistryValue:
    if setting.kind is SettingKind.TEXT:
        return RegistryValue(setting.stored, RegistryValueKind.String, text)
    numbers = {word: number for number, word in _SWITCHES.items()}
    number = numbers.get(text.casefold()) if setting.kind is SettingKind.SWITCH else _number(text)
    if number is None:
        raise Terminating(not_simulated(f"the value {text!r} for {setting.name} of the WinRM client"))
    return RegistryValue(setting.stored, RegistryValueKind.DWord, number)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and int(text) <= _HIGHEST else None


def _shown(setting: ClientSetting, data: RegistryData) -> str:
    if setting.kind is SettingKind.TEXT and isinstance(data, str):
        return data
    if setting.kind is SettingKind.NUMBER and isinstance(data, int):
        return str(data)
    if setting.kind is SettingKind.SWITCH and isinstance(data, int) and data in _SWITCHES:
        return _SWITCHES[data]
    raise Terminating(not_simulated(f"the registry value {data!r} for {setting.name} of the WinRM client"))


def _value(machine: Machine, path: str, name: str) -> RegistryData | None:
    try:
        key = machine.registry.read(path)
    except AccessDenied:
        raise Terminating(not_simulated("the WinRM client with a closed registry key")) from None
    value = key.value(name) if key else None
    return value.data if value else None
