r"""Files of the controller, on their way to a host: written piece by piece, proven whole before anything is moved.

A piece is one `Set-Content` or `Add-Content` of bytes in a pipeline of its own (provider.setcontent-bytes). Windows
PowerShell, up to 5.1, writes bytes with `-Encoding Byte`; PowerShell 6 and later has another parameter for it, so
modules that send `require` WINDOWS_POWERSHELL. `Get-FileHash` is there since PowerShell 4.0 (the captured profiles).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import PureWindowsPath

from runner.model.command import Reply, Statement, command
from runner.model.content import Content, Member, Slice
from runner.model.value import PSObject
from runner.modules.base import Requires, errors_of
from runner.modules.host_files import FILE, FOLDER, made

WINDOWS_POWERSHELL = Requires(powershell="4.0", below="6.0")
# Bytes travel in base64 twice, 16/9 of their size, in as many envelopes as they need. Measured on the lab: 6 MB take
# 399 requests in pieces of 32 KiB, 207 of 64, 135 of 256, 111 of 384 and of 512; a host makes each byte an object.
PIECE = 256 * 1024
_PROVEN_AT_ONCE = 50  # files whose hashes one statement asks for


def statements(content: Content, staging: str) -> tuple[Statement, ...]:
    r"""The changes that put a content at `staging` and prove it, in their order; each is a pipeline of its own.

    A single file (its member's path is "") is put at the path `staging`, whose folder must be there. Of a folder or a
    package all members are put below the folder `staging`, which is made, with the folders above it; what an earlier
    attempt left there is overwritten. The last ones only read: `complaint` says whether the host has the files whole,
    so that a module which calls it in its `judge` ends before the `Move-Item` that it puts behind these.
    """
    members = tuple((_place(staging, member), member) for member in content.members)
    folders = tuple(made(path, FOLDER) for path in _folders(staging, content.members))
    pieces = tuple(piece for path, member in members for piece in member_written(path, content.source, member))
    hashes = [(path, member.sha256) for path, member in members]
    return (*folders, *pieces, *proofs(hashes))


def member_written(path: str, source: str, member: Member) -> tuple[Statement, ...]:
    """The changes that write one member of a source to a file, in the place of what is there."""
    starts = range(0, member.size, PIECE)
    lengths = (min(PIECE, member.size - start) for start in starts)
    slices = map(partial(Slice, source, member.path, member.sha256), starts, lengths)
    return _written(path, list(slices))


def bytes_written(path: str, data: bytes) -> tuple[Statement, ...]:
    """The changes that write these bytes to a file, in the place of what is there."""
    return _written(path, [data[start : start + PIECE] for start in range(0, len(data), PIECE)])


def proofs(hashes: Sequence[tuple[str, str]]) -> Iterator[Statement]:
    """Reads the hashes of files, given as path and SHA-256; `complaint` judges the answer."""
    for start in range(0, len(hashes), _PROVEN_AT_ONCE):
        some = hashes[start : start + _PROVEN_AT_ONCE]
        yield (
            command("Get-FileHash", LiteralPath=tuple(path for path, _ in some), Algorithm="SHA256"),
            command("Where-Object", Property="Hash", In=True, Value=tuple(sha256.upper() for _, sha256 in some)),
            command("Select-Object", Property=("Path", "Hash")),
        )


def complaint(statement: Statement, reply: Reply) -> str | None:
    """Which files of a proof did not arrive whole; None where all did, and for every other statement."""
    if statement[0].name != "Get-FileHash":
        return None
    found = {
        str(output.get("Path")).casefold(): str(output.get("Hash"))
        for output in reply.outputs
        if isinstance(output, PSObject)
    }
    paths, hashes = dict(statement[0].parameters)["LiteralPath"], dict(statement[1].parameters)["Value"]
    assert isinstance(paths, tuple)
    assert isinstance(hashes, tuple)
    damaged = [
        str(path) for path, sha256 in zip(paths, hashes, strict=True) if found.get(str(path).casefold()) != sha256
    ]
    if not damaged:
        return None
    reason = errors_of(reply) or "its SHA-256 on the host is another"
    more = f" and {len(damaged) - 1} more" if len(damaged) > 1 else ""
    return f"{damaged[0]}{more} did not arrive whole: {reason}"


def _place(staging: str, member: Member) -> str:
    return str(PureWindowsPath(staging, *member.path.split("/"))) if member.path else staging


def _folders(staging: str, members: Sequence[Member]) -> list[str]:
    """The folders that the members need, each after the one it is in; none for a single file."""
    found = {str(PureWindowsPath(_place(staging, member)).parent) for member in members if member.path}
    return sorted({staging, *found}) if found else []


def _written(path: str, parts: Sequence[bytes | Slice]) -> tuple[Statement, ...]:
    """The first piece replaces what is there, the others are added; an empty file has none."""
    if not parts:
        return (made(path, FILE),)
    return tuple(
        (command("Add-Content" if number else "Set-Content", LiteralPath=path, Value=part, Encoding="Byte"),)
        for number, part in enumerate(parts)
    )
