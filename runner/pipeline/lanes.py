"""Which hosts of a play wait for each other: those for which its throttle key is the same."""

from __future__ import annotations

from collections.abc import Mapping

from runner.model.errors import InputError, Problem, did_you_mean
from runner.model.inventory import Host
from runner.model.playbook import Play, Throttle
from runner.model.source import ListNode, MapNode, ScalarNode
from runner.parse.patterns import select
from runner.pipeline.job import Job
from runner.template import TemplateError, UndefinedName

_FACTS = "it is needed before hosts are read: no fact and no registered result can be in it"
Lanes = Mapping[str, str]  # host -> what the key is there; "" for a host that waits for nobody


def lanes_of(job: Job) -> tuple[Lanes, ...]:
    """The lanes of each play, for all its hosts, also those that `--limit` leaves out.

    The key is looked for as a task looks for a variable: in the inventory, then in the play, then in `-e`; facts and
    registered results are not known yet. A host without it, or where it is null or empty, waits for nobody.
    Errors: InputError when no host of a play has the key, which would keep nobody waiting, and for each host where it
    is a template that cannot be rendered, or neither a text nor a number.
    """
    lanes: list[Lanes] = []
    problems: dict[Problem, None] = {}
    for play in job.playbook.plays:
        try:
            lanes.append(_of_play(job, play, play.throttle) if play.throttle else {})
        except InputError as error:
            problems |= dict.fromkeys(error.problems)
    if problems:
        raise InputError(*problems)
    return tuple(lanes)


def _of_play(job: Job, play: Play, throttle: Throttle) -> Lanes:
    known = {host.name: _variables(job, play, host) for host in select(job.inventory, play.hosts, None, play.origin)}
    names = {name for variables in known.values() for name in variables}
    if known and throttle.key not in names:
        hint = did_you_mean(throttle.key, names) or f"if no host has one, say so: {throttle.key}: ''"
        raise InputError(Problem(f"no host of the play has the throttle key {throttle.key!r}", play.origin, hint))
    lanes: dict[str, str] = {}
    problems: list[Problem] = []
    for host, variables in known.items():
        try:
            lanes[host] = _text(job, throttle.key, variables)
        except TemplateError as error:
            message = f"the throttle key {throttle.key!r} of {host}: {job.hide(error.message)}"
            hint = _FACTS if isinstance(error, UndefinedName) else error.problem.hint
            problems.append(Problem(message, error.origin or play.origin, hint))
    if problems:
        raise InputError(*problems)
    return lanes


def _variables(job: Job, play: Play, host: Host) -> Mapping[str, object]:
    return {**host.variables, **play.variables, **job.extra}


def _text(job: Job, key: str, variables: Mapping[str, object]) -> str:
    value = variables.get(key)
    if isinstance(value, (ScalarNode, ListNode, MapNode)):
        value = job.templates.render(value, variables)
    if value is None:
        return ""
    if not isinstance(value, (str, int, float)):
        raise TemplateError(f"a text or a number is wanted, not a {type(value).__name__}")
    return str(value)
