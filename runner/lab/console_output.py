"""What a PowerShell process writes to stdout and stderr: CLIXML with -OutputFormat XML, else text.

The shapes are those of pwsh76/encodedcommand.jsonl: nothing at all where nothing was written, else `#< CLIXML` and one
document; in text mode stderr is CLIXML all the same, of rendered texts. Named differences: everything is written when
the process ends, and a rendered error lacks the lines that show the place in the script, and is not wrapped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from xml.etree import ElementTree

from psrpcore.types import ClixmlStream, ErrorRecord, PSCryptoProvider, serialize

from runner.lab.command_line import NotSimulated
from runner.lab.messages import Progress
from runner.lab.values import CUSTOM_OBJECT, INTEGERS, to_text
from runner.lab.wire import from_wire

_HEADER = "#< CLIXML\r\n"
_NAMESPACE = "http://schemas.microsoft.com/powershell/2004/04"
_KINDS = {"Obj": "Obj", "Ref": "Obj", "TN": "TN", "TNRef": "TN"}
_STREAM_NAMES = {ClixmlStream.OUTPUT: "Output", ClixmlStream.ERROR: "Error"}  # the others are in small letters


class Writer(Protocol):
    """Takes what a script writes; at the end the two streams as text."""

    def output(self, value: object) -> None:
        """Raises NotSimulated."""
        ...

    def error(self, record: ErrorRecord) -> None: ...

    def warning(self, text: str) -> None: ...

    def verbose(self, text: str) -> None: ...

    def progress(self, record: Progress) -> None:
        """Raises NotSimulated."""
        ...

    def host(self, text: str) -> None:
        """What Write-Host writes. Raises NotSimulated."""
        ...

    @property
    def stdout(self) -> str: ...

    @property
    def stderr(self) -> str: ...


@dataclass(slots=True)
class XmlWriter:
    """-OutputFormat XML."""

    _outputs: list[tuple[object, ClixmlStream]] = field(default_factory=list)
    _others: list[tuple[object, ClixmlStream]] = field(default_factory=list)

    def output(self, value: object) -> None:
        self._outputs.append((value, ClixmlStream.OUTPUT))

    def error(self, record: ErrorRecord) -> None:
        record.serialize_extended_info = False
        record.PSObject.to_string = _message(record)
        self._others.append((record, ClixmlStream.ERROR))

    def warning(self, text: str) -> None:
        self._others.append((text, ClixmlStream.WARNING))

    def verbose(self, text: str) -> None:
        self._others.append((text, ClixmlStream.VERBOSE))

    def progress(self, record: Progress) -> None:
        self._others.append((_progress(record), ClixmlStream.PROGRESS))

    def host(self, text: str) -> None:
        raise NotSimulated("Write-Host with -OutputFormat XML")

    @property
    def stdout(self) -> str:
        return _document(self._outputs)

    @property
    def stderr(self) -> str:
        return _document(self._others)


@dataclass(slots=True)
class TextWriter:
    """Text mode: what is neither text nor number would need PowerShell's formatting, which the lab does not have."""

    _lines: list[str] = field(default_factory=list)
    _others: list[tuple[object, ClixmlStream]] = field(default_factory=list)

    def output(self, value: object) -> None:
        plain = from_wire(value)
        if not isinstance(plain, (str, bool, *INTEGERS)):
            raise NotSimulated("how PowerShell formats objects as text; ask with -OutputFormat XML")
        self._lines.append(f"{to_text(plain)}\r\n")

    def error(self, record: ErrorRecord) -> None:
        activity = record.CategoryInfo.Activity
        for line in (
            *f"{activity} : {_message(record)}".removeprefix(" : ").splitlines(),
            f"    + CategoryInfo          : {_category(record)}",
            f"    + FullyQualifiedErrorId : {record.FullyQualifiedErrorId}",
            " ",
        ):
            self._others.append((f"{line}\r\n", ClixmlStream.ERROR))

    def warning(self, text: str) -> None:
        self._others.append((text, ClixmlStream.WARNING))

    def verbose(self, text: str) -> None:
        self._others.append((text, ClixmlStream.VERBOSE))

    def progress(self, record: Progress) -> None:
        self._others.append((_progress(record), ClixmlStream.PROGRESS))

    def host(self, text: str) -> None:
        self._lines.append(f"{text}\n")  # so in test_winrs_unicode; Write-Output ends its lines with CR LF

    @property
    def stdout(self) -> str:
        return "".join(self._lines)

    @property
    def stderr(self) -> str:
        return _document(self._others)


def _message(record: ErrorRecord) -> str:
    text = record.PSObject.to_string
    return str(record.Exception.Message) if text is None else text


def _category(record: ErrorRecord) -> str:
    text = record.CategoryInfo.PSObject.to_string
    return str(record.CategoryInfo) if text is None else text


def _progress(record: Progress) -> ElementTree.Element:
    """A progress record, which CLIXML writes in a way of its own (encoded.streams-exit)."""
    if record.operation is not None:
        raise NotSimulated("the current operation of a progress record of a WinRS process")
    element = ElementTree.Element("Obj", {"RefId": "0"})
    names = ElementTree.SubElement(element, "TN", {"RefId": "0"})
    for name in CUSTOM_OBJECT:
        ElementTree.SubElement(names, "T").text = name
    members = ElementTree.SubElement(element, "MS")
    ElementTree.SubElement(members, "I64", {"N": "SourceId"}).text = str(record.source_id)
    kind = "Completed" if record.completed else "Processing"
    parts = (
        *(("AV", record.activity), ("AI", record.activity_id), ("Nil", None), ("PI", record.parent_id)),
        *(("PC", record.percent), ("T", kind), ("SR", record.seconds_remaining), ("SD", record.status)),
    )
    inner = ElementTree.SubElement(members, "PR", {"N": "Record"})
    for tag, value in parts:
        ElementTree.SubElement(inner, tag).text = None if value is None else str(value)
    return element


def _document(items: Sequence[tuple[Any, ClixmlStream]]) -> str:
    if not items:
        return ""
    root = ElementTree.Element("Objs", {"Version": "1.1.0.1", "xmlns": _NAMESPACE})
    used: Counter[str] = Counter()
    for value, stream in items:
        element = value if isinstance(value, ElementTree.Element) else serialize(value, PSCryptoProvider())
        _renumber(element, used)
        element.set("S", _STREAM_NAMES.get(stream, stream.value))
        root.append(element)
    text = ElementTree.tostring(root, encoding="unicode")
    for character in "\ufffe\uffff":
        text = text.replace(character, f"&#x{ord(character):X};")  # not well-formed, as the engine's is (X1)
    return _HEADER + text


def _renumber(element: ElementTree.Element, used: Counter[str]) -> None:
    """Make the ids of one value follow those of the values before it; objects and types are counted apart."""
    named = [(node, _KINDS[node.tag]) for node in element.iter() if node.tag in _KINDS and "RefId" in node.attrib]
    counts = Counter(kind for node, kind in named if node.tag == kind)
    for node, kind in named:
        node.set("RefId", str(int(node.attrib["RefId"]) + used[kind]))
    used.update(counts)
