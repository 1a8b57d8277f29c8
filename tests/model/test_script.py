"""A script of the user's as data: told from a command everywhere, and shown to people by its digest only."""

from __future__ import annotations

import hashlib

import pytest

from runner.model.codec import dump, load
from runner.model.command import Command, Script, Statement, command
from runner.model.jsonvalue import Damaged

TEXT = "param($A)\nGet-Date\n"


def test_a_document_keeps_what_is_a_script() -> None:
    statement: Statement = (Script(TEXT, (("A", 1),)), command("Out-Null"))
    data = dump(statement, Statement)
    assert data == [{"script": TEXT, "parameters": {"A": 1}}, {"command": "Out-Null"}]
    assert load(data, Statement, "document") == statement
    assert [type(one) for one in load(data, Statement, "document")] == [Script, Command]


def test_a_script_and_a_command_of_one_text_are_two_things() -> None:
    assert Script("Get-Date") != Command("Get-Date")


def test_a_document_with_both_is_damaged() -> None:
    with pytest.raises(Damaged, match="unknown field 'command'"):
        load([{"script": "1", "command": "x"}], Statement, "document")


def test_its_summary() -> None:
    digest = hashlib.sha256(TEXT.encode()).hexdigest()[:16]
    assert Script(TEXT).summary == f"script by the user, 2 lines, sha256 {digest}"
    assert "1 line," in Script("'\ud800'").summary
