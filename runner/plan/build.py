"""The plan of a whole playbook: plays, batches, digests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from runner.model.errors import InputError, Problem
from runner.model.plan import HostPlan, Plan, PlayPlan
from runner.model.playbook import Play
from runner.modules.base import Module
from runner.plan.duration import Costs, estimate


def batches(hosts: Sequence[str], serial: Sequence[int | str]) -> tuple[tuple[str, ...], ...]:
    """The hosts in the order of `serial`, as Ansible cuts them.

    A percentage is of all hosts, rounded down, at least one; the last size repeats; no size, or one of 0 and below,
    takes all that are left. Errors: InputError for a size that is neither a number nor a percentage.
    """
    sizes = [_size(size, len(hosts)) for size in serial] or [0]
    cut: list[tuple[str, ...]] = []
    rest = tuple(hosts)
    while rest:
        size = sizes[min(len(cut), len(sizes) - 1)]
        count = size if size > 0 else len(rest)
        cut.append(rest[:count])
        rest = rest[count:]
    return tuple(cut)


def _size(size: int | str, total: int) -> int:
    text = str(size).strip()
    try:
        return (int(float(text[:-1]) / 100 * total) or 1) if text.endswith("%") else int(text)
    except (ValueError, OverflowError):
        raise InputError(Problem(f"serial {size!r} is neither a number nor a percentage")) from None


def play_plan(play: Play, number: int, hosts: Sequence[HostPlan]) -> PlayPlan:
    """The plan of one play, its hosts in the inventory's order."""
    names = [host.host for host in hosts]
    at_most = play.throttle.at_most if play.throttle else 0
    return PlayPlan(number, play.name, batches(names, play.serial), tuple(hosts), at_most)


def build_plan(
    *, tool: str, created: str, playbook: str, digests: Mapping[str, str], plays: Sequence[PlayPlan], seconds: float
) -> Plan:
    """The plan of a playbook; `digests` are SHA-256 in hex of what it was made from, `created` is ISO 8601 in UTC."""
    return Plan(tool, created, playbook, dict(digests), tuple(plays), seconds)


def timed(plan: Plan, measured: Mapping[str, float], modules: Mapping[str, Module[Any]], forks: int) -> Plan:
    """The plan with how long it will take: by what changes of each module took here, else by what is usual."""
    seconds = estimate(plan.plays, Costs(modules, measured), forks)
    acting = {step.header.module for play in plan.plays for host in play.hosts for step in host.steps if step.action}
    return replace(plan, estimate=round(seconds, 1), untimed=tuple(sorted(acting - measured.keys())))
