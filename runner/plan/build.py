"""The plan of a whole playbook: plays, batches, digests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runner.model.errors import InputError, Problem
from runner.model.plan import HostPlan, Plan, PlayPlan
from runner.model.playbook import Play


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
    return PlayPlan(number, play.name, batches([host.host for host in hosts], play.serial), tuple(hosts))


def build_plan(
    *, tool: str, created: str, playbook: str, digests: Mapping[str, str], plays: Sequence[PlayPlan], seconds: float
) -> Plan:
    """The plan of a playbook; `digests` are SHA-256 in hex of what it was made from, `created` is ISO 8601 in UTC."""
    return Plan(tool, created, playbook, dict(digests), tuple(plays), seconds)
