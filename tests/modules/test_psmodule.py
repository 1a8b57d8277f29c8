"""PowerShell modules: versions, arguments, what stands in the way, what failed and why. The cases have the rest."""

from __future__ import annotations

import json
import lzma
import re
from pathlib import Path
from typing import Any

import pytest

from runner.model.command import ErrorRecord, Reply, ReplyState, command
from runner.model.state import Desired, State, Unreadable
from runner.model.value import PSObject, Version
from runner.modules.base import Impossible, Round, StateModule
from runner.modules.loader import load_modules
from runner.modules.psmodule_copies import scope_of
from runner.modules.psmodule_failures import FAILURES
from runner.modules.psmodule_versions import canonical, is_version, newest_first, same, spellings, within
from tests.modules.test_arguments import found

MODULES_FOLDER = "C:\\Program Files\\WindowsPowerShell\\Modules"
EXO = f"{MODULES_FOLDER}\\ExchangeOnlineManagement"
# Ids of what the modules do not do, because they ask for the whole list of providers.
NEVER_SENT = frozenset({"UnknownProvider", "UnknownProviderFromActivatedList"})
SENT = frozenset(
    {"Install-Module", "Uninstall-Module", "Register-PSRepository", "Set-PSRepository", "Install-PackageProvider"}
)
# Arguments that the schema refuses, and what the modules never send (several names, wildcards, no ErrorAction).
REFUSED_BEFORE = frozenset(
    {
        "AllVersionsCannotBeUsedWithOtherVersionParameters",
        "AllowPrereleaseRequiredToUsePrereleaseStringInVersion",
        "ParameterIsNotAllowedWithPSGallery",
        "ParameterArgumentValidationError",
        "RepositoryNameContainsWildCards",
        "UseDefaultParameterSetOnRegisterPSRepository",
        "VersionParametersAreAllowedOnlyWithSingleName",
        "VersionRangeAndRequiredVersionCannotBeSpecifiedTogether",
    }
)


def module(name: str = "win_psmodule") -> StateModule[Any]:
    one = load_modules()[name]
    assert isinstance(one, StateModule)
    return one


def arguments(**data: Any) -> Any:
    return module().arguments.model_validate({"name": "ExchangeOnlineManagement", **data})


def copy(version: str, folder: str, name: str = "ExchangeOnlineManagement") -> PSObject:
    return PSObject(("X",), {"Name": name, "Version": Version(version), "ModuleBase": folder})


def observed(wanted: Any, *answers: Reply) -> State | Unreadable:
    """What the module makes of these answers, given in the order of its questions."""
    rounds: list[Round] = []
    left = list(answers)
    while statements := module().read([wanted], rounds):
        rounds.append(Round(statements, tuple(left.pop(0) for _ in statements)))
    assert left == []
    (state,) = module().observe([wanted], rounds)
    return state


def done(*outputs: Any) -> Reply:
    return Reply(ReplyState.DONE, outputs)


def failed(*ids: str) -> Reply:
    return Reply(ReplyState.FAILED, (), tuple(ErrorRecord(one, "X", "System.Exception", "何か") for one in ids))


def holding(folder: str, *names: str) -> Reply:
    """What is in a folder, by name; that of a folder ends in a backslash."""
    return done(
        *(
            PSObject(("X",), {"FullName": f"{folder}\\{name.rstrip(chr(92))}", "PSIsContainer": name.endswith("\\")})
            for name in names
        )
    )


def install(reply: Reply) -> str | None:
    return module().judge((command("Install-Module", Name="ExchangeOnlineManagement"),), reply)


@pytest.mark.parametrize(("left", "right"), [("3.1", "3.1.0"), ("3.1.0", "3.1.0.0"), ("3.000.100", "3.0.100")])
def test_versions_are_compared_as_numbers(left: str, right: str) -> None:
    assert same(left, right)
    assert canonical(left) == canonical(right)


def test_versions_that_differ() -> None:
    assert not same("3.10.0", "3.1.0")
    assert not same("1.4.8.1", "1.4.8")
    assert newest_first(["2.0.5", "3.9.2", "3.10", "3.10.0.0", "1.4.8.1"]) == ("3.10.0", "3.9.2", "2.0.5", "1.4.8.1")


def test_the_texts_of_one_version() -> None:
    assert spellings("3.01") == ("3.1", "3.1.0", "3.1.0.0")
    assert spellings("3.1.2") == ("3.1.2", "3.1.2.0")
    assert spellings("1.4.8.1") == ("1.4.8.1",)


def test_both_ends_belong_to_a_range() -> None:
    assert [one for one in ("2.9", "3.0", "3.10.0", "3.10.1") if within(one, "3.0.0", "3.10")] == ["3.0", "3.10.0"]
    assert within("0.1", None, None)


@pytest.mark.parametrize("text", ["3", "3.1.0-preview1", "v3.1", "3.1.", "", "3.1.0.0.0", "٣.١"])
def test_what_is_no_version(text: str) -> None:
    assert not is_version(text)
    assert found("win_psmodule", f'name: X\nrequired_version: "{text}"\n')


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("required_version: 3.10", "2:19", 'quote it: "3.10" (YAML reads 3.10 as the number 3.1)'),
        ('required_version: "3.2.0-preview1"', "2:19", "is a prerelease"),
        ("state: latest", "2:8", "a plan says exactly what it installs"),
        ('{required_version: "3.1.0", minimum_version: "3.0"}', "", "goes with neither minimum_version"),
        ('{minimum_version: "3.2", maximum_version: "3.1"}', "", "no version is both"),
        ('{allow_prerelease: true, minimum_version: "3.1"}', "", "allow_prerelease goes with"),
        ("{source: x.nupkg, state: absent}", "", "nothing is installed"),
        ("{source: x.nupkg, scope: CurrentUser}", "", "source is for all users"),
        ('{source: x.nupkg, minimum_version: "3.1"}', "", "source holds one version"),
        ("sha256: abc", "2:9", "64 hexadecimal digits"),
        (f"sha256: {'a' * 64}", "", "sha256 without source"),
        ("username: x", "2:1", "not supported yet"),
        ("package: {}", "2:1", "has no argument 'package'"),
    ],
)
def test_arguments_that_do_not_fit(text: str, place: str, words: str) -> None:
    inner = text[1:-1].replace(", ", "\n") if text.startswith("{") else text
    ((at, said),) = found("win_psmodule", f"name: ExchangeOnlineManagement\n{inner}\n")
    assert words in said
    assert not place or at == place


@pytest.mark.parametrize("name", ["Exchange*", "..", "A\\B", "A/B", "", "-x"])
def test_a_name_is_one_name(name: str) -> None:
    ((at, _),) = found("win_psmodule", f"name: '{name}'\n")
    assert at == "1:7"


@pytest.mark.parametrize(
    ("folder", "scope"),
    [
        (f"{MODULES_FOLDER}\\X\\1.0.0", "AllUsers"),
        ("D:\\Program Files\\WindowsPowerShell\\Modules\\X", "AllUsers"),
        ("C:\\Users\\ce\\Documents\\WindowsPowerShell\\Modules\\X\\1.0.0", "CurrentUser"),
        ("\\\\nas\\home\\ce\\WindowsPowerShell\\Modules\\X\\1.0.0", "CurrentUser"),
        ("C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\Modules\\X", None),
        ("C:\\Program Files (x86)\\WindowsPowerShell\\Modules\\X\\1.0.0", None),
        ("D:\\Tools\\Modules\\X", None),
    ],
)
def test_the_scope_of_a_folder(folder: str, scope: str | None) -> None:
    assert scope_of(folder) == scope


def test_what_is_missing_for_an_installation_is_said_and_does_not_end_the_plan() -> None:
    wanted = arguments(required_version="3.1.0", repository="Internal", accept_license=True)
    box = copy("1.0.0.1", f"{MODULES_FOLDER}\\PowerShellGet\\1.0.0.1", "PowerShellGet")
    old = PSObject(("X",), {"Name": "NuGet", "Version": "2.8.5.130"})
    before = observed(wanted, done(box), done(old), Reply(ReplyState.DONE, warnings=("何か",)))
    assert isinstance(before, State)
    assert before.properties["lacks"] == (
        "NuGet provider 2.8.5.201 or later (win_package_provider)",
        "repository Internal (win_psrepository)",
        "PowerShellGet 1.6.0 or later (win_psmodule)",
    )
    assert module().desired(wanted, before) == Desired(True, {"lacks": (), "versions": ("3.1.0",)})


@pytest.mark.parametrize(
    "unread", [failed("Boom,X"), Reply(ReplyState.UNSEEN), Reply(ReplyState.DONE, (), failed("Boom,X").errors)]
)
def test_what_could_not_be_asked_is_not_called_missing(unread: Reply) -> None:
    wanted, nuget = arguments(required_version="3.1.0"), PSObject(("X",), {"Name": "NuGet", "Version": "2.8.5.208"})
    for answers in ((unread, done()), (done(nuget), unread)):
        assert isinstance(observed(wanted, done(), *answers), Unreadable)


def test_scripts_that_must_not_run_are_a_lack_for_an_earlier_task_may_change_that() -> None:
    blocked = failed("CouldNotAutoloadMatchingModule")
    before = observed(arguments(required_version="3.1.0"), done(), blocked, blocked)
    assert isinstance(before, State)
    assert before.properties["lacks"] == ("an execution policy that lets PowerShellGet run (execution_policy)",)


@pytest.mark.parametrize(
    "answer",
    [
        failed("CommandNotFoundException"),
        Reply(ReplyState.UNSEEN),
        Reply(ReplyState.DONE, (), failed("Modules_InvalidManifest,X").errors),
    ],
)
def test_modules_that_could_not_be_read_are_not_absent(answer: Reply) -> None:
    questions = 2 if answer.state is ReplyState.DONE else 0
    state = observed(arguments(required_version="3.1.0"), answer, *[done()] * questions)
    assert isinstance(state, Unreadable)


def test_a_copy_that_cannot_be_looked_into_is_not_taken_for_a_copied_one() -> None:
    wanted = arguments(state="absent")
    listed = copy("3.1.0", f"{MODULES_FOLDER}\\ExchangeOnlineManagement\\3.1.0")
    there = holding(EXO, "3.1.0\\")
    assert isinstance(observed(wanted, done(listed), done(False, False), there), Unreadable)
    assert isinstance(observed(wanted, done(listed), Reply(ReplyState.UNSEEN), there), Unreadable)
    for unseen in (done(), failed("Boom,X"), Reply(ReplyState.UNSEEN)):
        assert isinstance(observed(wanted, done(listed), done(True, True), unseen), Unreadable)


def test_earlier_tasks_count() -> None:
    """What one task brings another one finds; what it takes another one misses."""
    found_there = State(True, {"installed": False, "versions": ("2.0.5",), "lacks": ()})
    newer, gone = arguments(required_version="3.1.0"), arguments(required_version="2.0.5", state="absent")
    after = module().promise(newer, found_there, module().desired(newer, found_there))
    assert after == State(True, {"installed": True, "lacks": (), "versions": ("3.1.0", "2.0.5")})
    old = State(True, {"installed": True, "versions": ("2.0.5",), "folders": (), "removed_as_folder": ()})
    over = module().over(gone, old, [(newer, after)])
    assert over.properties["versions"] == ("3.1.0", "2.0.5")
    assert module().desired(gone, over) == Desired(True, {"versions": ("3.1.0",)})
    at_least = arguments(minimum_version="3.0.0")
    seen = module().over(at_least, State(True, {"installed": False, "lacks": ()}), [(newer, after)])
    assert seen == State(True, {"installed": True, "lacks": ()})
    elsewhere = arguments(required_version="3.1.0", scope="CurrentUser")
    assert module().over(elsewhere, found_there, [(newer, after)]) == found_there


def test_which_tasks_are_about_one_thing() -> None:
    keys = [
        module().key(arguments(**data))
        for data in (
            {"required_version": "3.1"},
            {"required_version": "3.1.0", "name": "exchangeonlinemanagement"},
            {"required_version": "2.0.5"},
            {"minimum_version": "3.1.0"},
            {"maximum_version": "3.1.0"},
            {"required_version": "3.1.0", "scope": "CurrentUser"},
            {"state": "absent"},
        )
    ]
    assert keys[0] == keys[1]
    assert len(set(keys)) == len(keys) - 1
    (implied,) = module().implied(arguments(required_version="3.1.0"), Desired(True))
    assert (implied.module, implied.key) == ("win_psmodule", keys[-1])


def test_a_warning_is_told_because_it_may_be_all_that_is_said() -> None:
    said = install(Reply(ReplyState.DONE, warnings=("User declined license acceptance.",)))
    assert said is not None
    assert "User declined" in said
    assert "accept_license" in said
    assert install(Reply(ReplyState.UNSEEN)) is None
    assert install(Reply(ReplyState.DONE)) is None


@pytest.mark.parametrize("error_id", sorted(FAILURES))
def test_a_failure_has_a_cause_and_a_fix(error_id: str) -> None:
    for state in (ReplyState.DONE, ReplyState.FAILED):
        said = install(Reply(state, (), failed(f"{error_id},Some.Cmdlet").errors))
        assert said is not None
        assert f"({error_id},Some.Cmdlet)" in said
        assert FAILURES[error_id].cause in said
        assert FAILURES[error_id].fix in said


def test_a_failure_that_nobody_knows_keeps_its_own_words() -> None:
    assert install(failed("Unheard,Of")) == "何か (Unheard,Of)"


def test_every_id_of_the_fact_sheet_is_explained(groundtruth: Path) -> None:
    """domain.md 4.5: the ids in its table of install failures, but for those of Connect-ExchangeOnline."""
    text = (groundtruth.parent / "domain.md").read_text(encoding="utf-8")
    table = text.partition("### 4.5")[2].partition("### 4.6")[0]
    rows = [line for line in table.splitlines() if line.startswith("|") and not line.startswith("| Connect")]
    ids = {one for row in rows for one in re.findall(r"`([A-Z][A-Za-z]{10,})`", row.split("|")[1])}
    assert len(ids) > 8
    assert ids - NEVER_SENT <= set(FAILURES)


def test_every_recorded_id_is_explained(groundtruth: Path) -> None:
    """What Install-Module, Uninstall-Module and the repository cmdlets raised on the recorded engine."""
    ids = set()
    with lzma.open(groundtruth / "pwsh76" / "gallery_cases.jsonl.xz", "rt", encoding="utf-8") as lines:
        for case in map(json.loads, lines):
            commands = {command["command"] for statement in case["statements"] for command in statement}
            if commands & SENT:
                ids |= {
                    match[1]
                    for line in case["summary"]
                    if (match := re.match(r"(?:ERR|FAILED) ([A-Z][A-Za-z]+),", line))
                }
    assert len(ids) > 10
    assert ids - REFUSED_BEFORE <= set(FAILURES), ids - REFUSED_BEFORE - set(FAILURES)


def test_a_repository_without_a_location_cannot_be_made() -> None:
    repository = module("win_psrepository")
    wanted = repository.arguments.model_validate({"name": "Internal"})
    assert isinstance(repository.desired(wanted, State(False)), Impossible)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: PSGallery\nsource: https://x", "the location of PSGallery is fixed"),
        ("name: 'X*'", "without wildcards"),
        ("name: X\nforce: true", "not supported yet"),
    ],
)
def test_repositories_that_do_not_fit(text: str, words: str) -> None:
    ((_, said),) = found("win_psrepository", f"{text}\n")
    assert words in said


def test_repositories_that_could_not_be_read_are_not_absent() -> None:
    repository = module("win_psrepository")
    wanted = repository.arguments.model_validate({"name": "Internal"})
    for reply in (failed("Boom,X"), Reply(ReplyState.UNSEEN), Reply(ReplyState.DONE, (), failed("Boom,X").errors)):
        (state,) = repository.observe([wanted], [Round(repository.read([wanted], []), (reply,))])
        assert isinstance(state, Unreadable)


def test_providers_that_could_not_be_read_are_not_absent() -> None:
    provider = module("win_package_provider")
    wanted = provider.arguments.model_validate({})
    for reply in (failed("Boom,X"), Reply(ReplyState.UNSEEN), Reply(ReplyState.DONE, (), failed("Boom,X").errors)):
        (state,) = provider.observe([wanted], [Round(provider.read([wanted], []), (reply,))])
        assert isinstance(state, Unreadable)


def test_an_older_provider_is_not_enough() -> None:
    provider = module("win_package_provider")
    wanted = provider.arguments.model_validate({})
    listed = [PSObject(("X",), {"Name": "NuGet", "Version": one}) for one in ("2.8.5.130", "2.8.5.201")]
    for outputs, expected in (
        (listed[:1], State(False, {"version": "2.8.5.130"})),
        (listed, State(True, {"version": "2.8.5.201"})),
    ):
        (state,) = provider.observe([wanted], [Round(provider.read([wanted], []), (done(*outputs),))])
        assert state == expected


@pytest.mark.parametrize("name", ["win_psmodule", "win_package_provider"])
def test_only_windows_powershell_5_1_will_do(name: str) -> None:
    """Server 2012 R2 has 4.0 unless WMF 5.1 was installed; PowerShell 7 has module paths and providers of its own."""
    requires = module(name).requires
    assert requires.unmet("5.1") is None
    assert "5.1 or later" in (requires.unmet("4.0") or "")
    assert "before 6.0" in (requires.unmet("7.4") or "")
