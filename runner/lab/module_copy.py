"""One module on disk, and one that a process has loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runner.lab.module_info import GalleryItem
from runner.lab.module_manifest import Manifest
from runner.lab.module_paths import Scope
from runner.lab.syntax import Function


@dataclass(frozen=True, slots=True)
class ModuleCopy:
    """A version of a module in a folder. `folder` is its ModuleBase; `item` what PowerShellGet noted of it.

    `from_gallery`: PowerShellGet installed it; then `item` is None where its note is damaged.
    """

    name: str
    folder: str
    scope: Scope
    manifest: Manifest
    from_gallery: bool
    item: GalleryItem | None = None

    @property
    def version(self) -> str:
        """The version as its manifest writes it, without label."""
        return self.manifest.version

    @property
    def label(self) -> str:
        return self.manifest.label

    @property
    def path(self) -> str:
        """The full path of the manifest."""
        return f"{self.folder}\\{self.name}.psd1"

    @property
    def root_path(self) -> str:
        """The full path of the root module; "" where there is none."""
        return f"{self.folder}\\{self.manifest.root}" if self.manifest.root else ""


@dataclass(frozen=True, slots=True)
class LoadedModule:
    """A module that a process has loaded: its functions by case-folded name, its code, and what it needed.

    `functions` is None where the lab has the module's folder but not its commands.
    """

    copy: ModuleCopy
    code: str
    functions: Mapping[str, Function] | None
    required: tuple[LoadedModule, ...] = ()
