"""The simulated registry: sharing, denials, and what the provider cmdlets do to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.lab.enums import RegistryValueKind
from runner.lab.registry import AccessDenied, Registry, RegistryValue
from tests.lab.engine_support import KEY, PATH, command, echo, machine, one, run

VALUE = RegistryValue("Value", RegistryValueKind.DWord, 1)
NAMES = st.text(st.characters(blacklist_characters="\\", blacklist_categories=("Cs",)), min_size=1, max_size=8)


def test_names_are_found_in_any_case_and_keep_their_own() -> None:
    registry = Registry()
    registry.set_value("HKLM\\Software\\Straße", VALUE)
    registry.set_value("hklm\\SOFTWARE\\STRASSE", RegistryValue("VALUE", RegistryValueKind.String, "x"))

    key = registry.find("HKEY_LOCAL_MACHINE\\software\\Straße")

    assert key is not None
    assert key.name == "Straße"
    assert [(value.name, value.data) for value in key.values.values()] == [("Value", "x")]


@given(st.lists(st.tuples(NAMES, NAMES, st.integers(0, 9)), max_size=12))
def test_a_copy_never_sees_what_the_other_changes(writes: list[tuple[str, str, int]]) -> None:
    original = Registry()
    original.set_value("HKLM\\A", VALUE)
    copy = original.copy()
    for key, name, data in writes:
        copy.set_value(f"HKLM\\A\\{key}", RegistryValue(name, RegistryValueKind.DWord, data))
    copy.remove_value("HKLM\\A", "value")

    kept = original.find("HKLM\\A")
    assert kept is not None
    assert (list(kept.values.values()), dict(kept.subkeys)) == ([VALUE], {})


@given(st.lists(st.tuples(NAMES, st.integers(0, 9)), max_size=12))
def test_the_last_write_of_a_name_counts(writes: list[tuple[str, int]]) -> None:
    registry = Registry()
    for name, data in writes:
        registry.set_value("HKLM\\A", RegistryValue(name, RegistryValueKind.DWord, data))

    expected = {name.casefold(): data for name, data in writes}
    key = registry.find("HKLM\\A")
    stored = {} if key is None else {folded: value.data for folded, value in key.values.items()}
    assert stored == expected


def test_a_denied_key_denies_what_is_below_it() -> None:
    registry = Registry()
    registry.set_value("HKLM\\A\\B", VALUE)
    registry.deny("HKLM\\A", "write")
    registry.deny("HKLM\\A\\B", "read")

    assert registry.read("HKLM\\A") is not None
    with pytest.raises(AccessDenied):
        registry.check_write("HKLM\\A")
    with pytest.raises(AccessDenied):
        registry.read("HKLM\\A\\B")


@pytest.mark.parametrize(
    ("denial", "call", "told_error"),
    [
        ("read", command("Get-ItemProperty", LiteralPath=KEY), True),
        ("read", command("Get-Item", LiteralPath=KEY), True),
        ("write", command("Get-Item", LiteralPath=KEY), False),
        ("write", command("Set-ItemProperty", LiteralPath=KEY, Name="V", Value=1, Type="DWord"), True),
        ("write", command("New-Item", Path=f"{KEY}\\New"), True),
        ("write", command("Remove-Item", LiteralPath=KEY), True),
    ],
)
def test_a_denied_key_is_a_permission_error_and_stays_as_it_is(denial: str, call: object, told_error: bool) -> None:
    host = machine(deny={PATH: denial})
    before = host.registry.find(PATH)

    told = one(host, call)  # type: ignore[arg-type]

    assert told.errors == (["System.Security.SecurityException"] if told_error else [])
    assert [r.CategoryInfo.Category.name for r in told.records] == (["PermissionDenied"] if told_error else [])
    assert host.registry.find(PATH) == before
    assert host.changes == []


def test_every_change_is_logged_with_before_and_after() -> None:
    host = machine()
    write = command("Set-ItemProperty", LiteralPath=KEY, Name="V", Value=7, Type="DWord")
    run(host, (write,), (write,), (command("Remove-ItemProperty", LiteralPath=KEY, Name="V"),))

    value = RegistryValue("V", RegistryValueKind.DWord, 7)
    assert [(change.before, change.after) for change in host.changes] == [(None, value), (value, None)]


def test_a_new_key_with_force_is_empty_afterwards() -> None:
    host = machine(registry={"HKLM\\SOFTWARE\\Lab\\App": {"V": 1}, "HKLM\\SOFTWARE\\Lab\\App\\Sub": {}})
    one(host, command("New-Item", Path=f"{KEY}\\App", Force=True))

    key = host.registry.find("HKLM\\SOFTWARE\\Lab\\App")
    assert key is not None
    assert (dict(key.values), dict(key.subkeys)) == ({}, {})


def test_removing_a_key_with_subkeys_without_recurse_asks_and_does_nothing() -> None:
    host = machine(registry={"HKLM\\SOFTWARE\\Lab\\App\\Sub": {}})
    told = run(host, echo("one"), (command("Remove-Item", LiteralPath=f"{KEY}\\App", Force=True, Confirm=False),))

    assert told.reason == "HostFunctionNotImplemented"
    assert host.registry.find("HKLM\\SOFTWARE\\Lab\\App\\Sub") is not None


@given(st.integers(0, 2**32 - 1))
def test_a_dword_reads_back_as_it_was_written(number: int) -> None:
    host = machine()
    one(host, command("Set-ItemProperty", LiteralPath=KEY, Name="V", Value=str(number), Type="DWord"))
    told = one(host, command("Get-ItemProperty", LiteralPath=KEY), command("ForEach-Object", MemberName="V"))

    assert told.values == [number]
    assert type(told.values[0]).__name__ == ("PSInt" if number < 2**31 else "PSUInt")
