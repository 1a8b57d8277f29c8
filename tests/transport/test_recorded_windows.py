"""Every recorded server stream of real Windows goes through our client: Shell.receive, Pool.events, to_model, to_error.

The conversations are those of groundtruth/pypsrp/responses that are PSRP. What must come out is read from
groundtruth/clixml/pypsrp_psrp_messages.jsonl.xz, the same messages decoded by somebody else: which, in which order, and
the values in them. A server repeats the pipeline's id as the client wrote it into the PSRP header, also where that is
another byte order than that of the WS-Management CommandId (section 2 of its README.md): a client that keeps to one
order in both, as ours does, gets its own id back.

The session keys of the two recorded key exchanges are known to nobody here: our own key takes the recorded one's place
in the message, and what was encrypted with the recorded key must come out as a SecureString that cannot be read.
"""

from __future__ import annotations

import base64
import json
import lzma
import re
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import psrpcore
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from psrpcore.types import PSInvocationState, RunspacePoolState
from pypsrp.exceptions import WinRMTransportError
from pypsrp.wsman import WSMan

from runner.model.errors import HostError, ProtocolError, Reason, Unreachable
from runner.model.value import EnumValue, Int32, PSObject, Value
from runner.transport.batch import Event
from runner.transport.faults import Busy, ShellGone
from runner.transport.pool import Pool
from runner.transport.shell import Shell
from runner.transport.values import to_error, to_model

Message = Mapping[str, Any]
POWERSHELL = "http://schemas.microsoft.com/powershell/"  # begins the resource URI of a runspace pool
NOBODY = "00000000-0000-0000-0000-000000000000"
SESSION_KEY = bytes(range(32))
SIMPLE: Mapping[str, Callable[[str], Value]] = {"S": str, "I32": Int32}
# What our client never asks for, but a recorded one did: the pool must expect the answer to this number.
ASKS = ("GET_AVAILABLE_RUNSPACES", "SET_MAX_RUNSPACES", "SET_MIN_RUNSPACES", "RESET_RUNSPACE_STATE")


class Recorded:
    """Stands where a Shell has its Channel; whatever is asked, the answer is the recorded one."""

    def __init__(self, answer: str, refusal: Mapping[str, Any] | None) -> None:
        self._answer = answer
        self._refusal = refusal
        self.wsman = WSMan("recorded", ssl=False)
        self.endpoint = self.wsman.transport.endpoint
        self.wsman.transport = self

    def send(self, message: bytes, **_timeouts: object) -> bytes:
        if self._refusal:
            raise WinRMTransportError(self._refusal["protocol"], self._refusal["code"], self._answer)
        ours = found(r"MessageID[^>]*>([^<]+)<", message.decode())
        return re.sub(r"(RelatesTo[^>]*>)[^<]+<", rf"\g<1>{ours}<", self._answer).encode()

    def wait(self) -> int:
        return 1

    def time_left(self) -> float:
        return 1.0

    def receive(self, command_id: str | None) -> bytes:
        channel: Any = self
        return Shell(channel, "Microsoft.PowerShell", "recorded", ()).receive(command_id)


def found(pattern: str, text: str) -> str | None:
    match = re.search(pattern, text)
    return match[1] if match else None


@dataclass
class Conversation:
    """One recording, and what our client makes of it: events by exchange, and per shell the Receives that opened it."""

    name: str
    messages: Sequence[Message]
    pools: dict[str, Pool] = field(default_factory=dict)
    commands: dict[str, uuid.UUID] = field(default_factory=dict)
    openings: dict[str, list[list[str]]] = field(default_factory=dict)
    events: list[tuple[int, Event]] = field(default_factory=list)
    nothing_yet: int = 0
    failures: list[HostError] = field(default_factory=list)

    def side(self, direction: str, exchange: int | None = None) -> list[Message]:
        said = (message for message in self.messages if message["dir"] == direction)
        return [message for message in said if exchange is None or message["exchange"] == exchange]

    def outputs(self) -> list[tuple[Message, Value]]:
        pairs = zip(self.side("S"), self.events, strict=True)
        return [(m, to_model(e.data)) for m, (_, e) in pairs if isinstance(e, psrpcore.PipelineOutputEvent)]

    def exchange(self, number: int, recorded: Mapping[str, Any]) -> None:
        request, answer = recorded["request"], recorded.get("response") or ""
        action = found(r"/([A-Za-z]+)</wsa:Action>", request)
        command = found(r'CommandId="([^"]+)"', request)
        if action == "Create":
            self.openings[self._new_pool(found(r'Name="ShellId">([^<]+)<', answer), Pool.open)] = []
        elif action == "Connect" and command is None:
            shell = self._new_pool(found(r'Name="ShellId">([^<]+)<', request), Pool.connect)
            text = ElementTree.fromstring(answer).findtext(".//{*}connectResponseXml")
            self._take(number, shell, base64.b64decode(text or ""), None)
        shell = found(r'Name="ShellId">([^<]+)<', request if action != "Create" else answer) or ""
        if action == "Command":
            command = found(r"<rsp:CommandId>([^<]+)<", answer)
        self._as_the_client(number, self.pools[shell], command)
        if action == "Receive":
            self._receive(number, recorded, shell, command)

    def _new_pool(self, shell: str | None, begin: Callable[[Pool], None]) -> str:
        assert shell
        self.pools[shell] = Pool()
        begin(self.pools[shell])
        return shell

    def _as_the_client(self, number: int, pool: Pool, command: str | None) -> None:
        """Bring the pool where the recorded client's own was."""
        for message in self.side("C", number):
            kind, ask = message["type"], found(r'N="(?:ci|CI)">(\d+)<', message["clixml"])
            if kind in ("CREATE_PIPELINE", "GET_COMMAND_METADATA"):
                assert command
                self.commands[command] = uuid.UUID(message["pid"])
            elif kind == "PUBLIC_KEY":
                pool.exchange_key()
            elif kind in ASKS and ask:
                pool._ci_handlers[int(ask)] = None
        if command in self.commands and self.commands[command] not in pool.pipeline_table:
            pool.start(self.commands[command], b"<S />")

    def _receive(self, number: int, recorded: Mapping[str, Any], shell: str, command: str | None) -> None:
        try:
            data = Recorded(recorded.get("response") or "", recorded.get("transport_error")).receive(command)
        except HostError as failure:
            self.failures.append(failure)
            return
        self.nothing_yet += not data
        before, opening = len(self.events), self.pools[shell].state is RunspacePoolState.Opening
        self._take(number, shell, data, self.commands.get(command or ""))
        if opening:
            self.openings[shell].append([event.message_type.name for _, event in self.events[before:]])

    def _take(self, number: int, shell: str, data: bytes, pipeline: uuid.UUID | None) -> None:
        pool = self.pools[shell]
        for message in self.side("S", number):
            if message["type"] == "ENCRYPTED_SESSION_KEY":
                data = with_our_key(data, message, pool)
        self.events += [(number, event) for event in pool.events(data, pipeline)]


def with_our_key(data: bytes, message: Message, pool: Pool) -> bytes:
    """The key exchange's answer with a session key for our own public key, of the same length."""
    text = found(r'"EncryptedSessionKey">([^<]+)<', message["clixml"])
    assert text
    assert pool._exchange_key
    key = pool._exchange_key.public_key().encrypt(SESSION_KEY, PKCS1v15())[::-1]
    ours = base64.b64encode(base64.b64decode(text)[:12] + key)
    assert data.count(text.encode()) == 1
    return data.replace(text.encode(), ours)


@pytest.fixture(scope="module")
def conversations(groundtruth: Path) -> list[Conversation]:
    with lzma.open(groundtruth / "clixml" / "pypsrp_psrp_messages.jsonl.xz", "rt", encoding="utf-8") as lines:
        messages = [json.loads(line) for line in lines]
    digested = []
    for name, said in groupby(messages, lambda message: message["src"]):
        text = (groundtruth / "pypsrp" / "responses" / f"{name}.yml").read_text(encoding="utf-8")
        conversation = Conversation(name, list(said))
        for number, recorded in enumerate(yaml.load(text, Loader=yaml.CSafeLoader)["messages"]):
            if POWERSHELL in recorded["request"]:
                conversation.exchange(number, recorded)
        digested.append(conversation)
    return digested


def kinds(conversation: Conversation) -> list[tuple[int, str, str]]:
    return [
        (number, event.message_type.name.lower(), str(event.pipeline_id or NOBODY))
        for number, event in conversation.events
    ]


def test_every_message_becomes_its_event(
    conversations: list[Conversation], report_number: Callable[[str], None]
) -> None:
    for conversation in conversations:
        said = conversation.side("S")
        expected = [(m["exchange"], m["type"].replace("_", "").lower(), m["pid"]) for m in said]
        assert kinds(conversation) == expected, conversation.name
        for _, event in conversation.events:
            assert type(event).__name__.endswith(f"{event.message_type.name}Event")
    digested = sum(len(conversation.events) for conversation in conversations)
    report_number(f"recorded Windows streams: {len(conversations)} conversations, {digested} messages digested")


def test_a_server_repeats_a_pipelines_id_as_the_client_wrote_it(conversations: list[Conversation]) -> None:
    """In either byte order, and also where the server (PowerShell 2.0) gave the command an id of its own."""
    orders, foreign = Counter[str](), Counter[str]()
    for conversation in conversations:
        written = set(conversation.commands.values())
        told = [event.pipeline_id for _, event in conversation.events if event.pipeline_id]
        foreign[conversation.name] += sum(pipeline not in written for pipeline in told)
        for command, pipeline in conversation.commands.items():
            known = {uuid.UUID(command): "same", uuid.UUID(bytes_le=uuid.UUID(command).bytes): "swapped"}
            orders[known.get(pipeline, conversation.name)] += 1
    assert orders["same"] > 10
    assert orders["swapped"] > 20
    assert orders.keys() == {"same", "swapped", "test_psrp_run_protocol_version_2.1"}
    assert +foreign == {"test_client_copy_file_warning": 1}  # put in by hand, with an object id that is used twice


def test_no_recording_is_passed_over(conversations: list[Conversation], groundtruth: Path) -> None:
    files = {path.stem: path for path in (groundtruth / "pypsrp" / "responses").glob("test_*.yml")}
    speaking = {name for name, path in files.items() if POWERSHELL in path.read_text(encoding="utf-8")}
    assert {conversation.name for conversation in conversations} == speaking
    assert len(files) == 66


def test_a_pool_opens_as_windows_opens_it(conversations: list[Conversation]) -> None:
    """Two Receives, rarely three; the state comes in the last, alone, and the pool is open with it and not before."""
    openings = [opening for conversation in conversations for opening in conversation.openings.values()]
    receives = Counter(map(len, openings))
    assert receives.keys() == {2, 3}
    assert receives[2] > 10 * receives[3]
    for opening in openings:
        assert [name for receive in opening for name in receive] == [
            "SessionCapability",
            "ApplicationPrivateData",
            "RunspacePoolState",
        ]
        assert opening[-1] == ["RunspacePoolState"]
    pools = [pool for conversation in conversations for pool in conversation.pools.values()]
    assert {pool.state for pool in pools} == {RunspacePoolState.Opened}


def test_a_pipeline_is_never_said_to_run(conversations: list[Conversation]) -> None:
    events = [event for conversation in conversations for _, event in conversation.events]
    states = Counter(event.state for event in events if isinstance(event, psrpcore.PipelineStateEvent))
    assert states == {PSInvocationState.Completed: 43, PSInvocationState.Failed: 6}


def unescaped(text: str) -> str:
    """CLIXML's _xHHHH_ undone, surrogates joined."""
    plain = re.sub("_x([0-9A-Fa-f]{4})_", lambda match: chr(int(match[1], 16)), text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16")


def matched(root: ElementTree.Element, value: Value) -> str:
    """The kind of an output, after comparing what can be compared without a second reader of CLIXML."""
    text = root.findtext("ToString")
    if root.tag in SIMPLE:
        assert value == SIMPLE[root.tag](unescaped(root.text or ""))
        return root.tag
    if isinstance(value, EnumValue):
        assert (str(value.number), value.text) == (root.findtext("I32"), text)
        return "enumeration"
    if isinstance(value, tuple | Mapping):
        assert len(value) == len(root.findall("LST/*") or root.findall("DCT/*"))
        return "collection"
    assert isinstance(value, PSObject)
    if root.tag == "SS" or value.type_names[0].endswith("Record"):  # a record in the output has its public properties
        return "other"
    parts = ("Obj/Props", "Obj/MS", "Props", "MS")  # Obj: the object inside of one that PowerShell wrapped twice
    names = [unescaped(item.get("N", "")) for part in parts for item in root.findall(f"{part}/*")]
    assert (list(value.properties), value.text) == (list(dict.fromkeys(names)), text and unescaped(text))
    return "object"


def test_outputs_have_the_recorded_values(conversations: list[Conversation]) -> None:
    outputs = [output for conversation in conversations for output in conversation.outputs()]
    compared = Counter(matched(ElementTree.fromstring(message["clixml"]), value) for message, value in outputs)
    assert compared == {"S": 89, "I32": 14, "object": 25, "collection": 7, "enumeration": 4, "other": 10}


def test_errors_have_the_recorded_ids(conversations: list[Conversation]) -> None:
    compared = 0
    for conversation in conversations:
        for message, (_, event) in zip(conversation.side("S"), conversation.events, strict=True):
            if isinstance(event, psrpcore.PipelineStateEvent):
                record = event.reason
            elif isinstance(event, psrpcore.ErrorRecordEvent):
                record = event.record
            else:
                continue
            expected = ElementTree.fromstring(message["clixml"]).findtext(".//*[@N='FullyQualifiedErrorId']")
            assert (record and to_error(record).id) == (expected and unescaped(expected)), conversation.name
            compared += record is not None
    assert compared == 10


def test_what_was_encrypted_with_an_unknown_key_is_an_unreadable_secret(conversations: list[Conversation]) -> None:
    """In an output itself twice, and once as a credential's password."""
    unread = Counter[str]()
    for conversation in conversations:
        for message, value in conversation.outputs():
            if "<SS" in message["clixml"]:
                assert isinstance(value, PSObject)
                secret = value.properties.get("Password", value)
                assert secret == PSObject(("System.Security.SecureString",)), conversation.name
                unread[conversation.name] += 1
    assert unread == {"test_psrp_multiple_commands": 1, "test_psrp_pshost_ui_mocked_methods": 2}


def test_a_receive_that_brings_nothing_and_one_that_fails(conversations: list[Conversation]) -> None:
    nothing = {conversation.name: conversation.nothing_yet for conversation in conversations}
    assert +Counter(nothing) == {"test_psrp_key_exchange_timeout": 1, "test_psrp_long_running_cmdlet": 2}
    failures = [
        (conversation.name, type(failure)) for conversation in conversations for failure in conversation.failures
    ]
    assert failures == [("test_psrp_receive_failure", ShellGone)]


# By code: what a Receive that is answered with this fault is for us; a reason where the class has several.
NOTHING_YET = 2150858793
JUDGED: Mapping[int, type[HostError] | Reason] = {
    5: Reason.RIGHTS,
    87: ProtocolError,
    2147942402: ProtocolError,
    2147942606: ProtocolError,
    2150858752: Reason.ENDPOINT,
    2150858767: ProtocolError,
    2150858778: ProtocolError,
    2150858817: ProtocolError,
    2150858843: ShellGone,
    2152992672: Reason.RIGHTS,
}


def test_every_recorded_fault_is_judged(groundtruth: Path, report_number: Callable[[str], None]) -> None:
    folder = groundtruth / "wsman-faults"
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    for entry in index:
        envelope = (folder / entry["file"]).read_text(encoding="utf-8")
        refused = Recorded(envelope, {"protocol": "http", "code": 500})
        if entry["code"] == NOTHING_YET:
            assert refused.receive(None) == b"", entry["file"]
            continue
        with pytest.raises(HostError) as caught:
            refused.receive(None)
        error, judged = caught.value, JUDGED[entry["code"]]
        assert (error.reason if isinstance(error, Unreachable) else type(error)) is judged, entry["file"]
        assert not isinstance(error, Busy)  # none of these may be sent again by itself
        assert str(entry["code"]) in error.message
        assert error.advice
    assert {entry["code"] for entry in index} == {*JUDGED, NOTHING_YET}
    report_number(f"recorded Windows faults: {len(index)} envelopes judged")
