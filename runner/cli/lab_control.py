"""`ce-runner lab show | break | set`: look at a machine of a running lab, break it, change it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click
from pydantic import ValidationError

from runner.cli.options import json_option
from runner.lab.faults import What, When, impossible
from runner.lab.registry_spec import KindWord
from runner.lab.spec import ServiceSpec
from runner.model.errors import InputError, Problem

if TYPE_CHECKING:
    from runner.lab.orders import Order

directory_option = click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".lab"),
    show_default=True,
    help="The directory of the running lab.",
)
KINDS = get_args(KindWord)
_ABSENT = "absent"
_LAST_CHANGES = 20


@click.command()
@click.argument("host")
@click.option("--all", "everything", is_flag=True, help=f"All changes, not only the last {_LAST_CHANGES}.")
@directory_option
@json_option
def show(host: str, everything: bool, directory: Path, as_json: bool) -> None:
    """Print a machine of a running lab: what it is, what was changed and by whom, faults to come, traffic."""
    from runner.cli.output import print_json
    from runner.lab.orders import Show

    found = _ordered(directory, Show(host=host))
    if as_json:
        print_json(found)
    else:
        click.echo("\n".join(_screen(found, None if everything else _LAST_CHANGES)))


@click.command()
@json_option
def faults(as_json: bool) -> None:
    """List the faults that a host can show, and when."""
    from runner.cli.output import print_json

    moments = {what: [when for when in When if not impossible(when, what)] for what in What}
    if as_json:
        listed = {
            str(what): {"meaning": what.meaning, "when": list(map(str, whens))} for what, whens in moments.items()
        }
        print_json({"kind": "ce-runner faults", "when": {str(when): when.meaning for when in When}, "what": listed})
        return
    click.echo("WHEN")
    click.echo("\n".join(f"  {when:8} {when.meaning}" for when in When))
    click.echo("WHAT")
    for what, whens in moments.items():
        click.echo(f"  {what:16} {what.meaning}\n{'':19}at {', '.join(whens)}")


@click.command(name="break")
@click.argument("host")
@click.argument("fault", metavar="WHEN:WHAT[:TIMES[:SKIP]]|none")
@directory_option
def break_host(host: str, fault: str, directory: Path) -> None:
    """Give a host of a running lab one more fault; `none` takes all of them away.

    WHEN and WHAT are listed by `ce-runner lab faults`. TIMES is how often it happens (1; or `always`), SKIP how many
    such moments pass before it. For example, to lose the connection in the middle of the second change:

    \b
      ce-runner lab break tok-ce-01 write:drop_during:1:1
    """
    from runner.lab.orders import Break

    _ordered(directory, Break(host=host, fault=None if fault == "none" else fault))


@click.group(name="set")
@click.argument("host")
@directory_option
@click.pass_context
def set_host(context: click.Context, host: str, directory: Path) -> None:
    """Change a host of a running lab, as somebody else would: behind the runner's back.

    \b
    ce-runner lab set tok-ce-01 registry 'HKLM\\SOFTWARE\\X' Name dword 1
    ce-runner lab set tok-ce-01 service Spooler status=stopped start_mode=disabled
    ce-runner lab set tok-ce-01 clock +3600
    """
    context.obj = (directory, host)


@set_host.command(context_settings={"ignore_unknown_options": True})  # -1 is a number
@click.argument("key")
@click.argument("name")
@click.argument("kind", metavar="TYPE", type=click.Choice((*KINDS, _ABSENT)))
@click.argument("data", nargs=-1)
@click.pass_obj
def registry(lab: tuple[Path, str], key: str, name: str, kind: str, data: tuple[str, ...]) -> None:
    r"""Set a registry value, or remove it (TYPE absent).

    DATA: numbers decimal or as 0x1F, `binary` as hexadecimal text, `multi_sz` any number of texts. The unnamed value
    is called (default).
    """
    from runner.lab.orders import SetRegistry

    if kind == _ABSENT and data:
        raise click.UsageError("a value that is to be absent has no data")
    value = None if kind == _ABSENT else {kind: _data(kind, data)}
    _ordered(lab[0], _checked(SetRegistry, host=lab[1], key=key, name=name, value=value))


@set_host.command()
@click.argument("key")
@click.argument("denial", metavar="read|write|nothing", type=click.Choice(("read", "write", "nothing")))
@click.pass_obj
def deny(lab: tuple[Path, str], key: str, denial: str) -> None:
    """Refuse the account to read (and write), or to write, a registry key and what is below it."""
    from runner.lab.orders import SetAccess

    given = None if denial == "nothing" else denial
    _ordered(lab[0], _checked(SetAccess, host=lab[1], key=key, denial=given))


@set_host.command()
@click.argument("name")
@click.argument("settings", metavar="SETTING=VALUE...", nargs=-1, required=True)
@click.pass_obj
def service(lab: tuple[Path, str], name: str, settings: tuple[str, ...]) -> None:
    from runner.lab.orders import SetService

    pairs = dict(setting.partition("=")[::2] for setting in settings)
    lists = (
        {"depends_on": [part for part in pairs.pop("depends_on").split(",") if part]} if "depends_on" in pairs else {}
    )
    _ordered(lab[0], _checked(SetService, host=lab[1], name=name, service={**pairs, **lists}))


service.help = (
    "Change a service, or make a new one. The settings are those of a scenario: "
    f"{', '.join(ServiceSpec.model_fields)}. depends_on takes names with commas between them."
)


@set_host.command(context_settings={"ignore_unknown_options": True})
@click.argument("to", metavar="+SECONDS|-SECONDS|TIME")
@click.pass_obj
def clock(lab: tuple[Path, str], to: str) -> None:
    """Put the machine's clock forward, back, or to a time (ISO 8601; UTC unless it says otherwise)."""
    from runner.lab.orders import SetClock

    try:
        moment = _finite(float(to)) if to[:1] in "+-" else datetime.fromisoformat(to)
    except ValueError:
        raise click.UsageError(f"{to} is neither +SECONDS nor -SECONDS nor a time such as 2026-01-15T09:00") from None
    _ordered(lab[0], SetClock(host=lab[1], to=moment))


@set_host.command()
@click.argument("state", metavar="full|free", type=click.Choice(("full", "free")))
@click.pass_obj
def disk(lab: tuple[Path, str], state: str) -> None:
    """Fill the disk, or free it. While it is full, a command that writes a file is refused by the lab's name."""
    from runner.lab.orders import SetDisk

    _ordered(lab[0], SetDisk(host=lab[1], full=state == "full"))


@set_host.command()
@click.pass_obj
def reboot(lab: tuple[Path, str]) -> None:
    """Restart Windows: connections and shells end, and the host answers again after its boot."""
    from runner.lab.orders import Reboot

    _ordered(lab[0], Reboot(host=lab[1]))


@set_host.command()
@click.pass_obj
def gpupdate(lab: tuple[Path, str]) -> None:
    """Put back every registry value that a Group Policy of this host owns."""
    from runner.lab.orders import RefreshPolicy

    _ordered(lab[0], RefreshPolicy(host=lab[1]))


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError(number)
    return number


def _data(kind: str, data: tuple[str, ...]) -> object:
    if kind == "multi_sz":
        return list(data)
    if len(data) > 1:
        raise click.UsageError(f"{kind} takes one piece of data; quote it if it has spaces")
    text = data[0] if data else ""
    if kind not in ("dword", "qword"):
        return text
    try:
        return int(text, 0)
    except ValueError:
        raise click.UsageError(f"{kind} takes a number, not {text!r}") from None


def _checked(order: type[Any], **fields: object) -> Order:
    from runner.lab.orders import complaints

    try:
        checked: Order = order.model_validate(fields)
    except ValidationError as error:
        raise InputError(*(Problem(complaint) for complaint in complaints(error))) from None
    return checked


def _ordered(directory: Path, order: Order) -> dict[str, Any]:
    from runner.lab.control import ControlError, give_order

    try:
        return give_order(directory, order)
    except ControlError as error:
        raise InputError(Problem(str(error))) from error


def _screen(found: dict[str, Any], last: int | None) -> Iterator[str]:
    yield f"{found['host']}  {found['os']}  {found['version']}  PowerShell {found['powershell']}  {found['culture']}"
    yield f"  now {found['now'][:19]}   booted {found['booted'][:19]} UTC"
    traffic = found["traffic"]
    yield (
        f"  {traffic['requests']} requests, {traffic['received']} bytes received, {traffic['sent']} sent, "
        f"{traffic['open_shells']} shells open"
    )
    if found["faults_shown"]:
        yield f"  {found['faults_shown']} faults shown"
    yield from (f"  fault to come: {fault}" for fault in found["faults"])
    for service in found["services"]:
        yield f"  service {service['name']}: {service['now']}" + (
            f" (fresh: {service['fresh']})" * bool(service["fresh"])
        )
    changes = found["changes"]
    shown = changes if last is None else changes[-last:]
    yield f"  {len(changes)} changes" + (f", the last {len(shown)}:" if len(shown) < len(changes) else ":")
    for change in shown:
        sides = f"{_side(change['before'])} -> {_side(change['after'])}"
        yield f"    {change['time'][:19]}  {change['what']}  {sides}  by {change['by'] or 'time'}"


def _side(value: str | None) -> str:
    return "absent" if value is None else value
