"""The lab's wire behaviour where the unchanged client does not look: requests written by hand."""

from __future__ import annotations

import base64
import socket
import threading
import time
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import psrpcore
import pytest
import requests
from psrpcore.types import PSVersion
from pypsrp.exceptions import WinRMTransportError, WSManFaultError
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.shell import WinRS
from pypsrp.wsman import OptionSet, WSMan

from runner.lab.envelopes import SHELL
from runner.lab.server import LabThread
from tests.lab.lab_support import PASSWORD, HandMade, TinyMachine, client, tiny_host

POWERSHELL = "http://schemas.microsoft.com/powershell/Microsoft.PowerShell"
TIMED_OUT, GONE = 2150858793, 2150858843


@pytest.fixture
def machine() -> TinyMachine:
    return TinyMachine()


@pytest.fixture
def served(machine: TinyMachine) -> HandMade:
    return HandMade([tiny_host(machine=machine)])


@pytest.fixture
def lab(served: HandMade) -> Iterator[LabThread]:
    with LabThread(served) as thread:
        yield thread


@pytest.fixture
def wsman(lab: LabThread) -> Iterator[WSMan]:
    with client(lab, operation_timeout=1) as connection:
        yield connection


class Conversation:
    """A runspace pool spoken to with psrpcore, each WS-Management request by hand."""

    def __init__(self, wsman: WSMan, resource: str = POWERSHELL) -> None:
        self.wsman = wsman
        self.pool = psrpcore.ClientRunspacePool()
        self.pool.open()
        shell_id = str(self.pool.runspace_pool_id).upper()
        self.shell = WinRS(wsman, resource_uri=resource, id=shell_id, input_streams="stdin pr", output_streams="stdout")
        hello = ET.Element("creationXml", xmlns="http://schemas.microsoft.com/powershell")
        hello.text = base64.b64encode(self.data()).decode()
        options = OptionSet()
        options.add_option("protocolversion", "2.3", {"MustComply": "true"})
        self.shell.open(options, hello)
        for _ in range(2):
            self.receive()

    def data(self) -> bytes:
        payload = self.pool.data_to_send()
        assert payload is not None
        return payload.data

    def receive(self, command_id: str | None = None) -> bytes:
        data: bytes = self.shell.receive("stdout", command_id=command_id)[2]["stdout"]
        self.pool.receive_data(psrpcore.PSRPPayload(data, psrpcore.StreamType.default, None))
        return data

    def events(self) -> list[object]:
        return list(iter(self.pool.next_event, None))

    def pipeline(self, *commands: tuple[str, object]) -> tuple[str, bytes]:
        """The id and the first message of a pipeline."""
        shell = psrpcore.ClientPowerShell(self.pool)
        for index, (name, argument) in enumerate(commands):
            if index:
                shell.add_statement()
            shell.add_command(name).add_argument(argument)
        shell.start()
        return str(shell.pipeline_id).upper(), self.data()

    def command(self, command_id: str, data: bytes) -> None:
        self.shell.command("", arguments=[base64.b64encode(data).decode()], command_id=command_id)


def outputs(events: list[object]) -> list[object]:
    return [event.data for event in events if isinstance(event, psrpcore.PipelineOutputEvent)]


def test_no_state_running_is_sent(wsman: WSMan) -> None:
    conversation = Conversation(wsman)
    conversation.events()
    command_id, data = conversation.pipeline(("Write-Output", 1))
    conversation.command(command_id, data)
    conversation.receive(command_id)
    assert [type(event).__name__ for event in conversation.events()] == ["PipelineOutputEvent", "PipelineStateEvent"]


def test_a_top_level_null_has_an_empty_body(wsman: WSMan) -> None:
    conversation = Conversation(wsman)
    conversation.events()
    command_id, data = conversation.pipeline(("Write-Output", None))
    conversation.command(command_id, data)
    answer = conversation.receive(command_id)
    assert int.from_bytes(answer[17:21], "big") == 40  # a fragment with a message header and nothing else
    assert outputs(conversation.events()) == [None]


def test_the_version_table_reaches_the_client(wsman: WSMan) -> None:
    conversation = Conversation(wsman)
    conversation.events()
    table = conversation.pool.application_private_data["PSVersionTable"]
    assert (str(table["PSVersion"]), str(table["PSRemotingProtocolVersion"])) == ("5.1.17763.1971", "2.3")


def test_an_older_windows_speaks_an_older_protocol() -> None:
    table = {"PSVersion": PSVersion("4.0"), "PSRemotingProtocolVersion": PSVersion("2.2")}
    with LabThread(HandMade([tiny_host(version_table=table)])) as lab, client(lab) as connection:
        conversation = Conversation(connection)
        conversation.events()
        assert str(conversation.pool.their_capability.protocolversion) == "2.2"
        command_id, data = conversation.pipeline(("Write-Output", "x"))
        conversation.command(command_id, data)
        conversation.receive(command_id)
        assert outputs(conversation.events()) == ["x"]


def test_ids_in_either_byte_order(wsman: WSMan) -> None:
    conversation = Conversation(wsman)
    conversation.events()
    command_id, data = conversation.pipeline(("Write-Output", "big"))
    little, big = uuid.UUID(command_id).bytes_le, uuid.UUID(command_id).bytes
    assert data.count(little) == 1
    conversation.command(command_id, data.replace(little, big))
    answer = conversation.receive(command_id)
    assert answer.count(big) == 2  # output and state name the pipeline as the client did
    assert b"<S>big</S>" in answer


def test_a_pipeline_in_fragments_over_several_sends(wsman: WSMan, machine: TinyMachine) -> None:
    conversation = Conversation(wsman)
    conversation.events()
    shell = psrpcore.ClientPowerShell(conversation.pool)
    shell.add_command("Set-Canary").add_argument("x" * 5000)
    shell.start()
    command_id = str(shell.pipeline_id).upper()
    first = conversation.pool.data_to_send(2000)
    assert first is not None
    conversation.command(command_id, first.data)
    while (more := conversation.pool.data_to_send(2000)) is not None:
        assert machine.canary == []
        conversation.shell.send("stdin", more.data, command_id=command_id)
    conversation.receive(command_id)
    assert machine.canary == ["x" * 5000]


def test_equal_pipelines_of_different_sessions(lab: LabThread, machine: TinyMachine) -> None:
    for _ in range(3):
        with client(lab) as connection:
            conversation = Conversation(connection)
            command_id, data = conversation.pipeline(("Set-Canary", 7))
            conversation.command(command_id, data)
            conversation.receive(command_id)
    assert machine.canary == [7, 7, 7]


def test_nothing_to_receive_yet(wsman: WSMan, machine: TinyMachine) -> None:
    conversation = Conversation(wsman)
    conversation.events()
    command_id, data = conversation.pipeline(("Start-Sleep", 1.5), ("Write-Output", "late"))
    conversation.command(command_id, data)
    with pytest.raises(WSManFaultError) as caught:
        conversation.receive(command_id)
    assert caught.value.code == TIMED_OUT
    conversation.receive(command_id)
    assert outputs(conversation.events()) == ["late"]


def test_a_malformed_message_gets_no_answer_and_harms_nobody(wsman: WSMan) -> None:
    conversation = Conversation(wsman)
    conversation.events()
    command_id, data = conversation.pipeline(("Write-Output", 1))
    conversation.command(command_id, data.replace(b"NoInput", b"N0Input"))
    with pytest.raises(WSManFaultError) as caught:
        conversation.receive(command_id)
    assert caught.value.code == TIMED_OUT
    command_id, data = conversation.pipeline(("Write-Output", 2))
    conversation.command(command_id, data)
    conversation.receive(command_id)
    assert outputs(conversation.events()) == [2]


def test_a_large_answer_comes_in_envelopes_that_the_client_takes(lab: LabThread) -> None:
    with client(lab, max_envelope_size=64 * 1024) as connection:
        conversation = Conversation(connection)
        conversation.events()
        command_id, data = conversation.pipeline(("Write-Output", "v" * 30_000), ("Write-Output", "w" * 90_000))
        first = data[:30_000]
        conversation.command(command_id, first)
        for start in range(30_000, len(data), 30_000):
            conversation.shell.send("stdin", data[start : start + 30_000], command_id=command_id)
        sizes: list[int] = []
        events: list[object] = []
        while not any(isinstance(event, psrpcore.PipelineStateEvent) for event in events):
            sizes.append(len(conversation.receive(command_id)))
            events += conversation.events()
        assert outputs(events) == ["v" * 30_000, "w" * 90_000]
    assert len(sizes) > 2
    assert max(sizes) * 4 / 3 < 64 * 1024


def test_the_same_receive_again_gets_the_same_answer(wsman: WSMan) -> None:
    conversation = Conversation(wsman)
    command_id, data = conversation.pipeline(("Write-Output", "once"))
    conversation.command(command_id, data)
    sent: list[bytes] = []
    send = wsman.transport.send

    def spy(message: bytes, **options: object) -> bytes:
        sent.append(message)
        answer: bytes = send(message, **options)
        return answer

    wsman.transport.send = spy  # type: ignore[method-assign]
    conversation.receive(command_id)
    streams = [
        [element.text for element in ET.fromstring(send(message)).iter(f"{{{SHELL}}}Stream")] for message in sent * 2
    ]
    assert len(streams[0]) == 2
    assert streams[0] == streams[1]
    with pytest.raises(WSManFaultError) as caught:  # but a new one finds that the command is done
        conversation.receive(command_id)
    assert caught.value.code == GONE


def test_a_receive_that_the_client_abandons_takes_nothing(lab: LabThread, machine: TinyMachine) -> None:
    with client(lab) as first:
        conversation = Conversation(first)
        conversation.events()
        command_id, data = conversation.pipeline(("Start-Sleep", 0.5), ("Write-Output", "kept"))
        conversation.command(command_id, data)
        first.transport.read_timeout = 0.1
        with pytest.raises(requests.RequestException):
            first.transport.send(receive_request(first, conversation, command_id))
    assert machine.slept.wait(timeout=5)
    with client(lab) as second:
        conversation.shell.wsman = second
        conversation.receive(command_id)
    assert outputs(conversation.events()) == ["kept"]


def receive_request(wsman: WSMan, conversation: Conversation, command_id: str) -> bytes:
    receive = ET.Element(f"{{{SHELL}}}Receive")
    ET.SubElement(receive, f"{{{SHELL}}}DesiredStream", CommandId=command_id).text = "stdout"
    envelope = ET.Element("{http://www.w3.org/2003/05/soap-envelope}Envelope")
    _, header = wsman._create_header(
        "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Receive",
        POWERSHELL,
        selector_set=conversation.shell._selector_set,
    )
    envelope.append(header)
    ET.SubElement(envelope, "{http://www.w3.org/2003/05/soap-envelope}Body").append(receive)
    return ET.tostring(envelope)


def test_ids_that_do_not_exist(wsman: WSMan) -> None:
    conversation = Conversation(wsman)
    nowhere = str(uuid.uuid4()).upper()
    with pytest.raises(WSManFaultError, match="command identifier that does not exist") as caught:
        conversation.receive(nowhere)
    assert caught.value.code == GONE
    conversation.shell.close()
    with pytest.raises(WSManFaultError, match="shell was not found") as caught:
        conversation.shell.receive("stdout")
    assert caught.value.code == GONE


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        ("http://schemas.microsoft.com/powershell/No.Such", "Cannot find the No.Such session configuration"),
        ("http://schemas.microsoft.com/wbem/wsman/1/windows/shell/other", "was not found in the WS-Management catalog"),
    ],
)
def test_unknown_endpoints(wsman: WSMan, resource: str, reason: str) -> None:
    with pytest.raises(WSManFaultError, match=reason) as caught:
        Conversation(wsman, resource)
    assert caught.value.code == 2150858811


def test_damaged_soap_is_a_schema_fault(wsman: WSMan) -> None:
    for soap in (b"<no", b"<x/>", b"\xff\xfe"):
        with pytest.raises(WinRMTransportError) as caught:
            wsman.transport.send(soap)
        assert 'Code="2150858817"' in caught.value.response_text


def test_a_request_over_the_envelope_size_is_answered_413(lab: LabThread) -> None:
    with client(lab, max_envelope_size=4 * 1024 * 1024) as connection:
        conversation = Conversation(connection)
        large = conversation.pipeline(("Write-Output", "x" * 600_000))
        with pytest.raises(WinRMTransportError) as caught:
            conversation.command(*large)
    assert caught.value.code == 413


def test_the_shell_quota_is_per_account_and_freed_by_delete(machine: TinyMachine) -> None:
    with LabThread(HandMade([tiny_host(machine=machine, max_shells_per_user=2)])) as lab, client(lab) as connection:
        pools = [Conversation(connection), Conversation(connection)]
        with pytest.raises(WSManFaultError, match="maximum number of 2 concurrent shells") as caught:
            Conversation(connection)
        assert caught.value.code == 2150859173
        pools[0].shell.close()
        Conversation(connection)


def test_the_client_learns_the_envelope_size(wsman: WSMan) -> None:
    wsman.update_max_payload_size()
    assert wsman.max_envelope_size == 500 * 1024


def test_a_pipeline_outlives_its_connection_and_dies_with_its_shell(lab: LabThread, machine: TinyMachine) -> None:
    with client(lab) as connection:
        conversation = Conversation(connection)
        conversation.command(*conversation.pipeline(("Start-Sleep", 0.3), ("Set-Canary", "outlived")))
    assert machine.written.wait(timeout=5)
    machine.written.clear()
    with client(lab) as connection:
        conversation = Conversation(connection)
        conversation.command(*conversation.pipeline(("Start-Sleep", 0.3), ("Set-Canary", "never")))
        conversation.shell.close()
    assert not machine.written.wait(timeout=0.6)
    assert machine.canary == ["outlived"]


def test_pipelines_of_a_pool_with_one_runspace_run_one_after_the_other(wsman: WSMan, machine: TinyMachine) -> None:
    conversation = Conversation(wsman)
    conversation.events()
    conversation.command(*conversation.pipeline(("Start-Sleep", 0.2), ("Set-Canary", 1)))
    second, data = conversation.pipeline(("Set-Canary", 2))
    conversation.command(second, data)
    conversation.receive(second)
    assert machine.canary == [1, 2]


def test_machine_time_is_scaled(served: HandMade) -> None:
    with LabThread(served, pace=0.001) as lab, client(lab) as connection:
        began = time.monotonic()
        with RunspacePool(connection) as pool:
            PowerShell(pool).add_cmdlet("Start-Sleep").add_argument(300).invoke()
        assert 0.3 < time.monotonic() - began < 5


def test_command_metadata_is_refused_by_name(lab: LabThread) -> None:
    with client(lab) as connection:
        conversation = Conversation(connection)
        conversation.events()
        metadata = psrpcore.ClientGetCommandMetadata(conversation.pool, ["Get-Item"])
        metadata.start()
        conversation.command(str(metadata.pipeline_id).upper(), conversation.data())
        answer = conversation.receive(str(metadata.pipeline_id).upper())
    assert b"The lab does not simulate GET_COMMAND_METADATA." in answer


def test_requests_and_bytes_are_counted_for_each_host(served: HandMade, lab: LabThread) -> None:
    with client(lab) as connection, RunspacePool(connection) as pool:
        PowerShell(pool).add_cmdlet("Write-Output").add_argument("x").invoke()
        assert served.hosts[0].traffic.open_shells == 1
    traffic = served.hosts[0].traffic
    assert traffic.open_shells == 0
    assert traffic.requests == 9  # design section 8: 3 handshake, Create, 2 Receives, Command, Receive, Delete
    assert 15_000 < traffic.received < 40_000
    assert 10_000 < traffic.sent < 40_000


def test_a_port_that_is_taken_is_reported(served: HandMade) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"), LabThread(served, port=taken.getsockname()[1]):
            pass
    assert not any(thread.name == "ce-runner-lab" for thread in threading.enumerate())


def test_the_lab_ends_with_open_connections(served: HandMade) -> None:
    with LabThread(served) as lab:
        connection = client(lab)
        Conversation(connection)
    with pytest.raises(requests.ConnectionError):
        connection.transport.send(b"<x/>")
    connection.close()
    with client(lab, password=PASSWORD) as again, pytest.raises(requests.ConnectionError):
        Conversation(again)
