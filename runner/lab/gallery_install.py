"""What Install-Package of PowerShellGet does with packages that were found: one after the other, dependencies first.

Facts: `groundtruth/pwsh76/gallery.md` K3 and I1 to I12, with the cases named below; what no case holds is read in
PSGETSRC (Install-PackageUtility): a module whose files cannot be replaced is passed over without a word.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from psrpcore.types import ErrorCategory

from runner.lab.cmdlet import Event, Report, Session
from runner.lab.files import File
from runner.lab.gallery import Offer, best, is_recent, with_dependencies
from runner.lab.gallery_errors import PackageCmdlet
from runner.lab.gallery_objects import Placed
from runner.lab.gallery_progress import Activity, ProgressBoard, after_download, download, package_activity, unpacking
from runner.lab.messages import Verbose, Wait, Warning
from runner.lab.module_copy import ModuleCopy
from runner.lab.module_folders import ModuleFiles, Origin, gallery_notes, installed, module_base, put_module
from runner.lab.module_info import INFO_FILE, read_item
from runner.lab.module_locks import is_in_use
from runner.lab.module_manifest import ManifestValue
from runner.lab.repositories import ModuleVersion, Package, parse_version

_PACKAGE_SECONDS = 0.3  # finding T1
_TEMPORARY = 1804289383


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """How packages are to be installed. `folder` is the one of the module path, or where Save-Module puts them.

    `replaces`: it is Update-Module, for which an older version is no obstacle; `saves`: it is Save-Module, for which
    no installed version is.
    """

    folder: str
    required: str | None = None
    minimum: str | None = None
    force: bool = False
    allow_clobber: bool = False
    accept_license: bool = False
    replaces: bool = False
    saves: bool = False


@dataclass(frozen=True, slots=True)
class Put:
    """One package that was put somewhere."""

    offer: Offer
    placed: Placed


@dataclass(slots=True)
class Installation:
    """One call of Install-Package, Save-Package or the like."""

    session: Session
    cmdlet: PackageCmdlet
    aim: Aim
    board: ProgressBoard = field(default_factory=ProgressBoard)

    def is_there(self, package: Package) -> bool:
        """Whether PowerShellGet itself has installed this version: then nothing is done and nothing said (I1)."""
        return any(
            note.item is not None
            and note.item.name.casefold() == package.name.casefold()
            and note.item.version == package.version
            for note in gallery_notes(self.session)
        )

    def all(self, offers: Sequence[Offer], offered: Sequence[Package]) -> Iterator[Event | Put]:
        """Install these packages. Untrusted repositories want -Force, since nobody can be asked (K3)."""
        several = self.board.opened(f"Installing {len(offers)} modules.") if len(offers) > 1 else None
        if several:
            yield several.begins()
        for index, offer in enumerate(offers):
            name, count = offer.package.name, f"({index + 1} of {len(offers)})"
            percent = index * 100 // len(offers) + 1
            if several:
                yield several.at(f"Installing Module '{name}' {count}.", percent)
            yield from self._if_allowed(offer, offered)
            if several:
                percent = min(100, (index + 1) * 100 // len(offers) + 1)
                yield several.at(f"Installed Module '{name}' {count}.", percent)
        if several:
            yield several.ends()

    def _if_allowed(self, offer: Offer, offered: Sequence[Package]) -> Iterator[Event | Put]:
        aim = self.aim
        if not (offer.repository.trusted or aim.force or aim.saves):
            yield Warning(f"User declined to install module ({offer.package.name}).")
            return
        refusal = None if aim.force or aim.saves else self._obstacle(offer.package)
        if refusal is not None:
            yield refusal
            return
        _, missing = with_dependencies(offer.package, offered)
        if missing:
            yield self.cmdlet.report(
                "UnableToFindDependencyPackage", f"Unable to find dependent module(s) ({missing})", target=missing
            )
            return
        self_and_needed = [*self._needed(offer.package, offered), offer.package]
        yield from self._fetched(offer, self_and_needed)

    def _obstacle(self, package: Package) -> Warning | Verbose | None:
        """What an installed version has against it (I2, I3)."""
        required = parse_version(self.aim.required) if self.aim.required else None
        there = [copy for copy in installed(self.session, package.name) if not required or _parsed(copy) == required]
        if not there:
            return None
        copy, version = there[0], _full_version(there[0])
        already = f"Version '{version}' of module '{copy.name}' is already installed at '{copy.folder}'."
        if required is not None:
            return Warning(
                f"{already} To reinstall this version '{copy.version}', run Install-Module or Updated-Module cmdlet "
                "with the -Force parameter."
            )
        if self.aim.replaces:
            newer = _rank(_full_version(copy)) < package.parsed.rank
            return None if newer else Verbose(f"No updates were found for module '{copy.name}'.")
        least = parse_version(self.aim.minimum) if self.aim.minimum else None
        if (least is None and version != package.version) or (least is not None and _rank(version) < least.rank):
            return Warning(
                f"{already} To install version '{package.version}', run Install-Module and add the -Force parameter, "
                f"this command will install version '{package.version}' side-by-side with version '{version}'."
            )
        return Verbose(already)

    def _needed(self, package: Package, offered: Sequence[Package]) -> list[Package]:
        """What must come along: with -Force every dependency anew, else those that no installed version meets (I7)."""
        needed: list[Package] = []
        for dependency in package.dependencies:
            there = installed(self.session, dependency.name)
            if not (self.aim.force or self.aim.saves) and any(dependency.is_met_by(_parsed(copy)) for copy in there):
                continue
            found = best(offered, dependency)
            if found is not None:
                needed += [one for one in (*self._needed(found, offered), found) if one not in needed]
        return needed

    def _fetched(self, offer: Offer, packages: Sequence[Package]) -> Iterator[Event | Put]:
        """Download all, then put each into its folder; nothing is there before that (I12)."""
        *needed, main = packages
        activity = package_activity(self.board, main.name)
        yield activity.begins()
        for index, package in enumerate(needed):
            yield activity.at(f"Installing dependent package '{package.name}'", index * 100 // len(packages))
            inner = package_activity(self.board, package.name)
            yield inner.begins()
            yield from self._package(offer, package, inner, 0)
            percent = (index + 1) * 100 // len(packages)
            yield activity.at(f"Installed dependent package '{package.name}'", percent)
        reached = len(needed) * 100 // len(packages)
        yield from self._package(offer, main, activity, reached)
        if any(package.damaged for package in packages):
            return
        for package in packages:
            outcome = self._problem(package)
            if outcome is not None:
                yield outcome
                return
            put = self._put(Offer(package, offer.repository))
            if put is not None:
                yield put

    def _package(self, offer: Offer, package: Package, activity: Activity, reached: int) -> Iterator[Event]:
        """The download of one package, and what of it can go wrong."""
        if offer.repository.is_web:
            yield from download(activity, reached, package.size or 0)
            reached = after_download(reached)
        yield Wait(_PACKAGE_SECONDS)
        if package.damaged:
            yield activity.at("Unzipping", reached)
            yield self.cmdlet.report(
                "Package '{0}' failed to be installed because: {1}",
                f"Package '{package.name}' failed to be installed because: Central Directory corrupt.",
                ErrorCategory.InvalidResult,
                package.name,
            )
            yield activity.ends()
            return
        _, temporary = self.session.environment.get("temp", ("", "C:\\Windows\\Temp"))
        folder = f"{temporary}\\{_TEMPORARY}\\{package.name}.{package.version}"
        yield from unpacking(activity, package.name, folder, reached)

    def _problem(self, package: Package) -> Report | Warning | None:
        """What is found in a package only after its download (I10, install.bad-manifest, I9, PSGETSRC)."""
        majors = ("1", "2") if is_recent(self.session) else ("1",)
        if package.format_version and package.format_version.partition(".")[0] not in majors:
            return self._invalid(
                "NotSupportedPowerShellGetFormatVersion,Install-PackageUtility",
                f"The module '{package.name}' wants PowerShellGetFormatVersion '{package.format_version}', which this "
                "version of PowerShellGet does not support.",
            )
        if package.licensed and not self.aim.accept_license:
            return self._unlicensed(package)
        if self.aim.saves:
            return None
        if package.broken_manifest:
            return self._invalid(
                "InvalidManifestModule,Test-ValidManifestModule",
                f"The module '{package.name}' cannot be installed or updated because it is not a properly-formed "
                "module.",
            )
        return self._clash(package)

    def _unlicensed(self, package: Package) -> Report | Warning:
        if not self.aim.force:
            return Warning("User declined license acceptance.")
        message = f"License Acceptance is required for module '{package.name}'. Please specify '-AcceptLicense' to "
        failure_id = "ForceAcceptLicense,Install-PackageUtility"
        return self.cmdlet.report(failure_id, message + "perform this operation.", ErrorCategory.InvalidArgument)

    def _clash(self, package: Package) -> Report | None:
        """Commands that another module has already: only -AllowClobber helps (I9)."""
        machine = self.session.machine
        own = {name.casefold() for name in package.functions}
        if self.aim.allow_clobber or not own or not machine.gallery.checks_commands:
            return None
        exported = [
            name
            for copy in installed(self.session)
            if copy.name.casefold() != package.name.casefold()
            for name in copy.manifest.texts("FunctionsToExport") or ()
        ]
        there = [name for name in dict.fromkeys(exported) if name.casefold() in own]
        if not there:
            return None
        return self._invalid(
            "CommandAlreadyAvailable,Validate-ModuleCommandAlreadyAvailable",
            f"The following commands are already available on this system:'{','.join(there)}'. This module "
            f"'{package.name}' may override the existing commands. If you still want to install this module "
            f"'{package.name}', use -AllowClobber parameter.",
        )

    def _invalid(self, error_id: str, message: str) -> Report:
        return self.cmdlet.report(error_id, message, ErrorCategory.InvalidOperation)

    def _put(self, offer: Offer) -> Report | Put | None:
        """Put a package into its folder; None where that version is in use and stays as it is.

        Copy-Module has one error for whatever keeps it from copying, a full disk too (PSGETSRC; PowerShellGetv2, issue
        653). The lab lets the download itself succeed, and leaves nothing behind.
        """
        machine, package = self.session.machine, offer.package
        module = module_files(package)
        base = module_base(self.aim.folder, module)
        there = [copy for copy in installed(self.session, package.name) if _parsed(copy) == package.parsed]
        if there and not self.aim.saves and is_in_use(self.session, package.name):
            return None
        if machine.disk_full or machine.files.closed(base) is not None:
            return self.cmdlet.report(
                "AdministratorRightsNeededOrSpecifyCurrentUserScope,Copy-Module",
                "Administrator rights are required to install or update. Log on to the computer with an account that "
                'has Administrator rights, and then try again, or install by adding "-Scope CurrentUser" to your '
                "command. You can also try running the Windows PowerShell session with elevated rights (Run as "
                "Administrator).",
                ErrorCategory.InvalidArgument,
                "System.Collections.ArrayList",
            )
        moment = machine.now()
        put_module(machine, module, base, Origin(offer.repository.name, offer.repository.location, moment))
        self._note(package, f"{base}\\{INFO_FILE}")
        if package.licensed:
            machine.put_file(f"{base}\\License.txt", File("", b"", moment))
        return Put(offer, Placed(base, moment, updated=self.aim.replaces))

    def _note(self, package: Package, path: str) -> None:
        """What the package says of itself counts, not its manifest (installed.prerelease-allow: its release notes)."""
        machine = self.session.machine
        file = machine.files.find(path)
        item = read_item(file.data) if isinstance(file, File) else None
        if isinstance(file, File) and item is not None and package.release_notes is not None:
            data = replace(item, release_notes=package.release_notes).as_file()
            machine.put_file(path, replace(file, data=data))


def module_files(package: Package) -> ModuleFiles:
    """What a package consists of, as files."""
    number, _, label = package.version.partition("-")
    data: dict[str, ManifestValue] = {
        "Tags": package.tags,
        "ProjectUri": package.project_uri,
        "LicenseUri": package.license_uri,
        "ReleaseNotes": package.release_notes,
    }
    fields: dict[str, ManifestValue] = {
        "Description": package.description,
        "Author": package.author,
        "Copyright": package.copyright,
        "PowerShellVersion": package.powershell,
        "FunctionsToExport": package.functions or None,
        "RequiredModules": tuple(_requirement(one.name, one.minimum, one.exact) for one in package.dependencies)
        or None,
        "PrivateData": {"PSData": {name: value for name, value in data.items() if value}},
        **package.manifest,
    }
    given = {name: value for name, value in fields.items() if value is not None}
    if package.code is None:
        return ModuleFiles(package.name, number, label, given)
    return ModuleFiles(package.name, number, label, given, package.code)


def _requirement(name: str, minimum: str | None, exact: str | None) -> ManifestValue:
    if exact:
        return {"ModuleName": name, "RequiredVersion": exact}
    return {"ModuleName": name, "ModuleVersion": minimum} if minimum else name


def _full_version(copy: ModuleCopy) -> str:
    return f"{copy.version}-{copy.label}" if copy.label else copy.version


def _rank(version: str) -> tuple[tuple[int, ...], bool, str]:
    parsed = parse_version(version)
    return parsed.rank if parsed else ((), False, "")


def _parsed(copy: ModuleCopy) -> ModuleVersion:
    parsed = parse_version(_full_version(copy))
    if parsed is None:
        raise ValueError(f"{copy.path}: {copy.version} is no version")
    return parsed
