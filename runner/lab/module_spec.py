"""PowerShell modules in a machine's spec.

`{ExchangeOnlineManagement: ['2.0.5', {version: '3.1.0', scope: current_user}, {version: '3.2.0', by_hand: true}]}`:
versions lie side by side; null instead of the versions takes a module away that this Windows has.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from runner.lab.files import File, FileTree
from runner.lab.module_folders import ModuleFiles, Origin, module_base, module_nodes
from runner.lab.module_paths import Scope, scope_folder
from runner.lab.signature import Version

GALLERY = "PSGallery"
GALLERY_LOCATION = "https://www.powershellgallery.com/api/v2"
_INSTALLED = datetime(2025, 1, 1, tzinfo=UTC)
_VERSION = r"^\d{1,9}(\.\d{1,9}){1,3}$"
_SCOPES: dict[str, Scope] = {"all_users": "AllUsers", "current_user": "CurrentUser", "system": "System"}


def _quoted(value: object) -> object:
    if isinstance(value, (int, float)):
        raise ValueError(f"quote the version {value}: YAML reads it as a number")
    return value


VersionText = Annotated[str, BeforeValidator(_quoted), Field(pattern=_VERSION)]


class ModuleSpec(BaseModel):
    """One version of a module: who sees it, whether it was copied by hand, and further fields of its manifest.

    A folder without version holds a single version; `user` is the account for the scope current_user.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: VersionText
    label: str = ""
    scope: Literal["all_users", "current_user", "system"] = "all_users"
    user: str = "Administrator"
    by_hand: bool = False
    version_folder: bool = True
    manifest: dict[str, Any] = {}


ModulesSpec = dict[str, tuple[VersionText | ModuleSpec, ...] | None]


def put_modules(tree: FileTree, powershell: Version, shipped: Mapping[int, ModulesSpec], modules: ModulesSpec) -> None:
    """Put modules among a machine's files: those that its PowerShell's major version ships with, and its own."""
    given = {name.casefold() for name, versions in modules.items() if versions is None}
    for name, versions in (*shipped.get(powershell[0], {}).items(), *modules.items()):
        for version in versions or ():
            if name.casefold() not in given:
                _put(tree, powershell, name, version)


def _put(tree: FileTree, powershell: Version, name: str, version: str | ModuleSpec) -> None:
    spec = version if isinstance(version, ModuleSpec) else ModuleSpec(version=version)
    folder = scope_folder(powershell, _SCOPES[spec.scope], spec.user)
    for path, node in _nodes(name, spec.model_dump_json(), folder).items():
        tree.put(path, node, _INSTALLED)


@functools.lru_cache(maxsize=256)
def _nodes(name: str, written: str, folder: str) -> Mapping[str, File]:
    """The files of a module below a folder of the module path: machines share them."""
    spec = ModuleSpec.model_validate_json(written)
    module = ModuleFiles(name, spec.version, spec.label, spec.manifest)
    base = module_base(folder, module) if spec.version_folder else f"{folder}\\{name}"
    origin = None if spec.by_hand else Origin(GALLERY, GALLERY_LOCATION, _INSTALLED)
    return MappingProxyType(module_nodes(module, base, origin, _INSTALLED))
