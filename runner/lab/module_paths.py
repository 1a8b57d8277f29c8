"""Where PowerShell looks for modules: domain.md 4.4 and about_PSModulePath (5.1)."""

from __future__ import annotations

from typing import Literal

from runner.lab.signature import Version

VARIABLE = "PSModulePath"
Scope = Literal["AllUsers", "CurrentUser", "System"]  # System: what belongs to PowerShell itself


def scope_folder(powershell: Version, scope: Scope, user: str) -> str:
    """Where modules of a scope lie in a PowerShell of this version, for an account."""
    home = "PowerShell" if powershell >= (6, 0) else "WindowsPowerShell"
    if scope == "CurrentUser":
        return f"C:\\Users\\{user}\\Documents\\{home}\\Modules"
    if scope == "AllUsers":
        return f"C:\\Program Files\\{home}\\Modules"
    if powershell >= (6, 0):
        return f"C:\\Program Files\\PowerShell\\{powershell[0]}\\Modules"
    return "C:\\Windows\\system32\\WindowsPowerShell\\v1.0\\Modules"


def module_path(of_machine: str, powershell: Version, user: str) -> str:
    """The PSModulePath of a new process, from the machine's: the account's own folder comes first."""
    own = [scope_folder(powershell, "CurrentUser", user)]
    if powershell >= (6, 0):
        own += [scope_folder(powershell, "AllUsers", user), scope_folder(powershell, "System", user)]
    return ";".join((*own, of_machine))
