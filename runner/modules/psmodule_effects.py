"""What becomes of a module's versions, as far as it can be said before: what stays, and what other tasks make of it.

A removal sees the copies that Windows hides, too, as runner/modules/psmodule_reading.py reads them; an installation
only what Windows lists (groundtruth/pwsh76/gallery.md, M2).
"""

from __future__ import annotations

from pathlib import PureWindowsPath
from types import MappingProxyType

from runner.model.state import Property, State
from runner.modules.psmodule_folders import FOUND_FOLDERS, found_folders
from runner.modules.psmodule_reading import (
    AS_FOLDER,
    FOLDERS,
    INSTALLED,
    OWN_FILES,
    UNVERSIONED,
    VERSIONS,
    Asked,
    Road,
)
from runner.modules.psmodule_versions import canonical, is_version, newest_first


def texts(state: State, name: str) -> tuple[str, ...]:
    """A property that is a list; () where it was not read."""
    found = state.properties.get(name)
    return found if isinstance(found, tuple) else ()


def left(asked: Asked, before: State) -> dict[str, tuple[str, ...]]:
    """The versions that stay when those that a task removes are gone, and those of them without a version folder."""
    stays = {
        name: tuple(version for version in texts(before, name) if not asked.counts(version))
        for name in (VERSIONS, UNVERSIONED)
        if name in before.properties
    }
    return {name: versions for name, versions in stays.items() if versions or name == VERSIONS}


def listed_beside(state: State) -> tuple[str, ...]:
    """The versions that Windows lists once there is a folder of a version."""
    hidden = texts(state, UNVERSIONED)
    return tuple(version for version in texts(state, VERSIONS) if version not in hidden)


def over(asked: Asked, before: State, other: Asked, after: State) -> State:
    """What is known of a module once another task has brought or taken versions of it, with that task's after-state."""
    if VERSIONS not in after.properties:  # the newest came, and nobody knows which that is
        known = {name: value for name, value in before.properties.items() if name != VERSIONS}
        return State(True, MappingProxyType(known | _brought(asked, before)))
    if asked.road is Road.REMOVAL:
        unversioned = texts(after if other.road is Road.REMOVAL else before, UNVERSIONED)
        versions = newest_first((*texts(after, VERSIONS), *unversioned))
    else:
        in_folders = listed_beside(after)
        versions, unversioned = in_folders or texts(after, VERSIONS), () if in_folders else texts(after, UNVERSIONED)
    found: dict[str, Property] = {INSTALLED: any(map(asked.counts, versions)), VERSIONS: versions}
    found |= _brought(asked, before) if versions else {}
    found |= _still(before, versions, unversioned)
    kept = {name: found.get(name, value) for name, value in before.properties.items() if name != UNVERSIONED}
    hidden = {UNVERSIONED: unversioned} if unversioned and VERSIONS in kept else {}
    return State(bool(versions), MappingProxyType({**kept, **hidden}))


def _brought(asked: Asked, before: State) -> dict[str, Property]:
    """The first version that comes brings its folders along."""
    there = found_folders(before)
    if asked.folders is None or FOUND_FOLDERS not in before.properties:
        return {}
    return {FOUND_FOLDERS: (*there, *(path for path in asked.folders.line if path not in there))}


def _still(before: State, versions: tuple[str, ...], unversioned: tuple[str, ...]) -> dict[str, Property]:
    """What is still to be removed where an earlier task has taken some of it."""

    def stays(folder: str) -> bool:
        name = PureWindowsPath(folder).name
        return canonical(name) in versions if is_version(name) else bool(unversioned)

    found: dict[str, Property] = {name: tuple(filter(stays, texts(before, name))) for name in (FOLDERS, AS_FOLDER)}
    return {**found, OWN_FILES: texts(before, OWN_FILES) if unversioned else ()}
