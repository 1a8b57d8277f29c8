"""Runs the pipelines recorded in `groundtruth/pwsh76` on the lab's engine and compares what the client is told."""

from __future__ import annotations

import json
import lzma
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import yaml
from psrpcore.types import PSCryptoProvider, deserialize, serialize

from runner.lab.endpoints import FULL, Endpoint
from runner.lab.engine import Engine
from runner.lab.files import Folder
from runner.lab.machine import Machine
from runner.lab.messages import (
    Debug,
    Ended,
    Error,
    Information,
    Message,
    Output,
    Progress,
    Request,
    RequestedCommand,
    ShouldExit,
    StopSignal,
    Verbose,
    Wait,
    Warning,
)
from runner.lab.records import information_record, progress_record
from runner.lab.spec import MachineSpec, build_machine
from tests.lab.clixml import Node, normalised

HERE = Path(__file__).parent
REFUSAL = "LabDoesNotSimulate"
# What these tests cannot put to the lab at all.
NO_CLIENT = "it needs a client that answers questions"
NO_OPTIONS = "its options are not simulated"
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


def with_windows_paths(case: dict[str, Any]) -> dict[str, Any]:
    """A case whose paths are files of the recording's Linux, with the same files below the drive C: instead.

    A provider's separators and home and the drive of the files are those of the system, as the Windows cases show
    (oth-env, pol-config-file).
    """
    text = json.dumps(case, ensure_ascii=False)
    for on_linux, on_windows in _OF_THE_SYSTEM:
        text = text.replace(on_linux, on_windows)
    moved: dict[str, Any] = json.loads(_LINUX_PATH.sub(_as_windows_path, text))
    return moved


_SEPARATORS = '<C N=\\"ItemSeparator\\">{}</C><C N=\\"AltItemSeparator\\">{}</C>'
_HOME = '<S N=\\"Home\\">{}</S>'
_DRIVE = '<ToString>{0}</ToString><Props><S N=\\"CurrentLocation\\">{1}</S><S N=\\"Name\\">{0}</S>'
_ROOT = '<S N=\\"Root\\">{}</S><S N=\\"Description\\">{}</S>'
_COLON = '<B N=\\"VolumeSeparatedByColon\\">{}</B>'
_DRIVES = "<LST><S>{}</S><S>Temp</S></LST>"
_OF_THE_SYSTEM = (
    (_SEPARATORS.format(47, 92), _SEPARATORS.format(92, 47)),
    (_HOME.format("/home/labuser"), _HOME.format(r"C:\\Users\\Administrator")),
    (_DRIVE.format("/", "home/labuser"), _DRIVE.format("C", r"Users\\Administrator\\Documents")),
    (_ROOT.format("/", "/"), _ROOT.format(r"C:\\", "")),
    (_COLON.format("false"), _COLON.format("true")),
    (_DRIVES.format("/"), _DRIVES.format("C")),
)
_LINUX_PATH = re.compile(r"(?<![\w/])/(?:srv/lab|nope1|home/labuser)(?:/[^\"'<>|/;,$]*)*")


def _as_windows_path(match: re.Match[str]) -> str:
    path = match[0].replace("/home/labuser/.local/share/powershell", "/Users/Administrator/Documents/PowerShell")
    path = path.replace("/home/labuser", "/Users/Administrator/Documents")
    return "C:" + path.replace("/", "\\\\")


def as_on_windows(case: dict[str, Any]) -> dict[str, Any]:
    """A Windows case with the text that windows.md says is another on Windows, and the account of the lab."""
    text = json.dumps(case)
    for recorded, here in (
        ("System.ServiceProcess.SafeServiceHandle", "Microsoft.Win32.SafeHandles.SafeServiceHandle"),
        ("C:\\\\users\\\\labadmin", "C:\\\\Users\\\\Administrator"),
        (">users\\\\labadmin", ">Users\\\\Administrator"),
        ("Microsoft Windows 10.0.18362", "Microsoft Windows 10.0.17763"),
    ):
        text = text.replace(recorded, here)
    real: dict[str, Any] = json.loads(text)
    return real


def recorded_endpoint(case: dict[str, Any]) -> Endpoint:
    """What a session of the recorded machine shows: PowerShell on Linux has no registry (README.md, "Only 7.6")."""
    return FULL if _is_of_windows(case) else _ON_LINUX


_ON_LINUX = Endpoint(visible_providers=("Alias", "Environment", "FileSystem", "Function", "Variable"))


def judge(case: dict[str, Any], endpoint: Endpoint) -> Verdict:
    """Run one case on a fresh machine, in a session configuration, and compare."""
    if any("HOST_RESPONSE" in message["type"] or "HOST_CALL" in message["type"] for message in case["received"]):
        calls = [m for m in case["received"] if "HOST_CALL" in m["type"]]
        if any("SetShouldExit" not in call["clixml"] for call in calls):
            return Verdict(case["id"], "refused", NO_CLIENT)
    options = case.get("options", {})
    if options.keys() - _OPTIONS or ("request_edited" in options and not case["received"]):
        return Verdict(case["id"], "refused", NO_OPTIONS)
    try:
        told = _told(case, endpoint=endpoint)
    except SetupRefused as refused:
        return Verdict(case["id"], "refused", str(refused))
    return compared(case, told)


def compared(
    case: dict[str, Any], messages: list[Message], simplified: Callable[[Node], Node] = lambda node: node
) -> Verdict:
    """What the lab's messages are worth beside the recorded ones, both as `simplified` leaves them."""
    expected = [simplified(_recorded(message)) for message in case["received"]]
    told = [message for message in messages if not isinstance(message, Wait)]
    answered = [simplified(_answered(message)) for message in told]
    refused_at = next((index for index, node in enumerate(answered) if REFUSAL in repr(node)), None)
    if refused_at is not None:
        before = expected[:refused_at], answered[:refused_at]
        if before[0] != before[1]:
            return Verdict(case["id"], "wrong", f"before a refusal, {_first_difference(*before)}")
        return Verdict(case["id"], "refused", _refusal(told))
    if answered == expected:
        return Verdict(case["id"], "agree")
    return Verdict(case["id"], "wrong", _first_difference(expected, answered))


# request_edited: the message was changed by hand; what the engine makes of it is in what was sent.
_OPTIONS = {"stop_after", "redirect", "request_edited"}


class SetupRefused(Exception):
    """A script that ran before the case is not simulated; the text is the lab's own."""


def side_effects(case: dict[str, Any]) -> tuple[set[str], set[str]] | None:
    """The files that a case's statements made in the recording and in the lab; None if it is not about that."""
    followups = case.get("followup") or ()
    if not followups or "side*" not in str(followups[-1]["statements"]):
        return None
    recorded = {
        ElementTree.fromstring(m["clixml"]).text or "" for m in followups[-1]["received"] if "<S>" in m["clixml"]
    }
    machine = _machine(case)
    if REFUSAL in repr([_answered(m) for m in _told(case, machine) if not isinstance(m, Wait)]):
        return None
    folder = machine.files.find("C:\\srv\\lab")
    made = {name for name in (folder.entries if isinstance(folder, Folder) else ()) if name.startswith("side")}
    return recorded, made


def _told(case: dict[str, Any], machine: Machine | None = None, endpoint: Endpoint = FULL) -> list[Message]:
    """What the client is told; a stop signal comes while the first cmdlet that takes time is running."""
    return told_by(prepared(case, machine or _machine(case), endpoint), case)


def told_by(engine: Engine, case: dict[str, Any]) -> list[Message]:
    """What an engine tells the client of the case's pipeline."""
    stop = StopSignal()
    told: list[Message] = []
    for message in engine.invoke(_request(case), stop):
        told.append(message)
        stop.requested |= "stop_after" in case.get("options", {}) and isinstance(message, Wait)
    return told


def prepared(case: dict[str, Any], machine: Machine, endpoint: Endpoint = FULL) -> Engine:
    """The engine after the scripts of the case's setup. Raises SetupRefused.

    The fixtures of registry, services and policies are the machine that `recording_machine.yml` describes; what else a
    setup says is run. `then a new process` is what the recordings say where another process answers.
    """
    setup = case.get("setup") or []
    if isinstance(setup, str):
        before, then, _ = setup.partition("; then a new process")
        setup = [_without_fixture(before)]
    else:
        then = ""
    engine = Engine(machine, endpoint)
    for script in setup:
        for message in engine.invoke(Request(((RequestedCommand(script, is_script=True),),)), StopSignal()):
            if isinstance(message, Error) or (isinstance(message, Ended) and message.state != "Completed"):
                raise SetupRefused(str(message.record if isinstance(message, Error) else message.reason))
    return Engine(machine, endpoint) if then else engine


def _without_fixture(setup: str) -> str:
    """What a setup does beyond making the fixtures."""
    if setup.startswith("registry fixture") or setup.lstrip().startswith("$B="):
        return ""
    return _POLICY_FIXTURE.sub("", setup).strip("; \n")


_POLICY_FIXTURE = re.compile(r"foreach\(\$p in .*?catch \{\} \}", re.DOTALL)


def _is_of_windows(case: dict[str, Any]) -> bool:
    return "-" in case["id"].partition(".")[0]


def _machine(case: dict[str, Any]) -> Machine:
    name = "recording_machine.yml" if _is_of_windows(case) else "recording_files.yml"
    spec = yaml.safe_load((HERE / name).read_text(encoding="utf-8"))
    setup = str(case.get("setup") or "")
    if setup.endswith("Start-Service LabSvc"):
        spec["services"]["LabSvc"]["status"] = "running"
    for service in ("LabRm1", "LabRm2"):
        if f"New-Service -Name {service}" in setup:
            spec["services"][service] = {"start_mode": "manual"}
    return build_machine("LAB-WIN01", MachineSpec.model_validate(spec))


def _request(case: dict[str, Any]) -> Request:
    powershell = deserialize(_with_ids(ElementTree.fromstring(case["sent_clixml"])), _NoCipher()).PowerShell
    blocks = [b.Cmds for b in getattr(powershell, "ExtraCmds", None) or []] or [powershell.Cmds]
    statements = tuple(tuple(_command(command) for command in block) for block in blocks)
    items = case.get("input_clixml") or ()
    return Request(statements, tuple(deserialize(ElementTree.fromstring(item), _NoCipher()) for item in items))


def _with_ids(sent: ElementTree.Element) -> ElementTree.Element:
    """The engine takes objects without RefId (finding T1), psrpcore does not."""
    for number, element in enumerate([*sent.iter("TN"), *sent.iter("Obj")], 100_000):
        element.attrib.setdefault("RefId", str(number))
    return sent


def _command(command: Any) -> RequestedCommand:
    parameters = tuple((argument.N, argument.V) for argument in command.Args)
    to = {stream: int(getattr(command, f"Merge{stream}", 0)) for stream in ("Error", *_STREAMS)}
    return RequestedCommand(
        command.Cmd,
        parameters,
        bool(command.IsScript),
        to["Error"] == 1,
        frozenset(stream for stream in _STREAMS if to[stream] == 1),
        frozenset(stream for stream in _STREAMS if to[stream] == 8),
        bool(int(command.MergePreviousResults)),
        command.UseLocalScope is True,
    )


_STREAMS = ("Warning", "Verbose", "Debug", "Information")


_NO_XML = re.compile("&#xFFF[EF];")  # finding X1: what a strict parser does not take


def _recorded(message: dict[str, str]) -> Node:
    kind, text = message["type"], message["clixml"]
    if not text:
        return (kind, None)
    element = ElementTree.fromstring(_NO_XML.sub("�", text))
    if kind in ("WARNING_RECORD", "VERBOSE_RECORD", "DEBUG_RECORD"):
        return (kind, element.findtext("ToString"))
    if kind == "PIPELINE_HOST_CALL":
        return (kind, *(e.text for e in element.iter("I32")))
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
    if isinstance(message, (Warning, Verbose, Debug)):
        return (f"{type(message).__name__.upper()}_RECORD", message.text)
    if isinstance(message, ShouldExit):
        return ("PIPELINE_HOST_CALL", "6", str(message.code))
    if isinstance(message, Information):
        return ("INFORMATION_RECORD", _written(information_record(message)))
    if isinstance(message, Progress):
        return ("PROGRESS_RECORD", _written(progress_record(message)))
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
