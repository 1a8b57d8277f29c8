"""Commands that come from the modules on disk: loading a module by a command's first call (gallery.md M5)."""

from __future__ import annotations

from psrpcore.types import ErrorCategory

from runner.lab.cmdlet import Session
from runner.lab.commands import find_command, gallery_module_of
from runner.lab.enums import ExecutionPolicy
from runner.lab.errors import Failure, Terminating, not_simulated
from runner.lab.execution_policies import effective_policy
from runner.lab.module_copy import ModuleCopy
from runner.lab.module_folders import installed
from runner.lab.module_loading import comes_with_windows, find_copy, load, loaded
from runner.lab.module_versions import ModuleSpecification

_LOADS = {"PowerShellGet": ("PowerShellGet", "PackageManagement"), "PackageManagement": ("PackageManagement",)}


def lacks_module(session: Session, command: str) -> bool:
    """Whether a command belongs to a module that is not installed on this machine."""
    module = gallery_module_of(command)
    return bool(module) and not installed(session, module)


def promising(session: Session, command: str) -> ModuleCopy | None:
    """The module that is loaded for a command: the first on the module path whose manifest promises it (finding M5)."""
    for copy in installed(session):
        promised = (copy.manifest.texts("FunctionsToExport") or ()) + (copy.manifest.texts("CmdletsToExport") or ())
        if command.casefold() in (name.casefold() for name in promised):
            return copy
    return None


def load_for(session: Session, command: str) -> None:
    """Load the module that a command belongs to, if it is one of the modules on disk.

    Raises Terminating where that cannot be done.
    """
    module = gallery_module_of(command)
    if module:
        there = loaded(session, ModuleSpecification(module))
        copy = None if there else find_copy(session, ModuleSpecification(module))
        if copy is not None:
            _refuse_blocked(session, command, module)
    else:
        copy = None if find_command(command, session.version) else promising(session, command)
    if copy is not None and isinstance(load(session, copy), Failure):
        raise Terminating(not_simulated(f"a command of a module that cannot be loaded ({copy.path})"))


def _refuse_blocked(session: Session, command: str, module: str) -> None:
    """Refuse a command of Windows PowerShell whose module no script may be loaded for. Raises Terminating.

    A PowerShellGet or PackageManagement that did not come with Windows is a script like any other (PowerShellGetv2,
    issue 449). Error: case env.module-output-autoload-fail.
    """
    needed = [find_copy(session, ModuleSpecification(name)) for name in _LOADS.get(module, ())]
    if session.version >= (6, 0) or effective_policy(session) is not ExecutionPolicy.Restricted:
        return
    if all(copy is None or comes_with_windows(copy) for copy in needed):
        return
    error_id, kind = "CouldNotAutoloadMatchingModule", "CommandNotFoundException"
    message = session.say(error_id, command, module)
    failure = Failure(error_id, ErrorCategory.ObjectNotFound, kind, message, command, wrapped=True)
    raise Terminating(failure, anonymous=True)
