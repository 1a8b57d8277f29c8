"""The client's settings on the WSMan: drive: objects, the store behind them, Group Policy, and what is refused."""

from __future__ import annotations

import pytest

from runner.lab.enums import RegistryValueKind
from runner.lab.errors import REFUSAL
from runner.lab.machine import Machine
from tests.lab.engine_support import Told, command, machine, one

CLIENT = "WSMan:\\localhost\\Client"
BASIC = f"{CLIENT}\\Auth\\Basic"
STORE = "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WSMAN\\Client"
POLICY = "HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows\\WinRM\\Client"
COLUMNS = ["PSPath", "Value", "SourceOfValue"]


def asked(host: Machine, path: object, *columns: str, by: str = "LiteralPath") -> Told:
    return one(host, command("Get-Item", **{by: path}), command("Select-Object", Property=list(columns) or COLUMNS))


def column(told: Told, name: str) -> list[object]:
    return [getattr(value, name) for value in told.values]


def set_to(host: Machine, path: str, value: object, **more: object) -> Told:
    return one(host, command("Set-Item", LiteralPath=path, Value=value, **more))


def stored(host: Machine, name: str) -> tuple[RegistryValueKind, object] | None:
    key = host.registry.find(STORE)
    value = key.value(name) if key else None
    return (value.kind, value.data) if value else None


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("Auth\\Basic", "true"),
        ("Auth\\Digest", "true"),
        ("Auth\\Kerberos", "true"),
        ("Auth\\Negotiate", "true"),
        ("Auth\\Certificate", "true"),
        ("Auth\\CredSSP", "false"),
        ("AllowUnencrypted", "false"),
        ("NetworkDelayms", "5000"),
        ("TrustedHosts", ""),
        ("DefaultPorts\\HTTP", "5985"),
        ("DefaultPorts\\HTTPS", "5986"),
    ],
)
def test_a_fresh_machine_has_the_documented_defaults(setting: str, value: str) -> None:
    told = asked(machine(), f"{CLIENT}\\{setting}")

    assert (column(told, "Value"), column(told, "SourceOfValue")) == ([value], [None])


def test_paths_are_found_in_any_spelling_and_shown_in_one() -> None:
    for by in ("LiteralPath", "Path"):
        told = asked(machine(), "wsman:/LOCALHOST/client/AUTH/basic", by=by)

        assert column(told, "PSPath") == ["Microsoft.WSMan.Management\\WSMan::localhost\\Client\\Auth\\Basic"]


def test_a_container_is_a_leaf_element_of_the_type_container() -> None:
    told = asked(machine(), f"{CLIENT}\\Auth", "Name", "Type", "Value", "PSIsContainer")

    assert [column(told, name) for name in ("Name", "Type", "Value", "PSIsContainer")] == [
        ["Auth"],
        ["Container"],
        [None],
        [True],
    ]


def test_a_list_of_the_client_has_its_settings_in_their_order() -> None:
    told = one(
        machine(), command("Get-ChildItem", LiteralPath=CLIENT), command("Select-Object", Property=["Name", "Type"])
    )

    assert column(told, "Name") == [
        *("NetworkDelayms", "URLPrefix", "AllowUnencrypted", "Auth", "DefaultPorts", "TrustedHosts")
    ]


def test_a_hole_in_a_list_is_one_error_at_its_place() -> None:
    told = asked(machine(), [f"{CLIENT}\\Auth\\None", BASIC])

    assert (told.errors, column(told, "Value")) == (["PathNotFound"], ["true"])


@pytest.mark.parametrize(
    ("path", "kind", "found"),
    [
        (BASIC, None, True),
        (f"{CLIENT}\\Auth\\None", None, False),
        (BASIC, "Leaf", True),
        (BASIC, "Container", False),
        (f"{CLIENT}\\Auth", "Container", True),
        (f"{CLIENT}\\Auth\\None", "Leaf", False),
    ],
)
def test_test_path(path: str, kind: str | None, found: bool) -> None:
    arguments = {"PathType": kind} if kind else {}

    assert one(machine(), command("Test-Path", LiteralPath=path, **arguments)).values == [found]


@pytest.mark.parametrize("value", [False, "False", "false"])
def test_a_switch_is_kept_as_a_dword(value: object) -> None:
    host = machine()
    told = set_to(host, BASIC, value, Force=True)

    assert (told.state, told.values) == ("Completed", [])
    assert stored(host, "auth_basic") == (RegistryValueKind.DWord, 0)
    assert column(asked(host, BASIC), "Value") == ["false"]


def test_a_number_is_kept_as_a_dword_and_a_list_of_hosts_as_text() -> None:
    host = machine()
    set_to(host, f"{CLIENT}\\NetworkDelayms", 7000)
    set_to(host, f"{CLIENT}\\TrustedHosts", "a,b", Force=True)

    assert stored(host, "network_delay") == (RegistryValueKind.DWord, 7000)
    assert stored(host, "trusted_hosts") == (RegistryValueKind.String, "a,b")


def test_trusted_hosts_are_asked_about_without_force() -> None:
    host = machine()

    assert set_to(host, f"{CLIENT}\\TrustedHosts", "a").reason == "HostFunctionNotImplemented"
    assert stored(host, "trusted_hosts") is None


def test_what_if_changes_nothing() -> None:
    host = machine()

    assert set_to(host, BASIC, False, WhatIf=True).state == "Completed"
    assert stored(host, "auth_basic") is None


def test_group_policy_wins_and_is_named_as_the_source() -> None:
    host = machine(registry={STORE: {"auth_basic": 1}}, policy={"registry": {POLICY: {"AllowBasic": 0}}})
    told = asked(host, [BASIC, f"{CLIENT}\\Auth\\Digest"])

    assert (column(told, "Value"), column(told, "SourceOfValue")) == (["false", "true"], ["GPO", None])


def test_what_group_policy_owns_cannot_be_set_and_what_stands_beside_it_can() -> None:
    host = machine(policy={"registry": {POLICY: {"AllowBasic": 0}}})
    told = set_to(host, BASIC, True, Force=True)

    assert (told.state, told.reason, stored(host, "auth_basic")) == ("Failed", "WsManError", None)
    assert set_to(host, f"{CLIENT}\\Auth\\Digest", False).state == "Completed"


def test_a_policy_for_trusted_hosts_is_a_switch_and_a_list() -> None:
    host = machine(registry={POLICY: {"TrustedHosts": 1, "TrustedHostsList": "*.contoso.com"}})
    told = asked(host, f"{CLIENT}\\TrustedHosts")

    assert (column(told, "Value"), column(told, "SourceOfValue")) == (["*.contoso.com"], ["GPO"])


@pytest.mark.parametrize(
    "refused",
    [
        command("Get-Item", LiteralPath="WSMan:\\localhost\\Service\\Auth\\Basic"),
        command("Get-Item", LiteralPath="WSMan:\\"),
        command("Get-Item", LiteralPath="WSMan:\\other\\Client"),
        command("Get-Item", Path=f"{CLIENT}\\Auth\\*"),
        command("Get-Item", LiteralPath=[BASIC, "HKLM:\\SOFTWARE"]),
        command("Get-ChildItem", LiteralPath=CLIENT, Recurse=True),
        command("Get-ChildItem", LiteralPath=BASIC),
        command("Get-ItemProperty", LiteralPath=BASIC),
        command("Remove-Item", LiteralPath=BASIC),
        command("Set-Item", LiteralPath="WSMan:\\localhost\\Service\\Auth\\Basic", Value=False),
        command("Set-Item", LiteralPath=f"{CLIENT}\\Auth", Value=False),
        command("Set-Item", LiteralPath=BASIC, Value="perhaps"),
        command("Set-Item", LiteralPath=BASIC, Value=True, PassThru=True),
        command("Set-Item", LiteralPath=f"{CLIENT}\\TrustedHosts", Value="a", Concatenate=True),
        command("Set-Item", LiteralPath=f"{CLIENT}\\TrustedHosts", Value=5),
    ],
)
def test_the_lab_refuses_by_name_what_it_does_not_know(refused: object) -> None:
    host = machine()
    told = one(host, refused)  # type: ignore[arg-type]

    assert REFUSAL in (told.reason, *told.errors)
    assert host.changes == []


def test_a_whole_object_is_not_sent_for_its_drive_is_not_known() -> None:
    assert REFUSAL in (one(machine(), command("Get-Item", LiteralPath=BASIC)).reason or "")


def test_a_closed_store_is_refused_by_name() -> None:
    told = set_to(machine(deny={STORE: "write"}), BASIC, False, Force=True)

    assert told.reason == REFUSAL
