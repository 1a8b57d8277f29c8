"""Which command lines a WinRS shell of the lab understands, and what it refuses by name."""

from __future__ import annotations

import base64

import pytest

from runner.lab.command_line import Echo, NotFound, NotSimulated, PowerShellCall, read_command_line

SCRIPT = "Write-Output '日本'"
ENCODED = base64.b64encode(SCRIPT.encode("utf-16-le")).decode()
FULL = "C:\\Windows\\system32\\WindowsPowerShell\\v1.0\\powershell.exe"


@pytest.mark.parametrize(
    ("line", "call"),
    [
        (f"powershell -encodedcommand {ENCODED}", PowerShellCall(SCRIPT)),
        (f"powershell.exe -enc {ENCODED}", PowerShellCall(SCRIPT)),
        (f"PowerShell -e {ENCODED}", PowerShellCall(SCRIPT)),
        (f"powershell /ec {ENCODED}", PowerShellCall(SCRIPT)),
        (
            f"powershell -NoProfile -NonI -ep Bypass -OutputFormat XML -EncodedCommand {ENCODED}",
            PowerShellCall(SCRIPT, xml=True, execution_policy="Bypass"),
        ),
        (f"{FULL} -NoLogo -o text -enc {ENCODED}", PowerShellCall(SCRIPT)),
        (f'"{FULL}" -enc {ENCODED}', PowerShellCall(SCRIPT)),
        ("powershell.exe Write-Host hi", PowerShellCall("Write-Host hi")),
        ("powershell -NoProfile -Command Get-Item x; Get-Item y", PowerShellCall("Get-Item x; Get-Item y")),
        ("cmd.exe /c echo hi there", Echo("hi there")),
        ("echo abc", Echo("abc")),
    ],
)
def test_understood(line: str, call: PowerShellCall | Echo) -> None:
    assert read_command_line(line, through_cmd=True) == call


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("dir", "the program dir"),
        ("cmd.exe /c set", "the program cmd.exe"),
        ("echo a > b", "the program echo"),
        ("", "the program "),
        ("powershell", "an interactive PowerShell"),
        ("powershell -", "reads its commands from stdin"),
        ("powershell -Command -", "reads its commands from stdin"),
        ("powershell -File x.ps1", "powershell.exe -File"),
        ('powershell Write-Output "a"', "quotes on the command line"),
        ("powershell -enc ?", "no base64"),
        ("powershell -enc AA==", "no base64"),
        ("pwsh -enc AAAA", "the program pwsh"),
    ],
)
def test_refused_by_name(line: str, name: str) -> None:
    with pytest.raises(NotSimulated, match=name):
        read_command_line(line, through_cmd=True)


def test_without_cmd_nobody_looks_along_path() -> None:
    """Recorded in test_winrs_no_cmd_shell."""
    with pytest.raises(NotFound):
        read_command_line("powershell.exe Write-Host hi", through_cmd=False)
    assert read_command_line(f"{FULL} Write-Host hi", through_cmd=False) == PowerShellCall("Write-Host hi")
