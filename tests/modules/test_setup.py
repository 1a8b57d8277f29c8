"""Facts, read from simulated machines."""

from __future__ import annotations

from typing import Any

import pytest

from runner.lab.spec import MachineSpec, build_machine
from runner.model.command import Reply, ReplyState, Statement
from runner.modules.base import FactModule, Facts, Round
from runner.modules.loader import load_modules
from runner.modules.reading import Wanted, read_all
from tests.modules.lab_session import LabSession

SERVICING = "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Component Based Servicing"
SESSIONS = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager"


def setup() -> FactModule[Any]:
    module = load_modules()["setup"]
    assert isinstance(module, FactModule)
    return module


def gathered(**machine: Any) -> tuple[Facts, LabSession]:
    session = LabSession(build_machine("tok-ce-01", MachineSpec.model_validate(machine)))
    wanted = Wanted(setup(), setup().arguments())
    (facts,) = read_all([wanted], lambda statements: session.read(statements, 60.0))
    assert isinstance(facts, Facts)
    return facts, session


def test_every_fact_of_a_machine_in_one_round() -> None:
    facts, session = gathered(
        os="Server 2019", domain="corp.example", dns_host_name="tok-ce-01", memory_mb=8192, uptime_seconds=3600
    )
    assert facts.unreadable == {}
    assert session.batches == 1
    assert set(facts.values) == set(setup().names)
    expected = {
        "ansible_os_family": "Windows",
        "ansible_distribution_version": "10.0.17763.0",
        "ansible_distribution_major_version": "10",
        "ansible_windows_build": 17763,
        "ansible_os_product_type": "server",
        "ansible_hostname": "tok-ce-01",
        "ansible_fqdn": "tok-ce-01.corp.example",
        "ansible_domain": "corp.example",
        "ansible_windows_domain_member": True,
        "ansible_memtotal_mb": 8192,
        "ansible_uptime_seconds": 3600,
        "ansible_powershell_version": 5,
        "ansible_culture": "en-US",
        "ansible_reboot_pending": False,
    }
    assert {name: facts.values[name] for name in expected} == expected
    assert "Windows Server 2019" in facts.values["ansible_distribution"]
    assert not any(state for weight in facts.values["ansible_reboot_signals"].values() for state in weight.values())


def test_a_workgroup_machine_has_no_domain() -> None:
    values = gathered(dns_host_name="alone")[0].values
    assert (values["ansible_domain"], values["ansible_fqdn"]) == ("", "alone")
    assert values["ansible_windows_domain"] == "WORKGROUP"
    assert values["ansible_windows_domain_member"] is False


@pytest.mark.parametrize("system", ["Server 2012 R2", "Server 2016", "Server 2019", "Server 2022", "Server 2025"])
def test_every_windows_is_read_in_one_round(system: str) -> None:
    facts, session = gathered(os=system, culture="ja-JP")
    assert facts.unreadable == {}
    assert session.batches == 1
    assert facts.values["ansible_culture"] == "ja-JP"


@pytest.mark.parametrize(
    ("registry", "weight", "signal", "pending"),
    [
        ({f"{SERVICING}\\RebootPending": {}}, "strong", "servicing_reboot_pending", True),
        ({f"{SERVICING}\\PackagesPending": {}}, "strong", "servicing_packages_pending", False),
        ({SESSIONS: {"PendingFileRenameOperations": ["a", ""]}}, "noisy", "file_renames", True),
        ({"HKLM\\SYSTEM\\CurrentControlSet\\Services\\Netlogon": {"JoinDomain": 1}}, "strong", "domain_join", False),
        (
            {
                "HKLM\\SYSTEM\\CurrentControlSet\\Control\\ComputerName\\ComputerName": {"ComputerName": "NEW"},
            },
            "strong",
            "computer_rename",
            False,
        ),
        (
            {"HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WindowsUpdate\\Services\\Pending\\{1}": {}},
            "medium",
            "update_services",
            False,
        ),
        ({"HKLM\\SOFTWARE\\Microsoft\\Updates": {"UpdateExeVolatile": 2}}, "medium", "update_exe", False),
    ],
)
def test_reboot_signals(registry: dict[str, Any], weight: str, signal: str, pending: bool) -> None:
    values = gathered(registry=registry)[0].values
    found = [
        (name, one)
        for name, states in values["ansible_reboot_signals"].items()
        for one, state in states.items()
        if state
    ]
    assert found == [(weight, signal)]
    assert values["ansible_reboot_pending"] is pending


@pytest.mark.parametrize(
    ("release", "version"),
    [(378389, "4.5"), (461807, "4.7.1"), (461808, "4.7.2"), (528040, "4.8"), (533320, "4.8.1"), (None, "")],
)
def test_dotnet(release: int | None, version: str) -> None:
    key = "HKLM\\SOFTWARE\\Microsoft\\NET Framework Setup\\NDP\\v4\\Full"
    values = gathered(registry={key: {"Release": release}})[0].values
    assert values["ansible_dotnet_release"] == (release or 0)
    assert values["ansible_dotnet_version"] == version


def test_a_fact_that_cannot_be_read_is_never_guessed() -> None:
    facts, _ = gathered(deny={"HKLM\\SOFTWARE\\Microsoft\\NET Framework Setup\\NDP\\v4\\Full": "read"})
    assert set(facts.unreadable) == {"ansible_dotnet_release", "ansible_dotnet_version"}
    assert "SecurityException" in facts.unreadable["ansible_dotnet_release"]
    assert "ansible_dotnet_release" not in facts.values


def test_signals_that_cannot_be_read_make_no_reboot_pending_either() -> None:
    facts, _ = gathered(deny={SERVICING: "read"})
    assert set(facts.unreadable) == {"ansible_reboot_pending", "ansible_reboot_signals"}


def test_only_what_is_wanted_is_asked_for() -> None:
    session = LabSession(build_machine("tok-ce-01", MachineSpec.model_validate({"os": "Server 2019"})))
    wanted = [Wanted(setup(), setup().gathering([name])) for name in ("ansible_culture", "ansible_dotnet_release")]
    asked: list[str] = []

    def send(statements: tuple[Statement, ...]) -> tuple[Reply, ...]:
        asked.extend(statement[0].name for statement in statements)
        return session.read(statements, 60.0)

    culture, release = read_all(wanted, send)
    assert isinstance(culture, Facts)
    assert isinstance(release, Facts)
    assert (set(culture.values), set(release.values)) == ({"ansible_culture"}, {"ansible_dotnet_release"})
    assert asked == ["Get-Culture", "Test-Path", "Get-ItemProperty"]


def test_answers_that_were_not_seen_leave_every_fact_unread() -> None:
    module = setup()
    everything = module.arguments()
    statements = module.read(everything, [])
    facts = module.observe(everything, [Round(statements, tuple(Reply(ReplyState.UNSEEN) for _ in statements))])
    assert facts.values == {}
    assert set(facts.unreadable) == set(module.names)
