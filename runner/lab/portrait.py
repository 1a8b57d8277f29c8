"""A machine as a JSON document: what it is, what differs from a fresh Windows, and all that was changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime

from runner.lab.enums import ServiceControllerStatus
from runner.lab.fleet import Fleet
from runner.lab.machine import Machine, MachineChange
from runner.lab.registry import RegistryKey, RegistryValue
from runner.lab.services import Service
from runner.lab.spec import OsName, default_services


def portrait(fleet: Fleet, host: str) -> dict[str, object]:
    """Everything that there is to see of a host. KeyError for an unknown one."""
    machine = fleet.machine(host)
    facts = machine.facts
    traffic = fleet.traffic(host)
    return {
        "kind": "ce-runner lab host",
        "host": host,
        "os": facts.os,
        "version": facts.version,
        "powershell": facts.powershell,
        "culture": facts.culture,
        "computer_name": facts.computer_name,
        "now": machine.now().isoformat(),
        "booted": machine.booted.isoformat(),
        "answers_from": machine.up_at.isoformat() if machine.up_at else None,
        "disk_full": machine.disk_full,
        "services": list(_other_services(machine, fleet.specs[host].os)),
        "changes": [_change(change) for change in machine.changes],
        "faults_shown": fleet.faults(host).shown,
        "faults": [str(fault) for fault in fleet.faults(host).pending()],
        "traffic": asdict(traffic),
    }


def _other_services(machine: Machine, os: OsName) -> Iterator[dict[str, object]]:
    fresh = default_services(os)
    for service in machine.services.all():
        before = fresh.get(service.name.casefold())
        if before is None or _habits(before) != _habits(service):
            yield {"name": service.name, "now": told(service), "fresh": told(before)}


def _change(change: MachineChange) -> dict[str, object]:
    return {
        "time": change.time.isoformat(),
        "what": change.what,
        "before": told(change.before),
        "after": told(change.after),
        "by": change.by,
    }


def told(value: object) -> str | None:
    """One side of a change in words; None: it is not there."""
    match value:
        case None:
            return None
        case RegistryValue(kind=kind, data=data):
            shown = data.hex(" ") if isinstance(data, bytes) else list(data) if isinstance(data, tuple) else data
            return f"{kind.name} {shown}"
        case RegistryKey(values=values, subkeys=subkeys):
            return f"key with {len(values)} values and {len(subkeys)} subkeys"
        case Service():
            return _service(value)
        case datetime():
            return value.isoformat()
    return "key" if value == {} else str(value)


def _service(service: Service) -> str:
    process = f", process {service.process_id}" if service.status is not ServiceControllerStatus.Stopped else ""
    return _habits(service) + process


def _habits(service: Service) -> str:
    """All but the process, which is another after each boot."""
    start = f"{service.start_mode.name.lower()}{' (delayed)' if service.delayed else ''}"
    return f"{service.status.name}, {start}, {service.display_name}"
