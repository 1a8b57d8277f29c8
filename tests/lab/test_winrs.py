"""WinRS: the unchanged pywinrm talks to the lab, and the lab answers recorded requests as real Windows did."""

from __future__ import annotations

import asyncio
import base64
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest
import winrm
import yaml
from winrm.exceptions import InvalidCredentialsError, WSManFaultError

from runner.lab.auth import Caller
from runner.lab.fleet import Fleet
from runner.lab.psrp import PipelineCache
from runner.lab.scenario import HostSpec, Scenario
from runner.lab.server import LabThread
from runner.lab.wsman import Service
from tests.lab.lab_support import tiny_host
from tests.lab.test_server_recordings import NEWER_SERVERS_ONLY, paths

UTF8 = 65001
MISSING = "HKLM:\\SOFTWARE\\None"


@dataclass
class Client:
    """pywinrm with one host of a lab."""

    protocol: winrm.Protocol
    fleet: Fleet

    def run(self, line: str, code_page: int = UTF8) -> tuple[str, str, int]:
        shell = self.protocol.open_shell(codepage=code_page)
        command = self.protocol.run_command(shell, line)
        stdout, stderr, code = self.protocol.get_command_output(shell, command)
        self.protocol.cleanup_command(shell, command)
        self.protocol.close_shell(shell, close_session=False)
        return stdout.decode(), stderr.decode(), code

    def xml(self, script: str) -> tuple[list[str], list[str], int]:
        """The elements' texts on stdout, the error ids and texts on stderr, and the exit code."""
        encoded = base64.b64encode(script.encode("utf-16-le")).decode()
        stdout, stderr, code = self.run(f"powershell -OutputFormat XML -EncodedCommand {encoded}")
        ids = [element.text or "" for element in elements(stderr, ".//{*}S[@N='FullyQualifiedErrorId']")]
        texts = [element.text or "" for element in elements(stderr, "./{*}S")]
        return [element.text or "" for element in elements(stdout, "./*")], ids + texts, code


def elements(document: str, path: str) -> list[ElementTree.Element]:
    if not document:
        return []
    assert document.startswith("#< CLIXML\r\n")
    return ElementTree.fromstring(document.removeprefix("#< CLIXML\r\n")).findall(path)


class Session(winrm.Session):
    """pywinrm's own session, whose URLs have no room for a path with the host's name."""

    def __init__(self, protocol: winrm.Protocol) -> None:
        self.protocol = protocol


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    hosts = {"win": HostSpec(), "日本": HostSpec.model_validate({"culture": "ja-JP"})}
    return Fleet(Scenario(description="two machines", hosts=hosts))


@pytest.fixture(scope="module")
def lab(fleet: Fleet) -> Iterator[LabThread]:
    with LabThread(fleet, pace=0.001) as thread:
        yield thread


def client(lab: LabThread, fleet: Fleet, host: str = "win") -> Client:
    account = fleet.account(host)
    protocol = winrm.Protocol(
        lab.addresses.url(host),
        transport="ntlm",
        username=account.user,
        password=account.password.get_secret_value(),
        proxy=None,
    )
    return Client(protocol, fleet)


@pytest.fixture
def windows(lab: LabThread, fleet: Fleet) -> Client:
    return client(lab, fleet)


def test_run_ps_of_an_unchanged_session_with_sealing(windows: Client) -> None:
    answer = Session(windows.protocol).run_ps("Write-Output 'one'; Write-Output 2; $true")
    assert (answer.status_code, answer.std_out, answer.std_err) == (0, b"one\r\n2\r\nTrue\r\n", b"")
    assert windows.protocol.transport.encryption is not None
    assert windows.fleet.traffic("win").open_shells == 0


def test_errors_on_stderr_in_text_mode_as_pywinrm_shows_them(windows: Client) -> None:
    answer = Session(windows.protocol).run_ps(f"Get-Item -LiteralPath '{MISSING}'; Write-Output 'after'")
    assert (answer.status_code, answer.std_out) == (0, b"after\r\n")
    assert answer.std_err.decode().splitlines() == [
        f"Get-Item : Cannot find path '{MISSING}' because it does not exist.",
        f"    + CategoryInfo          : ObjectNotFound: ({MISSING}:String) [Get-Item], ItemNotFoundException",
        "    + FullyQualifiedErrorId : PathNotFound,Microsoft.PowerShell.Commands.GetItemCommand",
    ]


@pytest.mark.parametrize(
    ("script", "outputs", "errors", "code"),
    [
        ("Write-Output 'a'; 1; $null; @(2, 3)", ["a", "1", "", "2", "3"], [], 0),
        (f"'a'; Get-Item {MISSING}; 'b'", ["a", "b"], ["PathNotFound,Microsoft.PowerShell.Commands.GetItemCommand"], 0),
        (f"'a'; Get-Item {MISSING}", ["a"], ["PathNotFound,Microsoft.PowerShell.Commands.GetItemCommand"], 1),
        ("'a'; Get-NoSuchCommand; 'b'", ["a"], ["CommandNotFoundException"], 1),
        ("'a'; throw 'boom'; 'b'", ["a"], ["boom"], 1),
        ("'a'; exit 3; 'b'", ["a"], [], 3),
        ("1 +", [], ["ExpectedValueExpression"], 0),
        ("Write-Output 'a'; Write-Warning -Message 'w'", ["a"], ["w"], 0),
        ("$x = 'v'; $x", ["v"], [], 0),
        ("'a'; if (1) { 2 }", [], ["LabDoesNotSimulate"], 1),
    ],
)
def test_xml_mode(windows: Client, script: str, outputs: list[str], errors: list[str], code: int) -> None:
    """As in groundtruth/pwsh76/encodedcommand.jsonl; the last case is refused whole, before anything ran."""
    assert windows.xml(script) == (outputs, errors, code)


def test_text_mode_goes_on_behind_a_terminating_error_but_not_behind_throw(windows: Client) -> None:
    session = Session(windows.protocol)
    assert session.run_ps("Get-NoSuchCommand; 'after'").std_out == b"after\r\n"
    thrown = session.run_ps("'before'; throw 'boom'; 'after'")
    assert (thrown.std_out, thrown.status_code) == (b"before\r\n", 1)
    assert thrown.std_err.startswith(b"boom\n")


def test_write_host_ends_its_line_with_a_line_feed_only(windows: Client) -> None:
    """As recorded in test_winrs_unicode."""
    assert windows.run("powershell.exe Write-Host こんにちは") == ("こんにちは\n", "", 0)


def test_what_the_lab_cannot_format_it_refuses_by_name(windows: Client) -> None:
    answer = Session(windows.protocol).run_ps("Get-Item HKLM:\\SOFTWARE")
    assert answer.std_out == b""
    assert answer.std_err.startswith(b"The lab does not simulate how PowerShell formats objects as text")
    stdout, stderr, code = windows.run("ipconfig /all")
    assert (stdout, stderr, code) == ("", "The lab does not simulate the program ipconfig.\r\n", 1)


def test_japanese_in_and_out(lab: LabThread, fleet: Fleet) -> None:
    japanese = client(lab, fleet, "日本")
    assert japanese.xml("Write-Output '日本語 ñ \U0001f600'")[0] == ["日本語 ñ _xD83D__xDE00_"]
    encoded = base64.b64encode(f"Get-Item '{MISSING}'; 'はい'".encode("utf-16-le")).decode()
    stdout, stderr, _ = japanese.run(f"powershell -EncodedCommand {encoded}")
    assert stdout == "はい\r\n"
    assert f"Get-Item : パス '{MISSING}' は存在しないため、見つかりません。" in stderr
    shell = japanese.protocol.open_shell(codepage=932)
    command = japanese.protocol.run_command(shell, "echo はい")
    assert japanese.protocol.get_command_output(shell, command)[0] == "はい\r\n".encode("cp932")
    japanese.protocol.close_shell(shell)


def test_pywinrms_usual_code_page_has_no_japanese(windows: Client) -> None:
    """Session.run_ps opens its shell with code page 437."""
    assert Session(windows.protocol).run_ps("'はい'").std_out == b"??\r\n"


def test_200_kb_of_output_in_several_receives(windows: Client) -> None:
    texts = ", ".join(["'" + "値" * 100 + "'"] * 20)
    script = f"$x = @({texts})" + "; $x" * 40
    before = windows.fleet.traffic("win").requests
    outputs, errors, code = windows.xml(script)
    assert (errors, code) == ([], 0)
    assert outputs == ["値" * 100] * 20 * 40
    assert sum(len(text.encode()) for text in outputs) > 200_000
    assert windows.fleet.traffic("win").requests - before > 6


def test_a_line_too_long_for_cmd_and_one_too_long_for_windows(windows: Client) -> None:
    """hashicorp/vagrant#3816 for cmd.exe; wsman-faults/2147942606 for CreateProcess."""
    assert windows.run("powershell Write-Output " + "x" * 8170)[1] == "The command line is too long.\r\n"
    with pytest.raises(WSManFaultError) as caught:
        windows.run("powershell Write-Output " + "x" * 33_000)
    assert caught.value.wsman_fault_code == 2147942606


def test_a_bare_name_is_not_found_without_cmd(windows: Client) -> None:
    shell = windows.protocol.open_shell()
    with pytest.raises(WSManFaultError) as caught:
        windows.protocol.run_command(shell, "powershell.exe", ["Write-Host", "hi"], skip_cmd_shell=True)
    assert caught.value.wsman_fault_code == 2147942402
    windows.protocol.close_shell(shell)


def test_a_deleted_shell_ends_its_program(windows: Client) -> None:
    shell = windows.protocol.open_shell()
    windows.protocol.run_command(shell, "powershell Start-Sleep 100000; New-Item HKLM:\\SOFTWARE\\Late")
    windows.protocol.close_shell(shell, close_session=False)
    assert windows.xml("Test-Path HKLM:\\SOFTWARE\\Late")[0] == ["false"]
    with pytest.raises(WSManFaultError) as caught:
        windows.protocol.run_command(shell, "echo x")
    assert caught.value.wsman_fault_code == 2150858843


def test_a_terminated_program_is_gone(windows: Client) -> None:
    shell = windows.protocol.open_shell()
    command = windows.protocol.run_command(shell, "powershell Start-Sleep 100000")
    windows.protocol.cleanup_command(shell, command)
    with pytest.raises(WSManFaultError) as caught:
        windows.protocol.get_command_output(shell, command)
    assert caught.value.wsman_fault_code == 2150858843
    windows.protocol.close_shell(shell, close_session=False)


def test_a_shell_with_variables_of_its_own_runs_nothing(windows: Client) -> None:
    shell = windows.protocol.open_shell(env_vars={"A": "b"})
    command = windows.protocol.run_command(shell, "powershell Write-Output 1")
    stdout, stderr, _ = windows.protocol.get_command_output(shell, command)
    assert stdout == b""
    assert b"variables of its own" in stderr
    windows.protocol.close_shell(shell, close_session=False)


def test_a_wrong_password(windows: Client, lab: LabThread) -> None:
    stranger = winrm.Protocol(
        lab.addresses.url("win"), transport="ntlm", username="admin", password="wrong", proxy=None
    )
    with pytest.raises(InvalidCredentialsError):
        stranger.open_shell()


def test_basic_over_tls(tmp_path: Path) -> None:
    scenario = Scenario(description="basic", hosts={"win": HostSpec.model_validate({"auth": "basic"})})
    fleet = Fleet(scenario)
    account = fleet.account("win")
    (tmp_path / "ca.pem").write_bytes(fleet.authority.pem)
    with LabThread(fleet) as lab:
        protocol = winrm.Protocol(
            lab.addresses.url("win", tls=True),
            transport="ssl",
            username=account.user,
            password=account.password.get_secret_value(),
            ca_trust_path=str(tmp_path / "ca.pem"),
            proxy=None,
        )
        assert Client(protocol, fleet).xml("Write-Output 'x'") == (["x"], [], 0)


# ---- the recorded conversations ------------------------------------------------------------------------------

# What the lab answers otherwise than that machine did, or refuses: their Receives are not compared.
NOT_RUN = ("<rsp:Command>dir<", ">set<", "(pwd).Path", "<rsp:Arguments>-<", "echo out", "Start-Sleep", "Write-Host")


def recordings(groundtruth: Path) -> dict[str, list[dict[str, str]]]:
    folder = groundtruth / "pypsrp" / "responses"
    files = [*folder.glob("test_winrs_*.yml"), *folder.glob("test_client_execute_cmd*.yml")]
    return {path.stem: yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)["messages"] for path in files}


def code(xml: str | bytes) -> tuple[str | None, str | None] | None:
    """Code and subcode of a fault."""
    fault = ElementTree.fromstring(xml).find(".//{*}WSManFault")
    if fault is None:
        return None
    return fault.get("Code"), ElementTree.fromstring(xml).findtext(".//{*}Subcode/{*}Value")


async def replay(messages: list[dict[str, str]]) -> list[tuple[str, str, str]]:
    """Each request with the recorded and the lab's answer; the host's ids are put in the place of the recorded ones."""
    host = tiny_host("win-01")
    service = Service(host, PipelineCache(), threading.RLock(), pace=0.0)
    caller = Caller(host.accounts[0], "admin")
    ids: dict[str, str] = {}
    result = []
    for message in messages:
        request, recorded = message["request"], message["response"]
        for old, new in ids.items():
            request = request.replace(old, new)
        answer = (await service.answer(request.encode(), caller, "127.0.0.1")).soap.decode()
        for pattern in (r'Name="ShellId">([^<]+)<', r"<rsp:CommandId>([^<]+)<"):
            old, new = re.search(pattern, recorded), re.search(pattern, answer)
            if old and new:
                ids[old[1]] = new[1]
        result.append((request, recorded, answer))
    service.close()
    return result


def test_recorded_conversations(groundtruth: Path) -> None:
    """The answers have the recorded elements, faults the recorded codes; a program that is not run is refused."""
    compared = faults = 0
    for name, messages in recordings(groundtruth).items():
        not_run = any(word in message["request"] for message in messages for word in NOT_RUN)
        for request, recorded, answer in asyncio.run(replay(messages)):
            if "shell/Receive<" in request and not_run:
                continue
            assert code(answer) == code(recorded), name
            faults += code(recorded) is not None
            lab = {path for path in paths(answer) if not path.endswith(NEWER_SERVERS_ONLY)}
            windows = {path for path in paths(recorded) if not path.endswith(NEWER_SERVERS_ONLY)}
            assert lab == windows, (name, request)
            compared += 1
    assert compared > 60
    assert faults == 3
