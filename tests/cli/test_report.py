"""Evidence and registry backup of a real run on the lab, as a user gets them."""

from __future__ import annotations

import csv
import getpass
import io
import json
from pathlib import Path

import pytest

from runner.cli.backup import write_backups
from runner.lab.enums import RegistryValueKind
from runner.lab.machine import Machine
from runner.lab.registry import RegistryValue
from runner.model.state import State
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
        for said in (run, f"{getpass.getuser()}@", answer.document["plan"]["sha256"], "confirmed by 田中"):
            assert said in text
        rows = list(csv.DictReader(io.StringIO(table.read_bytes().decode("utf-8-sig"), newline="")))
        found = {(row["host"], row["item"], row["task"]): row for row in rows}
        strong = found["東京", "S0-16", "Strong"]
        assert (strong["before"], strong["after"], strong["result"]) == ("absent", "dword 1", "applied")
        assert strong["run_started_utc"] <= strong["verified_utc"] <= strong["run_ended_utc"]
        attested = found["東京", "S0-12", "Manual"]
        assert (attested["result"], attested["note"]) == ("attested", "confirmed by 田中")
        assert attested["verified_utc"] < strong["verified_utc"]
        assert found["b", "S0-12", "Manual"]["held_by"] == "the operator"
        assert found["b", "S0-17", "Runs"]["verified_utc"] >= strong["run_started_utc"]
        assert CANARY not in text
        assert CANARY not in table.read_bytes().decode("utf-8-sig")


def test_without_a_file_the_run_is_shown_again(tmp_path: Path) -> None:
    with served(FLEET, tmp_path) as fleet:
        run = applied(fleet, tmp_path).document["run"]
    shown = ce_runner("report", run, "--journal", fleet.journal)
    assert shown.code == 0
    assert f"exit 6     run {run}" in shown.out
    assert (
        ce_runner("report", run, "--journal", fleet.journal, "--json")
        .document["operator"]
        .startswith(getpass.getuser())
    )
    assert f"by {getpass.getuser()}@" in ce_runner("runs", "--journal", fleet.journal).out


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
    written = write_backups(plan_of(step, host="../a:b%"), tmp_path / "out")
    assert written == {"../a:b%": tmp_path / "out" / "..%2Fa%3Ab%25.reg"}
    assert parsed(written["../a:b%"].read_bytes()).keys
