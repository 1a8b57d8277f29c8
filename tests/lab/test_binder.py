"""The parameter binder (findings P1 to P8)."""

from __future__ import annotations

import pytest

from tests.lab.engine_support import KEY, command, machine, one


@pytest.mark.parametrize(
    ("call", "error_id"),
    [
        (command("Get-Item", NoSuch="x"), "NamedParameterNotFound"),
        (command("Get-Item", F="x", LiteralPath=KEY), "AmbiguousParameter"),
        (command("Get-Item", Path=KEY, LiteralPath=KEY), "AmbiguousParameterSet"),
        (command("Set-ItemProperty", LiteralPath=KEY, Name="x"), "MissingMandatoryParameter"),
        (command("Get-Item", KEY, "more", "evenmore"), "PositionalParameterNotFound"),
        (command("Select-Object", First="abc"), "CannotConvertArgumentNoMessage"),
        (command("Set-Service", Name=["a", "b"]), "CannotConvertArgument"),
        (command("Get-Item", LiteralPath=None), "ParameterArgumentValidationErrorNullNotAllowed"),
        (command("Get-Item", LiteralPath=[KEY, None]), "ParameterArgumentValidationErrorNullNotAllowed"),
        (command("Get-Item", LiteralPath=""), "ParameterArgumentValidationErrorEmptyStringNotAllowed"),
        (command("Get-Item", LiteralPath=[]), "ParameterArgumentValidationErrorEmptyArrayNotAllowed"),
        (command("Set-Service", Name="WinRM", Status="Gone"), "ParameterArgumentValidationError"),
        (command("Get-Item", LiteralPath=KEY, ErrorAction="Loud"), "CannotConvertArgumentNoMessage"),
        (command("Get-Item", LiteralPath=KEY, Force="true"), "CannotConvertArgumentNoMessage"),
        (command("Where-Object", FilterScript="1"), "CannotConvertArgumentNoMessage"),
    ],
)
def test_p1_a_call_that_does_not_bind_fails_with_the_engines_id(call: object, error_id: str) -> None:
    told = one(machine(), call)  # type: ignore[arg-type]

    assert (told.state, told.reason) == ("Failed", error_id)


def test_p1_a_parameter_given_twice_is_refused() -> None:
    twice = command("Get-Item", LiteralPath=KEY)
    told = one(machine(), type(twice)(twice.name, twice.parameters * 2))

    assert told.reason == "ParameterAlreadyBound"


@pytest.mark.parametrize("name", ["LiteralPath", "literalpath", "lit", "-LiteralPath", "-LiteralPath:", "PSPath", "LP"])
def test_p2_names_bind_in_any_case_by_prefix_alias_and_with_a_dash(name: str) -> None:
    told = one(machine(powershell="7.4.1"), command("Get-Item", **{name: KEY}))

    assert [value.PSChildName for value in told.values] == ["Lab"]  # type: ignore[attr-defined]


def test_p2_a_prefix_shared_with_common_parameters_means_the_cmdlets_own() -> None:
    told = one(machine(), command("Get-Service", Name="Spooler", D=True))

    assert told.state == "Failed", "-D is both -DependentServices and -DisplayName"
    assert told.reason == "AmbiguousParameter"


@pytest.mark.parametrize(
    ("given", "first"),
    [("2", 2), (" 2 ", 2), ("0x2", 2), (2.5, 2), (3.5, 4), ("", 0), (None, 0), ("1,0", 10)],
)
def test_p3_numbers_are_converted_invariantly(given: object, first: int) -> None:
    source = command("Write-Output", InputObject=list(range(20)))
    told = one(machine(), source, command("Select-Object", Last=given))

    assert len(told.values) == first


def test_p4_a_single_value_is_an_array_of_one() -> None:
    assert one(machine(), command("Test-Path", LiteralPath=KEY)).values == [True]


def test_p5_an_enumeration_takes_a_prefix_and_a_number() -> None:
    host = machine()
    one(host, command("Set-ItemProperty", LiteralPath=KEY, Name="V", Value="5", Type="dw"))
    one(host, command("Set-ItemProperty", LiteralPath=KEY, Name="W", Value="5", Type=11))

    key = host.registry.find("HKLM\\SOFTWARE\\Lab")
    assert key is not None
    assert [(value.kind.name, value.data) for value in key.values.values()] == [("DWord", 5), ("QWord", 5)]


def test_p8_an_object_that_binds_to_nothing_is_an_error_for_each() -> None:
    source = command("Write-Output", InputObject=[1, 2])
    told = one(machine(), source, command("Get-Culture"))

    assert (told.errors, told.state) == (["InputObjectNotBound"] * 2, "Completed")


def test_objects_bind_by_property_and_texts_by_value() -> None:
    host = machine(registry={"HKLM\\SOFTWARE\\Lab\\Br[a]ck": {"V": 1}})
    item = command("Get-Item", LiteralPath=f"{KEY}\\Br[a]ck")
    by_object = one(host, item, command("Get-ItemProperty"), command("ForEach-Object", MemberName="V"))
    by_text = one(
        host,
        command("Write-Output", InputObject=f"{KEY}\\Br*"),
        command("Get-ItemProperty"),
        command("ForEach-Object", MemberName="V"),
    )

    assert (by_object.values, by_text.values) == ([1], [1])


def test_positional_arguments_take_the_places_of_the_syntax() -> None:
    host = machine()
    one(host, command("Set-ItemProperty", KEY, "V", "text"))

    key = host.registry.find("HKLM\\SOFTWARE\\Lab")
    assert key is not None
    assert key.values["v"].data == "text"


@pytest.mark.parametrize(
    ("version", "call", "known"),
    [
        ("5.1.17763.1", command("Remove-Service", Name="Spooler"), False),
        ("7.4.1", command("Remove-Service", Name="Spooler"), True),
        ("4.0", command("Get-ItemPropertyValue", LiteralPath=KEY, Name="V"), False),
        ("5.1.17763.1", command("Set-Service", Name="Spooler", StartupType="AutomaticDelayedStart"), False),
        ("7.4.1", command("Set-Service", Name="Spooler", StartupType="AutomaticDelayedStart"), True),
        ("7.4.1", command("Get-Service", Name="Spooler", ComputerName="x"), False),
    ],
)
def test_commands_and_parameters_belong_to_powershell_versions(version: str, call: object, known: bool) -> None:
    told = one(machine(powershell=version), call)  # type: ignore[arg-type]

    assert (told.state == "Completed") is known
