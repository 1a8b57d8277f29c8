"""`powershell -EncodedCommand`: what a real engine wrote to stdout and stderr, and its exit code, against the lab.

groundtruth/pwsh76/encodedcommand.jsonl, recorded with 7.6 on Linux: its line feeds are CR LF on Windows, its paths are
below the drive C: here, and its colours and rendered errors (text mode) are not Windows PowerShell's.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import yaml

from runner.lab.command_line import PowerShellCall
from runner.lab.engine import Engine
from runner.lab.errors import REFUSAL
from runner.lab.messages import StopSignal
from runner.lab.powershell import PowerShell
from runner.lab.spec import MachineSpec, build_machine
from tests.lab.recordings import with_windows_paths

MACHINE = Path(__file__).parent / "recording_files.yml"
REFUSED = frozenset({"parse-error", "streams-exit", "prompt", "native", "text-mode", "text-mode-throw"})


def told(document: str) -> list[object]:
    """What a stream holds: texts and numbers, the properties of objects, and of errors what they are judged by."""
    if not document.startswith("#< CLIXML"):
        return [document.replace("\r\n", "\n")] if document else []
    root = ElementTree.fromstring(
        document.partition("\n")[2].replace(' xmlns="http://schemas.microsoft.com', ' x="', 1)
    )
    return [(element.get("S"), *_shape(element)) for element in root]


def _shape(element: ElementTree.Element) -> tuple[object, ...]:
    if element.tag != "Obj":
        return element.tag, element.text
    names = [name.text for name in element.findall("TN/T")]
    members = {member.get("N"): member for member in element.findall("MS/*")}
    if "System.Management.Automation.ErrorRecord" in names:
        exception = members["Exception"].findtext("TN/T")
        return names[0], *(members[name].text for name in _JUDGED), exception
    return names[0], *((name, member.tag, member.text) for name, member in members.items())


_JUDGED = ("FullyQualifiedErrorId", "ErrorCategory_Category", "ErrorCategory_Reason")


def run(case: dict[str, Any]) -> PowerShell:
    machine = build_machine("lab01", MachineSpec.model_validate(yaml.safe_load(MACHINE.read_text(encoding="utf-8"))))
    process = PowerShell(PowerShellCall(case["script"], xml="-OutputFormat" in case["argv"]), "")
    for _ in process.run(Engine(machine), StopSignal()):
        pass
    return process


def test_recorded_runs(groundtruth: Path, report_number: Callable[[str], None]) -> None:
    counts: Counter[str] = Counter()
    refused = set()
    for line in (groundtruth / "pwsh76" / "encodedcommand.jsonl").read_text(encoding="utf-8").splitlines():
        case = with_windows_paths(json.loads(line))
        name = case["id"].removeprefix("encoded.")
        process = run(case)
        if REFUSAL in process.stderr or "The lab does not simulate" in process.stderr:
            refused.add(name)
            counts["refused"] += 1
            continue
        if "-OutputFormat" in case["argv"]:
            assert told(process.stdout) == told(case["stdout"]), name
            assert told(process.stderr) == told(case["stderr"]), name
        else:
            assert told(process.stdout) == told(case["stdout"]), name
        assert process.exit_code == case["exit_code"], name
        counts["agree"] += 1
    assert refused <= REFUSED
    report_number(f"recorded -EncodedCommand runs: {counts['agree']} agree, {counts['refused']} refused, 0 wrong")


def test_progress_records_are_written_as_recorded(groundtruth: Path) -> None:
    lines = (groundtruth / "pwsh76" / "encodedcommand.jsonl").read_text(encoding="utf-8").splitlines()
    (recorded,) = [case for case in map(json.loads, lines) if case["id"] == "encoded.streams-exit"]
    script = "Write-Progress -Activity A -Status S -PercentComplete 10; Write-Progress -Activity A -Completed"
    process = run({"script": script, "argv": ["-OutputFormat", "XML"]})

    assert _progress(process.stderr) == _progress(recorded["stderr"])
    assert len(_progress(process.stderr)) == 2


def _progress(document: str) -> list[list[tuple[str, str | None]]]:
    """The parts of the progress records of a stream."""
    root = ElementTree.fromstring(document.partition("\n")[2].replace(" xmlns=", " x=", 1))
    return [
        [(part.tag, part.text) for part in (*element.findall("MS/I64"), *element.findall("MS/PR/*"))]
        for element in root
        if element.get("S") == "progress"
    ]
