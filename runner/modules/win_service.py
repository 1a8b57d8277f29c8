"""Services: start mode, state, names: `win_service`.

Argument names and choices are Ansible's (ansible.windows, plugins/modules/win_service.py). Facts about the cmdlets:
groundtruth/pwsh76/windows.md (Services), domain.md 6.2, design section 7.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from runner.model.command import Command, Reply, Statement, command
from runner.model.state import Desired, OtherThan, State, Unreadable, Wish
from runner.model.value import Int32
from runner.modules.base import Arguments, Implied, Impossible, Irreversible, Round, Shown, StateModule
from runner.modules.registry import MODULE as REGISTRY
from runner.modules.registry import fold, identity, is_there
from runner.modules.service_reading import (
    DELAYED,
    DEPENDENTS,
    PENDING,
    Asked,
    conclude,
    is_one_name,
    next_round,
    service_key,
    start_values,
)

_STARTUP_TYPES = MappingProxyType(
    {"auto": "Automatic", "delayed": "Automatic", "manual": "Manual", "disabled": "Disabled"}
)
_HAS_DEPENDENTS = ("ServiceHasDependentServices", "ServiceHasDependentServicesNoForce")


class ServiceArguments(Arguments):
    unsupported = frozenset(
        {
            "dependencies",
            "dependency_action",
            "desktop_interact",
            "error_control",
            "failure_actions",
            "failure_actions_on_non_crash_failure",
            "failure_command",
            "failure_reboot_msg",
            "failure_reset_period_sec",
            "load_order_group",
            "password",
            "path",
            "pre_shutdown_timeout_ms",
            "required_privileges",
            "service_type",
            "sid_info",
            "update_password",
            "username",
        }
    )

    name: str = Field(description="The service's name, not its display name, which differs from language to language")
    start_mode: Literal["auto", "delayed", "disabled", "manual"] | None = Field(None, description="How it starts")
    state: Literal["started", "stopped", "restarted", "paused"] | None = Field(
        None, description="restarted always restarts it; as a handler it does so only when something changed"
    )
    display_name: str | None = Field(None, description="The name that people see")
    description: str | None = Field(None, description="The text that people see")
    force_dependent_services: bool = Field(False, description="Stop or restart the services that depend on it as well")

    @field_validator("name")
    @classmethod
    def _is_name(cls, name: str) -> str:
        if not is_one_name(name):
            raise PydanticCustomError("service_name", "the name of one service is wanted, without wildcards or slashes")
        return name

    @field_validator("state", mode="before")
    @classmethod
    def _is_supported(cls, state: object) -> object:
        if state == "absent":
            raise PydanticCustomError("service_state", "to remove a service is not supported yet")
        return state


class WinService(StateModule[ServiceArguments]):
    name = "win_service"
    aliases = ("ansible.windows.win_service",)
    summary = "Start mode, state and names of existing services"
    notes = (
        "Delayed start is the value DelayedAutostart of the service's key, since Set-Service of Windows PowerShell "
        "cannot set it; like any start mode it acts at the next start of Windows.",
        "With force_dependent_services and state stopped, the running services that depend on it stop too; the plan "
        "names them, and undoing the task starts them again.",
        "Services are neither created nor removed yet.",
    )
    examples = """\
- name: The spooler is off
  win_service:
    name: Spooler
    start_mode: disabled
    state: stopped
"""
    arguments = ServiceArguments
    timeout = 180.0
    volatile = frozenset({"process_id"})

    def key(self, arguments: ServiceArguments) -> str:
        return fold(arguments.name)

    def shown(self, arguments: ServiceArguments) -> Shown:
        return Shown("restart" if arguments.state == "restarted" else "service", arguments.name)

    def read(self, wanted: Sequence[ServiceArguments], rounds: Sequence[Round]) -> tuple[Statement, ...]:
        return next_round([_asked(arguments) for arguments in wanted], rounds)

    def observe(self, wanted: Sequence[ServiceArguments], rounds: Sequence[Round]) -> tuple[State | Unreadable, ...]:
        return conclude([_asked(arguments) for arguments in wanted], rounds)

    def desired(self, arguments: ServiceArguments, before: State) -> Desired | Impossible:
        wishes: dict[str, Wish] = {
            name: value
            for name in ("start_mode", "display_name", "description")
            if (value := getattr(arguments, name)) is not None
        }
        if not before.exists:
            nothing_wanted = not wishes and arguments.state is None
            return Desired(False) if nothing_wanted else Impossible(f"there is no service {arguments.name}")
        if arguments.state is not None:
            state = "started" if arguments.state == "restarted" else arguments.state
            wishes["state"] = state
            if reason := _obstacle(arguments, before, state):
                return Impossible(f"service {arguments.name} {reason}")
            if state == "stopped" and before.properties.get("state") != "stopped" and DEPENDENTS in before.properties:
                wishes[DEPENDENTS] = ()
        if arguments.state == "restarted":
            wishes["process_id"] = OtherThan(before.properties.get("process_id"))
        return Desired(True, wishes)

    def implied(self, arguments: ServiceArguments, desired: Desired) -> tuple[Implied, ...]:
        """A service needs its key, and a start mode is values of it: registry tasks may contradict both."""
        if not desired.exists:
            return ()
        key = service_key(arguments.name)
        values = start_values(arguments.start_mode) if arguments.start_mode else {}
        return (
            *is_there(*key.line),
            *(
                Implied(REGISTRY, identity(key, name), Desired(True, {"type": "dword", "data": data}))
                for name, data in values.items()
            ),
        )

    def write(self, arguments: ServiceArguments, before: State) -> tuple[Statement, ...]:
        wanted = self.desired(arguments, before)
        if isinstance(wanted, Impossible):
            return ()
        if arguments.state == "restarted":
            restart = _forced("Restart-Service", arguments)
            others = {name: wish for name, wish in wanted.properties.items() if name not in ("state", "process_id")}
            return (*_changes(arguments, before, Desired(True, others)), restart)
        return _changes(arguments, before, wanted)

    def judge(self, statement: Statement, reply: Reply) -> str | None:
        failure = super().judge(statement, reply)
        if failure and any(error.name in _HAS_DEPENDENTS for error in reply.errors):
            failure += "; set force_dependent_services to stop the services that depend on it as well"
        return failure

    def undo(self, arguments: ServiceArguments, before: State, after: State) -> tuple[Statement, ...] | Irreversible:
        mode, state = before.properties.get("start_mode"), before.properties.get("state")
        if mode not in (*_STARTUP_TYPES, None) and mode != after.properties.get("start_mode"):
            return Irreversible(f"start mode {mode!s} of {arguments.name} cannot be set again")
        if state in PENDING:
            return Irreversible(f"{arguments.name} was {state!s}, which is no state to go back to")
        wanted = {name: value for name, value in before.properties.items() if name != "process_id"}
        return _changes(arguments, after, Desired(True, wanted))

    def settled(self, state: State, desired: Desired) -> bool:
        return state.properties.get("state") not in PENDING


def _asked(arguments: ServiceArguments) -> Asked:
    """Only what the task names or depends on: what it does not care for must not count as drift."""
    properties = [name for name in ("display_name", "description") if getattr(arguments, name) is not None]
    if arguments.state is not None:
        properties.append("state")
    if arguments.start_mode is not None or arguments.state in ("started", "restarted"):
        properties.append("start_mode")
    if arguments.state == "restarted":
        properties.append("process_id")
    if arguments.state == "stopped" and arguments.force_dependent_services:
        properties.append(DEPENDENTS)
    wishes_mode = arguments.start_mode is not None
    return Asked(arguments.name, tuple(properties or ("state", "start_mode", "display_name")), wishes_mode)


def _obstacle(arguments: ServiceArguments, before: State, state: str) -> str:
    """Why the state cannot be reached from here."""
    now, mode = before.properties.get("state"), arguments.start_mode or before.properties.get("start_mode")
    if state == "started" and now == "stopped" and mode == "disabled":
        return "is disabled, so it cannot be started: set a start_mode"
    if state == "paused" and now == "stopped":
        return "is stopped: only a started service can be paused"
    return ""


def _changes(arguments: ServiceArguments, before: State, wanted: Desired) -> tuple[Statement, ...]:
    """From one state to another. A service is enabled before it starts, and stops before it is disabled."""
    wishes = {name: wish for name, wish in wanted.properties.items() if wish != before.properties.get(name)}
    texts = tuple(_texts(arguments.name, wishes.get("display_name"), wishes.get("description")))
    mode = tuple(_start_mode(arguments.name, str(wishes["start_mode"]))) if "start_mode" in wishes else ()
    state = (_state_change(arguments, before, str(wishes["state"])),) if "state" in wishes else ()
    dependents = tuple(_start_again(wishes.get(DEPENDENTS)))
    if wishes.get("start_mode") == "disabled":
        return (*texts, *state, *mode)
    return (*texts, *mode, *state, *dependents)


def _start_again(dependents: Wish) -> Iterator[Statement]:
    """Services that were stopped together with the one that they depend on."""
    for name in dependents if isinstance(dependents, tuple) else ():
        yield (command("Start-Service", Name=name),)


def _texts(name: str, display_name: Wish, description: Wish) -> Iterator[Statement]:
    if isinstance(display_name, str):
        yield (command("Set-Service", Name=name, DisplayName=display_name),)
    if isinstance(description, str):
        yield (command("Set-Service", Name=name, Description=description),)


def _start_mode(name: str, mode: str) -> Iterator[Statement]:
    yield (command("Set-Service", Name=name, StartupType=_STARTUP_TYPES[mode]),)
    delayed = start_values(mode).get(DELAYED)
    if delayed is not None:
        yield (
            command(
                "Set-ItemProperty",
                LiteralPath=service_key(name).literal,
                Name=DELAYED,
                Value=Int32(delayed),
                Type="DWord",
            ),
        )


def _state_change(arguments: ServiceArguments, before: State, state: str) -> Statement:
    if state == "stopped":
        return _forced("Stop-Service", arguments)
    if state == "paused":
        return (command("Suspend-Service", Name=arguments.name),)
    paused = before.properties.get("state") == "paused"
    return (command("Resume-Service" if paused else "Start-Service", Name=arguments.name),)


def _forced(cmdlet: str, arguments: ServiceArguments) -> Statement:
    """With -Force only when asked for: it stops the services that depend on this one."""
    stop = command(cmdlet, Name=arguments.name)
    if not arguments.force_dependent_services:
        return (stop,)
    return (Command(cmdlet, (*stop.parameters, ("Force", True))),)
