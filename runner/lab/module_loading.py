"""What a process loads of the modules on disk: the work of Import-Module and Remove-Module.

Facts: gallery.md M4, M5 and I11 (pwsh76 import.*, remove.*, getmodule.loaded-after-use).
"""

from __future__ import annotations

from collections.abc import Iterator

from psrpcore.types import ErrorCategory

from runner.lab.cmdlet import Session
from runner.lab.enums import ExecutionPolicy
from runner.lab.errors import Failure, Terminating, not_simulated
from runner.lab.execution_policies import effective_policy
from runner.lab.files import File
from runner.lab.module_copy import LoadedModule, ModuleCopy
from runner.lab.module_folders import STAND_IN, installed
from runner.lab.module_manifest import Manifest
from runner.lab.module_versions import ModuleSpecification, version_key
from runner.lab.script import parse
from runner.lab.script_grammar import parsed
from runner.lab.syntax import Function, ParseError, Unsupported
from runner.lab.wildcard import matches

_ALLOWING = (ExecutionPolicy.RemoteSigned, ExecutionPolicy.Unrestricted, ExecutionPolicy.Bypass)
_WITH_WINDOWS = ("1.0.0.1", frozenset({"packagemanagement", "powershellget"}))
_NOT_LOADED = ("NestedModules", "RequiredAssemblies", "ScriptsToProcess", "TypesToProcess", "FormatsToProcess")


def find_copy(session: Session, wanted: ModuleSpecification) -> ModuleCopy | None:
    """The copy that is loaded for a name and versions: on the first folder of the module path the newest that fits."""
    return next((copy for copy in installed(session, wanted.name) if wanted.admits(copy.version)), None)


def loaded(session: Session, wanted: ModuleSpecification) -> list[LoadedModule]:
    """The loaded modules that fit; the name may hold wildcards."""
    return [
        module
        for module in session.modules
        if matches(wanted.name, module.copy.name) and wanted.admits(module.copy.version)
    ]


def load(session: Session, copy: ModuleCopy, *, anew: bool = False) -> LoadedModule | Failure:
    """Load a module and what it needs; one that is loaded is only loaded again `anew`.

    Returns the error where PowerShell has one; raises Terminating for what the lab cannot load.
    """
    before = next((one for one in session.modules if one.copy.folder == copy.folder), None)
    if before is not None and not anew:
        return before
    too_old = insufficient_powershell(session, copy)
    if too_old is not None:
        return too_old
    required = tuple(_load_required(session, copy))
    code = _code(session, copy)
    module = LoadedModule(copy, code, None if code == STAND_IN else _functions(copy, code), required)
    if before is not None:
        unload(session, before)
    session.modules.append(module)
    session.functions.update(module.functions or {})
    return module


def unload(session: Session, module: LoadedModule) -> None:
    """Take a module and its functions out of the process."""
    session.modules.remove(module)
    for name, function in (module.functions or {}).items():
        if session.functions.get(name) is function:
            del session.functions[name]


def insufficient_powershell(session: Session, copy: ModuleCopy) -> Failure | None:
    """The error of a module that wants a newer PowerShell (import.newer-powershell, manifest.newer-powershell)."""
    wanted, ours = copy.manifest.text("PowerShellVersion"), session.machine.facts.powershell
    if not wanted or version_key(wanted) <= version_key(ours):
        return None
    message = session.say("InsufficientPowerShellVersion", ours, copy.path, wanted)
    category, error_id = ErrorCategory.ResourceUnavailable, "Modules_InsufficientPowerShellVersion"
    return Failure(error_id, category, "InvalidOperationException", message, copy.path)


def comes_with_windows(copy: ModuleCopy) -> bool:
    """Whether a module is one of Windows itself, whose files Windows PowerShell trusts under every policy.

    So says its source (PSAuthorizationManager.CheckPolicy asks SecuritySupport.IsProductBinary first).
    """
    version, names = _WITH_WINDOWS
    return copy.version == version and copy.name.casefold() in names and not copy.from_gallery


def _load_required(session: Session, copy: ModuleCopy) -> Iterator[LoadedModule]:
    for wanted in copy.manifest.requirements():
        there = loaded(session, wanted)
        found = None if there else find_copy(session, wanted)
        module = there[-1] if there else load(session, found) if found else None
        if not isinstance(module, LoadedModule):
            raise Terminating(not_simulated(f"a module that lacks {wanted.name} ({copy.path})"))
        yield module


def _code(session: Session, copy: ModuleCopy) -> str:
    """The text of the root module. Raises Terminating for every other kind of module."""
    file = session.machine.files.find(copy.root_path) if copy.root_path else None
    if not isinstance(file, File) or not copy.root_path.casefold().endswith(".psm1"):
        raise Terminating(not_simulated(f"loading a module without a script as its root ({copy.path})"))
    if effective_policy(session) not in _ALLOWING and not comes_with_windows(copy):
        raise Terminating(not_simulated(f"loading a module under the policy {effective_policy(session).name}"))
    return file.data.decode("utf-8-sig", "replace")


def _functions(copy: ModuleCopy, code: str) -> dict[str, Function]:
    """The exported functions of a root module that defines nothing but functions. Raises Terminating for others."""
    if any(copy.manifest.get(field) not in (None, "", ()) for field in _NOT_LOADED):
        raise Terminating(not_simulated(f"loading a module of several parts ({copy.path})"))
    try:
        root = parsed(code)
        if root is not None and root.has_error:
            raise Unsupported("script text that it cannot parse")
        statements = parse(code)
    except (Unsupported, ParseError) as error:
        raise Terminating(not_simulated(f"the code of {copy.root_path}: {error}")) from None
    functions = [statement for statement in statements if isinstance(statement, Function)]
    if len(functions) != len(statements):
        raise Terminating(not_simulated(f"the code of {copy.root_path}"))
    return {one.name.casefold(): one for one in functions if _is_exported(copy.manifest, one.name)}


def _is_exported(manifest: Manifest, name: str) -> bool:
    patterns = manifest.texts("FunctionsToExport")
    return patterns is None or any(matches(pattern, name) for pattern in patterns)
