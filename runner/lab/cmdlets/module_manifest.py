"""Test-ModuleManifest (gallery.md M8; pwsh76 manifest.*)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from psrpcore.types import ErrorCategory

from runner.lab.cmdlet import Cmdlet, Emit, Event, Report
from runner.lab.cmdlets.objects import ALL_SETS, CORE
from runner.lab.errors import Failure, Terminating, not_simulated
from runner.lab.file_paths import FileTarget, file_path, matching_files
from runner.lab.files import File
from runner.lab.module_copy import ModuleCopy
from runner.lab.module_folders import module_at
from runner.lab.module_loading import find_copy, insufficient_powershell
from runner.lab.module_objects import checked_module
from runner.lab.module_versions import VERSION_FOLDER, version_key
from runner.lab.signature import Traits
from runner.lab.values import OBJECT, ClrList

_PATHS = (
    "System.Collections.ObjectModel.Collection`1[[System.String, System.Private.CoreLib, Version=10.0.0.0, "
    "Culture=neutral, PublicKeyToken=7cec85d7bea7798e]]",
    OBJECT,
)


class TestModuleManifest(Cmdlet):
    """Whether a manifest is whole: with what is wrong as errors it shows the module all the same."""

    name = "Test-ModuleManifest"
    module = CORE
    type_name = "Microsoft.PowerShell.Commands.TestModuleManifestCommand"
    syntax: ClassVar = {ALL_SETS: "[-Path] <String>"}
    traits: ClassVar = {"Path": Traits(pipeline="value name")}

    def process(self) -> Iterator[Event]:
        path = self._target().path.full
        copy = module_at(self.session, path)
        if not isinstance(copy, ModuleCopy):
            raise Terminating(not_simulated(f"the parser's words about a broken manifest ({path})"))
        mismatch = self._version_mismatch(copy)
        if mismatch is not None:
            yield Report(mismatch)
            raise Terminating(mismatch)
        yield from (
            Report(failure) for failure in (self._root(copy), insufficient_powershell(self.session, copy)) if failure
        )
        if any(find_copy(self.session, wanted) is None for wanted in copy.manifest.requirements()):
            raise Terminating(not_simulated(f"a manifest whose required modules are missing ({path})"))
        yield Emit(checked_module(copy, self.session.version))

    def _target(self) -> FileTarget:
        """The one manifest that the path means. Raises Terminating."""
        given = self.arguments.text("Path")
        path = file_path(self.session, given)
        found = matching_files(self.session, path) if path else []
        if not found:
            raise Terminating(not_simulated(f"Test-ModuleManifest of a path that is not there ({given})"))
        if len(found) > 1:
            message = self.session.say("MoreThanOneFile")
            target = ClrList([one.path.full for one in found], _PATHS)
            category = ErrorCategory.InvalidOperation
            raise Terminating(
                Failure(
                    "AmbiguousPath",
                    category,
                    "RuntimeException",
                    message,
                    target,
                    target_type="Collection`1",
                    target_name="System.Collections.ObjectModel.Collection`1[System.String]",
                )
            )
        if not isinstance(found[0].node, File) or not found[0].path.full.casefold().endswith(".psd1"):
            message = self.session.say("InvalidModuleManifestPath", given)
            error_id, category = "Modules_InvalidModuleManifestPath", ErrorCategory.InvalidArgument
            raise Terminating(Failure(error_id, category, "InvalidOperationException", message, given))
        return found[0]

    def _version_mismatch(self, copy: ModuleCopy) -> Failure | None:
        """The error of a manifest in the folder of another version (manifest.folder-mismatch)."""
        folder = copy.folder.rpartition("\\")[2]
        if not VERSION_FOLDER.fullmatch(folder) or version_key(folder) == version_key(copy.version):
            return None
        message = self.session.say("InvalidModuleManifestVersion", copy.path, copy.version, copy.folder)
        error_id, category = "Modules_InvalidModuleManifestVersion", ErrorCategory.InvalidArgument
        return Failure(error_id, category, "InvalidOperationException", message, copy.path)

    def _root(self, copy: ModuleCopy) -> Failure | None:
        """The error of a manifest whose root module is not there (manifest.root-missing)."""
        if not copy.root_path or self.machine.files.find(copy.root_path) is not None:
            return None
        message = self.session.say("InvalidModuleManifest", copy.manifest.root, copy.path)
        error_id, category = "Modules_InvalidRootModuleInModuleManifest", ErrorCategory.InvalidArgument
        return Failure(error_id, category, "ArgumentException", message, copy.path)


COMMANDS: tuple[type[Cmdlet], ...] = (TestModuleManifest,)
