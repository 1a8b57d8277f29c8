"""A restart of Windows, proven: `win_reboot`.

Argument names and defaults are Ansible's (ansible.windows, plugins/modules/win_reboot.py). Facts: domain.md 6.1 (what
says that a restart is pending) and 6.3 (shutdown.exe, its exit codes, the boot id); design section 5 (the proof) and 7
(why not Restart-Computer). The boot time comes from CIM, which no recording covers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from runner.model.command import Reply, ReplyState, Statement, command
from runner.model.state import Desired, OtherThan, Property, State, Unreadable
from runner.model.value import PSObject
from runner.modules import service_reading
from runner.modules.base import (
    Answered,
    Arguments,
    Impossible,
    Irreversible,
    Patience,
    RestartModule,
    Round,
    Shown,
    errors_of,
)
from runner.modules.native import EXIT_CODE, NO_EXIT_CODE, exit_code, failures, lost_on_the_way, program, told
from runner.modules.reboot_signals import Weight, evaluate, signals
from runner.modules.registry import fold
from runner.modules.registry_reading import Asked, conclude, next_round

_BOOT: Statement = (
    command("Get-CimInstance", ClassName="Win32_OperatingSystem", Property=("LastBootUpTime", "LocalDateTime")),
    command("Select-Object", Property=("LastBootUpTime", "LocalDateTime")),
)
_SHUTDOWN_IN_PROGRESS = 1115  # ERROR_SHUTDOWN_IN_PROGRESS: it goes down anyway
_REFUSALS = MappingProxyType(  # winerror.h
    {
        5: "the account may not restart Windows",
        1190: "a shutdown is already scheduled there; it was left alone (shutdown.exe /a takes it back)",
    }
)
_CORRECTION = 5.0  # seconds by which a time correction may move the boot time, which is derived from the clock


class RebootArguments(Arguments):
    aliases = MappingProxyType(
        {
            "pre_reboot_delay_sec": "pre_reboot_delay",
            "post_reboot_delay_sec": "post_reboot_delay",
            "reboot_timeout_sec": "reboot_timeout",
        }
    )
    unsupported = frozenset(
        {
            "boot_time_command",
            "connect_timeout",
            "connect_timeout_sec",
            "shutdown_timeout",
            "shutdown_timeout_sec",
            "test_command",
        }
    )

    reboot: Literal["always", "if_pending"] = Field(
        "always", description="if_pending: only where Windows says for sure that it waits for a restart"
    )
    msg: str = Field("Restarted by ce-runner", min_length=1, max_length=512, description="What people there are shown")
    pre_reboot_delay: int = Field(
        2, ge=2, le=315360000, description="Seconds that shutdown.exe waits, so that its answer comes back"
    )
    post_reboot_delay: float = Field(0, ge=0, description="Seconds to wait once the host is back")
    services: list[str] = Field([], description="Services that must run again before anything else is done there")
    reboot_timeout: float = Field(600, gt=0, description="Seconds until it must be back, counted from pre_reboot_delay")

    @field_validator("msg")
    @classmethod
    def _reaches_shutdown(cls, msg: str) -> str:
        if lost_on_the_way(msg):
            raise PydanticCustomError(
                "msg", "Windows PowerShell passes on no --%, and nothing with a double quote in it"
            )
        return msg

    @field_validator("services")
    @classmethod
    def _are_names(cls, services: list[str]) -> list[str]:
        if not all(map(service_reading.is_one_name, services)):
            raise PydanticCustomError("services", "names of services are wanted, without wildcards or slashes")
        return services


class WinReboot(RestartModule[RebootArguments]):
    name = "win_reboot"
    aliases = ("ansible.windows.win_reboot",)
    summary = "Restarts Windows, waits for it, and proves that it was restarted"
    notes = (
        "Proof is a later boot time together with an uptime that has begun anew: neither a new connection nor a "
        "corrected clock is taken for a restart.",
        "Signs that virus scanners and printers set too (PendingFileRenameOperations), and those that mostly mean a "
        "restart, never restart a host by themselves; they are shown in the plan's document.",
        "A service that starts late after a boot (delayed start) can be waited for: services.",
        "A shutdown that somebody else has scheduled is left alone, and fails the task.",
    )
    examples = """\
- name: Restart where Windows waits for it
  win_reboot:
    reboot: if_pending
    reboot_timeout: 900
"""
    arguments = RebootArguments
    timeout = 60.0
    usual_seconds = 180.0
    volatile = frozenset({"boot_time", "uptime", "perhaps_pending", "stopped_services"})

    def key(self, arguments: RebootArguments) -> str:
        return "windows"

    def shown(self, arguments: RebootArguments) -> Shown:
        return Shown("reboot", "Windows")

    def read(self, wanted: Sequence[RebootArguments], rounds: Sequence[Round]) -> tuple[Statement, ...]:
        registry, services = _split(wanted, rounds)
        questions = (*_signs_round(wanted, registry), *_services_round(wanted, services))
        return questions if rounds else (_BOOT, *questions)

    def observe(self, wanted: Sequence[RebootArguments], rounds: Sequence[Round]) -> tuple[State | Unreadable, ...]:
        registry, services = _split(wanted, rounds)
        boot = _boot(rounds[0].replies[0])
        asked = _signs(wanted)
        pending = _pending(asked, registry) if asked else {}
        states = _services(wanted, services)
        return tuple(
            _state(boot, pending if one.reboot == "if_pending" else {}, _running(one.services, states))
            for one in wanted
        )

    def desired(self, arguments: RebootArguments, before: State) -> Desired | Impossible:
        missing = before.properties.get("missing_services")
        if isinstance(missing, tuple) and missing:
            return Impossible(f"there is no service {', '.join(missing)}")
        if arguments.reboot == "if_pending" and not before.properties.get("pending"):
            return Desired(True)
        return Desired(True, {"boot_time": OtherThan(before.properties.get("boot_time"))})

    def promise(self, arguments: RebootArguments, before: State, desired: Desired) -> State:
        """Another boot, after which no sign is expected; one that lingers (domain.md 6.1) does not disprove it."""
        after = super().promise(arguments, before, desired)
        if not desired.properties or "pending" not in after.properties:
            return after
        return State(True, {**after.properties, "pending": ()})

    def write(self, arguments: RebootArguments, before: State) -> tuple[Statement, ...]:
        delay = str(arguments.pre_reboot_delay)
        return (program("shutdown.exe", "/r", "/t", delay, "/c", arguments.msg),)

    def asked_in_front(self, statement: Statement) -> tuple[Statement, ...]:
        return (NO_EXIT_CODE,)

    def asked_behind(self, statement: Statement) -> tuple[Statement, ...]:
        return (EXIT_CODE,)

    def answered(
        self, arguments: RebootArguments, statement: Statement, reply: Reply, behind: Sequence[Reply]
    ) -> Answered:
        wrong = failures(reply)
        if reply.state is ReplyState.FAILED or wrong:
            return Answered(complaint=errors_of(reply) or "the host ended it without a reason")
        code = exit_code(behind)
        if code is None:
            return Answered(unclear="the exit code of shutdown.exe did not come")
        if code in (0, _SHUTDOWN_IN_PROGRESS):
            return Answered()
        reason = _REFUSALS.get(code) or told(reply) or "see winerror.h"
        return Answered(complaint=f"shutdown.exe ended with {code}: {reason}")

    def undo(self, arguments: RebootArguments, before: State, after: State) -> Irreversible:
        return Irreversible("what was running has ended")

    def waits(self, arguments: RebootArguments) -> float:
        return arguments.pre_reboot_delay + arguments.post_reboot_delay

    def patience(self, arguments: RebootArguments) -> Patience:
        return Patience(arguments.pre_reboot_delay + arguments.reboot_timeout, arguments.post_reboot_delay)

    def has_restarted(self, before: State, now: State, elapsed: float) -> bool:
        """A later boot, and an uptime that only a restart explains.

        A corrected clock moves the boot time, but the uptime goes on; a clock that was put back shortens the uptime
        where Windows kept the boot time, but then that is no later one.
        """
        was, is_now = _moment(before), _moment(now)
        up_before, up_now = before.properties.get("uptime"), now.properties.get("uptime")
        if was is None or is_now is None or not isinstance(up_before, int) or not isinstance(up_now, int):
            return False
        later = (is_now - was).total_seconds() > _CORRECTION
        return later and (up_now < up_before or up_now < elapsed)

    def lacks(self, now: State) -> str:
        found = (now.properties.get("stopped_services"), now.properties.get("missing_services"))
        names = [name for one in found if isinstance(one, tuple) for name in one]
        return f"these services do not run: {', '.join(names)}" if names else ""


def _signs(wanted: Sequence[RebootArguments]) -> tuple[Asked, ...]:
    """What is asked of the registry, each thing once."""
    if all(one.reboot == "always" for one in wanted):
        return ()
    return tuple(dict.fromkeys(asked for signal in signals() for asked in signal.asked))


def _signs_round(wanted: Sequence[RebootArguments], rounds: Sequence[Round]) -> tuple[Statement, ...]:
    asked = _signs(wanted)
    return next_round(asked, rounds) if asked else ()


def _asked_services(wanted: Sequence[RebootArguments]) -> list[service_reading.Asked]:
    names = {fold(name): name for one in wanted for name in one.services}
    return [service_reading.Asked(name, ("state",)) for name in names.values()]


def _services_round(wanted: Sequence[RebootArguments], rounds: Sequence[Round]) -> tuple[Statement, ...]:
    asked = _asked_services(wanted)
    return service_reading.next_round(asked, rounds) if asked else ()


def _split(wanted: Sequence[RebootArguments], rounds: Sequence[Round]) -> tuple[list[Round], list[Round]]:
    """The rounds of the registry and those of the services; the boot is the first question of the first round."""
    registry, services = list[Round](), list[Round]()
    for index, one in enumerate(rounds):
        start = 1 if index == 0 else 0
        end = start + len(_signs_round(wanted, registry))
        registry.append(Round(one.statements[start:end], one.replies[start:end]))
        services.append(Round(one.statements[end:], one.replies[end:]))
    return registry, services


def _services(wanted: Sequence[RebootArguments], rounds: Sequence[Round]) -> dict[str, State | Unreadable]:
    """The services by their folded names."""
    asked = _asked_services(wanted)
    found = service_reading.conclude(asked, rounds) if asked else ()
    return {fold(one.name): state for one, state in zip(asked, found, strict=True)}


def _running(names: Sequence[str], found: Mapping[str, State | Unreadable]) -> dict[str, Property] | Unreadable:
    """Which of a task's services do not run, and which are not there."""
    stopped, missing = list[str](), list[str]()
    for name in names:
        state = found[fold(name)]
        if isinstance(state, Unreadable):
            return state
        if not state.exists:
            missing.append(name)
        elif state.properties.get("state") != "started":
            stopped.append(name)
    return {"stopped_services": tuple(stopped), "missing_services": tuple(missing)} if names else {}


def _boot(reply: Reply) -> dict[str, Property] | Unreadable:
    found = reply.outputs[0] if reply.state is ReplyState.DONE and len(reply.outputs) == 1 else None
    booted = found.get("LastBootUpTime") if isinstance(found, PSObject) else None
    now = found.get("LocalDateTime") if isinstance(found, PSObject) else None
    if not isinstance(booted, datetime) or not isinstance(now, datetime):
        return Unreadable(errors_of(reply) or "the host does not say when it was started")
    return {"boot_time": booted.isoformat(timespec="seconds"), "uptime": int((now - booted).total_seconds())}


def _pending(asked: Sequence[Asked], rounds: Sequence[Round]) -> dict[str, Property] | Unreadable:
    found = evaluate(dict(zip(asked, conclude(asked, rounds), strict=True)))
    if isinstance(found, Unreadable):
        return found

    def named(*weights: Weight) -> tuple[str, ...]:
        return tuple(name for weight in weights for name, is_set in found[weight].items() if is_set)

    return {"pending": named(Weight.STRONG), "perhaps_pending": named(Weight.MEDIUM, Weight.NOISY)}


def _state(*parts: dict[str, Property] | Unreadable) -> State | Unreadable:
    properties: dict[str, Property] = {}
    for part in parts:
        if isinstance(part, Unreadable):
            return part
        properties |= part
    return State(True, properties)


def _moment(state: State) -> datetime | None:
    value = state.properties.get("boot_time")
    return datetime.fromisoformat(value) if isinstance(value, str) else None
