r"""PowerShell paths of the registry provider: `HKLM:\SOFTWARE\X`, `Registry::HKEY_LOCAL_MACHINE\SOFTWARE\X`.

Rules: cases reg-path-* and the "Paths" row of `groundtruth/pwsh76/windows.md`. Other providers are not simulated; a
path that names one is refused by name, so that the lab never says "does not exist" of what it does not know. A relative
path is a file below the session's folder, and that folder is empty.
"""

from __future__ import annotations

from dataclasses import dataclass

from psrpcore.types import ErrorCategory

from runner.lab.cmdlet import Session
from runner.lab.errors import Failure, Terminating, not_simulated
from runner.lab.registry import HIVES, RegistryKey
from runner.lab.wildcard import compile_pattern, has_wildcards, unescape

PROVIDER = "Microsoft.PowerShell.Core\\Registry"
DRIVES = {"hklm": "HKLM", "hkcu": "HKCU"}
_BACKSLASH = "\\"
_OTHER_DRIVES = frozenset({"alias", "c", "cert", "env", "function", "temp", "variable", "wsman"})
_OTHER_PROVIDERS = frozenset({"alias", "certificate", "environment", "filesystem", "function", "variable", "wsman"})


@dataclass(frozen=True, slots=True)
class RegistryPath:
    r"""One resolved path: as given, the drive it went through (None for a provider path), and the provider's own path.

    `provider_path` keeps the case that was given. `shown` is what PSPath shows of it: a "/" in the name of a key
    becomes a separator there when it was part of a given path, and stays when the key was found in its parent
    (reg-gip-slash-key, reg-gci-name).
    """

    given: str
    drive: str | None
    provider_path: str
    shown: str

    @property
    def parent(self) -> str:
        return self.provider_path.rstrip("\\").rpartition("\\")[0]

    @property
    def leaf(self) -> str:
        return self.provider_path.rstrip("\\").rpartition("\\")[2]

    def child(self, name: str) -> RegistryPath:
        """The path of a key below this one."""
        given, provider_path, shown = (f"{p.rstrip(_BACKSLASH)}\\{name}" for p in self._paths())
        return RegistryPath(given, self.drive, provider_path, shown)

    def sibling(self, name: str) -> RegistryPath:
        """The path of a key beside this one."""
        given, provider_path, shown = (
            f"{p.rstrip(_BACKSLASH).rpartition(_BACKSLASH)[0]}\\{name}" for p in self._paths()
        )
        return RegistryPath(given, self.drive, provider_path, shown)

    def _paths(self) -> tuple[str, str, str]:
        return self.given, self.provider_path, self.shown


class PathProblem(Exception):
    """The path cannot be resolved; carries the error that the provider cmdlets write for it."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def path_not_found(session: Session, given: str) -> Failure:
    """The error for a path where nothing is; its target is the path as given (F1)."""
    message = session.say("PathNotFound", given)
    return Failure("PathNotFound", ErrorCategory.ObjectNotFound, "ItemNotFoundException", message, given)


def resolve_literal(session: Session, given: str) -> RegistryPath:
    """The registry path that a -LiteralPath means. Raises PathProblem; the key need not exist."""
    provider, separator, rest = given.partition("::")
    _check_visible(session, given, provider.rpartition(_BACKSLASH)[2] if separator else "")
    if separator:
        provider_path = _provider_path(session, given, provider, rest)
        return RegistryPath(given, None, provider_path, provider_path)
    drive, colon, rest = given.partition(":")
    if not colon:
        if given.startswith(("/", "\\")):
            raise Terminating(not_simulated(f"the file system ({given})"))
        raise PathProblem(path_not_found(session, given))
    name = DRIVES.get(drive.casefold())
    if name is None:
        if drive.casefold() in _OTHER_DRIVES:
            raise Terminating(not_simulated(f"the drive {drive}:"))
        message = session.say("DriveNotFound", drive)
        category = ErrorCategory.ObjectNotFound
        raise PathProblem(Failure("DriveNotFound", category, "DriveNotFoundException", message, drive))
    provider_path = _below(session, HIVES[name], rest)
    return RegistryPath(given, name, provider_path, provider_path.replace("/", _BACKSLASH))


def _check_visible(session: Session, given: str, named_provider: str) -> None:
    """A session without the provider (finding E3). Not recorded: a path with a drive, whose drive then is missing."""
    drive, colon, _ = given.partition(":")
    if session.providers is None or (colon and not named_provider and drive.casefold() not in DRIVES):
        return
    provider = named_provider or ("Registry" if colon else "FileSystem")
    if provider.casefold() in session.providers:
        return
    kind = "DriveNotFound" if colon and not named_provider else "ProviderNotFound"
    name = drive if kind == "DriveNotFound" else provider
    failure = Failure(kind, ErrorCategory.ObjectNotFound, f"{kind}Exception", session.say(kind, name), name)
    raise PathProblem(failure)


def _provider_path(session: Session, given: str, provider: str, rest: str) -> str:
    bare = provider.rpartition("\\")[2].casefold()
    if bare in _OTHER_PROVIDERS:
        raise Terminating(not_simulated(f"the provider {provider}"))
    if bare != "registry":
        message = session.say("ProviderNotFound", provider)
        category = ErrorCategory.ObjectNotFound
        raise PathProblem(Failure("ProviderNotFound", category, "ProviderNotFoundException", message, provider))
    hive = rest.partition("\\")[0].casefold()
    if hive not in {name.casefold() for pair in HIVES.items() for name in pair}:
        raise PathProblem(path_not_found(session, rest))
    return rest


def _below(session: Session, hive: str, rest: str) -> str:
    """The provider path below a drive: repeated separators count once, "..", and "/" where no key is called so."""
    exact = _joined(hive, rest.split("\\"), trailing=rest.endswith("\\"))
    if "/" not in rest or session.machine.registry.find(exact) is not None:
        return exact
    slashed = rest.replace("/", "\\")
    return _joined(hive, slashed.split("\\"), trailing=slashed.endswith("\\"))


def _joined(hive: str, parts: list[str], *, trailing: bool) -> str:
    kept: list[str] = []
    for part in parts:
        if part == "..":
            kept = kept[:-1]
        elif part not in ("", "."):
            kept.append(part)
    return "\\".join([hive, *kept]) + ("\\" if trailing and kept else "")


def resolve_pattern(session: Session, given: str) -> list[RegistryPath]:
    """The existing keys that a -Path means, which may hold wildcards. Raises PathProblem.

    A pattern that matches nothing gives an empty list, without an error (F1, reg-gip-path-wild-none).
    """
    if not has_wildcards(given):
        path = resolve_literal(session, unescape(given))
        if session.machine.registry.find(path.provider_path) is None:
            raise PathProblem(path_not_found(session, given))
        return [path]
    root, _, rest = given.replace("/", "\\").partition("\\")
    found = [resolve_literal(session, root + "\\")]
    for segment in (part for part in rest.split("\\") if part):
        found = [child for path in found for child in _children(session, path, segment)]
    return found


def _children(session: Session, path: RegistryPath, segment: str) -> list[RegistryPath]:
    key = session.machine.registry.find(path.provider_path)
    if key is None:
        return []
    pattern = compile_pattern(segment)
    return [path.child(name) for name in subkey_names(key) if pattern.fullmatch(name)]


def subkey_names(key: RegistryKey) -> list[str]:
    """The names of the keys directly below, in the registry's order: sorted, whatever the case."""
    return [key.subkeys[folded].name for folded in sorted(key.subkeys)]
