"""Find-Module, and how all commands of PowerShellGet look for packages (gallery.md I5, K7, V1; find.*, feed.*)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from runner.lab.cmdlet import Emit, Event, Report
from runner.lab.cmdlets.gallery_base import BOUND, NAMES, REACH, REACHED, VERSIONS, GalleryCommand
from runner.lab.cmdlets.objects import ALL_SETS
from runner.lab.errors import Terminating, not_simulated
from runner.lab.gallery import Offer, ask, how_to_search, search, with_dependencies
from runner.lab.gallery_errors import no_match
from runner.lab.gallery_objects import item_object
from runner.lab.repositories import Package, Repository, Wanted
from runner.lab.wildcard import has_wildcards


class Searching(GalleryCommand):
    """What asks repositories for packages."""

    def found(
        self, wanted: Sequence[Wanted], repositories: Sequence[Repository]
    ) -> Iterator[Event | tuple[list[list[Offer]], list[Package]]]:
        """For each of the wanted what the repositories offer, and all that they offer; at the end of the warnings."""
        offers: list[list[Offer]] = [[] for _ in wanted]
        offered: list[Package] = []
        for answer in ask(self.session, repositories, self.proxy):
            if not isinstance(answer, tuple):
                yield answer
                continue
            repository, packages = answer
            offered += packages
            for one, found in zip(wanted, offers, strict=True):
                if has_wildcards(one.name) and repository.is_web:
                    raise Terminating(not_simulated("a search over HTTP by a pattern"))
                chosen = search(packages, one, how_to_search(self.session, repository))
                found += [Offer(package, repository) for package in chosen]
        yield offers, offered

    def wanted(self, name: str, *, every_version: bool = False) -> Wanted:
        return Wanted(
            name=name,
            required=self.version_text("RequiredVersion"),
            minimum=self.version_text("MinimumVersion"),
            maximum=self.version_text("MaximumVersion"),
            prerelease=self.prerelease,
            every_version=every_version,
        )


class FindModule(Searching):
    name = "Find-Module"
    type_name = "Find-Module"
    aliases = ("fimo",)
    syntax: ClassVar = {
        ALL_SETS: f"[[-Name] <String[]>] {VERSIONS} [-AllVersions] [-IncludeDependencies] [-Filter <String>] "
        "[-Tag <String[]>] [-Includes <String[]>] [-DscResource <String[]>] [-RoleCapability <String[]>] "
        f"[-Command <String[]>] [-Repository <String[]>] {REACH} [-AllowPrerelease@6.0]"
    }
    traits: ClassVar = {"Name": NAMES, **BOUND, **REACHED}
    unsimulated: ClassVar = GalleryCommand.unsimulated | {
        *("Filter", "Tag", "Includes", "DscResource", "RoleCapability", "Command"),
    }

    def process(self) -> Iterator[Event]:
        repositories = self.searched()
        if isinstance(repositories, Report):
            yield repositories
            return
        names = self.names() or ["*"]
        wanted = [self.wanted(name, every_version=self.arguments.flag("AllVersions")) for name in names]
        for answer in self.found(wanted, repositories):
            if isinstance(answer, tuple):
                yield from self._written(names, *answer)
            else:
                yield answer

    def _written(self, names: list[str], offers: list[list[Offer]], offered: list[Package]) -> Iterator[Event]:
        for found in offers:
            for offer in found:
                yield from self._item(offer, offered)
        for name, found in zip(names, offers, strict=True):
            if not found and not has_wildcards(name):
                yield no_match(self.asked("Find-Package"), name)

    def _item(self, offer: Offer, offered: list[Package]) -> Iterator[Event]:
        """A found package, and with -IncludeDependencies what it needs (find.deps)."""
        yield Emit(item_object(self.machine, offer, offered, None))
        if self.arguments.flag("IncludeDependencies"):
            for needed in with_dependencies(offer.package, offered)[0][:-1]:
                yield Emit(item_object(self.machine, Offer(needed, offer.repository), offered, None))


COMMANDS: tuple[type[GalleryCommand], ...] = (FindModule,)
