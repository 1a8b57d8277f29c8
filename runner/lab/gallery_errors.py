"""What PowerShellGet and PackageManagement report: their errors, and the inner cmdlets that errors are attributed to.

Shapes: `groundtruth/pwsh76/gallery.md`, K1, K2 and K6. A function of PowerShellGet asks a cmdlet of PackageManagement,
and that cmdlet is the source of the error and, whole with its parameters, the target (K6). Of the target the lab has
the parameters only. Errors that no case holds carry the ids of domain.md 4.5 and the wording of PSGETSRC
(PSGet.Resource.psd1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from psrpcore.types import ErrorCategory

from runner.lab.cmdlet import Report
from runner.lab.errors import Failure, Raiser, Terminating
from runner.lab.values import OBJECT, ClrObject, Unsimulated, string_array

_CMDLETS = "Microsoft.PowerShell.PackageManagement.Cmdlets"
_BASES = (
    *(f"{_CMDLETS}.{name}" for name in ("CmdletWithProvider", "CmdletBase", "AsyncCmdlet")),
    "System.Management.Automation.PSCmdlet",
    "System.Management.Automation.Cmdlet",
    "System.Management.Automation.Internal.InternalCommand",
    OBJECT,
)
_SEARCHES = tuple(f"{_CMDLETS}.{name}" for name in ("CmdletWithSearchAndSource", "CmdletWithSearch"))
_BETWEEN: Mapping[str, tuple[str, ...]] = {
    "Find-Package": _SEARCHES,
    "Install-Package": _SEARCHES,
    "Save-Package": _SEARCHES,
    "Install-PackageProvider": _SEARCHES,
    "Find-PackageProvider": _SEARCHES,
    "Get-Package": _SEARCHES[1:],
    "Uninstall-Package": (f"{_CMDLETS}.GetPackage", *_SEARCHES[1:]),
    "Unregister-PackageSource": (f"{_CMDLETS}.CmdletWithSource",),
}


@dataclass(frozen=True, slots=True)
class PackageCmdlet:
    """A cmdlet of PackageManagement with the parameters that it was called with."""

    name: str
    parameters: Mapping[str, object] = field(default_factory=dict)

    @property
    def type_name(self) -> str:
        return f"{_CMDLETS}.{self.name.replace('-', '')}"

    @property
    def raiser(self) -> Raiser:
        return Raiser(self.name, self.type_name)

    def as_object(self) -> ClrObject:
        """The cmdlet as an error's target."""
        bases = _BASES[1:] if self.name == "Get-PackageProvider" else _BASES
        names = (self.type_name, *_BETWEEN.get(self.name, ()), *bases)
        values = {
            name: string_array(list(value)) if isinstance(value, tuple) else value
            for name, value in self.parameters.items()
        }
        return ClrObject(names, values, {}, self.type_name)

    def report(
        self, error_id: str, message: str, category: ErrorCategory = ErrorCategory.ObjectNotFound, target: object = None
    ) -> Report:
        """A non-terminating error of this cmdlet; without a target of its own the cmdlet is the target."""
        aim = self.as_object() if target is None else target
        return Report(Failure(error_id, category, "Exception", message, aim), self.raiser)


def no_match(cmdlet: PackageCmdlet, name: str) -> Report:
    """Nothing fits what is looked for, or no source could be asked (K6, K7)."""
    message = (
        f"No match was found for the specified search criteria and module name '{name}'. "
        "Try Get-PSRepository to see all available registered module repositories."
    )
    return cmdlet.report("NoMatchFoundForCriteria", message)


def not_installed(cmdlet: PackageCmdlet, name: str) -> Report:
    """Get-InstalledModule and Uninstall-Module: no such module from a gallery (M1)."""
    message = f"No match was found for the specified search criteria and module names '{name}'."
    return cmdlet.report("NoMatchFound", message)


def source_not_found(cmdlet: PackageCmdlet, name: str) -> Report:
    """A repository that is not registered (K6)."""
    message = f"Unable to find repository '{name}'. Use Get-PSRepository to see all available repositories."
    return cmdlet.report("SourceNotFound", message)


def thrown(error_id: str, message: str, target: object = None, exception: str = "ArgumentException") -> Terminating:
    """What a function of PowerShellGet throws at its caller (K2)."""
    category = ErrorCategory.InvalidOperation if exception != "ArgumentException" else ErrorCategory.InvalidArgument
    return Terminating(Failure(error_id, category, exception, message, target))


def written(error_id: str, message: str, target: object = None) -> Report:
    """What a function of PowerShellGet says with Write-Error (repo.unregister-wildcard, update.not-installed)."""
    category = ErrorCategory.InvalidOperation
    return Report(Failure(error_id, category, "WriteErrorException", message, target, activity="Write-Error"))


def needs_provider(folders: str) -> tuple[Report, Terminating]:
    """The NuGet provider is missing and nobody can be asked: an error, and then the end (P1).

    `folders` are the places for it that the question names.
    """
    question = (
        "This version of PowerShellGet requires minimum version '2.8.5.201' of NuGet provider to publish an item to "
        f"NuGet-based repositories. The NuGet provider must be available in {folders}. You can also install the "
        "NuGet provider by running 'Install-PackageProvider -Name NuGet -MinimumVersion 2.8.5.201 -Force'. "
        "Do you want PowerShellGet to install and import the NuGet provider now?"
    )
    message = (
        'Exception calling "ShouldContinue" with "2" argument(s): "A command that prompts the user failed because the '
        "host program or the command type does not support user interaction. The host was attempting to request "
        f'confirmation with the following message: {question}"'
    )
    asked = Failure("HostException", ErrorCategory.NotSpecified, "MethodInvocationException", message)
    required = (
        "NuGet provider is required to interact with NuGet-based repositories. "
        "Please ensure that '2.8.5.201' or newer version of NuGet provider is installed."
    )
    end = thrown("CouldNotInstallNuGetProvider", required, exception="InvalidOperationException")
    return Report(asked, Raiser("", "")), end


def unknown(*names: str) -> dict[str, object]:
    """Properties that the real object has and the lab does not know."""
    return {name: Unsimulated(name) for name in names}
