"""The programs of Windows that the lab simulates; every other one is refused by name.

cmd.exe is recorded as far as it goes here (oth-cmd-exit and oth-cmd-echo of `groundtruth/pwsh76`). shutdown.exe is not
grounded: its exit codes are those of domain.md 6.3 and winerror.h, its texts are the lab's own. Of msiexec.exe only
this is here: it is of the Windows subsystem, and a package that is not there is ERROR_INSTALL_PACKAGE_OPEN_FAILED.
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
ERROR_INSTALL_PACKAGE_OPEN_FAILED = 1619
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
    """`run` is given the session that starts it, and its arguments. Raises Terminating for what the lab cannot do.

    `has_windows`: a program of the Windows subsystem.
    """

    name: str
    run: Callable[[Session, tuple[str, ...]], Ended]
    has_windows: bool = False


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


def _msiexec(session: Session, words: tuple[str, ...]) -> Ended:
    """`/i PACKAGE` with `/qn` or `/quiet`, of a package that is not there."""
    match [word.casefold() for word in words]:
        case ["/i", package, "/qn" | "/quiet"] if session.machine.files.find(package) is None:
            return Ended(ERROR_INSTALL_PACKAGE_OPEN_FAILED)
    raise Terminating(not_simulated(f"msiexec.exe {' '.join(words)}"))


_PROGRAMS: Mapping[str, NativeProgram] = MappingProxyType(
    {
        program.name: program
        for program in (
            NativeProgram("cmd.exe", _cmd),
            NativeProgram("msiexec.exe", _msiexec, has_windows=True),
            NativeProgram("shutdown.exe", _shutdown),
            NativeProgram("whoami.exe", _whoami),
        )
    }
)
