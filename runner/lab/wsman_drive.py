r"""The WSMan: drive as far as `WSMan:\localhost\Client`: its items, their objects, and Set-Item.

From PowerShell's source (`Microsoft.WSMan.Management/ConfigProvider.cs`; domain.md 3.4): every setting is a
WSManConfigLeafElement whose Value is text, SourceOfValue is "GPO" under Group Policy and else null; containers below
the host are leaf elements too, of the type "Container". All that goes wrong is one terminating WsManError. Whatever
else the drive holds is refused by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from psrpcore.types import ErrorCategory

from runner.lab.cmdlet import Session
from runner.lab.errors import Failure, Terminating, not_simulated
from runner.lab.values import OBJECT, ClrObject, Unsimulated
from runner.lab.wildcard import has_wildcards
from runner.lab.winrm_client import CLIENT_SETTINGS, GROUP_POLICY, ClientSetting, effective, store

PROVIDER = "Microsoft.WSMan.Management\\WSMan"
_ROOT: tuple[str, ...] = ("localhost", "Client")
_LEAF = "Microsoft.WSMan.Management.WSManConfigLeafElement"
_TYPE_NAMES = (_LEAF, "Microsoft.WSMan.Management.WSManConfigElement", OBJECT)
_PREFIXES = ("wsman:", "wsman::", f"{PROVIDER}::".casefold())


@dataclass(frozen=True, slots=True)
class WsmanItem:
    """One item: its path from the host on, spelled as WS-Management does; a container has no setting."""

    path: tuple[str, ...]
    setting: ClientSetting | None

    @property
    def name(self) -> str:
        return self.path[-1]

    @property
    def provider_path(self) -> str:
        return f"{PROVIDER}::" + "\\".join(self.path)

    @property
    def parent(self) -> WsmanItem:
        return WsmanItem(self.path[:-1], None)


def is_on_wsman_drive(session: Session, paths: Sequence[str]) -> bool:
    """Whether all paths are of this drive, and the session shows it."""
    return bool(paths) and session.shows("wsman") and all(path.casefold().startswith(_PREFIXES) for path in paths)


def find_item(given: str, *, literal: bool) -> WsmanItem | None:
    """The item at a path; None if there is none. Raises Terminating for what the lab does not know of the drive."""
    if not literal and has_wildcards(given):
        raise Terminating(not_simulated("wildcards on the drive WSMan:"))
    rest = given.rpartition(":")[2]
    wanted = tuple(part.casefold() for part in rest.replace("/", "\\").split("\\") if part)
    if wanted[: len(_ROOT)] != tuple(part.casefold() for part in _ROOT):
        raise Terminating(not_simulated(f"the drive WSMan: but for its client on localhost ({given})"))
    return next((item for item in _items() if tuple(part.casefold() for part in item.path) == wanted), None)


def children(container: WsmanItem) -> list[WsmanItem]:
    """What is directly in a container, in the order of winrm/config. Raises Terminating for a setting."""
    if container.setting is not None:
        raise Terminating(not_simulated("Get-ChildItem on a setting of the drive WSMan:"))
    return [item for item in _items() if item.parent.path == container.path]


def item_object(session: Session, item: WsmanItem) -> ClrObject:
    """The object of an item, as Get-Item and Get-ChildItem write it."""
    value: str | None = None
    source: str | None = None
    if item.setting is not None:
        found = effective(session.machine, item.setting)
        value, source = found.text, GROUP_POLICY if found.by_policy else None
    kind = "Container" if item.setting is None else "System.String"
    adapted: dict[str, object] = {"SourceOfValue": source, "Value": value}
    adapted.update({"Name": item.name, "TypeNameOfElement": kind, "Type": kind})
    extended: dict[str, object] = {
        "PSPath": item.provider_path,
        "PSParentPath": item.parent.provider_path,
        "PSChildName": item.name,
        "PSDrive": Unsimulated("PSDrive"),
        "PSProvider": Unsimulated("PSProvider"),
        "PSIsContainer": item.setting is None,
    }
    return ClrObject(_TYPE_NAMES, adapted, extended, _LEAF)


def set_item(session: Session, item: WsmanItem, text: str) -> None:
    """Change a setting. Raises Terminating: WsManError where Group Policy owns it (ConfigProvider.cs, AssertError)."""
    if item.setting is None:
        raise Terminating(not_simulated("Set-Item on a container of the drive WSMan:"))
    now = effective(session.machine, item.setting)
    if not now.by_policy:
        store(session.machine, item.setting, text)
        return
    if now.text.casefold() == text.casefold():
        raise Terminating(not_simulated("Set-Item of the very value that a Group Policy gives"))
    message = session.say("WsmanSettingUnderPolicy", item.name)
    raise Terminating(Failure("WsManError", ErrorCategory.InvalidOperation, "InvalidOperationException", message))


def _items() -> Iterator[WsmanItem]:
    """Every item, a container before what is in it."""
    yield WsmanItem(_ROOT, None)
    seen = {_ROOT}
    for setting in CLIENT_SETTINGS:
        folder = (*_ROOT, *setting.path[:-1])
        if folder not in seen:
            seen.add(folder)
            yield WsmanItem(folder, None)
        yield WsmanItem((*_ROOT, *setting.path), setting)
