"""Carries out what is asked of a running lab, for those who know its token."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError

from runner.lab.faults import parse_fault
from runner.lab.fleet import Fleet
from runner.lab.http import HttpReply, HttpRequest
from runner.lab.machine import Machine
from runner.lab.orders import (
    ORDER,
    Break,
    Hosts,
    Order,
    Reboot,
    RefreshPolicy,
    SetAccess,
    SetClock,
    SetDisk,
    SetRegistry,
    SetService,
    Show,
    complaints,
)
from runner.lab.portrait import portrait
from runner.lab.registry_spec import registry_value
from runner.lab.spec import made_service

OUTSIDE = "outside"  # the author of such changes in the machine's log
_FIRST, _LAST = datetime(1980, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)  # room for boots and waits
_RANGE = "a machine's clock shows times from 1980-01-01 to 9000-01-01"
_JSON = (("Content-Type", "application/json"),)


@dataclass(frozen=True, slots=True)
class Controller:
    """The server's side."""

    desk: Desk
    token: str = field(repr=False)

    def __call__(self, request: HttpRequest) -> HttpReply:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            return _reply(403, {"error": "this lab was started by somebody else: the token is not its own"})
        if request.method != "POST":
            return HttpReply(405, headers=(("Allow", "POST"),))
        try:
            return _reply(200, self.desk.carry_out(ORDER.validate_json(request.body)))
        except ValidationError as error:
            return _reply(400, {"error": "; ".join(complaints(error))})
        except KeyError as error:
            return _reply(404, {"error": f"the lab has no host {error.args[0]}"})
        except ValueError as error:
            return _reply(400, {"error": str(error)})
        except Exception as error:  # the lab goes on, and whoever gave the order is told
            return _reply(500, {"error": f"the lab failed with {type(error).__name__}"})


def _reply(status: int, document: dict[str, object]) -> HttpReply:
    return HttpReply(status, json.dumps(document).encode(), _JSON)


@dataclass(frozen=True, slots=True)
class Desk:
    """Carries orders out on a served fleet. `reboot` restarts a host by its name, connections and shells included."""

    fleet: Fleet
    reboot: Callable[[str], None]

    def carry_out(self, order: Order) -> dict[str, object]:
        """The answer, a JSON document. Raises KeyError for an unknown host, ValueError for what cannot be done."""
        match order:
            case Hosts():
                return {"hosts": list(self.fleet.specs)}
            case Show(host=host):
                with self.fleet.editing(host):
                    return portrait(self.fleet, host)
            case Break(host=host, fault=fault):
                with self.fleet.editing(host):
                    self._break(host, fault)
            case Reboot(host=host):
                self.fleet.machine(host)  # KeyError before anything else
                self.reboot(host)
            case _:
                with self.fleet.editing(order.host) as machine, machine.authored(OUTSIDE):
                    _change(machine, order)
        return {"done": order.order, "host": order.host}

    def _break(self, host: str, fault: str | None) -> None:
        plan = self.fleet.faults(host)
        if fault is None:
            plan.clear()
        else:
            plan.add(parse_fault(fault))


def _later(moment: datetime, seconds: float) -> datetime:
    try:
        return _in_range(moment + timedelta(seconds=seconds))
    except OverflowError:
        raise ValueError(_RANGE) from None


def _in_range(moment: datetime) -> datetime:
    if not _FIRST <= moment <= _LAST:
        raise ValueError(_RANGE)
    return moment


def _change(machine: Machine, order: SetRegistry | SetAccess | SetService | SetClock | SetDisk | RefreshPolicy) -> None:
    match order:
        case SetRegistry(key=key, name=name, value=None):
            machine.remove_value(key, "" if name == "(default)" else name)
        case SetRegistry(key=key, name=name, value=value):
            machine.set_value(key, registry_value(name, value))
        case SetAccess(key=key, denial=denial):
            machine.set_access(key, denial)
        case SetService(name=name, service=spec):
            machine.services.put(made_service(machine.services.find(name), name, spec))
        case SetClock(to=datetime() as moment):
            machine.set_clock(_in_range(moment if moment.tzinfo else moment.replace(tzinfo=UTC)))
        case SetClock(to=float() as seconds):
            machine.set_clock(_later(machine.now(), seconds))
        case SetDisk(full=full):
            machine.disk_full = full
        case RefreshPolicy():
            machine.refresh_policy()
