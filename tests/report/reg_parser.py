"""A parser of `.reg` files that knows nothing of the writer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

SZ, EXPAND, BINARY, DWORD, MULTI, QWORD = 1, 2, 3, 4, 7, 11


@dataclass
class Parsed:
    """What an import would do: keys that go, keys that are made sure of with their values; None: the value goes."""

    gone: list[str] = field(default_factory=list)
    keys: dict[str, dict[str | None, tuple[int, bytes] | None]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def parsed(file: bytes) -> Parsed:
    assert file.startswith(b"\xff\xfe")
    text = file[2:].decode("utf-16-le", "surrogatepass")
    head, *lines = text.split("\r\n")
    assert head == "Windows Registry Editor Version 5.00"
    assert lines[0] == ""
    assert lines[-1] == ""
    result, current = Parsed(), ""
    joined = iter(re.sub(r",\\\r\n {2}", ",", "\r\n".join(lines)).split("\r\n"))
    for line in joined:
        if line.startswith(";"):
            result.remarks.append(line[2:])
        elif line.startswith("[-"):
            result.gone.append(line[2:-1])
        elif line.startswith("["):
            current = line[1:-1]
            assert current not in result.keys
            result.keys[current] = {}
        elif line:
            name, data = named(line)
            assert name not in result.keys[current]
            result.keys[current][name] = data
    return result


def named(line: str) -> tuple[str | None, tuple[int, bytes] | None]:
    if line.startswith("@="):
        return None, data_of(line[2:])
    name, end = quoted(line)
    assert line[end] == "="
    return name, data_of(line[end + 1 :])


def quoted(line: str) -> tuple[str, int]:
    """The text between quotes, and where it ends."""
    assert line[0] == '"'
    text, place = "", 1
    while line[place] != '"':
        place += line[place] == "\\"
        text += line[place]
        place += 1
    return text, place + 1


def data_of(written: str) -> tuple[int, bytes] | None:
    if written == "-":
        return None
    if written.startswith('"'):
        text, end = quoted(written)
        assert end == len(written)
        return SZ, utf16(text + "\0")
    if written.startswith("dword:"):
        assert len(written) == 14
        return DWORD, int(written[6:], 16).to_bytes(4, "little")
    matched = re.fullmatch(r"hex(?:\(([0-9a-f]+)\))?:((?:[0-9a-f]{2}(?:,[0-9a-f]{2})*)?)", written)
    assert matched, written
    return int(matched[1], 16) if matched[1] else BINARY, bytes.fromhex(matched[2].replace(",", ""))


def utf16(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")
