"""Why PowerShellGet and PackageManagement failed, and what to do: a table by the stable part of the error id.

The messages are localised, the ids are not. Causes and fixes: domain.md 4.5; ids: groundtruth/pwsh76/gallery.md (K2,
K6, P1 to P4, M7) and the cases named there. What ends in a mere warning has no id (K3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from runner.model.command import Reply
from runner.modules.base import errors_of


@dataclass(frozen=True, slots=True)
class Failure:
    """What an error id means, and what to do about it; `warned` is what it means where the host warned as well."""

    cause: str
    fix: str
    warned: Failure | None = None


_OUT_OF_REACH = (
    "the host speaks no TLS 1.2 (set SchUseStrongCrypto and SystemDefaultTlsVersions with win_regedit), it needs a "
    "proxy (argument proxy; one that asks for an account cannot be used), the name is unknown to it, or a firewall is "
    "in the way; win_uri tells which"
)
_OR_SOURCE = f"{_OUT_OF_REACH}; where nothing helps, give source"
_NEWER = "put win_psmodule tasks for PackageManagement 1.4.8.1 and PowerShellGet 2.2.5 before this one"

FAILURES: Mapping[str, Failure] = MappingProxyType(
    {
        "CouldNotInstallNuGetProvider": Failure(
            "there is no NuGet provider 2.8.5.201 or later, and PowerShellGet may not ask whether to install it",
            "put a win_package_provider task before this one; where there is no internet, with its source",
        ),
        "HostException": Failure(  # what -ErrorAction Stop leaves of CouldNotInstallNuGetProvider (P1)
            "PowerShellGet asks what nobody can answer; most often there is no NuGet provider 2.8.5.201 or later",
            "put a win_package_provider task before this one; where there is no internet, with its source",
        ),
        "NoMatchFoundForProvider": Failure(
            "the list of providers or the provider itself could not be downloaded",
            _OR_SOURCE,
        ),
        # PowerShellGet warns of each repository that it could not ask, and then finds nothing (K7).
        "NoMatchFoundForCriteria": Failure(
            "the repository answers, but it has no such module or version",
            "look up name and version in the repository",
            warned=Failure("the repository cannot be reached", _OR_SOURCE),
        ),
        "NoMatchFound": Failure(
            "PowerShellGet does not know the module as one that it installed, or not with just this text of a version",
            "give the version exactly as the host lists it",
        ),
        "SourceNotFound": Failure(
            "no repository of that name is registered for this account",
            "put a win_psrepository task before this one",
        ),
        "NotSupportedPowerShellGetFormatVersion": Failure(
            "this PowerShellGet is too old for the package, as the 1.0.0.1 that comes with Windows is for many",
            _NEWER,
        ),
        "NamedParameterNotFound": Failure(
            "this PowerShellGet is older than an argument of the task (accept_license and allow_prerelease need 1.6.0)",
            _NEWER,
        ),
        "InstallModuleAdminPrivilegeRequiredForAllUsersScope": Failure(
            "the account has no elevated rights on the host, which scope AllUsers needs",
            "connect with a local administrator; scope CurrentUser would be invisible to the accounts of services",
        ),
        "InstallModuleNeedsCurrentUserScopeParameterForNonAdminUser": Failure(
            "the account has no elevated rights on the host (PowerShellGet 1.0.0.1 says it so)",
            "connect with a local administrator",
        ),
        "AdministratorRightsNeededOrSpecifyCurrentUserScope": Failure(  # Copy-Module's only error, whatever it met
            "the module's folder could not be written: the disk is full, or the account has no rights there",
            "look how much room the disk has, and remove the folder of this version if it was begun; if there is room, "
            "connect with a local administrator",
        ),
        "CouldNotAutoloadMatchingModule": Failure(
            "PowerShellGet or PackageManagement is a script that the execution policy does not let run",
            "put an execution_policy task before this one; where a Group Policy owns the policy, its owner must act",
        ),
        "AdminPrivilegesRequiredForUninstall": Failure(
            "the account has no elevated rights on the host",
            "connect with a local administrator",
        ),
        "ModuleIsInUse": Failure(
            "a file of the module's folder cannot be opened alone: a process has it loaded, or rights are missing",
            "stop the service that uses the module (the Cloud Extender's) and close shells, then apply again",
        ),
        "CommandAlreadyAvailable": Failure(
            "another module already has a command of the same name; -Force does not help",
            "set allow_clobber: true if the new module's commands are to win",
        ),
        "ForceAcceptLicense": Failure(
            "the module's licence must be accepted, and -Force alone does not do that",
            "read the licence and set accept_license: true",
        ),
        "DisambiguateForInstall": Failure(
            "several repositories offer the module",
            "name one of them in repository",
        ),
        "UnableToFindDependencyPackage": Failure(
            "a module that this one needs is in no registered repository, so that nothing was installed",
            "bring the missing module to the repository, or register the repository that has it",
        ),
        "InvalidManifestModule": Failure(
            "the package's manifest is damaged",
            "have the repository's owner publish it again, or install another version",
        ),
        "Package '{0}' failed to be installed because: {1}": Failure(
            "the download is damaged",
            "apply again; if it stays so, the repository's package or a proxy on the way is broken",
        ),
        "PublishersMismatch": Failure(
            "the installed and the new version are signed by different publishers",
            "make sure of the new publisher and set skip_publisher_check: true",
        ),
        "ModuleAlreadyInstalled": Failure(
            "a version is there already, but not where this task looks",
            "look at the module paths of the host: another scope may hold it",
        ),
        "ModuleWithRequiredVersionAlreadyInstalled": Failure(
            "this version is there already, but not where this task looks",
            "look at the module paths of the host: another scope may hold it",
        ),
        "ModuleUninstallationNotPossibleAsItIsNotInstalledUsingPowerShellGet": Failure(
            "the module was copied, not installed",
            "make a new plan: the folder of a copied module is removed as a folder",
        ),
        "UnableToUninstallAsOtherModulesNeedThisModule": Failure(
            "installed modules need this one",
            "remove those first",
        ),
        "UninstallationFailure": Failure(
            "a file of the module's folder could not be removed: a process has it loaded, or rights are missing",
            "stop the service that uses the module and close shells, then apply again",
        ),
        "RemoveFileSystemItemUnAuthorizedAccess": Failure(  # what a loaded assembly answers; others may be gone by then
            "a file of the copied module could not be removed: a process has it loaded, or rights are missing; some of "
            "its other files may be gone already",
            "stop the service that uses the module (the Cloud Extender's) and close shells, then apply again",
        ),
        "RemoveFileSystemItemIOError": Failure(
            "a file of the copied module could not be removed, because a process has it open; some of its other files "
            "may be gone already",
            "stop the service that uses the module (the Cloud Extender's) and close shells, then apply again",
        ),
        "PackageSourceExists": Failure(
            "a repository of that name was registered since the plan was made",
            "make a new plan",
        ),
        "RepositoryAlreadyRegistered": Failure(
            "this location is registered already under another name",
            "use that name, or remove that repository first (win_psrepository with state: absent)",
        ),
        "PathNotFound": Failure(
            "the folder does not exist, or the account has no access to it over the network",
            "correct source_location; a share needs credentials that a remote session may not have",
        ),
        "InvalidWebUri": Failure(
            "the location cannot be reached, or it is no feed",
            f"open it in a browser; if it is right, {_OUT_OF_REACH}",
        ),
    }
)


def explained(reply: Reply) -> str | None:
    """Why a change failed: cause and fix for every id that is known, then the host's words; None: it raised nothing.

    A terminating error counts like any other: which of them ends a pipeline differs from id to id (K1, K2).
    """
    said = errors_of(reply)
    if not said:
        return None
    ids = dict.fromkeys(error.name for error in reply.errors)
    known = [_meaning(FAILURES[name], reply) for name in ids if name in FAILURES]
    told = [f"cause: {one.cause}; what to do: {one.fix}" for one in known]
    words = f"the host said: {said}" if told else said
    return "; ".join(filter(None, [*told, words, warned(reply)]))


def _meaning(failure: Failure, reply: Reply) -> Failure:
    """What the failure means beside the other things that the host said."""
    return failure.warned if failure.warned is not None and reply.warnings else failure


def warned(reply: Reply) -> str:
    """What the host warned of, for people; "" if of nothing."""
    return f"the host warned: {'; '.join(dict.fromkeys(reply.warnings))}" if reply.warnings else ""
