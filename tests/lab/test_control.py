"""A running lab is looked at, broken and changed from the command line, by those who know its token."""

from __future__ import annotations

import http.client
import json
import socket
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from runner.lab.control import ControlError, give_order, is_taken, remove_access, write_access
from runner.lab.desk import Controller, Desk
from runner.lab.errors import Terminating
from runner.lab.files import File
from runner.lab.fleet import Fleet, write_inventory
from runner.lab.orders import CONTROL_PATH, Reboot, Show
from runner.lab.scenario import load_scenario
from runner.lab.server import LabThread
from tests.product import STRONG_CRYPTO, Answer, ce_runner

HOST, OTHER = "tok-ce-02", "tok-ce-01"
TOKEN = "a token of the test"
KEY = "HKLM\\SOFTWARE\\Lab\\Control"
LONG_KEY = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Lab\\Control"


@dataclass(frozen=True)
class Running:
    fleet: Fleet
    directory: Path
    port: int

    def lab(self, verb: str, *words: str) -> Answer:
        """`ce-runner lab VERB ...` for this lab."""
        return ce_runner("lab", verb, "--directory", self.directory, *words)

    def changed(self, *words: str) -> None:
        """`lab set HOST ...`, which must be done."""
        answer = self.lab("set", HOST, *words)
        assert (answer.code, answer.err) == (0, "")

    def shown(self) -> dict[str, object]:
        document: dict[str, object] = self.lab("show", HOST, "--json").document
        return document


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    fleet = Fleet(load_scenario("strong-crypto"))
    with LabThread(fleet, pace=0.0, control=lambda reboot: Controller(Desk(fleet, reboot), TOKEN)) as lab:
        write_inventory(fleet, lab.addresses, tmp_path)
        write_access(tmp_path, lab.addresses.port, TOKEN)
        yield Running(fleet, tmp_path, lab.addresses.port)


# ---- set -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "data"),
    [
        (["dword", "0x10"], 16),
        (["dword", "-1"], 0xFFFFFFFF),
        (["qword", "5"], 5),
        (["sz", "a b"], "a b"),
        (["expand_sz", "%TEMP%"], "%TEMP%"),
        (["multi_sz", "a", "b"], ("a", "b")),
        (["multi_sz"], ()),
        (["binary", "00 ff"], b"\x00\xff"),
    ],
)
def test_a_registry_value_is_set_and_removed(running: Running, words: list[str], data: object) -> None:
    running.changed("registry", KEY, "Name", *words)
    key = running.fleet.machine(HOST).registry.find(LONG_KEY)
    assert key is not None
    value = key.value("Name")
    assert value is not None
    assert value.data == data
    running.changed("registry", KEY, "Name", "absent")
    key = running.fleet.machine(HOST).registry.find(LONG_KEY)
    assert key is not None
    assert key.value("Name") is None
    assert {change.by for change in running.fleet.machine(HOST).changes} == {"outside"}


def test_a_service_is_changed_by_the_words_of_a_scenario(running: Running) -> None:
    running.changed("service", "Spooler", "status=stopped", "start_mode=disabled", "depends_on=a,b", "stuck_stop=true")
    service = running.fleet.machine(HOST).services.get("spooler")
    assert (service.status.name, service.start_mode.name) == ("Stopped", "Disabled")
    assert (service.depends_on, service.stuck_stop) == (("a", "b"), True)
    running.changed("service", "New", "status=running")
    assert running.fleet.machine(HOST).services.get("New").process_id > 0


def test_the_clock_moves(running: Running) -> None:
    machine = running.fleet.machine(HOST)
    began = machine.now()
    running.changed("clock", "+3600")
    assert (machine.now() - began).total_seconds() == 3600
    running.changed("clock", "-60.5")
    assert (machine.now() - began).total_seconds() == 3539.5
    running.changed("clock", "2030-01-01T00:00")
    assert machine.now().isoformat() == "2030-01-01T00:00:00+00:00"


def test_access_is_denied_and_given_back(running: Running) -> None:
    running.changed("registry", KEY, "Name", "dword", "1")
    running.changed("deny", KEY, "write")
    key = running.fleet.machine(HOST).registry.find(LONG_KEY)
    assert key is not None
    assert key.deny == "write"
    running.changed("deny", KEY, "nothing")
    key = running.fleet.machine(HOST).registry.find(LONG_KEY)
    assert key is not None
    assert key.deny is None


def test_a_full_disk_is_refused_by_name(running: Running) -> None:
    running.changed("disk", "full")
    machine = running.fleet.machine(HOST)
    with pytest.raises(Terminating) as caught:
        machine.put_file("C:\\Windows\\x.txt", File("x.txt", b"", machine.now()))
    assert caught.value.failure.message == "The lab does not simulate the writing of a file on a full disk."
    running.changed("registry", KEY, "Name", "dword", "1")  # needs no disk at once
    running.changed("disk", "free")
    machine.put_file("C:\\Windows\\x.txt", File("x.txt", b"", machine.now()))


def test_a_reboot(running: Running) -> None:
    before = running.fleet.machine(HOST).booted
    running.changed("reboot")
    assert running.fleet.machine(HOST).booted > before
    assert running.fleet.machine(OTHER).changes == []


def test_what_was_changed_behind_the_runners_back_is_drift(running: Running, tmp_path: Path) -> None:
    inventory, plan = tmp_path / "inventory.yml", tmp_path / "plan.json"
    arguments = ["-i", inventory, "-l", HOST]
    assert ce_runner("plan", STRONG_CRYPTO, *arguments, "--out", plan).code == 2
    key = "HKLM\\SOFTWARE\\Wow6432Node\\Microsoft\\.NETFramework\\v4.0.30319"
    running.changed("registry", key, "SchUseStrongCrypto", "dword", "0")
    applied = ce_runner("apply", plan, "-i", inventory, "--journal", tmp_path / "journal.sqlite3", "--json")
    assert (applied.code, applied.hosts[HOST]["result"]) == (5, "refused")


# ---- break and show ------------------------------------------------------------------------------------------


def test_a_fault_is_added_shown_and_taken_away(running: Running) -> None:
    assert running.lab("break", HOST, "read:http_503:2").code == 0
    assert running.lab("break", HOST, "write:drop_during").code == 0
    assert running.shown()["faults"] == ["read:http_503:2:0", "write:drop_during:1:0"]
    inventory = running.directory / "inventory.yml"
    assert ce_runner("check", STRONG_CRYPTO, "-i", inventory, "-l", HOST).code == 2
    shown = running.shown()
    assert (shown["faults_shown"], shown["faults"]) == (2, ["write:drop_during:1:0"])
    assert running.lab("break", HOST, "none").code == 0
    assert running.shown()["faults"] == []


def test_show_tells_the_machine_and_who_changed_it(running: Running, tmp_path: Path) -> None:
    running.changed("registry", KEY, "Name", "dword", "1")
    journal = tmp_path / "journal.sqlite3"
    inventory = running.directory / "inventory.yml"
    ce_runner("apply", STRONG_CRYPTO, "-i", inventory, "-l", HOST, "--yes", "--journal", journal)
    shown = running.shown()
    assert (shown["os"], shown["host"]) == ("Server 2019", HOST)
    changes = shown["changes"]
    assert isinstance(changes, list)
    assert changes[0]["what"] == f"{LONG_KEY}::Name"
    assert (changes[0]["before"], changes[0]["after"], changes[0]["by"]) == (None, "DWord 1", "outside")
    assert all(len(change["by"]) == 36 for change in changes[1:] if change["by"])  # ids of pipelines
    text = running.lab("show", HOST).out
    assert "Server 2019" in text
    assert "service LabCloudExtender: Running" in text
    assert f"{LONG_KEY}::Name  absent -> DWord 1  by outside" in text


def test_every_fault_is_listed_with_its_moments(running: Running) -> None:
    listed = ce_runner("lab", "faults", "--json").document
    assert listed["what"]["reboot"]["when"] == ["connect", "open", "read", "write", "verify", "close"]
    assert all(fault["meaning"] and fault["when"] for fault in listed["what"].values())
    assert "write    a pipeline whose first real statement changes something" in ce_runner("lab", "faults").out


# ---- what is refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["break", "nobody", "read:stall"], "the lab has no host nobody"),
        (["set", "nobody", "reboot"], "the lab has no host nobody"),
        (["set", "nobody", "clock", "+1"], "the lab has no host nobody"),
        (["break", HOST, "read:drop_durin"], "did you mean 'drop_during'"),
        (["break", HOST, "read"], "WHEN:WHAT"),
        (["break", HOST, "write:stall:-1"], "TIMES is at least 1, or always"),
        (["break", HOST, "write:stall:0"], "TIMES is at least 1, or always"),
        (["break", HOST, "open:shell_gone"], "needs a shell"),
        (["break", HOST, "connect:unreachable"], "belongs in the scenario"),
        (["set", HOST, "registry", "C:\\x", "Name", "dword", "1"], "begins with one of HKLM, HKCU"),
        (["set", HOST, "registry", KEY, "Name", "dword", "99999999999"], "32 bits"),
        (["set", HOST, "registry", KEY, "Name", "dword", "x"], "takes a number"),
        (["set", HOST, "registry", KEY, "Name", "absent", "x"], "no data"),
        (["set", HOST, "registry", KEY, "Name", "sz", "a", "b"], "one piece of data"),
        (["set", HOST, "service", "Spooler", "status=flying"], "status"),
        (["set", HOST, "service", "Spooler", "wings=2"], "wings"),
        (["set", HOST, "service", "", "status=running"], "a service has a name"),
        (["set", HOST, "service", "Spooler", "depends_on=RPCSS,spooler"], "Spooler would depend on itself"),
        (["set", HOST, "service", "Spooler", "start_seconds=1e300"], "start_seconds"),
        (["set", HOST, "clock", "tomorrow"], "neither"),
        (["set", HOST, "clock", "+1e12"], "from 1980"),
        (["set", HOST, "clock", "-1e300"], "from 1980"),
        (["set", HOST, "clock", "+inf"], "neither"),
        (["set", HOST, "clock", "9999-12-31T23:59:59"], "from 1980"),
        (["set", HOST, "clock", "0001-01-01T00:00:00+14:00"], "from 1980"),
    ],
)
def test_mistakes_are_told_and_change_nothing(running: Running, words: list[str], said: str) -> None:
    verb, *rest = words
    answer = running.lab(verb, *rest)
    assert answer.code == 64
    assert said in answer.err
    assert running.fleet.machine(HOST).changes == []
    assert list(running.fleet.faults(HOST).pending()) == []


def test_services_cannot_wait_for_each_other(running: Running) -> None:
    running.changed("service", "A", "depends_on=B", "start_mode=automatic")
    running.changed("service", "B", "depends_on=C")
    answer = running.lab("set", HOST, "service", "C", "depends_on=a")
    assert (answer.code, "C would depend on itself" in answer.err) == (64, True)
    running.changed("reboot")
    assert running.fleet.machine(HOST).services.get("A").status.name == "Running"


def test_a_failure_of_the_lab_is_told_by_its_class(tmp_path: Path) -> None:
    def reboot(host: str) -> None:
        raise RecursionError(host)

    fleet = Fleet(load_scenario("strong-crypto"))
    with LabThread(fleet, pace=0.0, control=lambda _: Controller(Desk(fleet, reboot), TOKEN)) as lab:
        write_access(tmp_path, lab.addresses.port, TOKEN)
        with pytest.raises(ControlError, match="the lab failed with RecursionError"):
            give_order(tmp_path, Reboot(host=HOST))
        assert give_order(tmp_path, Show(host=HOST))["host"] == HOST


def test_a_lab_that_ends_leaves_the_access_of_another(tmp_path: Path) -> None:
    write_access(tmp_path, 9, "of the first")
    write_access(tmp_path, 9, "of the second")
    remove_access(tmp_path, "of the first")
    assert (tmp_path / "control.json").exists()
    remove_access(tmp_path, "of the second")
    assert not (tmp_path / "control.json").exists()


@pytest.mark.parametrize("text", ["[]", "{}", '{"url": 1, "token": "x"}', '{"url": "http://x", "token": "x"}', "7"])
def test_a_spoilt_access_file_is_a_clear_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "control.json").write_text(text)
    answer = ce_runner("lab", "show", HOST, "--directory", tmp_path)
    assert (answer.code, "is not what a lab writes" in answer.err) == (64, True)


def test_a_stranger_is_refused(running: Running) -> None:
    write_access(running.directory, running.port, "another token")
    with pytest.raises(ControlError, match="token"):
        give_order(running.directory, Show(host=HOST))


def test_without_a_token_nothing_is_answered(running: Running) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=5)
    connection.request("POST", CONTROL_PATH, json.dumps({"order": "reboot", "host": HOST}))
    assert connection.getresponse().status == 403
    connection.close()
    assert running.fleet.machine(HOST).changes == []


def test_the_token_is_for_its_owner_only(running: Running) -> None:
    assert stat.S_IMODE((running.directory / "control.json").stat().st_mode) == 0o600
    assert TOKEN not in repr(Controller(Desk(running.fleet, lambda _: None), TOKEN))


def test_a_directory_is_taken_while_its_lab_answers(running: Running, tmp_path: Path) -> None:
    assert is_taken(running.directory)
    write_access(running.directory, running.port, "of a lab that has ended, whose port is another's now")
    assert not is_taken(running.directory)
    write_access(running.directory, 9, TOKEN)
    assert not is_taken(running.directory)
    remove_access(running.directory, TOKEN)
    assert not is_taken(running.directory)


def test_a_lab_that_is_stopped_for_a_while_keeps_its_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.lab.control._PATIENCE", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        write_access(tmp_path, silent.getsockname()[1], TOKEN)
        assert is_taken(tmp_path)


def test_no_lab_no_answer(tmp_path: Path) -> None:
    assert "no lab is running" in ce_runner("lab", "show", HOST, "--directory", tmp_path).err
    write_access(tmp_path, 9, TOKEN)
    assert "does not answer" in ce_runner("lab", "show", HOST, "--directory", tmp_path).err
    remove_access(tmp_path, TOKEN)
    assert "no lab is running" in ce_runner("lab", "show", HOST, "--directory", tmp_path).err
