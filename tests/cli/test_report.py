"""Evidence and registry backup of a real run on the lab, as a user gets them."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runner.cli.backup import write_backups
from runner.cli.files import JOURNAL_VARIABLE, write_new
from runner.cli.operator import account, operator
from runner.lab.enums import RegistryValueKind
from runner.lab.machine import Machine
from runner.lab.registry import RegistryValue
from runner.model.attestation import Attestation
from runner.model.document import dump_plan, to_text
from runner.model.errors import InputError
from runner.model.state import State
from runner.record.journal import Journal
from runner.report.reg_file import reg_files
from tests.product import Answer, Served, ce_runner, served
from tests.report.reg_parser import DWORD, EXPAND, MULTI, SZ, Parsed, parsed
from tests.report.test_reg_file import plan_of, regedit

CANARY = "Kanarienvogel-カナリア-5d2e"
FLEET = f"""
description: Two servers, one with values of its own.
account: {{user: Administrator, password: {CANARY}}}
hosts:
  東京: &server
    groups: [cloud_extender]
    inventory: {{ce_service_name: LabCloudExtender}}
    services: {{LabCloudExtender: {{status: running, start_mode: automatic}}}}
  b: *server
"""
SITE = r"""
- hosts: cloud_extender
  tasks:
    - {name: Manual, attestation: {id: S0-12, instructions: Look at the tool, owner: the operator}}
    - name: Strong
      win_regedit: {path: 'HKLM:\SOFTWARE\Microsoft\.NETFramework\v4.0.30319', name: SchUseStrongCrypto, type: dword,
        data: 1, view: both}
      tags: [S0-16]
    - {name: Text, win_regedit: {path: 'HKLM:\SOFTWARE\Contoso', name: Text, data: new}}
    - {name: Path, win_regedit: {path: 'HKLM:\SOFTWARE\Contoso', name: Path, data: new}}
    - {name: List, win_regedit: {path: 'HKLM:\SOFTWARE\Contoso', name: List, state: absent}}
    - {name: Fresh, win_regedit: {path: 'HKLM:\SOFTWARE\Contoso\New\Below', name: X, data: y}}
    - {name: Runs, win_service: {name: "{{ ce_service_name }}", state: started}, tags: [S0-17]}
"""
CONTOSO = r"HKLM\SOFTWARE\Contoso"
TOKYO = (
    RegistryValue("Text", RegistryValueKind.String, 'a "b" \\ 設定'),
    RegistryValue("Path", RegistryValueKind.ExpandString, "%SystemRoot%"),
    RegistryValue("List", RegistryValueKind.MultiString, ("a", "b")),
)
KINDS = {SZ: RegistryValueKind.String, EXPAND: RegistryValueKind.ExpandString, MULTI: RegistryValueKind.MultiString}


def site(folder: Path) -> Path:
    file = folder / "site.yml"
    file.write_text(SITE, encoding="utf-8")
    return file


def prepare(fleet: Served) -> None:
    with fleet.fleet.editing("東京") as machine:
        for value in TOKYO:
            machine.set_value(CONTOSO, value)


def imported(machine: Machine, file: Parsed) -> None:
    """What `reg import` does with a file."""
    for gone in file.gone:
        machine.remove_key(gone)
    for key, values in file.keys.items():
        machine.create_key(key)
        for name, data in values.items():
            if data is None:
                machine.remove_value(key, name or "")
            else:
                machine.set_value(key, lab_value(name or "", *data))


def lab_value(name: str, kind: int, raw: bytes) -> RegistryValue:
    if kind == DWORD:
        return RegistryValue(name, RegistryValueKind.DWord, int.from_bytes(raw, "little"))
    text = raw.decode("utf-16-le")
    return RegistryValue(name, KINDS[kind], tuple(text[:-2].split("\0")) if kind == MULTI else text[:-1])


def applied(fleet: Served, folder: Path, *more: str) -> Answer:
    attested = ce_runner("attest", "東京", "S0-12", "--by", "田中", "--journal", fleet.journal)
    assert attested.code == 0
    return fleet.apply(site(folder), *more)


def test_the_evidence_of_a_run(tmp_path: Path) -> None:
    with served(FLEET, tmp_path) as fleet:
        prepare(fleet)
        answer = applied(fleet, tmp_path)
    assert answer.code == 6
    assert ce_runner("attest", "東京", "S0-12", "--by", "too late", "--journal", fleet.journal).code == 0
    document = tmp_path / "run.json"
    document.write_text(answer.out, encoding="utf-8")
    run, page, table = answer.document["run"], tmp_path / "run.html", tmp_path / "run.csv"
    for source in (run, str(document)):
        made = ce_runner("report", source, "--html", page, "--csv", table, "--journal", fleet.journal)
        assert (made.code, made.err) == (0, "")
        assert str(page) in made.out
        text = page.read_text(encoding="utf-8")
        for said in (run, f"{account()}@", answer.document["plan"]["sha256"], "confirmed by 田中"):
            assert said in text
        rows = list(csv.DictReader(io.StringIO(table.read_bytes().decode("utf-8-sig"), newline="")))
        found = {(row["host"], row["item"], row["task"]): row for row in rows}
        strong = found["東京", "S0-16", "Strong"]
        assert (strong["before"], strong["after"], strong["result"]) == ("absent", "dword 1", "applied")
        assert strong["run_started_utc"] <= strong["verified_utc"] <= strong["run_ended_utc"]
        attested = found["東京", "S0-12", "Manual"]
        assert (attested["result"], attested["note"]) == ("attested", f"confirmed by 田中, entered by {operator()}")
        assert attested["verified_utc"] <= strong["verified_utc"]
        assert found["b", "S0-12", "Manual"]["held_by"] == "the operator"
        assert found["b", "S0-17", "Runs"]["verified_utc"] >= strong["run_started_utc"]
        assert CANARY not in text
        assert CANARY not in table.read_bytes().decode("utf-8-sig")


def test_what_is_confirmed_after_the_run_stands_beside_what_it_held(tmp_path: Path) -> None:
    page, table = tmp_path / "run.html", tmp_path / "run.csv"
    with served(FLEET, tmp_path) as fleet:
        run = applied(fleet, tmp_path).document["run"]
    journal = ("--journal", fleet.journal)
    assert "after the run had started" not in ce_runner("report", run, *journal).out
    assert ce_runner("attest", "b", "S0-12", "--by", "鈴木", "--evidence", "ticket 4711", *journal).code == 0
    assert ce_runner("report", run, "--html", page, "--csv", table, *journal).code == 0
    rows = csv.DictReader(io.StringIO(table.read_bytes().decode("utf-8-sig"), newline=""))
    held = next(row for row in rows if (row["host"], row["item"]) == ("b", "S0-12"))
    assert (held["result"], held["held_by"]) == ("held", "the operator")
    assert held["confirmed_later"].startswith(f"confirmed by 鈴木, entered by {operator()}, on 20")
    assert held["confirmed_later"].endswith("after the run had started | ticket 4711")
    assert "after the run had started" in page.read_text(encoding="utf-8")
    shown = ce_runner("report", run, *journal).out
    assert shown.count("b: Manual: confirmed by 鈴木") == 1
    known = ce_runner("report", run, "--json", *journal).document["attestations"]
    assert [one["host"] for one in known] == ["東京"]


def test_without_a_file_the_run_is_shown_again(tmp_path: Path) -> None:
    with served(FLEET, tmp_path) as fleet:
        run = applied(fleet, tmp_path).document["run"]
    shown = ce_runner("report", run, "--journal", fleet.journal)
    assert shown.code == 0
    assert f"exit 6     run {run}" in shown.out
    assert ce_runner("report", run, "--journal", fleet.journal, "--json").document["operator"].startswith(account())
    assert f"by {account()}@" in ce_runner("runs", "--journal", fleet.journal).out


@pytest.mark.parametrize("run", ["no-such-run", "site.yml"])
def test_what_is_no_run_is_refused(run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    site(tmp_path)
    with served(FLEET, tmp_path) as fleet:
        fleet.apply(tmp_path / "site.yml")
    answer = ce_runner("report", run, "--journal", fleet.journal)
    assert answer.code == 64
    assert ("no run 'no-such-run' is recorded" if run == "no-such-run" else "this is not JSON") in answer.err
    assert ce_runner("report", "x", "--journal", tmp_path / "none.sqlite3").code == 64
    assert not (tmp_path / "none.sqlite3").exists()


def test_the_backup_brings_the_registry_back(tmp_path: Path) -> None:
    with served(FLEET, tmp_path) as fleet:
        prepare(fleet)
        before = {name: fleet.fleet.machine(name).registry.find(r"HKLM\SOFTWARE") for name in fleet.fleet.specs}
        answer = applied(fleet, tmp_path)
        folder = fleet.journal.parent / "backup" / answer.document["run"]
        assert f"the registry values of 2 hosts before this run: {folder}" in answer.err
        files = {"東京": folder / "東京.reg", "b": folder / "b.reg"}
        assert sorted(folder.iterdir()) == sorted(files.values())
        for name, file in files.items():
            assert fleet.fleet.machine(name).registry.find(r"HKLM\SOFTWARE") != before[name]
            with fleet.fleet.editing(name) as machine:
                imported(machine, parsed(file.read_bytes()))
            assert fleet.fleet.machine(name).registry.find(r"HKLM\SOFTWARE") == before[name]
        assert not [file for file in files.values() if CANARY.encode("utf-16-le") in file.read_bytes()]


def test_the_backup_of_a_plan_is_the_one_that_apply_writes(tmp_path: Path) -> None:
    plan, out, own = tmp_path / "plan.json", tmp_path / "out", tmp_path / "own"
    with served(FLEET, tmp_path) as fleet:
        prepare(fleet)
        fleet.plan(site(tmp_path), plan)
        made = ce_runner("backup", plan, "--out", out, "--json")
        run = fleet.apply(plan, "--backup", str(own)).document["run"]
    files = {host: Path(file) for host, file in made.document["files"].items()}
    assert files.keys() == {"東京", "b"}
    for file in files.values():
        assert file.read_bytes() == (own / run / file.name).read_bytes()
    again = ce_runner("backup", plan, "--out", out)
    assert again.code == 64
    assert "it is there already, and is kept" in again.err


def test_without_a_backup_nothing_is_changed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with served(FLEET, tmp_path) as fleet:
        answer = applied(fleet, tmp_path, "--backup", str(tmp_path / "file" / "below"))
        assert answer.code == 64
        assert not any(fleet.fleet.machine(name).changes for name in fleet.fleet.specs)
    assert ce_runner("runs", "--journal", fleet.journal, "--json").document["runs"] == []


def test_a_plan_that_changes_no_registry_value_has_no_backup(tmp_path: Path) -> None:
    playbook, plan = tmp_path / "stop.yml", tmp_path / "plan.json"
    playbook.write_text(
        json.dumps([{"hosts": "all", "tasks": [{"win_service": {"name": "LabCloudExtender", "state": "stopped"}}]}]),
        encoding="utf-8",
    )
    with served(FLEET, tmp_path) as fleet:
        fleet.plan(playbook, plan)
        answer = fleet.apply(plan)
    assert answer.code == 0
    assert "registry" not in answer.err
    assert not (fleet.journal.parent / "backup").exists()
    assert ce_runner("backup", plan, "--out", tmp_path / "out").out == "the plan changes no registry value\n"
    assert not (tmp_path / "out").exists()


def test_a_file_has_a_name_whatever_the_host_is_called(tmp_path: Path) -> None:
    """A plan's file may name a host that no inventory would take."""
    step = regedit(State(False, {"missing_keys": ()}), name="V", data="x")
    written = write_backups(reg_files(plan_of(step, host="../a:b%")), tmp_path / "out")
    assert written == {"../a:b%": tmp_path / "out" / "..%2Fa%3Ab%25.reg"}
    assert parsed(written["../a:b%"].read_bytes()).keys


LATE = r"""
- hosts: cloud_extender
  gather_facts: false
  tasks:
    - {name: First, win_regedit: {path: 'HKLM:\SOFTWARE\Contoso', name: Marker, type: dword, data: 1}}
    - {name: Late, win_regedit: {path: 'HKLM:\SOFTWARE\Contoso', name: Text, data: new}, after: First, tags: [S0-16]}
"""


def test_what_was_before_a_deferred_change_is_in_journal_report_and_backup(tmp_path: Path) -> None:
    playbook, page, table, out = (tmp_path / name for name in ("late.yml", "run.html", "run.csv", "out"))
    playbook.write_text(LATE, encoding="utf-8")
    with served(FLEET, tmp_path) as fleet:
        prepare(fleet)
        before = fleet.fleet.machine("東京").registry.find(r"HKLM\SOFTWARE")
        answer = fleet.apply(playbook)
        assert (answer.code, answer.hosts["東京"]["result"]) == (0, "applied")
        run = answer.document["run"]
        journal = ("--journal", fleet.journal)
        shown = ce_runner("report", run, *journal)
        assert 'a "b" \\ 設定 -> string new' in shown.out
        assert ce_runner("report", run, "--html", page, "--csv", table, *journal).code == 0
        made = ce_runner("backup", run, "--out", out, "--json", *journal)
        assert made.code == 0
        with fleet.fleet.editing("東京") as machine:
            imported(machine, parsed(Path(made.document["files"]["東京"]).read_bytes()))
        assert fleet.fleet.machine("東京").registry.find(r"HKLM\SOFTWARE") == before
    assert "string a &#34;b&#34; \\ 設定" in page.read_text(encoding="utf-8")
    rows = csv.DictReader(io.StringIO(table.read_bytes().decode("utf-8-sig"), newline=""))
    late = next(row for row in rows if (row["host"], row["item"]) == ("東京", "S0-16"))
    assert (late["before"], late["planned"], late["result"]) == ('string a "b" \\ 設定', "string new", "applied")
    with Journal(fleet.journal) as recorded:
        intents = [one for one in recorded.run(run).intents if one.host == "東京"]
    assert [one.action and one.action.before.properties["data"] for one in intents] == [None, 'a "b" \\ 設定']


def test_the_evidence_of_an_audit(tmp_path: Path) -> None:
    with served(FLEET, tmp_path) as fleet:
        prepare(fleet)
        checked = fleet.check(site(tmp_path))
        planned = fleet.plan(site(tmp_path), tmp_path / "plan.json")
        assert (checked.code, planned.code) == (6, 6)
    (tmp_path / "audit.json").write_text(checked.out, encoding="utf-8")
    page, table = tmp_path / "audit.html", tmp_path / "audit.csv"
    for source in ("audit.json", "plan.json"):
        made = ce_runner("report", tmp_path / source, "--html", page, "--csv", table)
        assert (made.code, made.err) == (0, "")
        assert f"Audit of {tmp_path / 'site.yml'}" in page.read_text(encoding="utf-8")
        rows = list(csv.DictReader(io.StringIO(table.read_bytes().decode("utf-8-sig"), newline="")))
        found = {(row["host"], row["task"]): row for row in rows}
        strong = found["東京", "Strong"]
        assert (strong["before"], strong["planned"], strong["result"]) == ("absent", "dword 1", "to change")
        assert found["東京", "Manual"]["held_by"] == "the operator"
        assert (found["b", "Runs"]["result"], found["b", "Runs"]["verified_utc"]) == ("compliant", strong["read_utc"])
    shown = ce_runner("report", tmp_path / "plan.json")
    assert shown.out == ce_runner("show", tmp_path / "plan.json").out


def test_a_run_document_that_was_edited_is_refused(tmp_path: Path) -> None:
    with served(FLEET, tmp_path) as fleet:
        answer = applied(fleet, tmp_path)
    edited = tmp_path / "edited.json"
    edited.write_text(json.dumps({**answer.document, "operator": "somebody@else"}), encoding="utf-8")
    refused = ce_runner("report", edited)
    assert refused.code == 64
    assert "the run was changed after it was written" in refused.err


def test_a_new_file_follows_no_link_and_is_its_users_alone(tmp_path: Path) -> None:
    victim, out = tmp_path / "victim.txt", tmp_path / "out"
    out.mkdir()
    for target in (victim, tmp_path / "victim-that-is-not-there"):
        link = out / "東京.reg"
        link.symlink_to(target)
        with pytest.raises(InputError, match="it is there already"):
            write_new(link, b"x")
        assert not target.exists()
        link.unlink()
    write_new(out / "new" / "b.reg", b"x")
    assert (out / "new" / "b.reg").read_bytes() == b"x"
    assert [stat.S_IMODE((out / one).stat().st_mode) for one in ("new", "new/b.reg")] == [0o700, 0o600]


@pytest.mark.skipif(os.name == "nt", reason="accounts of POSIX")
def test_the_operator_is_whom_the_system_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    import pwd

    own = pwd.getpwuid(os.getuid()).pw_name
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    monkeypatch.delenv("SUDO_USER", raising=False)
    assert operator().startswith(f"{own}@")
    assert "(" not in operator()
    monkeypatch.setenv("SUDO_USER", "kiyohime")
    assert operator().endswith(" (SUDO_USER kiyohime)")
    monkeypatch.setattr(os, "getuid", lambda: 3_999_999)
    assert account() == "uid 3999999"


def test_a_confirmation_says_who_entered_it_and_can_be_withdrawn(tmp_path: Path) -> None:
    with served(FLEET, tmp_path) as fleet:
        step = ("attest", "東京", "S0-12", "--journal", fleet.journal)
        nothing = ce_runner(*step, "--withdraw")
        assert nothing.code == 64
        assert "S0-12 of 東京 is not confirmed" in nothing.err
        given = ce_runner(*step, "--by", "田中", "-i", fleet.inventory, "--json").document
        assert (given["by"], given["entered"]) == ("田中", operator())
        assert verdict(fleet, tmp_path) == "told"
        assert "does not go with it" in ce_runner(*step, "--withdraw", "--expires-days", "3").err
        taken = ce_runner(*step, "--withdraw", "--evidence", "the wrong server")
        assert (taken.code, taken.out.split(" by ")[0]) == (0, "東京: S0-12 withdrawn")
        assert verdict(fleet, tmp_path) == "held"
        unknown = ce_runner("attest", "東京都", "S0-12", "-i", fleet.inventory, "--journal", fleet.journal)
    assert unknown.code == 64
    assert "the inventory has no host '東京都'" in unknown.err
    assert "did you mean '東京'" in unknown.err


def test_what_is_confirmed_is_listed(tmp_path: Path) -> None:
    journal = ("--journal", tmp_path / "journal.sqlite3")
    for host, more in (("東京", ("--expires-days", "30")), ("b", ()), ("c", ())):
        assert ce_runner("attest", host, "S0-12", "--by", "田中", *more, *journal).code == 0
    assert ce_runner("attest", "c", "S0-12", "--withdraw", *journal).code == 0
    given = ce_runner("attest", "--list", "--json", *journal).document
    assert given["kind"] == "ce-runner attestations"
    found = {one["host"]: one for one in given["attestations"]}
    assert found.keys() == {"東京", "b"}
    assert (found["b"]["id"], found["b"]["by"], found["b"]["expires"]) == ("S0-12", "田中", None)
    first, second = ce_runner("attest", "--list", *journal).out.splitlines()
    assert first.split() == ["b", "S0-12", "by", "田中", "on", found["b"]["at"][:10], "no", "end"]
    assert second.endswith(f"until {found['東京']['expires'][:10]}")


def test_an_expired_confirmation_is_listed_as_such(tmp_path: Path) -> None:
    path, at = tmp_path / "journal.sqlite3", datetime(2026, 1, 1, tzinfo=UTC)
    with Journal(path) as recorded:
        recorded.attest(Attestation("b", "S0-12", "田中", at, "", at + timedelta(days=1)))
    assert ce_runner("attest", "--list", "--journal", path).out.endswith("expired on 2026-01-02\n")


def test_where_nothing_is_confirmed_the_list_says_so_and_makes_no_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = tmp_path / "usual.sqlite3"
    monkeypatch.setenv(JOURNAL_VARIABLE, str(usual))
    assert ce_runner("attest", "--list").out == "nothing is confirmed\n"
    assert ce_runner("attest", "--list", "--journal", tmp_path / "named.sqlite3").code == 64
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("", "S0-12"), "it is empty"),
        (("b", " "), "it is empty"),
        (("b", "S0-12", "--by", ""), "it is empty"),
        (("b",), "HOST and STEP are needed, or --list"),
        ((), "HOST and STEP are needed, or --list"),
        (("b", "--list"), "only --journal and --json go with it"),
        (("b", "S0-12", "--expires-days", "36501"), "36501 is not in the range 1<=x<=36500"),
        (("b", "S0-12", "--expires-days", "99999999999"), "is not in the range 1<=x<=36500"),
    ],
)
def test_a_confirmation_of_nothing_is_refused(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    answer = ce_runner("attest", *arguments, "--journal", tmp_path / "journal.sqlite3")
    assert answer.code == 64
    assert said in answer.err
    assert list(tmp_path.iterdir()) == []


def test_a_confirmation_may_hold_for_a_hundred_years(tmp_path: Path) -> None:
    step = ("attest", "b", "S0-12", "--expires-days", "36500", "--journal", tmp_path / "journal.sqlite3")
    assert ce_runner(*step, "--json").document["expires"] > "2126"


def verdict(fleet: Served, folder: Path) -> str:
    """What a check says of the manual step of 東京."""
    steps = fleet.check(site(folder)).hosts["東京"]["steps"]
    return str(next(step["verdict"] for step in steps if step["header"]["name"] == "Manual"))


def test_a_plan_that_was_forged_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    """Its sum is right, as a forger would write it."""
    step = regedit(State(False, {"missing_keys": ("C:\\x",)}), name="V", data="x")
    file = tmp_path / "plan.json"
    file.write_text(to_text(dump_plan(plan_of(step))), encoding="utf-8")
    answer = ce_runner("backup", file, "--out", tmp_path / "out")
    assert answer.code == 64
    assert "missing_keys: not a registry path" in answer.err
    assert not (tmp_path / "out").exists()
