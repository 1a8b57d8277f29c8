"""Get-, Find-, Install- and Import-PackageProvider (gallery.md P1 and P2; cases pkgprov.*, nonuget.*).

What a successful Install-PackageProvider writes is not recorded: of that object only name, version, status and source
are known (domain.md 4.5, PSGET).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from psrpcore.types import ErrorCategory

from runner.lab.cmdlet import Cmdlet, Emit, Event
from runner.lab.cmdlets.gallery_base import NAMES
from runner.lab.cmdlets.objects import ALL_SETS
from runner.lab.cmdlets.provider import CONFIRM_TRAITS
from runner.lab.errors import Terminating, not_simulated
from runner.lab.files import File
from runner.lab.gallery import acting, can_be_asked, is_answered, take_time
from runner.lab.gallery_errors import PackageCmdlet, unknown
from runner.lab.messages import Wait, Warning
from runner.lab.network import Proxy, reach
from runner.lab.package_providers import ALL_USERS, NEWEST, nuget_providers, of_user, provider_path
from runner.lab.provider_objects import provider_object
from runner.lab.repositories import parse_version
from runner.lab.signature import Traits
from runner.lab.values import OBJECT, ClrObject, to_text
from runner.lab.wildcard import has_wildcards, matches

MODULE = "PackageManagement"
_LIST = "https://go.microsoft.com/fwlink/?LinkID=627338&clcid=0x409"
_CONTENT = "https://onegetcdn.azureedge.net/providers/Microsoft.PackageManagement.NuGetProvider-{}.dll"
_VERSIONS = "[-RequiredVersion <String>] [-MinimumVersion <String>] [-MaximumVersion <String>]"
_REACH = "[-Proxy <Uri>] [-ProxyCredential <PSCredential>]"
_SCOPES = ("CurrentUser", "AllUsers")
_INSTALL_SECONDS = 2.0


class ProviderCommand(Cmdlet):
    """A cmdlet of PackageManagement."""

    module = MODULE
    since = (5, 0)
    unsimulated: ClassVar = frozenset({"ProxyCredential", "Credential", "Source", "ForceBootstrap"})

    def begin(self) -> Iterator[Event]:
        yield from take_time(self.session)

    def names(self) -> list[str]:
        return self.arguments.texts("Name") or []

    def asked(self) -> PackageCmdlet:
        """This cmdlet as the target of its errors."""
        names = self.arguments.texts("Name")
        versions = {name: self.arguments.text(name) or None for name in ("RequiredVersion", "MinimumVersion")}
        return PackageCmdlet(self.name, {"Name": None if names is None else tuple(names), **versions})

    def bootstraps(self, url: str) -> Iterator[Event | bool]:
        """Whether a URL of the bootstrapping site answers, after the time that it takes. No TLS is forced here."""
        proxy = to_text(self.arguments.get("Proxy"))
        answer = reach(self.machine.network, self.session.tls, url, Proxy(proxy) if proxy else None)
        if answer.seconds:
            yield Wait(answer.seconds)
        yield is_answered(answer)


class GetPackageProvider(ProviderCommand):
    name = "Get-PackageProvider"
    type_name = "Microsoft.PowerShell.PackageManagement.Cmdlets.GetPackageProvider"
    syntax: ClassVar = {ALL_SETS: "[[-Name] <String[]>] [-ListAvailable] [-Force] [-ForceBootstrap]"}
    unsimulated: ClassVar = frozenset({"ForceBootstrap"})

    def process(self) -> Iterator[Event]:
        providers = [*self._nuget(), self._own()]
        names = self.names() or ["*"]
        missing: list[str] = []
        for name in names:
            found = [provider for provider in providers if matches(name, provider[0])]
            if not found and not has_wildcards(name):
                missing.append(name)
            for provider in found:
                yield Emit(provider_object(self.session.version, *provider))
        for name in missing:
            yield from self._missing(name)

    def _nuget(self) -> list[tuple[str, str, str]]:
        """The NuGet providers: the newest one, or with -ListAvailable each."""
        found = [("NuGet", provider.version, provider.path) for provider in nuget_providers(self.session)]
        return found if self.arguments.flag("ListAvailable") else found[:1]

    def _own(self) -> tuple[str, str, str]:
        """PowerShellGet, which is a provider too."""
        own = acting(self.session)
        version = ".".join(str(number) for number in (*own.version, 0, 0)[:4])
        return "PowerShellGet", version, f"{own.folder}\\PSModule.psm1"

    def _missing(self, name: str) -> Iterator[Event]:
        """Without -ListAvailable PackageManagement would ask whether to install a provider that its site has."""
        if self.arguments.flag("ListAvailable"):
            yield self.asked().report("UnknownProvider", f"Unable to find package provider '{name}'.")
            return
        for answer in self.bootstraps(_LIST):
            if answer is True and name.casefold() == "nuget":
                raise Terminating(not_simulated("Get-PackageProvider asking whether to install NuGet"))
            if not isinstance(answer, bool):
                yield answer
        yield self.asked().report(
            "UnknownProviderFromActivatedList",
            f"Unable to find package provider '{name}'. It may not be imported yet. "
            "Try 'Get-PackageProvider -ListAvailable'.",
        )


class FindPackageProvider(ProviderCommand):
    """Only that nothing is found is known: without network, or where no such provider is."""

    name = "Find-PackageProvider"
    type_name = "Microsoft.PowerShell.PackageManagement.Cmdlets.FindPackageProvider"
    syntax: ClassVar = {
        ALL_SETS: f"[[-Name] <String[]>] [-AllVersions] [-Source <String[]>] [-IncludeDependencies] {_VERSIONS} "
        f"[-Credential <PSCredential>] {_REACH} [-Force] [-ForceBootstrap]"
    }
    traits: ClassVar = {"Name": NAMES, "Source": Traits(pipeline="name")}

    def process(self) -> Iterator[Event]:
        names = self.names()
        if len(names) != 1 or has_wildcards(names[0]):
            raise Terminating(not_simulated("Find-PackageProvider without a single name"))
        for answer in self.bootstraps(_LIST):
            if answer is True:
                raise Terminating(not_simulated("what Find-PackageProvider finds"))
            if not isinstance(answer, bool):
                yield answer
        yield from unresolved_sources(self)
        yield self.asked().report(
            "NoMatchFoundForCriteria",
            f"No match was found for the specified search criteria and package name '{names[0]}'. "
            "Try Get-PackageSource to see all available registered package sources.",
        )


class InstallPackageProvider(ProviderCommand):
    """Asks the bootstrapping site even where the provider is there, with -Force and without (P2)."""

    name = "Install-PackageProvider"
    type_name = "Microsoft.PowerShell.PackageManagement.Cmdlets.InstallPackageProvider"
    syntax: ClassVar = {
        "PackageBySearch": f"[-Name] <String[]> {_VERSIONS} [-Credential <PSCredential>] [-Scope <String>] "
        f"[-Source <String[]>] {_REACH} [-AllVersions] [-Force] [-ForceBootstrap] [-WhatIf] [-Confirm]",
        "PackageByInputObject": f"[-InputObject] <SoftwareIdentity[]> [-Scope <String>] {_REACH} [-AllVersions] "
        "[-Force] [-ForceBootstrap] [-WhatIf] [-Confirm]",
    }
    traits: ClassVar = {"Scope": Traits(choices=_SCOPES), "Source": Traits(pipeline="name"), **CONFIRM_TRAITS}
    default_set = "PackageBySearch"
    unsimulated: ClassVar = frozenset({"ProxyCredential", "Credential", "Source", "AllVersions", "InputObject"})

    def process(self) -> Iterator[Event]:
        names = self.names()
        if len(names) != 1 or has_wildcards(names[0]):
            raise Terminating(not_simulated("Install-PackageProvider without a single name"))
        name = names[0]
        listed = False
        for answer in self.bootstraps(_LIST):
            if isinstance(answer, bool):
                listed = answer
            else:
                yield answer
        if not listed:
            yield from self._unlisted()
        if listed and name.casefold() == "nuget" and self._is_wanted():
            yield from self._install()
            return
        if listed and name.casefold() != "nuget":
            raise Terminating(not_simulated("the search for a provider other than NuGet"))
        if name.casefold() != "nuget":
            yield from unresolved_sources(self)
        message = (
            f"No match was found for the specified search criteria for the provider '{name}'. The package provider "
            "requires 'PackageManagement' and 'Provider' tags. Please check if the specified package has the tags."
        )
        yield self.asked().report("NoMatchFoundForProvider", message, ErrorCategory.InvalidArgument)

    def _unlisted(self) -> Iterator[Event]:
        """What Windows PowerShell says of a site that does not answer (domain.md 4.5); PowerShell 7 says nothing."""
        if self.session.version < (6, 0):
            yield Warning(f"Unable to download from URI '{_LIST}' to ''.")
            yield Warning("Unable to download the list of available providers. Check your internet connection.")

    def _is_wanted(self) -> bool:
        """Whether the version that the site offers was asked for."""
        offered = parse_version(NEWEST)
        required, least, most = (
            parse_version(self.arguments.text(name)) if name in self.arguments else None
            for name in ("RequiredVersion", "MinimumVersion", "MaximumVersion")
        )
        assert offered is not None
        return (
            (required is None or required == offered)
            and (least is None or least.rank <= offered.rank)
            and (most is None or most.rank >= offered.rank)
        )

    def _install(self) -> Iterator[Event]:
        if not self.arguments.flag("Force"):
            raise Terminating(not_simulated("Install-PackageProvider asking whether to install NuGet"))
        if not self.should_process():
            return
        own = self.arguments.text("Scope").casefold() == "currentuser"
        if not own and not self.machine.elevated:
            raise Terminating(not_simulated("Install-PackageProvider for all users without elevation"))
        source = _CONTENT.format(NEWEST)
        for answer in self.bootstraps(source):
            if answer is False:
                raise Terminating(not_simulated("a list of providers without their content"))
            if not isinstance(answer, bool):
                yield answer
        yield Wait(_INSTALL_SECONDS)
        path = provider_path(of_user(self.session.user) if own else ALL_USERS, NEWEST)
        self.machine.put_file(path, File("", b"", self.machine.now()))
        yield Emit(_installed(source))


def _installed(source: str) -> ClrObject:
    properties: dict[str, object] = {
        "Name": "nuget",
        "Version": NEWEST,
        "Status": "Installed",
        "Source": source,
        **unknown("ProviderName", "Summary", "FullPath", "SwidTagText", "Metadata", "Meta", "Links", "Entities"),
    }
    return ClrObject(("Microsoft.PackageManagement.Packaging.SoftwareIdentity", OBJECT), properties)


class ImportPackageProvider(ProviderCommand):
    """Without a word, whether there is such a version or not (pkgprov.import, import-version)."""

    name = "Import-PackageProvider"
    type_name = "Microsoft.PowerShell.PackageManagement.Cmdlets.ImportPackageProvider"
    syntax: ClassVar = {ALL_SETS: f"[-Name] <String[]> {_VERSIONS} [-Force] [-ForceBootstrap]"}
    traits: ClassVar = {"Name": Traits(pipeline="name")}
    unsimulated: ClassVar = frozenset({"ForceBootstrap"})

    def process(self) -> Iterator[Event]:
        if not nuget_providers(self.session) or [name.casefold() for name in self.names()] != ["nuget"]:
            raise Terminating(not_simulated("Import-PackageProvider of a provider that is not there"))
        return iter(())


def unresolved_sources(command: ProviderCommand) -> Iterator[Event]:
    """The WARNING of each registered web repository that does not answer (pkgprov.find, install-missing)."""
    proxy = to_text(command.arguments.get("Proxy"))
    for repository in command.machine.gallery.repositories():
        if repository.is_web:
            there, seconds = can_be_asked(command.session, repository.location, proxy)
            yield Wait(seconds)
            if not there:
                yield Warning(f"Unable to resolve package source '{repository.location}'.")


COMMANDS: tuple[type[Cmdlet], ...] = (
    GetPackageProvider,
    FindPackageProvider,
    InstallPackageProvider,
    ImportPackageProvider,
)
