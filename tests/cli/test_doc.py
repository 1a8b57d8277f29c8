"""`ce-runner doc`: what it says of arguments that are not simply names with types."""

from __future__ import annotations

import pytest

from tests.product import ce_runner


def shown(module: str) -> str:
    answer = ce_runner("doc", module)
    assert answer.code == 0
    return answer.out


def test_a_free_form_shows_how_it_is_written() -> None:
    marks = "flush_handlers | reset_connection; required; may stand alone, as meta: ACTION"
    assert f"  action  ({marks})\n" in shown("meta")
    assert ce_runner("doc", "meta", "--json").document["free_form"] == "action"


def test_any_name_may_be_an_argument_of_set_fact() -> None:
    assert "Arguments\n  any name  (any value)\n      Every argument is a variable with its value.\n" in shown(
        "set_fact"
    )
    document = ce_runner("doc", "set_fact", "--json").document
    assert (document["arguments"], bool(document["other_names"])) == ({}, True)


def test_a_module_without_arguments_says_so() -> None:
    assert "Arguments\n  none\n" in shown("setup")


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("attestation", ["id", "instructions", "evidence", "owner", "expires_days"]),
        ("hold", ["msg", "owner", "blocks"]),
        ("fail", ["msg"]),
        ("pause", ["seconds", "minutes"]),
    ],
)
def test_the_arguments_of_what_steers_and_holds(module: str, arguments: list[str]) -> None:
    document = ce_runner("doc", module, "--json").document
    assert list(document["arguments"]) == arguments
    text = shown(module)
    assert all(f"  {name}  (" in text and document["arguments"][name]["description"] in text for name in arguments)


def test_types_and_defaults_are_those_of_a_playbook() -> None:
    assert "  that  (list of expression; required)\n" in shown("assert")
    assert "  expect  (mapping; required)\n" in shown("cmdlet")
    assert "  blocks  (boolean; default false)\n" in shown("hold")
    assert "  evidence  (string)\n" in shown("attestation")
    assert "  status_code  (list of integer; default [200])\n" in shown("win_uri")
