"""The lab's own table of commands passes the same check: nothing in it is invented, on any Windows it is offered on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from runner.lab.cmdlet import Cmdlet
from runner.lab.commands import COMMANDS, EXCHANGE_COMMANDS, signature_of
from runner.lab.signature import Parameter, Version
from tests.profiles.catalogue import NAMES, Profile, dynamic
from tests.profiles.fitting import bare_type
from tests.profiles.shape import ALL, CommandProfile, ParameterProfile

# Where the lab knowingly differs. Of parameters that it refuses by name only name and type are compared.
DIFFERENT = frozenset(
    {
        # It takes property names only; PowerShell 6 and later also expressions.
        ("PowerShell 7.6", "Measure-Object", "Property"),
        # The page says that -Path is mandatory beside -Name; all captured machines say that it is not.
        ("Server 2022", "New-Item", "Path"),
        ("Server 2025", "New-Item", "Path"),
        ("PowerShell 7.6", "New-Item", "Path"),
        # The pages give -Message one description for both of its sets; the capture of 4.0 tells them apart.
        *((name, "Write-Error", "") for name in NAMES if name not in ("Server 2012", "Server 2012 R2")),
        # The pages of 5.1 and 7.6 have lost what those of 3.0 and 4.0 say: these take objects from the pipe.
        *((name, "Write-Host", "Object") for name in NAMES if name not in ("Server 2012", "Server 2012 R2")),
        # The page of 5.1 has lost what those of 7.x say.
        *((name, "Write-Information", "MessageData") for name in NAMES if name != "PowerShell 7.6"),
        # The page of 7.6 has lost what all others say.
        ("PowerShell 7.6", "Write-Progress", "Activity"),
        # The page says that objects from a pipe are the domain names; the lab takes no pipe there.
        ("Exchange", "Set-AuthServer", "DomainName"),
        # It simulates the Invoke-WebRequest of Windows PowerShell only, which has one parameter set.
        ("PowerShell 7.6", "Invoke-WebRequest", ""),
        # The lab has the parameter sets of the function; the cmdlet's are others, and take paths from the pipe.
        ("PowerShell 7.6", "Get-FileHash", ""),
        # They take these from the pipe since PowerShellGet 2; the lab does not.
        *(
            (name, command, parameter)
            for name in ("Server 2019, PowerShellGet 2", "PowerShell 7.6")
            for command, parameter in (
                *(("Save-Module", "Path"), ("Save-Module", "LiteralPath")),
                ("Set-PSRepository", "Name"),
            )
        ),
        # It simulates Get-Date without parameters only, whose sets are others since PowerShell 7.1.
        ("PowerShell 7.6", "Get-Date", ""),
    }
)
ALIKE = {"PSObject": "Object"}  # both take everything; 5.1's page of Where-Object has one, the machines the other
REGISTRY = ("HKLM:\\SOFTWARE",)


def offered(profile: Profile) -> list[type[Cmdlet]]:
    if profile.kind == "exchange":
        return list(EXCHANGE_COMMANDS)
    return [command for command in COMMANDS if command.since <= profile.powershell]


@pytest.mark.parametrize("name", NAMES)
def test_no_command_and_no_parameter_is_invented(name: str, profile: Callable[[str], Profile]) -> None:
    machine = profile(name)
    commands = offered(machine)
    assert [line for command in commands for line in differences(command, machine)] == []
    assert len(commands) > 10


def differences(command: type[Cmdlet], machine: Profile) -> Iterator[str]:
    real = machine.find(command.name)
    if real is None:
        yield f"{command.name}: there is no such command"
        return
    signature = signature_of(command, syntax_version(command, machine))
    for parameter in signature.parameters:
        if parameter.common:
            if machine.common(parameter.name) is None:
                yield f"{command.name} -{parameter.name}: there is no such common parameter"
            continue
        known = real.parameters.get(parameter.name.casefold()) or dynamic(command.name, parameter.name, REGISTRY)
        if known is None:
            yield f"{command.name} -{parameter.name}: there is no such parameter"
        elif not is_different(machine, command, parameter.name):
            yield from _wrong_type(command.name, parameter, known)
            if parameter.name not in command.unsimulated:
                yield from _wrong_places(command.name, parameter, known, real)
    if is_different(machine, command):
        return
    if real.default_set and command.default_set != real.default_set:
        yield f"{command.name}: its default parameter set is {real.default_set}"
    yield from _wrong_order(command.name, signature.parameters, real)


def syntax_version(command: type[Cmdlet], machine: Profile) -> Version:
    """PowerShellGet 2 has the syntax of PowerShell 6 wherever it runs (`GalleryCommand.syntax_version`)."""
    is_second = command.module == "PowerShellGet" and machine.name.endswith("PowerShellGet 2")
    return (6, 0) if is_second else machine.powershell


def is_different(machine: Profile, command: type[Cmdlet], parameter: str = "") -> bool:
    return bool({(machine.name, command.name, parameter), (machine.name, command.name, "")} & DIFFERENT)


def _wrong_type(command: str, parameter: Parameter, known: ParameterProfile) -> Iterator[str]:
    ours, theirs = bare_type(parameter.type_name), bare_type(known.type)
    if ALIKE.get(ours, ours) != ALIKE.get(theirs, theirs):
        yield f"{command} -{parameter.name}: {parameter.type_name}, not {known.type}"


def _wrong_places(command: str, parameter: Parameter, known: ParameterProfile, real: CommandProfile) -> Iterator[str]:
    where = f"{command} -{parameter.name}"
    certain = [place for place in known.places.values() if place.certain]
    if certain and parameter.by_value != any(place.by_value for place in certain):
        yield f"{where}: from the pipe by value: {parameter.by_value}"
    if certain and parameter.by_name != any(place.by_name for place in certain):
        yield f"{where}: from the pipe by name: {parameter.by_name}"
    for parameter_set, own in parameter.sets.items():
        place = known.place(parameter_set)
        if real.sets != (ALL,) and parameter_set not in real.sets:
            yield f"{where}: there is no parameter set {parameter_set}"
        elif real.sets != (ALL,) and place is None:
            yield f"{where}: is not in parameter set {parameter_set}"
        elif place is not None and place.certain and place.mandatory != own.mandatory:
            yield f"{where}: mandatory in {parameter_set}: {own.mandatory}"


def _wrong_order(command: str, parameters: tuple[Parameter, ...], real: CommandProfile) -> Iterator[str]:
    """The positional parameters of a set stand in the same order; pages count from 0 or from 1."""
    for parameter_set in {one for parameter in parameters for one in parameter.sets}:
        ours = [(place.position, p.name) for p in parameters if (place := p.sets.get(parameter_set))]
        theirs = [
            (place.position, name)
            for name, place in real.in_set(parameter_set).items()
            if place.certain and bare_type(real.parameters[name.casefold()].type) != "SwitchParameter"
        ]
        mine, wanted = (sorted((at, name) for at, name in ones if at is not None) for ones in (ours, theirs))
        if [name for _, name in mine] != [name for _, name in wanted]:
            yield f"{command}: by position in {parameter_set}: {mine}, not {wanted}"


def test_every_command_is_offered_somewhere(
    profile: Callable[[str], Profile], report_number: Callable[[str], None]
) -> None:
    everywhere = {command.name for name in NAMES for command in offered(profile(name))}
    assert everywhere == {command.name for command in (*COMMANDS, *EXCHANGE_COMMANDS)}
    report_number(f"lab's own table: {len(everywhere)} commands checked against {len(NAMES)} profiles")
