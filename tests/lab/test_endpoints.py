"""Restricted session configurations, held against the recordings endpoint.* of `groundtruth/pwsh76`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner.lab.endpoint_spec import EndpointSpec
from runner.lab.endpoints import Endpoint
from runner.lab.engine import Engine
from runner.lab.messages import Request, StopSignal
from tests.lab.engine_support import Told, command, machine
from tests.lab.recordings import Verdict, judge, load_cases, with_windows_paths

KNOWN = {
    "endpoint.restricted-getcommand-whole",  # Get-Command shows more of a command than the lab knows
}


def endpoint_of(config: str) -> Endpoint | None:
    """The endpoint that a .pssc file describes; None where it holds what the lab does not simulate.

    RestrictedLanguage differs from NoLanguage for scripts only.
    """
    if "ConstrainedLanguage" in config:
        return None
    restricted = "RestrictedRemoteServer" in config
    visible: dict[str, dict[str, dict[str, object]]] = {}
    block = re.search(r"VisibleCmdlets = (.*?)(?=\n\w|\n})", config, re.DOTALL)
    for entry in re.findall(r"@\{(?:[^{}]|\{[^{}]*\})*\}|'[\w-]+'", block[1] if block else ""):
        names = re.findall(r"'Name' = '([\w-]+)'", entry)
        if not names:
            visible[entry.strip("'")] = {}
            continue
        limits: dict[str, object] = {}
        if chosen := re.search(r"'ValidateSet' = ((?:'\w+'(?:, )?)+)", entry):
            limits["validate_set"] = re.findall(r"'(\w+)'", chosen[1])
        if pattern := re.search(r"'ValidatePattern' = '([^']*)'", entry):
            limits["validate_pattern"] = pattern[1]
        visible[names[0]] = dict.fromkeys(names[1:], limits)
    providers = re.findall(r"VisibleProviders = '(\w+)'", config)
    spec = EndpointSpec.model_validate(
        {
            "session_type": "restricted_remote_server" if restricted else "default",
            "language": "no_language",
            "visible_cmdlets": visible,
            "visible_providers": providers,
        }
    )
    return spec.endpoint()


def verdict(case: dict[str, Any]) -> Verdict:
    config = case["options"].get("config_text", "")
    endpoint = endpoint_of(config)
    functions = set(re.findall(r"FunctionDefinitions = @\{\s*'Name' = '([\w-]+)'", config))
    if functions & {entry["command"] for statement in case["statements"] for entry in statement}:
        return Verdict(case["id"], "refused", "its functions are not simulated")
    if "RestrictedLanguage" in config and any(
        entry["is_script"] for statement in case["statements"] for entry in statement
    ):
        return Verdict(case["id"], "refused", "its language is not simulated")
    if endpoint is None or case["options"].keys() - {"config", "config_text"}:
        return Verdict(case["id"], "refused", "its configuration is not simulated")
    return judge({**case, "options": {}}, endpoint)


@pytest.fixture(scope="module")
def verdicts(groundtruth: Path) -> list[Verdict]:
    return [
        verdict(with_windows_paths(case) if case["id"].startswith("endpoint.nolang") else case)
        for case in load_cases(groundtruth, "cases.jsonl.xz")
        if case["id"].startswith("endpoint.")
    ]


def test_no_recording_is_answered_wrongly(verdicts: list[Verdict], report_number: Callable[[str], None]) -> None:
    counts = Counter(one.outcome for one in verdicts)
    report_number(f"endpoints: {counts['agree']} recordings agree, {counts['refused']} refused by name")
    wrong = {one.case: one.detail for one in verdicts if one.outcome == "wrong"}
    assert {case: detail for case, detail in wrong.items() if case not in KNOWN} == {}
    assert wrong.keys() == KNOWN, "a listed difference is none any more"
    assert counts["agree"] >= 20


RESTRICTED = EndpointSpec.model_validate(
    {
        "session_type": "restricted_remote_server",
        "language": "no_language",
        "visible_cmdlets": {"Get-Service": {}, "Get-ItemProperty": {}, "Test-Path": {}},
    }
).endpoint()
EXCHANGE = EndpointSpec(session_type="exchange", language="no_language").endpoint()


def told(endpoint: Endpoint, *commands: Any) -> Told:
    statements = tuple((one,) for one in commands)
    return Told(list(Engine(machine(), endpoint).invoke(Request(statements), StopSignal())))


def test_without_providers_a_path_leads_nowhere() -> None:
    """E3; that a drive is what is missing then, and not its provider, is not recorded."""
    qualified = told(RESTRICTED, command("Get-ItemProperty", LiteralPath="Registry::HKEY_LOCAL_MACHINE\\SOFTWARE"))
    with_drive = told(RESTRICTED, command("Get-ItemProperty", LiteralPath="HKLM:\\SOFTWARE"))
    asked = told(RESTRICTED, command("Test-Path", LiteralPath="HKLM:\\SOFTWARE"))
    assert (qualified.errors, qualified.state) == (["ProviderNotFound"], "Completed")
    assert (with_drive.errors, with_drive.state) == (["DriveNotFound"], "Completed")
    assert (asked.values, asked.errors) == ([False], [])


@pytest.mark.parametrize("name", ["Write-Output", "Get-ItemProperty", "Where-Object"])
def test_exchange_shows_no_command_of_windows(name: str) -> None:
    assert told(EXCHANGE, command(name)).reason == "CommandNotFoundException"


@pytest.mark.parametrize("name", ["Get-Mailbox", "Select-Object", "Get-Command"])
def test_what_exchange_may_have_and_the_lab_does_not_know_is_refused_by_name(name: str) -> None:
    assert told(EXCHANGE, command(name)).reason == "LabDoesNotSimulate"


def test_exchange_takes_no_script() -> None:
    assert told(EXCHANGE, command("1+1", script=True)).reason == "ScriptsNotAllowed"
