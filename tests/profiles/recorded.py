"""Which commands, with which parameters, the recordings of real engines cover (groundtruth/pwsh76 and pypsrp)."""

from __future__ import annotations

import json
import lzma
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

Coverage = Mapping[str, frozenset[str]]  # parameters by command, all folded

_CASES = ("cases.jsonl.xz", "windows_cases.jsonl.xz", "gallery_cases.jsonl.xz")
_IN_TEXT = re.compile(r"(?<![\w-])([A-Z][a-z]+-[A-Z]\w+)([^;|\n]*)")
_PARAMETER = re.compile(r"(?<=\s)-(\w+)")


def coverage(groundtruth: Path) -> Coverage:
    """What was executed at least once. A command that the recorded engine did not have is not covered by that."""
    found: dict[str, set[str]] = {}
    for command, parameters in _executed(groundtruth):
        found.setdefault(command.casefold(), set()).update(name.casefold() for name in parameters)
    return {command: frozenset(parameters) for command, parameters in found.items()}


def _executed(groundtruth: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name in _CASES:
        with lzma.open(groundtruth / "pwsh76" / name, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield from of_case(json.loads(line))
    with (groundtruth / "pwsh76" / "encodedcommand.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            yield from _of_text(json.loads(line)["script"])
    with lzma.open(groundtruth / "clixml" / "pypsrp_psrp_messages.jsonl.xz", "rt", encoding="utf-8") as lines:
        for line in lines:
            message = json.loads(line)
            if message["type"] == "CREATE_PIPELINE":
                yield from _of_message(message["clixml"])


def of_case(case: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The commands of one recorded case with their parameters; none that the engine did not know."""
    refused = [line for line in case["summary"] if "CommandNotFoundException" in line]
    for statement in case["statements"]:
        for command in statement:
            if not command["is_script"] and not any(command["command"] in line for line in refused):
                yield command["command"], tuple(name.strip("-:") for name, _ in command["parameters"] if name)


def _of_text(script: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for command, rest in _IN_TEXT.findall(script):
        if "NoSuch" not in command:
            yield command, tuple(_PARAMETER.findall(rest))


def _of_message(clixml: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every structured command of a CREATE_PIPELINE ([MS-PSRP] 2.2.2.10)."""
    for members in ElementTree.fromstring(clixml).iter("MS"):
        named = {member.get("N"): member for member in members}
        if "Cmd" in named and "IsScript" in named and named["IsScript"].text == "false":
            names = (name.text for name in named["Args"].iter("S") if name.get("N") == "N")
            yield named["Cmd"].text or "", tuple((name or "").strip("-:") for name in names if name)
