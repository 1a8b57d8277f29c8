"""Get-, Set- and Add-Content of files (cases provider.getcontent, provider.setcontent, reg-gc).

Texts are UTF-8 in PowerShell 6 and later. Windows PowerShell writes and reads the machine's code page, of which the lab
knows the part that all share: ASCII; other characters are refused by name, and so is every -Encoding but that of bytes
for writing (-AsByteStream in PowerShell 6 and later; provider.setcontent-bytes).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from psrpcore.types import ErrorCategory, PSInt64

from runner.lab.cmdlet import Cmdlet, Emit, Event, Report
from runner.lab.cmdlets.provider import (
    CONFIRM_TRAITS,
    CREDENTIAL,
    FILTERS,
    LITERAL,
    MANAGEMENT,
    SHOULD_PROCESS,
    TRANSACTION,
    TRANSACTION_TRAITS,
    UNSIMULATED,
    ProviderCmdlet,
)
from runner.lab.drives import drive_object, provider_object
from runner.lab.enums import FileSystemCmdletProviderEncoding
from runner.lab.errors import Failure, Terminating, not_simulated
from runner.lab.file_paths import FilePath, FileTarget
from runner.lab.file_writes import no_such_folder
from runner.lab.files import File, Folder
from runner.lab.locations import Closed, EnvironmentTarget, locate
from runner.lab.signature import Traits
from runner.lab.values import NotedText, to_text
from runner.lab.wildcard import has_wildcards

_ENCODING = "[-Encoding@3.0-5.1 <FileSystemCmdletProviderEncoding>] [-Encoding@6.0 <Encoding>]"
_REST = f"[-Force] {FILTERS} {CREDENTIAL}"
_TRAITS = {
    "Path": Traits(pipeline="name"),
    "LiteralPath": LITERAL,
    "Credential": Traits(pipeline="name"),
    **TRANSACTION_TRAITS,
}


class _ContentCmdlet(ProviderCmdlet):
    module = MANAGEMENT
    default_set = "Path"

    def no_content(self) -> Report:
        """The error of a provider whose items have no content."""
        message = self.session.say("NoContentInterface")
        category = ErrorCategory.NotImplemented
        return Report(Failure("NotSupported", category, "PSNotSupportedException", message))

    @property
    def encoding(self) -> str:
        return "utf-8" if self.session.version >= (6, 0) else "ascii"


class GetContent(_ContentCmdlet):
    name = "Get-Content"
    type_name = "Microsoft.PowerShell.Commands.GetContentCommand"
    aliases = ("gc", "cat", "type")
    _READING = (
        "[-ReadCount <Int64>] [-TotalCount <Int64>] [-Tail <Int32>] [-Delimiter <String>] [-Wait] [-Raw] "
        f"{_ENCODING} [-AsByteStream@6.0] [-Stream <String>] {TRANSACTION}"
    )
    syntax: ClassVar = {
        "Path": f"[-Path] <String[]> {_READING} {_REST}",
        "LiteralPath": f"-LiteralPath <String[]> {_READING} {_REST}",
    }
    traits: ClassVar = {
        **_TRAITS,
        "ReadCount": Traits(pipeline="name"),
        "TotalCount": Traits(aliases=("First", "Head"), pipeline="name"),
        "Tail": Traits(aliases=("Last",), pipeline="name"),
    }
    unsimulated = UNSIMULATED | {"ReadCount", "Delimiter", "Wait", "Encoding", "AsByteStream", "Stream"}

    def process(self) -> Iterator[Event]:
        for target in self.items():
            if isinstance(target, Report):
                yield target
            elif isinstance(target, EnvironmentTarget):
                raise Terminating(not_simulated("Get-Content on environment variables"))
            elif not isinstance(target, FileTarget):
                yield self.no_content()
            elif isinstance(target.node, Folder):
                raise Terminating(not_simulated("Get-Content on folders"))
            elif target.node.closed:
                raise Closed(target.path, target.path.full)
            else:
                yield from self._texts(target.path, target.node)

    def _texts(self, path: FilePath, node: File) -> Iterator[Event]:
        try:
            text = node.data.decode(self.encoding)
        except UnicodeDecodeError:
            raise Terminating(not_simulated("the encoding of this file")) from None
        if self.arguments.flag("Raw"):
            yield from [Emit(self._noted(path, text, 1))] if text else []
            return
        lines = text.splitlines()
        first, last = self.arguments.number("TotalCount"), self.arguments.number("Tail")
        if first is not None:
            lines = lines[:first] if first >= 0 else lines
        if last is not None:
            lines = lines[-last:] if last else []
        yield from (Emit(self._noted(path, line, number)) for number, line in enumerate(lines, 1))

    def _noted(self, path: FilePath, text: str, count: int) -> NotedText:
        notes: dict[str, object] = {
            "PSPath": path.full,
            "PSParentPath": path.parent,
            "PSChildName": path.leaf,
            "PSDrive": drive_object(self.session, "C"),
            "PSProvider": provider_object(self.session, "FileSystem"),
            "ReadCount": PSInt64(count),
        }
        if not path.through_drive:
            raise Terminating(not_simulated("Get-Content through a provider path"))
        return NotedText(text, notes)


class _ContentWriter(_ContentCmdlet):
    syntax: ClassVar = {
        "Path": f"[-Path] <String[]> [-Value] <Object[]> [-PassThru] {_REST} {SHOULD_PROCESS} {TRANSACTION} "
        f"[-NoNewline@5.0] {_ENCODING} [-AsByteStream@6.0] [-Stream <String>]",
        "LiteralPath": f"[-Value] <Object[]> -LiteralPath <String[]> [-PassThru] {_REST} {SHOULD_PROCESS} "
        f"{TRANSACTION} [-NoNewline@5.0] {_ENCODING} [-AsByteStream@6.0] [-Stream <String>]",
    }
    traits: ClassVar = {
        **_TRAITS,
        "Value": Traits(pipeline="value name", accepts_null=True),
        **CONFIRM_TRAITS,
    }
    unsimulated = UNSIMULATED | {"PassThru", "Stream"}
    appends: ClassVar[bool]

    def process(self) -> Iterator[Event]:
        paths = self.arguments.texts("LiteralPath") or self.arguments.texts("Path") or []
        for given in paths:
            location = locate(self.session, given)
            if not self.literal and has_wildcards(given):
                raise Terminating(not_simulated(f"{self.name} with wildcards"))
            if location is None:
                yield from self._elsewhere()
            elif not isinstance(location, FilePath):
                raise Terminating(not_simulated(f"{self.name} on environment variables"))
            else:
                yield from self._write(location)

    def _elsewhere(self) -> Iterator[Event]:
        for target in self.targets():
            yield target if isinstance(target, Report) else self.no_content()

    def _write(self, path: FilePath) -> Iterator[Event]:
        files = self.machine.files
        before = files.find(path.full)
        if isinstance(before, Folder):
            raise Terminating(not_simulated(f"{self.name} on folders"))
        if not isinstance(files.find(path.parent), Folder):
            error_id = "GetContentWriterDirectoryNotFoundError"
            yield Report(no_such_folder(self.session, error_id, ErrorCategory.ObjectNotFound, path))
        elif self.should_process():
            kept = before.data if self.appends and before is not None else b""
            self.machine.put_file(path.full, File("", kept + self._data(), self.machine.now()))

    def _data(self) -> bytes:
        """A null is no line; each other value is the line of its text, or with an encoding of bytes a byte."""
        if "Encoding" in self.arguments or self.arguments.flag("AsByteStream"):
            return self._bytes()
        newline = "" if self.arguments.flag("NoNewline") else "\r\n"
        values = (value for value in self.arguments.items("Value") if value is not None)
        try:
            return "".join(to_text(value) + newline for value in values).encode(self.encoding)
        except UnicodeEncodeError:
            raise Terminating(not_simulated("other than ASCII characters in files of Windows PowerShell")) from None

    def _bytes(self) -> bytes:
        encoding = self.arguments.get("Encoding")
        values = self.arguments.items("Value")
        if encoding not in (None, FileSystemCmdletProviderEncoding.Byte) or self.arguments.flag("NoNewline"):
            raise Terminating(not_simulated(f"{self.name} with an encoding"))
        if not all(isinstance(value, bytes) for value in values):
            raise Terminating(not_simulated(f"{self.name} of bytes that are no byte array"))
        return b"".join(value for value in values if isinstance(value, bytes))


class SetContent(_ContentWriter):
    name = "Set-Content"
    type_name = "Microsoft.PowerShell.Commands.SetContentCommand"
    aliases = ()
    appends = False


class AddContent(_ContentWriter):
    name = "Add-Content"
    type_name = "Microsoft.PowerShell.Commands.AddContentCommand"
    aliases = ("ac",)
    appends = True


COMMANDS: tuple[type[Cmdlet], ...] = (GetContent, SetContent, AddContent)
