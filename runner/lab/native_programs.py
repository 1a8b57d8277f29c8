"""The programs of Windows that the lab simulates; every other one is refused by name.

cmd.exe is recorded as far as it goes here (oth-cmd-exit and oth-cmd-echo of `groundtruth/pwsh76`). shutdown.exe is not
grounded: its exit codes are those of domain.md 6.3 and winerror.h, its texts are the lab's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from runner.lab.cmdlet import Session
from runner.lab.errors import Terminating, not_simulated

ERROR_SHUTDOWN_IS_SCHEDULED = 1190
ERROR_NO_SHUTDOWN_IN_PROGRESS = 1116
_DEFAULT_DELAY = "30"  # seconds of shutdown.exe without /t
_SYSTEM32 = "c:\\windows\\system32\\"


@dataclass(frozen=True, slots=True)
class Ended:
    """What a program wrote, line by line, and its exit code."""

    exit_code: int
    stdout: tuple[str, ...] = ()
    stderr: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NativeProgram:
    """`run` is given the session that starts it, and its arguments. Raises Terminating for what the lab cannot do."""

    name: str
    run: Callable[[Session, tuple[str, ...]], Ended]


def find_program(name: str) -> NativeProgram | None:
    """The program that a command's name means: with or without its folder and its extension."""
    bare = name.casefold().removeprefix(_SYSTEM32)
    return _PROGRAMS.get(bare if bare.endswith(".exe") else f"{bare}.exe")


def _shutdown(session: Session, words: tuple[str, ...]) -> Ended:
    machine, options = session.machine, dict(_options(words))
    if "a" in options:
        if machine.shutdown_at is None:
            return Ended(ERROR_NO_SHUTDOWN_IN_PROGRESS, stderr=("No shutdown is in progress.(1116)",))
        machine.schedule_shutdown(None)
        return Ended(0)
    if "r" not in options:
        raise Terminating(not_simulated("a shutdown.exe that does not restart"))
    if machine.shutdown_at is not None:
        return Ended(ERROR_SHUTDOWN_IS_SCHEDULED, stderr=("A shutdown is scheduled already.(1190)",))
    delay = options.get("t", _DEFAULT_DELAY)
    if not delay.isdecimal():
        raise Terminating(not_simulated(f"shutdown.exe /t {delay}"))
    machine.schedule_shutdown(machine.now() + timedelta(seconds=int(delay)))
    return Ended(0)


def _options(words: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The options of shutdown.exe, each with the word that belongs to it."""
    rest = list(words)
    while rest:
        option = rest.pop(0)
        name = option[1:].casefold()
        if option[:1] not in "/-" or name not in ("r", "a", "f", "t", "c", "d"):
            raise Terminating(not_simulated(f"shutdown.exe {option}"))
        if name in ("t", "c", "d") and not rest:
            raise Terminating(not_simulated(f"shutdown.exe {option} without its value"))
        yield name, rest.pop(0) if name in ("t", "c", "d") else ""


def _whoami(session: Session, words: tuple[str, ...]) -> Ended:
    if words:
        raise Terminating(not_simulated("whoami.exe with arguments"))
    return Ended(0, (f"{session.machine.facts.computer_name}\\{session.user}".lower(),))


_PART = re.compile(r"echo (?P<text>[^&|<>^%\"()]*?)(?P<to_stderr> 1>&2)?|exit (?P<code>\d{1,9})", re.IGNORECASE)


def _cmd(session: Session, words: tuple[str, ...]) -> Ended:
    """`/c`, then `echo TEXT`, `echo TEXT 1>&2` and `exit NUMBER`, joined by `&`."""
    if not words or words[0].casefold() != "/c":
        raise Terminating(not_simulated("cmd.exe without /c"))
    line = " ".join(words[1:])
    stdout, stderr = list[str](), list[str]()
    for part in re.split(r"(?<!>)&", line):
        match = _PART.fullmatch(part)
        if match is None:
            raise Terminating(not_simulated(f"cmd.exe /c {part}"))
        if match["code"] is not None:
            return Ended(int(match["code"]), tuple(stdout), tuple(stderr))
        (stderr if match["to_stderr"] else stdout).append(match["text"] + (" " if match["to_stderr"] else ""))
    return Ended(0, tuple(stdout), tuple(stderr))


_PROGRAMS: Mapping[str, NativeProgram] = MappingProxyType(
    {
        name: NativeProgram(name, run)
        for name, run in (("cmd.exe", _cmd), ("shutdown.exe", _shutdown), ("whoami.exe", _whoami))
    }
)
