"""The plan of one host in one play."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from runner.model.errors import InputError
from runner.model.jsonvalue import plain
from runner.model.observation import HostFindings
from runner.model.plan import HostPlan
from runner.modules.base import Module
from runner.plan.contradictions import contradictions
from runner.plan.handlers import header_of
from runner.plan.planner import Planner

TITLE = "ansible_distribution"  # the fact that says what a host is


def plan_host(
    findings: HostFindings,
    number: int,
    modules: Mapping[str, Module[Any]],
    earlier: Sequence[HostPlan] = (),
    requests: int = 0,
) -> HostPlan:
    """The plan of one host in the play `number`; `earlier` are its plans in the plays before.

    Tasks on one thing are planned over the expected state: the second sees what the first will have made.
    Errors: InputError with every pair of tasks, in whichever plays, that want contradictory things.
    """
    planner = Planner(modules)
    for plan in earlier:
        planner.remember(plan)
    steps = planner.play(findings.findings)
    problems = contradictions(planner.wanting)
    if problems:
        raise InputError(*problems)
    return HostPlan(
        host=findings.host,
        play=number,
        steps=steps,
        facts=_deciding_facts(findings),
        title=_title(findings.facts),
        levels=findings.levels,
        requests=requests,
        error=findings.error.message if findings.error else "",
        advice=findings.error.advice if findings.error else "",
        exit_code=int(findings.error.exit_code) if findings.error else 0,
    )


def _deciding_facts(findings: HostFindings) -> dict[str, Any]:
    """The facts that decided a condition or an argument, as plain data; one that the host has not is None."""
    names = {name: None for finding in findings.findings for name in header_of(finding).facts}
    return {name: plain(findings.facts.get(name)) for name in names}


def _title(facts: Mapping[str, Any]) -> str:
    """`Server 2022` of Ansible's fact `ansible_distribution`, such as `Microsoft Windows Server 2022 Standard`."""
    distribution = str(facts.get(TITLE) or "")
    short = re.search(r"Server \d+( R2)?|Windows \d+(\.\d+)?", distribution)
    return short[0] if short else distribution
