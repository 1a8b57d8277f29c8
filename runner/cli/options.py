"""Options that several commands share, and what they amount to: hosts, tasks, a transport, a job."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from runner.cli.output import tell
from runner.model.attestation import Attestation
from runner.model.errors import InputError, Problem
from runner.model.inventory import Inventory
from runner.model.secret import Secret, redact, without_accounts
from runner.pipeline import Job
from runner.transport.base import Transport

if TYPE_CHECKING:
    from runner.record.journal import Journal

PASSWORD_VARIABLE = "CE_RUNNER_PASSWORD"
DEFAULT_FORKS = 20

Command = TypeVar("Command", bound=Callable[..., Any])
playbook_argument = click.argument("playbook", type=click.Path(exists=True, dir_okay=False, path_type=Path))


def stacked(*decorators: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several options as one decorator, in the order in which --help lists them."""

    def decorate(command: Command) -> Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


json_option = click.option("--json", "as_json", is_flag=True, help="Print the machine document instead.")
verbose_option = click.option(
    "-v", "--verbose", count=True, help="Also show the PowerShell text behind each change; -vv: what debug tasks keep."
)
quiet_option = click.option("-q", "--quiet", is_flag=True, help="One line for each host, without what differs.")
inventory_options = stacked(
    click.option(
        "-i",
        "--inventory",
        "inventories",
        multiple=True,
        required=True,
        type=click.Path(exists=True, path_type=Path),
        help="Inventory file (YAML or INI) or folder; may be given several times.",
    ),
    click.option("-l", "--limit", help="Only these hosts, groups or patterns."),
    click.option(
        "-e",
        "--extra-vars",
        multiple=True,
        metavar="K=V|{...}|@FILE",
        help="Variables that win over all others: name=value, a YAML or JSON mapping, or @FILE.",
    ),
)
connection_options = stacked(
    click.option(
        "-k",
        "--ask-pass",
        is_flag=True,
        help=f"Ask for the password of hosts that have none; or set {PASSWORD_VARIABLE}.",
    ),
    click.option(
        "-f", "--forks", default=DEFAULT_FORKS, show_default=True, type=click.IntRange(1, 500), help="Hosts at a time."
    ),
    click.option("--timeout", type=click.FloatRange(min=0.1), help="Deadline of one pipeline on a host, in seconds."),
    click.option(
        "--journal",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Where runs and attestations are recorded, instead of the usual place.",
    ),
)
tag_options = stacked(
    click.option("-t", "--tags", multiple=True, help="Only tasks with these tags."),
    click.option("--skip-tags", multiple=True, help="Leave out tasks with these tags."),
)


@dataclass(frozen=True, slots=True)
class Hosts:
    """What -i, -l, -e, -k, -f, --timeout and --journal say."""

    inventories: tuple[Path, ...]
    limit: str | None
    extra_vars: tuple[str, ...]
    ask_pass: bool
    forks: int
    timeout: float | None
    journal: Path | None = None


def hosts_of(options: dict[str, Any]) -> Hosts:
    """Takes the options of `inventory_options` and `connection_options` out of a command's keyword arguments."""
    return Hosts(**{name: options.pop(name) for name in Hosts.__slots__})


def read_inventory(hosts: Hosts, playbook: Path | None) -> Inventory:
    """The inventory with the passwords and deadlines of the command line.

    Errors: InputError with every Problem; a warning for each connection variable that means nothing to us.
    """
    from runner.parse.extra_vars import parse_extra_vars
    from runner.parse.inventory import parse_inventory

    inventory = parse_inventory(
        hosts.inventories,
        playbook_folder=playbook.parent if playbook else None,
        extra=parse_extra_vars(hosts.extra_vars),
        password=password(hosts.ask_pass),
    )
    for warning in inventory.warnings:
        tell(f"warning: {warning}")
    return _with_deadline(inventory, hosts.timeout)


def _with_deadline(inventory: Inventory, seconds: float | None) -> Inventory:
    if seconds is None:
        return inventory
    changed = {}
    for name, host in inventory.hosts.items():
        deadlines = replace(host.connection.deadlines, total=seconds)
        changed[name] = replace(host, connection=replace(host.connection, deadlines=deadlines))
    return replace(inventory, hosts=changed)


def hider(inventory: Inventory) -> Callable[[str], str]:
    """Masks the passwords of an inventory in a text, and accounts in URLs."""
    secrets = {host.connection.password for host in inventory.hosts.values() if host.connection.password}
    return lambda text: without_accounts(redact(text, secrets))


def transport_for(inventory: Inventory) -> Transport:
    """The transports that the inventory names; a fallback is announced on stderr."""
    from runner.transport.choice import ChosenTransport

    hide = hider(inventory)
    return ChosenTransport(lambda text: tell(f"warning: {hide(text)}"))


def password(ask: bool) -> Secret | None:
    """The connection password: asked for without echo, or from the environment. Never an option: `ps` shows those."""
    if ask:
        return Secret(click.prompt("Connection password", hide_input=True, err=True))
    text = os.environ.get(PASSWORD_VARIABLE)
    return Secret(text) if text else None


def read_job(playbook: Path, hosts: Hosts, tags: tuple[str, ...], skip_tags: tuple[str, ...], verbosity: int) -> Job:
    """Everything that a check needs, from the files. Errors: InputError with every Problem of all files."""
    from runner.modules.loader import load_modules
    from runner.parse.contents import FilesHere
    from runner.parse.playbook import parse_playbook
    from runner.template import Templates

    problems: list[Problem] = []
    modules, templates = load_modules(), Templates()
    parsed = _collect(problems, lambda: parse_playbook(playbook, modules, templates))
    inventory = _collect(problems, lambda: read_inventory(hosts, playbook))
    if parsed is None or inventory is None:
        raise InputError(*problems)
    remembered = remember(hosts.journal)
    return Job(
        playbook=parsed,
        inventory=inventory,
        modules=modules,
        transport=transport_for(inventory),
        limit=hosts.limit,
        extra=inventory.extra,
        tags=_words(tags),
        skip_tags=_words(skip_tags),
        forks=hosts.forks,
        verbosity=verbosity,
        hide=hider(inventory),
        templates=templates,
        contents=FilesHere(playbook.resolve().parent),
        attestations=remembered.attestations,
        durations=remembered.durations,
    )


@dataclass(frozen=True, slots=True)
class Remembered:
    """What earlier runs tell: what people have confirmed, by host and id; seconds of a change, by module."""

    attestations: Mapping[str, Mapping[str, Attestation]] = field(default_factory=dict)
    durations: Mapping[str, float] = field(default_factory=dict)


def remember(journal: Path | None) -> Remembered:
    """What the journal tells a plan. Errors: JournalError."""
    return asked(
        journal, lambda recorded: Remembered(recorded.attestations(), recorded.durations()), nothing=Remembered()
    )


Answer = TypeVar("Answer")


def asked(journal: Path | None, question: Callable[[Journal], Answer], nothing: Answer) -> Answer:
    """What the journal answers; `nothing` where there is none yet. Errors: JournalError."""
    from runner.cli.files import journal_path, usable
    from runner.record.journal import Journal

    path = journal or journal_path()
    with usable(path):
        if not path.exists():  # opening it would make it
            return nothing
    with Journal(path) as recorded:
        return question(recorded)


Parsed = TypeVar("Parsed")


def _collect(problems: list[Problem], parse: Callable[[], Parsed]) -> Parsed | None:
    try:
        return parse()
    except InputError as error:
        problems += error.problems
        return None


def _words(values: tuple[str, ...]) -> frozenset[str]:
    return frozenset(part.strip() for value in values for part in value.split(",") if part.strip())
