"""The recorded requests of pypsrp, fed to the lab's service, are answered in the shape that real Windows gave.

groundtruth/README.md section 2, "Check a server": the set of element and attribute paths, and the PSRP message types of
each Receive that opens a pool. The pipelines themselves are scripts, which the lab does not run.
"""

from __future__ import annotations

import asyncio
import base64
import re
import struct
import threading
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import pytest
import yaml

from runner.lab import envelopes
from runner.lab.answers import Answer
from runner.lab.auth import Caller
from runner.lab.psrp import PipelineCache
from runner.lab.wsman import Service
from tests.lab.lab_support import tiny_host

NOT_SIMULATED = ("/Connect", "/Disconnect", "/Reconnect", "/Enumerate", "shell/cmd<", "powershell/JEARole<")
SERVER_2008_R2 = "test_psrp_run_protocol_version_2.1"  # gives shells an id of its own
NEWER_SERVERS_ONLY = f"}}Header/{{{envelopes.WSMAN_MS}}}ActivityId"
OPENING = [[0x00010002, 0x00021009], [0x00021005]]  # SESSION_CAPABILITY + APPLICATION_PRIVATE_DATA, RUNSPACEPOOL_STATE


def recordings(groundtruth: Path) -> list[tuple[str, list[tuple[str, str]]]]:
    """Per file the exchanges of conversations that the lab simulates, without those that real Windows refused."""
    result = []
    for path in sorted((groundtruth / "pypsrp" / "responses").glob("test_*.yml")):
        messages = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["messages"]
        exchanges = [(message["request"], message.get("response") or "") for message in messages]
        not_simulated = any(word in request for request, _ in exchanges for word in NOT_SIMULATED)
        if not not_simulated and path.stem != SERVER_2008_R2:
            result.append((path.stem, [(q, a) for q, a in exchanges if a and "<s:Fault>" not in a]))
    return result


def paths(xml: str | bytes) -> set[str]:
    """The paths of all elements and attributes."""
    found: set[str] = set()

    def walk(element: ET.Element, prefix: str) -> None:
        path = f"{prefix}/{element.tag}"
        found.add(path)
        found.update(f"{path}@{name}" for name in element.attrib)
        for child in element:
            walk(child, path)

    walk(ET.fromstring(xml), "")
    return found


def message_types(xml: str | bytes) -> list[int]:
    """The types of the PSRP messages in a Receive's answer; each stream element holds one fragment."""
    streams = ET.fromstring(xml).iter(f"{{{envelopes.SHELL}}}Stream")
    fragments = [base64.b64decode(stream.text or "") for stream in streams]
    return [struct.unpack_from("<I", fragment, 21 + 4)[0] for fragment in fragments]


def is_opening_receive(request: str) -> bool:
    return "shell/Receive<" in request and "CommandId=" not in request


async def replay(exchanges: list[tuple[str, str]]) -> list[tuple[str, str, Answer]]:
    """Each request with the recorded and the lab's answer. Of the Receives, only the two that open each pool."""
    host = tiny_host("win-01", max_shells_per_user=100)
    service = Service(host, PipelineCache(), threading.RLock(), pace=0.0)
    caller = Caller(host.accounts[0], "admin")
    opened: Counter[str] = Counter()
    result = []
    for request, recorded in exchanges:
        if "shell/Receive<" in request:
            selector = re.search(r"ShellId\">([^<]*)", request)
            assert selector is not None
            opened[selector[1]] += 1
            if not is_opening_receive(request) or opened[selector[1]] > 2:
                continue
        result.append((request, recorded, await service.answer(request.encode(), caller, "127.0.0.1")))
    service.close()
    return result


@pytest.fixture(scope="module")
def answered(groundtruth: Path) -> list[tuple[str, str, str, Answer]]:
    async def all_files() -> list[tuple[str, str, str, Answer]]:
        return [(name, *exchange) for name, all_ in recordings(groundtruth) for exchange in await replay(all_)]

    return asyncio.run(all_files())


def test_the_recordings_are_many(answered: list[tuple[str, str, str, Answer]]) -> None:
    assert len(answered) > 150
    assert {answer.status for *_, answer in answered} == {200}


def test_each_answer_has_the_recorded_elements(answered: list[tuple[str, str, str, Answer]]) -> None:
    for name, request, recorded, answer in answered:
        windows = paths(recorded)
        lab = {path for path in paths(answer.soap) if path in windows or not path.endswith(NEWER_SERVERS_ONLY)}
        if "transfer/Get<" in request:  # a part of the configuration is enough for its readers
            assert lab <= windows, name
        else:
            assert lab == windows, name


def test_a_pool_opens_over_two_receives(answered: list[tuple[str, str, str, Answer]]) -> None:
    receives = [(name, recorded, answer) for name, request, recorded, answer in answered if is_opening_receive(request)]
    assert len(receives) > 60
    for name, recorded, answer in receives:
        assert message_types(answer.soap) == message_types(recorded), name
    assert {tuple(message_types(answer.soap)) for _, _, answer in receives} == {tuple(types) for types in OPENING}
