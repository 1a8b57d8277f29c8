"""Get-FileHash (case provider.getfilehash).

Up to Windows PowerShell 5.1 it is a function (groundtruth/psca), whose text is that of PowerShell 6.0's
Microsoft.PowerShell.Utility.psm1: Resolve-Path says what is missing, folders are passed over, and the first file that
cannot be opened ends it. Later it is a cmdlet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import ClassVar

from psrpcore.types import ErrorCategory

from runner.lab.cmdlet import Emit, Event, Report
from runner.lab.cmdlets.provider import LITERAL, ProviderCmdlet
from runner.lab.errors import Failure, Raiser, Terminating, not_simulated
from runner.lab.file_paths import FileTarget
from runner.lab.files import File
from runner.lab.locations import Closed
from runner.lab.signature import Traits
from runner.lab.values import CUSTOM_OBJECT, OBJECT, ClrObject

_RESOLVER = Raiser("Resolve-Path", "Microsoft.PowerShell.Commands.ResolvePathCommand")
_ALGORITHM = "[-Algorithm@4.0-5.1 <String>] [[-Algorithm@6.0] <String>]"
_DENIED = "UnauthorizedAccessError"
_ONLY_OLD = ("MACTRIPLEDES", "RIPEMD160")


class GetFileHash(ProviderCmdlet):
    name = "Get-FileHash"
    module = "Microsoft.PowerShell.Utility"
    type_name = "Microsoft.PowerShell.Commands.GetFileHashCommand"
    since = (4, 0)
    cmdlet_since = (6, 0)
    syntax: ClassVar = {
        "Path": f"[-Path] <String[]> {_ALGORITHM}",
        "LiteralPath": f"-LiteralPath@4.0-5.1 <String[]> [-LiteralPath@6.0] <String[]> {_ALGORITHM}",
        "Stream": "-InputStream <Stream>",
    }
    traits: ClassVar = {
        "LiteralPath": LITERAL,
        "Algorithm": Traits(
            choices=("SHA1", "SHA256", "SHA384", "SHA512", "MACTripleDES@4.0-5.1", "MD5", "RIPEMD160@4.0-5.1")
        ),
    }
    default_set = "Path"
    unsimulated = frozenset({"InputStream"})

    @property
    def is_function(self) -> bool:
        return self.session.version < self.cmdlet_since

    def process(self) -> Iterator[Event]:
        algorithm = (self.arguments.text("Algorithm") or "SHA256").upper()
        if algorithm in _ONLY_OLD:
            raise Terminating(not_simulated(f"Get-FileHash -Algorithm {algorithm}"))
        for target in self.items():
            if isinstance(target, Report):
                yield self._told(target)
            elif not isinstance(target, FileTarget):
                raise Terminating(not_simulated("Get-FileHash of what is no file"))
            elif target.node.closed:
                yield from self.inaccessible(Closed(target.path, target.path.full))
            elif isinstance(target.node, File):
                yield Emit(self._hash(target.path.full, target.node, algorithm))
            elif not self.is_function:
                yield self._denied(target.path.full)

    def inaccessible(self, closed: Closed) -> Iterator[Report]:
        """A file that cannot be opened; of the function's error and of a closed folder nothing is recorded."""
        if self.is_function or closed.is_below:
            raise closed
        yield self._denied(closed.path.full)

    def _hash(self, path: str, node: File, algorithm: str) -> ClrObject:
        computed = hashlib.new(algorithm.lower(), node.data).hexdigest().upper()
        properties: dict[str, object] = {"Algorithm": algorithm, "Hash": computed, "Path": path}
        if self.is_function:
            return ClrObject(("Microsoft.Powershell.Utility.FileHash", *CUSTOM_OBJECT), {}, properties, None)
        type_name = "Microsoft.PowerShell.Commands.FileHashInfo"
        return ClrObject((type_name, OBJECT), properties, {}, type_name)

    def _told(self, report: Report) -> Report:
        """The error of a path as this command tells it."""
        if self.is_function:
            return Report(report.failure, _RESOLVER)
        if report.failure.error_id == _DENIED:
            return report
        path = report.failure.target
        message = self.session.say("FileNotFound", str(path))
        category = ErrorCategory.ObjectNotFound
        return Report(Failure("FileNotFound", category, "FileNotFoundException", message, path))

    def _denied(self, path: str) -> Report:
        message = self.session.say("FileAccessDenied", path)
        category = ErrorCategory.InvalidData
        failure = Failure(_DENIED, category, "UnauthorizedAccessException", message, path)
        return Report(failure)


COMMANDS = (GetFileHash,)
