"""The command line of a WinRS shell: which PowerShell is to run which script. Anything else is refused by name."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, replace

_PROGRAM = re.compile(r'\s*(?:"([^"]+)"|(\S+))\s*')
_BARE_POWERSHELL = frozenset({"powershell", "powershell.exe"})
_FULL_POWERSHELL = re.compile(r"[a-z]:\\windows\\system32\\windowspowershell\\v1\.0\\powershell(\.exe)?", re.IGNORECASE)
_ECHO = re.compile(r"(?:cmd(?:\.exe)?\s+/c\s+)?echo ([^&|<>^%()\"]+)", re.IGNORECASE)
# name -> the shortest form that PowerShell takes for it, and whether a value follows (about_PowerShell_exe)
_OPTIONS = {
    "encodedcommand": ("e", True),
    "executionpolicy": ("ex", True),
    "outputformat": ("o", True),
    "inputformat": ("i", True),
    "nologo": ("nol", False),
    "noprofile": ("nop", False),
    "noninteractive": ("noni", False),
    "command": ("c", True),
}
_ALIASES = {"ec": "encodedcommand", "ep": "executionpolicy"}


class NotSimulated(Exception):
    """The lab does not run this; the text names it."""


class NotFound(Exception):
    """Windows finds no program of this name."""


@dataclass(frozen=True, slots=True)
class Echo:
    """cmd.exe's `echo TEXT`."""

    text: str


@dataclass(frozen=True, slots=True)
class PowerShellCall:
    """One start of powershell.exe. `xml`: -OutputFormat XML."""

    script: str
    xml: bool = False
    execution_policy: str | None = None


def read_command_line(line: str, *, through_cmd: bool) -> PowerShellCall | Echo:
    """What a command line starts. Raises NotSimulated or NotFound.

    Without cmd.exe nobody looks along PATH: a bare name is not found (test_winrs_no_cmd_shell).
    """
    echo = _ECHO.fullmatch(line.strip())
    if echo is not None and through_cmd:
        return Echo(echo[1])
    match = _PROGRAM.match(line)
    program = (match[1] or match[2]) if match else ""
    if program.lower() in _BARE_POWERSHELL and not through_cmd:
        raise NotFound(program)
    if match is None or not (program.lower() in _BARE_POWERSHELL or _FULL_POWERSHELL.fullmatch(program)):
        raise NotSimulated(f"the program {program}")
    return _read_options(line[match.end() :])


def _read_options(rest: str) -> PowerShellCall:
    call = PowerShellCall("")
    while rest := rest.strip():
        word, _, behind = rest.partition(" ")
        if word == "-" or word[0] not in "-/":
            return replace(call, script=_script(rest))
        name = _option(word[1:])
        value = ""
        if name == "command":
            return replace(call, script=_script(behind))
        if _OPTIONS[name][1]:
            value, _, behind = behind.strip().partition(" ")
        call = _with(call, name, value)
        rest = behind
    if not call.script:
        raise NotSimulated("an interactive PowerShell")
    return call


def _with(call: PowerShellCall, name: str, value: str) -> PowerShellCall:
    match name:
        case "encodedcommand":
            return replace(call, script=_decoded(value))
        case "outputformat":
            return replace(call, xml=value.lower() == "xml")
        case "executionpolicy":
            return replace(call, execution_policy=value)
    return call


def _option(word: str) -> str:
    folded = word.lower()
    if folded in _ALIASES:
        return _ALIASES[folded]
    for name, (shortest, _) in _OPTIONS.items():
        if name.startswith(folded) and folded.startswith(shortest):
            return name
    raise NotSimulated(f"powershell.exe -{word}")


def _script(text: str) -> str:
    """The text of -Command. Quotes would be taken apart by Windows' own rules first."""
    if not text.strip() or text.strip() == "-":
        raise NotSimulated("a PowerShell that reads its commands from stdin")
    if '"' in text:
        raise NotSimulated("quotes on the command line of powershell.exe")
    return text


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode("utf-16-le")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise NotSimulated("an -EncodedCommand that is no base64 of UTF-16") from error
