"""Values and messages: every object that the recordings hold, exact types, and the way back."""

from __future__ import annotations

import json
import lzma
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import psrpcore
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psrpcore._payload import create_fragment, create_message
from psrpcore.types import PSRPMessageType, deserialize

from runner.model.command import command
from runner.model.content import Slice
from runner.model.secret import Secret
from runner.model.value import Credential, EnumValue, Int32, Int64, PSObject, UInt32, UInt64, Value, Version
from runner.transport.clixml import mend
from runner.transport.message import Bodies, fingerprint
from runner.transport.pool import Pool
from runner.transport.values import to_error, to_model, to_wire


def _outputs(clixml: list[str]) -> list[Value]:
    """Objects as a host sends them, through psrpcore, in fragments of 100 bytes."""
    pool, pipeline = Pool(), uuid.uuid4()
    read: list[Value] = []
    for number, body in enumerate(clixml):
        raw = create_message(
            False,
            PSRPMessageType.PipelineOutput,
            body.encode("utf-8", "surrogatepass"),
            pool.runspace_pool_id,
            pipeline,
        )
        pieces = [raw[at : at + 100] for at in range(0, len(raw), 100)]
        for index, piece in enumerate(pieces):
            data = create_fragment(number + 1, index, piece, end=index == len(pieces) - 1)
            read += [to_model(event.data) for event in pool.events(data, pipeline)]
    return read


def _recorded(groundtruth: Path, file: str) -> Iterator[dict[str, Any]]:
    with lzma.open(groundtruth / "pwsh76" / file, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _of(groundtruth: Path, name: str, file: str = "cases.jsonl.xz") -> list[Value]:
    case = next(case for case in _recorded(groundtruth, file) if case["id"] == name)
    return _outputs([entry["clixml"] for entry in case["received"] if entry["type"] == "PIPELINE_OUTPUT"])


@pytest.mark.parametrize("file", ["cases.jsonl.xz", "windows_cases.jsonl.xz", "gallery_cases.jsonl.xz"])
def test_every_recorded_output_can_be_read(groundtruth: Path, file: str) -> None:
    bodies = [
        entry["clixml"]
        for case in _recorded(groundtruth, file)
        for entry in case["received"]
        if entry["type"] == "PIPELINE_OUTPUT"
    ]
    assert len(bodies) > 100
    assert len(_outputs(bodies)) == len(bodies)


def test_every_recorded_error_has_id_category_and_exception(groundtruth: Path) -> None:
    pool, pipeline = Pool(), uuid.uuid4()
    count = 0
    for case in _recorded(groundtruth, "windows_cases.jsonl.xz"):
        for entry in case["received"]:
            if entry["type"] != "ERROR_RECORD":
                continue
            count += 1
            raw = create_message(
                False, PSRPMessageType.ErrorRecord, entry["clixml"].encode(), pool.runspace_pool_id, pipeline
            )
            (event,) = pool.events(create_fragment(count, 0, raw), pipeline)
            assert isinstance(event, psrpcore.ErrorRecordEvent)
            error = to_error(event.record)
            assert f"ERR {error.id} target=" in "\n".join(case["summary"])
            assert f"category={error.category} " in "\n".join(case["summary"])
            assert error.exception.rpartition(".")[2] in "\n".join(case["summary"])
            assert error.message
    assert count > 20


def test_registry_types_stay_apart(groundtruth: Path) -> None:
    """windows.md: I32 but U32 from 0x80000000 up, I64 but U64 from 2^63 up, BA, LST."""
    (value,) = (
        found for found in _of(groundtruth, "reg-gip-types", "windows_cases.jsonl.xz") if isinstance(found, PSObject)
    )
    kinds = {type(item) for item in value.properties.values()}
    assert {Int32, UInt32, Int64, UInt64, bytes, tuple, str} <= kinds


def test_an_enum_has_type_number_and_text(groundtruth: Path) -> None:
    kinds = _of(groundtruth, "reg-kind-all", "windows_cases.jsonl.xz")
    assert EnumValue("Microsoft.Win32.RegistryValueKind", 4, "DWord") in kinds
    assert EnumValue("Microsoft.Win32.RegistryValueKind", -1, "None") in kinds


def test_properties_are_found_in_any_case_and_an_object_in_itself_ends() -> None:
    (value,) = _outputs(
        ['<Obj RefId="0"><TN RefId="0"><T>My.Type</T></TN><MS><S N="Name">x</S><Ref N="Self" RefId="0" /></MS></Obj>']
    )
    assert isinstance(value, PSObject)
    assert (value.type_names, value.get("NAME")) == (("My.Type",), "x")
    inner = value.get("self")
    assert isinstance(inner, PSObject)
    assert not inner.properties


def test_primitive_outputs() -> None:
    assert _outputs(
        [
            "<Nil />",
            "<B>true</B>",
            "<Version>5.1.17763.1</Version>",
            "<DT>2024-01-15T10:20:30.5Z</DT>",
            "<TS>PT1.5S</TS>",
            "<C>65</C>",
            "<G>6f9619ff-8b86-d011-b42d-00c04fc964ff</G>",
            "<SS>AAAA</SS>",
            '<Obj RefId="0"><DCT><En><S N="Key">k</S><I32 N="Value">1</I32></En></DCT></Obj>',
        ]
    ) == [
        None,
        True,
        Version("5.1.17763.1"),
        datetime(2024, 1, 15, 10, 20, 30, 500_000, UTC),
        timedelta(seconds=1.5),
        65,
        "6f9619ff-8b86-d011-b42d-00c04fc964ff",
        PSObject(("System.Security.SecureString",)),  # X4: no key, so nobody can read it
        {"k": 1},
    ]


@pytest.mark.parametrize("reference", ["&#xFFFE;", "&#xfffe;", "&#65534;", "\ufffe"])
def test_a_character_that_xml_forbids_costs_nothing_and_is_kept(reference: str) -> None:
    """X1: one registry value with U+FFFE must not cost the answer of a host."""
    assert _outputs([f"<S>a{reference}b</S>", "<S>after</S>"]) == ["a\ufffeb", "after"]


def test_what_looks_like_a_forbidden_character_and_is_none() -> None:
    for text in (b"<S>&amp;#xFFFE;</S>", "<S>日本語&#10;&#x1F600;</S>".encode()):
        assert mend(text) == text


_INTEGERS = st.one_of(
    st.integers(-(2**31), 2**31 - 1).map(Int32),
    st.integers(0, 2**32 - 1).map(UInt32),
    st.integers(-(2**63), 2**63 - 1).map(Int64),
    st.integers(0, 2**64 - 1).map(UInt64),
)
_SCALARS = st.one_of(
    st.none(), st.booleans(), st.text(st.characters()), _INTEGERS, st.binary(max_size=9), st.floats(allow_nan=False)
)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.one_of(st.lists(inner).map(tuple), st.dictionaries(st.text(), inner)), max_leaves=8
)


def _types(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_types(item) for item in value]
    if isinstance(value, dict) or hasattr(value, "items"):
        return {key: _types(item) for key, item in value.items()}
    return type(value)


@given(_VALUES)
@settings(deadline=None)
def test_any_value_comes_back_from_a_message_with_its_type(value: Value) -> None:
    body = Pool().serialise([(command("Write-Output", InputObject=value),)])
    message = deserialize(ElementTree.fromstring(body), Pool()._cipher)
    back = to_model(message.PowerShell.Cmds[0].Args[0].V)
    assert back == value
    assert _types(back) == _types(value)


@pytest.mark.parametrize(
    ("number", "tag"), [(1, "I32"), (-(2**31), "I32"), (2**31, "I64"), (-(2**63), "I64"), (2**63, "U64")]
)
def test_a_plain_integer_becomes_the_smallest_that_holds_it(number: int, tag: str) -> None:
    body = Pool().serialise([(command("X", A=number),)])
    assert f'<{tag} N="V">{number}</{tag}>'.encode() in body


def test_what_cannot_be_sent_is_an_error_at_once() -> None:
    with pytest.raises(ValueError, match="larger"):
        to_wire(2**64)
    with pytest.raises(TypeError, match="object"):
        to_wire(object())  # type: ignore[arg-type]


def test_a_batch_with_a_secret_is_never_kept() -> None:
    hidden = Secret("x")
    for value in (hidden, Credential("u", hidden), (1, hidden), {"k": hidden}, PSObject((), {"p": hidden})):
        assert fingerprint([(command("X", A=value),)]) is None
    assert fingerprint([(command("X", A=1),)]) != fingerprint([(command("X", A=True),)])


def test_only_so_many_bodies_are_kept() -> None:
    bodies, made = Bodies(limit=2), []

    def get(key: str) -> bytes:
        return bodies.get(key, lambda: made.append(key) or key.encode())  # type: ignore[func-returns-value]

    for key in ("a", "b", "a", "c", "a", "b"):
        assert get(key) == key.encode()
    assert made == ["a", "b", "c", "b"]


def test_a_piece_of_a_file_is_not_kept() -> None:
    bodies, made = Bodies(), []
    for _ in range(2):
        assert len(bodies.get("large", lambda: made.append("large") or bytes(2**17))) == 2**17  # type: ignore[func-returns-value]
    assert made == ["large", "large"]


def test_a_slice_is_no_value_that_can_be_sent() -> None:
    """Apply puts the bytes in its place before."""
    with pytest.raises(TypeError, match="Slice is no value that can be sent"):
        to_wire(Slice("/src/a.bin", "", "ab" * 32, 0, 5))


def test_the_message_has_the_members_without_which_the_engine_is_silent(groundtruth: Path) -> None:
    """Compared with the smallest message that was accepted (tolerance.all-plain), member by member.

    Left out beside it: MergeError to MergeInformation, which may be (T2).
    """
    case = next(case for case in _recorded(groundtruth, "cases.jsonl.xz") if case["id"] == "tolerance.all-plain")
    pipe = (
        command("Get-Item", LiteralPath=("/srv/lab/a.txt", "/nope1")),
        command("Select-Object", Property=("Name",)),
    )
    ours = ElementTree.fromstring(Pool().serialise([pipe, (command("Write-Output", InputObject="after"),)]))
    theirs = ElementTree.fromstring(case["sent_clixml"])
    for parent in list(theirs.iter()):
        for child in list(parent):
            if child.get("N") in ("MergeError", "MergeWarning", "MergeVerbose", "MergeDebug", "MergeInformation"):
                parent.remove(child)
    assert ElementTree.tostring(
        _resolved(ours, {one.get("RefId"): one for one in ours.iter("Obj")})
    ) == ElementTree.tostring(theirs)


def _resolved(element: ElementTree.Element, known: Mapping[str | None, ElementTree.Element]) -> ElementTree.Element:
    """The element with copies in the places of its references, and without ids."""
    whole = known[element.get("RefId")] if element.tag == "Ref" else element
    made = ElementTree.Element(whole.tag, {name: value for name, value in element.items() if name != "RefId"})
    made.text = whole.text
    made.extend(_resolved(child, known) for child in whole)
    return made


def test_what_occurs_again_is_a_reference_and_means_the_same() -> None:
    """Statements, commands and parameters, but no two values that are only equal to Python."""
    pipe = (command("Get-Item", LiteralPath=("a", "b"), Force=True), command("Select-Object", Property=("Name",)))
    like = (command("Get-Item", LiteralPath=("a", "b"), Force=Int32(1)), command("Select-Object", Property=("Name",)))
    mark = (command("Write-Output", InputObject="mark"),)
    sent = [mark, pipe, mark, like, mark]
    element = ElementTree.fromstring(Pool().serialise(sent))
    texts = [text.text for text in element.iter("S")]
    assert (texts.count("mark"), texts.count("Select-Object"), texts.count("LiteralPath")) == (1, 1, 1)
    received = deserialize(element, psrpcore.types.PSCryptoProvider()).PowerShell.ExtraCmds
    assert [[_named(one.Cmd, [(a.N, a.V) for a in one.Args]) for one in statement.Cmds] for statement in received] == [
        [_named(entry.name, [(name, to_wire(value)) for name, value in entry.parameters]) for entry in statement]
        for statement in sent
    ]


def _named(name: str, parameters: list[tuple[str, Any]]) -> tuple[str, list[tuple[str, str]]]:
    """With the values as text, in which True and 1 differ."""
    return name, [(parameter, repr(value)) for parameter, value in parameters]
