"""What the commands of PowerShellGet have in common: their start, their versions, and the repositories they ask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from psrpcore.types import ErrorCategory

from runner.lab.cmdlet import Cmdlet, Event, Report, Session
from runner.lab.enums import ActionPreference
from runner.lab.errors import Failure, Raiser, Terminating, not_simulated
from runner.lab.gallery import is_recent, take_time
from runner.lab.gallery_errors import PackageCmdlet, needs_provider, source_not_found, thrown
from runner.lab.module_info import ITEM_TYPE
from runner.lab.package_providers import ALL_USERS, has_nuget, of_user
from runner.lab.repositories import ModuleVersion, Repository, parse_version
from runner.lab.signature import Traits, Version
from runner.lab.values import ClrList, ClrObject, to_text
from runner.lab.wildcard import has_wildcards, matches

MODULE = "PowerShellGet"
SCOPES = ("CurrentUser", "AllUsers")
BY_NAME = Traits(pipeline="name")
NAMES = Traits(pipeline="name", accepts_null=True)
# What a version is given as: System.Version in PowerShellGet 1, text in PowerShellGet 2. The lab's notation knows
# versions of PowerShell only: PowerShellGet 2 has the syntax of 6.0, whatever PowerShell it runs in.
RANGE = (
    "[-MinimumVersion@3.0-5.1 <Version>] [-MinimumVersion@6.0 <String>] "
    "[-MaximumVersion@3.0-5.1 <Version>] [-MaximumVersion@6.0 <String>]"
)
VERSIONS = f"{RANGE} [-RequiredVersion@3.0-5.1 <Version>] [-RequiredVersion@6.0 <String>]"
REACH = "[-Proxy <Uri>] [-ProxyCredential <PSCredential>] [-Credential <PSCredential>]"
BOUND = dict.fromkeys(("MinimumVersion", "MaximumVersion", "RequiredVersion"), BY_NAME)
REACHED = dict.fromkeys(("Proxy", "ProxyCredential", "Credential"), BY_NAME)
_SYNTAX_OF_2: Version = (6, 0)
_RANGE = ("MinimumVersion", "MaximumVersion")


class GalleryCommand(Cmdlet):
    """A function of PowerShellGet. Terminating errors name it; others name the cmdlet that it asks (K6)."""

    module = MODULE
    since = (5, 0)
    unsimulated: ClassVar = frozenset({"ProxyCredential", "Credential"})
    needs_nuget: ClassVar[bool] = True

    @classmethod
    def syntax_version(cls, session: Session) -> Version:
        """PowerShellGet is updated by itself: what it accepts goes by the version that acts in the process."""
        return _SYNTAX_OF_2 if session.version < _SYNTAX_OF_2 and is_recent(session) else session.version

    def begin(self) -> Iterator[Event]:
        self._refuse_empty_names()
        verbose = self.session.preference("VerbosePreference", ActionPreference.SilentlyContinue)
        if self.arguments.flag("Verbose") or verbose is not ActionPreference.SilentlyContinue:
            raise Terminating(not_simulated(f"the verbose records of {self.name}"))
        yield from take_time(self.session)
        self.check_rights()
        if self.needs_nuget and not has_nuget(self.session):
            shown = f"'{ALL_USERS}' or '{of_user(self.session.user)}'" if self.session.version < (6, 0) else "'' or ''"
            report, end = needs_provider(shown)
            yield report
            raise end

    def check_rights(self) -> None:
        """Refuse what only an elevated process may do, before anything else. Raises Terminating."""

    def _refuse_empty_names(self) -> None:
        """ValidateNotNullOrEmpty (install.empty)."""
        given = self.arguments.get("Name", "none given")
        names = given.items if isinstance(given, ClrList) else [given]
        if not names or any(name in (None, "") for name in names):
            message = (
                "Cannot validate argument on parameter 'Name'. The argument is null, empty, or an element of the "
                "argument collection contains a null value. Supply a collection that does not contain any null values "
                "and then try the command again."
            )
            category, exception = ErrorCategory.InvalidData, "ParameterBindingValidationException"
            raise Terminating(Failure("ParameterArgumentValidationError", category, exception, message, wrapped=True))

    def names(self) -> list[str]:
        return self.arguments.texts("Name") or []

    def version_text(self, name: str) -> str | None:
        """A version parameter as text, or None."""
        return to_text(self.arguments.get(name)) if name in self.arguments else None

    @property
    def proxy(self) -> str:
        return to_text(self.arguments.get("Proxy"))

    @property
    def prerelease(self) -> bool:
        return self.arguments.flag("AllowPrerelease")

    def bad_version(self, *, wildcards: bool = True) -> Report | None:
        """What Validate-VersionParameters has against the versions (K2). Raises Terminating.

        A text that is no version is no terminating error (V3). `wildcards`: they are allowed in a name.
        """
        names, given = self.names(), [name for name in (*_RANGE, "RequiredVersion") if name in self.arguments]
        if not wildcards:
            self._refuse_patterns(names)
        self._refuse_combinations(names, given)
        for name in given:
            text = self.version_text(name) or ""
            parsed = parse_version(text)
            if parsed is None:
                return _no_version(text)
            if parsed.label and not self.prerelease:
                raise thrown(
                    "AllowPrereleaseRequiredToUsePrereleaseStringInVersion",
                    "The '-AllowPrerelease' parameter must be specified when using the Prerelease string in "
                    "MinimumVersion, MaximumVersion, or RequiredVersion.",
                )
        self._refuse_empty_range()
        return None

    def _refuse_patterns(self, names: Sequence[str]) -> None:
        for name in names:
            if has_wildcards(name):
                raise thrown(
                    "NameShouldNotContainWildcardCharacters",
                    f"The specified name '{name}' should not contain any wildcard characters, please correct it and "
                    "try again.",
                    name,
                )

    def _refuse_combinations(self, names: Sequence[str], given: Sequence[str]) -> None:
        if self.arguments.flag("AllVersions") and given:
            raise thrown(
                "AllVersionsCannotBeUsedWithOtherVersionParameters",
                "You cannot use the parameter AllVersions with RequiredVersion, MinimumVersion or MaximumVersion in "
                "the same command.",
            )
        if "RequiredVersion" in given and len(given) > 1:
            raise thrown(
                "VersionRangeAndRequiredVersionCannotBeSpecifiedTogether",
                "You cannot use the parameters RequiredVersion and either MinimumVersion or MaximumVersion in the "
                "same command. Specify only one of these parameters in your command.",
            )
        several = len(names) != 1 or has_wildcards(names[0])
        if several and (given or self.arguments.flag("AllVersions")):
            raise thrown(
                "VersionParametersAreAllowedOnlyWithSingleName",
                "The RequiredVersion, MinimumVersion, MaximumVersion, AllVersions or AllowPrerelease parameters are "
                "allowed only when you specify a single name as the value of the Name parameter, without any "
                "wildcard characters.",
            )

    def _refuse_empty_range(self) -> None:
        least, most = (self.version_text(name) for name in _RANGE)
        if least and most and _rank(least) > _rank(most):
            raise thrown(
                "MinimumVersionIsGreaterThanMaximumVersion",
                f"The specified MinimumVersion '{least}' is greater than the specified MaximumVersion '{most}'.",
            )

    def chosen_repositories(self) -> list[Repository] | Report:
        """The repositories that -Repository names, or all; the error of one that is not registered (I5)."""
        registered = self.machine.gallery.repositories()
        asked = self.arguments.texts("Repository")
        if asked is None:
            return list(registered)
        found: list[Repository] = []
        for name in asked:
            if has_wildcards(name):
                raise Terminating(not_simulated("a pattern as -Repository"))
            matching = [one for one in registered if matches(name, one.name)]
            if not matching:
                return source_not_found(PackageCmdlet("Get-PackageSource", {"Name": name}), name)
            found += matching
        return found

    def searched(self, *, wildcards: bool = True) -> list[Repository] | Report:
        """The repositories to look into; or what stands against the versions (`bad_version`) or a repository."""
        return self.bad_version(wildcards=wildcards) or self.chosen_repositories()

    def asked(self, cmdlet: str, **more: object) -> PackageCmdlet:
        """The cmdlet of PackageManagement that does the work, with what it was told."""
        versions = {name: self.version_text(name) for name in ("RequiredVersion", *_RANGE)}
        repositories = self.arguments.texts("Repository")
        source = {"Source": None if repositories is None else tuple(repositories)}
        names = tuple(self.names()) or None
        return PackageCmdlet(cmdlet, {"Name": names, **versions, **source, **more})


def _rank(text: str) -> tuple[tuple[int, ...], bool, str]:
    return (parse_version(text) or ModuleVersion(())).rank


def _no_version(text: str) -> Report:
    message = f"Cannot convert value '{text}' to type 'System.Version'."
    failure = Failure("InvalidVersion", ErrorCategory.InvalidArgument, "ArgumentException", message, text)
    return Report(failure, Raiser("Validate-VersionParameters", "Validate-VersionParameters"))


def is_item(value: object) -> bool:
    """Whether an object is what Find-Module or Get-InstalledModule writes."""
    return isinstance(value, ClrObject) and value.type_names == ITEM_TYPE
