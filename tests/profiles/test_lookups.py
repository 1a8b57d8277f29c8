"""The profiles answer as groundtruth/README.md (section 1, Look-ups and traps) says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.profiles.catalogue import NAMES, NOT_IN_51, NOT_OWN, Profile, dynamic
from tests.profiles.shape import ALL

Profiles = Callable[[str], Profile]

LOOKUPS = {  # command, parameter: on Server 2012, 2012 R2, 2016, 2019, 2025, PowerShell 7.6
    ("Get-ItemProperty", "LiteralPath"): "yes yes yes yes yes yes",
    ("Restart-Service", "Force"): "yes yes yes yes yes yes",
    ("Test-NetConnection", "Port"): "none yes yes yes yes none",
    ("Get-CimInstance", "KeyOnly"): "yes yes yes yes yes yes",
    ("Get-Service", "ComputerName"): "yes yes yes yes yes no",
    ("Restart-Computer", "Protocol"): "yes yes yes yes yes no",
    ("ConvertTo-Json", "AsArray"): "no no no no no yes",
    ("Get-ChildItem", "Depth"): "no no yes yes yes yes",
    ("New-LocalUser", "Password"): "none none yes yes yes none",
    ("Set-Service", "Credential"): "no no no no no yes",
    ("ForEach-Object", "Parallel"): "no no no no no yes",
    ("Get-WmiObject", "Class"): "yes yes yes yes yes none",
    ("Get-WindowsFeature", "Name"): "yes yes yes yes yes none",
    ("Install-Module", "RequiredVersion"): "none none yes yes yes yes",
    ("Install-Module", "AllowPrerelease"): "none none no no no yes",
}
MACHINES = ("Server 2012", "Server 2012 R2", "Server 2016", "Server 2019", "Server 2025", "PowerShell 7.6")


def found(profile: Profile, command: str, parameter: str) -> str:
    known = profile.find(command)
    if known is None:
        return "none"
    return "yes" if known.find(parameter) else "no"


@pytest.mark.parametrize(("command", "parameter"), LOOKUPS)
def test_the_readme_s_table(profile: Profiles, command: str, parameter: str) -> None:
    answers = [found(profile(name), command, parameter) for name in MACHINES]
    assert " ".join(answers) == LOOKUPS[command, parameter]


def test_powershellget_2_and_exchange(profile: Profiles) -> None:
    assert found(profile("Server 2019, PowerShellGet 2"), "Install-Module", "AllowPrerelease") == "yes"
    assert found(profile("Exchange"), "Set-MapiVirtualDirectory", "IISAuthenticationMethods") == "yes"
    assert found(profile("Exchange"), "Get-ItemProperty", "LiteralPath") == "none"


def test_positions_and_flags_that_the_capture_lost_come_from_the_pages(profile: Profiles) -> None:
    """Traps 1 and 2."""
    for name in ("Server 2012 R2", "Server 2019"):
        write_output = profile(name).find("Write-Output")
        assert write_output is not None
        place = write_output.parameters["inputobject"].places[ALL]
        assert (place.mandatory, place.by_value, place.certain) == (True, True, True)
        assert place.position is not None
        path = profile(name).find("Test-Path").parameters["path"].places["Path"]  # type: ignore[union-attr]
        assert (path.mandatory, path.position) == (True, 0)


def test_flags_from_the_syntax_text_where_no_page_has_them(profile: Profiles) -> None:
    """AppLocker's commands of Server 2012 R2 are in no reference of PowerShell 4.0."""
    command = profile("Server 2012 R2").find("New-AppLockerPolicy")
    assert command is not None
    found = {name: command.parameters[name].places[ALL] for name in ("fileinformation", "xml", "user")}
    assert {name: (place.mandatory, place.position, place.certain) for name, place in found.items()} == {
        "fileinformation": (True, 0, True),
        "xml": (False, None, True),
        "user": (False, None, True),
    }


@pytest.mark.parametrize("name", ["Server 2012 R2", "Server 2016", "Server 2019"])
def test_few_flags_stay_unknown_and_none_of_powershell_s_own_modules(profile: Profiles, name: str) -> None:
    unknown = [
        (command.module, command.name)
        for command in profile(name).commands.values()
        for parameter in command.parameters.values()
        for place in parameter.places.values()
        if not place.certain
    ]
    assert len(unknown) < 1000  # of 11,000 to 14,000 (measured: 262, 434, 865)
    assert not any(module.startswith(("Microsoft.PowerShell.", "CimCmdlets")) for module, _ in unknown)


def test_common_parameters_by_version(profile: Profiles) -> None:
    """Trap 3."""
    assert profile("Server 2012").common("erroraction")
    assert not profile("Server 2012 R2").common("InformationAction")
    assert profile("Server 2016").common("InformationAction")
    assert not profile("Server 2025").common("ProgressAction")


def test_a_provider_s_parameter_exists_on_its_own_paths_only() -> None:
    """Trap 5."""
    assert dynamic("Set-ItemProperty", "Type", ("HKLM:\\SOFTWARE", "Registry::HKEY_USERS\\x"))
    assert not dynamic("Set-ItemProperty", "Type", ("HKLM:\\SOFTWARE", "C:\\Windows"))
    assert not dynamic("Set-ItemProperty", "Type", ())
    assert not dynamic("Get-ItemProperty", "Type", ("HKLM:\\SOFTWARE",))


def test_the_list_of_providers_parameters_is_what_pages_and_machine_differ_in(profile: Profiles) -> None:
    """Server 2019 as captured against the pages of 5.1: after the named lists nothing is left."""
    documented, captured = profile("Server 2025"), profile("Server 2019")
    core = [name for name in documented.commands if documented.commands[name].module.startswith("Microsoft.PowerShell")]
    extra = {
        name: documented.commands[name].parameters.keys() - captured.commands[name].parameters.keys()
        for name in core
        if name in captured.commands
    }
    assert {name: more for name, more in extra.items() if more} == {}
    assert sum(len(names) for names in (*NOT_OWN.values(), *NOT_IN_51.values())) == 27


def test_every_profile_has_commands(profile: Profiles) -> None:
    assert all(len(profile(name).commands) > 300 for name in NAMES)
