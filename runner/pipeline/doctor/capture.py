"""A capture: the shapes of all that a host answers to our reads, and where the lab would answer otherwise.

This is how a user with a real host tells us what the lab has wrong (README, "What has met real Windows").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runner import __version__
from runner.lab.spec import MachineSpec
from runner.model.codec import dump
from runner.model.command import Reply
from runner.model.errors import HostError
from runner.model.inventory import Host
from runner.modules.base import Facts, Module
from runner.pipeline.doctor.reads import Asked, NotSent, ask_everything
from runner.pipeline.doctor.redaction import Redactor
from runner.pipeline.doctor.shapes import Difference, ReplyShape, differences, shape_of
from runner.pipeline.doctor.twin import NoTwin, refusals, serving, twin_of
from runner.transport.base import Session
from runner.transport.text import render

CAPTURE = "ce-runner capture"
_FORMAT = 1
_TIMEOUT = 120.0  # seconds for one pipeline of the lab


@dataclass(frozen=True, slots=True)
class Entry:
    """A statement, the shape of the host's reply, and how the lab's differs or why it was not compared."""

    module: str
    statement: str
    reply: ReplyShape
    differences: tuple[Difference, ...] = ()
    not_compared: str = ""


def captured(host: Host, session: Session, facts: Facts, modules: Mapping[str, Module[Any]]) -> dict[str, Any]:
    """The document of a capture. Nothing is changed on the host, and nothing in it names one.

    Errors: HostError, when the host gives us no new process: what a process was asked before shows in its answers.
    """
    session.renew()
    answers = list(ask_everything(modules, session))
    asked = [one for one in answers if isinstance(one, Asked)]
    twin = twin_of(host, facts)
    return _document(
        Redactor.of(host, facts.values),
        _apart(asked, twin.reason) if isinstance(twin, NoTwin) else _beside(asked, twin),
        [one for one in answers if isinstance(one, NotSent)],
        windows=facts.values.get("ansible_distribution_version"),
        powershell=session.powershell,
        lab=None if isinstance(twin, NoTwin) else twin.os,
    )


def _apart(asked: Sequence[Asked], reason: str) -> list[Entry]:
    return [
        Entry(one.module, render(shown), shape_of(reply), not_compared=reason)
        for one in asked
        for shown, reply in zip(one.shown, one.replies, strict=True)
    ]


def _beside(asked: Sequence[Asked], twin: MachineSpec) -> list[Entry]:
    """The answers beside those of the lab, which is served on loopback and asked the same in the same order."""
    try:
        with serving(twin) as lab:
            return [entry for one in asked for entry in _compared(one, lab.read(one.statements, _TIMEOUT))]
    except (OSError, HostError) as error:
        return _apart(asked, f"the lab cannot be asked here: {error}")


def _compared(one: Asked, of_lab: Sequence[Reply]) -> Iterator[Entry]:
    for shown, reply, other in zip(one.shown, one.replies, of_lab, strict=True):
        shape, refused = shape_of(reply), refusals(other)
        yield Entry(
            one.module,
            render(shown),
            shape,
            differences=() if refused else differences(shape, shape_of(other)),
            not_compared=refused[0] if refused else "",
        )


def _document(
    redactor: Redactor, entries: Sequence[Entry], not_sent: Sequence[NotSent], **head: object
) -> dict[str, Any]:
    compared = [entry for entry in entries if not entry.not_compared]
    return {
        "kind": CAPTURE,
        "format": _FORMAT,
        "tool": __version__,
        **head,
        "compared": len(compared),
        "statements": [_redacted(dump(entry, Entry), redactor) for entry in entries],
        "not_sent": [_redacted(dump(one, NotSent), redactor) for one in not_sent],
    }


def _redacted(data: Any, redactor: Redactor) -> Any:
    """The data with every text in it redacted, but for the names of fields, which are ours."""
    if isinstance(data, str):
        return redactor.text(data)
    if isinstance(data, list):
        return [_redacted(item, redactor) for item in data]
    if isinstance(data, dict):
        return {name: _field(name, item, redactor) for name, item in data.items()}
    return data


def _field(name: str, data: Any, redactor: Redactor) -> Any:
    """Of a member's shape, `words` are those that have a type of their own."""
    return [redactor.word(word) for word in data] if name == "words" else _redacted(data, redactor)
