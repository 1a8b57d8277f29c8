"""Reads services: state by Get-Service, start mode from the service's key, the rest from Win32_Service.

Windows PowerShell's Get-Service has neither delayed start nor description nor process id (design section 7). The key
holds Start and DelayedAutostart (svc-reg-start); where a restricted session does not show it, Get-Service's StartType
tells all start modes but a delayed from a usual automatic one. CIM is asked only where a task needs what only CIM has.
Facts: groundtruth/pwsh76/windows.md (Services).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from runner.model.command import Reply, ReplyState, Statement, command
from runner.model.state import Property, State, Unreadable
from runner.model.value import EnumValue, PSObject, Value
from runner.modules.base import Round, errors_of, why_unread
from runner.modules.registry import HIVES, Key, fold, key_of_ps_path

_ABSENT = "NoServiceFoundForGivenName,Microsoft.PowerShell.Commands.GetServiceCommand"
_STATES = MappingProxyType(  # System.ServiceProcess.ServiceControllerStatus
    {1: "stopped", 2: "starting", 3: "stopping", 4: "started", 5: "resuming", 6: "pausing", 7: "paused"}
)
PENDING = frozenset({"starting", "stopping", "resuming", "pausing"})
_START_MODES = MappingProxyType({0: "boot", 1: "system", 2: "auto", 3: "manual", 4: "disabled"})
_NUMBERS = MappingProxyType(  # of ServiceControllerStatus and ServiceStartMode, which share no name
    {
        **{"Stopped": 1, "StartPending": 2, "StopPending": 3, "Running": 4},
        **{"ContinuePending": 5, "PausePending": 6, "Paused": 7},
        **{"Boot": 0, "System": 1, "Automatic": 2, "Manual": 3, "Disabled": 4},
    }
)
DELAYED = "DelayedAutostart"  # the value of a service's key; Start has the rest of the start mode
DEPENDENTS = "running_dependents"
_BY_CIM = MappingProxyType({"process_id": "ProcessId", "description": "Description"})


@dataclass(frozen=True, slots=True)
class Asked:
    """A service and the properties that matter of it.

    They are state, start_mode, display_name, description, process_id and running_dependents (names of services).
    `tells_delayed`: an automatic start is of no use without knowing whether it is a delayed one.
    """

    name: str
    properties: tuple[str, ...]
    tells_delayed: bool = True

    @property
    def has_dependents(self) -> bool:
        return DEPENDENTS in self.properties


def is_one_name(name: str) -> bool:
    """Get-Service takes wildcards, and Windows allows no slashes in the name of a service."""
    return bool(name) and not set(name) & set("*?[]/\\")


def service_key(name: str) -> Key:
    return Key(HIVES["HKLM"], f"SYSTEM\\CurrentControlSet\\Services\\{name}")


def start_values(mode: str) -> Mapping[str, int]:
    """The DWORDs of a service's key that a start mode is made of (svc-reg-start).

    Both automatic modes have the delayed flag, because it outlives a change to manual and back.
    """
    start = next(number for number, name in _START_MODES.items() if name == ("auto" if mode == "delayed" else mode))
    return {"Start": start, DELAYED: int(mode == "delayed")} if mode in ("auto", "delayed") else {"Start": start}


def next_round(asked: Sequence[Asked], rounds: Sequence[Round]) -> tuple[Statement, ...]:
    """Round one asks for everything; round two asks singly for services whose absence is not yet beyond doubt."""
    if not rounds:
        return _first(asked)
    if len(rounds) == 1:
        return tuple(_services([name]) for name in _doubtful(asked, rounds[0].replies[0]))
    return ()


def conclude(asked: Sequence[Asked], rounds: Sequence[Round]) -> tuple[State | Unreadable, ...]:
    """What the answers say of each service, in the order of `asked`."""
    answers = _answers(asked, rounds)
    found: list[State | Unreadable] = []
    for thing in asked:
        name = fold(thing.name)
        closer = answers.closer.get(name)
        service = _by_name(answers.services).get(name) or (_by_name(closer).get(name) if closer else None)
        absence = _absence(thing.name, closer or answers.services, is_single=closer is not None)
        found.append(_state(thing, service, answers) if service else absence)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Answers:
    services: Reply
    keys: Reply
    instances: Reply | None  # of Win32_Service, if it was asked
    dependents: Mapping[str, Reply]  # by the folded name of the service
    closer: Mapping[str, Reply]  # the single questions of round two, by folded name


def _answers(asked: Sequence[Asked], rounds: Sequence[Round]) -> _Answers:
    services, keys, *others = rounds[0].replies
    instances = others.pop(0) if _cim_columns(asked) else None
    dependents = dict(zip(map(fold, _with_dependents(asked)), others, strict=True))
    doubtful = _doubtful(asked, services)
    closer = dict(zip(map(fold, doubtful), rounds[1].replies if len(rounds) > 1 else (), strict=True))
    return _Answers(services, keys, instances, dependents, closer)


def _first(asked: Sequence[Asked]) -> tuple[Statement, ...]:
    names = _unique(thing.name for thing in asked)
    keys = (
        command(
            "Get-ItemProperty",
            LiteralPath=tuple(service_key(name).literal for name in names),
            ErrorAction="SilentlyContinue",
        ),
        command("Select-Object", Property=("PSPath", "Start", DELAYED)),
    )
    statements: list[Statement] = [_services(names), keys]
    if columns := _cim_columns(asked):
        statements.append(
            (
                command("Get-CimInstance", ClassName="Win32_Service", Property=("Name", *columns)),
                command("Where-Object", Property="Name", In=True, Value=names),
                command("Select-Object", Property=("Name", *columns)),
            )
        )
    return (*statements, *map(_dependents, _with_dependents(asked)))


def _cim_columns(asked: Sequence[Asked]) -> tuple[str, ...]:
    return tuple(sorted({_BY_CIM[name] for thing in asked for name in thing.properties if name in _BY_CIM}))


def _with_dependents(asked: Sequence[Asked]) -> tuple[str, ...]:
    return _unique(thing.name for thing in asked if thing.has_dependents)


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple({fold(name): name for name in names}.values())


def _dependents(name: str) -> Statement:
    """The services that depend on one, of which no answer tells whose they are: so one question for each."""
    return (
        command("Get-Service", Name=name, DependentServices=True),
        command("Select-Object", Property=("ServiceName", "Status")),
    )


def _services(names: Sequence[str]) -> Statement:
    return (
        command("Get-Service", Name=tuple(names)),
        command("Select-Object", Property=("Name", "ServiceName", "DisplayName", "Status", "StartType")),
    )


def _doubtful(asked: Sequence[Asked], reply: Reply) -> list[str]:
    """Names without an answer, when the errors are not just one "no such service" for each of them."""
    if reply.state is not ReplyState.DONE:
        return []
    known = _by_name(reply)
    silent = {fold(thing.name): thing.name for thing in asked if fold(thing.name) not in known}
    absent = sum(error.id == _ABSENT for error in reply.errors)
    return [] if absent == len(reply.errors) == len(silent) else list(silent.values())


def _absence(name: str, reply: Reply, is_single: bool) -> State | Unreadable:
    """What it means that a service did not answer; of several, only what all of them have in common is known."""
    if reply.state is not ReplyState.DONE:
        return Unreadable(f"service {name}: {why_unread(reply)}")
    if not is_single or [error.id for error in reply.errors] == [_ABSENT]:
        return State(False)
    if reply.outputs and isinstance(other := reply.outputs[0], PSObject):
        return Unreadable(f"{name} is a display name; the service is called {other.get('ServiceName')!s}")
    return Unreadable(f"service {name}: {errors_of(reply) or 'the host did not answer for it'}")


def _by_name(reply: Reply) -> Mapping[str, PSObject]:
    """Services by their real names: Get-Service finds display names too, and Name shows what was asked for."""
    objects = [output for output in reply.outputs if isinstance(output, PSObject)]
    return {fold(name): service for service in objects if isinstance(name := service.get("ServiceName"), str)}


def _state(thing: Asked, service: PSObject, answers: _Answers) -> State | Unreadable:
    properties: dict[str, Property] = {}
    for name in thing.properties:
        value, source = _property(name, thing, service, answers)
        if value is None:
            reason = errors_of(source) if source else ""
            return Unreadable(f"service {thing.name}: {name} could not be read{reason and ': '}{reason}")
        properties[name] = value
    return State(True, properties)


def _property(name: str, thing: Asked, service: PSObject, answers: _Answers) -> tuple[Property, Reply | None]:
    """A property and the reply that it is from; None if it did not come."""
    service_name = fold(thing.name)
    if name == "state":
        return _STATES.get(_number(service.get("Status"))), None
    if name == "display_name":
        return (shown if isinstance(shown := service.get("DisplayName"), str) else None), None
    if name == "start_mode":
        key = _matching(answers.keys.outputs, "PSPath", service_key(service_name).identity)
        return (_start_mode(key) if key else _start_type(service, thing.tells_delayed)), answers.keys
    if name == DEPENDENTS:
        reply = answers.dependents[service_name]
        return (_running(reply) if reply.state is ReplyState.DONE and not reply.errors else None), reply
    instance = _matching(answers.instances.outputs, "Name", service_name) if answers.instances else None
    return (_from_instance(name, instance) if instance else None), answers.instances


def _running(reply: Reply) -> tuple[str, ...]:
    services = _by_name(reply).values()
    return tuple(
        sorted(str(one.get("ServiceName")) for one in services if _STATES.get(_number(one.get("Status"))) != "stopped")
    )


def _from_instance(name: str, instance: PSObject) -> Property:
    """A service without a description has null for it; a process id is always a number, 0 when stopped."""
    cell = instance.get(_BY_CIM[name])
    if name == "description":
        return cell if isinstance(cell, str) else ""
    return int(cell) if isinstance(cell, int) else None


def _start_mode(key: PSObject) -> str | None:
    mode = _START_MODES.get(_number(key.get("Start")))
    return "delayed" if mode == "auto" and key.get(DELAYED) == 1 else mode


def _start_type(service: PSObject, tells_delayed: bool) -> str | None:
    """The start mode by Get-Service's StartType (System.ServiceProcess.ServiceStartMode, numbered like Start)."""
    mode = _START_MODES.get(_number(service.get("StartType")))
    return None if mode == "auto" and tells_delayed else mode


def _matching(outputs: Iterable[Value], column: str, wanted: str) -> PSObject | None:
    for output in outputs:
        if isinstance(output, PSObject) and isinstance(cell := output.get(column), str):
            identity = key_of_ps_path(cell).identity if column == "PSPath" else fold(cell)
            if identity == wanted:
                return output
    return None


def _number(value: Value) -> int:
    """A number, or the number of an enumeration's member, which inside a whole object is only a text (X2)."""
    if isinstance(value, EnumValue):
        return value.number
    if isinstance(value, str):
        return _NUMBERS.get(value, -1)
    return int(value) if isinstance(value, int) else -1
