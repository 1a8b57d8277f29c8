"""Modules against what real Windows and a real engine say: profiles of commands, recorded answers."""

from __future__ import annotations

import json
import lzma
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from psrpcore._crypto import PSRemotingCrypto
from psrpcore.types import deserialize

from runner.model.command import ErrorRecord, Reply, ReplyState, Statement
from runner.model.state import State
from runner.model.value import PSObject, Value
from runner.modules.base import Round, StateModule
from runner.modules.loader import load_modules
from runner.modules.registry import parse_key
from runner.modules.registry_reading import Asked, FoundValue, conclude, next_round
from runner.transport.values import to_error, to_model

MODULES = load_modules()
TYPES = "HKLM:\\SOFTWARE\\Lab\\Types"
KINDS = (  # in the order of reg-kind-all
    "Sz", "SzEmpty", "Expand", "Dword", "Qword", "Bin", "BinEmpty", "Multi", "MultiEmpty", "NoneVal", "NoneEmpty",
)  # fmt: skip


def recorded(groundtruth: Path, name: str) -> dict[str, Any]:
    with lzma.open(groundtruth / "pwsh76" / "windows_cases.jsonl.xz", "rt", encoding="utf-8") as lines:
        return next(case for case in map(json.loads, lines) if case["id"] == name)


def messages(case: dict[str, Any], kind: str) -> list[Any]:
    no_secrets = PSRemotingCrypto()
    return [
        deserialize(ElementTree.fromstring(message["clixml"]), no_secrets)
        for message in case["received"]
        if message["type"] == kind
    ]


def outputs(case: dict[str, Any]) -> list[Value]:
    return [to_model(output) for output in messages(case, "PIPELINE_OUTPUT")]


def errors(case: dict[str, Any]) -> tuple[ErrorRecord, ...]:
    return tuple(to_error(record) for record in messages(case, "ERROR_RECORD"))


def test_every_kind_as_it_was_recorded(groundtruth: Path) -> None:
    """reg-gip-types holds the values, reg-kind-all the kinds; the raw texts are given as the fixture wrote them."""
    (values,) = [one for one in outputs(recorded(groundtruth, "reg-gip-types")) if not isinstance(one, str)]
    kinds = dict(zip(KINDS, outputs(recorded(groundtruth, "reg-kind-all")), strict=False))
    raw: dict[str, Value] = {"Sz": "text", "SzEmpty": "", "Expand": "%SystemRoot%\\temp"}
    asked = [Asked(parse_key(TYPES), name) for name in KINDS]

    def answer(statement: Statement) -> Reply:
        parameters = dict(statement[-1].parameters)
        if statement[0].name == "Test-Path":
            return Reply(ReplyState.DONE, tuple(True for _ in dict(statement[0].parameters)["LiteralPath"]))  # type: ignore[union-attr]
        if statement[0].name == "Get-ItemProperty":
            return Reply(ReplyState.DONE, (values,))
        given = parameters["ArgumentList"]
        assert isinstance(given, tuple)
        source = kinds if parameters["MemberName"] == "GetValueKind" else raw
        return Reply(ReplyState.DONE, (source[str(given[0])],))

    rounds: list[Round] = []
    while statements := next_round(asked, rounds):
        rounds.append(Round(statements, tuple(map(answer, statements))))
    found = dict(zip(KINDS, conclude(asked, rounds), strict=True))
    assert found == {
        "Sz": FoundValue("string", "text"),
        "SzEmpty": FoundValue("string", ""),
        "Expand": FoundValue("expandstring", "%SystemRoot%\\temp"),
        "Dword": FoundValue("dword", 5),
        "Qword": FoundValue("qword", 5),
        "Bin": FoundValue("binary", bytes([1, 2, 255])),
        "BinEmpty": FoundValue("binary", b""),
        "Multi": FoundValue("multistring", ("a", "b b")),
        "MultiEmpty": FoundValue("multistring", ()),
        "NoneVal": FoundValue("none", bytes([9, 8])),
        "NoneEmpty": FoundValue("none", b""),
    }


def test_services_as_they_were_recorded(groundtruth: Path) -> None:
    """svc-get-missing-partly: errors first, then the services in the order of their names. It selects Name only."""
    module = MODULES["win_service"]
    assert isinstance(module, StateModule)
    case = recorded(groundtruth, "svc-get-missing-partly")
    wanted = [module.arguments.model_validate({"name": name, "state": "stopped"}) for name in ("LabSvc", "NoSuch")]
    services = [with_service_name(one) for one in outputs(case) if not isinstance(one, str)]
    replies = (Reply(ReplyState.DONE, tuple(services), errors(case)), Reply(ReplyState.DONE))
    rounds = [Round(module.read(wanted, []), replies)]
    assert module.read(wanted, rounds) == ()
    assert module.observe(wanted, rounds) == (State(True, {"state": "stopped"}), State(False))


def with_service_name(service: Value) -> Value:
    """ServiceName stands beside Name in svc-get-select, with the same content."""
    assert isinstance(service, PSObject)
    return replace(service, properties={**service.properties, "ServiceName": service.get("Name")})
