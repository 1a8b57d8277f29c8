"""A run with everything that evidence tells. The values are invented, some of them to do harm."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from runner.model.attestation import Attestation
from runner.model.codec import dump
from runner.model.document import dump_run
from runner.model.outcome import ActionOutcome, Drift, FactDrift, HostOutcome, HostResult, Result, RunOutcome
from runner.model.plan import Heading, HostPlan, Step, Verdict
from runner.model.state import Desired, Difference, OtherThan, State
from runner.model.task import Deferred
from tests.report.fleet import GONE, change, dword, header, plan

HARM = "<script>alert('\x1b[31m')</script>&\u202e"
FORMULA = "=HYPERLINK(A1)"
READ, DONE = "2026-11-26T13:00:05+00:00", "2026-11-26T13:00:07+00:00"
KEY = Heading("registry", "HKLM\\SOFTWARE\\設定", "SchUseStrongCrypto")
SERVICE = Heading("service", "MaaS360 Cloud Extender")


def tagged(step: Step, *tags: str) -> Step:
    return replace(step, header=replace(step.header, tags=tags))


def step(number: int, module: str, verdict: Verdict, message: str = "", **more: Any) -> Step:
    return Step(header(number, f"task {number}", module), verdict, more.pop("arguments", {}), message=message, **more)


CRYPTO = tagged(change(header(1, "Strong", "win_regedit"), KEY, GONE, Desired(True, dword(1).properties)), "S0-16", "x")
RESTART = change(
    header(1, "Restart", "win_service", "handlers"), SERVICE, State(True, {"process_id": 4}),
    Desired(True, {"process_id": OtherThan(4)}), "a restart cannot be taken back", ("Strong",),
)  # fmt: skip
FINE = tagged(
    Step(
        header(2, "It runs", "win_service"), Verdict.COMPLIANT, {}, "s", SERVICE, State(True, {"state": "started"})
    ),
    "S0-17", "S0-18",
)  # fmt: skip
ATTESTED = step(3, "attestation", Verdict.TOLD, "S0-12 confirmed by 佐藤", arguments={"id": "S0-12"})
HELD = tagged(step(4, "winrm_client", Verdict.HELD, f"Basic is off {HARM}", owner="Group Policy"), "S0-08")
PROBE = replace(step(5, "win_uri", Verdict.DEFERRED), deferred=Deferred(("Strong",), ("key is changed",)))
LATE = replace(step(6, "win_reboot", Verdict.DEFERRED), deferred=Deferred((), ("probe is failed",)))
GATE = tagged(
    step(7, "assert", Verdict.TOLD, arguments={"that": [{"text": "ansible_dotnet_release >= 394802", "value": True}]}),
    "S0-16",
)
GATE = replace(GATE, header=replace(GATE.header, facts=("ansible_dotnet_release",)))
SILENT = (
    step(8, "setup", Verdict.COMPLIANT),
    step(9, "meta", Verdict.CONTROL),
    step(10, "set_fact", Verdict.TOLD),
    step(11, "win_service", Verdict.IDLE, heading=SERVICE),
)
LOOPED = tagged(
    step(12, "attestation", Verdict.HELD, "look", arguments={"id": "S0-13"}, owner="both"), "S0-13", "S0-19"
)
LOOPED = replace(LOOPED, header=replace(LOOPED.header, item="{'id': 'S0-13', 'instructions': 'look at it closely'}"))
LATER = replace(
    step(14, "win_regedit", Verdict.DEFERRED, heading=KEY), deferred=Deferred(("Strong",)),
)  # fmt: skip
DECIDED = change(LATER.header, KEY, dword(3), Desired(True, dword(4).properties), "the old one is lost").action
SKIPPED = step(13, "win_reboot", Verdict.SKIPPED, "reboot_allowed")
STEPS = (GATE, CRYPTO, FINE, ATTESTED, HELD, PROBE, LATE, LOOPED, SKIPPED, LATER, *SILENT, RESTART)
FACTS = {"ansible_dotnet_release": 528049}
NAMES = ("東京-ce-01", FORMULA, HARM, "unreachable")
HOSTS = tuple(HostPlan(name, 1, STEPS, FACTS, target="10.0.0.1:5986/wsman", title="Server 2022") for name in NAMES)


def action(one: Step, result: Result, **more: Any) -> ActionOutcome:
    return ActionOutcome(str(one.header.id), result, ended=DONE, **more)


ACTIONS = (
    action(CRYPTO, Result.APPLIED, now=dword(1)),
    action(PROBE, Result.NOTHING_TO_DO, now=State(True, {"status": 200})),
    action(LATE, Result.HELD, message="the owner must act first", owner="the owner"),
    action(LATER, Result.APPLIED, now=dword(4), action=DECIDED),
    action(RESTART, Result.APPLIED, now=State(True, {"process_id": 9})),
)
LOST = action(CRYPTO, Result.NOT_CONVERGED, now=dword(0), differences=(Difference("data", 0, 1),), message=HARM)
DRIFT = Drift(str(CRYPTO.header.id), GONE, dword(5), dword(1), (Difference(None, False, True),))
FACT = FactDrift("ansible_domain", "corp.example", None, HARM)
OUTCOME = RunOutcome(
    "run-1",
    (
        HostOutcome(NAMES[0], 1, HostResult.HELD, ACTIONS, read=READ),
        HostOutcome(NAMES[1], 1, HostResult.NOT_CONVERGED, (LOST,), advice="look there", read=READ),
        HostOutcome(NAMES[2], 1, HostResult.REFUSED, (), (DRIFT,), (FACT,), read=READ),
        HostOutcome(NAMES[3], 1, HostResult.UNREACHABLE, message="no answer"),
    ),
    seconds=2.0,
    started="2026-11-26T13:00:00+00:00",
    ended=DONE,
    operator="管理者@controller",
    attestations=(
        Attestation(
            NAMES[0],
            "S0-12",
            FORMULA,
            datetime(2026, 11, 1, 9, tzinfo=UTC),
            HARM,
            datetime(2027, 1, 1, tzinfo=UTC),
            "kiyohime@tok-admin-01",
        ),
    ),
)
PLAN = plan(*HOSTS)
# after the run had started: what it held (S0-13), and once more what it knew (S0-12)
CONFIRMED_LATER = tuple(
    dump(
        Attestation(
            NAMES[0],
            name,
            "佐藤",
            datetime(2026, 11, 26, 15, 30, tzinfo=UTC),
            "ticket 4712",
            datetime(2027, 11, 26, 15, 30, tzinfo=UTC),
            "kiyohime@tok-admin-01",
        ),
        Attestation,
    )
    for name in ("S0-12", "S0-13")
)


def document() -> dict[str, Any]:
    return dump_run(OUTCOME, PLAN)
