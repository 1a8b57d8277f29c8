"""`ce-runner doctor` against the lab over the real protocol: each fault is named at its step, with its fix."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.model.command import ErrorRecord, Ids, Reply, ReplyState, Statement
from runner.model.inventory import Authentication, Connection
from runner.model.value import EnumValue, Int32, PSObject
from runner.pipeline.doctor import Check, Finding, Verdict
from runner.pipeline.doctor.findings import Sheet
from runner.pipeline.doctor.inside import look_around
from runner.pipeline.doctor.shapes import Cause, differences, shape_of
from runner.pipeline.doctor.way import clock, walk
from tests.product import Answer, Served, ce_runner, served

CANARY = "Kanarienvogel-カナリア-7c1f"
FLEET = f"""
description: One host for each thing that can be wrong.
account: {{user: Nachtwache, password: {CANARY}}}
hosts:
  kranich-07: &good {{now: "{datetime.now(UTC).isoformat()}"}}
  sealed: {{<<: *good, tls: true}}
  unverified: {{<<: *good, tls: true, inventory: {{ansible_psrp_cert_validation: ignore}}}}
  wrong-password: {{<<: *good, inventory: {{ansible_password: {CANARY}-not}}}}
  closed: {{<<: *good, faults: [{{when: connect, what: unreachable, times: always}}]}}
  nameless: {{<<: *good, inventory: {{ansible_host: no-such-host.invalid}}}}
  another-name: {{<<: *good, faults: [{{when: connect, what: tls_wrong_name, times: always}}]}}
  expired: {{<<: *good, faults: [{{when: connect, what: tls_expired, times: always}}]}}
  not-tls: {{<<: *good, inventory: {{ansible_psrp_protocol: https}}}}
  another-scheme: {{<<: *good, tls: true, inventory: {{ansible_psrp_auth: basic}}}}
  another-path: {{<<: *good, inventory: {{ansible_psrp_path: nowhere/wsman}}}}
  another-configuration: {{<<: *good, inventory: {{ansible_psrp_configuration_name: Nowhere}}}}
  powerless: {{<<: *good, rights: none}}
  crowded: {{<<: *good, faults: [{{when: open, what: quota, times: always}}]}}
  broken: {{<<: *good, faults: [{{when: read, what: drop_before, times: always}}]}}
  restricted: &jea
    <<: *good
    configurations: {{Operator: {{session_type: restricted_remote_server, visible_cmdlets: {{Get-Service: {{}}}}}}}}
    configuration: Operator
  restricted-known: {{<<: *jea, inventory: {{ce_runner_endpoint: jea}}}}
  late: {{now: "{(datetime.now(UTC) - timedelta(hours=3)).isoformat()}"}}
  old: {{<<: *good, os: Server 2012 R2}}
  other:
    <<: *good
    registry:
      'HKLM\\SOFTWARE\\Microsoft\\NET Framework Setup\\NDP\\v4\\Full': {{Release: four}}
"""


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(FLEET, tmp_path_factory.mktemp("doctor")) as fleet:
        yield fleet


def doctor(fleet: Served, host: str, *more: str | Path) -> Answer:
    return ce_runner("doctor", host, "-i", fleet.inventory, "--json", *more)


def findings(answer: Answer) -> dict[str, dict[str, str]]:
    return {finding["check"]: finding for finding in answer.document["findings"]}


def not_checked(answer: Answer) -> set[str]:
    return {check for check, finding in findings(answer).items() if finding["verdict"] == Verdict.NOT_CHECKED}


def test_a_healthy_host(fleet: Served) -> None:
    before = fleet.fleet.logons("kranich-07").accepted
    answer = doctor(fleet, "kranich-07")
    found = findings(answer)
    assert answer.code == 0
    assert list(found) == [check.value for check in Check]
    unsimulated = {Check.RIGHTS, Check.QUOTAS}  # the lab knows neither $PSSenderInfo nor the quotas, and says so
    for check, finding in found.items():
        assert finding["verdict"] == "ok" or check in unsimulated, finding
    assert found[Check.NAME]["seen"] == "127.0.0.1: 127.0.0.1"
    assert found[Check.ENDPOINT]["seen"] == "Microsoft.PowerShell over psrp"
    assert found[Check.POWERSHELL]["seen"].startswith("5.1.17763")
    assert found[Check.DOTNET]["seen"] == "4.7.2 (Release 461808)"
    assert fleet.fleet.logons("kranich-07").accepted == before + 1
    assert fleet.fleet.machine("kranich-07").changes == []
    assert fleet.fleet.traffic("kranich-07").open_shells == 0


def test_a_certificate_is_shown(fleet: Served) -> None:
    answer = doctor(fleet, "sealed")
    seen = findings(answer)[Check.TLS]["seen"]
    assert answer.code == 0
    assert "CN=localhost (localhost, 127.0.0.1), issued by CN=ce-runner lab authority, until " in seen
    assert seen.endswith("TLSv1.3; trusted")
    unverified = findings(doctor(fleet, "unverified"))[Check.TLS]
    assert unverified["verdict"] == Verdict.WARNING
    assert "ansible_psrp_cert_validation" in unverified["fix"]


@pytest.mark.parametrize(
    ("host", "check", "seen", "fix"),
    [
        ("nameless", Check.NAME, "no-such-host.invalid", "DNS"),
        ("closed", Check.PORT, "Connection refused", "WinRM service"),
        ("another-name", Check.TLS, "is for another address", "ansible_host"),
        ("another-name", Check.TLS, "another-host.invalid", ""),
        ("expired", Check.TLS, "has expired", "renew"),
        ("not-tls", Check.TLS, "TLS handshake failed", "TLS port"),
        ("another-scheme", Check.OFFER, "the host offers Negotiate, and the inventory says basic", "ansible_psrp_auth"),
        ("another-path", Check.OFFER, "HTTP status 404", "ansible_psrp_path"),
        ("wrong-password", Check.AUTHENTICATION, "Nachtwache is not let in", "check the user and the password"),
        ("another-configuration", Check.ENDPOINT, "the host refused", "Get-PSSessionConfiguration"),
        ("powerless", Check.RIGHTS, "fault 5", "Administrators"),
        ("crowded", Check.QUOTAS, "2150859173", "raise the quota"),
    ],
)
def test_what_fails_is_named_at_its_step(fleet: Served, host: str, check: Check, seen: str, fix: str) -> None:
    answer = doctor(fleet, host)
    found = findings(answer)
    assert answer.code == 4
    assert [one["check"] for one in found.values() if one["verdict"] == Verdict.FAILED] == [check.value]
    assert seen in found[check]["seen"]
    assert fix in found[check]["fix"]
    later = {one.value for one in list(Check)[list(Check).index(check) + 1 :]}
    assert later <= not_checked(answer)
    for one in found.values():
        if one["verdict"] == Verdict.NOT_CHECKED:
            assert one["seen"] == f"{check.value} failed"


def test_a_scheme_that_is_not_offered_costs_no_log_on(fleet: Served) -> None:
    doctor(fleet, "another-scheme")
    logons = fleet.fleet.logons("another-scheme")
    assert (logons.accepted, logons.refused) == (0, 0)


def test_a_wrong_password_is_tried_once(fleet: Served) -> None:
    before = fleet.fleet.logons("wrong-password").refused
    doctor(fleet, "wrong-password")
    assert fleet.fleet.logons("wrong-password").refused == before + 1


def test_a_session_that_breaks_off(fleet: Served) -> None:
    answer = doctor(fleet, "broken")
    found = findings(answer)
    assert answer.code == 3
    assert found[Check.ENDPOINT]["verdict"] == Verdict.OK
    assert found[Check.ROUND_TRIP]["verdict"] == Verdict.FAILED
    assert {Check.RIGHTS, Check.DOTNET, Check.QUOTAS} <= not_checked(answer)


@pytest.mark.parametrize(("host", "verdict"), [("restricted", Verdict.WARNING), ("restricted-known", Verdict.OK)])
def test_a_restricted_endpoint(fleet: Served, host: str, verdict: Verdict) -> None:
    answer = doctor(fleet, host)
    found = findings(answer)
    assert answer.code == 0
    assert found[Check.ENDPOINT]["seen"] == "Operator over psrp"
    assert found[Check.LANGUAGE]["verdict"] == verdict
    assert ("ce_runner_endpoint" in found[Check.LANGUAGE].get("fix", "")) is (verdict is Verdict.WARNING)
    assert not_checked(answer) == {Check.CLOCK, Check.RIGHTS, Check.DOTNET, Check.QUOTAS}
    assert "the endpoint does not show the command" in found[Check.RIGHTS]["seen"]


def test_behind_a_proxy() -> None:
    sheet = Sheet()
    dead = Connection("h", 5985, tls=False, proxy="http://127.0.0.1:1")
    assert not walk(dead, sheet, datetime.now(UTC))
    found = {finding.check: finding for finding in sheet.all()}
    assert [found[check].verdict for check in (Check.NAME, Check.PORT)] == [Verdict.NOT_CHECKED] * 2
    assert "proxy" in found[Check.NAME].seen
    assert found[Check.OFFER].verdict is Verdict.FAILED
    assert "the proxy does not let us through" in found[Check.OFFER].seen


def test_a_clock_that_is_hours_off(fleet: Served) -> None:
    found = findings(doctor(fleet, "late"))[Check.CLOCK]
    assert found["verdict"] == Verdict.WARNING
    assert "behind ours" in found["seen"]
    assert "time source" in found["fix"]


def test_kerberos_does_not_bear_it() -> None:
    sheet = Sheet()
    clock(Connection("h", 5985, authentication=Authentication.KERBEROS), sheet, timedelta(minutes=6))
    assert sheet.all()[list(Check).index(Check.CLOCK)].verdict is Verdict.FAILED


def test_a_host_that_is_too_old_for_the_module(fleet: Served) -> None:
    answer = doctor(fleet, "old")
    found = findings(answer)
    assert answer.code == 3
    for check in (Check.POWERSHELL, Check.DOTNET):
        assert found[check]["verdict"] == Verdict.FAILED
        assert "ExchangeOnlineManagement 3.1.0 needs it" in found[check]["fix"]


def test_the_screen(fleet: Served) -> None:
    answer = ce_runner("doctor", "wrong-password", "-i", fleet.inventory)
    lines = answer.out.splitlines()
    assert lines[0].startswith("ok  name ")
    assert any(line.startswith("x   authentication ") for line in lines)
    assert any(line.lstrip().startswith("next: check the user and the password") for line in lines)
    assert lines[-1].startswith("wrong-password  ")
    assert lines[-1].endswith("exit 4")
    assert CANARY not in answer.out


def test_a_doctor_has_one_patient(fleet: Served) -> None:
    assert doctor(fleet, "all").code == 64
    assert doctor(fleet, "kranich").code == 64


class TestCapture:
    """A machine of the lab stands for the real host; the lab's own of the same Windows is what it is compared with."""

    def captured(self, fleet: Served, host: str, folder: Path) -> dict[str, Any]:
        file = folder / "capture.json"
        answer = doctor(fleet, host, "--capture", file)
        written = json.loads(file.read_text(encoding="utf-8"))
        assert answer.document["capture"] == written
        return dict(written)

    def test_a_healthy_host_is_as_the_lab_has_it(self, fleet: Served, tmp_path: Path) -> None:
        capture = self.captured(fleet, "kranich-07", tmp_path)
        assert capture["lab"] == "Server 2019"
        assert capture["windows"] == "10.0.17763.0"
        assert [one for one in capture["statements"] if one.get("differences")] == []
        asked = {one["module"] for one in capture["statements"]}
        assert {"setup", "win_ping", "win_regedit", "win_service", "cmdlet"} <= asked
        assert capture["compared"] == sum("not_compared" not in one for one in capture["statements"]) > 10
        assert fleet.fleet.machine("kranich-07").changes == []

    def test_what_differs_is_told_by_its_statement(self, fleet: Served, tmp_path: Path) -> None:
        capture = self.captured(fleet, "other", tmp_path)
        differing = {one["statement"]: one["differences"] for one in capture["statements"] if one.get("differences")}
        values = [found for statement, found in differing.items() if statement.startswith("Get-ItemProperty ")]
        assert all("NDP\\v4\\Full" in statement for statement in differing)
        assert values != []
        for found in values:
            (one,) = found
            kinds = (one["host"].partition(",")[0], one["lab"].partition(",")[0])
            assert (one["where"].partition(": ")[2], *kinds, one["cause"]) == ("Release", "String", "Int32", "shape")
        screen = ce_runner("doctor", "other", "-i", fleet.inventory, "--capture", tmp_path / "again.json")
        assert "Release: host String, null, lab Int32, null" in screen.out

    def test_what_cannot_be_compared_says_why(self, fleet: Served, tmp_path: Path) -> None:
        capture = self.captured(fleet, "restricted-known", tmp_path)
        assert capture["compared"] == 0
        assert "lab" not in capture or capture["lab"] is None
        assert {one["not_compared"] for one in capture["statements"]} == {
            "the endpoint is restricted (jea), and the lab does not know its definition"
        }

    def test_it_names_nobody(self, fleet: Served, tmp_path: Path) -> None:
        file = tmp_path / "capture.json"
        doctor(fleet, "kranich-07", "--capture", file)
        text = file.read_text(encoding="utf-8").casefold()
        for name in (CANARY, "kranich", "nachtwache", "workgroup", "127.0.0.1"):
            assert name.casefold() not in text

    def test_reads_that_break_off_say_so(self, fleet: Served, tmp_path: Path) -> None:
        file = tmp_path / "capture.json"
        answer = doctor(fleet, "broken", "--capture", file)
        assert answer.code == 3
        capture = answer.document["capture"]
        assert capture["compared"] == 0
        assert {one["not_compared"] for one in capture["statements"]} <= {"the host's Windows is not known"}
        assert {one["reason"].partition(":")[0] for one in capture["not_sent"]} >= {"it broke off"}

    def test_no_session_no_capture(self, fleet: Served, tmp_path: Path) -> None:
        file = tmp_path / "capture.json"
        assert doctor(fleet, "closed", "--capture", file).code == 4
        assert not file.exists()


@dataclass
class Scripted:
    """A far end that answers by the first command of a statement and the path or name that it is given."""

    replies: dict[str, Reply] = field(default_factory=dict)
    requests: int = 0
    powershell: str | None = "5.1.17763.1"

    def read(self, statements: Sequence[Statement], timeout: float) -> tuple[Reply, ...]:
        return tuple(self._reply(statement) for statement in statements)

    def _reply(self, statement: Statement) -> Reply:
        given = dict(statement[0].parameters)
        name = str(given.get("LiteralPath") or given.get("Name") or statement[0].name).rpartition("\\")[2]
        error = ErrorRecord("AccessDenied,X", "PermissionDenied", "System.UnauthorizedAccessException", "no")
        return self.replies.get(name, Reply(ReplyState.FAILED, errors=(error,)))

    def change(self, statement: Statement, then: Sequence[Statement], timeout: float, announce: Any) -> Any:
        raise AssertionError(f"a change was sent: {statement} {Ids}")

    def abandon(self, timeout: float) -> bool:
        raise AssertionError("nothing was changed")

    def renew(self) -> None:
        raise AssertionError("one process is enough")

    def close(self) -> None:
        pass


def seen_by(replies: dict[str, Reply]) -> dict[Check, Finding]:
    sheet = Sheet()
    look_around(Scripted(replies), Connection("h", 5985), sheet)
    return {finding.check: finding for finding in sheet.all()}


def done(*outputs: Any) -> Reply:
    return Reply(ReplyState.DONE, outputs)


class TestWhatTheLabDoesNotSimulate:
    @pytest.mark.parametrize(
        ("groups", "verdict"),
        [
            (("S-1-1-0", "S-1-5-32-544"), Verdict.OK),
            (("S-1-1-0", "S-1-5-32-580"), Verdict.FAILED),
            ((), Verdict.NOT_CHECKED),  # no token was told: nobody knows
        ],
    )
    def test_rights(self, groups: tuple[str, ...], verdict: Verdict) -> None:
        assert seen_by({"PSSenderInfo": done(*groups)})[Check.RIGHTS].verdict is verdict

    def test_constrained_language(self) -> None:
        mode = EnumValue("System.Management.Automation.PSLanguageMode", 3, "ConstrainedLanguage")
        found = seen_by({"ExecutionContext": done(mode)})[Check.LANGUAGE]
        assert found.verdict is Verdict.WARNING
        assert found.seen.startswith("ConstrainedLanguage: no methods can be called")

    @pytest.mark.parametrize(
        ("shells", "verdict"), [("30", Verdict.OK), ("0", Verdict.OK), ("2", Verdict.WARNING), (None, Verdict.OK)]
    )
    def test_quotas(self, shells: str | None, verdict: Verdict) -> None:
        replies = {"MaxMemoryPerShellMB": done(PSObject(("X",), {"Name": "MaxMemoryPerShellMB", "Value": "1024"}))}
        if shells is not None:
            replies["MaxShellsPerUser"] = done(PSObject(("X",), {"Name": "MaxShellsPerUser", "Value": shells}))
        found = seen_by(replies)[Check.QUOTAS]
        assert found.verdict is verdict
        assert ("not readable: MaxShellsPerUser" in found.seen) is (shells is None)

    def test_nothing_that_was_refused_is_ok(self) -> None:
        found = seen_by({})
        for check in (Check.CLOCK, Check.RIGHTS, Check.DOTNET, Check.QUOTAS):
            assert found[check].verdict is Verdict.NOT_CHECKED
            assert "AccessDenied" in found[check].seen
        assert found[Check.LANGUAGE].verdict is Verdict.WARNING


class TestShapes:
    SERVICE = PSObject(("Service",), {"Name": "Spooler", "Status": EnumValue("Status", 4, "Running"), "Note": None})

    def test_values_are_not_in_it(self) -> None:
        (output,) = shape_of(done(self.SERVICE, replace(self.SERVICE, properties={"Name": "x"}))).outputs
        assert (output.kind, output.count) == ("Service", 2)
        assert [(one.path, one.kinds, one.words) for one in output.members] == [
            ("", ("Service",), ()),
            ("Name", ("String",), ()),
            ("Status", ("Status",), ("Running",)),
            ("Note", ("null",), ()),
        ]

    @pytest.mark.parametrize(
        ("change", "where", "cause"),
        [
            ({"Name": Int32(5)}, "Service: Name", Cause.SHAPE),
            ({"More": "x"}, "Service: More", Cause.SHAPE),
            ({"Note": "x"}, "Service: Note", Cause.STATE),
            ({"List": ("a",)}, "Service: List", Cause.SHAPE),
        ],
    )
    def test_differences(self, change: dict[str, Any], where: str, cause: Cause) -> None:
        other = replace(self.SERVICE, properties={**self.SERVICE.properties, **change})
        found = differences(shape_of(done(self.SERVICE)), shape_of(done(other)))
        assert (found[0].where, found[0].cause) == (where, cause)
        assert differences(shape_of(done(other)), shape_of(done(other))) == ()

    def test_other_errors(self) -> None:
        failed = [
            Reply(ReplyState.FAILED, errors=(ErrorRecord(name, "NotSpecified", "E", "said"),)) for name in ("A", "B")
        ]
        (found,) = differences(*map(shape_of, failed))
        assert (found.where, found.host, found.lab, found.cause) == (
            "outcome",
            "failed: A (E)",
            "failed: B (E)",
            Cause.SHAPE,
        )

    @pytest.mark.parametrize(
        ("exception", "cause"),
        [
            ("System.Management.Automation.ParameterBindingException", Cause.SHAPE),
            ("System.Management.Automation.CommandNotFoundException", Cause.SHAPE),
            ("System.Security.SecurityException", Cause.STATE),  # other rights
        ],
    )
    def test_one_of_them_fails(self, exception: str, cause: Cause) -> None:
        failed = Reply(ReplyState.FAILED, errors=(ErrorRecord("A", "NotSpecified", exception, "said"),))
        for pair in ((failed, done()), (done(), failed)):
            (found,) = differences(*map(shape_of, pair))
            assert (found.where, found.cause) == ("outcome", cause)
