"""From a plan to its outcome: apply -> record."""

from __future__ import annotations

from threading import Event

from runner.apply.run import apply_plan
from runner.apply.tools import Tools
from runner.model.errors import Elsewhere, InputError, Problem, Refused
from runner.model.inventory import Inventory
from runner.model.outcome import RunOutcome
from runner.model.plan import Plan
from runner.pipeline.origins import places, schemas, target
from runner.transport.base import Session, Transport


def apply_saved(
    plan: Plan, inventory: Inventory, transport: Transport, tools: Tools, run: str, forks: int, stop: Event
) -> RunOutcome:
    """Apply a plan on the hosts of an inventory, which gives connections and secrets and nothing else.

    Errors: InputError if a planned host is not in the inventory; Refused if the plan was made for other modules;
    what the journal raises.
    """
    strangers = [name for play in plan.plays for batch in play.batches for name in batch if name not in inventory.hosts]
    if strangers:
        raise InputError(Problem(f"planned, but not in the inventory: {', '.join(dict.fromkeys(strangers))}"))
    if plan.digests.get("modules") != schemas(tools.modules):
        raise Refused(f"the plan was made by ce-runner {plan.tool}, whose modules are others: make a new plan")
    targets = {host.host: host.target for play in plan.plays for host in play.hosts}

    def open_session(name: str) -> Session:
        connection = inventory.hosts[name].connection
        if target(connection) != targets[name]:
            raise Elsewhere(
                f"planned at {targets[name]}, but the inventory now leads to {target(connection)}",
                "correct the inventory, or make a new plan",
            )
        return transport.open(connection)

    return apply_plan(plan, open_session, tools, run, forks, stop)


def changed_since(plan: Plan, playbook: str | None, inventory: Inventory) -> tuple[str, ...]:
    """Warnings: what the plan was made from and is no longer the same.

    `playbook` is the digest of the playbook's file now, None if it does not exist any more, which it need not.
    """
    warnings = []
    if playbook is not None and playbook != plan.digests.get("playbook"):
        warnings.append(f"{plan.playbook} has changed since the plan was made; what is applied is the plan")
    if places(inventory) != plan.digests.get("inventory"):
        warnings.append("the inventory's hosts, groups or addresses have changed since the plan was made")
    return tuple(warnings)
