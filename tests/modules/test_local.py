"""Modules that are evaluated from what is known, and those that steer a run."""

from __future__ import annotations

import string
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.model.attestation import Attestation, Context
from runner.model.errors import InputError
from runner.model.secret import Secret
from runner.model.source import MapNode, Origin
from runner.model.state import Held
from runner.modules.arguments import dump, load, validate
from runner.modules.attestation import LONGEST_DAYS
from runner.modules.base import ControlModule, LocalModule, Said, Steer, Steering
from runner.modules.loader import load_modules

MODULES = load_modules()
NOWHERE = MapNode((), Origin("playbook.yml", 1, 1))
NOW = datetime(2026, 11, 26, 22, 0, tzinfo=UTC)
CONTEXT = Context("ce-01", NOW)


def say(module: str, context: Context = CONTEXT, **data: Any) -> Said:
    local = MODULES[module]
    assert isinstance(local, LocalModule)
    return local.evaluate(validate(local, data, NOWHERE), context)


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


def test_fail_says_why() -> None:
    assert say("fail", msg="今夜は中止") == Said("今夜は中止", failed=True)
    assert say("fail") == Said("Failed as requested from task", failed=True)


@pytest.mark.parametrize("blocks", [False, True])
def test_hold_names_who_must_act(blocks: bool) -> None:
    said = say("hold", msg="Windows waits", owner="Windows team", blocks=blocks)
    assert said == Said("", held=Held("Windows waits", "Windows team", blocks))


def test_set_fact_sets_what_it_is_given() -> None:
    said = say("set_fact", pin="3.1.0", count=3, none=None, hosts=["a"])
    assert said.variables == {"pin": "3.1.0", "count": 3, "none": None, "hosts": ["a"]}
    assert (said.message, said.verbosity) == ('pin = 3.1.0, count = 3, none = null, hosts = ["a"]', 1)


def test_set_fact_does_not_show_a_secret() -> None:
    said = say("set_fact", password=Secret("canary"), all={"inner": Secret("canary")})
    assert said.message == 'all = {"inner": "********"}'
    assert said.variables["password"] == Secret("canary")


NAMES = st.text(string.ascii_letters + "_", min_size=1).filter(lambda name: name != "cacheable")
LIKE_OURS = st.sampled_from(["aliases", "any_names", "unsupported", "copy", "json", "model_config", "self", "name"])
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(NAMES | LIKE_OURS, VALUES, max_size=5))
def test_any_variable_comes_back_from_a_plan_document(variables: dict[str, Any]) -> None:
    module = MODULES["set_fact"]
    assert isinstance(module, LocalModule)
    written = dump(validate(module, variables, NOWHERE))
    assert written == variables
    assert module.evaluate(load(module, written), CONTEXT).variables == variables


def attested(at: datetime = NOW, **given: Any) -> Context:
    return Context("ce-01", NOW, {"S0-12": Attestation("ce-01", "S0-12", "佐藤", at, **given)})


STEP: dict[str, Any] = {"id": "S0-12", "instructions": "「すべてのアカウントの検証」を押す", "owner": "CE operator"}
REQUEST = "「すべてのアカウントの検証」を押す; then: ce-runner attest ce-01 S0-12"


def test_a_step_that_nobody_confirmed_holds_the_host_and_says_how() -> None:
    assert say("attestation", **STEP) == Said("", held=Held(REQUEST, "CE operator"))
    asked = "「すべてのアカウントの検証」を押す (evidence: 画面); then: ce-runner attest ce-01 S0-12 --evidence TEXT"
    assert say("attestation", **STEP, evidence="画面") == Said("", held=Held(asked, "CE operator"))


def test_the_confirmation_of_another_step_does_not_count() -> None:
    assert say("attestation", attested(), **{**STEP, "id": "S0-13"}).held is not None


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        ("変更票 4711", "S0-12 confirmed by 佐藤 on 2026-11-26: 変更票 4711"),
        ("", "S0-12 confirmed by 佐藤 on 2026-11-26"),
    ],
)
def test_a_confirmed_step_says_by_whom(evidence: str, said: str) -> None:
    assert say("attestation", attested(evidence=evidence), **STEP) == Said(said, verbosity=1)


@pytest.mark.parametrize("evidence", ["", "  "])
def test_a_confirmation_without_the_evidence_that_is_asked_for_does_not_count(evidence: str) -> None:
    held = say("attestation", attested(evidence=evidence), **STEP, evidence="画面").held
    assert held is not None
    assert held.reason.startswith("confirmed by 佐藤 without the evidence that is asked for; ")
    assert held.reason.endswith("(evidence: 画面); then: ce-runner attest ce-01 S0-12 --evidence TEXT")
    assert say("attestation", attested(evidence="変更票 4711"), **STEP, evidence="画面").held is None


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("at", "expires", "days", "until"),
    [
        (NOW - 400 * DAY, None, 0, ""),  # for good
        (NOW - 29 * DAY, None, 30, ""),
        (NOW - 30 * DAY, None, 30, "2026-11-26"),  # at the moment itself it has ended
        (NOW - 31 * DAY, None, 30, "2026-11-25"),
        (NOW - 2 * DAY, NOW - DAY, 30, "2026-11-25"),  # the person said less than the playbook
        (NOW - 2 * DAY, NOW - DAY, 0, "2026-11-25"),
        (NOW - 40 * DAY, NOW + DAY, 30, "2026-11-16"),  # and cannot say more
        (NOW - 2 * DAY, NOW + DAY, 30, ""),
    ],
)
def test_a_confirmation_ends_as_the_playbook_or_the_person_says_whichever_is_first(
    at: datetime, expires: datetime | None, days: int, until: str
) -> None:
    said = say("attestation", attested(at, expires=expires), **STEP, expires_days=days)
    if until:
        assert said.held == Held(f"confirmed until {until} only; {REQUEST}", "CE operator")
    else:
        assert said == Said(f"S0-12 confirmed by 佐藤 on {at:%Y-%m-%d}", verbosity=1)


@pytest.mark.parametrize("days", [-1, LONGEST_DAYS + 1, 10**9])
def test_a_confirmation_does_not_outlast_the_calendar(days: int) -> None:
    with pytest.raises(InputError, match="expires_days"):
        say("attestation", attested(), **STEP, expires_days=days)
    assert say("attestation", attested(), **STEP, expires_days=LONGEST_DAYS).held is None


def steer(module: str, **data: Any) -> Steer:
    control = MODULES[module]
    assert isinstance(control, ControlModule)
    return control.steer(validate(control, data, NOWHERE))


@pytest.mark.parametrize(
    ("data", "seconds"), [({}, 0), ({"seconds": 1.5}, 1.5), ({"minutes": 2}, 120), ({"minutes": 1, "seconds": 5}, 65)]
)
def test_pause(data: dict[str, Any], seconds: float) -> None:
    assert steer("pause", **data) == Steer(Steering.PAUSE, seconds)


@pytest.mark.parametrize("action", ["flush_handlers", "reset_connection"])
def test_meta(action: str) -> None:
    assert steer("meta", action=action) == Steer(Steering(action))
