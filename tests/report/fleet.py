"""A plan and a run that show everything a screen can show. The values are invented."""

from __future__ import annotations

from runner.model.command import Statement, command
from runner.model.outcome import CHANGED, ActionOutcome, Drift, FactDrift, HostOutcome, HostResult, Result, RunOutcome
from runner.model.plan import Action, Heading, HostPlan, Plan, PlayPlan, Step, Verdict
from runner.model.source import Origin
from runner.model.state import Desired, Difference, OtherThan, State, differences, promised
from runner.model.task import Header, TaskId

KEY = r"HKLM\SOFTWARE\Wow6432Node\Microsoft\.NETFramework\v4.0.30319"
GONE = State(False, {"missing_keys": ("HKLM:\\SOFTWARE\\X",)})
DWORD = "dword"


def dword(data: int) -> State:
    return State(True, {"type": DWORD, "data": data})


def header(number: int, name: str, module: str, section: str = "tasks") -> Header:
    return Header(TaskId(1, section, number), name, module, Origin("site.yml", 10 * number, 7))


def change(
    head: Header,
    heading: Heading,
    before: State,
    desired: Desired,
    irreversible: str = "",
    because: tuple[str, ...] = (),
) -> Step:
    wrong = differences(before, desired)
    undo: tuple[Statement, ...] | None = None if irreversible else ()
    write = ((command("Set-It", Name=heading.name, Value=len(wrong)),),)
    action = Action(before, desired, promised(before, desired), wrong, write, undo, irreversible, because)
    return Step(head, Verdict.CHANGE, {}, heading.name, heading, before, action)


def registry(number: int, name: str, before: State, data: int) -> Step:
    heading = Heading("registry", KEY, name)
    return change(
        header(number, f"{name} is set", "win_regedit"), heading, before, Desired(True, {"type": DWORD, "data": data})
    )


def compliant(number: int) -> Step:
    return Step(header(number, "fine", "win_regedit"), Verdict.COMPLIANT, {}, "k", Heading("registry", KEY), dword(1))


SERVICE = Heading("service", "MaaS360 Cloud Extender")
RESTART = Heading("restart", "MaaS360 Cloud Extender")
RUNNING = State(True, {"start_mode": "manual", "state": "stopped", "process_id": 0})
CHANGES = (
    registry(1, "SchUseStrongCrypto", GONE, 1),
    registry(2, "SystemDefaultTlsVersions", dword(0), 1),
    change(
        header(3, "The service runs", "win_service"),
        SERVICE,
        RUNNING,
        Desired(True, {"start_mode": "auto", "state": "running"}),
    ),
    change(
        header(4, "Nothing is left", "win_regedit"),
        Heading("registry", "HKLM\\SOFTWARE\\旧設定"),
        State(True),
        Desired(False),
        irreversible="the values of the key are lost",
    ),
    change(
        header(5, "The key is there", "win_regedit"), Heading("registry", "HKLM\\SOFTWARE\\設定"), GONE, Desired(True)
    ),
    change(
        header(6, "Banner", "win_banner"),
        Heading("banner", "logon"),
        State(True, {"text": "\x1b[31mred\u202e", "raw": b""}),
        Desired(True, {"text": "", "raw": b"\xbe\xef", "lines": ("a", "b"), "long": "長" * 500, "on": True}),
    ),
    change(
        header(1, "restart", "win_service", "handlers"),
        RESTART,
        State(True, {"process_id": 4}),
        Desired(True, {"process_id": OtherThan(4)}),
        "a restart cannot be taken back",
        tuple(f"{name} is set" for name in ("SchUseStrongCrypto", "SystemDefaultTlsVersions")),
    ),
)
TROUBLES = (
    compliant(1),
    Step(
        header(2, "Strong crypto", "win_regedit"),
        Verdict.UNREADABLE,
        {},
        "k",
        Heading("registry", KEY),
        message="access is denied",
    ),
    Step(
        header(3, "The service runs", "win_service"),
        Verdict.FAILED,
        {},
        "s",
        SERVICE,
        GONE,
        message="there is no such service",
    ),
    Step(header(4, "Enough memory", "assert"), Verdict.FAILED, {}, message="ansible_memtotal_mb >= 4096\nis false"),
    Step(header(5, "Say", "debug"), Verdict.TOLD, {}, message="first line\nsecond line"),
    Step(header(6, "Not here", "win_regedit"), Verdict.SKIPPED, {}, message="x"),
    registry(7, "SchUseStrongCrypto", dword(0), 1),
)


def host(name: str, title: str, steps: tuple[Step, ...]) -> HostPlan:
    return HostPlan(name, 1, steps, {}, title=title, levels=1, requests=11)


HOSTS = (
    host("tok-ce-01", "Server 2022", (compliant(1), compliant(2))),
    host("東京-ce-02", "Server 2016", CHANGES),
    host("tok-ce-03", "Server 2012 R2", TROUBLES),
    HostPlan(
        "tok-ce-06",
        1,
        (),
        {},
        error="401 from NTLM: the account or the password is refused",
        advice="look at ansible_user and ansible_password",
        exit_code=4,
    ),
)


def plan(*hosts: HostPlan) -> Plan:
    play = PlayPlan(1, "Cloud Extender", (tuple(one.host for one in hosts),), hosts)
    return Plan("0.1.0", "2026-11-26T13:00:00Z", "site.yml", {}, (play,), 1.94)


def outcome(name: str, result: HostResult, *actions: ActionOutcome, **more: object) -> HostOutcome:
    return HostOutcome(name, 1, result, actions, requests=13, **more)  # type: ignore[arg-type]


def did(step: Step, result: Result, message: str = "", now: State | None = None, *wrong: Difference) -> ActionOutcome:
    """What became of a step; a change that was made was read back."""
    now = now or (State(True) if result in CHANGED else None)
    return ActionOutcome(str(step.header.id), result, message, now, wrong)


CRYPTO, VERSIONS, SERVICE_STEP, RESTART_STEP = CHANGES[0], CHANGES[1], CHANGES[2], CHANGES[6]
SMALL = (CRYPTO, VERSIONS, SERVICE_STEP, RESTART_STEP)
RUN_HOSTS = tuple(
    host(name, "Server 2019", SMALL)
    for name in ("applied", "settled", "refused", "failed", "not-converged", "unknown", "unreachable", "left", "東京")
)
RUN = RunOutcome(
    "2026-11-26-1",
    (
        outcome("applied", HostResult.APPLIED, *(did(step, Result.APPLIED) for step in SMALL)),
        outcome(
            "settled",
            HostResult.APPLIED,
            did(CRYPTO, Result.SETTLED, "the answer was lost; read again, and as promised"),
            did(VERSIONS, Result.APPLIED),
            did(SERVICE_STEP, Result.APPLIED),
            did(RESTART_STEP, Result.NOT_TRIGGERED),
        ),
        outcome(
            "refused",
            HostResult.REFUSED,
            *(did(step, Result.NOT_STARTED) for step in SMALL),
            drifts=(
                Drift(str(VERSIONS.header.id), dword(0), dword(5), dword(1), (Difference("data", 0, 5),)),
                Drift(
                    str(SERVICE_STEP.header.id),
                    RUNNING,
                    State(True, {"start_mode": "disabled", "state": "stopped"}),
                    State(True, {"start_mode": "auto", "state": "running"}),
                    (Difference("start_mode", "manual", "disabled"),),
                ),
                Drift(str(CRYPTO.header.id), GONE, None, dword(1), (), "could not be read: access is denied"),
                Drift(
                    str(RESTART_STEP.header.id),
                    State(True, {"process_id": 4}),
                    State(False),
                    None,
                    (Difference(None, True, False),),
                ),
            ),
            fact_drifts=(
                FactDrift("ansible_domain", "corp.example", "other.example"),
                FactDrift("ansible_os", "x", None, "access is denied"),
            ),
            advice="it has changed since the plan was made: make a new plan",
        ),
        outcome(
            "failed",
            HostResult.FAILED,
            did(CRYPTO, Result.APPLIED),
            did(VERSIONS, Result.FAILED, "access is denied", dword(0), Difference("data", 0, 1)),
            did(SERVICE_STEP, Result.NOT_STARTED),
            did(RESTART_STEP, Result.NOT_STARTED, "it is due"),
            advice="remove the cause and apply again",
        ),
        outcome(
            "not-converged",
            HostResult.NOT_CONVERGED,
            did(
                SERVICE_STEP,
                Result.NOT_CONVERGED,
                "",
                RUNNING,
                Difference("start_mode", "manual", "auto"),
                Difference("state", "stopped", "running"),
            ),
        ),
        outcome("unknown", HostResult.UNKNOWN, did(SERVICE_STEP, Result.UNKNOWN, "the answer was lost")),
        outcome("unreachable", HostResult.UNREACHABLE, did(CRYPTO, Result.APPLIED), message="refused", advice="look"),
        outcome(
            "left", HostResult.NOT_STARTED, *(did(step, Result.NOT_STARTED) for step in SMALL), message="interrupted"
        ),
        outcome("東京", HostResult.COMPLIANT),
    ),
    interrupted=True,
    seconds=12.5,
)
