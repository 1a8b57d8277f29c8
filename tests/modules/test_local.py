"""debug and assert."""

from __future__ import annotations

from typing import Any

import pytest

from runner.model.errors import InputError
from runner.model.secret import Secret
from runner.model.source import MapNode, Origin
from runner.modules.arguments import validate
from runner.modules.base import LocalModule, Said
from runner.modules.loader import load_modules

MODULES = load_modules()
NOWHERE = MapNode((), Origin("playbook.yml", 1, 1))


def say(module: str, **data: Any) -> Said:
    local = MODULES[module]
    assert isinstance(local, LocalModule)
    return local.evaluate(validate(local, data, NOWHERE))


def expression(text: str, value: object) -> dict[str, object]:
    return {"text": text, "value": value}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "Hello world!"),
        ({"msg": "日本"}, "日本"),
        ({"msg": ["a", 1]}, '["a", 1]'),
        ({"var": [expression("x.y", {"a": "ü"})]}, 'x.y: {"a": "ü"}'),
        ({"msg": {"password": Secret("canary")}}, '{"password": "********"}'),
    ],
)
def test_debug(data: dict[str, Any], message: str) -> None:
    assert say("debug", **data) == Said(message)


def test_debug_keeps_its_verbosity() -> None:
    assert say("debug", msg="m", verbosity=2) == Said("m", verbosity=2)


def test_debug_takes_one_of_msg_and_var() -> None:
    with pytest.raises(InputError, match="1:1: msg and var exclude each other"):
        say("debug", msg="m", var=[expression("x", 1)])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"that": [expression("a", True), expression("b", True)]}, Said("All assertions passed", verbosity=1)),
        ({"that": [expression("a", True)], "success_msg": "fine"}, Said("fine")),
        ({"that": [expression("a", True)], "quiet": True}, Said("")),
        ({"that": [expression("a", True), expression("b", False)]}, Said("assertion is false: b", failed=True)),
        ({"that": [expression("b", False)], "msg": "wrong"}, Said("wrong", failed=True)),
        (
            {"that": [expression("name", "yes")]},
            Said('assertion is neither true nor false, but the text "yes": name', failed=True),
        ),
        (
            {"that": [expression("password", Secret("canary"))]},
            Said("assertion is neither true nor false, but a secret: password", failed=True),
        ),
    ],
)
def test_assert(data: dict[str, Any], said: Said) -> None:
    assert say("assert", **data) == said
