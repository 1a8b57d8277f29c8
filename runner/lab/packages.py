"""Module packages as real files, for a site of the lab that installs from the controller (domain.md 4.6)."""

from __future__ import annotations

import zipfile
from pathlib import Path

from runner.lab.module_folders import ModuleFiles

_BUILT = (2025, 1, 1, 0, 0, 0)
_CONTENT_TYPES = '<?xml version="1.0" encoding="utf-8"?><Types/>'


def write_package(folder: Path, module: ModuleFiles) -> Path:
    """Writes NAME.VERSION.nupkg, the same bytes each time: the module's files, and what only NuGet needs of it."""
    path = folder / f"{module.name}.{module.version}.nupkg"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        nuspec = f"<package><metadata><id>{module.name}</id><version>{module.version}</version></metadata></package>"
        files = {"[Content_Types].xml": _CONTENT_TYPES.encode(), f"{module.name}.nuspec": nuspec.encode()}
        for name, content in {**files, **module.contents()}.items():
            package.writestr(zipfile.ZipInfo(name, _BUILT), content)
    return path
