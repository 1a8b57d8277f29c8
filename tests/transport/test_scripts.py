"""A script of the user's on its way: marked as one, in a scope of its own; never part of a WinRS process's script."""

from __future__ import annotations

import psrpcore.types as ps
import pytest

from runner.model.command import Command, Script, Statement, command
from runner.transport.batch import batch_of
from runner.transport.invocation import Unsendable, command_line
from runner.transport.message import fingerprint, serialise
from runner.transport.text import render

TEXT = "param($A)\nexit 3 # 'quoted'"


def body(statement: Statement) -> str:
    return serialise([statement], ps.PSCryptoProvider()).decode()


def test_it_is_marked_and_leaves_nothing_in_the_session() -> None:
    sent = body((Script(TEXT, (("A", "x"),)),))
    assert '<B N="IsScript">true</B><B N="UseLocalScope">true</B>' in sent
    assert '<B N="IsScript">false</B><Nil N="UseLocalScope" />' in body((command("Get-Date"),))


def test_two_bodies_of_one_text_are_not_mixed_up() -> None:
    assert fingerprint([(Script("Get-Date"),)]) != fingerprint([(Command("Get-Date"),)])


def test_people_are_shown_what_it_is_and_not_its_text() -> None:
    shown = render((Script(TEXT, (("A", "it's"),)), command("Out-Null")))
    assert shown == f"<{Script(TEXT).summary}> -A:'it''s' | Out-Null"
    assert "quoted" not in shown


def test_winrs_refuses_it() -> None:
    batch = batch_of([(Script(TEXT),)], "mark")
    with pytest.raises(Unsendable, match="a script of the user's"):
        command_line(batch.pipeline(), "mark")
