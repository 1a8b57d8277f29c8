"""Runs the pipelines recorded in `groundtruth/pwsh76` on the lab's engine and compares what the client is told."""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import yaml
from psrpcore.types import PSCryptoProvider, deserialize, serialize

from runner.lab.engine import Engine
from runner.lab.machine import Machine
from runner.lab.messages import Ended, Error, Message, Output, Request, RequestedCommand, StopSignal, Wait, Warning
from runner.lab.spec import MachineSpec, build_machine
from tests.lab.clixml import Node, normalised

HERE = Path(__file__).parent
REFUSAL = "LabDoesNotSimulate"
_STATES = {3: "Stopped", 4: "Completed", 5: "Failed"}


class _NoCipher(PSCryptoProvider):
    def encrypt(self, value: str) -> str:
        return value

    def decrypt(self, value: str) -> str:
        return value

    def register_key(self, key: bytes) -> None:
        return None


@dataclass(frozen=True)
class Verdict:
    case: str
    outcome: str  # agree, refused or wrong
    detail: str = ""


def load_cases(groundtruth: Path, name: str) -> Iterator[dict[str, Any]]:
    """The recorded cases of one file."""
    with lzma.open(groundtruth / "pwsh76" / name, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def known_differences() -> dict[str, str]:
    """The cases in which the lab differs on purpose, with the reason."""
    reasons: dict[str, list[str]] = yaml.safe_load((HERE / "known_differences.yml").read_text(encoding="utf-8"))
    return {case: reason for reason, cases in reasons.items() for case in cases}


def with_paths_of_the_registry(case: dict[str, Any]) -> dict[str, Any]:
    """A case whose paths are files of the recording's Linux, moved into the registry.

    A path that does not exist is the same to every provider (finding F1); files that a case makes to see whether its
    later statements run become keys.
    """
    text = json.dumps(case).replace("/nope1", "HKLM:\\\\nope1").replace("/srv/lab/side", "HKLM:\\\\SOFTWARE\\\\side")
    moved: dict[str, Any] = json.loads(text)
    return moved


def as_on_windows(case: dict[str, Any]) -> dict[str, Any]:
    """A Windows case with the one text that windows.md says is another on Windows ("ServiceHandle is text ...")."""
    text = json.dumps(case)
    real: dict[str, Any] = json.loads(
        text.replace("System.ServiceProcess.SafeServiceHandle", "Microsoft.Win32.SafeHandles.SafeServiceHandle")
    )
    return real


def judge(case: dict[str, Any]) -> Verdict:
    """Run one case on a fresh machine and compare."""
    if any("HOST_CALL" in message["type"] for message in case["received"]):
        return Verdict(case["id"], "refused", "it needs a client that answers questions")
    if case.get("options", {}).keys() - {"stop_after"} or _unsupported_setup(case.get("setup")):
        return Verdict(case["id"], "refused", "its setup is not simulated")
    expected = [_recorded(message) for message in case["received"]]
    told = [m for m in _told(case, _machine(case)) if not isinstance(m, Wait)]
    answered = [_answered(message) for message in told]
    if any(REFUSAL in repr(node) for node in answered):
        return Verdict(case["id"], "refused", _refusal(told))
    if answered == expected:
        return Verdict(case["id"], "agree")
    return Verdict(case["id"], "wrong", _first_difference(expected, answered))


def _unsupported_setup(setup: object) -> bool:
    """The fixtures and the start of a service are made by the machine's spec; other scripts are not simulated."""
    if not setup:
        return False
    text = str(setup)
    return not (text.startswith(("registry fixture", "$B=", "\n$B=")) or text.strip() == ";")


def side_effects(case: dict[str, Any]) -> tuple[set[str], set[str]] | None:
    """The keys that a case's statements made in the recording and in the lab; None if it is not about that."""
    followups = case.get("followup") or ()
    if not followups or "side*" not in str(followups[-1]["statements"]):
        return None
    recorded = {
        ElementTree.fromstring(m["clixml"]).text or "" for m in followups[-1]["received"] if "<S>" in m["clixml"]
    }
    machine = _machine(case)
    if REFUSAL in repr([_answered(m) for m in _told(case, machine) if not isinstance(m, Wait)]):
        return None
    key = machine.registry.find("HKLM\\SOFTWARE")
    made = {name for name in (key.subkeys if key else ()) if name.startswith("side")}
    return recorded, made


def _told(case: dict[str, Any], machine: Machine) -> list[Message]:
    """What the client is told; a stop signal comes while the first cmdlet that takes time is running."""
    stop = StopSignal()
    told: list[Message] = []
    for message in Engine(machine).invoke(_request(case), stop):
        told.append(message)
        stop.requested |= "stop_after" in case.get("options", {}) and isinstance(message, Wait)
    return told


def _machine(case: dict[str, Any]) -> Machine:
    spec = yaml.safe_load((HERE / "recording_machine.yml").read_text(encoding="utf-8"))
    setup = str(case.get("setup") or "")
    if setup.endswith("Start-Service LabSvc"):
        spec["services"]["LabSvc"]["status"] = "running"
    for name in ("LabRm1", "LabRm2"):
        if f"New-Service -Name {name}" in setup:
            spec["services"][name] = {"start_mode": "manual"}
    return build_machine("LAB-WIN01", MachineSpec.model_validate(spec))


def _request(case: dict[str, Any]) -> Request:
    powershell = deserialize(ElementTree.fromstring(case["sent_clixml"]), _NoCipher()).PowerShell
    blocks = [b.Cmds for b in getattr(powershell, "ExtraCmds", None) or []] or [powershell.Cmds]
    statements = tuple(tuple(_command(command) for command in block) for block in blocks)
    items = case.get("input_clixml") or ()
    return Request(statements, tuple(deserialize(ElementTree.fromstring(item), _NoCipher()) for item in items))


def _command(command: Any) -> RequestedCommand:
    parameters = tuple((argument.N, argument.V) for argument in command.Args)
    merged = int(getattr(command, "MergeError", 0)) == 1
    return RequestedCommand(command.Cmd, parameters, bool(command.IsScript), merged)


def _recorded(message: dict[str, str]) -> Node:
    kind, text = message["type"], message["clixml"]
    if not text:
        return (kind, None)
    element = ElementTree.fromstring(text)
    if kind != "PIPELINE_STATE":
        return (kind, normalised(element))
    members = {m.get("N"): m for m in element.find("MS") or ()}
    reason = members.get("ExceptionAsErrorRecord")
    return (
        kind,
        _STATES[int(members["PipelineState"].text or 0)],
        None if reason is None else _within(element, reason),
    )


def _within(root: ElementTree.Element, element: ElementTree.Element) -> Node:
    state = normalised(root)
    return dict(state[4])[element.get("N")]  # type: ignore[call-overload,no-any-return]


def _answered(message: Message) -> Node:
    if isinstance(message, Output):
        return ("PIPELINE_OUTPUT", None if message.value is None else _written(message.value))
    if isinstance(message, Error):
        return ("ERROR_RECORD", _written(message.record))
    if isinstance(message, Ended):
        return ("PIPELINE_STATE", message.state, None if message.reason is None else _written(message.reason))
    if isinstance(message, Warning):
        return ("WARNING_RECORD", message.text)
    return (type(message).__name__,)


def _written(value: object) -> Node:
    return normalised(serialize(value, _NoCipher()))


def _refusal(told: list[Message]) -> str:
    for message in told:
        record = message.record if isinstance(message, Error) else getattr(message, "reason", None)
        if record is not None and REFUSAL in str(record.FullyQualifiedErrorId):
            return str(record)
    return ""


def _first_difference(expected: list[Node], answered: list[Node]) -> str:
    for index in range(max(len(expected), len(answered))):
        want = expected[index] if index < len(expected) else ("nothing",)
        got = answered[index] if index < len(answered) else ("nothing",)
        if want != got:
            return f"message {index}: {_deepest(want, got)}"
    return ""


def _deepest(want: object, got: object) -> str:
    """The innermost place where two nodes differ."""
    if isinstance(want, tuple) and isinstance(got, tuple) and len(want) == len(got):
        differing = [(w, g) for w, g in zip(want, got, strict=True) if w != g]
        if differing:
            return f"{str(want[0])[:40]} > {_deepest(*differing[0])}"
    return f"recorded {str(want)[:700]} but the lab {str(got)[:700]}"
