"""What a PowerShell process finds in the machine's repositories: which PowerShellGet acts, what it reaches and sees.

Facts: `groundtruth/pwsh76/gallery.md` (K7: a source that cannot be asked; T1: times), domain.md 4.5 (which
version acts, that 2.2.4 and later force TLS 1.2), PSGETSRC.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from psrpcore.types import ErrorCategory

from runner.lab.cmdlet import Event, Session
from runner.lab.errors import Failure, Terminating, not_simulated
from runner.lab.files import File, Folder
from runner.lab.messages import Wait, Warning
from runner.lab.module_folders import installed
from runner.lab.network import Proxy, Reached, Tls, Unreached, may_speak, reach
from runner.lab.repositories import Dependency, Package, Repository, Wanted, is_web, versions_in
from runner.lab.signature import Version
from runner.lab.wildcard import has_wildcards, matches

IN_THE_BOX: Final[Version] = (1, 0, 0, 1)
_RECORDED: Final[Version] = (2, 2, 5)
_FORCES_TLS: Final[Version] = (2, 2, 4)
_ACTING = "the PowerShellGet of this process"
_STARTED = "the package providers of this process"
_FIRST_SECONDS, _LATER_SECONDS, _UNREACHED_SECONDS = 3.5, 0.4, 2.5  # finding T1


@dataclass(frozen=True, slots=True)
class Offer:
    """A package in the repository where it was found."""

    package: Package
    repository: Repository


@dataclass(frozen=True, slots=True)
class Acting:
    """The PowerShellGet that acts in a process, and where it lies."""

    version: Version
    folder: str


def acting(session: Session) -> Acting:
    """The PowerShellGet that acts in this process: the first one on the module path when it was first needed.

    A newer one that is installed later acts in a new process only (domain.md 4.5, "has no effect"). Raises Terminating
    where the machine has none, and by name for versions whose behaviour is not known.
    """
    held = session.once.get(_ACTING)
    if isinstance(held, Acting):
        return held
    found = installed(session, "PowerShellGet")
    if not found:
        message = session.say("CommandNotFoundException", "PowerShellGet")
        kind, category = "CommandNotFoundException", ErrorCategory.ObjectNotFound
        raise Terminating(Failure(kind, category, kind, message, "PowerShellGet", wrapped=True), anonymous=True)
    version = tuple(int(part) for part in found[0].version.split("."))
    if version not in (IN_THE_BOX, _RECORDED):
        raise Terminating(not_simulated(f"PowerShellGet {found[0].version}"))
    session.once[_ACTING] = one = Acting(version, found[0].folder)
    return one


def is_recent(session: Session) -> bool:
    """Whether PowerShellGet 2 acts, and not the one in the box of Windows PowerShell 5.1."""
    return acting(session).version >= (2, 0)


def take_time(session: Session) -> Iterator[Event]:
    """The time that every command of PowerShellGet or PackageManagement takes; the first one in a process more."""
    first = _STARTED not in session.once
    session.once[_STARTED] = True
    yield Wait(_FIRST_SECONDS if first else _LATER_SECONDS)


def reaches(session: Session, url: str, proxy: str = "") -> Reached | Unreached:
    """What the process gets from a URL: PowerShellGet 2.2.4 and later ask for TLS 1.2, whatever was set before."""
    machine = session.machine
    spoken = session.tls
    if acting(session).version >= _FORCES_TLS:
        spoken = frozenset({Tls.V1_2}) if may_speak(machine.registry, Tls.V1_2) else frozenset()
    return reach(machine.network, spoken, url, Proxy(proxy) if proxy else None)


def is_answered(answer: Reached | Unreached) -> bool:
    """Whether a site gave what it was asked for."""
    return isinstance(answer, Reached) and answer.status < 300


def can_be_asked(session: Session, location: str, proxy: str = "") -> tuple[bool, float]:
    """Whether a location is a source now, and the seconds that it takes to find that out."""
    if not is_web(location):
        return isinstance(session.machine.files.find(location) if location[1:2] == ":" else None, Folder), 0.0
    answer = reaches(session, location, proxy)
    there = is_answered(answer) and session.machine.gallery.feed(location) is not None
    return there, answer.seconds if there else max(answer.seconds, _UNREACHED_SECONDS)


def ask(
    session: Session, repositories: Sequence[Repository], proxy: str = ""
) -> Iterator[Event | tuple[Repository, tuple[Package, ...]]]:
    """The repositories that answer, each with all its packages; a WARNING and its time for one that does not (K7)."""
    for repository in repositories:
        there, seconds = can_be_asked(session, repository.location, proxy)
        if seconds:
            yield Wait(seconds)
        if there:
            yield repository, contents(session, repository)
        else:
            yield Warning(f"Unable to resolve package source '{repository.location}'.")


def contents(session: Session, repository: Repository) -> tuple[Package, ...]:
    """What a repository that answers offers, in its own order."""
    gallery = session.machine.gallery
    if repository.is_web:
        return gallery.feed(repository.location) or ()
    folder = session.machine.files.find(repository.location)
    if not isinstance(folder, Folder):
        return ()
    files = [entry.name.casefold() for entry in folder.entries.values() if isinstance(entry, File)]
    known = [gallery.packages.get(name) for name in files if name.endswith(".nupkg")]
    return tuple(package for package in known if package is not None and not package.damaged)


@dataclass(frozen=True, slots=True)
class Search:
    """How one repository is searched: a folder gives what it has in another order, and prereleases as `recorded`."""

    in_folder: bool
    recorded: bool


def how_to_search(session: Session, repository: Repository) -> Search:
    in_folder = not repository.is_web
    return Search(in_folder, in_folder and session.machine.gallery.folders_as_recorded)


def search(packages: Sequence[Package], wanted: Wanted, how: Search) -> list[Package]:
    """The packages of one repository that are wanted: of each name the newest, or every version.

    Raises Terminating for prereleases in folders of which only a trait of Linux was recorded (find.prerelease-only).
    """
    named = [package for package in packages if _is_named(package.name, wanted.name, how)]
    fitting = versions_in(named, wanted)
    if not wanted.prerelease and not (wanted.required and "-" in wanted.required):
        fitting = _without_prereleases(fitting, wanted, how)
    if wanted.every_version:
        return fitting
    newest: dict[str, Package] = {}
    for package in fitting:
        newest.setdefault(package.name.casefold(), package)
    order = [package.name.casefold() for package in packages]
    return sorted(newest.values(), key=lambda package: order.index(package.name.casefold()), reverse=how.in_folder)


def _without_prereleases(fitting: list[Package], wanted: Wanted, how: Search) -> list[Package]:
    """The releases; of a folder also prereleases of modules that have no release (case find.prerelease-only)."""
    released = [package for package in fitting if not package.parsed.label]
    names = {package.name for package in released}
    alone = [package for package in fitting if package.name not in names]
    if not how.in_folder or len(released) == len(fitting):
        return released
    if wanted.every_version or (alone and not how.recorded):
        raise Terminating(not_simulated("prereleases in a folder of packages that nobody has asked for"))
    return released + alone


def _is_named(name: str, wanted: str, how: Search) -> bool:
    if has_wildcards(wanted):
        return matches(wanted, name)
    return name == wanted if how.recorded else name.casefold() == wanted.casefold()


def with_dependencies(package: Package, offered: Sequence[Package]) -> tuple[list[Package], str]:
    """A package and, before it, those that it needs; and the name of one that nobody offers, or ""."""
    order: list[Package] = []

    def add(one: Package) -> str:
        for dependency in one.dependencies:
            found = best(offered, dependency)
            missing = dependency.name if found is None else add(found)
            if missing:
                return missing
        if one not in order:
            order.append(one)
        return ""

    missing = add(package)
    return order, missing


def best(offered: Sequence[Package], dependency: Dependency) -> Package | None:
    """The newest release that satisfies a dependency."""
    found = [
        package
        for package in versions_in(offered, Wanted(name=dependency.name))
        if package.name.casefold() == dependency.name.casefold()
        and not package.parsed.label
        and dependency.is_met_by(package.parsed)
    ]
    return found[0] if found else None
