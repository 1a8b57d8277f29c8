"""What the item and property cmdlets of the registry provider share: which keys are meant, and the usual errors."""

from __future__ import annotations

from collections.abc import Iterator

from psrpcore.types import ErrorCategory

from runner.lab.cmdlet import Cmdlet, Report, Session
from runner.lab.enums import RegistryValueKind
from runner.lab.errors import Failure, Terminating, not_simulated
from runner.lab.file_paths import FileTarget
from runner.lab.locations import Closed, EnvironmentTarget, find_exactly, find_matching, locate, shown_missing
from runner.lab.paths import PathProblem, RegistryPath, path_not_found, resolve_literal, resolve_pattern
from runner.lab.registry import AccessDenied, RegistryKey
from runner.lab.registry_objects import canonical_name
from runner.lab.registry_write import Unconvertible, convert_data
from runner.lab.signature import Traits
from runner.lab.wildcard import has_wildcards
from runner.lab.wsman_drive import WsmanItem, find_item

MANAGEMENT = "Microsoft.PowerShell.Management"
LITERAL = Traits(aliases=("PSPath", "LP@6.0"), pipeline="name")
PATH = Traits(pipeline="value name")
FILTERS = "[-Filter <String>] [-Include <String[]>] [-Exclude <String[]>]"
CREDENTIAL = "[-Credential <PSCredential>]"
TRANSACTION = "[-UseTransaction@3.0-5.1]"
SHOULD_PROCESS = "[-WhatIf] [-Confirm]"
UNSIMULATED = frozenset({"Filter", "Include", "Exclude", "UseTransaction"})
TRANSACTION_TRAITS = {"UseTransaction": Traits(aliases=("usetx",))}
CONFIRM_TRAITS = {"WhatIf": Traits(aliases=("wi",)), "Confirm": Traits(aliases=("cf",))}

Target = tuple[RegistryPath, RegistryKey]
Found = Target | FileTarget | EnvironmentTarget


class ProviderCmdlet(Cmdlet):
    """A cmdlet that works on existing registry keys."""

    unsimulated = UNSIMULATED

    def targets(self) -> Iterator[Target | Report]:
        """The registry keys that are meant, and errors; files and variables are refused by name."""
        for found in self.items():
            if isinstance(found, (FileTarget, EnvironmentTarget)):
                raise Terminating(not_simulated(f"{self.name} on files and environment variables"))
            yield found

    def items(self) -> Iterator[Found | Report]:
        """What -LiteralPath or -Path means, in order, and at its place the error of a path that is nothing."""
        literal = self.arguments.texts("LiteralPath")
        if literal is None and "LiteralPath" in self.arguments:
            literal = [self.arguments.text("LiteralPath")]
        if literal is not None:
            for given in literal:
                yield from self._literal(given)
            return
        given_paths = self.arguments.texts("Path")
        if given_paths is None:
            given_paths = [self.arguments.text("Path")] if "Path" in self.arguments else []
        for given in given_paths:
            yield from self._matching(given)

    def given_paths(self) -> list[str]:
        """What was given as -LiteralPath or -Path."""
        return self.arguments.texts("LiteralPath") or self.arguments.texts("Path") or []

    def wsman_items(self) -> Iterator[WsmanItem | Report]:
        """The items of the WSMan: drive that are meant, and at its place the error of a path that is nothing."""
        for given in self.given_paths():
            yield find_item(given, literal=self.literal) or Report(path_not_found(self.session, given))

    @property
    def literal(self) -> bool:
        """Whether names are to be taken literally, as with -LiteralPath."""
        return "LiteralPath" in self.arguments

    def key_missing(self, path: RegistryPath | str) -> Failure:
        """The error of the cmdlets that say so of a key themselves; its target is the HKEY_ path."""
        name = path if isinstance(path, str) else canonical_name(self.session, path)
        message = self.session.say("KeyDoesNotExist")
        return Failure("System.ArgumentException", ErrorCategory.InvalidArgument, "ArgumentException", message, name)

    def no_such_value(self, path: RegistryPath, name: str) -> Failure:
        """The error for a value that is not there; its target is the value's name."""
        message = self.session.say("PropertyNotAtPath", name, canonical_name(self.session, path))
        return Failure(
            "System.Management.Automation.PSArgumentException",
            ErrorCategory.InvalidArgument,
            "PSArgumentException",
            message,
            name,
        )

    def writable(self, path: RegistryPath) -> Failure | None:
        """The error if the account may not write this key."""
        try:
            self.machine.registry.check_write(path.provider_path)
        except AccessDenied:
            return access_denied(self.session, path)
        return None

    def converted(
        self, path: RegistryPath, value: object, kind: RegistryValueKind
    ) -> tuple[str | int | bytes | tuple[str, ...], None] | tuple[None, Failure]:
        """The data for a registry value of this kind, or the error that it cannot be made."""
        try:
            return convert_data(value, kind), None
        except Unconvertible as error:
            target = canonical_name(self.session, path)
            error_id = "System.Management.Automation.PSInvalidCastException"
            failure = Failure(error_id, ErrorCategory.WriteError, "PSInvalidCastException", str(error), target)
            return None, failure

    def _literal(self, given: str) -> Iterator[Found | Report]:
        try:
            location = locate(self.session, given)
        except Closed as closed:
            yield from self.inaccessible(closed)
            return
        if location is not None:
            node = find_exactly(self.session, location)
            yield Report(self.missing(given)) if node is None else node
            return
        try:
            path = resolve_literal(self.session, given)
        except PathProblem as problem:
            yield Report(problem.failure)
            return
        yield self._opened(path)

    def missing(self, given: str) -> Failure:
        """The error for a literal path at which there is nothing, by its text."""
        return path_not_found(self.session, given)

    def inaccessible(self, closed: Closed) -> Iterator[Report]:
        """The errors for a literal path through a closed folder. Raises Terminating where they are not known."""
        raise closed

    def _matching(self, given: str) -> Iterator[Found | Report]:
        location = locate(self.session, given)
        if location is not None:
            found = find_matching(self.session, location)
            if not found and not has_wildcards(given):
                yield Report(path_not_found(self.session, shown_missing(location)))
            yield from found
            return
        try:
            paths = resolve_pattern(self.session, given)
        except PathProblem as problem:
            yield Report(problem.failure)
            return
        yield from (self._opened(path) for path in paths)

    def _opened(self, path: RegistryPath) -> Target | Report:
        try:
            key = self.machine.registry.read(path.provider_path)
        except AccessDenied:
            return Report(access_denied(self.session, path))
        return Report(self._missing(path)) if key is None else (path, key)

    def _missing(self, path: RegistryPath) -> Failure:
        return path_not_found(self.session, path.given)


def access_denied(session: Session, path: RegistryPath) -> Failure:
    """The error for a key that the account may not open (windows.md "Access denied": from the source, not recorded)."""
    message = session.say("RegistryAccessDenied")
    category = ErrorCategory.PermissionDenied
    target = canonical_name(session, path)
    return Failure("System.Security.SecurityException", category, "SecurityException", message, target)
