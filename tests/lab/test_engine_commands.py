"""What the table of simulated commands leaves out, and how its commands are found.

That nothing in it is invented is the business of tests/profiles/test_lab_table.py.
"""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import pytest

from runner.lab.commands import COMMANDS, find_command, is_unsimulated, signature_of
from runner.lab.signature import parse_version

_GALLERY = {"5.1": "docs-powershellget-1.x", "7.6": "docs-powershellget-2.x"}
_MODULES = ("Core", "Management", "Utility", "Security", "Diagnostics")
# Dynamic parameters of the providers for files, certificates, aliases, WSMan; the registry provider has none of them.
_OF_OTHER_PROVIDERS = {
    *("ApplicationName", "Attributes", "Authentication", "CertificateThumbprint", "CodeSigningCert", "ConnectionURI"),
    *("DeleteKey", "Directory", "DnsName", "DocumentEncryptionCert", "Eku", "ExpiringInDays", "File", "FollowSymlink"),
    *("FromSession", "Hidden", "OptionSet", "Options", "Port", "ReadOnly", "SSLServerAuthentication", "SessionOption"),
    *("Stream", "System", "ToSession", "UseSSL"),
}


def _profile(groundtruth: Path, name: str) -> dict[str, Any]:
    with lzma.open(groundtruth / name) as packed:
        profile: dict[str, Any] = json.loads(packed.read().decode("utf-8-sig"))
    return profile["Compatibility"]["Modules"]


def _commands(modules: dict[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for module, versions in modules.items():
        for content in versions.values():
            for kind in ("Cmdlets", "Functions"):
                found.update({name: (module, data) for name, data in (content.get(kind) or {}).items()})
    return found


@pytest.fixture(scope="module", params=["5.1", "7.6"])
def documented(request: pytest.FixtureRequest, groundtruth: Path) -> tuple[str, dict[str, tuple[str, dict[str, Any]]]]:
    names = (f"docs-powershell-{request.param}", _GALLERY[request.param])
    pages = [_commands(_profile(groundtruth, f"psca-docs/{name}.json.xz")) for name in names]
    return request.param, pages[1] | pages[0]


def test_no_parameter_of_a_simulated_command_is_called_unknown(documented: tuple[str, dict]) -> None:
    version, commands = documented
    unknown: dict[str, set[str]] = {}
    for command in COMMANDS:
        if parse_version(version) >= command.since:
            known = {p.name for p in signature_of(command, parse_version(version)).parameters}
            unknown[command.name] = set(commands[command.name][1]["Parameters"]) - known - _OF_OTHER_PROVIDERS

    assert {name: missing for name, missing in unknown.items() if missing} == {}


def test_the_aliases_of_parameters_are_the_documented_ones(documented: tuple[str, dict]) -> None:
    version, commands = documented
    wrong: dict[str, tuple[set[str], set[str]]] = {}
    for command in COMMANDS:
        if parse_version(version) < command.since:
            continue
        aliases = commands[command.name][1].get("ParameterAliases") or {}
        for parameter in signature_of(command, parse_version(version)).parameters:
            ours = {alias.casefold() for alias in parameter.aliases}
            theirs = {alias.casefold() for alias, name in aliases.items() if name == parameter.name}
            if not parameter.common and ours != theirs:
                wrong[f"{command.name} -{parameter.name}"] = (ours, theirs)

    # The 5.1 page of Rename-Item alone names PowerShell 6's alias LP.
    wrong.pop("Rename-Item -LiteralPath", None)
    # "[]" is no name: the page's way to say that it takes several.
    wrong.pop("Write-Host -Separator", None)
    assert wrong == {}


def test_no_command_of_the_default_modules_is_called_unknown(groundtruth: Path) -> None:
    name = "psca/win-8_x64_10.0.17763.0_5.1.17763.134_x64_4.0.30319.42000_framework.json.xz"
    modules = {m: v for m, v in _profile(groundtruth, name).items() if m in _DEFAULT_MODULES}
    commands = _commands(modules)

    assert [c for c in commands if not is_unsimulated(c) and find_command(c, (7, 6)) is None] == []
    assert len(commands) > 300


_DEFAULT_MODULES = (*(f"Microsoft.PowerShell.{name}" for name in _MODULES), "CimCmdlets", "Microsoft.WSMan.Management")


def test_a_simulated_command_is_not_also_called_unsimulated() -> None:
    assert [command.name for command in COMMANDS if is_unsimulated(command.name)] == []


@pytest.mark.parametrize("name", ["get-item", "gi", "Microsoft.PowerShell.Management\\Get-Item", "%", "SELECT"])
def test_a_command_is_found_by_name_alias_and_module(name: str) -> None:
    assert find_command(name, (5, 1)) is not None


@pytest.mark.parametrize("name", ["Get-It*", "NoModule\\Get-Item", "Get-Item x", "", "Remove-Service"])
def test_anything_else_is_not_a_command(name: str) -> None:
    assert find_command(name, (5, 1)) is None
