"""Versions of modules, and which of them somebody asks for (gallery.md V1, M5)."""

from __future__ import annotations

import re
from dataclasses import dataclass

VERSION_FOLDER = re.compile(r"\d{1,9}(?:\.\d{1,9}){1,3}")


def version_key(version: str) -> tuple[int, ...]:
    """A version in the order of System.Version, in which 3.1 comes before 3.1.0. Raises ValueError for other text."""
    if not VERSION_FOLDER.fullmatch(version):
        raise ValueError(f"{version} is no version")
    parts = [int(part) for part in version.split(".")]
    return (*parts, *[-1] * (4 - len(parts)))


@dataclass(frozen=True, slots=True)
class ModuleSpecification:
    """A module that is asked for: in exactly one version, or in the least and the highest one ("": any)."""

    name: str
    required: str = ""
    minimum: str = ""
    maximum: str = ""
    guid: str = ""

    @property
    def is_versioned(self) -> bool:
        return bool(self.required or self.minimum or self.maximum)

    def admits(self, version: str) -> bool:
        """Whether this version is one that is asked for."""
        key = version_key(version)
        if self.required and key != version_key(self.required):
            return False
        if self.minimum and key < version_key(self.minimum):
            return False
        return not self.maximum or key <= version_key(self.maximum)
